// The one stream of a browser, and the pages that share it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { admits, filterOf, union } from "../../client/filter.js";
import { Hub } from "../../client/hub.js";
import { NAMED, SCOPE, connected, played, settled } from "./support.mjs";

const WEB = { projects: [], teams: ["Web"] };
const CLINIC = { projects: [], teams: ["Clinic"] };

function start() {
  const { time, service, options } = played();
  const hub = new Hub({ ...options, isOnline: () => true });
  const pages = {};
  return {
    time,
    service,
    pages,
    /** A page says what it wants; what it is told is kept. */
    want(name, filter, more = {}) {
      pages[name] = [];
      hub.receive(name, { do: "want", url: "http://boards.example", headers: {}, filter, lastEventId: "", isHidden: false, ...more }, (told) => pages[name].push(told));
    },
    receive: (name, message) => hub.receive(name, message),
    close: () => hub.close(),
    events: (name) => pages[name].filter(({ is }) => is === "event").map(({ event }) => event),
  };
}

test("e13_pages that want the same share a stream, and one that comes later is told how it stands", async () => {
  const { service, time, want, events } = start();
  want("first", WEB);
  await settled();
  service.say({ ...connected, resumed: false });
  await settled();
  await time.pass(3000);
  want("second", WEB);
  await settled();
  assert.equal(service.streams.length, 1);
  const [greeting] = events("second");
  assert.deepEqual([greeting.type, greeting.resumed, greeting.reload, greeting.url], ["connected", true, true, "/api/snapshot?team=Web"]);
  assert.ok(greeting.timestamp >= events("first")[0].timestamp + 3000, "it is told the time of now");
  service.say({ type: "cache_invalidated", ...SCOPE, keys: [], reason: "x" });
  await settled();
  for (const name of ["first", "second"]) assert.equal(events(name).at(-1).type, "cache_invalidated");
});

test("e13_b7_no page is told that the stream is live before it is told which boards there are", async () => {
  const { service, pages, want } = start();
  const order = (name) => pages[name].filter(({ is }) => is !== "begin").map(({ event, state }) => event?.type ?? state.name);
  want("first", WEB);
  await settled();
  service.say(connected);
  await settled();
  // One that is told at once how it stands, and one for which the stream is opened anew.
  want("second", WEB);
  want("third", CLINIC);
  await settled();
  service.say({ ...connected, resumed: true });
  await settled();
  assert.deepEqual(order("first").slice(0, 3), ["connecting", "connected", "live"]);
  assert.deepEqual(order("second").slice(0, 3), ["connecting", "connected", "live"]);
  assert.deepEqual(order("third"), ["connecting", "connected", "live"]);
  const first = pages.second.find(({ is }) => is === "state").state;
  assert.equal(first.since, null, "it was never live for a page that comes");
});

test("e13_a page that wants more has the stream opened anew from its cursor, and hears nothing before that begins", async () => {
  const { service, want, events } = start();
  want("first", WEB);
  await settled();
  service.say(connected);
  const id = service.say({ type: "cache_invalidated", ...SCOPE, keys: [], reason: "x" });
  await settled();
  want("second", CLINIC);
  await settled();
  const { url, headers } = service.streams.at(-1);
  assert.match(url, /\?team=Clinic&team=Web&/);
  assert.equal(headers["last-event-id"], id);
  assert.equal(service.open, 1);
  service.say({ type: "cache_invalidated", ...SCOPE, keys: [], reason: "of before" });
  await settled();
  assert.deepEqual(events("second"), []);
  service.say({ ...connected, resumed: true });
  await settled();
  assert.equal(events("second")[0].reload, true, "what was there before is fetched");
  assert.equal(events("first").at(-1).reload, undefined);
});

test("e13_the stream ends with the last page, and a page that left narrows what the next one asks for", async () => {
  const { service, time, want, receive } = start();
  want("first", WEB);
  want("second", CLINIC);
  await settled();
  service.say(connected);
  await settled();
  receive("first", { do: "bye" });
  receive("first", { do: "bye" });
  assert.equal(service.open, 1);
  service.end();
  await time.pass(3000);
  assert.match(service.streams.at(-1).url, /\?team=Clinic&heartbeat/);
  receive("second", { do: "bye" });
  await time.pass(120_000);
  assert.equal(service.open, 0);
  const asked = service.requests.length;
  await time.pass(120_000);
  assert.equal(service.requests.length, asked);
});

test("e13_whoever logs in otherwise has a stream of its own", async () => {
  const { service, want } = start();
  want("first", WEB);
  want("second", WEB, { headers: { "x-functions-key": "other" } });
  await settled();
  assert.equal(service.open, 2);
  want("second", WEB);
  await settled();
  assert.equal(service.open, 1, "a key that changed leaves the old stream");
});

test("e13_a page that leads and goes leaves no stream behind, whoever else wants one", async () => {
  const { service, time, want, receive, close } = start();
  want("leader", WEB);
  want("other", WEB);
  await settled();
  service.say(connected);
  await settled();
  receive("leader", { do: "bye" });
  assert.equal(service.open, 1);
  close();
  await time.pass(120_000);
  assert.equal(service.open, 0);
});

test("what several pages want is asked for, and each takes what it asked for", () => {
  assert.deepEqual(union(WEB, CLINIC), { projects: [], teams: ["Clinic", "Web"] });
  assert.deepEqual(union(WEB, { projects: ["a"], teams: [] }), { projects: [], teams: [] });
  assert.deepEqual(union(filterOf({ project: "a" }), filterOf({ project: ["b", "a"] })), { projects: ["a", "b"], teams: [] });
  assert.ok(admits(filterOf({ team: " MILL " }), NAMED) && admits(filterOf({}), NAMED));
  assert.ok(!admits(filterOf({ team: "Store" }), NAMED) && !admits(filterOf({ team: "" }), NAMED));
  assert.ok(admits(filterOf({ team: "-" }), { ...NAMED, teamId: null, team: null }) && !admits(filterOf({ team: "-" }), NAMED));
});
