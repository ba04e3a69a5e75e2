/** @typedef {"calm" | "delighted" | "sorry" | "resting"} Mood */

const REACH = 7; // how far a pupil moves, in units of the drawing

/** The partner: two drawn eyes. During a round they follow the brush and show nothing else. */
export class PartnerEyes {
  #drawing;
  /** @type {NodeListOf<SVGElement>} */
  #pupils;

  /** @param {SVGElement} drawing */
  constructor(drawing) {
    this.#drawing = drawing;
    this.#pupils = drawing.querySelectorAll(".pupil");
  }

  /** @param {Mood} mood */
  set mood(mood) {
    this.#drawing.dataset.mood = mood;
  }

  /**
   * @param {number} x CSS px of the window
   * @param {number} y CSS px of the window
   */
  lookAt(x, y) {
    const { left, top, width, height } = this.#drawing.getBoundingClientRect();
    const [dx, dy] = [x - left - width / 2, y - top - height / 2];
    const far = Math.hypot(dx, dy);
    // Near things move the pupils less, so that they do not jump as the brush passes by.
    const reach = REACH * Math.min(1, far / 120);
    for (const pupil of this.#pupils) {
      pupil.style.transform = far ? `translate(${(dx / far) * reach}px, ${(dy / far) * reach}px)` : "";
    }
  }
}
