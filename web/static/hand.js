import { SIZE, pixelAt } from "./brush.js";

/** @import { Place, Pointer } from "./protocol.js" */

const STEERING = new Map([
  ["ArrowLeft", { x: -1, y: 0 }],
  ["ArrowRight", { x: 1, y: 0 }],
  ["ArrowUp", { x: 0, y: -1 }],
  ["ArrowDown", { x: 0, y: 1 }],
]);
const KEYBOARD_PX_A_MS = 7 / 50; // as fast as the brush can follow

/**
 * Where the player points in the photograph: a mouse wherever it hovers, a finger or pen while it is down (it stays
 * where it was lifted), or arrow keys.
 */
export class Hand {
  #stage;
  #on;
  /** @type {Place} where it is, in px of the photograph, not yet whole */
  #at = { x: 0, y: 0 };
  /** @type {Pointer} */
  #pointer = "mouse";
  /** @type {number | null} */
  #finger = null;
  /** @type {Set<string>} */
  #keys = new Set();
  #steered = 0;

  /**
   * @param {HTMLElement} stage the photograph's square
   * @param {object} on
   * @param {() => boolean} on.mayPress whether a press would begin a round now
   * @param {(pointer: Pointer) => void} on.press on the photograph, or Space or Enter
   * @param {() => void} on.move the mouse, a pen or a finger
   */
  constructor(stage, on) {
    this.#stage = stage;
    this.#on = on;
    stage.addEventListener("pointerdown", (event) => this.#down(event));
    addEventListener("pointermove", (event) => this.#move(event));
    for (const lifted of /** @type {const} */ (["pointerup", "pointercancel"])) {
      addEventListener(lifted, (event) => this.#up(event));
    }
    stage.addEventListener("keydown", (event) => this.#keyDown(event));
    addEventListener("keyup", (event) => this.#keyUp(event.key));
    stage.addEventListener("blur", () => this.#keys.clear());
    // A long press is painting, not a wish to save the photograph.
    stage.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  /** @returns {Place} the pixel pointed at now */
  get cursor() {
    this.#steer();
    return pixelAt(this.#at.x, this.#at.y);
  }

  /** Whether a finger is on the photograph, hiding what it paints. */
  get isHiding() {
    return this.#pointer === "touch" && this.#finger !== null;
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (!event.isPrimary || event.button !== 0) return;
    this.#pointer = event.pointerType === "touch" || event.pointerType === "pen" ? event.pointerType : "mouse";
    this.#finger = event.pointerId;
    this.#put(event);
    if (this.#on.mayPress()) this.#on.press(this.#pointer);
  }

  /** @param {PointerEvent} event */
  #move(event) {
    if (this.#pointer === "keyboard" || !event.isPrimary) return;
    // A finger that came down beside the photograph is pressing something else.
    if (event.pointerType === "touch" && event.pointerId !== this.#finger) return;
    this.#put(event);
    this.#on.move();
  }

  /** @param {PointerEvent} event */
  #up(event) {
    if (event.pointerId !== this.#finger) return;
    this.#finger = null;
  }

  /** @param {PointerEvent} event */
  #put(event) {
    const { left, top, width, height } = this.#stage.getBoundingClientRect();
    this.#at = {
      x: ((event.clientX - left) / width) * SIZE,
      y: ((event.clientY - top) / height) * SIZE,
    };
  }

  /** @param {KeyboardEvent} event */
  #keyDown(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (STEERING.has(event.key)) {
      event.preventDefault();
      this.#steer();
      this.#keys.add(event.key);
    } else if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      if (event.repeat || !this.#on.mayPress()) return;
      this.#pointer = "keyboard";
      this.#at = { x: SIZE / 2, y: SIZE / 2 };
      this.#on.press("keyboard");
    }
  }

  /** @param {string} key */
  #keyUp(key) {
    this.#steer();
    this.#keys.delete(key);
  }

  /** Moves the keyboard's cursor by the time its keys were held since the last look. */
  #steer() {
    const now = performance.now();
    const px = (now - this.#steered) * KEYBOARD_PX_A_MS;
    this.#steered = now;
    if (this.#pointer !== "keyboard" || this.#keys.size === 0) return;
    let [dx, dy] = [0, 0];
    for (const key of this.#keys) {
      dx += STEERING.get(key)?.x ?? 0;
      dy += STEERING.get(key)?.y ?? 0;
    }
    const length = Math.hypot(dx, dy) || 1;
    const within = (/** @type {number} */ value) => Math.min(SIZE - 1, Math.max(0, value));
    this.#at = { x: within(this.#at.x + (dx / length) * px), y: within(this.#at.y + (dy / length) * px) };
  }
}
