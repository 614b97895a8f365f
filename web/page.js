// The page: opens the stream, keeps the boards it is told of, and says what level and how old they are.

import { Boards } from "./boards.js";
import { explain } from "./explain.js";
import { open } from "./stream.js";
import { amount, asOf, count, setText, time } from "./text.js";
import { BoardView } from "./view.js";

const EVENTS_SHOWN = 50;
const WORST_FIRST = ["none", "mock", "cached"];
const FALLEN = { none: "without numbers", mock: "mock", cached: "cached" };

/** What is said where there is no board: that none is known, or that nobody can tell. */
const NO_BOARD = "No board is known yet. It appears here by itself, as soon as there is one.";
const NO_ANSWER = "No board can be shown: what keeps them does not answer. They appear here by themselves, as soon as it does.";

const views = new Map();
/** The level that the stream gives everything; where there is no board there is nothing else to go by. */
let level = "full";

const boards = new Boards({
  whole(board) {
    let view = views.get(board.key);
    if (!view) {
      view = new BoardView(explain);
      views.set(board.key, view);
    }
    view.whole(board);
    if (!view.element.isConnected) insert(view);
    standing();
  },
  item: (board, id) => views.get(board.key).item(board, id),
  metric: (board, id) => views.get(board.key).metric(board, id),
  standing(board) {
    views.get(board.key).standing(board);
    standing();
  },
  gone(board) {
    views.get(board.key).element.remove();
    views.delete(board.key);
    standing();
  },
});

open(
  (event, id) => {
    if (event.type === "connected") byId("demo").hidden = true;
    if (event.demo) byId("demo").hidden = false;
    // Without a project it is the level of the organisation, told while no board is known.
    const isOfAll = ["connected", "heartbeat"].includes(event.type) || ["degraded", "recovered"].includes(event.type) && event.projectId === null;
    if (isOfAll) level = event.level;
    // The list names boards, also one that the event takes away.
    const about = boards.of(event);
    boards.apply(event, id);
    if (boards.all().length === 0) standing();
    if (event.type !== "heartbeat") list(event, about ?? boards.of(event));
  },
  (state, text) => {
    setText(byId("status"), text);
    byId("status").dataset.state = state;
    document.body.dataset.state = state;
  },
);

setInterval(() => {
  for (const view of views.values()) view.tick();
  age();
}, 1000);

/** Puts a board among the others, in the order of projects and teams. */
function insert(view) {
  const name = ({ board }) => [board.project.name, board.team?.name].join("\n");
  const later = [...views.values()].filter((other) => other.element.isConnected && name(other) > name(view));
  later.sort((one, other) => (name(one) < name(other) ? -1 : 1));
  byId("boards").insertBefore(view.element, later[0]?.element ?? null);
}

/** The header: the worst level of all boards, and the oldest age. */
function standing() {
  const all = boards.all();
  byId("empty").hidden = all.length > 0;
  setText(byId("empty"), level === "full" ? NO_BOARD : NO_ANSWER);
  const levels = all.length > 0 ? all.map((board) => (board.mock ? "mock" : board.level)) : [level];
  const worst = WORST_FIRST.find((level) => levels.includes(level));
  byId("level").hidden = !worst;
  document.body.dataset.level = worst ?? "full";
  const fallen = levels.filter((level) => level === worst).length;
  const words = all.length > 0 ? `${fallen} of ${count(all.length, "board")} ${FALLEN[worst]}` : "no answer";
  setText(byId("level"), worst ? words : "");
  age();
}

function age() {
  const ages = boards.all().map((board) => board.dataAsOf);
  const oldest = ages.includes(null) ? null : Math.min(...ages);
  setText(byId("age"), ages.length > 0 ? asOf(oldest) : "");
}

function list(event, board) {
  const entry = document.createElement("li");
  const when = document.createElement("time");
  when.dateTime = new Date(event.timestamp).toISOString();
  when.textContent = time(event.timestamp);
  const where = board ? ` · ${board.team?.name ?? board.project.name}` : "";
  entry.append(when, `${event.type}${where}${detail(event)}`);
  const events = byId("events");
  events.prepend(entry);
  while (events.childElementCount > EVENTS_SHOWN) events.lastElementChild.remove();
}

/** What an event says, in a few words. */
function detail(event) {
  switch (event.type) {
    case "workitem_changed":
      return ` · #${event.workItemId} ${event.changeType}: ${event.title ?? ""}`;
    case "workitems_updated":
      return ` · ${event.added.length} added, ${event.changed.length} changed, ${event.removed.length} removed`;
    case "metric_changed": {
      const { metric, value, previous, changePercent, unit } = event;
      const sign = value < previous ? "−" : "+";
      const change = changePercent === null ? "" : ` (${sign}${amount(Math.abs(changePercent), "percent")})`;
      return ` · ${metric} ${amount(previous, unit)} → ${amount(value, unit)}${change}`;
    }
    case "degraded":
      return ` · ${event.from} → ${event.to}: ${event.reason}`;
    case "recovered":
      return ` · from ${event.from} to ${event.level}`;
    case "sync_completed":
      return ` · ${event.changed} changed${event.failed.length > 0 ? `, ${event.failed.length} failed` : ""}`;
    case "closing":
      return ` · ${event.reason}`;
    default:
      return "";
  }
}

function byId(id) {
  return document.getElementById(id);
}
