import assert from "node:assert/strict";
import { test } from "node:test";

import { Brush, SIZE, pixelAt, stepTowards } from "../../web/static/brush.js";

const RULES = { size: 256, bubble: 14, reveal: 21, fill: "mean", tick_ms: 50, step_px: 7, limit_ms: 7000, top_k: 5 };
const REACHABLE = [];
for (let dx = -7; dx <= 7; dx++) for (let dy = -7; dy <= 7; dy++) if (dx * dx + dy * dy <= 49) REACHABLE.push([dx, dy]);

test("a point becomes the nearest whole pixel of the photograph", () => {
  assert.deepEqual(pixelAt(12.99, 0), { x: 12, y: 0 });
  assert.deepEqual(pixelAt(-40, 256), { x: 0, y: 255 });
  assert.deepEqual(pixelAt(255.999, 1e9), { x: 255, y: 255 });
});

test("a cursor within a step is reached", () => {
  for (const [dx, dy] of REACHABLE) {
    assert.deepEqual(stepTowards({ x: 100, y: 100 }, { x: 100 + dx, y: 100 + dy }, 7), { x: 100 + dx, y: 100 + dy });
  }
});

test("from everywhere to everywhere, a step is at most 7 px, comes nearer and stays on the way", () => {
  const from = { x: 128, y: 128 };
  for (let x = 0; x < SIZE; x++) {
    for (let y = 0; y < SIZE; y++) {
      const [dx, dy] = [x - 128, y - 128];
      if (dx * dx + dy * dy <= 49) continue;
      const to = stepTowards(from, { x, y }, 7);
      const [sx, sy] = [to.x - 128, to.y - 128];
      assert.ok(Number.isInteger(to.x) && Number.isInteger(to.y));
      assert.ok(sx * sx + sy * sy <= 49, `${sx}, ${sy}`);
      assert.ok(Math.hypot(sx, sy) > 5.5, `a short step to ${x}, ${y}: ${sx}, ${sy}`);
      const aside = Math.abs(sx * dy - sy * dx) / Math.hypot(dx, dy);
      assert.ok(aside < Math.SQRT2, `${aside} px beside the way to ${x}, ${y}`);
    }
  }
});

test("the steps that arithmetic by hand gives", () => {
  const step = (x, y) => stepTowards({ x: 0, y: 0 }, { x, y }, 7);
  assert.deepEqual(step(100, 0), { x: 7, y: 0 });
  assert.deepEqual(step(0, -100), { x: 0, y: -7 });
  assert.deepEqual(step(90, 120), { x: 4, y: 5 }); // 7 px that way is (4.2, 5.6); (4, 6) is 52 > 49
  assert.deepEqual(step(30, 30), { x: 4, y: 5 }); // 4.95 both ways; (5, 5) is 50 > 49
});

test("one bubble in a tick, the first at once, none from the limit on", () => {
  const brush = new Brush(RULES);
  const cursor = { x: 50, y: 60 };
  assert.deepEqual(brush.tick(0, cursor), { x: 50, y: 60, t: 0 });
  assert.equal(brush.tick(49, cursor), null);
  assert.deepEqual(brush.tick(50, cursor), { x: 50, y: 60, t: 50 }, "a brush that rests paints on");
  assert.equal(brush.tick(99, cursor), null);
  assert.deepEqual(brush.tick(260, { x: 200, y: 60 }), { x: 57, y: 60, t: 260 }, "a late tick is one step, not five");
  assert.equal(brush.tick(299, cursor), null);
  assert.ok(brush.tick(6999, cursor));
  assert.equal(new Brush(RULES).tick(7000, cursor), null);
});

test("any hand, any clock: the log keeps the laws that the server holds it to", () => {
  let seed = 7;
  const chance = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let round = 0; round < 200; round++) {
    const brush = new Brush(RULES);
    const bubbles = [];
    for (let t = 0; t < 7200; t += Math.floor(chance() * 120)) {
      const bubble = brush.tick(t, pixelAt(chance() * 400 - 70, chance() * 400 - 70));
      if (bubble) bubbles.push(bubble);
      if (bubbles.length === 0) break;
    }
    assert.equal(bubbles[0].t, 0);
    assert.ok(bubbles.length <= 140);
    bubbles.forEach(({ x, y, t }, index) => {
      assert.ok(x >= 0 && x < 256 && y >= 0 && y < 256 && t < 7000);
      if (index === 0) return;
      const last = bubbles[index - 1];
      assert.ok(Math.floor(t / 50) > Math.floor(last.t / 50));
      assert.ok((x - last.x) ** 2 + (y - last.y) ** 2 <= 49);
    });
  }
});
