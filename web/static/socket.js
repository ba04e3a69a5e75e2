/** @import { BrowserMessage, ServerMessage } from "./protocol.js" */

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 8000;
// The server answers every message. A phone that changes networks is told nothing: silence is the only sign.
const SILENCE_MS = 8000;

/**
 * How long to wait before the next try: twice as long each time, up to eight seconds, and never the same for everybody,
 * so that a server that comes back is not met by all its players at once.
 *
 * @param {number} attempt 0 for the first
 * @param {number} chance in [0, 1)
 * @returns {number} ms
 */
export function waitBefore(attempt, chance) {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) * (0.5 + chance / 2);
}

/** The socket to the server, opened again whenever it is lost, until it is closed here. */
export class Connection {
  #url;
  #on;
  #attempt = 0;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;

  /**
   * @param {string} url
   * @param {object} on
   * @param {() => void} on.open
   * @param {(message: ServerMessage) => void} on.message
   * @param {(wasOpen: boolean) => void} on.lost another try follows by itself
   */
  constructor(url, on) {
    this.#url = url;
    this.#on = on;
    const hurry = () => {
      if (this.#retry === undefined || document.hidden) return;
      this.#attempt = 0;
      this.open();
    };
    addEventListener("online", hurry);
    document.addEventListener("visibilitychange", hurry);
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  open() {
    this.close();
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    let wasOpen = false;
    socket.onopen = () => {
      wasOpen = true;
      this.#on.open();
    };
    socket.onmessage = ({ data }) => {
      clearTimeout(this.#silence);
      this.#silence = undefined;
      const message = JSON.parse(data);
      // Not as soon as it opens: a server in trouble may open and close at once, and say why.
      if (message.t !== "error") this.#attempt = 0;
      this.#on.message(message);
    };
    socket.onclose = () => this.#lost(wasOpen);
  }

  /** Leaves for good, until it is opened again. */
  close() {
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    this.#retry = this.#silence = undefined;
    if (!this.#socket) return;
    this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }

  /**
   * @param {BrowserMessage} message
   * @returns {boolean} whether it went out; that it arrived, only an answer can say
   */
  send(message) {
    if (!this.#socket || !this.isOpen) return false;
    this.#socket.send(JSON.stringify(message));
    this.#silence ??= setTimeout(() => this.#lost(true), SILENCE_MS);
    return true;
  }

  /** @param {boolean} wasOpen */
  #lost(wasOpen) {
    this.close();
    this.#retry = setTimeout(() => this.open(), waitBefore(this.#attempt++, Math.random()));
    this.#on.lost(wasOpen);
  }
}
