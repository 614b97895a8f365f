// The page: opens the stream, keeps the boards it is told of, and says what level and how old they are.

import { pageAddress } from "./api.js";
import { ageWords, knownAt, nameOf } from "./board-words.js";
import { boards, isShown, keyOf, loading } from "./boardcast.js";
import { Embedded, embedded } from "./embed.js";
import { fill, made } from "./elements.js";
import { explain } from "./explain.js";
import { client } from "./live.js";
import { faults } from "./page-options.js";
import { Standing } from "./standing.js";
import { isPlannedEnd } from "./stream.js";
import { TeamTile, addressOf, labelOf, nameKey, offerTeams } from "./teams.js";
import { amount, count, nextTry, setText, time } from "./text.js";
import { BoardView } from "./view.js";
import { standsAs, worstFirst } from "./rotation.js";

const EVENTS_SHOWN = 50;
/** No more often is who does not see them told how many items changed, and so long that can be heard. */
const NEWS_MS = 30_000;
const SAID_MS = 5000;
/** So long the first boards wait for the others, which would push them away one by one. */
const TOGETHER_MS = 1000;
/** The colour of the icon, by the word of the header. */
const ICONS = { live: "1a7f37", loading: "57606a", checking: "57606a" };
/** Where loading the page anew may lead to a page to sign in, or make the browser ask; and what that is called. */
const ANEW = { signed_out: "Sign in", redirected: "Reload", challenged: "Reload" };

/** What is embedded in somebody else's page; `null` where this is a page of its own. */
const EMBEDDED = embedded();
/** Whether all boards are wanted in full, one below the other. */
const IN_FULL = new URLSearchParams(location.search).get("view") === "boards";

const views = new Map();
/** How boards are shown: one alone, several as `teams`, or as `boards` in full. */
let view = "alone";
/** What boards are called, also those that an event takes away. */
const names = new Map();
let shown = {};
let wasInDoubt = false;
const stand = new Standing(client, standing);

/** Which items of the team have changed since that was last said, and when it was. */
const news = { ids: new Set(), at: performance.now() };

/** Since when nothing is painted, because somebody wants to read in peace; `null` while everything is. */
let pausedAt = null;
/** What happened meanwhile, and when it was heard: as much as there is room for when all goes on. */
let missed = [];

// What comes at once is painted at once: board by board a page that opens would jump for each of them.
let isDue = false;
/** Until when the first boards wait; `null` while there is none. */
let waitsUntil = null;

client.subscribe(({ boards: all }) => {
  for (const { key, team, project } of Object.values(all)) names.set(key, team?.name ?? project.name);
  due();
});

function due() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(paintDue);
}

function paintDue() {
  if (!isDue) return;
  isDue = false;
  const state = client.getState();
  if (pausedAt === null && !isWaiting(state)) paint(state.boards);
  standing();
}

/** Whether the first boards wait for a moment for those that are to come. */
function isWaiting(state) {
  if (views.size > 0 || loading(state) === 0) return false;
  if (boards(state).length === 0) return true;
  if (waitsUntil === null) {
    waitsUntil = performance.now() + TOGETHER_MS;
    setTimeout(due, TOGETHER_MS);
  }
  return performance.now() < waitsUntil;
}

client.on("event", (event) => {
  if (!isNews(event)) return;
  if (pausedAt === null) hear(event, client.now());
  else missed = [...missed.slice(1 - EVENTS_SHOWN), [event, client.now()]];
});

addEventListener("hashchange", () => client.tryNow({ force: true }));

byId("pause").addEventListener("click", () => {
  paintDue();
  pausedAt = pausedAt === null ? Math.floor(client.now()) : null;
  setText(byId("pause"), pausedAt === null ? "Pause" : "Go on");
  if (pausedAt === null) {
    paint(client.getState().boards);
    for (const [event, at] of missed) hear(event, at);
    missed = [];
  }
  standing();
});

// A screen that is loaded anew while nothing answers shows what was last known, and not an error of the browser.
navigator.serviceWorker?.register("sw.js", { scope: "/api/dashboard" }).catch((error) => console.warn("the page cannot be kept", error));

