import { element } from "./element.js";
import { spoken, trueFor } from "./time-left.js";

/** @import { Contest } from "./protocol.js" */

/** The contest that is open, and how long it is: a quiet line on the page where people play. */
export class ContestLine {
  #line = element("contest", HTMLElement);
  #name = element("contest-name", HTMLElement);
  #left = element("contest-left", HTMLElement);
  #closes = 0; // ms since 1970
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #next;

  /** @param {Contest | null} contest */
  show(contest) {
    this.#name.textContent = contest?.name ?? "";
    this.#closes = contest ? Date.parse(contest.closes_at) : 0;
    this.#count();
  }

  #count() {
    clearTimeout(this.#next);
    const left = this.#closes - Date.now();
    this.#line.hidden = left <= 0;
    if (left <= 0) return;
    this.#left.textContent = `${spoken(left)} left`;
    this.#next = setTimeout(() => this.#count(), trueFor(left));
  }
}
