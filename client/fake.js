// A service that says what a test wants, for whoever builds on boardcast: no organisation and no network are needed.

import { createServer } from "node:http";

const PROJECT = "5f0c3a52-7c1e-4b7a-9d3e-2b8f6a1c4d90";
const SPRINT = "a589a806-bf11-4d4f-a031-c19813331553";

/** A board whose event would be larger comes without its items, which are fetched at its `url`, as from the service. */
const EVENT_BYTES_MAX = 65_536;

/** Starts a service with some boards, each `{ team, items, metrics }`, on a free port of loopback. */
export async function fakeServer({ boards = [{}], heartbeatMs = 15_000, port = 0 } = {}) {
  const server = new Fake(boards, heartbeatMs);
  await server.listen(port);
  return server;
}

class Fake {
  #streams = new Set();
  #log = [];
  #boards = [];
  #server = createServer((request, response) => this.#answer(request, response));
  #beating;
  #heartbeatMs;

  /** `(request, response) => boolean`: what answers in the service's place, and says whether it did. */
  instead = () => false;
  /** How many streams were opened. */
  opened = 0;

  constructor(boards, heartbeatMs) {
    this.#heartbeatMs = heartbeatMs;
    boards.forEach(({ team = "Web", project = "Fabrikam", items = [], metrics = {}, burndown = null }, index) => {
      const teamId = `00000000-0000-4000-8000-${String(index + 1).padStart(12, "0")}`;
      const scope = { projectId: PROJECT, teamId, sprintId: SPRINT };
      const numbers = Object.entries(metrics).map(([id, value]) => [id, { value, unit: unitOf(id) }]);
      const data = {
        project: { id: PROJECT, name: project },
        team: { id: teamId, name: team },
        sprint: { id: SPRINT, name: "Sprint 12", path: `${project}\\Sprint 12`, startDate: "2026-11-16", finishDate: "2026-11-27", workingDays: 10, daysLeft: 4, state: "current" },
        metrics: Object.fromEntries(numbers),
        states: [],
        items: items.map(itemOf),
        burndown,
        outlook: null,
        scopeChanges: [],
        history: "complete",
      };
      this.#boards.push({ scope, data, names: { ...scope, project, team, sprint: "Sprint 12" } });
    });
  }

  /** Where it is. */
  url = "";

  /** How many streams are open. */
  get open() {
    return this.#streams.size;
  }