setInterval(() => {
  // A page that nobody sees has no frames, and its title has to be right all the same.
  paintDue();
  for (const view of views.values()) {
    view.tick();
    if (pausedAt === null) view.renew?.();
  }
  standing();
  announce();
}, 1000);

/** Tells now and then how many items of one team have changed, and nobody who reads in peace. */
function announce() {
  const { ids, at } = news;
  const isFollowed = view === "alone" && !EMBEDDED && pausedAt === null && [...views.values()].every(({ past }) => !past);
  if (!isFollowed) ids.clear();
  const since = performance.now() - at;
  if (ids.size > 0 && since >= NEWS_MS) {
    setText(byId("news"), `${count(ids.size, "item")} changed.`);
    ids.clear();
    news.at = performance.now();
    // The same words are read out again only where they were gone.
  } else if (since >= SAID_MS) setText(byId("news"), "");
}

byId("skips").previousElementSibling.addEventListener("click", (event) => {
  // The address of a board has more than the page's, and stays.
  event.preventDefault();
  byId("boards").focus();
});

byId("skips").addEventListener("click", (event) => {
  const heading = byId(decodeURIComponent(event.target.hash?.slice(1) ?? ""));
  if (!heading) return;
  event.preventDefault();
  heading.querySelector("a").focus();
});

// Whatever shows a number lets it be asked.
byId("boards").addEventListener("click", ({ target }) => {
  const button = target.closest("[data-ask]");
  if (!button) return;
  const { ask, name, moment } = button.dataset;
  const { board, shown: about = board } = views.get(button.closest("[data-scope]").dataset.scope);
  // What is told is the number that stands there.
  const isHeld = pausedAt !== null && about.team && about.sprint && !about.moment;
  const at = moment || (isHeld ? `since=${pausedAt}` : "");
  explain(at ? { ...about, moment: Object.fromEntries(new URLSearchParams(at)), when: "" } : about, ask, name);
});

/** A way past other boards for whoever goes by the keyboard, where several are shown in full. */
function offerSkips(all) {
  const isOffered = view === "boards" && all.length > 1;
  byId("skips").hidden = !isOffered;
  fill(byId("skips"), isOffered ? all.map(({ key, team, project }) => {
    const anchor = made("a", "skip", `Skip to ${labelOf({ team: team && nameOf(team), project: nameOf(project) })}`);
    anchor.href = `${pageAddress()}#board-${key}`;
    return anchor;
  }) : []);
}

/** Paints what changed since it was last painted. */
function paint(now) {
  const wanted = viewOf();
  if (wanted !== view) {
    // Another way to show them: everything is painted anew.
    for (const { element } of views.values()) element.remove();
    views.clear();
    [view, shown] = [wanted, {}];
  }
  const before = shown;
  shown = now;
  if (now === before) return;
  for (const key of Object.keys(before)) {
    if (now[key]) continue;
    views.get(key).element.remove();
    views.delete(key);
  }
  for (const [key, board] of Object.entries(now)) if (board !== before[key]) paintBoard(board, before[key]);
  byId("teams").hidden = view !== "teams";
  offerSkips(boards(client.getState()));
  if (document.body.dataset.view !== view) document.body.dataset.view = view;
}

/** How the boards are to be shown, by how many there are or will be. */
function viewOf() {
  if (EMBEDDED?.length > 0) return "embedded";
  const state = client.getState();
  const count = Math.max(boards(state).length, loading(state));
  if (count < 2) return "alone";
  return IN_FULL || EMBEDDED ? "boards" : "teams";
}

function paintBoard(board, before) {
  let painted = views.get(board.key);
  if (!painted) {
    painted = view === "teams" ? new TeamTile() : view === "embedded" ? new Embedded(EMBEDDED) : new BoardView(view === "alone" && !EMBEDDED);
    views.set(board.key, painted);
  }
  if (board.edition !== before?.edition || !painted.board) painted.whole(board);
  else painted.change(board, before);
  place(painted);
}

/** Whether an event is one for the list: that a stream lives, or goes on in another as planned, is not. */
function isNews(event) {
  return event.type !== "heartbeat" && !isPlannedEnd(event) && !(event.type === "connected" && event.resumed);
}

/** Tells what happened, and was heard at a time. */
function hear(event, at) {
  if (event.type === "workitem_changed") {
    views.get(keyOf(event))?.tell(event, at);
    news.ids.add(event.workItemId);
  }
  list(event, names.get(keyOf(event)));
}

