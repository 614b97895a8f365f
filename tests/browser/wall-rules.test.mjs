// What a wall decides without a browser: when it is quiet, what its address asks for, whose turn it is, and how a change is told.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { clockWords, endOf, isWithin, parseSpan } from "../../web/quiet.js";
import { cut, wordsOf } from "../../web/ticker-words.js";
import { isWall, wallOptions } from "../../web/wall-options.js";
import { Rotation, shareOf, standsAs, worstFirst } from "../../web/rotation.js";

const ZONE = process.env.TZ;

afterEach(() => {
  if (ZONE === undefined) delete process.env.TZ;
  else process.env.TZ = ZONE;
});

const at = (text) => new Date(`2026-11-${text}`);

test("a span of hours is read, and what is none is not", () => {
  assert.deepEqual(parseSpan("19:00-07:00"), { from: 1140, to: 420 });
  assert.deepEqual(parseSpan(" 9:30 – 17:05 "), { from: 570, to: 1025 });
  assert.deepEqual(parseSpan("18:00-24:00"), { from: 1080, to: 0 });
  for (const text of ["", "19-7", "19:00", "7pm-7am", "25:00-07:00", "19:60-07:00", "19:00-24:01", "07:00-07:00", "00:00-24:00"]) {
    assert.equal(parseSpan(text), null, text);
  }
  assert.equal(clockWords(420), "07:00");
});

test("it is quiet from the first minute to the one before the last, also over midnight", () => {
  const night = parseSpan("19:00-07:00");
  const quiet = ["16T19:00", "16T23:59", "17T00:00", "17T06:59:59"];
  const loud = ["16T18:59:59", "17T07:00", "17T12:00"];
  assert.deepEqual(quiet.filter((text) => !isWithin(night, at(text))), []);
  assert.deepEqual(loud.filter((text) => isWithin(night, at(text))), []);
  const noon = parseSpan("12:00-13:00");
  assert.deepEqual(["16T11:59", "16T12:00", "16T12:59", "16T13:00"].map((text) => isWithin(noon, at(text))), [false, true, true, false]);
  assert.equal(isWithin(null, at("16T12:00")), false);
});

test("a quiet span ends at its next end, also where the clocks change", () => {
  const night = parseSpan("19:00-07:00");
  assert.equal(endOf(night, at("16T19:00")).getTime(), at("17T07:00").getTime());
  assert.equal(endOf(night, at("17T06:59")).getTime(), at("17T07:00").getTime());
  process.env.TZ = "Europe/Berlin";
  // In that night there are two hours between 02:00 and 03:00.
  const before = new Date("2026-10-24T20:00:00+02:00");
  assert.equal(endOf(night, before).toISOString(), "2026-10-25T06:00:00.000Z");
  assert.equal((endOf(night, before) - before) / 3_600_000, 12);
});

test("an address says what a wall does, and what it says wrongly is told", () => {
  assert.deepEqual(["?wall", "?team=Web&wall=2m", "?walls", ""].map(isWall), [true, true, false, false]);
  const usual = { ms: 30_000, theme: "dark", dim: { from: 1200, to: 360 }, quiet: null, isShifted: true, isInitials: false, faults: [] };
  assert.deepEqual(wallOptions("?wall"), usual);
  const all = wallOptions("?wall=2m&theme=light&dim=off&quiet=19:00-07:00&shift=off&names=initials");
  assert.deepEqual(all, { ms: 120_000, theme: "light", dim: null, quiet: { from: 1140, to: 420 }, isShifted: false, isInitials: true, faults: [] });
  assert.deepEqual(["45s", "1.5m", "5s", "60m"].map((text) => wallOptions(`?wall=${text}`).ms), [45_000, 90_000, 5000, 3_600_000]);
  for (const text of ["4s", "61m", "soon", "30", "-5s", "1e3s"]) {
    const { ms, faults } = wallOptions(`?wall=${text}`);
    assert.equal(ms, 30_000);
    assert.match(faults.join(), new RegExp(`^wall=${text} is no time such as 45s or 2m.*shown for 30 s\\.$`));
  }
  const wrong = wallOptions("?wall&theme=pink&dim=late&quiet=7pm-7am&shift=maybe&names=no");
  assert.deepEqual({ ...wrong, faults: [] }, usual);
  assert.equal(wrong.faults.length, 5);
  assert.match(wallOptions(`?wall=${"x".repeat(500)}`).faults[0], /wall=x{24}… is/);
});

