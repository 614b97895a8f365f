// The boards as events make them, and that nothing which was handed out ever changes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { age, board as boardOf, boards, fromSnapshot, initial, isShown, items, keyOf, loading, metric, reduce } from "../../client/index.js";
import { NAMED, NOON, PROJECT, SCOPE, SPRINT, TEAM, board, connected, golden, item } from "./support.mjs";

const OTHER = { ...SCOPE, teamId: "0f7a2d3e-5b1c-4c8f-8a9d-6e4b3c2d1f00" };
const URL_OF = `/api/snapshot?project=${PROJECT}&team=${TEAM}`;

/** Whatever changes a value that was handed out throws. */
function frozen(value) {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Map) {
    for (const name of ["set", "delete", "clear"]) {
      value[name] = () => {
        throw new Error(`${name} of a map that was handed out`);
      };
    }
  }
  Object.freeze(value);
  Object.values(value).forEach(frozen);
  return value;
}

/** A story of events, each as the stream has it. Every state on the way is frozen. */
class Story {
  state = frozen(initial());
  effects = [];
  #id = 0;

  take(event, id = null) {
    const next = reduce(this.state, frozen({ timestamp: NOON, level: "full", dataAsOf: NOON, ...event }), id);
    this.state = frozen(next.state);
    this.effects.push(...next.effects);
    return next.effects;
  }

  say(event) {
    this.#id += 1;
    return this.take(event, `${this.#id}-0`);
  }

  get board() {
    return this.state.boards[keyOf(SCOPE)];
  }

  get ids() {
    return [...this.board.items.keys()];
  }
}

function begun(list = [item(1)], more = {}) {
  const story = new Story();
  story.take(connected);
  story.say({ type: "snapshot", ...SCOPE, data: board(list), ...more });
  return story;
}

const change = (id, rev, more = {}) => ({ type: "workitem_changed", ...SCOPE, workItemId: id, rev, changeType: "updated", item: item(id, { rev }), ...more });

test("every golden event is taken in, and changes nothing that was handed out", async () => {
  const all = await golden();
  const events = Object.entries(all).filter(([name]) => !name.startsWith("object."));
  assert.ok(events.length >= 13, `${events.length} events`);
  const story = new Story();
  story.take(all.connected);
  story.take(all.snapshot, "1-0");
  for (const [name, event] of events) story.take(event, ["connected", "closing", "heartbeat"].includes(name) ? null : "2-0");
  assert.equal(boards(story.state).length, 1);
});

test("what did not change is the same value afterwards", () => {
  const story = begun([item(1), item(2)]);
  story.say({ type: "snapshot", ...OTHER, data: board([item(3)]) });
  const before = story.state;
  story.say(change(1, 2));
  const [mine, other] = [keyOf(SCOPE), keyOf(OTHER)];
  assert.notEqual(story.state.boards[mine], before.boards[mine]);
  assert.equal(story.state.boards[other], before.boards[other]);
  assert.equal(story.board.items.get(2), before.boards[mine].items.get(2));
  assert.equal(story.board.metrics, before.boards[mine].metrics);
  // What says nothing changes nothing.
  const then = story.state;
  story.say({ type: "workitem_changed", ...SCOPE, sprintId: null, workItemId: 9, rev: 1, item: item(9) });
  story.say({ type: "of_a_newer_server", ...SCOPE, teamId: "x" });
  story.take({ type: "heartbeat" });
  assert.equal(story.state, then);
});

test("an older revision changes nothing, and an item that left is gone", () => {
  const story = begun([item(1, { rev: 5 })]);
  story.say(change(1, 4, { item: item(1, { rev: 4, title: "old" }) }));
  assert.equal(story.board.items.get(1).rev, 5);
  story.say(change(2, 1));
  story.say(change(1, 6, { item: null }));
  assert.deepEqual(story.ids, [2]);
});

test("the newest change of a board is the one that was told last, and what tells of none leaves it", () => {
  const story = new Story();
  const first = { changedAt: NOON - 9, receivedAt: NOON - 8, appendedAt: NOON - 7, source: "webhook" };
  story.say({ type: "snapshot", ...SCOPE, data: { ...board([item(1)]), lastChange: first } });
  assert.deepEqual(boards(story.state)[0].lastChange, first);
  story.say({ type: "workitem_changed", ...SCOPE, workItemId: 1, rev: 2, item: { ...item(1), rev: 2 }, changedAt: NOON - 5, receivedAt: NOON - 4, timestamp: NOON - 3, source: "rest" });
  story.say({ type: "metric_changed", ...SCOPE, metric: "items.total", value: 2, unit: "items", reason: "any_change" });
  assert.deepEqual(boards(story.state)[0].lastChange, { changedAt: NOON - 5, receivedAt: NOON - 4, appendedAt: NOON - 3, source: "rest" });
});

