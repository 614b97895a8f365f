// How the connection stands, and how often a server is asked: with time and chance in the tests' hands.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { connect, loading } from "../../client/index.js";
import { NOON, SCOPE, board, connected, item, json, played, settled } from "./support.mjs";

let client;
afterEach(() => client?.close());

/** A client whose service, time and chance are the test's; and every state that it was in. */
function start(more = {}) {
  const { time, service, options } = played(more);
  client = connect(options);
  const states = [];
  client.on("state", ({ name, reason }) => states.push(`${name} ${reason}`));
  return { time, service, states };
}

async function live(more) {
  const all = start(more);
  await settled();
  all.service.say(connected);
  await settled();
  assert.equal(client.state.name, "live");
  return all;
}

const refuse = (status, headers = {}, body = "") => () => new Response(status === 204 ? null : body, { status, headers });

test("b1_a server that refuses is asked for ever, ever more rarely, at random moments and never twice at once", async () => {
  let turn = 0;
  const chances = [0.9, 0.1, 0.5, 0.99, 0.3, 0.7];
  const { time, service } = await live({ random: () => chances[(turn += 1) % chances.length], poll: false });
  service.instead = refuse(503);
  service.end();
  await time.pass(600_000);
  const at = service.streams.slice(1).map(({ at }) => at);
  const gaps = at.slice(1).map((moment, index) => moment - at[index]);
  gaps.forEach((gap, index) => assert.ok(gap <= Math.min(30_000, 2000 * 2 ** (index + 1)), `gap ${index} is ${gap} ms`));
  // Full jitter: the mean of the longest wait is half of it, and no two waits are bound to be alike.
  assert.ok(new Set(gaps.map(Math.round)).size > 4, `the waits are ${gaps}`);
  assert.ok(at.length > 20 && at.length < 600_000 / 10_000, `${at.length} requests in ten minutes`);
  assert.equal(service.requests.length, service.streams.length, "each try is one request");
  assert.equal(client.state.name, "reconnecting");
});

test("b1_in the first minute of refusals a server is asked ten times at most, whatever chance says", async () => {
  for (const chance of [0.3, 0.5, 0.8]) {
    const { time, service } = await live({ random: () => chance, poll: false });
    const before = service.streams.length;
    service.instead = refuse(503);
    service.end();
    await time.pass(60_000);
    const asked = service.streams.length - before;
    assert.ok(asked >= 3 && asked <= 10, `${asked} requests with a chance of ${chance}`);
    client.close();
  }
});

test("b1_a server that accepts and drops is no success, however often it says that it is connected", async () => {
  const { time, service } = await live({ poll: false });
  for (let round = 0; round < 200; round += 1) {
    service.end();
    const before = service.streams.length;
    while (service.streams.length === before) await time.pass(100);
    if (service.streams.at(-1).at > 300_000) break;
    service.say(connected);
    await settled();
  }
  assert.ok(service.streams.length < 35, `${service.streams.length} streams in five minutes`);
});

test("b1_a stream that lived for a while is a success, after which the next try comes soon", async () => {
  const { time, service } = await live({ poll: false });
  service.instead = refuse(503);
  service.end();
  await time.pass(120_000);
  service.instead = () => undefined;
  await time.pass(30_000);
  service.say(connected);
  await time.pass(12_000);
  service.say({ type: "heartbeat", cursor: "1-0" });
  await settled();
  service.end();
  await settled();
  assert.ok(client.nextTryAt - NOON - time.now <= 2000, "the growth begins anew");
});

test("b1_who looks or comes back to the network tries at once, unless the server asked to be left in peace", async () => {
  const { time, service } = await live({ poll: false });
  service.instead = refuse(429, { "retry-after": "40" });
  service.end();
  await time.pass(3000);
  const before = service.streams.length;
  client.tryNow();
  await time.pass(35_000);
  assert.equal(service.streams.length, before);
  assert.equal(Math.round((client.nextTryAt - NOON - time.now) / 1000), 3);
  client.tryNow({ force: true });
  await settled();
  assert.equal(service.streams.length, before + 1, "a new key waits for nothing");
  service.instead = refuse(500);
  await time.pass(45_000);
  const then = service.streams.length;
  client.tryNow();
  await settled();
  assert.equal(service.streams.length, then + 1);
});

