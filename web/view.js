// A board on the screen. Only what changed is touched: an item is a row with its id, a number is a tile with its name.

import { burndown } from "./burndown.js";
import { boardWords } from "./status.js";
import { amount, asOf, count, day, days, nextTry, setText } from "./text.js";

/** The tiles: a name, the metric, and what stands beside it. */
const TILES = [
  { name: "Points remaining", metric: "points.remaining", of: "points.total", words: (total) => `of ${total}` },
  { name: "Items completed", metric: "items.completed", of: "items.total", words: (total) => `of ${total}` },
  { name: "Complete", metric: "percent.complete" },
  { name: "Hours vs capacity", metric: "hours.remaining", of: "hours.capacity", words: (hours) => `of ${hours}` },
  { name: "Bugs open", metric: "bugs.open" },
  { name: "Blocked", metric: "items.blocked" },
  { name: "Work in progress", metric: "items.wip" },
  { name: "Unestimated", metric: "items.unestimated" },
];

/** In the order of the work. Without a team nobody knows a category, and the list is one. */
const GROUPS = new Map([
  ["Proposed", "Proposed"],
  ["InProgress", "In progress"],
  ["Resolved", "Resolved"],
  ["Completed", "Completed"],
  ["Removed", "Removed"],
  ["", "Work items"],
]);

/** What a verdict is called. */
const VERDICTS = { on_track: "On track", at_risk: "At risk", behind: "Behind", unknown: "No outlook" };

/** The numbers of these move with the burndown's line of today. */
const LIVE_LINES = { points: "points.remaining", items: "items.remaining", hours: "hours.remaining" };

const FRESH_MS = 4000;

export class BoardView {
  #element = clone("board");
  #rows = new Map();
  #groups = new Map();
  #tiles = new Map();
  #why;

  /** `why(board, metric, name)` is called for who wants to know where a number comes from. */
  constructor(why) {
    this.#why = why;
  }

  get element() {
    return this.#element;
  }