/**
 * Puts a board among the others: teams with those first that need somebody, boards in full by projects and teams. While it
 * stands as it did, nothing moves with every point of a chance.
 */
function place(painted) {
  const stands = [view === "teams" ? standsAs(painted.board) : "", nameKey(painted.board)].join();
  if (painted.stands === stands) return;
  const host = byId(view === "teams" ? "teams" : "boards");
  const byName = [...views.values()].map(({ board }) => board).filter(Boolean).sort((one, other) => (nameKey(one) < nameKey(other) ? -1 : 1));
  let next = null;
  for (const { key } of (view === "teams" ? worstFirst(byName) : byName).toReversed()) {
    const { element } = views.get(key);
    const isThere = element.parentElement === host;
    // Who stands on a link of a tile keeps it.
    const isHeld = isThere && element.contains(document.activeElement);
    if (element === painted.element && !isHeld) painted.stands = stands;
    if (!isHeld && (!isThere || element.nextElementSibling !== next)) host.insertBefore(element, next);
    next = element;
  }
}

/** Says how everything stands that is shown, and how old the oldest board is. */
function standing() {
  const state = client.getState();
  const all = boards(pausedAt === null ? state : { boards: shown });
  for (const { board, element } of views.values()) element.hidden = !isShown(board);
  const doubt = client.isInDoubt();
  if (doubt !== wasInDoubt) for (const view of views.values()) view.tick();
  wasInDoubt = doubt;
  const status = stand.status(all);
  const { text, retryAt } = status;
  const word = pausedAt === null ? status.word : "paused";
  const { body } = document;
  if (body.dataset.state !== word) body.dataset.state = word;
  byId("demo").hidden = !state.demo;
  body.classList.toggle("stale", stand.isOld);
  setText(byId("status"), word);
  // Who listens is told as well that all is well again.
  const paused = pausedAt === null ? "" : `Paused at ${time(pausedAt)}: what is shown is as it was then.`;
  // What of the page's address has no effect is said as long as it stands there.
  const told = [paused, ...faults(location.search, !["teams", "boards"].includes(view)), text].filter(Boolean).join(" ");
  setText(byId("words"), told || "The boards are live.");
  byId("words").classList.toggle("unseen", told === "");
  const past = [...views.values()].find((painted) => painted.past)?.past ?? "";
  entitle(word, all, past);
  setText(byId("next"), nextTry(retryAt));
  const isUnknown = status.word === "unknown" && stand.others.length > 0;
  link(isUnknown ? stand.others.map((row) => [labelOf(row), addressOf(row)]).sort() : ANEW[stand.is] ? [[ANEW[stand.is], pageAddress()]] : []);
  const oldest = all.toSorted((one, other) => (knownAt(one) ?? 0) - (knownAt(other) ?? 0))[0];
  setText(byId("age"), past || (oldest && !doubt ? ageWords(oldest) : ""));
}

/** The document's title and icon say whose boards these are, of which past moment, and how they stand. */
function entitle(word, all, past) {
  const teams = all.slice(0, 3).map(({ team, project }) => team?.name ?? project.name);
  const named = all.length > 3 ? `${all.length} boards` : teams.join(", ");
  const title = [named, past, word === "live" ? "" : word, "boardcast"].filter(Boolean).join(" · ");
  if (document.title !== title) document.title = title;
  const colour = ICONS[word] ?? "b36b00";
  const icon = `data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'><circle cx='4' cy='4' r='4' fill='%23${colour}'/></svg>`;
  if (byId("icon").getAttribute("href") !== icon) byId("icon").setAttribute("href", icon);
}

offerTeams(byId("finder"));
byId("home").href = pageAddress("");
document.body.classList.toggle("embed", EMBEDDED !== null);

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

function list(event, name) {
  const entry = document.createElement("li");
  const when = document.createElement("time");
  when.dateTime = new Date(event.timestamp).toISOString();
  when.textContent = time(event.timestamp);
  const where = name ? ` · ${name}` : "";
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
      const { metric, value, previous, changePercent, unit, reason } = event;
      if (reason === "detail") return ` · what ${metric} is made of`;
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
