// What the browser tests share: the product as its own process, hooks to post to it, and a browser to look with.
// Everything happens on loopback.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, afterEach, before, beforeEach } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";

import puppeteer from "puppeteer-core";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const BINARY =
  process.env.BOARDCAST_TEST_BINARY ??
  path.resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target", "release", "boardcast");
const SCREENSHOTS = path.join(ROOT, "target", "screenshots");

/** Far more than anything here takes, so that a slow machine is no failure. */
const DEADLINE_MS = Number(process.env.BOARDCAST_TEST_DEADLINE_MS ?? 60_000);

/** The project whose board the tests fill. */
export const PROJECT = "5f0c3a52-7c1e-4b7a-9d3e-2b8f6a1c4d90";

const BROWSER_FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--lang=en-GB",
  "--accept-lang=en-GB",
  // Whatever a page or the browser itself asks for, no name is looked up and no other machine is reached.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
];

/**
 * Waits until what `read` returns is accepted, and returns it. The error says what was there instead.
 *
 * @template T
 * @param {string} what
 * @param {() => T | Promise<T>} read
 * @param {(value: T) => unknown} accept
 * @returns {Promise<T>}
 */
export async function until(what, read, accept = Boolean) {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const value = await read();
    if (accept(value)) return value;
    if (performance.now() > deadline) {
      throw new Error(`not within ${DEADLINE_MS} ms: ${what}; instead ${inspect(value, { depth: 4 })}`);
    }
    await sleep(25);
  }
}

/** The page of the test that runs. */
export let page;

/** What is undone when the test has ended. */
const endings = [];

/** Undoes something when the test has ended, whatever becomes of it; the last first. */
export function atEnd(undo) {
  endings.push(undo);
}

/** Gives every test of the file a new page, and fails those whose page did what none may. */
export function useBrowser() {
  let browser;
  let faults;
  before(async () => {
    browser = await launchBrowser();
  });
  after(() => browser?.close());
  beforeEach(async () => {
    ({ page, faults } = await browser.newPage());
  });
  afterEach(async () => {
    await page?.close();
    for (const undo of endings.splice(0).reverse()) await undo();
    assert.deepEqual(faults, []);
  });
}

const running = new Set();

// A test that fails half-way must not leave a server behind.
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

/**
 * Starts the product by itself and waits until it listens. Nothing of the caller's environment reaches it but the
 * `settings`: a secret or a port that a developer has set would change what is tested.
 *
 * @param {{ port?: number, settings?: Record<string, string>, binary?: string }} options
 */
export async function startServer({ port = 0, settings = {}, binary = BINARY } = {}) {
  const child = spawn(binary, [], {
    env: { NO_COLOR: "1", BOARDCAST_DEMO: "off", ...settings, BOARDCAST_PORT: String(port) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.add(child);
  child.once("exit", () => running.delete(child));
  const log = [];
  const listening = new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      log.push(line);
      const address = /\blistening\b.*\baddress=127\.0\.0\.1:(\d+)/.exec(line);
      if (address) resolve(Number(address[1]));
    });
    child.once("error", (error) => {
      reject(new Error(`${binary} cannot be started; build it with \`cargo build --release\``, { cause: error }));
    });
    child.once("exit", (code, signal) => {
      reject(new Error(`the server ended (${code ?? signal}) before it listened:\n${log.join("\n")}`));
    });
  });
  const server = new Server(child, await listening, log);
  atEnd(() => server.stop());
  return server;
}

class Server {
  #child;

  constructor(child, port, log) {
    this.#child = child;
    this.port = port;
    this.origin = `http://127.0.0.1:${port}`;
    /** The lines of its log. */
    this.log = log;
  }

