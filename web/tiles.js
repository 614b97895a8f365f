// The numbers of a board as tiles: each with what it is of, how old and how true it is, and a way to ask why.

import { blockedTasks } from "./attention.js";
import { knownAt, nameOf } from "./board-words.js";
import { clone, made } from "./elements.js";
import { mark } from "./rows.js";
import { placeOf, titleOf } from "./titles.js";
import { age, amount, count, setText } from "./text.js";

/** The tiles: a name, the metric, and what stands beside it. */
export const TILES = [
  { name: "Points remaining", metric: "points.remaining", of: "points.total", all: "Points in all" },
  { name: "Items completed", metric: "items.completed", of: "items.total", all: "Items in all" },
  { name: "Complete", metric: "percent.complete", note: completeWords },
  { name: "Hours vs capacity", metric: "hours.remaining", of: "hours.capacity", all: "Capacity" },
  { name: "Bugs open", metric: "bugs.open" },
  { name: "Blocked", metric: "items.blocked", note: blockedTasks },
  { name: "Work in progress", metric: "items.wip" },
  { name: "Unestimated", metric: "items.unestimated" },
];

/** Of what no team has: service hooks tell of items, and of nothing that could be compared with them. */
const WITHOUT_TEAM = [{ name: "Items", metric: "items.total" }];

export class Tiles {
  #main;
  #more;
  #tiles = new Map();
  #board;

  /** `main` and `more` are lists. */
  constructor(main, more) {
    [this.#main, this.#more] = [main, more];
  }

  /** Paints every number of a board. */
  whole(board) {
    this.#board = board;
    const tiles = tilesOf(board);
    const named = new Set(tiles.flatMap(({ metric, of }) => [metric, of]));
    for (const [id, tile] of this.#tiles) {
      if (tiles.some(({ metric }) => metric === id) || (board.metrics[id] && !named.has(id))) continue;
      tile.remove();
      this.#tiles.delete(id);
    }
    for (const tile of tiles) this.#paint(tile, this.#main);
    for (const id of Object.keys(board.metrics)) if (!named.has(id)) this.#paint({ name: titleOf(id), metric: id }, this.#more);
    this.tick();
  }

  /** Paints the numbers that an event changed, and marks them for a moment. */
  change(board, before) {
    this.#board = board;
    for (const [id, metric] of Object.entries(board.metrics)) {
      // Which tasks are blocked is no number of its own.
      if (metric === before.metrics[id] && (id !== "items.blocked" || board.items === before.items)) continue;
      for (const tile of tilesFor(board, id)) {
        const wordsBefore = this.#words(tile.metric);
        const painted = this.#paint(tile, this.#more);
        if (this.#words(tile.metric) !== wordsBefore) mark(painted);
      }
    }
    this.tick();
  }

  /** Lets the age of each number grow. */
  tick(board = this.#board) {
    this.#board = board;
    const words = stampOf(board);
    for (const tile of this.#tiles.values()) setText(tile.querySelector(".stamp"), words);
  }

  #words(metric) {
    const tile = this.#tiles.get(metric);
    return tile && [".amount", ".of"].map((part) => tile.querySelector(part).textContent).join("\n");
  }

  #paint({ name, metric, of, all, note }, list) {
    const { metrics } = this.#board;
    let tile = this.#tiles.get(metric);
    if (!tile) {
      tile = clone("tile");
      setText(tile.querySelector("dt"), name);
      // What programs call it is for whoever writes one.
      tile.querySelector("dt").title = metric;
      askBy(tile.querySelector(".why"), this.#board, metric, name);
      this.#tiles.set(metric, tile);
      if (list === this.#more) this.#place(tile, metric);
      else list.append(tile);
      // What stands beside a number and is none itself cannot be asked.
      if (!of && note !== blockedTasks) tile.querySelector(".of").replaceWith(made("span", "of"));
    }
    const known = metrics[metric];
    // A board without a team has few numbers, and none to ask about.
    tile.hidden = !known && !metrics[of];
    tile.querySelector(".why").hidden = !known || this.#board.team === null;
    paintNumber(tile.querySelector(".amount"), metric, known, (value) => (known?.approximate ? `≈ ${value}` : value));
    const beside = tile.querySelector(".of");
    const words = note?.(this.#board) ?? "";
    beside.hidden = !metrics[of] && words === "";
    if (metrics[of]) paintNumber(beside, of, metrics[of], (value) => `of ${value}`);
    else setText(beside, words);
    if (beside.localName === "button") askBy(beside, this.#board, of ?? metric, all ?? name);
    return tile;
  }

  /** Puts a tile among all numbers: by subject, whenever the board told of it. */
  #place(tile, metric) {
    const after = [...this.#more.children].find((each) => placeOf(each.querySelector("dt").title) > placeOf(metric));
    this.#more.insertBefore(tile, after ?? null);
  }
}

/** Lets a number of a board be asked by a button of its tile. */
export function askBy(button, { team, project }, ask, name) {
  // What is seen is a part of what is heard.
  const seen = button.className === "of" ? `${button.textContent}. ` : "";
  Object.assign(button.dataset, { ask, name });
  button.setAttribute("aria-label", `${seen}Why? ${name} of ${nameOf(team ?? project)}`);
}

/** How old and how true what a board shows is, in as few words as fit into every part of it: `DEMO · 12 s`. */
export function stampOf(board) {
  const { demo, mock, level, then } = board;
  const words = [mock ? "MOCK" : demo ? "DEMO" : ""];
  if (!mock && level !== "full") words.push(level);
  words.push(then ?? age(knownAt(board)));
  return words.filter(Boolean).join(" · ");
}

/** Writes one number; where there is none a dash, with its reason for the eye and for the ear. */
export function paintNumber(element, id, metric, words) {
  const value = metric?.value ?? null;
  const lacks = value === null ? `not known: ${metric?.reason ?? "it cannot be computed now"}` : (metric.partial ?? "");
  if (element.dataset.metric !== id) element.dataset.metric = id;
  if (element.dataset.value !== String(value ?? "")) element.dataset.value = value ?? "";
  if (element.localName !== "button" && element.title !== lacks) element.title = lacks;
  const text = words(amount(value, metric?.unit));
  // As large as fits: never wider than its tile.
  if (element.style.getPropertyValue("--letters") !== String(text.length)) element.style.setProperty("--letters", text.length);
  const forTheEar = value === null ? ` ${lacks}` : "";
  if (element.textContent === text + forTheEar) return;
  element.textContent = text;
  if (value !== null) return;
  const unseen = document.createElement("span");
  unseen.className = "unseen";
  unseen.textContent = forTheEar;
  element.append(unseen);
}

function tilesOf({ team }) {
  return team ? TILES : WITHOUT_TEAM;
}

/** The tiles that show a number. */
function tilesFor(board, id) {
  const found = tilesOf(board).filter(({ metric, of, note }) => [metric, of].includes(id) || (note && id === "items.remaining"));
  return found.length > 0 ? found : [{ name: titleOf(id), metric: id }];
}

/** All points may be done, and not all of the work. */
function completeWords({ metrics }) {
  const [complete, open, unestimated] = ["percent.complete", "items.remaining", "items.unestimated"].map((id) => metrics[id]?.value ?? null);
  if (complete === null) return "";
  if (complete < 100 || !open) return "of the effort";
  return unestimated ? `of the effort; ${count(unestimated, "open item")} not estimated` : `of the effort; ${count(open, "item")} open`;
}
