// When a team last stood together: without a browser, in the zone of this process.

import assert from "node:assert/strict";
import { test } from "node:test";

import { lastStandup } from "../../web/standup.js";

const at = (text) => new Date(text).getTime();
const shown = (instant) => {
  const date = new Date(instant);
  return [date.getDay(), date.getDate(), date.getHours(), date.getMinutes()].join(" ");
};

test("the last stand-up is that of today once an hour has gone by, and else that of the working day before", () => {
  // 2026-11-25 is a Wednesday.
  assert.equal(shown(lastStandup(at("2026-11-25T16:00:00"), "09:30")), "3 25 9 30");
  assert.equal(shown(lastStandup(at("2026-11-25T10:29:59"), "09:30")), "2 24 9 30", "the one of today goes on");
  assert.equal(shown(lastStandup(at("2026-11-25T08:00:00"), "09:30")), "2 24 9 30");
});

test("nobody stands up at the weekend", () => {
  assert.equal(shown(lastStandup(at("2026-11-23T09:00:00"), "09:30")), "5 20 9 30", "on Monday before it");
  assert.equal(shown(lastStandup(at("2026-11-22T20:00:00"), "09:30")), "5 20 9 30", "on Sunday");
  assert.equal(shown(lastStandup(at("2026-11-21T20:00:00"), "09:30")), "5 20 9 30", "on Saturday");
});
