// What a team planned for its last sprints, and what became of it.

import { velocityData } from "./chart-data.js";
import { ChartFrame, button, hide, numeric, set, table } from "./chart-frame.js";
import { velocityLayout } from "./chart-layout.js";
import { gridNodes, px, teamOf } from "./chart-nodes.js";
import { html, patch, svg } from "./draw.js";
import { asking } from "./elements.js";
import { headOf } from "./titles.js";
import { amount, count } from "./text.js";

const words = { number: (value) => amount(value) };

/** What became of the last sprints. */
export class VelocityBars {
  #frame;
  #board;
  #data = null;
  #isTable;
  #toggle;
  /** The numbers of the sprint that was chosen, else of the last: those of the picture cannot be asked. */
  #line = document.createElement("p");
  #chosen = null;

  /** As a table at first, if that is wanted; without `tools` nobody can choose. */
  constructor({ isTable = false, tools = true } = {}) {
    this.#isTable = isTable;
    this.#frame = new ChartFrame(() => this.#draw(), { tools });
    this.#toggle = button("Table", () => {
      this.#isTable = !this.#isTable;
      this.#show();
    });
    this.#frame.tools.append(this.#toggle);
    this.#frame.table.before(this.#line);
    this.#line.className = "facts";
    this.#frame.reader.choose = (column) => {
      this.#chosen = column?.id;
      this.#tell();
    };
    this.element.classList.add("velocity");
    this.element.hidden = true;
  }

  /** What to put into the page. */
  get element() {
    return this.#frame.element;
  }

  /** Shows what is known of a board's team. */
  update(board) {
    const data = velocityData(board);
    // What sprints that are over came to moves with hardly an event.
    const isKnown = this.#data?.before === data.before && this.#board.review === board.review && this.#data.average === data.average && teamOf(this.#board) === teamOf(board);
    this.#board = board;
    if (isKnown) return;
    this.#data = data;
    this.#show();
  }

  #show() {
    const isEmpty = this.#data.sprints.length === 0;
    hide(this.element, isEmpty);
    if (isEmpty) return;
    set(this.#frame.tools, "aria-label", `Velocity of ${teamOf(this.#board)}`);
    set(this.#toggle, "aria-pressed", this.#isTable);
    this.#frame.showTable(this.#isTable);
    hide(this.#line, this.#isTable);
    this.#tell();
    if (this.#isTable) patch(this.#frame.table, [velocityTable(this.#data)]);
    this.#draw();
  }

  #tell() {
    const { sprints } = this.#data;
    const sprint = sprints.find(({ id }) => id === this.#chosen) ?? sprints.at(-1);
    const numbers = OUTCOMES.map((name) => asked(sprint, this.#data.unit, name, `${headOf(name)} ${amount(sprint[name])}`));
    patch(this.#line, [html("bdi", {}, sprint.name), ": ", ...numbers.flatMap((number, index) => (index > 0 ? [" · ", number] : [number]))]);
  }

  #draw() {
    const { size } = this.#frame;
    if (!size || !this.#data || this.#data.sprints.length === 0) return;
    const layout = velocityLayout(this.#data, { ...size, measure: this.#frame.measure, words });
    this.#frame.draw(`Velocity of ${teamOf(this.#board)} in ${this.#data.unit}, ${count(this.#data.sprints.length, "sprint")}`, velocityNodes(this.#data, layout, size));
    this.#frame.explain(velocityLegend(this.#data));
    const columns = layout.shown.map(({ sprint, from, to }) => ({ from, to, id: sprint.id, name: sprint.name, ...sprintReading(sprint) }));
    this.#frame.reader.update(columns, { name: `Sprint of ${teamOf(this.#board)}`, first: columns.length - 1, room: { width: size.width, ...layout.plot } });
  }
}

const OUTCOMES = ["planned", "completed", "late", "incomplete"];

/** What became of a sprint, as a button that asks why, in the unit of all of them. */
function asked(sprint, unit, name, text) {
  return html("button", asking(`review.${name}.${unit}`, `${headOf(name)} · ${sprint.name}`, { text, moment: `sprint=${sprint.id}` }), text);
}

function velocityNodes({ unit }, layout, { em }) {
  const { plot, shown, average } = layout;
  const bars = shown.flatMap(({ parts }) => parts.map(({ name, x, y, width, height }) => svg("rect", { class: `${name}-bar`, x: px(x), y: px(y), width: px(width), height: px(height) })));
  const line = average === null ? [] : [svg("line", { class: "average", x1: px(plot.left), x2: px(plot.right), y1: px(average), y2: px(average) })];
  return [
    svg("g", {}, ...gridNodes(layout, unit, em)),
    svg("g", {}, ...bars),
    svg("g", {}, ...line),
    svg("g", {}, ...shown.flatMap(({ values }) => values.map(({ name, text, x, y }) => svg("text", { class: `value ${name}`, x: px(x), y: px(y), "text-anchor": "middle" }, text)))),
    svg("g", {}, ...shown.map(({ name, middle }) => svg("text", { x: px(middle), y: px(plot.bottom + 1.2 * em), "text-anchor": "middle" }, name))),
  ];
}

function velocityLegend({ sprints, before, average }) {
  const entries = OUTCOMES.filter((name) => sprints.some((sprint) => sprint[name] > 0)).map((name) => [`${name}-bar`, headOf(name)]);
  if (average !== null) entries.push(["average", `Average completed ${sprints === before ? "" : "before "}${amount(average)}`]);
  return entries;
}

function sprintReading(sprint) {
  const known = OUTCOMES.filter((name) => Number.isFinite(sprint[name]));
  return {
    words: known.map((name) => `${headOf(name).toLowerCase()} ${amount(sprint[name])}`).join(", "),
    nodes: [html("strong", {}, html("bdi", {}, sprint.name)), html("dl", {}, ...known.flatMap((name) => [html("dt", {}, headOf(name)), html("dd", {}, amount(sprint[name]))]))],
  };
}

function velocityTable({ unit, sprints, before, average }) {
  const rows = sprints.map((sprint) => [sprint.name, ...OUTCOMES.map((name) => numeric(asked(sprint, unit, name, amount(sprint[name]))))]);
  if (average !== null) rows.push([sprints === before ? "Average" : "Average before", numeric("–"), numeric(amount(average)), numeric("–"), numeric("–")]);
  return table(`What became of the last sprints in ${unit}`, ["Sprint", ...OUTCOMES.map((name) => numeric(headOf(name)))], rows);
}
