// The package in Node.js: against the service itself, and against the one that people test with.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";

import { DashboardSSEClient } from "../../client/dashboard-sse-client.js";
import { fakeServer } from "../../client/fake.js";
import { board, boardUrl, connect } from "../../client/index.js";
import { webStorage } from "../../client/storage.js";
import { closedSchema, metricsOf, startDemo, until } from "./support.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

const ends = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** The service by itself, until the test has ended. */
async function demo(port) {
  const service = await startDemo(port);
  ends.push(service.stop);
  return service;
}

function start(options) {
  const client = connect(options);
  ends.push(() => client.close());
  return client;
}

/** The boards of a client in the form in which the service answers them: items by number, and numbers by name. */
const shape = ({ items, metrics, level }) => ({ level, items: [...items.values()].sort((one, other) => one.id - other.id).map(({ id, rev, state }) => [id, rev, state]), metrics: Object.fromEntries(Object.entries(metrics).map(([id, { value }]) => [id, value])) });

async function theirs({ url }) {
  const { scopes } = await (await fetch(`${url}/api/snapshot`)).json();
  const answers = await Promise.all(scopes.map(async (scope) => (await fetch(url + scope.url)).json()));
  return answers.map((answer) => shape({ ...answer, items: new Map(answer.items.map((item) => [item.id, item])) }));
}

const sorted = (boards) => boards.map((board) => JSON.stringify(board)).sort();

test("after many changes, and after the service was killed and began anew, the boards are the service's", async () => {
  let service = await demo();
  const client = start({ url: service.url });
  let changes = 0;
  client.on("event", ({ type }) => (changes += type === "workitem_changed" ? 1 : 0));
  const equal = () => until("the boards are equal", async () => isDeepStrictEqual(sorted(client.boards.map(shape)), sorted(await theirs(service))) && client.boards.length === 3);
  await until("things change", () => changes >= 4);
  await equal();
  assert.equal(client.state.name, "live");
  assert.ok(client.boards.every(({ demo }) => demo));
  const explained = await client.explain(client.boards[0], "points.remaining");
  assert.equal(explained.metric, "points.remaining");

  await service.stop();
  await until("it says that it is not live", () => client.state.name !== "live");
  service = await demo(service.port);
  await until("it is live again", () => client.state.name === "live");
  await equal();
  assert.equal(client.malformed, 0);
});

test("what the service answers and says is what the schema says, with no field that it lacks", async () => {
  const { url } = await demo();
  const validator = await closedSchema();
  const isA = (type, value) => {
    const validate = validator.getSchema(`schema#/$defs/${type}`);
    assert.ok(validate(value), `${type}: ${JSON.stringify(validate.errors?.slice(0, 3))}`);
  };
  const heard = new Set();
  const client = start({ url, onEvent: ({ type }) => heard.add(type) });
  const faults = [];
  client.on("event", (event) => validator.getSchema("schema#/$defs/Event")(event) || faults.push(event.type));
  await until("much was heard", () => ["connected", "snapshot", "workitem_changed", "metric_changed", "cache_invalidated"].every((type) => heard.has(type)));
  assert.deepEqual(faults, []);
  isA("Directory", await client.get("/api/snapshot"));
  for (const board of client.boards) {
    isA("BoardAnswer", await client.get(boardUrl(board)));
    for (const metric of Object.keys(board.metrics)) isA("Explanation", await client.explain(board, metric));
    for (const id of [[...board.items.keys()][0], 1]) isA("ItemExplanation", await client.explain(board, `item:${id}`));
    // Today is another day where the team is, for some hours.
    const day = board.sprint.startDate;
    isA("PastBoard", await client.get(boardUrl(board, { day })));
    isA("Explanation", await client.explain(board, "items.total", { day }));
    isA("SinceAnswer", await client.get(boardUrl(board, { since: String(Date.now() - 7 * 86_400_000) })));
    const finished = await until("the past is read", async () => (await client.get(boardUrl(board))).metrics["velocity.completed"].detail?.sprints);
    for (const { id } of finished) isA("PastBoard", await client.get(boardUrl(board, { sprint: id })));
  }
  for (const path of ["/api/snapshot?team=Nobody", "/api/snapshot?at=x", "/api/snapshot?team=Web&explain=x"]) {
    await assert.rejects(client.get(path), ({ answer }) => (isA("Error", JSON.parse(answer.text)), true));
  }
});

