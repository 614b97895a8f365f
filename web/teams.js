// All teams at a glance: a tile for each board, those that need somebody first, and a way to find one.

import { pageAddress, thoseThereAre } from "./api.js";
import { Sparkline } from "./chart.js";
import { clone, fill, made } from "./elements.js";
import { client } from "./live.js";
import { boardWords } from "./status.js";
import { stampOf } from "./tiles.js";
import { amount, localised, setText } from "./text.js";
import { VERDICTS, linkOf, nameOf, sprintWords } from "./view.js";

/** What a tile tells of a team, where the number is known. */
const NUMBERS = [
  ["points.remaining", "points.total", (left, all) => `${left} of ${all} points left`],
  ["items.completed", "items.total", (done, all) => `${done} of ${all} items done`],
  ["items.blocked", null, (blocked) => (blocked === "0" ? "" : `${blocked} blocked`)],
];

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
    const { team, project, outlook, metrics } = board;
    this.#element.dataset.scope = board.key;
    this.#element.dataset.level = board.mock ? "mock" : board.level;
    this.#element.toggleAttribute("data-demo", board.demo);
    fill(this.#find("h2"), [linkOf(board, nameOf(team ?? project))]);
    setText(this.#find(".sprint"), sprintWords(board));
    const line = this.#find(".outlook");
    line.hidden = !outlook;
    const [sign, word] = VERDICTS[outlook?.verdict] ?? ["·", "Outlook"];
    line.dataset.verdict = outlook?.verdict ?? "";
    line.dataset.sign = sign;
    setText(line, outlook ? `${word}: ${localised(outlook.text)}` : "");
    const words = NUMBERS.filter(([id]) => Number.isFinite(metrics[id]?.value)).map(([id, of, says]) => says(amount(metrics[id].value), amount(metrics[of]?.value)));
    setText(this.#find(".numbers"), words.filter(Boolean).join(" · "));
    this.#line.update(board, client.isInDoubt() ? null : client.now());
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
  field.addEventListener("focus", async () => {
    try {
      const rows = await thoseThereAre(client);
      known = new Map(rows.map((row) => [labelOf(row), row]));
      fill(list, [...known.keys()].sort().map((label) => optionOf(label)));
    } catch (error) {
      // Whoever knows the name needs no list.
      console.warn("the teams that there are cannot be told", error);
    }
  });
  const go = () => {
    const name = field.value.trim();
    if (name === "") return;
    const found = known.get(name) ?? [...known].find(([label]) => label.toLowerCase().startsWith(name.toLowerCase()))?.[1];
    // Of a name that nobody knows the page says which there are.
    const query = found ? { project: found.project ?? found.projectId, ...(found.team && { team: found.team }) } : { team: name };
    location.assign(pageAddress(`?${new URLSearchParams(query)}`));
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go();
  });
  field.addEventListener("change", () => known.has(field.value.trim()) && go());
}

function labelOf({ project, projectId, team }) {
  return [team, project ?? projectId].filter(Boolean).join(" · ");
}

function optionOf(label) {
  const option = made("option");
  option.value = label;
  return option;
}
