// Parts of a board in somebody else's page: `?embed=1&tile=points.remaining&tile=outlook`. Each says by itself how old and how
// true it is.

import { nameOf } from "./board-words.js";
import { timesOf } from "./chart-data.js";
import { BurndownChart } from "./chart.js";
import { patch } from "./draw.js";
import { clone, fill, made, whyButton } from "./elements.js";
import { client } from "./live.js";
import { isWanted } from "./page-options.js";
import { askBy, paintNumber, stampOf, TILES } from "./tiles.js";
import { titleOf } from "./titles.js";
import { setText } from "./text.js";
import { chosen, paintOutlook } from "./view.js";

/** What can be embedded besides the numbers. */
const PICTURES = ["outlook", "burndown"];

/** What is asked for by the page's address; nothing where it is no embedded one. */
export function embedded() {
  const wanted = new URLSearchParams(location.search);
  return isWanted(wanted, "embed") ? wanted.getAll("tile").filter((tile) => tile !== "") : null;
}

export class Embedded {
  #element = made("article", "board embedded");
  #tiles;
  #chart;

  constructor(tiles) {
    this.#tiles = tiles;
  }

  get element() {
    return this.#element;
  }

  whole(board) {
    this.board = board;
    this.#element.dataset.scope = board.key;
    this.#element.dataset.level = board.mock ? "mock" : board.level;
    this.#element.toggleAttribute("data-demo", board.demo);
    this.#element.setAttribute("aria-label", nameOf(board.team ?? board.project));
    const unknown = board.team && board.sprint === null ? [] : this.#tiles.filter((tile) => !PICTURES.includes(tile) && !board.metrics[tile]);
    const parts = this.#tiles.filter((tile) => !unknown.includes(tile)).map((tile) => this.#part(tile));
    fill(this.#element, unknown.length === 0 ? parts : [...parts, this.#unknown(unknown)]);
  }

  change(board) {
    this.whole(board);
  }

  tell() {}

  tick() {
    for (const stamp of this.#element.querySelectorAll(".stamp")) setText(stamp, this.#stamp());
  }

  #stamp() {
    return `${nameOf(this.board.team ?? this.board.project)} · ${stampOf(this.board)}`;
  }

  #lines() {
    this.#chart ??= new BurndownChart({ choice: chosen(), tools: false });
    this.#chart.update(this.board, ...timesOf(this.board, client));
    return this.#chart.element;
  }

  /** What there is instead of what nothing is called, said once. */
  #unknown(ids) {
    const names = [...PICTURES, ...Object.keys(this.board.metrics)].join(", ");
    return made("div", "part", [made("p", "", `No number is called ${[...new Set(ids)].join(" or ")}. There are: ${names}.`), made("p", "stamp", this.#stamp())]);
  }

  #part(id) {
    const { metrics, outlook, burndown, team } = this.board;
    const stamp = made("p", "stamp", this.#stamp());
    if (id === "outlook") {
      const line = made("p", "outlook", "There is no outlook: no sprint is running.");
      if (outlook) paintOutlook(line, this.board);
      return made("div", "part", [line, stamp]);
    }
    if (id === "burndown" && burndown) {
      const lines = this.#lines();
      const remaining = `${this.#chart.unit}.remaining`;
      const caption = made("p", "words facts");
      patch(caption, this.#chart.caption);
      return made("div", "part", [lines, caption, made("div", "foot", [whyButton(remaining, titleOf(remaining), { team: nameOf(team) }), stamp])]);
    }
    if (id === "burndown") return made("div", "part", [made("p", "", "There is no burndown: no sprint is running."), stamp]);
    if (!metrics[id]) return made("div", "part", [made("p", "", "No sprint is running, so there is no number."), stamp]);
    const known = TILES.find(({ metric }) => metric === id) ?? { name: titleOf(id), metric: id };
    const tile = clone("tile");
    setText(tile.querySelector("dt"), known.name);
    paintNumber(tile.querySelector(".amount"), id, metrics[id], (value) => value);
    const [beside, why] = [tile.querySelector(".of"), tile.querySelector(".why")];
    beside.hidden = team === null || !metrics[known.of];
    if (!beside.hidden) {
      paintNumber(beside, known.of, metrics[known.of], (value) => `of ${value}`);
      askBy(beside, this.board, known.of, known.all);
    }
    askBy(why, this.board, id, known.name);
    // A board without a team has few numbers, and none to ask about.
    why.hidden = team === null;
    tile.querySelector(".stamp").replaceWith(stamp);
    return made("div", "part", [made("dl", "tiles", [tile])]);
  }
}