test("an event that is too large is fetched, and what comes meanwhile and is newer than the answer is not lost", () => {
  const story = begun();
  const [effect] = story.say(change(1, 2, { item: null, url: "/api/snapshot?large" }));
  assert.deepEqual(effect, { do: "fetch", url: "/api/snapshot?large", key: keyOf(SCOPE), load: 1, tries: 0 });
  story.take(change(2, 1), "10-0");
  story.take(change(3, 1), "12-0");
  story.take({ type: "client.fetched", key: effect.key, load: effect.load, at: NOON, answer: { ...board([item(1, { rev: 2 })]), level: "full", dataAsOf: NOON, cursor: "11-5" } });
  assert.deepEqual(story.ids, [1, 3], "what is older than the answer is in it, or was taken back");
  assert.deepEqual(story.state.loads, {});
});

test("of two fetches the newer one counts, and so does a board that came meanwhile", () => {
  const story = begun();
  const answer = (...list) => ({ ...board(list), level: "full", dataAsOf: NOON, cursor: "9-0" });
  const [first] = story.say(change(1, 2, { url: "/one" }));
  const [second] = story.say(change(1, 3, { url: "/two" }));
  story.take({ type: "client.fetched", ...first, answer: answer(item(7)), at: NOON });
  assert.deepEqual(story.ids, [1]);
  story.take({ type: "client.fetched", ...second, answer: answer(item(8)), at: NOON });
  assert.deepEqual(story.ids, [8]);
  const [third] = story.say(change(8, 9, { url: "/three" }));
  story.say({ type: "snapshot", ...SCOPE, data: board([item(4)]) });
  const [fourth] = story.say(change(8, 10, { url: "/four" }));
  assert.notEqual(third.load, fourth.load);
  story.take({ type: "client.fetched", ...third, answer: answer(item(5)), at: NOON });
  assert.deepEqual(story.ids, [4], "an answer from before the snapshot");
});

test("a fetch that fails is tried again later, ever later, unless it is of no use any more", () => {
  const story = begun();
  let [effect] = story.say(change(1, 2, { url: "/large" }));
  const waits = [];
  for (let round = 0; round < 7; round += 1) {
    const [later] = story.take({ type: "client.failed", ...effect, do: undefined });
    waits.push(later.afterMs[1]);
    [effect] = story.take(later.action);
    assert.deepEqual([effect.do, effect.url], ["fetch", "/large"]);
  }
  assert.deepEqual(waits, [10_000, 20_000, 40_000, 80_000, 120_000, 120_000, 120_000]);
  story.say({ type: "snapshot", ...SCOPE, data: board([item(4)]) });
  assert.deepEqual(story.take({ type: "client.failed", ...effect }), []);
});

test("an answer about another sprint is not this board's", () => {
  const story = begun();
  const [effect] = story.say(change(1, 2, { url: "/large" }));
  story.take({ type: "client.fetched", ...effect, at: NOON, answer: { ...board([item(9)]), sprint: { id: "next" }, cursor: "9-0" } });
  assert.deepEqual(story.ids, [1]);
});

test("who begins anew has the boards that there are, and who goes on keeps its own", () => {
  const story = begun();
  story.say({ type: "snapshot", ...OTHER, data: board([item(3)]) });
  story.take({ ...connected, resumed: true });
  assert.equal(boards(story.state).length, 2);
  story.take({ ...connected, gap: true });
  assert.deepEqual(Object.keys(story.state.boards), [keyOf(SCOPE)]);
  assert.equal(loading(story.state), 1);
  story.say({ type: "snapshot", ...SCOPE, data: board([]) });
  assert.equal(loading(story.state), 0);
});

test("who goes on and lacks a board fetches it, and what is told of it meanwhile is not lost", () => {
  const story = new Story();
  const [effect] = story.take({ ...connected, resumed: true });
  assert.deepEqual([effect.do, effect.url], ["fetch", URL_OF]);
  assert.equal(loading(story.state), 1);
  story.take(change(2, 1), "12-0");
  story.take({ type: "client.fetched", ...effect, at: NOON, answer: { ...board([item(1)]), level: "full", dataAsOf: NOON, cursor: "11-0" } });
  assert.deepEqual(story.ids, [1, 2]);
  assert.equal(loading(story.state), 0);
});

