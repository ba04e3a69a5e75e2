/** @import { Bubble } from "./protocol.js" */

/**
 * A round's bubbles, kept until the server has said that they are stored.
 *
 * Bubbles are counted from 0. Of all that were added, the first `stored` are the server's and forgotten here, and the
 * first `sent` went out over the connection there is now.
 */
export class BubbleLog {
  /** @type {Bubble[]} */
  #kept = [];
  #stored = 0;
  #sent = 0;

  /** How many bubbles were added. */
  get length() {
    return this.#stored + this.#kept.length;
  }

  /** How many of them the server has stored. */
  get stored() {
    return this.#stored;
  }

  /** @param {Bubble} bubble */
  add(bubble) {
    this.#kept.push(bubble);
  }

  /**
   * What was not sent yet, as the `bubbles` message has it; it counts as sent from now on.
   *
   * @returns {{n: number, xyt: number[]} | null} null where there is nothing
   */
  batch() {
    const n = this.#sent;
    if (n === this.length) return null;
    this.#sent = this.length;
    return { n, xyt: this.#kept.slice(n - this.#stored).flatMap(({ x, y, t }) => [x, y, t]) };
  }

  /**
   * The server has stored the first `n`. An older word than the last one changes nothing.
   *
   * @param {number} n
   */
  acknowledge(n) {
    const stored = Math.min(Math.max(n, this.#stored), this.length);
    this.#kept.splice(0, stored - this.#stored);
    this.#stored = stored;
    this.#sent = Math.max(this.#sent, stored);
  }

  /**
   * What was under way is lost: of all bubbles the server has the first `n`, and the rest has to be sent again.
   *
   * @param {number} n
   */
  resumeAt(n) {
    this.acknowledge(n);
    this.#sent = this.#stored;
  }
}
