// All teams at a glance: a tile for each board, those that need somebody first, and a way to find one.

import { boardAddress, pageAddress, thoseThereAre } from "./api.js";
import { nameOf } from "./board-words.js";
import { timesOf } from "./chart-data.js";
import { Sparkline } from "./chart.js";
import { clone, fill, made, whyButton } from "./elements.js";
import { client } from "./live.js";
import { boardWords } from "./status.js";
import { stampOf } from "./tiles.js";
import { titleOf } from "./titles.js";
import { amount, setText } from "./text.js";
import { linkOf, paintOutlook, paintSprint } from "./view.js";

/** What a tile tells of a team, where the number is known. */
const NUMBERS = [
  ["points.remaining", "points.total", " points left"],
  ["items.completed", "items.total", " items done"],
  ["items.blocked", null, " blocked"],
];

/** As many are named where a text may mean several. */
const NAMED_MAX = 4;

export class TeamTile {
  #element = clone("team-tile");
  #line = new Sparkline();

  constructor() {
    this.#find(".age").before(this.#line.element);
  }

  get element() {
    return this.#element;
  }

  whole(board) {
    this.board = board;
    const { team, project, metrics } = board;
    this.#element.dataset.scope = board.key;
    this.#element.dataset.level = board.mock ? "mock" : board.level;
    this.#element.toggleAttribute("data-demo", board.demo);
    fill(this.#find("h2"), [linkOf(board, nameOf(team ?? project))]);
    paintSprint(this.#find(".sprint"), board);
    paintOutlook(this.#find(".outlook"), board);
    const asks = (id, words = "") => whyButton(id, titleOf(id), { text: `${words}${amount(metrics[id]?.value)}`, team: nameOf(team ?? project) });
    const told = NUMBERS.filter(([id, of]) => (of ? Number.isFinite(metrics[id]?.value) : metrics[id]?.value > 0));
    fill(this.#find(".numbers"), told.flatMap(([id, of, words], index) => [new Text(index > 0 ? " · " : ""), asks(id), ...(of ? [new Text(" "), asks(of, "of ")] : []), new Text(words)]));
    this.#line.update(board, ...timesOf(board, client));
    const level = this.#find(".level");
    const note = boardWords(board);
    level.hidden = note === "";
    setText(level, note);
    this.tick();
  }

  change(board) {
    this.whole(board);
  }

  tell() {}

  tick() {
    setText(this.#find(".age"), stampOf(this.board));
  }

  #find(selector) {
    return this.#element.querySelector(selector);
  }
}

export function nameKey({ project, team }) {
  return [nameOf(project), team ? nameOf(team) : ""].join("\n");
}

/** Lets somebody find a team by its name: those that there are come as they type. */
export function offerTeams(form) {
  const field = form.querySelector("input");
  const list = form.querySelector("datalist");
  let known = new Map();
  let asked = null;
  const ask = async () => {
    try {
      const rows = await thoseThereAre(client);
      known = new Map(rows.map((row) => [labelOf(row), row]));
      fill(list, [...known.keys()].sort().map((label) => optionOf(label)));
    } catch (error) {
      // Whoever knows the name needs no list.
      console.warn("the teams that there are cannot be told", error);
    }
  };
  field.addEventListener("focus", () => (asked = ask()));
  // Whoever was there before this script was is there already.
  if (document.activeElement === field) asked = ask();
  const go = async () => {
    const name = field.value.trim();
    if (name === "") return;
    // Whoever is faster than the list means what they would have seen in it.
    await (asked ??= ask());
    const found = meantBy(name, [...known]);
    if (found.length > 1) {
      const first = found.slice(0, NAMED_MAX).map(([label]) => label);
      const more = found.length > first.length ? `, and ${amount(found.length - first.length)} more` : "";
      field.setCustomValidity(`${amount(found.length)} match: ${first.join(", ")}${more}. Type more of the name, or choose one.`);
      field.reportValidity();
      return;
    }
    const row = found[0]?.[1];
    // Of a name that nobody knows the page says which there are.
    location.assign(row ? addressOf(row) : pageAddress(`?${new URLSearchParams({ team: name })}`));
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go();
  });
  field.addEventListener("input", () => field.setCustomValidity(""));
  field.addEventListener("change", () => known.has(field.value.trim()) && go());
}

/** Who may be meant by a text: who is called so, else the only one who begins with it, else all in which it occurs. */
function meantBy(text, known) {
  const wanted = text.toLowerCase();
  const those = (isMeant) => known.filter(([label, { team }]) => isMeant(label.toLowerCase(), team?.toLowerCase()));
  const exact = those((label, team) => label === wanted || team === wanted);
  if (exact.length > 0) return exact;
  const beginning = those((label) => label.startsWith(wanted));
  return beginning.length === 1 ? beginning : those((label) => label.includes(wanted));
}

/** Where the board of a row of the directory is. */
export function addressOf({ project, projectId, team }) {
  return boardAddress(project ?? projectId, team);
}

/** What a row of the directory is called. */
export function labelOf({ project, projectId, team }) {
  return [team, project ?? projectId].filter(Boolean).join(" · ");
}

function optionOf(label) {
  const option = made("option");
  option.value = label;
  return option;
}
