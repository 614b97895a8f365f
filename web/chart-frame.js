// What every chart has: a row of buttons, a plot that knows its size, a legend, and the same numbers as a table.

import { ChartReader } from "./chart-reader.js";
import { html, patch, svg } from "./draw.js";

/** The size of a letter is measured at this size of the text, once for each text. */
const MEASURED_AT = 100;

/** An element with what is drawn in it, at the size that it happens to have. */
export class ChartFrame {
  element = element("div", "chart");
  tools = element("div", "chart-tools");
  table = element("div", "chart-table");
  legend = element("ul", "chart-legend");
  reader;
  #plot = element("div", "chart-plot");
  #drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  #em = element("i", "chart-em");
  #size = { width: 0, height: 0, em: 0 };
  #widths = new Map();
  #font = "";

  /** `draw` is called when the size changed. */
  constructor(draw, { tools }) {
    this.#drawing.setAttribute("role", "img");
    this.#plot.append(this.#drawing, this.#em);
    this.reader = new ChartReader(this.#plot);
    // The chart is described by the table and read by the reader; a list of colours says nothing to the ear.
    this.legend.setAttribute("aria-hidden", "true");
    this.tools.setAttribute("role", "group");
    this.table.hidden = true;
    // Where it is wider than the screen the keys have to reach it.
    this.table.tabIndex = 0;
    if (tools) this.element.append(this.tools);
    this.element.append(this.#plot, this.legend, this.table);
    new ResizeObserver(() => this.#measure() && draw()).observe(this.#plot);
    // A box of one em changes its size with the text, also where the plot does not.
    new ResizeObserver(() => this.#measure() && draw()).observe(this.#em);
  }

  /** How wide and high the plot is, and the size of its text, in pixels; `null` while it is not shown. */
  get size() {
    return this.#size.width > 0 && this.#size.height > 0 && this.#size.em > 0 ? this.#size : null;
  }

  /** Shows the numbers instead of the drawing, or the drawing. */
  showTable(isTable) {
    hide(this.#plot, isTable);
    hide(this.legend, isTable);
    hide(this.table, !isTable);
  }

  /** Draws, in pixels of the page, so that no text is ever stretched. */
  draw(label, nodes) {
    const { width, height } = this.#size;
    set(this.#drawing, "viewBox", `0 0 ${width} ${height}`);
    set(this.#drawing, "aria-label", label);
    // Its name is all that is read of it, whatever reads it.
    patch(this.#drawing, [svg("g", { "aria-hidden": "true" }, ...nodes)]);
  }

  /** Shows what the lines are: each a name, a text and perhaps a sign instead of a line. */
  explain(entries) {
    patch(this.legend, entries.map(([name, text, sign]) => html("li", { "data-line": name }, sign ? html("span", { class: `sign ${name}` }, sign) : sample(name), text)));
  }

  /** The width of a text in em of its own size. */
  measure = (text) => {
    let width = this.#widths.get(text);
    if (width === undefined) {
      pencil.font = this.#font;
      this.#widths.set(text, (width = pencil.measureText(text).width / MEASURED_AT));
    }
    return width;
  };

  #measure() {
    const { width, height } = this.#plot.getBoundingClientRect();
    const em = this.#em.getBoundingClientRect().width;
    const is = this.#size;
    if (is.width === width && is.height === height && is.em === em) return false;
    this.#size = { width, height, em };
    const { fontFamily } = getComputedStyle(this.#plot);
    this.#font = `${MEASURED_AT}px ${fontFamily}`;
    this.#widths.clear();
    return true;
  }
}

const pencil = document.createElement("canvas").getContext("2d");

function sample(name) {
  const isArea = ["off", "forecast", "planned-bar", "completed-bar", "late-bar", "incomplete-bar"].includes(name);
  const shape = isArea ? svg("rect", { class: name, x: "5%", y: "10%", width: "90%", height: "80%" }) : svg("line", { class: name, x1: 0, x2: "100%", y1: "50%", y2: "50%" });
  return svg("svg", {}, shape);
}

/** A table with a caption: the first cell of each row is its name. A cell is a text, or `{ class, nodes }`. */
export function table(caption, head, rows) {
  const cell = (tag, attributes) => (content) => (typeof content === "object" ? html(tag, { ...attributes, class: content.class }, ...content.nodes) : html(tag, attributes, content));
  return html(
    "table",
    {},
    html("caption", {}, caption),
    html("thead", {}, html("tr", {}, ...head.map(cell("th", { scope: "col" })))),
    html("tbody", {}, ...rows.map(([name, ...cells]) => html("tr", {}, cell("th", { scope: "row" })(name), ...cells.map(cell("td", {}))))),
  );
}

/** A cell that stands to the right, as numbers do. */
export function numeric(text) {
  return { class: "number", nodes: [text] };
}

/** A button that is pressed or not, or that does something where `isToggle` is `false`. */
export function button(text, onClick, isToggle = true) {
  const made = element("button", "");
  made.removeAttribute("class");
  made.type = "button";
  made.textContent = text;
  if (isToggle) made.setAttribute("aria-pressed", "false");
  made.addEventListener("click", onClick);
  return made;
}

/** Hides an element or shows it, where it is not so already. */
export function hide(element, isHidden) {
  if (element.hidden !== isHidden) element.hidden = isHidden;
}

/** Sets an attribute where it differs. */
export function set(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

function element(tag, name) {
  const made = document.createElement(tag);
  made.className = name;
  return made;
}
