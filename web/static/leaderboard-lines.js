import { element } from "./element.js";
import { shown } from "./score.js";

/** @import { ContestNow } from "./leaderboard-contest.js" */

/**
 * As /api/leaderboard has them. `score` is in photographs recognised at once.
 *
 * @typedef {{place: number, name: string, score: number, you: boolean}} Entry
 * @typedef {{contest: ContestNow | null, as_of: string, frozen: boolean, entries: Entry[], you: Entry | null}}
 *     Leaderboard
 */

const MOVE_MS = 350;

/** The lines of a board. Those that change places glide there. */
export class Lines {
  #countsRounds;
  #board = element("board", HTMLTableElement);
  #entries = element("entries", HTMLTableSectionElement);
  #own = element("own", HTMLTableSectionElement);
  #nobody = element("nobody", HTMLElement);
  #blank = element("row", HTMLTemplateElement);
  #still = matchMedia("(prefers-reduced-motion: reduce)").matches;

  /** @param {boolean} countsRounds whether scores are numbers of photographs, not points */
  constructor(countsRounds) {
    this.#countsRounds = countsRounds;
  }

  /** @param {Leaderboard} board */
  show({ entries, you }) {
    const before = this.#rows();
    const from = new Map([...before].map(([name, row]) => [name, row.getBoundingClientRect().top]));
    arrange(this.#entries, entries.map((entry) => this.#row(entry, before)));
    const isAmong = entries.some((entry) => entry.you);
    arrange(this.#own, you && entries.length && !isAmong ? [this.#row(you, before)] : []);
    this.#board.hidden = entries.length === 0;
    this.#nobody.hidden = entries.length > 0;
    if (!this.#still) this.#glide(from);
  }

  /** By the names of their players. */
  #rows() {
    /** @type {Map<string, HTMLTableRowElement>} */
    const rows = new Map();
    for (const row of this.#board.rows) if (row.dataset.name) rows.set(row.dataset.name, row);
    return rows;
  }

  /**
   * A player's line: the one there is, with what is new in it.
   *
   * @param {Entry} entry
   * @param {Map<string, HTMLTableRowElement>} before
   */
  #row(entry, before) {
    const row = before.get(entry.name) ?? this.#new(entry.name);
    row.classList.toggle("mine", entry.you);
    const score = this.#countsRounds ? Math.round(entry.score) : shown(entry.score);
    write(row, ".place", entry.score ? String(entry.place) : "–");
    write(row, ".called", entry.name);
    write(row, ".gained", score.toLocaleString("en"));
    return row;
  }

  /** @param {string} name */
  #new(name) {
    const row = /** @type {DocumentFragment} */ (this.#blank.content.cloneNode(true)).querySelector("tr");
    if (!row) throw new TypeError("The page has no blank line.");
    row.dataset.name = name;
    row.classList.add("new");
    return row;
  }

  /** @param {Map<string, number>} from where the lines stood, px */
  #glide(from) {
    for (const [name, row] of this.#rows()) {
      const was = from.get(name);
      const way = was === undefined ? 0 : was - row.getBoundingClientRect().top;
      if (way) row.animate({ transform: [`translateY(${way}px)`, "none"] }, { duration: MOVE_MS, easing: "ease-out" });
    }
  }
}

/**
 * Rows in that order; untouched where they stand so.
 *
 * @param {HTMLTableSectionElement} section
 * @param {HTMLTableRowElement[]} rows
 */
function arrange(section, rows) {
  const stands = section.rows.length === rows.length && rows.every((row, i) => row === section.rows[i]);
  if (!stands) section.replaceChildren(...rows);
}

/**
 * What has not changed is left alone, for those who have it read to them.
 *
 * @param {Element} row
 * @param {string} where
 * @param {string} text
 */
function write(row, where, text) {
  const cell = row.querySelector(where);
  if (cell && cell.textContent !== text) cell.textContent = text;
}