test("the service for tests answers and says what the schema says, and its numbers have the units that docs/METRICS.md names", async () => {
  const validator = await closedSchema();
  const faults = [];
  const isA = (type, value) => {
    const validate = validator.getSchema(`schema#/$defs/${type}`);
    if (!validate(value)) faults.push(`${type}: ${JSON.stringify(validate.errors.slice(0, 2))}`);
  };
  const rows = await metricsOf();
  const burndown = { unit: "points", original: 8, days: [{ date: "2026-11-16", working: true, ideal: 0, remaining: 8 }], today: [] };
  const metrics = Object.fromEntries(rows.map(([id]) => [id, 1]));
  const server = await fakeServer({ heartbeatMs: 100, boards: [{ team: "Web", items: [{ id: 1 }], metrics, burndown }, { team: "Mobile", items: Array.from({ length: 300 }, (_, index) => ({ id: index + 1 })) }] });
  ends.push(() => server.close());
  const heard = new Set();
  const apart = [];
  const client = start({ url: server.url, onEvent: (event) => (heard.add(event.type), isA("Event", event), event.url && !event.data.items && apart.push(event.data.team.name)) });
  await until("the boards came, and a large one's items apart", () => client.boards.length === 2 && board(client.getState(), { team: "Mobile" }).items.size === 300);
  assert.deepEqual(apart, ["Mobile"]);
  for (const [id, unit] of rows) assert.equal(client.boards.find(({ team }) => team.name === "Web").metrics[id].unit, unit, id);
  server.change("Web", { id: 1, state: "Closed", stateCategory: "Completed" });
  server.change("Web", { id: 2 });
  server.move("Web", "points.remaining", 5);
  await until("a heartbeat came", () => heard.has("heartbeat"));
  server.end("lifetime");
  await until("all was heard", () => ["workitem_changed", "metric_changed", "closing"].every((type) => heard.has(type)));
  isA("Directory", await client.get("/api/snapshot"));
  const web = board(client.getState(), { team: "Web" });
  isA("BoardAnswer", await client.get(boardUrl(web)));
  isA("Explanation", await client.explain(web, "points.remaining"));
  for (const id of [1, 999]) isA("ItemExplanation", await client.explain(web, `item:${id}`));
  isA("SinceAnswer", await client.get(boardUrl(web, { since: "2026-11-20T09:00:00Z" })));
  for (const more of [{ day: "2026-11-20" }, { explain: "x" }]) await assert.rejects(client.get(boardUrl(web, more)), ({ answer }) => (isA("Error", JSON.parse(answer.text)), true));
  assert.deepEqual([...new Set(faults)], []);
});

test("k12_the class that dashboards have from before has its members, one source, and each event once", async () => {
  const server = await fakeServer({ boards: [{ team: "Web" }] });
  ends.push(() => server.close());
  const heard = [];
  class Dashboard extends DashboardSSEClient {
    handleDashboardUpdate(data) {
      heard.push(data);
    }
  }
  const dashboard = new Dashboard(`${server.url}/api/sse/dashboard?team=Web`, { random: () => 0.1 });
  ends.push(() => dashboard.disconnect());
  assert.deepEqual([dashboard.eventSource, dashboard.reconnectAttempts, dashboard.maxReconnectAttempts], [null, 0, Infinity]);
  assert.equal(new DashboardSSEClient().endpoint, "/api/sse/dashboard");
  dashboard.connect();
  dashboard.connect();
  await until("it is open", () => dashboard.eventSource.readyState === 1);
  for (let id = 1; id <= 20; id += 1) {
    server.change("Web", { id });
    if (id % 5 === 0) {
      server.end(id % 2 ? "lifetime" : undefined);
      await until("it listens again", () => server.open === 1);
    }
  }
  const changes = () => heard.filter(({ type }) => type === "workitem_changed").map(({ workItemId }) => workItemId);
  await until("all came", () => changes().length >= 20);
  assert.deepEqual(changes(), Array.from({ length: 20 }, (_, index) => index + 1));
  assert.equal(server.open, 1);
  const source = dashboard.eventSource;
  source.close();
  dashboard.disconnect();
  assert.equal(dashboard.eventSource, null);
  assert.equal(source.readyState, 2);
  await until("the stream is closed", () => server.open === 0);
});

test("b3_b11_what was heard is there at once after a reload, and the stream goes on where it was", async () => {
  const server = await fakeServer({ boards: [{ team: "Web", items: [{ id: 1 }] }] });
  ends.push(() => server.close());
  const kept = new Map();
  const storage = webStorage({ getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) });
  const first = start({ url: server.url, team: "Web", storage });
  await until("the board is there", () => first.boards.length === 1);
  server.change("Web", { id: 2 });
  await until("the item is there", () => first.boards[0].items.has(2));
  first.close();
  await sleep(20);
  server.change("Web", { id: 3 });
  const events = [];
  const second = start({ url: server.url, team: "Web", storage, onEvent: ({ type }) => events.push(type) });
  await until("it is live", () => second.state.name === "live" && second.boards[0]?.items.has(3));
  assert.deepEqual([...second.boards[0].items.keys()].sort(), [1, 2, 3]);
  assert.ok(!events.includes("snapshot"), "the board came again");
  second.close();
  // What was kept for another filter is none of this one's.
  const other = start({ url: server.url, storage, onEvent: ({ type }) => events.push(type) });
  await until("the board came", () => events.includes("snapshot") && other.boards.length === 1);
  other.close();
  await server.close();
  const third = start({ url: server.url, team: "Web", storage, warn: () => {} });
  await until("the boards of before are there", () => third.boards.length === 1 && third.state.reason === "unreachable");
  assert.equal(third.boards[0].items.size, 3);
});

test("what cannot be read of what was kept costs nothing", async () => {
  const server = await fakeServer();
  ends.push(() => server.close());
  for (const text of ["{", "null", "[]", '{"form":99}', '{"form":1,"position":"1-0","boards":[{}]}']) {
    const storage = webStorage({ getItem: () => text, setItem: () => {} });
    const client = start({ url: server.url, storage, warn: () => {} });
    await until("it is live", () => client.state.name === "live" && client.boards.length === 1);
    client.close();
  }
});

test("a service for tests serves what its command line says", async () => {
  const child = spawn(process.execPath, [path.join(ROOT, "client/fake-cli.js"), "0"], { stdio: ["ignore", "pipe", "inherit"] });
  ends.push(() => child.kill());
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const client = start({ url: /http:\/\/[\d.:]+/.exec(line)[0], team: ["Web", "Mobile"] });
  await until("both teams are there", () => client.boards.length === 2);
  const before = client.boards;
  await until("something happens", () => client.boards !== before);
});
