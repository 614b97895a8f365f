// What is read of the state. The burndown is geometry alone, so it is proved by points.

import assert from "node:assert/strict";
import { test } from "node:test";

import { burndownLayout } from "../../client/index.js";
import { golden } from "./support.mjs";

const day = (date, more) => ({ date, working: true, ideal: 0, ...more });
const xy = (points) => points.map(({ x, y }) => [x, y]);
const BOX = { width: 300, height: 100 };

test("a burndown begins at the left edge with what was planned, and each day ends at its right edge", () => {
  const days = [
    day("2026-11-20", { ideal: 5, remaining: 9, completed: 1, scope: 10 }),
    day("2026-11-21", { working: false, ideal: 5, remaining: 8, completed: 2, scope: 10 }),
    day("2026-11-22", { ideal: 0 }),
  ];
  const drawn = burndownLayout({ unit: "points", original: 10, days, today: [] }, BOX);
  assert.equal(drawn.most, 10);
  assert.deepEqual(xy(drawn.ideal), [[0, 0], [100, 50], [200, 50], [300, 100]]);
  assert.deepEqual(xy(drawn.remaining), [[0, 0], [100, 10], [200, 20]]);
  assert.deepEqual(xy(drawn.scope), [[0, 0], [100, 0], [200, 0]]);
  assert.deepEqual(xy(drawn.completed), [[100, 90], [200, 80]]);
  assert.deepEqual(drawn.off, [{ x: 100, width: 100, date: "2026-11-21" }]);
  assert.deepEqual(drawn.now, { x: 200, y: 20, value: 8, date: "2026-11-21" });
  assert.equal(drawn.ideal[0].date, null);
});

test("what remains now takes the place of the last day, and the scale has room for it", () => {
  const days = [day("2026-11-20", { remaining: 9 }), day("2026-11-21", { remaining: 8 })];
  const drawn = burndownLayout({ unit: "points", original: 10, days, today: [] }, { ...BOX, live: 20 });
  assert.equal(drawn.most, 20);
  assert.deepEqual(xy(drawn.remaining), [[0, 50], [150, 55], [300, 0]]);
  assert.equal(drawn.now.value, 20);
  const unknown = burndownLayout({ unit: "points", days, today: [] }, { ...BOX, live: null });
  assert.deepEqual([unknown.now.value, unknown.remaining[0].x], [8, 150], "nothing is claimed of a beginning that is not known");
});

test("what is not known has no point, and an empty burndown is one", () => {
  const days = [day("2026-11-20", { ideal: null, remaining: 9 }), day("2026-11-21"), day("2026-11-22", { remaining: 7 })];
  const drawn = burndownLayout({ unit: "points", original: 10, days, today: [] }, BOX);
  assert.deepEqual(drawn.remaining.map(({ date }) => date), [null, "2026-11-20", "2026-11-22"]);
  assert.deepEqual(drawn.ideal.map(({ date }) => date), [null, "2026-11-21", "2026-11-22"]);
  for (const empty of [[], [day("2026-11-20")]]) {
    const none = burndownLayout({ unit: "points", days: empty, today: [] }, BOX);
    assert.deepEqual([none.most, none.remaining, none.now], [1, [], null]);
  }
});

test("every point of a real burndown is in its box, and says the value that it stands for", async () => {
  const burndown = (await golden())["object.burndown"];
  const drawn = burndownLayout(burndown, BOX);
  const all = ["ideal", "remaining", "scope", "completed"].flatMap((line) => drawn[line]);
  assert.ok(all.length > burndown.days.length);
  for (const { x, y, value } of all) {
    assert.ok(x >= 0 && x <= 300 && y >= 0 && y <= 100, `${x},${y}`);
    assert.ok(Math.abs((1 - y / 100) * drawn.most - value) < 1e-9);
  }
});
