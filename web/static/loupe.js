import { SIZE } from "./brush.js";

/** @import { Place } from "./protocol.js" */

const ZOOM = 1.5; // against the photograph on the screen
const DISTANCE_PX = 92; // from the finger to the middle of the loupe
const MARGIN_PX = 4;

/** A round window above the finger that shows what the finger hides. */
export class Loupe {
  #canvas;
  #pen;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  }

  hide() {
    this.#canvas.hidden = true;
  }

  /**
   * @param {Place} brush where the brush is, px of the photograph
   * @param {number} bubble side of a bubble, px of the photograph
   * @param {HTMLImageElement} image
   * @param {HTMLCanvasElement} paint what is painted on it
   */
  show(brush, bubble, image, paint) {
    this.#canvas.hidden = false;
    const stage = image.getBoundingClientRect();
    const side = this.#canvas.clientWidth;
    this.#place(stage, brush, side);

    const pixels = Math.round(side * devicePixelRatio);
    if (this.#canvas.width !== pixels) this.#canvas.width = this.#canvas.height = pixels;
    const span = (side / ZOOM / stage.width) * SIZE;
    const [x, y] = [brush.x - span / 2, brush.y - span / 2];
    const pen = this.#pen;
    pen.clearRect(0, 0, pixels, pixels);
    pen.globalAlpha = 1;
    pen.drawImage(image, x, y, span, span, 0, 0, pixels, pixels);
    const scale = paint.width / SIZE;
    pen.globalAlpha = 0.5;
    pen.drawImage(paint, x * scale, y * scale, span * scale, span * scale, 0, 0, pixels, pixels);
    pen.globalAlpha = 1;
    pen.strokeStyle = "white";
    pen.lineWidth = 2 * devicePixelRatio;
    const square = (bubble / span) * pixels;
    pen.strokeRect((pixels - square) / 2, (pixels - square) / 2, square, square);
  }

  /**
   * Above the brush, or beside it where the screen ends.
   *
   * @param {DOMRect} stage
   * @param {Place} brush
   * @param {number} side
   */
  #place(stage, brush, side) {
    const at = { x: stage.left + (brush.x / SIZE) * stage.width, y: stage.top + (brush.y / SIZE) * stage.height };
    const hasRoom = at.y - DISTANCE_PX - side / 2 >= MARGIN_PX;
    const sideways = at.x < innerWidth / 2 ? DISTANCE_PX : -DISTANCE_PX;
    const middle = hasRoom ? { x: at.x, y: at.y - DISTANCE_PX } : { x: at.x + sideways, y: at.y };
    const within = (/** @type {number} */ value, /** @type {number} */ end) =>
      Math.min(end - side - MARGIN_PX, Math.max(MARGIN_PX, value - side / 2));
    this.#canvas.style.transform = `translate(${within(middle.x, innerWidth)}px, ${within(middle.y, innerHeight)}px)`;
  }
}