test("b7_it is live only once it is known which boards there are, and a listener that closes it leaves nothing behind", async () => {
  const { service, time, options } = played();
  client = connect(options);
  const views = [];
  client.subscribe((view) => views.push([view.connection.name, loading(view)]));
  await settled();
  service.say(connected);
  await settled();
  assert.equal(client.state.name, "live");
  assert.deepEqual(views.filter(([name, missing]) => name === "live" && missing === 0), []);
  client.on("event", () => client.close());
  service.say({ type: "heartbeat", cursor: "1-0" });
  await settled();
  const asked = service.requests.length;
  await time.pass(600_000);
  assert.deepEqual([client.state.name, service.requests.length], ["closed", asked]);
});

test("b2_there is one stream at a time, and a planned end shows nothing", async () => {
  const { time, service, states } = await live();
  for (const reason of ["lifetime", "slow", "lost", "shutdown"]) {
    service.say({ type: "closing", reason, reconnectAfterMs: 50 });
    await settled();
    assert.equal(service.open, 0);
    await time.pass(60);
    assert.equal(service.open, 1);
    service.say({ ...connected, resumed: true });
    await settled();
  }
  assert.deepEqual(states, ["connecting opening", "live live"]);
  assert.equal(service.streams.at(-1).headers["last-event-id"], undefined, "nothing was told that has a position");
});

test("b3_the cursor goes along in a header, with the key, and never in the address", async () => {
  const { time, service } = await live({ key: "a+b/c==", headers: { authorization: "Bearer x" }, project: "Engine", team: ["Mill", "Store"] });
  const id = service.say({ type: "cache_invalidated", ...SCOPE, keys: [], reason: "x" });
  await settled();
  service.end();
  await time.pass(3000);
  const { url, headers } = service.streams.at(-1);
  assert.equal(headers["last-event-id"], id);
  assert.equal(headers["x-functions-key"], "a+b/c==");
  assert.equal(headers.authorization, "Bearer x");
  assert.equal(url, "http://boards.example/api/sse/dashboard?project=Engine&team=Mill&team=Store&heartbeat=1&shed=503");
});

test("b5_silence of one and a half heartbeats is stale, and another stream is asked", async () => {
  const { time, service } = await live();
  await time.pass(15_000);
  service.say({ type: "heartbeat", cursor: "1-0" });
  await time.pass(22_400);
  assert.equal(client.state.name, "live");
  await time.pass(200);
  assert.deepEqual([client.state.name, client.state.reason], ["stale", "silent"]);
  assert.equal(client.since, NOON + 15_000, "it has not been live since it was heard last, and not only since that shows");
  await time.pass(3000);
  service.say({ ...connected, resumed: true });
  await settled();
  assert.equal(client.state.name, "live");
  assert.equal(client.since, NOON + 40_600);
  // The end of a stream is heard as well.
  await time.pass(4000);
  service.end();
  await settled();
  assert.deepEqual([client.state.reason, client.since], ["lost", NOON + 44_600]);
});

test("b7_how the connection stands has a time since when, also while it is live and once it is closed", async () => {
  const { time, service } = start();
  assert.equal(client.since, null, "before it was ever live");
  await time.pass(1000);
  service.say(connected);
  await settled();
  assert.deepEqual([client.state.name, client.since, client.nextTryAt], ["live", NOON + 1000, null]);
  await time.pass(2000);
  service.say({ type: "heartbeat", cursor: "1-0" });
  await settled();
  assert.equal(client.since, NOON + 1000, "it has been live all the time");
  await time.pass(1000);
  client.close();
  assert.deepEqual([client.state.name, client.since, client.nextTryAt], ["closed", NOON + 4000, null]);
});

test("an address at which nothing could ever be asked is refused at once, with what to give instead", () => {
  const wrong = [undefined, null, "", "/boards", "not a url", "boards.example", "localhost:7071", "http://", "ftp://boards.example"];
  for (const url of wrong) {
    const told = (error) => error instanceof TypeError && error.message.includes(`the option url is ${JSON.stringify(url ?? "")}`) && error.message.includes("https://boards.example");
    assert.throws(() => connect({ url }), told, String(url));
  }
  assert.throws(() => connect(), TypeError);
  // In a page its own site is asked, and whoever brings what fetches may know what a path belongs to.
  for (const url of ["", "/boards"]) {
    globalThis.location = { href: "http://page.example/" };
    try {
      client = connect({ url, fetch: () => new Promise(() => {}) });
      client.close();
    } finally {
      delete globalThis.location;
    }
    connect({ url, fetch: () => new Promise(() => {}) }).close();
  }
});

