import { SIZE } from "./brush.js";
import { ContestLine } from "./contest-line.js";
import { element } from "./element.js";
import { Loupe } from "./loupe.js";
import { told } from "./outcome.js";
import { PartnerEyes } from "./partner-eyes.js";
import { Score } from "./score.js";
import { Stage } from "./stage.js";
import { Timer } from "./timer.js";

/** @import { Bubble, EndMessage, Place, RoundMessage } from "./protocol.js" */

const FIRST = "Press, and paint what gives it away. I see only what you paint.";
const LONG_WORDS = 22; // more letters than this are set smaller, to stay on two lines of a phone

/** All that a player sees of a round: the words, the photograph, the bubbles, the time, the partner, the score. */
export class Scene {
  frame = element("stage", HTMLElement);
  #words = element("words", HTMLElement);
  #image = element("photograph", HTMLImageElement);
  #says = element("says", HTMLElement);
  #gain = element("gain", HTMLElement);
  #news = element("news", HTMLElement);
  #notice = element("notice", HTMLElement);
  #leave = element("leave", HTMLElement);
  #still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  #stage = new Stage(element("bubbles", HTMLCanvasElement), this.#still);
  #loupe = new Loupe(element("loupe", HTMLCanvasElement));
  #timer = new Timer(element("timer-line", SVGElement));
  #eyes = new PartnerEyes(element("partner", SVGElement));
  #score = new Score(element("total", HTMLElement), element("rank", HTMLElement), this.#still);
  #contest = new ContestLine();
  #bubble = 0;
  #isFirst = true;
  #isResting = false; // the partner is away

  /**
   * @param {RoundMessage} message
   * @param {HTMLImageElement} image decoded
   */
  show(message, image) {
    this.#words.textContent = message.category;
    this.#words.classList.toggle("long", message.category.length > LONG_WORDS);
    image.id = this.#image.id;
    this.#image.replaceWith(image);
    this.#image = image;
    this.#bubble = message.rules.bubble;
    this.#stage.clear(this.#bubble);
    this.#timer.fill();
    this.#notice.textContent = "";
    this.#gain.textContent = "";
    this.#news.textContent = "";
    this.#contest.show(message.contest);
    this.#state("ready");
    this.#greet();
  }

  /** @param {number} limit ms */
  begin(limit) {
    this.#isFirst = false;
    this.#timer.drain(limit);
    this.#state("painting");
    this.#greet();
  }

  /** @param {boolean} isResting whether the partner is away: said quietly, and the round goes on */
  rest(isResting) {
    if (isResting === this.#isResting) return;
    this.#isResting = isResting;
    this.#greet();
    if (isResting) this.#news.textContent = "Your partner is resting. Go on painting: your strokes are kept.";
  }

  /**
   * @param {Bubble} bubble
   * @param {boolean} isHidden whether a finger is over it
   */
  fall(bubble, isHidden) {
    this.#stage.add(bubble);
    this.#look(bubble);
    if (isHidden) this.#loupe.show(bubble, this.#bubble, this.#image, this.#stage.paint);
    else this.#loupe.hide();
  }

  /** @param {Place} cursor where the brush would begin */
  aim(cursor) {
    this.#stage.aim(cursor);
    this.#look(cursor);
  }

  /** Painting is over; what came of it is not known yet. */
  stop() {
    this.#timer.stop();
    this.#stage.rest();
    this.#loupe.hide();
    this.#state("painted");
  }

  /** @param {EndMessage} end */
  end(end) {
    this.stop();
    const { says, gain, mood } = told(end);
    this.#says.textContent = says;
    this.#gain.textContent = gain;
    this.#eyes.mood = mood;
    this.#score.set(end.total, end.rank);
    this.#news.textContent = gain ? `Recognised: ${gain.slice(1)} points.` : says;
    this.#state(end.outcome);
  }

  /**
   * @param {number} total in rounds
   * @param {number | null} rank
   */
  score(total, rank) {
    this.#score.set(total, rank);
  }

  /** @param {string} text quietly, until the next one; empty for none */
  notice(text) {
    this.#notice.textContent = text;
  }

  /** What the partner says and shows before it knows how a round ends: nothing of what it believes. */
  #greet() {
    const state = this.frame.dataset.state;
    if (state !== "ready" && state !== "painting") return;
    this.#eyes.mood = this.#isResting ? "resting" : "calm";
    if (this.#isResting) this.#says.textContent = "I am resting for a moment. Go on: your strokes are kept.";
    else if (state === "painting") this.#says.textContent = "";
    else this.#says.textContent = this.#isFirst ? FIRST : "Press to begin.";
  }

  /** @param {string} state for the style sheet */
  #state(state) {
    this.frame.dataset.state = state;
    this.#leave.inert = state !== "ready" && state !== "painting";
    document.documentElement.classList.toggle("is-painting", state === "painting");
  }

  /** @param {Place} place */
  #look({ x, y }) {
    const { left, top, width, height } = this.frame.getBoundingClientRect();
    this.#eyes.lookAt(left + (x / SIZE) * width, top + (y / SIZE) * height);
  }
}
