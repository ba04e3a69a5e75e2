/** The line along the photograph's edge, which drains as the time goes. */
export class Timer {
  #line;
  /** @type {Animation | undefined} */
  #draining;

  /** @param {SVGElement} line a shape with pathLength="1" and a dash as long as it */
  constructor(line) {
    this.#line = line;
  }

  fill() {
    this.#draining?.cancel();
  }

  /** @param {number} ms */
  drain(ms) {
    this.fill();
    this.#draining = this.#line.animate([{ strokeDashoffset: 0 }, { strokeDashoffset: 1 }], {
      duration: ms,
      fill: "forwards",
    });
  }

  /** The line stays as it is. */
  stop() {
    this.#draining?.pause();
  }
}