  /** Paints everything of the board that is not painted already. */
  whole(board) {
    const { project, team } = board;
    const element = this.#element;
    element.dataset.scope = board.key;
    this.board = board;
    const heading = this.#find("h2");
    setText(heading, nameOf(team ?? project));
    heading.id = `board-${board.key}`;
    element.setAttribute("aria-labelledby", heading.id);
    setText(this.#find(".more summary"), `All numbers of ${nameOf(team ?? project)}`);
    setText(this.#find(".sprint"), sprintWords(board));
    this.#outlook(board);
    for (const id of this.#rows.keys()) if (!board.items.has(id)) this.#removeRow(id);
    // In order, so that each new row is found its place at the end.
    for (const id of [...board.items.keys()].sort((one, other) => one - other)) this.#paintItem(board.items.get(id));
    for (const id of this.#tiles.keys()) if (!TILES.some((tile) => tile.metric === id) && !board.metrics[id]) this.#removeTile(id);
    for (const tile of TILES) this.#tile(tile, this.#find(".tiles"));
    const named = new Set(TILES.flatMap((tile) => [tile.metric, tile.of]));
    for (const id of Object.keys(board.metrics)) if (!named.has(id)) this.#tile({ name: id, metric: id }, this.#find(".more dl"));
    this.#paintBurndown();
    this.#standing(board);
  }

  /** Paints what an event changed: items and numbers, which it marks for a moment, and how true and how old all of it is. */
  change(board, before) {
    this.board = board;
    if (board.items !== before.items) {
      for (const id of before.items.keys()) if (!board.items.has(id)) this.#removeRow(id);
      for (const [id, item] of board.items) if (item !== before.items.get(id)) mark(this.#paintItem(item));
    }
    if (board.metrics !== before.metrics) {
      for (const [id, metric] of Object.entries(board.metrics)) if (metric !== before.metrics[id]) this.#metric(board, id);
    }
    if (board.outlook !== before.outlook) this.#outlook(board);
    this.#standing(board);
  }

  /** Whether the sprint will be completed in time: a word for it and the sentence. */
  #outlook({ outlook = null }) {
    const line = this.#find(".outlook");
    line.hidden = outlook === null;
    if (!outlook) return;
    line.dataset.verdict = outlook.verdict;
    setText(line, `${VERDICTS[outlook.verdict] ?? "Outlook"}: ${outlook.text}`);
  }

  #metric(board, id) {
    const tile = TILES.find((tile) => [tile.metric, tile.of].includes(id)) ?? { name: id, metric: id };
    const before = this.#tiles.get(tile.metric)?.textContent;
    const painted = this.#tile(tile, this.#find(".more dl"));
    if (painted.textContent !== before) mark(painted);
    if (LIVE_LINES[board.burndown?.unit] === id) this.#paintBurndown();
    if (id === "sprint.days_left") setText(this.#find(".sprint"), sprintWords(board));
  }

  /** Says what level and how old the board is. */
  #standing(board) {
    this.#element.dataset.level = board.mock ? "mock" : board.level;
    const note = this.#find(".level");
    const words = boardWords(board);
    note.hidden = words === "";
    setText(note.querySelector(".reason"), words);
    this.tick();
  }

  /** Lets the age of what is shown grow, and the time until the next try shrink. */
  tick() {
    setText(this.#find(".age"), asOf(this.board.dataAsOf));
    setText(this.#find(".level .next"), nextTry(this.board.retryAt));
  }

  #find(selector) {
    return this.#element.querySelector(selector);
  }

  #paintItem(item) {
    const row = this.#rows.get(item.id) ?? clone("item");
    this.#rows.set(item.id, row);
    const category = GROUPS.has(item.stateCategory) ? item.stateCategory : "";
    const set = (name, text) => setText(row.querySelector(`.${name}`), text);
    set("title", item.title);
    row.querySelector(".title").title = item.title;
    set("id", `#${item.id}`);
    set("type", item.type);
    set("state", item.state);
    set("assignee", item.assignedTo?.name ?? "nobody");
    set("effort", effortWords(item, this.board.metrics));
    set("blocked", item.blockedBy ? `Blocked by ${item.blockedBy}` : "Blocked");
    row.querySelector(".blocked").hidden = !item.blocked;
    linkTo(row.querySelector(".id"), this.board.demo ? null : item.url);
    const { id, rev, type, effort, remainingWork, blocked } = item;
    Object.assign(row.dataset, { id, rev, type, category, effort: effort ?? "", remaining: remainingWork ?? "", blocked });
    this.#place(row, category, id);
    return row;
  }

  /** Puts a row where its number belongs. */
  #place(row, category, id) {
    const list = this.#group(category).querySelector("ul");
    const from = row.parentElement;
    if (from === list) return;
    const rows = list.children;
    let [low, high] = [0, rows.length];
    // What comes in order belongs at the end.
    if (high > 0 && Number(rows[high - 1].dataset.id) < id) low = high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Number(rows[middle].dataset.id) < id) low = middle + 1;
      else high = middle;
    }
    list.insertBefore(row, rows[low] ?? null);
    recount(list);
    if (from) recount(from);
  }

  #group(category) {
    let group = this.#groups.get(category);
    if (group) return group;
    group = clone("group");
    group.dataset.category = category;
    setText(group.querySelector(".name"), GROUPS.get(category));
    const order = [...GROUPS.keys()];
    const next = order.slice(order.indexOf(category) + 1).map((later) => this.#groups.get(later)).find(Boolean);
    this.#find(".groups").insertBefore(group, next ?? null);
    this.#groups.set(category, group);
    return group;
  }