  /** Posts a hook and insists that it changed a board. */
  async post(hook) {
    const answer = await fetch(`${this.origin}/api/webhooks/azure-devops/workitem-updated`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(hook),
    });
    const body = await answer.text();
    if (answer.status !== 200 || JSON.parse(body).outcome !== "applied") {
      throw new Error(`the hook was answered with ${answer.status}: ${body}`);
    }
  }

  /** What its metrics say of something. */
  async count(name) {
    const text = await (await fetch(`${this.origin}/api/health/metrics`)).text();
    return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)[1]);
  }

  /** It does nothing any more, and nobody is told. */
  freeze() {
    process.kill(this.#child.pid, "SIGSTOP");
  }

  /** It goes on. */
  thaw() {
    process.kill(this.#child.pid, "SIGCONT");
  }

  /** The end that no process can prepare for. */
  async kill() {
    await this.#end("SIGKILL");
  }

  /** The end that it is told of. */
  async stop() {
    await this.#end("SIGTERM");
  }

  async #end(signal) {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, "exit");
    process.kill(this.#child.pid, signal);
    await ended;
  }
}

const MEDIA_TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript" };

const TEAM = "66df9be7-3586-467b-9c5f-425b29afedfd";
export const SPRINT = "a589a806-bf11-4d4f-a031-c19813331553";
export const SCOPE = { projectId: PROJECT, teamId: TEAM, sprintId: SPRINT };
export const KEY = [PROJECT, TEAM, SPRINT].join("/");

/** An item as events and boards hold it. */
export const item = (id, more = {}) => ({
  id,
  rev: 1,
  type: "Bug",
  title: `Item ${id}`,
  state: "Active",
  stateCategory: "InProgress",
  assignedTo: { id: null, name: "Ada Lovelace" },
  effort: null,
  remainingWork: null,
  blocked: false,
  blockedBy: null,
  url: "javascript:alert(1)",
  ...more,
});

/** The board of `SCOPE`, or of another sprint. */
export const board = (items, sprint = SPRINT) => ({
  project: { id: PROJECT, name: "Analytical Engine" },
  team: { id: TEAM, name: "Mill" },
  sprint: { id: sprint, name: "Sprint 12", startDate: "2026-11-16", finishDate: "2026-11-27", workingDays: 10, daysLeft: 4 },
  metrics: {
    "points.remaining": { value: 37, unit: "points" },
    "points.total": { value: 40, unit: "points" },
    "hours.remaining": { value: null, unit: "hours", reason: "no remaining work entered" },
  },
  states: [],
  items,
  burndown: null,
  history: "complete",
});

export const connected = { type: "connected", heartbeatMs: 15_000, resumed: false, gap: false, scopes: [SCOPE] };

/**
 * Starts a server that serves the page and says on its stream what a test wants: for what the product does only when
 * Azure DevOps does not answer, or at midnight. `answers` holds what is answered elsewhere, by path and query;
 * `instead(response, request)`, while there is one, answers everything but the page, as what stands in front would, unless
 * it returns `false`.
 */
export async function startScripted() {
  const streams = new Set();
  const answers = new Map();
  let opened = 0;
  let refused = 0;
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const file = /^\/api\/dashboard(?:\/([a-z-]+\.[a-z]+))?$/.exec(pathname);
    if (file && scripted.files) {
      const name = file[1] ?? "index.html";
      const content = await readFile(path.join(ROOT, "web", name)).catch(() => readFile(path.join(ROOT, "client", name)));
      const headers = { "content-type": `${MEDIA_TYPES[path.extname(name)]}; charset=utf-8`, "service-worker-allowed": "/api/dashboard" };
      response.writeHead(200, headers).end(content);
    } else if (scripted.instead && scripted.instead(response, request) !== false) {
      refused += 1;
    } else if (pathname === "/api/sse/dashboard") {
      opened += 1;
      response.writeHead(200, { "content-type": "text/event-stream" }).write("retry: 100\n\n");
      streams.add(response);
      response.once("close", () => streams.delete(response));
    } else if (answers.has(request.url)) {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answers.get(request.url)));
    } else {
      response.writeHead(404).end("{}");
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  let position = 0;
  const scripted = {
    origin: `http://127.0.0.1:${server.address().port}`,
    answers,
    instead: null,
    /** Whether it serves the page. */
    files: true,
    /** Resolves as soon as somebody listens. */
    listened: () => until("the page opens the stream", () => streams.size > 0),
    /** How many streams were opened. */
    opened: () => opened,
    /** How many listen. */
    listening: () => streams.size,
    /** How often something else was answered than what was asked for. */
    refused: () => refused,
    /** Ends every stream. */
    end() {
      for (const stream of streams) stream.end();
      streams.clear();
    },
    /** Says an event; those that are of one connection alone have no id. */
    say(event) {
      position += 1;
      const id = ["connected", "closing", "heartbeat"].includes(event.type) ? "" : `id: ${position}-0\n`;
      const whole = { v: 1, timestamp: Date.now(), source: "system", level: "full", dataAsOf: Date.now(), ...event };
      for (const stream of streams) stream.write(`${id}data: ${JSON.stringify(whole)}\n\n`);
      return `${position}-0`;
    },
    async stop() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  atEnd(scripted.stop);
  return scripted;
}

/** Opens the page, with a query where one is given, on a server that says what the test wants, and waits until it listens. */
export async function openScripted(search = "") {
  const server = await startScripted();
  await page.goto(`${server.origin}/api/dashboard${search}`);
  await server.listened();
  return server;
}

let updates = 0;

/**
 * A `workitem.updated` as a service hook of Azure DevOps sends it with all its details: `resource` is the update
 * and bears a number of its own, `resource.fields` holds what changed, `resource.revision` the whole item.
 */
export function workItemUpdated({
  id,
  rev,
  title,
  type = "User Story",
  from = "New",
  to = "Active",
  assignedTo = "Ada Lovelace <ada@example.org>",
  project = PROJECT,
  projectName = "Analytical Engine",
}) {
  updates += 1;
  const now = new Date().toISOString();
  const collection = "http://devops.example/engines";
  const item = `${collection}/_apis/wit/workItems/${id}`;
  return {
    subscriptionId: "3c1f9a04-6f0e-4a53-9a6b-0f6f0d2f7e11",
    notificationId: updates,
    id: randomUUID(),
    eventType: "workitem.updated",
    publisherId: "tfs",
    resource: {
      id: updates,
      workItemId: id,
      rev,
      revisedDate: "9999-01-01T00:00:00Z",
      fields: {
        "System.Rev": { oldValue: rev - 1, newValue: rev },
        "System.State": { oldValue: from, newValue: to },
        "System.ChangedDate": { newValue: now },
      },
      url: `${item}/updates/${rev}`,
      revision: {
        id,
        rev,
        fields: {
          "System.TeamProject": projectName,
          "System.AreaPath": projectName,
          "System.IterationPath": `${projectName}\\Sprint 1`,
          "System.WorkItemType": type,
          "System.State": to,
          "System.Title": title,
          "System.AssignedTo": assignedTo,
          "System.ChangedBy": assignedTo,
          "System.CreatedDate": "2026-01-05T09:00:00Z",
          "System.ChangedDate": now,
          "Microsoft.VSTS.Scheduling.StoryPoints": 3,
        },
        url: `${item}/revisions/${rev}`,
      },
    },
    resourceVersion: "1.0",
    resourceContainers: {
      collection: { id: "0f7a2d3e-5b1c-4c8f-8a9d-6e4b3c2d1f00" },
      project: { id: project },
    },
    createdDate: now,
  };
}

/** Starts a browser that knows nothing from before. */
export async function launchBrowser() {
  if (!process.env.CHROMIUM) throw new Error("CHROMIUM is not set; start these tests with tests/browser/run");
  const profile = await mkdtemp(path.join(tmpdir(), "boardcast-browser-"));
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM,
    args: BROWSER_FLAGS,
    userDataDir: profile,
    defaultViewport: { width: 1280, height: 800 },
  });
  return {
    /** Stops the browser with all its processes, as a device does that falls asleep; or lets it go on. */
    sleep: () => signal(browser.process().pid, "SIGSTOP"),
    wake: () => signal(browser.process().pid, "SIGCONT"),
    /** Where tabs share what they keep and nothing with those of another context. */
    newContext: () => browser.createBrowserContext(),
    /** Opens an empty page that records what it must never do. */
    async newPage(context = browser) {
      const page = await context.newPage();
      const faults = [];
      page.on("pageerror", (error) => faults.push(`an error in the page: ${error.stack ?? error}`));
      page.on("dialog", (dialog) => {
        faults.push(`a dialog: ${dialog.message()}`);
        dialog.dismiss();
      });
      page.on("request", (request) => {
        const url = new URL(request.url());
        const local = ["localhost", "127.0.0.1"].includes(url.hostname) || ["about:", "data:"].includes(url.protocol);
        if (!local) faults.push(`a request to elsewhere: ${url}`);
      });
      return { page, faults };
    },
    async close() {
      await browser.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Sends a signal to a process and those that it started, the youngest last. */
async function signal(pid, name) {
  process.kill(pid, name);
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  for (const child of children.split(" ").filter(Boolean)) await signal(Number(child), name);
}

/** The boards as the page shows them, each number as it was sent: by scope, items by id and metrics by name. */
export function boardsOf(page) {
  return page.evaluate(() => {
    const number = (text) => (text === "" ? null : Number(text));
    const text = (row, name) => row.querySelector(`.${name}`).textContent;
    return Object.fromEntries(
      [...document.querySelectorAll("#boards .board:not([hidden])")].map((board) => [
        board.dataset.scope,
        {
          level: board.dataset.level,
          items: Object.fromEntries(
            [...board.querySelectorAll(".item")].map((row) => [
              row.dataset.id,
              {
                rev: Number(row.dataset.rev),
                type: text(row, "type"),
                title: text(row, "title"),
                state: text(row, "state"),
                category: row.dataset.category,
                assignee: text(row, "assignee"),
                effort: number(row.dataset.effort),
                remaining: number(row.dataset.remaining),
                blocked: !row.querySelector(".blocked").hidden,
              },
            ]),
          ),
          metrics: Object.fromEntries(
            [...board.querySelectorAll("[data-metric]")].map((tile) => [tile.dataset.metric, number(tile.dataset.value)]),
          ),
        },
      ]),
    );
  });
}

/** The same of the server's boards, whole ones from its snapshots. */
export async function boardsAt(server) {
  const get = async (url) => (await fetch(`${server.origin}${url}`)).json();
  const boards = {};
  for (const { projectId, teamId, sprintId, url } of (await get("/api/snapshot")).scopes) {
    const board = await get(url);
    const items = board.items.map((item) => [
      item.id,
      {
        rev: item.rev,
        type: item.type,
        title: item.title,
        state: item.state,
        category: item.stateCategory ?? "",
        assignee: item.assignedTo?.name ?? "nobody",
        effort: item.effort,
        remaining: item.remainingWork,
        blocked: item.blocked,
      },
    ]);
    boards[[projectId, teamId, sprintId].join("/")] = {
      level: board.level,
      items: Object.fromEntries(items),
      metrics: Object.fromEntries(Object.entries(board.metrics).map(([id, { value }]) => [id, value])),
    };
  }
  return boards;
}

/** Keeps what a page looks like, for people to look at. */
export async function screenshot(page, name) {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`) });
}
