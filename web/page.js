// The page: opens the stream, keeps the boards it is told of, and says what level and how old they are.

import { filter, pageAddress, thoseThereAre } from "./api.js";
import { Boards, isShown } from "./boards.js";
import { isInDoubt } from "./clock.js";
import { explain } from "./explain.js";
import { pageStatus } from "./status.js";
import { isPlannedEnd, open } from "./stream.js";
import { amount, asOf, nextTry, setText, time } from "./text.js";
import { BoardView } from "./view.js";

const EVENTS_SHOWN = 50;
const WELL = { level: "full", outage: null };
/** Where loading the page anew may lead to a page to sign in, or make the browser ask; and what that is called. */
const ANEW = { signed_out: "Sign in", redirected: "Reload", challenged: "Reload" };

const views = new Map();
let connection = { is: "opening" };
/** While there is no board: how the organisation stands, whether the store is away, and which other boards there are. */
let organisation = WELL;
let isStoreAway = false;
let wasInDoubt = false;
let others = filter().size > 0 ? null : [];

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
    // The list names boards, also one that the event takes away.
    const about = boards.of(event);
    boards.apply(event, id);
    ofAll(event);
    standing();
    if (isNews(event)) list(event, about ?? boards.of(event));
  },
  (state) => {
    connection = state;
    standing();
  },
);

setInterval(() => {
  for (const view of views.values()) view.tick();
  standing();
}, 1000);

/** What an event says of everything there is. Where there is no board there is nothing else to go by. */
function ofAll(event) {
  const { type, level, outage = null, projectId } = event;
  const hasBoards = boards.shown().length > 0 || boards.loading() > 0;
  if (type === "connected") {
    organisation = outage ? { level, outage } : WELL;
  } else if (["degraded", "recovered"].includes(type) && projectId === null) {
    organisation = level === "full" ? WELL : { level, outage: event };
  }
  // Without a board the connection's own level is no better than the store allows.
  if (["connected", "heartbeat"].includes(type)) isStoreAway = !hasBoards && !outage && level === "cached";
  // Nothing is known of what the page's address asks for, or of a part of it.
  const isMissed = boards.loading() === 0 && unmatched().size > 0;
  if (isMissed && (["connected", "heartbeat"].includes(type) || others === null)) lookForOthers();
}

/** What of the page's own filter is the name or the id of no board's project or team. */
function unmatched() {
  const plain = (text) => text?.trim().toLowerCase().replace(/^\{?([\da-f]{8})-?([\da-f]{4})-?([\da-f]{4})-?([\da-f]{4})-?([\da-f]{12})\}?$/, "$1-$2-$3-$4-$5");
  const isOf = (noun, value) => (board) => [board[noun]?.id, board[noun]?.name].some((known) => plain(known) === plain(value));
  return new URLSearchParams([...filter()].filter(([noun, value]) => !boards.all().some(isOf(noun, value))));
}

/** Asks which boards there are. */
async function lookForOthers() {
  try {
    others = await thoseThereAre();
  } catch (error) {
    // Who was told which there are keeps them.
    if (!Array.isArray(others)) others = error;
  }
  standing();
}

/** Whether an event is one for the list: that a stream lives, or goes on in another as planned, is not. */
function isNews(event) {
  return event.type !== "heartbeat" && !isPlannedEnd(event) && !(event.type === "connected" && event.resumed);
}

/** Puts a board among the others, in the order of projects and teams. */
function insert(view) {
  const name = ({ board }) => [board.project.name, board.team?.name].join("\n");
  const later = [...views.values()].filter((other) => other.element.isConnected && name(other) > name(view));
  later.sort((one, other) => (name(one) < name(other) ? -1 : 1));
  byId("boards").insertBefore(view.element, later[0]?.element ?? null);
}

/** Says how everything stands, and how old the oldest board is. */
function standing() {
  const all = boards.shown();
  for (const { board, element } of views.values()) element.hidden = !isShown(board);
  const doubt = isInDoubt();
  if (doubt !== wasInDoubt) for (const view of views.values()) view.tick();
  wasInDoubt = doubt;
  const { word, text, retryAt } = pageStatus({
    connection,
    isInDoubt: doubt,
    boards: all,
    loading: boards.loading(),
    organisation,
    isStoreAway,
    others,
    asked: all.length > 0 ? unmatched() : filter(),
  });
  const { body } = document;
  if (body.dataset.state !== word) body.dataset.state = word;
  body.classList.toggle("stale", doubt || !["opening", "live"].includes(connection.is));
  setText(byId("status"), word);
  // Who listens is told as well that all is well again.
  setText(byId("words"), text || "The boards are live.");
  byId("words").classList.toggle("unseen", text === "");
  setText(byId("next"), nextTry(retryAt));
  const isUnknown = word === "unknown" && Array.isArray(others);
  link(isUnknown ? others.map(linkTo).sort() : ANEW[connection.is] ? [[ANEW[connection.is], pageAddress()]] : []);
  const ages = all.map((board) => board.dataAsOf);
  setText(byId("age"), ages.length > 0 && !doubt ? asOf(ages.includes(null) ? null : Math.min(...ages)) : "");
}

function linkTo({ project, projectId, team }) {
  const query = new URLSearchParams({ project: project ?? projectId, ...(team && { team }) });
  return [[team, project ?? projectId].filter(Boolean).join(" · "), pageAddress(`?${query}`)];
}

/** Puts links into the notice, unless they are there already. */
function link(links) {
  const list = byId("links");
  const wanted = links.map(([text, address]) => {
    const entry = document.createElement("li");
    const anchor = document.createElement("a");
    [anchor.textContent, anchor.href] = [text, address];
    entry.append(anchor);
    return entry;
  });
  if (list.childElementCount === wanted.length && wanted.every((entry, index) => entry.isEqualNode(list.children[index]))) return;
  list.replaceChildren(...wanted);
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
