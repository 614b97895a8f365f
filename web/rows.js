// The items of a board as rows: in groups, in the order of the backlog, with tasks below what they are a part of. Only what
// changed is touched.

import { amount, count, person, setText } from "./text.js";

/** In the order of the work. Without a team nobody knows a category, and the list is one. */
const CATEGORIES = new Map([
  ["Proposed", "Proposed"],
  ["InProgress", "In progress"],
  ["Resolved", "Resolved"],
  ["Completed", "Completed"],
  ["Removed", "Removed"],
  ["", "Work items"],
]);

/** The ways to look at the items. */
export const WAYS = { state: "By state", person: "By person", story: "By story" };

const FRESH_MS = 4000;

export class Rows {
  #host;
  #board;
  #by;
  #find = "";
  #rows = new Map();
  #groups = new Map();
  /** The numbers of an item's parts, by its own. */
  #parts = new Map();
  /** What each row was put into its list by: a list is in the order of these at every moment. */
  #places = new WeakMap();
  /** How many match what is looked for, in words for the eye and for the ear. */
  #found = document.createElement("p");
  /** The groups that are open only because something in them is looked for. */
  #opened = new Set();

  /** Keeps the rows of `host`, arranged `by` one of `WAYS`. */
  constructor(host, by) {
    this.#host = host;
    this.#by = by;
    this.#found.className = "found facts";
    this.#found.setAttribute("role", "status");
    host.before(this.#found);
  }

  /** Paints every item of a board. */
  whole(board) {
    this.#board = board;
    this.#index();
    for (const id of this.#rows.keys()) if (!board.items.has(id)) this.#remove(id);
    // In order, so that each new row finds its place at the end.
    const items = [...board.items.values()].sort(inOrder);
    for (const item of items) this.#paint(item);
    this.#settle(items.map(({ id }) => id));
    this.#sayFound();
  }

  /** Paints the items that an event changed, and marks them for a moment. */
  change(board, before) {
    this.#board = board;
    this.#index();
    const moved = new Set();
    for (const id of before.items.keys()) {
      if (board.items.has(id)) continue;
      // What was a part of it stands by itself now.
      this.#partsOf(id).forEach((part) => moved.add(part));
    }
    for (const [id, item] of board.items) {
      if (item === before.items.get(id)) continue;
      mark(this.#paint(item));
      for (const each of [id, ...this.#partsOf(id)]) moved.add(each);
    }
    this.#settle([...moved]);
    for (const id of before.items.keys()) if (!board.items.has(id)) this.#remove(id);
    this.#sayFound();
  }

  /** Arranges the rows in another way. */
  arrange(by) {
    if (by === this.#by) return;
    this.#by = by;
    this.#host.replaceChildren();
    this.#groups.clear();
    this.#opened.clear();
    for (const row of this.#rows.values()) row.remove();
    if (this.#board) this.whole(this.#board);
  }

  /** Shows the items in whose number, title, people, tags, type or state some words occur. */
  find(words) {
    this.#find = words.trim().toLowerCase();
    for (const row of this.#rows.values()) this.#show(row);
    for (const group of this.#groups.values()) this.#recount(group);
    this.#sayFound();
  }

  #index() {
    this.#parts.clear();
    for (const { id, parent } of this.#board.items.values()) {
      if (parent === null || parent === undefined) continue;
      if (!this.#parts.has(parent)) this.#parts.set(parent, []);
      this.#parts.get(parent).push(id);
    }
  }

  /** The numbers of all that is a part of an item, at whatever depth. */
  #partsOf(id) {
    const found = new Set();
    const look = (whole) => {
      for (const part of this.#parts.get(whole) ?? []) {
        if (found.has(part)) continue;
        found.add(part);
        look(part);
      }
    };
    look(id);
    return found;
  }

  #paint(item) {
    let row = this.#rows.get(item.id);
    if (!row) {
      row = document.getElementById("item").content.cloneNode(true).firstElementChild;
      this.#rows.set(item.id, row);
    }
    const set = (name, text) => setText(row.querySelector(`.${name}`), text);
    const category = categoryOf(item);
    set("title", item.title || "(without a title)");
    row.querySelector(".title").title = item.title;
    set("id", `#${item.id}`);
    set("type", item.type);
    set("state", item.state);
    set("assignee", person(item.assignedTo));
    set("effort", effortWords(item, this.#board.metrics));
    set("blocked", item.blockedBy ? `Blocked by ${item.blockedBy}` : "Blocked");
    row.querySelector(".blocked").hidden = !item.blocked;
    linkTo(row.querySelector(".id"), this.#board.demo ? null : item.url);
    const { id, rev, type, effort, remainingWork, blocked } = item;
    const told = { id, rev, type, category, effort: effort ?? "", remaining: remainingWork ?? "", blocked };
    for (const [name, value] of Object.entries(told)) if (row.dataset[name] !== String(value)) row.dataset[name] = value;
    return row;
  }

  /** Puts rows where they belong, and says how many there are in each group. */
  #settle(ids) {
    const lists = new Set();
    for (const id of ids) {
      const item = this.#board.items.get(id);
      if (item) for (const list of this.#place(item)) lists.add(list);
    }
    if (this.#find !== "") for (const row of this.#rows.values()) this.#show(row);
    const changed = this.#find === "" ? new Set([...lists].map((list) => list.closest(".group"))) : this.#groups.values();
    for (const group of changed) if (group) this.#recount(group);
  }

  /** Puts a row into its list, of which every other row is in order, and returns the lists that changed. */
  #place(item) {
    const row = this.#rows.get(item.id);
    const whole = this.#wholeOf(item);
    const list = whole ? partsList(this.#rows.get(whole.id)) : this.#group(this.#keyOf(item)).querySelector("ul");
    const from = row.parentElement;
    this.#places.set(row, item);
    const level = this.#levelOf(item);
    if (row.dataset.level !== level) row.dataset.level = level;
    const parent = this.#board.items.get(item.parent);
    setText(row.querySelector(".part"), parent && !whole ? `part of #${parent.id}` : "");
    if (from === list && isInOrder(row, this.#places)) return [list];
    const others = [...list.children].filter((other) => other !== row);
    let [low, high] = [0, others.length];
    // What comes in order belongs at the end.
    if (high > 0 && inOrder(this.#places.get(others[high - 1]), item) < 0) low = high;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (inOrder(this.#places.get(others[middle]), item) < 0) low = middle + 1;
      else high = middle;
    }
    list.insertBefore(row, others[low] ?? null);
    if (from && from !== list && from.matches(".parts") && from.childElementCount === 0) from.remove();
    return from && from.isConnected ? [list, from] : [list];
  }

  /** What an item is shown below: the outermost that it is a part of, on this board; `null` where it stands by itself. */
  #wholeOf(item) {
    let outermost = null;
    let at = item;
    // Whoever links items may link them in a circle.
    for (let steps = 0; steps < 10; steps += 1) {
      const parent = at.parent === null || at.parent === undefined ? undefined : this.#board.items.get(at.parent);
      if (parent?.id === item.id) return null;
      if (!parent) break;
      if (this.#by === "person" && person(parent.assignedTo) !== person(item.assignedTo)) break;
      outermost = parent;
      at = parent;
    }
    return outermost;
  }

  /** What an item counts as: where the team's backlogs are known, one of a type that is on neither is not among its items. */
  #levelOf({ backlog }) {
    if (backlog === "task") return "task";
    return backlog !== null || !this.#board.team || this.#board.metrics["items.total"]?.value == null ? "item" : "other";
  }

  #keyOf(item) {
    if (this.#by === "person") return person(item.assignedTo);
    return this.#by === "story" ? "" : categoryOf(item);
  }

  #group(key) {
    let group = this.#groups.get(key);
    if (group) return group;
    group = document.getElementById("group").content.cloneNode(true).firstElementChild;
    group.dataset.category = this.#by === "state" ? key : "";
    setText(group.querySelector(".name"), this.#by === "person" ? key : this.#by === "story" ? "In the order of the backlog" : CATEGORIES.get(key));
    // What is done is there for who wants to see it.
    if (key === "Completed" && this.#by === "state") group.open = false;
    this.#groups.set(key, group);
    const keys = [...this.#groups.keys()].sort(this.#by === "person" ? byPerson : byCategory);
    const next = keys.slice(keys.indexOf(key) + 1).map((later) => this.#groups.get(later))[0];
    this.#host.insertBefore(group, next ?? null);
    return group;
  }

  #remove(id) {
    const row = this.#rows.get(id);
    const list = row?.parentElement;
    const group = row?.closest(".group");
    this.#rows.delete(id);
    row?.remove();
    if (list?.matches(".parts") && list.childElementCount === 0) list.remove();
    if (group) this.#recount(group);
  }

  /** Says how many rows a group has, and how many match; what matches is not left in a closed one. */
  #recount(group) {
    const parts = ["item", "task", "other"].map((level) => [group.querySelectorAll(`[data-level="${level}"]`).length, level]);
    const there = parts.filter(([number]) => number > 0);
    group.hidden = there.length === 0;
    const shown = (level) => group.querySelectorAll(`[data-level="${level}"]:not([hidden])`).length;
    const nounOf = (level) => (level === "task" && !group.querySelector('[data-level="task"]:not([data-type="Bug"])') ? "bug" : level);
    const words = there.map(([number, level]) => `${this.#find === "" ? "" : `${amount(shown(level))} of `}${count(number, nounOf(level))}`);
    setText(group.querySelector(".number"), words.join(" · "));
    const isWanted = this.#find !== "" && group.querySelector(".item:not([hidden])") !== null;
    if (isWanted && !group.open) {
      // Whoever closes it while they look wants it closed.
      if (!this.#opened.has(group)) group.open = true;
      this.#opened.add(group);
    } else if (!isWanted && this.#opened.delete(group)) {
      group.open = false;
    }
  }

  #sayFound() {
    const all = [...this.#rows.values()];
    const number = this.#find === "" ? 0 : all.filter((row) => this.#matches(row)).length;
    const words = number === 0 ? "nothing matches" : `${amount(number)} of ${amount(all.length)} ${number === 1 ? "matches" : "match"}`;
    setText(this.#found, this.#find === "" || !this.#board ? "" : words);
  }

  #matches(row) {
    const item = this.#board.items.get(Number(row.dataset.id));
    const words = [`#${item?.id}`, item?.title, item?.type, item?.state, person(item?.assignedTo), ...(item?.tags ?? [])];
    return words.join("\n").toLowerCase().includes(this.#find);
  }

  /** Hides a row that does not match what is looked for, and has no part that does. */
  #show(row) {
    if (this.#find === "" && !row.hidden) return;
    const isShown = this.#find === "" || this.#matches(row) || [...row.querySelectorAll(".item")].some((part) => this.#matches(part));
    row.hidden = !isShown;
    const whole = row.parentElement?.closest(".item");
    if (isShown && whole?.hidden) whole.hidden = false;
  }
}

/** By the backlog's order; what has none comes last, by number. */
function inOrder(one, other) {
  return (one.rank ?? Infinity) - (other.rank ?? Infinity) || one.id - other.id;
}

function isInOrder(row, places) {
  const [item, before, after] = [row, row.previousElementSibling, row.nextElementSibling].map((each) => each && places.get(each));
  return (!before || inOrder(before, item) < 0) && (!after || inOrder(item, after) < 0);
}

function partsList(row) {
  const found = row.querySelector(":scope > .parts");
  if (found) return found;
  const made = document.createElement("ul");
  made.className = "parts";
  row.append(made);
  return made;
}

function categoryOf({ stateCategory }) {
  return CATEGORIES.has(stateCategory) ? stateCategory : "";
}

function byCategory(one, other) {
  const order = [...CATEGORIES.keys()];
  return order.indexOf(one) - order.indexOf(other);
}

const NOBODY = person(null);

function byPerson(one, other) {
  return (one === NOBODY) - (other === NOBODY) || one.localeCompare(other);
}

function effortWords({ effort, remainingWork }, metrics) {
  const words = [];
  if (effort !== null) words.push(metrics["points.total"] ? count(effort, "point") : amount(effort));
  if (remainingWork !== null) words.push(`${amount(remainingWork, "hours")} left`);
  return words.join(", ");
}

/** What a payload calls a link may be anything; only an address of the web becomes one. */
function linkTo(link, url) {
  if (url && /^https?:/.test(url)) {
    if (link.getAttribute("href") !== url) link.href = url;
  } else if (link.hasAttribute("href")) {
    link.removeAttribute("href");
  }
}

const marks = new WeakMap();

/** Marks what has just changed. */
export function mark(element) {
  clearTimeout(marks.get(element));
  element.classList.add("fresh");
  marks.set(element, setTimeout(() => element.classList.remove("fresh"), FRESH_MS));
}