test("what only a page can be asked for is told of a wall's address, with what the wall does instead", () => {
  const { faults, ...others } = wallOptions("?wall&day=2026-11-18&embed=1&tile=points.remaining&team=Web&project=Shop");
  assert.deepEqual(faults, [
    "day=2026-11-18 is of no use to a wall: it shows how things stand now.",
    "embed=1 is of no use to a wall: it is shown as a whole.",
    "tile=points.remaining is of no use to a wall: it chooses its numbers itself.",
  ]);
  assert.deepEqual({ ...others, faults: [] }, wallOptions("?wall"));
});

const board = (key, verdict, more = {}) => ({ key, level: "full", mock: false, outlook: verdict ? { verdict } : null, ...more });

test("the worst is shown first, and longer", () => {
  const boards = [board("a", "on_track"), board("b", null), board("c", "at_risk"), board("d", "behind"), board("e", "on_track", { level: "none" }), board("f", "on_track", { mock: true, level: "cached" }), board("g", "on_track", { level: "cached" }), board("h", "new_word")];
  assert.deepEqual(worstFirst(boards).map(({ key }) => key).join(""), "efgdcbha");
  assert.deepEqual(["behind", "at_risk", "unknown", "on_track", null].map((verdict) => shareOf(board("x", verdict))), [2, 1.5, 1, 1, 1]);
});

test("of teams that stand alike the worse is first: by its chance, by what is left over the ideal line, by what is blocked, then by name", () => {
  const inputs = (key, verdict, of, blocked = 0) => board(key, verdict, { outlook: { verdict, text: "", inputs: of }, metrics: { "items.blocked": { value: blocked } } });
  const forecast = (key, verdict, runsDone, blocked) => inputs(key, verdict, { by: "forecast", runs: 10_000, runsDone, scope: 40, remaining: 20 }, blocked);
  const ideal = (key, remaining, scope, blocked) => inputs(key, "at_risk", { by: "ideal", ideal: 20, remaining, scope }, blocked);
  const order = (boards) => worstFirst(boards).map(({ key }) => key).join("");
  assert.equal(order([forecast("a", "behind", 2292), forecast("b", "behind", 744, 3), forecast("c", "behind", 370), forecast("d", "at_risk", 5000, 9)]), "cbad");
  // As much over the line is more of a small sprint than of a large one.
  assert.equal(order([ideal("a", 30, 100), ideal("b", 24, 25), ideal("c", 40, 400)]), "bac");
  assert.equal(order([ideal("a", 30, 100), ideal("b", 30, 100, 1), ideal("c", 30, 100), ideal("d", 30, 100, 2)]), "dbac");
  assert.equal(order([inputs("a", "on_track", { by: "done" }), forecast("b", "on_track", 9900), inputs("c", "unknown", { by: null }), inputs("d", "unknown", { by: null })]), "cdba");
  assert.equal(order([forecast("a", "behind", 900), { ...forecast("b", "behind", 100), level: "cached" }, { ...forecast("c", "behind", 0), level: "cached" }]), "bca", "of what is not known nobody says how bad it is");
  assert.equal(standsAs(forecast("a", "behind", 744)), standsAs(forecast("a", "behind", 860)));
  const all = [forecast("a", "behind", 744), forecast("a", "behind", 2292), forecast("a", "at_risk", 744), forecast("a", "behind", 744, 1), { ...forecast("a", "behind", 744), mock: true }];
  assert.equal(new Set(all.map(standsAs)).size, all.length);
});

