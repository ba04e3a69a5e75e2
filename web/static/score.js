const COUNT_MS = 500;
const ENDINGS = new Map([["one", "st"], ["two", "nd"], ["few", "rd"]]);
const ordinals = new Intl.PluralRules("en", { type: "ordinal" });

/**
 * Points as people read them.
 *
 * @param {number} points in rounds: 1 is a photograph recognised at once
 * @returns {number} whole, of 100
 */
export function shown(points) {
  return Math.round(100 * points);
}

/**
 * @param {number} rank 1 is the first
 * @returns {string} "1st"
 */
export function ordinal(rank) {
  return `${rank}${ENDINGS.get(ordinals.select(rank)) ?? "th"}`;
}

/** The player's total and rank; the total counts up to its new value. */
export class Score {
  #total;
  #rank;
  #still;
  /** @type {number | null} */
  #value = null;
  #frame = 0;

  /**
   * @param {HTMLElement} total
   * @param {HTMLElement} rank
   * @param {boolean} still whether the total changes at once
   */
  constructor(total, rank, still) {
    this.#total = total;
    this.#rank = rank;
    this.#still = still;
  }

  /**
   * @param {number} total in rounds
   * @param {number | null} rank
   */
  set(total, rank) {
    const [from, to] = [this.#value, shown(total)];
    this.#value = to;
    this.#rank.textContent = rank ? ordinal(rank) : "";
    cancelAnimationFrame(this.#frame);
    if (this.#still || from === null) {
      this.#total.textContent = to.toLocaleString("en");
      return;
    }
    const began = performance.now();
    const count = (/** @type {number} */ now) => {
      const share = Math.min(1, Math.max(0, (now - began) / COUNT_MS));
      this.#total.textContent = Math.round(from + (to - from) * (1 - (1 - share) ** 3)).toLocaleString("en");
      if (share < 1) this.#frame = requestAnimationFrame(count);
    };
    this.#frame = requestAnimationFrame(count);
  }
}
