import { Brush } from "./brush.js";
import { BubbleLog } from "./log.js";

/** @import { Bubble, Place, Rules } from "./protocol.js" */

const TICKS_A_BATCH = 2;

/**
 * One round's painting, from the first press until it is stopped or the time is up: the brush is asked in every tick,
 * and what it lets fall is logged.
 */
export class Painting {
  log = new BubbleLog();
  #rules;
  #brush;
  #on;
  #began = 0;
  #batched = -TICKS_A_BATCH;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #next;

  /**
   * @param {Rules} rules
   * @param {object} on
   * @param {() => Place} on.cursor where the player points now
   * @param {(bubble: Bubble) => void} on.bubble one has fallen
   * @param {() => void} on.batch it is time to send what has gathered
   * @param {() => void} on.limit the time is up
   */
  constructor(rules, on) {
    this.#rules = rules;
    this.#brush = new Brush(rules);
    this.#on = on;
  }

  /** The first press: the first bubble falls at once. */
  start() {
    this.#began = performance.now();
    this.#tick();
  }

  stop() {
    clearTimeout(this.#next);
  }

  #tick() {
    const { tick_ms, limit_ms } = this.#rules;
    const elapsed = performance.now() - this.#began;
    if (elapsed >= limit_ms) {
      this.#on.limit();
      return;
    }
    const bubble = this.#brush.tick(Math.floor(elapsed), this.#on.cursor());
    if (bubble) {
      this.log.add(bubble);
      this.#on.bubble(bubble);
    }
    const slot = Math.floor(elapsed / tick_ms);
    if (slot >= this.#batched + TICKS_A_BATCH) {
      this.#batched = slot;
      this.#on.batch();
    }
    // Aimed at the next tick, not "50 ms from now": late timers do not add up, and no tick is missed for their sake.
    this.#next = setTimeout(() => this.#tick(), (slot + 1) * tick_ms - elapsed);
  }
}