test("each team has its turn, and what comes and goes meanwhile shortens nobody's", () => {
  const rotation = new Rotation();
  const teams = { a: board("a", "on_track"), b: board("b", "at_risk"), c: board("c", "behind") };
  const all = () => Object.values(teams);
  assert.equal(rotation.update([]), false);
  assert.equal(rotation.update(all()), true);
  assert.equal(rotation.key, "c");
  rotation.step(1, all());
  assert.equal(rotation.key, "b");
  // One that gets worse after its turn waits for the next round; one that comes is worse than what is left.
  teams.d = board("d", "behind");
  assert.equal(rotation.update(all()), false);
  assert.deepEqual([rotation.key, rotation.place], ["b", { index: 1, of: 4 }]);
  const seen = [];
  for (let turn = 0; turn < 4; turn += 1) {
    rotation.step(1, all());
    seen.push(rotation.key);
  }
  assert.equal(seen.join(""), "dacd");
  // Whose board goes is followed by who would have come next.
  delete teams.d;
  assert.equal(rotation.update(all()), true);
  assert.equal(rotation.key, "b");
  rotation.step(-1, all());
  rotation.step(-1, all());
  assert.equal(rotation.key, "a");
  delete teams.a;
  rotation.update(all());
  assert.equal(rotation.key, "c");
  assert.equal(rotation.update([]), true);
  assert.equal(rotation.key, undefined);
});

const JAMAL = { id: "7", name: "Jamal Hartnett" };
const ADA = { id: "8", name: "Ada Lovelace" };
const STATE = "System.State";
const EFFORT = "Microsoft.VSTS.Scheduling.StoryPoints";

function changed(fields, more = {}) {
  const pairs = Object.entries(fields).map(([name, [old, is]]) => [name, { old, new: is }]);
  return { type: "workitem_changed", workItemId: 532, title: "Customer signs in", changeType: "updated", changedBy: JAMAL, item: { blocked: false, blockedBy: null }, fields: Object.fromEntries(pairs), ...more };
}

const sentence = (event, options) => {
  const words = wordsOf(event, options);
  return words && `${words.before}${words.title}${words.after}`;
};
const told = (fields, more) => sentence(changed(fields, more));

test("a change is told as people would tell it: who, what, from what to what", () => {
  assert.equal(told({ [STATE]: ["Active", "Resolved"] }), "Jamal Hartnett moved #532 Customer signs in: Active → Resolved");
  assert.equal(told({ "System.AssignedTo": [ADA, null] }), "Jamal Hartnett assigned #532 Customer signs in: Ada Lovelace → nobody");
  assert.equal(told({ "System.AssignedTo": [null, JAMAL] }), "Jamal Hartnett took #532 Customer signs in: nobody → Jamal Hartnett");
  assert.equal(told({ [EFFORT]: [3, 5] }, { changeType: "estimate" }), "Jamal Hartnett estimated #532 Customer signs in: 3 → 5");
  assert.equal(told({ [EFFORT]: [null, 0] }, { changeType: "estimate" }), "Jamal Hartnett estimated #532 Customer signs in: no estimate → 0");
  assert.equal(told({ "Custom.Effort": [3, 5], "System.Rev": [1, 2] }, { changeType: "estimate" }), "Jamal Hartnett estimated #532 Customer signs in: 3 → 5");
  assert.equal(told({ "Microsoft.VSTS.Scheduling.RemainingWork": [2.5, 1.5] }, { changeType: "estimate" }), "Jamal Hartnett updated #532 Customer signs in: 2.5 h left → 1.5 h left");
  assert.equal(told({ "System.IterationPath": ["Shop", "Shop\\2026\\Sprint 7"] }, { changeType: "moved_in" }), "Jamal Hartnett moved #532 Customer signs in: backlog → Sprint 7");
  assert.equal(told({ "System.Title": ["Login", "Customer signs in"] }), "Jamal Hartnett renamed #532 Customer signs in: Login → Customer signs in");
  assert.equal(told({ "System.AreaPath": ["Shop\\Web", "Shop\\Mobile"] }, { changeType: "moved_out", item: null }), "Jamal Hartnett moved #532 Customer signs in: Web → Mobile");
});

