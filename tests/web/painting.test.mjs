import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Painting } from "../../web/static/painting.js";

const RULES = { size: 256, bubble: 14, reveal: 21, fill: "mean", tick_ms: 50, step_px: 7, limit_ms: 7000, top_k: 5 };

/** A clock that the test moves, for timers and for performance.now. */
function clock(t) {
  let now = 1000.25;
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(performance, "now", () => now);
  t.after(() => {
    mock.timers.reset();
    mock.restoreAll();
  });
  return (ms) => {
    now += ms;
    mock.timers.tick(ms);
  };
}

test("a round: 140 bubbles, a batch every 100 ms, then the limit, once", (t) => {
  const pass = clock(t);
  const [bubbles, batches] = [[], []];
  let limits = 0;
  const painting = new Painting(RULES, {
    cursor: () => ({ x: 10, y: 10 }),
    bubble: (bubble) => bubbles.push(bubble),
    batch: () => batches.push(painting.log.batch()),
    limit: () => limits++,
  });
  painting.start();
  assert.deepEqual(bubbles, [{ x: 10, y: 10, t: 0 }], "the first bubble falls with the press");
  for (let ms = 0; ms < 7100; ms++) pass(1);
  assert.equal(bubbles.length, 140);
  assert.deepEqual(bubbles.map(({ t: time }) => Math.floor(time / 50)), Array.from({ length: 140 }, (_, n) => n));
  assert.equal(batches.length, 70);
  assert.equal(limits, 1);
  assert.deepEqual(painting.log.batch()?.n, 139, "the last bubble waits for whoever ends the round");
});

test("a stopped painting is silent", (t) => {
  const pass = clock(t);
  let fallen = 0;
  const painting = new Painting(RULES, {
    cursor: () => ({ x: 10, y: 10 }),
    bubble: () => fallen++,
    batch: () => {},
    limit: () => assert.fail("it was stopped"),
  });
  painting.start();
  pass(100);
  painting.stop();
  const before = fallen;
  for (let ms = 0; ms < 8000; ms++) pass(1);
  assert.equal(fallen, before);
});
