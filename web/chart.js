// The burndown of a team, which is a burnup as well, and one that is small enough for a tile.
// Why it is plain SVG and not a library's stands in docs/ARCHITECTURE.md.

import { burndownsOf, chartData, clockOfTeam, hasBurnup, liveOf, metricOf } from "./chart-data.js";
import { ChartFrame, button, hide, numeric, set, table } from "./chart-frame.js";
import { burndownLayout, sparkLayout } from "./chart-layout.js";
import { gridNodes, polyline, px, teamOf } from "./chart-nodes.js";
import { burndownCsv, dayTable, fileName } from "./chart-table.js";
import { html, patch, svg } from "./draw.js";
import { asking } from "./elements.js";
import { amount, clock, count, day, dayOfMonth, days, moment, momentOn, person, weekday, zone } from "./text.js";

const NAMES = { ideal: "Ideal", original: "Planned", remaining: "Remaining", completed: "Completed", scope: "Scope" };
const KINDS = { added: "added", removed: "removed", reestimated: "re-estimated" };
/** As many changes of the scope are told of a day beside the chart; the table has all. */
const CHANGES_TOLD = 4;
/** As much is told of a title there, and read out. */
const TITLE_MAX = 100;
/** As many changes within today are kept until the next snapshot, as the server keeps. */
const TOLD_MAX = 200;
/** The box in which a tile's lines are drawn; the tile stretches it. */
const SPARK = { width: 100, height: 30 };

const words = { number: (value) => amount(value), weekday, day, dayOfMonth };

/** The burndown of a board, or its burnup. */
export class BurndownChart {
  #frame;
  #choice;
  #onChoice;
  #board;
  #now;
  #until;
  #data;
  /** What the numbers were since the lines were sent, by unit. */
  #told = { lines: null, byUnit: new Map() };
  #units = document.createElement("span");
  #buttons;