test("several changes at once are told in one sentence, and what follows from another is left out", () => {
  const both = { [STATE]: ["New", "Active"], "System.AssignedTo": [null, JAMAL], "Microsoft.VSTS.Scheduling.RemainingWork": [2, null] };
  const { did, details, who, id } = wordsOf(changed(both));
  assert.deepEqual({ did, details, who, id }, { did: "moved", details: ["New → Active", "nobody → Jamal Hartnett"], who: "Jamal Hartnett", id: 532 });
});

test("that something is blocked or goes on is told, by whatever marks it", () => {
  const blocked = (blockedBy) => ({ item: { blocked: true, blockedBy } });
  assert.equal(told({ "System.Tags": [null, "Blocked"], "Microsoft.VSTS.CMMI.Blocked": [null, "Yes"] }, blocked("tag Blocked")), "Jamal Hartnett blocked #532 Customer signs in");
  assert.equal(told({ "System.Tags": ["ui", "ui; On hold"] }, blocked("tag On hold")), "Jamal Hartnett blocked #532 Customer signs in");
  assert.equal(told({ "System.BoardColumn": ["Doing", "Waiting"] }, blocked("column Waiting")), "Jamal Hartnett blocked #532 Customer signs in: column Waiting");
  assert.equal(told({ "Microsoft.VSTS.CMMI.Blocked": ["Yes", null] }), "Jamal Hartnett unblocked #532 Customer signs in");
  assert.equal(told({ "System.Tags": ["ui", "ux"] }, blocked("tag Blocked")), null, "it was blocked before");
  assert.equal(told({ "Custom.Stuck": ["Yes", null] }), "Jamal Hartnett unblocked #532 Customer signs in");
});

test("what comes and goes is told as that", () => {
  const fresh = { [STATE]: [null, "New"], "System.Title": [null, "Customer signs in"], "System.AssignedTo": [null, ADA], [EFFORT]: [null, 3], "System.IterationPath": [null, "Shop\\Sprint 7"] };
  assert.equal(told(fresh, { changeType: "created" }), "Jamal Hartnett created #532 Customer signs in: for Ada Lovelace, estimated at 3");
  assert.equal(told({ [STATE]: ["New", null] }, { changeType: "deleted", item: null }), "Jamal Hartnett deleted #532 Customer signs in");
  assert.equal(told({}, { changeType: "restored" }), "Jamal Hartnett restored #532 Customer signs in");
});

test("what is noise, or nobody's, or too large is told as little as it says", () => {
  assert.equal(told({ "Microsoft.VSTS.Common.StackRank": [1, 2] }), null);
  assert.equal(told({ "System.Tags": ["ui", null] }), null);
  assert.equal(told({ "System.Parent": [1, 2] }), null);
  assert.equal(told({ "Microsoft.VSTS.Common.BacklogPriority": [1, 2] }, { changeType: "updated" }), null);
  assert.equal(wordsOf({ type: "metric_changed" }), null);
  assert.equal(told({ [STATE]: ["New", "Active"] }, { changedBy: null }), "#532 Customer signs in: moved, New → Active");
  assert.equal(sentence({ ...changed({}), fields: undefined, item: null }), "Jamal Hartnett changed #532 Customer signs in");
});

test("people are named as asked for, numbers are written as asked for, and a long text is cut between words, or letters", () => {
  const options = { person: (name) => name.slice(0, 1), number: (value) => value.toFixed(1) };
  assert.equal(sentence(changed({ "System.AssignedTo": [null, ADA], [EFFORT]: [1, 2] }), options), "J assigned #532 Customer signs in: nobody → A, 1.0 → 2.0");
  assert.equal(sentence(changed({ [STATE]: ["New", "Active"] }, { title: "" })), "Jamal Hartnett moved #532: New → Active");
  assert.deepEqual([8, 9, 11, 14, 16, 17].map((most) => cut("Customer signs in", most)), ["Custome…", "Customer…", "Customer…", "Customer…", "Customer signs…", "Customer signs in"]);
  assert.equal(cut("A donaudampfschiff", 10), "A donauda…", "of one long word letters are kept");
  assert.equal(cut("👍".repeat(5), 4), "👍👍👍…");
});