test("who joins a stream that is under way fetches all boards anew, be they listed, counted by a list, or one alone", () => {
  const story = begun();
  assert.deepEqual(story.take({ ...connected, resumed: true, reload: true }).map(({ url }) => url), [URL_OF]);
  const [list] = story.take({ ...connected, resumed: true, reload: true, scopes: [], url: "/api/snapshot" });
  assert.deepEqual(list, { do: "list", url: "/api/snapshot", purpose: "reload" });
  const again = begun();
  const effects = again.take({ type: "client.listed", purpose: "reload", answer: { scopes: [{ ...NAMED, url: "/one", dataAsOf: NOON }] }, at: NOON });
  assert.deepEqual(effects.map(({ url }) => url), ["/one"]);
  again.take({ type: "client.listed", purpose: "reload", answer: { ...board([item(6)]), level: "full", dataAsOf: NOON, cursor: "1-0" }, at: NOON });
  assert.deepEqual(again.ids, [6]);
});

test("numbers move one by one, and what follows from a first one is fetched after a while, once", () => {
  const story = begun();
  const moved = { type: "metric_changed", ...SCOPE, metric: "points.remaining", value: 34, previous: 37, unit: "points", reason: "threshold" };
  assert.deepEqual(story.say(moved), []);
  assert.equal(metric(story.board, "points.remaining").value, 34);
  const [later] = story.say({ ...moved, metric: "hours.remaining", value: 5, unit: "hours", reason: "first" });
  assert.deepEqual(later, { do: "later", afterMs: [1000, 10_000], action: { type: "client.due", key: keyOf(SCOPE) } });
  assert.deepEqual(story.say({ ...moved, metric: "sprint.days_left", value: 3 }), [], "it is due already");
  const [fetch] = story.take(later.action);
  assert.equal(fetch.url, URL_OF);
});

test("what a number is made of is told where it changed, fetched where it is too large, and gone with the number", () => {
  const story = begun();
  const told = (more) => story.say({ type: "metric_changed", ...SCOPE, metric: "hours.capacity", value: 40, previous: 40, unit: "hours", reason: "detail", ...more });
  const capacity = () => metric(story.board, "hours.capacity");
  assert.deepEqual(told({ detail: { members: ["Ada"] } }), []);
  assert.deepEqual([capacity().value, capacity().detail], [40, { members: ["Ada"] }]);
  told({ value: 33, reason: "threshold" });
  assert.deepEqual([capacity().value, capacity().detail], [33, { members: ["Ada"] }]);
  assert.deepEqual(told({ value: 33, url: "/large" }).map(({ url }) => url), ["/large"]);
  told({ value: null });
  assert.deepEqual(Object.keys(capacity()).filter((name) => name === "detail"), []);
});

test("a level without numbers is another content, in both directions", () => {
  const story = begun();
  const to = (level, more) => story.say({ type: "degraded", ...SCOPE, level, from: "full", to: level, reason: "server_error", since: NOON, retryAt: null, ...more });
  assert.deepEqual(to("cached"), []);
  assert.deepEqual([story.board.level, story.board.reason], ["cached", "server_error"]);
  assert.equal(to("none").length, 1);
  const [effect] = story.say({ type: "recovered", ...SCOPE, from: "none", downForMs: 1 });
  assert.equal(effect.do, "fetch");
  assert.equal(story.board.reason, null);
});

test("a sprint that changed takes its board along, and no other team's", () => {
  const story = begun();
  story.say({ type: "snapshot", ...OTHER, data: board([item(3)]) });
  story.say({ type: "sprint_changed", ...SCOPE, sprintId: "next", from: SPRINT, to: "next" });
  assert.deepEqual(Object.keys(story.state.boards), [keyOf(OTHER)]);
  story.say({ type: "sprint_changed", ...OTHER, from: SPRINT, to: SPRINT });
  assert.equal(boards(story.state).length, 1, "dates alone change no board");
});