  /**
   * `choice` is what to show: `unit`, `burnup`, `hidesDaysOff`, `table`. `onChoice(choice)` is called when somebody chose, which
   * without `tools` nobody can.
   */
  constructor({ choice = {}, onChoice = () => {}, tools = true } = {}) {
    this.#choice = { unit: null, burnup: false, hidesDaysOff: false, table: false, ...choice };
    this.#onChoice = onChoice;
    this.#frame = new ChartFrame(() => this.#draw(), { tools });
    this.#buttons = {
      burnup: button("Burnup", () => this.#toggle("burnup")),
      hidesDaysOff: button("Hide days off", () => this.#toggle("hidesDaysOff")),
      table: button("Table", () => this.#toggle("table")),
      csv: button("CSV", () => this.#download(), false),
    };
    this.#units.setAttribute("role", "group");
    this.#units.setAttribute("aria-label", "Unit");
    this.#units.addEventListener("click", ({ target }) => target.dataset.unit && this.choose({ unit: target.dataset.unit }));
    this.#frame.tools.append(this.#units, ...Object.values(this.#buttons));
    this.element.hidden = true;
  }

  /** What to put into the page, which gives `.chart-plot` its height. */
  get element() {
    return this.#frame.element;
  }

  /** What is shown. */
  get choice() {
    return { ...this.#choice };
  }

  /** The chart in a sentence whose numbers can be asked, for a caption. */
  get caption() {
    return this.#data ? sentence(this.#data, clockOfTeam(this.#board.burndown)) : [];
  }

  /** What it counts. */
  get unit() {
    return this.#data.unit;
  }

  /** Shows a board at the server's time `now`, `null` while that is in doubt; its lines end at `until` where that is given. */
  update(board, now, until = null) {
    this.#board = board;
    this.#now = now;
    this.#until = until;
    this.#remember(board, now);
    this.#show();
  }

  /** Shows something else, as if somebody had chosen it. */
  choose(choice) {
    Object.assign(this.#choice, choice);
    this.#show();
    this.#onChoice(this.choice);
  }

  #toggle(name) {
    this.choose({ [name]: !this.#choice[name] });
  }

  /** Notes when the numbers moved, until the lines are sent anew. */
  #remember(board, now) {
    if (this.#told.lines !== board.burndown) this.#told = { lines: board.burndown, byUnit: new Map() };
    for (const { unit, today, days } of burndownsOf(board)) {
      const told = this.#told.byUnit.get(unit) ?? [];
      const last = told.at(-1) ?? (today.length > 0 ? { ...days.findLast((day) => day.remaining !== undefined), ...today.at(-1) } : null);
      if (!last || liveOf(board, unit) === undefined) continue;
      const [remaining, completed, scope] = ["remaining", "completed", "scope"].map((line) => liveOf(board, unit, line) ?? last[line]);
      if (remaining === last.remaining && completed === last.completed && scope === last.scope) continue;
      told.push({ at: Math.max(now ?? last.at, last.at), remaining, completed, scope });
      if (told.length > TOLD_MAX) told.shift();
      this.#told.byUnit.set(unit, told);
    }
  }

  #show() {
    const unit = burndownsOf(this.#board).find((one) => one.unit === this.#choice.unit)?.unit ?? this.#board.burndown?.unit;
    this.#data = chartData(this.#board, { unit, now: this.#now, until: this.#until, told: this.#told.byUnit.get(unit) });
    hide(this.element, this.#data === null);
    if (this.#data === null) return;
    this.#showTools();
    this.#frame.showTable(this.#choice.table);
    // A table that nobody sees need not be kept right.
    if (this.#choice.table) patch(this.#frame.table, tables(this.#data, clockOfTeam(this.#board.burndown), this.#board));
    this.#draw();
  }

  #showTools() {
    const { tools } = this.#frame;
    set(tools, "aria-label", `Chart of ${teamOf(this.#board)}`);
    const units = burndownsOf(this.#board).map(({ unit }) => unit);
    hide(this.#units, units.length < 2);
    patch(this.#units, units.map((unit) => html("button", { type: "button", "data-unit": unit, "aria-pressed": String(unit === this.#data.unit) }, unit)));
    for (const name of ["burnup", "hidesDaysOff", "table"]) set(this.#buttons[name], "aria-pressed", this.#choice[name]);
    hide(this.#buttons.hidesDaysOff, this.#data.days.every((day) => day.working));
    hide(this.#buttons.burnup, !hasBurnup(this.#data));
  }

  #draw() {
    const { size } = this.#frame;
    if (!size || !this.#data) return;
    const data = this.#data;
    const { hidesDaysOff } = this.#choice;
    const burnup = this.#choice.burnup && hasBurnup(data);
    const layout = burndownLayout(data, { ...size, burnup, hidesDaysOff, measure: this.#frame.measure, words });
    const name = `${burnup ? "Burnup" : "Burndown"} of ${teamOf(this.#board)} in ${data.unit}, ${days(data.days[0].date, data.days.at(-1).date)}`;
    this.#frame.draw(name, burndownNodes(data, layout, size));
    this.#frame.explain(legend(data, layout, burnup));
    const columns = layout.axis.shown.map((day) => ({ from: day.from, to: day.to, name: dayName(day), ...readingOf(data, day) }));
    const first = layout.axis.shown.findLastIndex((day) => day.index <= (data.today ?? data.days.length));
    this.#frame.reader.update(columns, { name: `Day of ${teamOf(this.#board)}`, first: Math.max(0, first), room: { width: size.width, ...layout.plot } });
  }

  #download() {
    const { sprint } = this.#board;
    const link = document.createElement("a");
    link.download = fileName("burndown", teamOf(this.#board), sprint?.name, this.#data.unit);
    link.href = URL.createObjectURL(new Blob([burndownCsv(this.#data)], { type: "text/csv;charset=utf-8" }));
    link.click();
    // The browser has begun to read it by then.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }
}

function sentence({ unit, days: all, today, now, original }, team) {
  const last = today === null ? all.findLast((day) => day.remaining !== undefined) : all[today];
  if (!last) return ["The sprint has not begun."];
  const ask = (line, value) => asked(metricOf(unit, line, last.date), NAMES[line], amount(value));
  // While the day lasts the line is not there yet.
  const ideal = Number.isFinite(last.ideal) ? [", ideally ", ask("ideal", last.ideal), now === null ? "" : " by its end"] : [];
  const planned = original === undefined ? [] : [", of ", ask("original", original), " planned"];
  // What is the same day to the team and to whoever looks need not be told.
  const zoned = team === null ? [] : [`. The team's clock is at ${zone(team.ahead)}: its days begin at ${clock(team.began)} here`];
  return [ask("remaining", last.remaining), ` ${unit} left on ${day(last.date)}`, ...ideal, ...planned, ...zoned];
}

/** The drawing, from the back to the front. */
function burndownNodes(data, layout, { em }) {
  const { plot } = layout;
  const area = (name, { from, to }) => svg("rect", { class: name, x: px(from), y: px(plot.top), width: px(Math.max(to - from, 1)), height: px(plot.bottom - plot.top) });
  const line = (name) => layout[name].map((part) => polyline(name, part));
  const { forecast } = layout;
  return [
    svg("g", {}, ...layout.off.map((stretch) => area("off", stretch)), ...(forecast && !forecast.isAfter ? [area("forecast", forecast)] : [])),
    svg("g", {}, ...gridNodes(layout, data.unit, em)),
    svg("g", {}, ...layout.dates.map(({ text, x }) => svg("text", { x: px(x), y: px(plot.bottom + 1.2 * em), "text-anchor": "middle" }, text))),
    svg("g", {}, ...(layout.now === null ? [] : nowNodes(layout, em))),
    svg("g", {}, ...line("ideal"), ...line("scope"), ...line("completed"), ...line("remaining")),
    svg("g", {}, ...layout.marks.map((mark) => svg("path", { class: "mark", d: markPath(mark, 0.34 * em) }))),
    svg("g", {}, ...(forecast?.goesOn ? [svg("path", { class: "beyond", d: arrow(plot.right, plot.top - 0.8 * em, 0.35 * em) })] : [])),
    svg("g", {}, ...layout.labels.map(({ name, text, x, y }) => svg("text", { class: `value ${name}`, x: px(x), y: px(y) }, text))),
  ];
}

function nowNodes({ plot, now }, em) {
  const line = svg("line", { class: "now", x1: now, x2: now, y1: px(plot.top - 0.35 * em), y2: px(plot.bottom) });
  // Beside the unit there is no room for it.
  const isClear = now - em > plot.left + 3 * em;
  return isClear ? [line, svg("text", { class: "now", x: Math.min(now, plot.right - em), y: px(plot.top - 0.6 * em), "text-anchor": "middle" }, "now")] : [line];
}

/** Up where the scope grew, down where it shrank, and a square where an item came without an estimate. */
function markPath({ x, y, way }, size) {
  if (way === 0) return `M${px(x - size)},${px(y)}L${px(x)},${px(y - size)}L${px(x + size)},${px(y)}L${px(x)},${px(y + size)}Z`;
  return `M${px(x - size)},${px(y + way * size * 0.8)}L${px(x)},${px(y - way * size)}L${px(x + size)},${px(y + way * size * 0.8)}Z`;
}

function arrow(x, y, size) {
  return `M${px(x - 2.2 * size)},${px(y - size)}L${px(x - size)},${px(y)}L${px(x - 2.2 * size)},${px(y + size)}M${px(x - size)},${px(y - size)}L${px(x)},${px(y)}L${px(x - size)},${px(y + size)}`;
}

function legend(data, layout, burnup) {
  const entries = (burnup ? ["completed", "scope", "ideal"] : ["remaining", "ideal", "scope", "completed"]).filter((name) => layout[name].length > 0).map((name) => [name, NAMES[name]]);
  if (layout.off.length > 0) entries.push(["off", "Day off"]);
  const signs = ["▼", "◆", "▲"].filter((_, index) => layout.marks.some(({ way }) => way === index - 1));
  if (signs.length > 0) entries.push(["mark", "Scope changed", signs.join("")]);
  if (data.forecast) entries.push(["forecast", `50 to 85 % likely done ${days(...data.forecast.dates)}`]);
  return entries;
}

/** What is read of a day: for the eye with a heading, for the ear without. */
function readingOf(data, { index }) {
  const row = data.days[index];
  const lines = ["remaining", "ideal", "completed", "scope"].filter((line) => Number.isFinite(row[line]));
  const changes = data.changes.filter((change) => Math.floor(change.day) === index);
  const told = changes.slice(0, CHANGES_TOLD).map((change) => ({ ...changeWords(change, data, row.date), title: cut(change.title) }));
  const more = changes.length - told.length;
  const left = more > 0 ? [`and ${count(more, "more change")}`] : [];
  const numbers = lines.map((line) => `${NAMES[line].toLowerCase()} ${amount(row[line], unitSign(data.unit))}`);
  return {
    words: [numbers.join(", ") || "no numbers yet", ...told.map(({ what, title, who }) => `${what} ${title}${who}`), ...left].join("; "),
    nodes: [
      html("strong", {}, dayName(row)),
      html("dl", {}, ...lines.flatMap((line) => [html("dt", {}, NAMES[line]), html("dd", {}, amount(row[line], unitSign(data.unit)))])),
      ...told.map(({ what, title, who }) => html("p", {}, `${what} `, html("bdi", {}, title), html("span", { class: "who" }, who))),
      ...left.map((words) => html("p", {}, words)),
    ],
  };
}

function cut(title) {
  const letters = [...title];
  return letters.length > TITLE_MAX ? `${letters.slice(0, TITLE_MAX - 1).join("")}…` : title;
}

function dayName({ date, working }) {
  return working ? weekday(date) : `${weekday(date)} · day off`;
}

/** Only hours have a sign that is read where the unit is not written. */
function unitSign(unit) {
  return unit === "hours" ? unit : undefined;
}

/** A change of the scope in words, as they stand beside the date of a day. */
function changeWords({ id, kind, amount: by, by: who, at }, { changesUnit }, date) {
  const sign = by > 0 ? "+" : by < 0 ? "−" : "±";
  const size = `${sign}${amount(Math.abs(by), unitSign(changesUnit))}`;
  return { what: `${size} ${KINDS[kind] ?? kind} #${id}`, size, kind: KINDS[kind] ?? kind, who: [...(who ? [person(who)] : []), momentOn(at, date)].map((part) => ` · ${part}`).join("") };
}

/** A number that can be asked, as of the board's or another `moment`. */
function asked(metric, name, text, moment = "") {
  return html("button", asking(metric, name, { text, moment }), text);
}

/** The numbers of the chart as tables, those within today by the `team`'s clock. */
function tables(data, team, { sprint }) {
  const { lines, rows } = dayTable(data);
  const { unit } = data;
  const { date: today } = data.days[data.today] ?? {};
  const written = (value) => amount(value, unitSign(unit));
  const cell = ({ date }, line, value) =>
    value === null ? written(value) : asked(metricOf(unit, line, date), `${NAMES[line]} · ${weekday(date)}`, written(value), line === "ideal" || date === today ? "" : `day=${date}`);
  // A date is not broken where there is little room.
  const name = (row) => dayName(row).replace(/ (?!·|day off)/g, "\u00a0");
  const head = ["Day", ...lines.map((line) => numeric(NAMES[line]))];
  const found = [table(`Each day in ${unit}`, head, rows.map((row) => [name(row), ...row.values.map((value, index) => numeric(cell(row, lines[index], value)))]))];
  if (data.steps.length > 0) {
    const zoned = team === null ? "" : ` of the team's clock (${zone(team.ahead)}), in your time`;
    const steps = data.steps.map(({ at, remaining }) => ({ at, time: momentOn(at, today), text: written(remaining) }));
    // What comes to the same within the same minute is told once.
    const told = steps.filter(({ time, text }, index) => time !== steps[index - 1]?.time || text !== steps[index - 1].text);
    // With what happened at that very instant.
    const step = ({ at, time, text }) => asked(metricOf(unit, "remaining"), `${NAMES.remaining} · ${time}`, text, `since=${Math.floor(at) + 1}&sprint=${sprint.id}`);
    found.push(table(`Remaining within ${day(today)}${zoned}`, ["Time", numeric(NAMES.remaining)], told.map((one) => [one.time, numeric(step(one))])));
  }
  if (data.changes.length > 0) {
    const changes = data.changes.map((change) => {
      const { size, kind } = changeWords(change, data);
      return [moment(change.at), numeric(size), { nodes: [`#${change.id} `, html("bdi", {}, change.title), `: ${kind}, ${change.reason}`] }, change.by ? person(change.by) : "–"];
    });
    found.push(table(`Changes of the scope in ${data.changesUnit}`, ["When", numeric("By"), "What", "Who"], changes));
  }
  return found;
}

/** The burndown of a board as two small lines for a tile, without any number: what it says is said beside it. */
export class Sparkline {
  element = document.createElementNS("http://www.w3.org/2000/svg", "svg");

  constructor() {
    this.element.classList.add("spark");
    this.element.setAttribute("viewBox", `0 -2 ${SPARK.width} ${SPARK.height + 4}`);
    this.element.setAttribute("preserveAspectRatio", "none");
    this.element.setAttribute("aria-hidden", "true");
  }

  update(board, now, until = null) {
    const data = chartData(board, { now, until });
    const layout = data && sparkLayout(data, SPARK);
    patch(this.element, layout ? ["ideal", "remaining"].flatMap((name) => layout[name].filter((part) => part.length > 1).map((part) => polyline(name, part))) : []);
  }
}
