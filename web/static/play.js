/** The page: a guest is asked for consent once, a player paints. */

import { agree, me } from "./account.js";
import { element } from "./element.js";
import { Game } from "./game.js";

const RETRY_MS = 2000;
const SCREENS = ["welcome", "game", "elsewhere", "finished", "trouble", "rests"];

const game = new Game({
  finished: () => leave("finished"),
  takenOver: () => leave("elsewhere"),
  refused: () => void check(),
  rests: (why) => {
    element("why", HTMLElement).textContent = why;
    show("rests");
  },
  plays: () => show("game"),
});
const agreeButton = element("agree", HTMLButtonElement);
const trouble = element("welcome-trouble", HTMLElement);

/** @param {string} screen */
function show(screen) {
  for (const id of SCREENS) element(id, HTMLElement).hidden = id !== screen;
  document.documentElement.dataset.screen = screen;
}

/** @param {string} screen */
function leave(screen) {
  game.stop();
  show(screen);
}

function play() {
  show("game");
  game.start();
}

async function open() {
  try {
    const player = await me();
    if (!player) return show("welcome");
    game.scene.score(player.total, player.rank);
    return play();
  } catch {
    show("trouble");
    setTimeout(open, RETRY_MS);
  }
}

/** The socket could not be opened: is the player still known, or is it only the network? */
async function check() {
  try {
    if ((await me()) === null) leave("welcome");
  } catch {
    // The network: the socket tries again by itself.
  }
}

agreeButton.addEventListener("click", async () => {
  agreeButton.disabled = true;
  trouble.textContent = "";
  try {
    await agree(agreeButton.value);
    game.scene.score(0, null);
    play();
  } catch (error) {
    const isOffline = error instanceof TypeError;
    const { message } = /** @type {Error} */ (error);
    trouble.textContent = isOffline ? "The server cannot be reached. Please try again." : message;
  }
  agreeButton.disabled = false;
});
element("print", HTMLButtonElement).addEventListener("click", () => print());
element("play-here", HTMLButtonElement).addEventListener("click", play);

void open();