  listen(port) {
    this.#beating = setInterval(() => this.#send({ type: "heartbeat", cursor: this.#cursor() }), this.#heartbeatMs);
    this.#beating.unref();
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject).listen(port, "127.0.0.1", () => {
        this.url = `http://127.0.0.1:${this.#server.address().port}`;
        resolve();
      });
    });
  }

  /** Creates or changes an item of a team's board, and tells it. */
  change(team, item) {
    const { scope, data } = this.#board(team);
    const before = data.items.find(({ id }) => id === item.id);
    const next = itemOf({ ...before, ...item, rev: (before?.rev ?? 0) + 1 });
    data.items = [...data.items.filter(({ id }) => id !== item.id), next];
    const stateCategory = { old: before?.stateCategory ?? null, new: next.stateCategory };
    const change = before ? (before.state === next.state ? "updated" : "state") : "created";
    this.say({ type: "workitem_changed", ...scope, workItemId: item.id, rev: next.rev, changeType: change, fields: {}, stateCategory, title: next.title, changedBy: null, item: next });
  }

  /** Moves a number of a team's board, and tells it. */
  move(team, metric, value) {
    const { scope, data } = this.#board(team);
    const previous = data.metrics[metric]?.value ?? null;
    const unit = unitOf(metric);
    data.metrics[metric] = { value, unit };
    this.say({ type: "metric_changed", ...scope, metric, value, previous, changePercent: null, unit, reason: "any_change", threshold: 0.05 });
  }

  /** Says any event to every stream, and to those that come back for it. */
  say(event) {
    const id = `${this.#log.length + 1}-0`;
    const block = this.#block({ source: "system", ...event }, id);
    this.#log.push(block);
    for (const stream of this.#streams) stream.write(block);
  }

  /** Ends every stream: without a word, or with a `closing` of that reason. */
  end(reason) {
    if (reason) this.#send({ type: "closing", reason, reconnectAfterMs: 50 });
    for (const stream of this.#streams) stream.end();
    this.#streams.clear();
  }

  close() {
    clearInterval(this.#beating);
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  #board(team) {
    const board = this.#boards.find(({ names }) => names.team === team);
    if (!board) throw new Error(`there is no team ${team}; there are: ${this.#boards.map(({ names }) => names.team).join(", ")}`);
    return board;
  }

  #cursor() {
    return `${this.#log.length}-0`;
  }

  #block(event, id) {
    const data = { v: 1, timestamp: Date.now(), level: "full", dataAsOf: Date.now(), ...event };
    return `${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(data)}\n\n`;
  }

  #send(event) {
    for (const stream of this.#streams) stream.write(this.#block(event));
  }

  #answer(request, response) {
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-allow-headers", "last-event-id, x-functions-key, cache-control");
    if (request.method === "OPTIONS") return response.writeHead(204).end();
    if (this.instead(request, response)) return;
    const { pathname, searchParams } = new URL(request.url, this.url);
    const wanted = (name, { id, name: known }) => !searchParams.has(name) || searchParams.getAll(name).some((value) => [id, known].some((one) => one.toLowerCase() === value.toLowerCase()));
    const boards = this.#boards.filter(({ data }) => wanted("project", data.project) && wanted("team", data.team));
    if (pathname === "/api/sse/dashboard") return this.#open(request, response, searchParams, boards);
    if (pathname !== "/api/snapshot") return refuse(response, 404, "not_found", "there is nothing at this address", "ask for /api/snapshot");
    const state = { level: "full", dataAsOf: Date.now(), cursor: this.#cursor() };
    if (searchParams.size > 0 && boards.length === 1) return this.#tell(response, searchParams, boards[0].data, state);
    const scopes = boards.map(({ names }) => ({ ...names, level: "full", dataAsOf: Date.now(), url: urlOf(names) }));
    return json(response, 200, { scopes, level: "full", cursor: state.cursor });
  }

  /** A board, or what is asked about it. It has no past, and its numbers are those that were said. */
  #tell(response, query, data, state) {
    const what = query.get("explain");
    if (what?.startsWith("item:")) return this.#explainItem(response, Number(what.slice(5)), data, state);
    if (what) {
      const { value, unit } = data.metrics[what] ?? {};
      if (unit === undefined) return refuse(response, 404, "unknown_metric", "that board has no metric with that id", "name one of its `metrics`");
      const counted = data.items.map(({ id, title, effort }) => ({ id, title, amount: effort ?? 1, why: "it is on the board" }));
      return json(response, 200, { metric: what, value, unit, definition: "what a test said", source: "a test", inputs: {}, counted, leftOut: [], history: data.history, level: state.level, dataAsOf: state.dataAsOf });
    }
    if (query.has("since")) {
      const since = Number(query.get("since")) || Date.parse(query.get("since"));
      return json(response, 200, { since, until: Date.now(), sprintId: SPRINT, changes: [], leftOut: 0, metrics: {}, history: data.history, ...state });
    }
    if (query.has("day") || query.has("sprint")) return refuse(response, 404, "no_past", "boards of a test have no past", "ask for the board as it is now");
    return json(response, 200, { ...data, ...state });
  }

  #explainItem(response, item, { items }, { level, dataAsOf }) {
    const found = items.find(({ id }) => id === item);
    const onBoard = found !== undefined;
    const why = onBoard ? "a test put it there" : "no work item with this number is known here";
    json(response, 200, { item, ...(found && { title: found.title }), onBoard, counts: onBoard, why, rules: [], elsewhere: [], level, dataAsOf, demo: false });
  }

  #open(request, response, query, boards) {
    this.opened += 1;
    this.#streams.add(response);
    response.once("close", () => this.#streams.delete(response));
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache, no-transform" });
    const cursor = request.headers["last-event-id"] ?? query.get("lastEventId");
    const known = cursor ? Number.parseInt(cursor, 10) : Number.NaN;
    const resumed = known <= this.#log.length;
    const greeting = { connectionId: "fake", serverVersion: "fake", versions: [1], heartbeatMs: this.#heartbeatMs, resumed, gap: Boolean(cursor) && !resumed };
    response.write(`retry: 2000\n${this.#block({ type: "connected", ...greeting, cursor: this.#cursor(), scopes: boards.map(({ names }) => names) })}`);
    if (resumed) return this.#log.slice(known).forEach((block) => response.write(block));
    boards.forEach(({ scope, data }, index) => {
      const isLast = index === boards.length - 1;
      const isLarge = JSON.stringify(data).length > EVENT_BYTES_MAX;
      const told = isLarge ? { data: { ...data, items: undefined }, url: urlOf(scope) } : { data };
      response.write(this.#block({ type: "snapshot", ...scope, source: "system", ...told }, isLast ? this.#cursor() : undefined));
    });
  }
}

function urlOf({ projectId, teamId }) {
  return `/api/snapshot?project=${projectId}&team=${teamId}`;
}

function refuse(response, status, code, message, remedy) {
  json(response, status, { error: { code, message, remedy } });
}

function json(response, status, body) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

/** By the whole name of a metric, else by its first part. */
const UNITS = {
  "blocked.hours": "hours",
  "forecast.probability": "percent",
  "forecast.when.p50": "days",
  "forecast.when.p85": "days",
  age: "days",
  bugs: "bugs",
  burndown: "points",
  cycle: "days",
  hours: "hours",
  lead: "days",
  percent: "percent",
  points: "points",
  scope: "points",
  sprint: "days",
  velocity: "points",
};

function unitOf(metric) {
  return UNITS[metric] ?? UNITS[metric.split(".")[0]] ?? "items";
}

function itemOf(item) {
  return {
    rev: 1,
    type: "User Story",
    title: `Item ${item.id}`,
    state: "Active",
    stateCategory: "InProgress",
    assignedTo: null,
    effort: null,
    remainingWork: null,
    iterationPath: "Fabrikam\\Sprint 12",
    areaPath: "Fabrikam",
    tags: [],
    blocked: false,
    blockedBy: null,
    changedAt: Date.now(),
    url: null,
    ageDays: null,
    parent: null,
    rank: null,
    ...item,
  };
}
