import assert from "node:assert/strict";
import { test } from "node:test";

import { BubbleLog } from "../../web/static/log.js";

const bubble = (n) => ({ x: n, y: 2 * n, t: 50 * n });

/** A log with bubbles 0 to count - 1. */
function logOf(count) {
  const log = new BubbleLog();
  for (let n = 0; n < count; n++) log.add(bubble(n));
  return log;
}

test("a batch has what was not sent yet, once", () => {
  const log = logOf(2);
  assert.deepEqual(log.batch(), { n: 0, xyt: [0, 0, 0, 1, 2, 50] });
  assert.equal(log.batch(), null);
  log.add(bubble(2));
  assert.deepEqual(log.batch(), { n: 2, xyt: [2, 4, 100] });
});

test("what is acknowledged is never sent again, what is not is kept", () => {
  const log = logOf(5);
  log.batch();
  log.acknowledge(3);
  log.acknowledge(2); // an older word
  assert.equal(log.stored, 3);
  assert.equal(log.length, 5);
  log.resumeAt(3);
  assert.deepEqual(log.batch(), { n: 3, xyt: [3, 6, 150, 4, 8, 200] });
});

test("after a reconnect the server's count rules: it may have stored more than it could say", () => {
  const log = logOf(6);
  log.batch();
  log.acknowledge(2);
  log.add(bubble(6));
  log.resumeAt(5);
  assert.deepEqual(log.batch(), { n: 5, xyt: [5, 10, 250, 6, 12, 300] });
});

test("a count beyond what was painted loses nothing that follows", () => {
  const log = logOf(2);
  log.acknowledge(9);
  log.add(bubble(2));
  assert.deepEqual(log.batch(), { n: 2, xyt: [2, 4, 100] });
});

test("over any connection, the server ends up with every bubble in order", () => {
  let seed = 11;
  const chance = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let round = 0; round < 300; round++) {
    const log = new BubbleLog();
    const stored = [];
    const receive = ({ n, xyt }) => {
      assert.ok(n <= stored.length, "no gap");
      for (let i = 0; i < xyt.length; i += 3) if (n + i / 3 === stored.length) stored.push(xyt[i]);
    };
    for (let n = 0; n < 140; n++) {
      log.add(bubble(n));
      if (chance() < 0.5) continue;
      const batch = log.batch();
      const isLost = chance() < 0.2;
      if (batch && !isLost) receive(batch);
      if (isLost) log.resumeAt(stored.length);
      else if (chance() < 0.5) log.acknowledge(stored.length);
    }
    const rest = log.batch();
    if (rest) receive(rest);
    assert.deepEqual(stored, Array.from({ length: 140 }, (_, n) => n));
  }
});
