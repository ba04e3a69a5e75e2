/** The laws of the brush. The server holds every player to them, so a bubble that breaks one is refused there. */

/** @import { Bubble, Place, Rules } from "./protocol.js" */

/** Side of every photograph, px. */
export const SIZE = 256;

/**
 * The pixel of the photograph under a point.
 *
 * @param {number} x px of the photograph, any number
 * @param {number} y px of the photograph, any number
 * @returns {Place} the nearest pixel within it
 */
export function pixelAt(x, y) {
  const within = (/** @type {number} */ value) => Math.min(SIZE - 1, Math.max(0, Math.floor(value)));
  return { x: within(x), y: within(y) };
}

/**
 * The pixel nearest to `to` that is a step or less from `from`, on the straight way there.
 *
 * @param {Place} from
 * @param {Place} to
 * @param {number} reach length of a step, px
 * @returns {Place}
 */
export function stepTowards(from, to, reach) {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const distance = Math.hypot(dx, dy);
  if (dx * dx + dy * dy <= reach * reach) return { x: to.x, y: to.y };

  // The step ends between four pixels. The one with both parts rounded towards zero is always within reach.
  let best = { x: Math.trunc((dx * reach) / distance), y: Math.trunc((dy * reach) / distance) };
  const left = (/** @type {Place} */ step) => (dx - step.x) ** 2 + (dy - step.y) ** 2;
  for (const x of [best.x, best.x + Math.sign(dx)]) {
    for (const y of [best.y, best.y + Math.sign(dy)]) {
      if (x * x + y * y <= reach * reach && left({ x, y }) < left(best)) best = { x, y };
    }
  }
  return { x: from.x + best.x, y: from.y + best.y };
}

/** One round's brush: at most one bubble in each tick, at most a step from the last, until the limit. */
export class Brush {
  #rules;
  /** @type {Bubble | null} */
  #last = null;

  /** @param {Rules} rules */
  constructor(rules) {
    this.#rules = rules;
  }

  /**
   * @param {number} t whole ms since the first press
   * @param {Place} cursor where the player points
   * @returns {Bubble | null} null where this tick has its bubble already, and when the time is up
   */
  tick(t, cursor) {
    const { tick_ms, step_px, limit_ms } = this.#rules;
    const slot = (/** @type {number} */ time) => Math.floor(time / tick_ms);
    const last = this.#last;
    if (t >= limit_ms || (last && slot(t) <= slot(last.t))) return null;
    const place = last ? stepTowards(last, cursor, step_px) : cursor;
    this.#last = { x: place.x, y: place.y, t };
    return this.#last;
  }
}
