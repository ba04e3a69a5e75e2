import assert from "node:assert/strict";
import { test } from "node:test";

import { waitAfter } from "../../web/static/leaderboard-pace.js";
import { spoken, trueFor } from "../../web/static/time-left.js";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

test("what is left is said in two units at most, and rounded up", () => {
  const said = [
    1, SECOND, 59.5 * SECOND, MINUTE, 90 * SECOND, 59.5 * MINUTE, HOUR, 70 * MINUTE, 23.99 * HOUR, 24 * HOUR,
    25 * HOUR, 49 * HOUR, 24 * 30 * HOUR,
  ].map(spoken);
  assert.deepEqual(said, [
    "1 s", "1 s", "1 min", "1 min", "2 min", "1 h", "1 h", "1 h 10 min", "1 day", "1 day",
    "1 day 1 h", "2 days 1 h", "30 days",
  ]);
});

test("it stays true until it is said anew, and no longer", () => {
  for (let left = 1; left < 3 * 24 * HOUR; left = Math.ceil(left * 1.013)) {
    const wait = trueFor(left);
    assert.ok(wait > 0);
    assert.equal(spoken(left - wait + 1), spoken(left), `${left}`);
    if (left > wait) assert.notEqual(spoken(left - wait), spoken(left), `${left}`);
  }
});

test("looks come every five seconds, and ever more slowly while the server is away", () => {
  assert.equal(waitAfter(0, 0.9), 5000);
  assert.deepEqual([1, 2, 3, 4, 9].map((failures) => waitAfter(failures, 1)), [10_000, 20_000, 40_000, 60_000, 60_000]);
  assert.equal(waitAfter(1, 0), 5000);
});
