import { SIZE } from "./brush.js";

/** @import { Place } from "./protocol.js" */

const POP_MS = 180;
const POP_GROWTH = 0.7; // a new bubble starts this much larger
const PAINT_OPACITY = 0.5;

/** The canvas over the photograph: the bubbles as they fall, and the brush's outline before the first one. */
export class Stage {
  /** What is painted, opaque, in device pixels; shown through at one opacity, however often a place was painted. */
  paint = document.createElement("canvas");
  #canvas;
  #still;
  #pen;
  #paintPen;
  #colour;
  #edge;
  #bubble = 14;
  /** @type {(Place & {fell: number})[]} */
  #bubbles = [];
  /** @type {Place | null} */
  #aim = null;
  #isAtRest = true;
  #isDrawing = false;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {boolean} still whether bubbles fall without a pop
   */
  constructor(canvas, still) {
    this.#canvas = canvas;
    this.#still = still;
    this.#pen = pen(canvas);
    this.#paintPen = pen(this.paint);
    const style = getComputedStyle(canvas);
    this.#colour = style.getPropertyValue("--bubble");
    this.#edge = style.getPropertyValue("--bubble-edge");
    new ResizeObserver(() => this.#resize()).observe(canvas);
  }

  /** Device pixels in a pixel of the photograph. */
  get scale() {
    return this.#canvas.width / SIZE;
  }

  /** @param {number} bubble side of the next round's bubbles, px of the photograph */
  clear(bubble) {
    this.#bubble = bubble;
    this.#bubbles = [];
    this.#aim = null;
    this.#isAtRest = false;
    this.#paintPen.clearRect(0, 0, this.paint.width, this.paint.height);
    this.#draw();
  }

  /** @param {Place} place */
  add({ x, y }) {
    this.#bubbles.push({ x, y, fell: performance.now() });
    this.#lay({ x, y });
    this.#draw();
  }

  /** @param {Place} place where the brush would begin */
  aim(place) {
    this.#aim = place;
    this.#draw();
  }

  /** The brush is laid down: what is painted stays to be looked at. */
  rest() {
    this.#isAtRest = true;
    this.#draw();
  }

  #resize() {
    const side = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    if (side === 0 || side === this.#canvas.width) return;
    this.#canvas.width = this.#canvas.height = this.paint.width = this.paint.height = side;
    for (const bubble of this.#bubbles) this.#lay(bubble);
    this.#draw();
  }

  /**
   * @param {Place} place
   * @param {number} [growth]
   * @returns {[number, number, number, number]} the bubble's square in device pixels: x, y, width, height
   */
  #square({ x, y }, growth = 0) {
    const side = this.#bubble * (1 + growth);
    return [
      Math.round((x - side / 2) * this.scale),
      Math.round((y - side / 2) * this.scale),
      Math.round(side * this.scale),
      Math.round(side * this.scale),
    ];
  }

  /** @param {Place} place */
  #lay(place) {
    const [x, y, width, height] = this.#square(place);
    const line = Math.max(1, Math.round(devicePixelRatio));
    this.#paintPen.fillStyle = this.#edge;
    this.#paintPen.fillRect(x, y, width, height);
    this.#paintPen.fillStyle = this.#colour;
    this.#paintPen.fillRect(x + line, y + line, width - 2 * line, height - 2 * line);
  }

  #draw() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame((now) => {
      this.#isDrawing = false;
      this.#frame(now);
    });
  }

  /** @param {number} now */
  #frame(now) {
    const { width, height } = this.#canvas;
    this.#pen.clearRect(0, 0, width, height);
    if (width === 0) return;
    this.#pen.globalAlpha = PAINT_OPACITY;
    this.#pen.drawImage(this.paint, 0, 0);

    const isFalling = this.#still ? false : this.#pops(now);
    const brush = this.#bubbles.at(-1) ?? this.#aim;
    if (brush && !this.#isAtRest) this.#outline(brush);
    if (isFalling) this.#draw();
  }

  /**
   * @param {number} now
   * @returns {boolean} whether any bubble is still falling
   */
  #pops(now) {
    this.#pen.fillStyle = this.#colour;
    let isFalling = false;
    for (let index = this.#bubbles.length - 1; index >= 0; index--) {
      const bubble = this.#bubbles[index];
      const left = bubble ? 1 - (now - bubble.fell) / POP_MS : 0;
      if (!bubble || left <= 0) break;
      isFalling = true;
      this.#pen.globalAlpha = 0.45 * Math.min(1, left);
      this.#pen.fillRect(...this.#square(bubble, POP_GROWTH * Math.min(1, left) ** 2));
    }
    return isFalling;
  }

  /** @param {Place} place */
  #outline(place) {
    const [x, y, width, height] = this.#square(place);
    const line = Math.max(1, Math.round(1.5 * devicePixelRatio));
    this.#pen.globalAlpha = 1;
    this.#pen.lineWidth = line * 2;
    this.#pen.strokeStyle = "rgb(0 0 0 / 35%)";
    this.#pen.strokeRect(x, y, width, height);
    this.#pen.lineWidth = line;
    this.#pen.strokeStyle = "white";
    this.#pen.strokeRect(x, y, width, height);
  }
}

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {CanvasRenderingContext2D}
 */
function pen(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new TypeError("This browser draws on no canvas.");
  return context;
}
