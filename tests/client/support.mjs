// What the tests of the package share: time that is turned by hand, and answers that a test writes.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import Ajv from "ajv/dist/2020.js";

// What a client loads when it needs it is there, so that nothing but a test's own time goes by.
import "../../client/poll.js";
import "../../client/stream.js";

export const NOON = Date.parse("2026-11-23T12:00:00Z");

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const BINARY = process.env.BOARDCAST_TEST_BINARY ?? path.resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target", "release", "boardcast");

const GOLDEN = new URL("../fixtures/events/", import.meta.url);

/** The golden files of events and objects, by name. */
export async function golden() {
  const files = (await readdir(GOLDEN)).filter((file) => file.endsWith(".json"));
  const entries = files.map(async (file) => [file.replace(/\.json$/, ""), JSON.parse(await readFile(new URL(file, GOLDEN), "utf8"))]);
  return Object.fromEntries(await Promise.all(entries));
}

/** The metrics that docs/METRICS.md lists, each with its unit. */
export async function metricsOf() {
  const text = await readFile(new URL("../../docs/METRICS.md", import.meta.url), "utf8");
  return [...text.matchAll(/^\| `([a-z_0-9.]+)` \| (\w+) \|/gm)].map(([, id, unit]) => [id, unit]);
}

/**
 * The schema, as a validator in which nothing may be added. A newer server may add fields, so the schema allows them; what
 * this version says has to be in it all the same.
 */
export async function closedSchema() {
  const text = await readFile(new URL("../../docs/api/schema.json", import.meta.url), "utf8");
  const isOpen = (value) => value?.type === "object" && value.properties && !("additionalProperties" in value);
  const closed = JSON.parse(text, (_, value) => (isOpen(value) ? { ...value, additionalProperties: false } : value));
  const formats = { uuid: /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/, date: /^\d{4}-\d\d-\d\d$/ };
  return new Ajv({ strict: true, strictTypes: false, allErrors: true, keywords: ["x-keys"], formats }).addSchema(closed, "schema");
}

/** Time that goes by when a test says so. Timers run in order, and what they begin is waited for between them. */
export class Time {
  now = 0;
  #timers = [];
  #number = 0;

  setTimeout = (then, ms) => {
    this.#number += 1;
    this.#timers.push({ at: this.now + ms, number: this.#number, then });
    return this.#number;
  };

  clearTimeout = (number) => {
    this.#timers = this.#timers.filter((timer) => timer.number !== number);
  };

  async pass(ms) {
    const end = this.now + ms;
    for (;;) {
      await settled();
      const next = this.#timers.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at || one.number - other.number)[0];
      if (!next) break;
      this.clearTimeout(next.number);
      this.now = next.at;
      next.then();
    }
    this.now = end;
    await settled();
  }
}

