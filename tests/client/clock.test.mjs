// The server's time as the client knows it, while the device's two clocks do what they like.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Clock } from "../../client/clock.js";

const NOON = Date.parse("2026-11-23T12:00:00Z");
const HOUR_MS = 3_600_000;

let monotonic;
let wall;
let clock;

beforeEach(() => {
  [monotonic, wall] = [0, NOON - 7 * HOUR_MS];
  clock = new Clock({ wall: () => wall, monotonic: () => monotonic });
});

/** Time goes by, and each of the device's clocks says what it likes of it. */
function pass(monotonicMs, wallMs = monotonicMs) {
  monotonic += monotonicMs;
  wall += wallMs;
}

function connect(timestamp = NOON) {
  clock.begin();
  assert.equal(clock.hear({ type: "connected", timestamp }), true);
}

const event = (type, timestamp) => clock.hear({ type, timestamp });

test("b7_fault_page_3_a clock that is set in small steps is doubted for all of them together, and not for each", () => {
  for (const step of [4900, -4900, 1000, -1000, 50]) {
    connect();
    let steps = 0;
    // What is told between two steps says nothing of the time.
    for (; event("workitem_changed", NOON) && !clock.isInDoubt(); steps += 1) {
      pass(1000, 1000 + step);
      assert.ok(steps <= 5000 / Math.abs(step) + 1, `${steps} steps of ${step} ms are believed`);
    }
    assert.ok(steps * Math.abs(step) > 5000 && (steps - 1) * Math.abs(step) <= 5000, `${steps} steps of ${step} ms`);
    // A new stream tells the time, and from there it is measured anew.
    connect(NOON + 60_000);
    assert.equal(clock.isInDoubt(), false);
    assert.equal(clock.now(), NOON + 60_000);
    pass(1000, 1000 + step);
    assert.equal(clock.isInDoubt(), false);
  }
});

test("b7_fault_page_3_what the connection's own server says of the time is what is measured from", () => {
  connect();
  // 4 s of every minute is what a bad clock and the network's time do to each other for a whole day.
  for (let minute = 1; minute <= 1440; minute += 1) {
    pass(60_000, 56_000);
    assert.equal(event("heartbeat", NOON + minute * 60_000), true);
    assert.equal(clock.isInDoubt(), false);
    assert.equal(clock.now(), NOON + minute * 60_000);
  }
});

test("b7_fault_page_3_until the time is told ages grow by the clock that has gone further since it was told last", () => {
  connect();
  for (const [monotonicMs, wallMs] of [[1000, 3000], [3000, 1000], [1000, 3000]]) {
    pass(monotonicMs, wallMs);
    event("workitem_changed", NOON);
  }
  assert.equal(clock.now(), NOON + 7000, "the wall clock says 7 s in all, the other 5");
  assert.equal(event("heartbeat", NOON + 6000), true);
  assert.equal(clock.now(), NOON + 6000, "the server knows");
});

test("b7_a device that slept, or whose clock was set, is in doubt until a new stream says the time", () => {
  for (const [monotonicMs, wallMs] of [[1000, HOUR_MS], [1000, -HOUR_MS], [HOUR_MS, 1000]]) {
    connect();
    pass(monotonicMs, wallMs);
    assert.equal(clock.isInDoubt(), true);
    // What was on its way is of before.
    for (const type of ["workitem_changed", "connected", "heartbeat"]) assert.equal(event(type, NOON), false);
    clock.begin();
    assert.equal(clock.isInDoubt(), true);
    // And what comes first on a new stream is not of now either, unless it is what every stream begins with.
    assert.equal(event("heartbeat", NOON), true);
    assert.equal(clock.isInDoubt(), true);
    connect(NOON + HOUR_MS);
    assert.equal(clock.isInDoubt(), false);
    assert.equal(clock.now(), NOON + HOUR_MS);
  }
});

test("b7_what was held up for more than a minute makes no board younger", () => {
  connect();
  pass(HOUR_MS);
  assert.equal(event("heartbeat", NOON + 1000), false);
  assert.equal(clock.isInDoubt(), true);
  connect(NOON + HOUR_MS);
  assert.equal(clock.now(), NOON + HOUR_MS);
});

test("b7_before anything was heard the device's own time is all there is, and nothing is doubted", () => {
  assert.equal(clock.now(), wall);
  pass(1000, HOUR_MS);
  assert.equal(clock.isInDoubt(), false);
});
