import { element } from "./element.js";
import { spoken, trueFor } from "./time-left.js";

/** @typedef {"announced" | "open" | "counting" | "frozen"} State */
/** @typedef {{state: State, opens_at: string, closes_at: string}} ContestNow */

const SOON_MS = 500; // after a moment has come, before the server is asked what is now

/** Where a contest stands, how long that lasts, and when it is on the reader's own clock. */
export class ContestState {
  #onChange;
  #state = element("state", HTMLElement);
  #countdown = element("countdown", HTMLElement);
  #ahead = 0; // of the server's clock, this one; ms
  /** @type {ContestNow | null} */
  #now = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #next;

  /** @param {() => void} onChange the contest opens or closes about now */
  constructor(onChange) {
    this.#onChange = onChange;
    element("here", HTMLElement).textContent = here(document.querySelectorAll(".window time"));
  }

  /**
   * @param {ContestNow} contest
   * @param {number} asOf the server's time, ms since 1970
   */
  show(contest, asOf) {
    this.#now = contest;
    this.#ahead = Date.now() - asOf;
    const words = this.#state.dataset[contest.state] ?? "";
    if (this.#state.textContent !== words) this.#state.textContent = words;
    this.#count();
  }

  #count() {
    clearTimeout(this.#next);
    if (!this.#now || !["announced", "open"].includes(this.#now.state)) {
      this.#countdown.textContent = "";
      return;
    }
    const opens = this.#now.state === "announced";
    const left = Date.parse(opens ? this.#now.opens_at : this.#now.closes_at) - (Date.now() - this.#ahead);
    if (left <= 0) {
      this.#next = setTimeout(this.#onChange, SOON_MS);
      return;
    }
    this.#countdown.textContent = `It ${opens ? "opens" : "closes"} in ${spoken(left)}.`;
    this.#next = setTimeout(() => this.#count(), trueFor(left));
  }
}

/**
 * A window on the reader's clock.
 *
 * @param {NodeListOf<Element>} times as the page has them, in the contest's zone
 * @returns {string} empty where the reader's clock says the same
 */
function here(times) {
  const format = new Intl.DateTimeFormat("en-GB", {
    day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  });
  const local = [...times].map((time) => {
    const parts = new Map(
      format.formatToParts(new Date(/** @type {HTMLTimeElement} */ (time).dateTime)).map((part) => [part.type, part.value]),
    );
    return `${parts.get("day")} ${parts.get("month")} ${parts.get("year")}, ${parts.get("hour")}:${parts.get("minute")}`;
  });
  const isSame = [...times].every((time, i) => time.textContent === local[i]);
  return isSame ? "" : `For you: ${local.join(" to ")}`;
}