test("b6_what is no event is passed over and counted, and the next one is heard", async () => {
  const { service } = await live();
  for (const data of ["null", "{", "7", "[]", '{"type":7}', '"x"']) service.write(`data: ${data}\n\n`);
  service.say({ type: "a_type_of_a_newer_server" });
  service.say({ type: "constructor" });
  service.say({ type: "client.fetched", key: "x" });
  service.say({ type: "snapshot", ...SCOPE, data: null });
  service.say({ type: "snapshot", ...SCOPE, data: board([item(1)]) });
  await settled();
  assert.equal(client.boards.length, 1);
  assert.equal(client.malformed, 7);
  assert.equal(client.state.name, "live");
});

test("b7_b8_each way to be refused has its state, and says what was answered", async () => {
  const html = { "content-type": "text/html" };
  const cases = [
    [refuse(401), "unauthorised", 401],
    [refuse(403), "unauthorised", 403],
    [refuse(200, html, '<form><input type="password" name="p"></form>'), "unauthorised", 200],
    [refuse(200, html, "<title>Maintenance</title>"), "reconnecting", 200],
    [refuse(404), "reconnecting", 404],
    [refuse(204), "reconnecting", 204],
    [refuse(503), "reconnecting", 503],
  ];
  for (const [answer, name, status] of cases) {
    const { service } = start({ poll: false });
    service.instead = answer;
    await settled();
    assert.deepEqual([client.state.name, client.state.reason, client.state.answer.status], [name, "refused", status]);
    assert.ok(client.nextTryAt > NOON, "it is tried again");
    client.close();
  }
  const { service } = start();
  service.instead = () => Promise.reject(new TypeError("failed to fetch"));
  await settled();
  assert.deepEqual([client.state.name, client.state.reason], ["reconnecting", "unreachable"]);
});

test("b7_a redirect within the site is followed, and one to elsewhere is somebody who wants to know who asks", async () => {
  const { service } = start();
  service.instead = (_, { redirect }) => (redirect === "manual" ? new Response(null, { status: 302, headers: { location: "/x" } }) : undefined);
  await settled();
  service.say(connected);
  await settled();
  assert.equal(client.state.name, "live");
  client.close();
  const other = start();
  other.service.instead = (_, { redirect }) => (redirect === "manual" ? new Response(null, { status: 302 }) : Promise.reject(new TypeError("no CORS")));
  await settled();
  assert.deepEqual([client.state.name, client.state.answer.isElsewhere], ["unauthorised", true]);
});

test("b7_a device without a network is offline, and tries when it is back", async () => {
  let isOnline = false;
  const environment = { isOnline: () => isOnline, isHidden: () => false, canShare: () => false, watch: ({ look }) => ((start.look = look), () => {}) };
  const { service } = start({ environment });
  service.instead = () => Promise.reject(new TypeError("offline"));
  await settled();
  assert.equal(client.state.name, "offline");
  isOnline = true;
  service.instead = () => undefined;
  start.look();
  await settled();
  service.say(connected);
  await settled();
  assert.equal(client.state.name, "live");
});

test("b7_a server with too many readers is left in peace for as long as it asks for, however it says so", async () => {
  for (const byStatus of [true, false]) {
    const { time, service } = start();
    if (byStatus) service.instead = () => json(503, { error: { code: "too_many_streams" } }, { "retry-after": "20" });
    await settled();
    if (!byStatus) service.say({ type: "closing", reason: "shed", reconnectAfterMs: 20_000 });
    await settled();
    assert.equal(client.state.name, "shed");
    const before = service.streams.length;
    client.tryNow();
    await time.pass(19_000);
    assert.equal(service.streams.length, before);
    client.close();
  }
});

test("b9_what was closed asks nothing any more, and closing again changes nothing", async () => {
  const { time, service } = await live();
  client.close();
  client.close();
  const asked = service.requests.length;
  await time.pass(600_000);
  assert.equal(service.open, 0);
  assert.equal(service.requests.length, asked);
  assert.equal(client.state.name, "closed");
});

