import assert from "node:assert/strict";
import { test } from "node:test";

import { told } from "../../web/static/outcome.js";
import { ordinal, shown } from "../../web/static/score.js";
import { waitBefore } from "../../web/static/socket.js";

test("points are whole numbers out of 100", () => {
  assert.deepEqual([0, 0.004, 0.626, 1, 3.2].map(shown), [0, 0, 63, 100, 320]);
});

test("ranks are said as in English", () => {
  const said = [1, 2, 3, 4, 11, 12, 13, 21, 112].map(ordinal).join(" ");
  assert.equal(said, "1st 2nd 3rd 4th 11th 12th 13th 21st 112th");
});

test("only a recognised round speaks of points", () => {
  const end = { t: "end", round: 1, reason: null, points: 0.63, total: 3.2, rank: 4 };
  assert.equal(told({ ...end, outcome: "recognised" }).gain, "+63");
  for (const outcome of ["timeout", "skipped", "flagged"]) assert.equal(told({ ...end, outcome, points: 0 }).gain, "");
});

test("a timeout that was not the player's is not blamed on the photograph", () => {
  const end = { t: "end", round: 1, points: 0, total: 0, rank: 4, outcome: "timeout" };
  assert.match(told({ ...end, reason: "partner_away" }).says, /not you/);
  assert.match(told({ ...end, reason: null }).says, /hard one/);
});

test("tries come ever more slowly, never all at one time, never over eight seconds apart", () => {
  assert.deepEqual([0, 1, 2, 3].map((attempt) => waitBefore(attempt, 1)), [250, 500, 1000, 2000]);
  assert.equal(waitBefore(0, 0), 125);
  assert.equal(waitBefore(50, 1), 8000);
});
