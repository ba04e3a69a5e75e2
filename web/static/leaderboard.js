/** The page of leaderboards: the server makes its first look, this keeps it up to date. */

import { ContestState } from "./leaderboard-contest.js";
import { Lines } from "./leaderboard-lines.js";
import { waitAfter } from "./leaderboard-pace.js";
import { element } from "./element.js";
import { ordinal } from "./score.js";

/** @import { Leaderboard } from "./leaderboard-lines.js" */

const PATIENCE_MS = 10_000;
const NEWS_MS = 30_000; // between two things that are said aloud

const page = element("leaderboard", HTMLElement);
const notice = element("notice", HTMLElement);
const news = element("news", HTMLElement);
const lines = new Lines(page.dataset.counts === "rounds");
const contest = page.dataset.contest ? new ContestState(() => void look()) : null;
const address = new URL("/api/leaderboard", location.href);
address.searchParams.set("scope", page.dataset.scope ?? "all");
if (page.dataset.contest) address.searchParams.set("contest", page.dataset.contest);

let failures = 0; // in a row
let isLooking = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let next;
let said = -Infinity; // when, ms since the page was opened
/** @type {number | null} */
let place = null;

/** Ask once, show what comes, and ask again in a while; not while nobody can see it. */
async function look() {
  clearTimeout(next);
  if (isLooking || document.hidden) return;
  isLooking = true;
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw new Error(answer.statusText);
    show(await answer.json());
    failures = 0;
    notice.textContent = "";
  } catch {
    failures += 1;
    if (failures > 1) notice.textContent = "The server does not answer just now. These are its last standings.";
  }
  isLooking = false;
  next = setTimeout(look, waitAfter(failures, Math.random()));
}

/** @param {Leaderboard} board */
function show(board) {
  lines.show(board);
  if (board.contest) contest?.show(board.contest, Date.parse(board.as_of));
  tell(board.you && board.you.score > 0 ? board.you.place : null);
}

/**
 * Say it aloud where one's own place has changed, and nothing else: a page that speaks all the time is not heard.
 *
 * @param {number | null} now one's own place
 */
function tell(now) {
  const isNews = place !== null && now !== null && now !== place;
  if (isNews && performance.now() < said + NEWS_MS) return; // with the next look
  if (isNews) {
    news.textContent = `You are ${ordinal(now)} now.`;
    said = performance.now();
  }
  place = now;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(next);
  else void look();
});
void look();