test("b9_an AbortSignal closes it, also one that was aborted before", async () => {
  const controller = new AbortController();
  const { service } = await live({ signal: controller.signal });
  controller.abort();
  await settled();
  assert.equal(service.open, 0);
  const { service: other } = start({ signal: controller.signal });
  await settled();
  assert.equal(other.requests.length, 0);
});

test("b10_where streams do not come through the boards are fetched, and no more so once one does", async () => {
  const { time, service } = await live();
  service.say({ type: "snapshot", ...SCOPE, data: board([item(1)]) });
  await settled();
  const url = `http://boards.example/api/snapshot?project=${SCOPE.projectId}&team=${SCOPE.teamId}`;
  service.answers.set("http://boards.example/api/snapshot", { scopes: [{ ...SCOPE, level: "full", dataAsOf: NOON }], level: "full", cursor: "9-0" });
  service.answers.set(url, { ...board([item(1), item(2)]), level: "full", dataAsOf: NOON, cursor: "9-0" });
  service.instead = (url) => (url.includes("/api/sse/") ? new Response("", { headers: { "content-type": "text/event-stream" } }) : undefined);
  service.end();
  await time.pass(60_000);
  assert.equal(client.boards[0].items.size, 2);
  assert.equal(client.state.polling, true);
  assert.equal(client.state.name, "reconnecting");
  const polls = service.requests.filter(({ url }) => url.endsWith("/api/snapshot")).length;
  assert.ok(polls >= 1 && polls <= 3, `${polls} polls in a minute`);
  service.instead = () => undefined;
  await time.pass(30_000);
  service.say(connected);
  await settled();
  assert.equal(client.state.polling, false);
  const asked = service.requests.length;
  await time.pass(20_000);
  assert.ok(service.requests.length <= asked + 1);
});

test("boards that cannot be fetched for long are told of in one line, and again only after they could be", async () => {
  const told = [];
  const { time, service } = await live({ warn: (...what) => told.push(what) });
  service.say({ type: "snapshot", ...SCOPE, data: board([item(1)]) });
  await settled();
  let isOut = true;
  service.instead = (url) => (url.includes("/api/sse/") ? new Response("", { headers: { "content-type": "text/event-stream" } }) : isOut ? new Response("", { status: 502 }) : json(200, { scopes: [], level: "full", cursor: "9-0" }));
  service.end();
  await time.pass(600_000);
  assert.deepEqual(told, [["the boards could not be fetched: the server answered 502"]]);
  isOut = false;
  await time.pass(60_000);
  isOut = true;
  await time.pass(600_000);
  assert.equal(told.length, 2);
});

test("a board that cannot be fetched for long is told of in one line", async () => {
  const told = [];
  const { time, service } = await live({ warn: (...what) => told.push(what) });
  service.instead = (url) => (url.includes("/api/sse/") ? undefined : new Response("", { status: 502 }));
  const beat = async () => {
    for (let second = 0; second < 300; second += 10) {
      await time.pass(10_000);
      service.say({ type: "heartbeat", cursor: "1-0" });
    }
  };
  service.say({ type: "snapshot", ...SCOPE, url: "/api/snapshot?team=x", data: board([], { items: undefined }) });
  await beat();
  assert.ok(service.requests.filter(({ url }) => url.endsWith("team=x")).length > 2, "it is tried again");
  assert.deepEqual(told, [["/api/snapshot?team=x could not be fetched: the server answered 502"]]);
});

test("events are an async iterator, which ends when it is closed", async () => {
  const { service } = await live();
  const heard = [];
  const loop = (async () => {
    for await (const { type } of client) heard.push(type);
  })();
  await settled();
  service.say({ type: "cache_invalidated", ...SCOPE, keys: [], reason: "x" });
  service.say({ type: "heartbeat", cursor: "1-0" });
  await settled();
  client.close();
  await loop;
  assert.deepEqual(heard, ["cache_invalidated", "heartbeat"]);
});

test("a listener that throws keeps nobody else from hearing", async () => {
  const { service } = await live();
  let heard = 0;
  client.on("event", () => {
    throw new Error("mine");
  });
  client.on("event", () => (heard += 1));
  service.say({ type: "heartbeat", cursor: "1-0" });
  await settled();
  assert.equal(heard, 1);
});
