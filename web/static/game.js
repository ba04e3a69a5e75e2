import { element } from "./element.js";
import { FlagDialog } from "./flag.js";
import { Hand } from "./hand.js";
import { Painting } from "./painting.js";
import { photograph } from "./photograph.js";
import { Scene } from "./scene.js";
import { Connection } from "./socket.js";

/** @import { EndMessage, ErrorMessage, FlagMessage, Pointer, ResumedMessage } from "./protocol.js" */
/** @import { RoundMessage, ServerMessage, SkipMessage } from "./protocol.js" */

/**
 * waiting for a photograph, ready for the first press, painting, painted (the end has not come yet), over (its outcome
 * is on the screen).
 *
 * @typedef {"waiting" | "ready" | "painting" | "painted" | "over"} State
 */

/** @typedef {{message: RoundMessage, image: Promise<HTMLImageElement>}} Dealt a photograph, loading already */

const OUTCOME_MS = 900; // the outcome is looked at for so long, then the next photograph comes by itself
const AGAIN_MS = 1000; // before asking once more for what the server could not do
const END_OVERDUE_MS = 3000;
const RESTS_MS = 5000; // before asking whether maintenance is over

/** Rounds, one after another, over the socket. */
export class Game {
  scene = new Scene();
  #on;
  /** @type {State} */
  #state = "waiting";
  /** @type {RoundMessage | null} the one on the screen */
  #round = null;
  /** @type {Dealt | null} the one after it */
  #upcoming = null;
  #noneLeft = false;
  /** @type {Painting | null} */
  #painting = null;
  #begun = false; // the server has said so
  #flows = false; // bubbles may be sent: the server and the page agree on how many there are
  #givenUp = 0; // the round whose painting the server had not heard of
  #turnedAway = ""; // why the server lets nobody more in
  /** @type {SkipMessage | FlagMessage | null} said by the player, not yet answered */
  #leaving = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #overdue;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #resting;
  #why = ""; // maintenance goes on
  #hand;
  #flag = new FlagDialog({
    sent: (reason, note) => this.#leave({ t: "flag", reason, note }),
    closed: () => this.#moveOn(),
  });
  #connection = new Connection(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/play`, {
    open: () => this.#opened(),
    message: (message) => this.#heard(message),
    lost: (wasOpen) => this.#lost(wasOpen),
  });

  /**
   * @param {object} on
   * @param {() => void} on.finished there is no photograph left for this player
   * @param {() => void} on.takenOver another tab plays now
   * @param {() => void} on.refused the server does not know this player, or perhaps does not
   * @param {(why: string) => void} on.rests nothing begins for a while
   * @param {() => void} on.plays after that
   */
  constructor(on) {
    this.#on = on;
    this.#hand = new Hand(this.scene.frame, {
      mayPress: () => this.#state === "ready" && this.#connection.isOpen,
      press: (pointer) => this.#begin(pointer),
      move: () => this.#state === "ready" && this.scene.aim(this.#hand.cursor),
    });
    // Another tab may have painted the photograph that waits in this one.
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.#state === "ready") this.#next();
    });
    element("skip", HTMLButtonElement).addEventListener("click", () => this.#leave({ t: "skip" }));
    element("flag", HTMLButtonElement).addEventListener("click", () => this.#flag.open());
  }

  start() {
    this.#connection.open();
  }

  stop() {
    this.#connection.close();
    this.#forget();
  }

  // The connection

  #opened() {
    this.scene.notice("");
    this.scene.rest(false); // else the server says so
    this.#turnedAway = "";
    // The end of a round is told to the connection that resumed it last.
    if (this.#painting || this.#leaving) this.#resume();
    else this.#next();
    if (this.#leaving) this.#connection.send(this.#leaving);
  }

  /** @param {boolean} wasOpen */
  #lost(wasOpen) {
    this.#flows = false;
    this.scene.notice(this.#turnedAway || "Reconnecting…");
    if (!wasOpen) this.#on.refused();
  }

  /** @param {ServerMessage} message */
  #heard(message) {
    if (message.t === "round") return this.#dealt(message);
    if (message.t === "error") return this.#failed(message);
    if (message.t === "partner") return this.scene.rest(message.away);
    if (message.round !== this.#round?.round) return undefined;
    switch (message.t) {
      case "begun":
        return this.#agreed();
      case "ack":
        return this.#painting?.log.acknowledge(message.n);
      case "resumed":
        return this.#resumed(message);
      case "end":
        return this.#ended(message);
    }
  }

  // From one photograph to the next

  #next() {
    this.#connection.send({ t: "next" });
  }

  /** @param {RoundMessage} message */
  #dealt(message) {
    if (this.#why) this.#rested();
    // The same photograph is dealt until it is begun.
    if (message.round === this.#round?.round || message.round === this.#upcoming?.message.round) return;
    const image = photograph(message.image);
    image.catch(() => {}); // said where it is awaited
    this.#upcoming = { message, image };
    if (this.#state === "waiting" || this.#state === "ready") void this.#show(this.#upcoming);
  }

  /** @param {Dealt} dealt */
  async #show({ message, image }) {
    this.#forget();
    this.#round = message;
    try {
      const decoded = await image;
      if (this.#round !== message) return;
      this.scene.show(message, decoded);
      this.#state = "ready";
    } catch {
      if (this.#round !== message) return;
      this.scene.notice("The photograph does not load. Trying again…");
      void this.#show({ message, image: photograph(message.image) });
    }
  }

  #moveOn() {
    if (this.#state !== "over" || this.#flag.isOpen) return;
    if (this.#upcoming) void this.#show(this.#upcoming);
    else if (this.#noneLeft) this.#on.finished();
    else this.#state = "waiting";
    if (this.#why && this.#state === "waiting") this.#on.rests(this.#why);
  }

  /** Back to where a photograph is waited for. */
  #forget() {
    this.#painting?.stop();
    clearTimeout(this.#overdue);
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#painting = this.#round = this.#leaving = this.#upcoming = null;
    this.#begun = this.#flows = false;
    this.#state = "waiting";
  }

  // One round

  /** @param {Pointer} pointer */
  #begin(pointer) {
    if (!this.#round) return;
    const { round, rules } = this.#round;
    this.#state = "painting";
    this.#flows = true;
    this.#connection.send({ t: "begin", round, pointer });
    this.scene.begin(rules.limit_ms);
    this.#painting = new Painting(rules, {
      cursor: () => this.#hand.cursor,
      bubble: (bubble) => this.scene.fall(bubble, this.#hand.isHiding),
      batch: () => this.#send(),
      limit: () => this.#painted(),
    });
    this.#painting.start();
  }

  #send() {
    const batch = this.#flows && this.#painting?.log.batch();
    if (batch && this.#round) this.#connection.send({ t: "bubbles", round: this.#round.round, ...batch });
  }

  /** The server counts this round as begun: the time to have the next photograph ready. */
  #agreed() {
    if (this.#begun) return;
    this.#begun = true;
    if (!this.#upcoming && !this.#noneLeft) this.#next();
  }

  #painted() {
    this.#state = "painted";
    this.#painting?.stop();
    this.scene.stop();
    this.#send();
    this.#awaitEnd();
  }

  #awaitEnd() {
    clearTimeout(this.#overdue);
    this.#overdue = setTimeout(() => {
      this.#resume();
      this.#awaitEnd();
    }, END_OVERDUE_MS);
  }

  #resume() {
    // Whose painting of it would go on? The one that was given up may have come in after all.
    if (this.#painting && this.#round?.round === this.#givenUp && !this.#begun) return this.#dealAgain();
    this.#flows = false;
    if (this.#round) this.#connection.send({ t: "resume", round: this.#round.round });
  }

  /** @param {ResumedMessage} message */
  #resumed({ n }) {
    this.#agreed();
    this.#painting?.log.resumeAt(n);
    this.#flows = true;
    this.#send();
  }

  /** @param {Omit<SkipMessage, "round"> | Omit<FlagMessage, "round">} message */
  #leave(message) {
    if (!this.#round) return;
    this.#leaving = { ...message, round: this.#round.round };
    this.#connection.send(this.#leaving);
    if (this.#state === "painting") this.#painted();
  }

  /** @param {EndMessage} message */
  #ended(message) {
    if (this.#state === "over" && message.outcome !== "flagged") return;
    this.#painting?.stop();
    clearTimeout(this.#overdue);
    this.#painting = this.#leaving = null;
    this.#state = "over";
    this.scene.end(message);
    if (!this.#upcoming && !this.#noneLeft) this.#next();
    setTimeout(() => this.#moveOn(), OUTCOME_MS);
  }

  // What goes wrong

  /** @param {ErrorMessage} error */
  #failed(error) {
    const isOurs = error.round == null || error.round === this.#round?.round;
    switch (error.code) {
      case "gap":
        if (this.#flows && isOurs) this.#resume();
        return;
      case "not_stored":
      case "too_many_frames":
        if (isOurs) this.#again();
        return;
      case "not_begun":
        if (this.#painting) this.#dealAgain();
        return;
      case "no_such_round":
        if (isOurs) this.#dealAgain();
        return;
      case "too_many_flags":
        this.#leaving = null;
        return this.scene.notice(error.message);
      case "too_many_sockets": // and closes the socket
        this.#turnedAway = error.message;
        return;
      case "round_over": // the end has come, or is on its way
        this.#leaving = null;
        return;
      case "no_photographs":
        this.#noneLeft = true;
        if (this.#state === "waiting") this.#on.finished();
        return;
      case "taken_over":
        if (!isOurs) return;
        this.stop();
        return this.#on.takenOver();
      case "too_many_begins":
      case "maintenance":
        return this.#rests(error.message);
      case "consent_needed":
        return this.#on.refused();
    }
    this.scene.notice(error.message);
    if (isOurs && this.#painting && !this.#begun) this.#dealAgain();
    else if (isOurs) this.#again();
  }

  /** Once more in a moment: with what the server has not stored or done, or for a photograph. */
  #again() {
    this.#flows = false;
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      if (this.#painting) this.#resume();
      else if (this.#state === "waiting") this.#next();
      if (this.#leaving) this.#connection.send(this.#leaving);
    }, AGAIN_MS);
  }

  /**
   * Nothing begins for a while. What has begun goes on and ends; then the page waits until a photograph comes.
   *
   * @param {string} why
   */
  #rests(why) {
    this.#why = why;
    if (this.#painting && !this.#begun) {
      this.scene.stop();
      this.#forget();
    }
    if (this.#state === "waiting" || this.#state === "ready") this.#on.rests(why);
    clearTimeout(this.#resting);
    this.#resting = setTimeout(() => {
      if (!this.#painting && !this.#upcoming) this.#next();
    }, RESTS_MS);
  }

  #rested() {
    clearTimeout(this.#resting);
    this.#why = "";
    this.#on.plays();
  }

  /** The server knows of no beginning: the photograph is dealt again, as if it had not been pressed. */
  #dealAgain() {
    this.#givenUp = this.#round?.round ?? 0;
    this.#forget();
    this.#next();
  }
}