test("how the organisation stands is known where there is no board", () => {
  const story = new Story();
  story.take({ ...connected, scopes: [], level: "none", outage: { reason: "unauthorised", since: NOON, retryAt: null } });
  assert.equal(story.state.organisation.outage.reason, "unauthorised");
  story.take({ type: "degraded", projectId: null, teamId: null, sprintId: null, level: "none", reason: "server_error" });
  assert.equal(story.state.organisation.outage.reason, "server_error");
  story.take({ type: "recovered", projectId: null, teamId: null, sprintId: null, level: "full" });
  assert.deepEqual(story.state.organisation, { level: "full", outage: null });
  story.take({ type: "heartbeat", level: "cached" });
  assert.equal(story.state.isStoreAway, true);
});

test("shuffled and doubled deliveries make the same board as those in order", () => {
  let seed = 20_261_129;
  const chance = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let round = 0; round < 30; round += 1) {
    const events = [];
    const revs = {};
    for (let step = 0; step < 100; step += 1) {
      const id = 1 + Math.floor(chance() * 8);
      revs[id] = (revs[id] ?? 0) + 1;
      events.push(change(id, revs[id], { item: item(id, { rev: revs[id], title: `${step}` }) }));
    }
    const inOrder = begun([]);
    for (const event of events) inOrder.say(event);
    const shuffled = begun([]);
    const all = [...events, ...events.filter(() => chance() < 0.2)].map((event) => [chance(), event]).sort(([one], [other]) => one - other);
    for (const [, event] of all) shuffled.say(event);
    assert.deepEqual(new Map([...shuffled.board.items].sort(([one], [other]) => one - other)), new Map([...inOrder.board.items].sort(([one], [other]) => one - other)));
  }
});

test("selectors return the same value for the same state", () => {
  const story = begun([item(2), item(1, { blocked: true, assignedTo: { id: null, name: "Ada" } })]);
  assert.equal(boards(story.state), boards(story.state));
  assert.deepEqual(items(story.board).map(({ id }) => id), [1, 2]);
  assert.equal(items(story.board, { category: "InProgress" }), items(story.board, { category: "InProgress" }));
  assert.deepEqual(items(story.board, { blocked: true }).map(({ id }) => id), [1]);
  assert.deepEqual(items(story.board, { assignee: null }).map(({ id }) => id), [2]);
  assert.deepEqual(items(story.board, { assignee: "Ada", type: "Bug" }).map(({ id }) => id), [1]);
  assert.equal(boardOf(story.state, { team: " mill " }), story.board);
  assert.equal(boardOf(story.state, { project: `{${PROJECT.toUpperCase()}}`, team: TEAM.replaceAll("-", "") }), story.board);
  assert.equal(boardOf(story.state, { team: "Nobody" }), undefined);
  assert.equal(age(story.board, NOON + 1500), 1500);
  assert.equal(age({ dataAsOf: null }, NOON), null);
  assert.equal(age({ dataAsOf: NOON }, NOON - 1), 0, "no age is negative");
});

test("an answer of the service alone makes a state", () => {
  const state = fromSnapshot({ ...board([item(1)]), team: null, sprint: null, level: "cached", dataAsOf: NOON, cursor: "1-0", outage: { reason: "timed_out", since: 1, retryAt: 2 } });
  const [only] = boards(state);
  assert.deepEqual([only.level, only.reason, only.retryAt, isShown(only)], ["cached", "timed_out", 2, true]);
});

test("a check makes only the boards younger that it compared", () => {
  const story = begun([item(1)], { dataAsOf: NOON - 60_000 });
  const check = { type: "sync_completed", projectId: null, teamId: null, sprintId: null, scopes: 1, failed: [], changed: 0 };
  story.say({ ...check, failed: [PROJECT] });
  assert.equal(story.board.dataAsOf, NOON - 60_000);
  story.say(check);
  assert.equal(story.board.dataAsOf, NOON);
  const [later] = story.say({ ...check, scopes: 0, dataAsOf: NOON + 1 });
  assert.equal(story.board.dataAsOf, NOON);
  const [list] = story.take(later.action);
  assert.deepEqual(list, { do: "list", url: "/api/snapshot", purpose: "ages" });
  const foreign = { ...OTHER, project: "Engine", team: "Store", dataAsOf: NOON };
  assert.deepEqual(story.take({ type: "client.listed", purpose: "ages", answer: { scopes: [{ ...NAMED, dataAsOf: NOON + 2 }, foreign] }, at: NOON }), []);
  assert.equal(story.board.dataAsOf, NOON + 2);
  const hourly = story.say({ ...check, timestamp: NOON + 3_600_001 });
  assert.equal(hourly[0].action.type, "client.due");
});
