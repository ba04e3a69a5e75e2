import { element } from "./element.js";

/** @import { FlagReason } from "./protocol.js" */

/** The dialog in which a player says what is wrong with a photograph. */
export class FlagDialog {
  #dialog = element("flag-dialog", HTMLDialogElement);
  #form = element("flag-form", HTMLFormElement);

  /**
   * @param {object} on
   * @param {(reason: FlagReason, note: string | null) => void} on.sent
   * @param {() => void} on.closed after it was sent, or left
   */
  constructor(on) {
    element("flag-leave", HTMLButtonElement).addEventListener("click", () => this.#dialog.close());
    this.#form.addEventListener("submit", () => {
      const fields = new FormData(this.#form);
      on.sent(/** @type {FlagReason} */ (fields.get("reason")), String(fields.get("note")).trim() || null);
    });
    this.#dialog.addEventListener("close", () => on.closed());
  }

  get isOpen() {
    return this.#dialog.open;
  }

  open() {
    this.#form.reset();
    this.#dialog.showModal();
  }
}