  #removeRow(id) {
    const row = this.#rows.get(id);
    const list = row?.parentElement;
    row?.remove();
    this.#rows.delete(id);
    if (list) recount(list);
  }

  #removeTile(id) {
    this.#tiles.get(id).remove();
    this.#tiles.delete(id);
  }

  #tile({ name, metric, of, words }, list) {
    const { metrics } = this.board;
    let tile = this.#tiles.get(metric);
    if (!tile) {
      tile = clone("tile");
      setText(tile.querySelector("dt"), name);
      const why = tile.querySelector(".why");
      why.setAttribute("aria-label", `Why? ${name} of ${nameOf(this.board.team ?? this.board.project)}`);
      why.addEventListener("click", () => this.#why(this.board, metric, name));
      this.#tiles.set(metric, tile);
      list.append(tile);
    }
    const known = metrics[metric];
    // A board without a team has few numbers, and none to ask about.
    tile.hidden = !known && !metrics[of];
    tile.querySelector(".why").hidden = !known;
    tile.classList.toggle("alarm", ["items.blocked", "bugs.open"].includes(metric) && known?.value > 0);
    paintNumber(tile.querySelector(".amount"), metric, known, (value) => (known?.approximate ? `≈ ${value}` : value));
    if (metrics[of]) paintNumber(tile.querySelector(".of"), of, metrics[of], words);
    return tile;
  }

  #paintBurndown() {
    const { burndown: lines, metrics } = this.board;
    const figure = this.#find(".burndown");
    figure.hidden = !lines;
    if (!lines) return;
    const { svg, words } = burndown(lines, metrics[LIVE_LINES[lines.unit]]?.value);
    figure.querySelector("svg")?.remove();
    figure.prepend(svg);
    setText(figure.querySelector("figcaption"), words);
  }
}

function clone(template) {
  return document.getElementById(template).content.cloneNode(true).firstElementChild;
}

/** Writes one number; where there is none a dash, with its reason for the eye and for the ear. */
function paintNumber(element, id, metric, words) {
  const value = metric?.value ?? null;
  const reason = value === null ? `not known: ${metric?.reason ?? "it cannot be computed now"}` : "";
  element.dataset.metric = id;
  element.dataset.value = value ?? "";
  element.title = reason;
  setText(element, words(amount(value, metric?.unit)));
  if (value !== null) return;
  const forTheEar = document.createElement("span");
  forTheEar.className = "unseen";
  forTheEar.textContent = ` ${reason}`;
  element.append(forTheEar);
}

function nameOf({ name, id }) {
  return name ?? id;
}

function sprintWords({ project, team, sprint, nextSprint, metrics }) {
  if (!team) return "What service hooks told of this project";
  const words = [nameOf(project)];
  if (sprint) {
    words.push(sprint.name);
    if (sprint.startDate && sprint.finishDate) words.push(days(sprint.startDate, sprint.finishDate));
    const left = metrics["sprint.days_left"]?.value ?? sprint.daysLeft;
    if (left !== null) words.push(`${count(left, "working day")} left`);
  } else {
    words.push("no sprint now");
    if (nextSprint) words.push(`${nextSprint.name} begins on ${day(nextSprint.startDate)}`);
  }
  return words.join(" · ");
}

function effortWords({ effort, remainingWork }, metrics) {
  const words = [];
  if (effort !== null) words.push(metrics["points.total"] ? count(effort, "point") : amount(effort));
  if (remainingWork !== null) words.push(`${amount(remainingWork, "hours")} left`);
  return words.join(", ");
}

/** What a payload calls a link may be anything; only an address of the web becomes one. */
function linkTo(link, url) {
  if (url && /^https?:/.test(url)) link.href = url;
  else link.removeAttribute("href");
}

function recount(list) {
  const group = list.parentElement;
  group.hidden = list.childElementCount === 0;
  setText(group.querySelector(".number"), String(list.childElementCount));
}

const marks = new WeakMap();

function mark(element) {
  clearTimeout(marks.get(element));
  element.classList.add("fresh");
  marks.set(element, setTimeout(() => element.classList.remove("fresh"), FRESH_MS));
}