/** Lets everything go on that waits for nothing. */
export async function settled() {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A service whose answers a test writes. `requests` are those that were made. */
export class Service {
  requests = [];
  #streams = new Set();
  #id = 0;
  #time;
  /** `(url, init) => Response`, or nothing for what is answered otherwise. */
  instead = () => undefined;
  answers = new Map();

  constructor(time) {
    this.#time = time;
  }

  fetch = async (url, init = {}) => {
    init.signal?.throwIfAborted();
    this.requests.push({ url, at: this.#time.now, headers: init.headers });
    const other = await this.instead(url, init);
    if (other) return other;
    if (url.includes("/api/sse/dashboard")) return this.#stream(init.signal);
    return this.answers.has(url) ? json(200, this.answers.get(url)) : json(404, {});
  };

  get streams() {
    return this.requests.filter(({ url }) => url.includes("/api/sse/"));
  }

  get open() {
    return this.#streams.size;
  }

  #stream(signal) {
    let stream;
    const body = new ReadableStream({
      start: (controller) => {
        stream = controller;
        this.#streams.add(controller);
        signal?.addEventListener("abort", () => {
          if (this.#streams.delete(controller)) controller.error(signal.reason);
        });
      },
      cancel: () => this.#streams.delete(stream),
    });
    return new Response(body, { headers: { "content-type": "text/event-stream" } });
  }

  /** Writes to every stream. */
  write(text) {
    for (const stream of this.#streams) stream.enqueue(new TextEncoder().encode(text));
  }

  say(event) {
    this.#id += 1;
    const isOfTheConnection = ["connected", "closing", "heartbeat"].includes(event.type);
    const whole = { v: 1, timestamp: NOON + this.#time.now, level: "full", dataAsOf: NOON, ...event };
    this.write(`${isOfTheConnection ? "" : `id: ${this.#id}-0\n`}data: ${JSON.stringify(whole)}\n\n`);
    return `${this.#id}-0`;
  }

  end() {
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
  }
}

export function json(status, body, headers = {}) {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });
}

/** Options of a client whose time, chance and service are a test's. */
export function played({ random = () => 0.5, ...more } = {}) {
  const time = new Time();
  const service = new Service(time);
  const environment = { isOnline: () => true, isHidden: () => false, canShare: () => false, watch: () => () => {} };
  const options = {
    url: "http://boards.example",
    fetch: service.fetch,
    now: () => NOON + time.now,
    monotonic: () => time.now,
    setTimeout: time.setTimeout,
    clearTimeout: time.clearTimeout,
    random,
    environment,
    warn: () => {},
    ...more,
  };
  return { time, service, options };
}

export const PROJECT = "5f0c3a52-7c1e-4b7a-9d3e-2b8f6a1c4d90";
export const TEAM = "66df9be7-3586-467b-9c5f-425b29afedfd";
export const SPRINT = "a589a806-bf11-4d4f-a031-c19813331553";
export const SCOPE = { projectId: PROJECT, teamId: TEAM, sprintId: SPRINT };
export const NAMED = { ...SCOPE, project: "Engine", team: "Mill", sprint: "Sprint 12" };

export const item = (id, more = {}) => ({ id, rev: 1, type: "Bug", title: `Item ${id}`, state: "Active", stateCategory: "InProgress", assignedTo: null, blocked: false, ...more });

export const board = (items, more = {}) => ({
  project: { id: PROJECT, name: "Engine" },
  team: { id: TEAM, name: "Mill" },
  sprint: { id: SPRINT, name: "Sprint 12" },
  metrics: { "points.remaining": { value: 37, unit: "points" } },
  states: [],
  items,
  burndown: null,
  history: "complete",
  ...more,
});

export const connected = { type: "connected", heartbeatMs: 15_000, resumed: false, gap: false, cursor: "0-0", serverVersion: "1", scopes: [NAMED] };

/** Waits until what `read` returns is accepted, and returns it. */
export async function until(what, read, accept = Boolean) {
  for (const deadline = performance.now() + 60_000; ; ) {
    const value = await read();
    if (accept(value)) return value;
    assert.ok(performance.now() < deadline, `not in time: ${what}; instead ${JSON.stringify(value)?.slice(0, 1000)}`);
    await sleep(20);
  }
}

/** The service by itself, with its simulated organisation. */
export async function startDemo(port = 0) {
  const child = spawn(BINARY, [], { env: { BOARDCAST_DEMO: "on", BOARDCAST_SETTLE_MS: "200", BOARDCAST_PORT: String(port), NO_COLOR: "1" }, stdio: ["ignore", "pipe", "inherit"] });
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const address = /\blistening\b.*\baddress=(127\.0\.0\.1:\d+)/.exec(line);
      if (address) resolve(`http://${address[1]}`);
    });
    child.once("error", () => reject(new Error(`${BINARY} cannot be started: build it with cargo build --release`)));
    child.once("exit", () => reject(new Error("the service ended before it listened")));
  });
  return { url, port: Number(new URL(url).port), stop };
}
