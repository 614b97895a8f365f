// Reads a chart column by column: what the pointer is over, or what the arrow keys came to. The eye has it beside the column,
// the ear as the value of a slider, which every screen reader lets have the keys, and once per key what stands there.

import { patch } from "./draw.js";
import { setText } from "./text.js";

export class ChartReader {
  #plot;
  #input = document.createElement("input");
  #cursor = document.createElement("div");
  #tip = document.createElement("div");
  #status = document.createElement("p");
  #columns = [];
  #room = { width: 0, top: 0, bottom: 0 };
  #hovered = null;
  #isDismissed = false;
  #isChosen = false;
  /** Is called with the column that somebody chose. */
  choose = () => {};

  /** Reads within `plot`. */
  constructor(plot) {
    this.#plot = plot;
    this.#input.type = "range";
    this.#input.min = "0";
    this.#cursor.className = "chart-cursor";
    this.#tip.className = "chart-tip";
    this.#tip.setAttribute("aria-hidden", "true");
    this.#cursor.hidden = this.#tip.hidden = true;
    this.#status.className = "unseen";
    this.#status.setAttribute("role", "status");
    plot.append(this.#cursor, this.#input, this.#tip, this.#status);
    plot.addEventListener("pointermove", (event) => this.#hover(this.#columnAt(event)));
    plot.addEventListener("pointerleave", () => this.#hover(null));
    plot.addEventListener("pointerdown", (event) => this.#choose(this.#columnAt(event)));
    this.#input.addEventListener("input", () => this.#step());
    this.#input.addEventListener("focus", () => this.#show());
    this.#input.addEventListener("blur", () => this.#leave());
    this.#input.addEventListener("keydown", (event) => event.key === "Escape" && this.#dismiss());
  }

  /**
   * The columns to read, with `from` and `to` in pixels, a `name`, `nodes` for the eye and `words` for the ear; `first` is where
   * the keys begin, `room` how wide the plot is and where it begins and ends.
   */
  update(columns, { name, first, room }) {
    if (columns.length !== this.#columns.length) this.#isChosen = false;
    this.#columns = columns;
    this.#room = room;
    const last = String(columns.length - 1);
    if (this.#input.max !== last) this.#input.max = last;
    if (!this.#isChosen && this.#input.value !== String(first)) this.#input.value = first;
    set(this.#input, "aria-label", name);
    this.#show();
  }

  #columnAt({ clientX }) {
    const at = clientX - this.#plot.getBoundingClientRect().left;
    const index = this.#columns.findIndex(({ to }) => at < to);
    return index === -1 ? this.#columns.length - 1 : index;
  }

  #hover(index) {
    if (index !== this.#hovered) this.#isDismissed = false;
    this.#hovered = index;
    this.#show();
  }

  /** A finger has no way to hover: what it touches stays until it touches something else. */
  #choose(index) {
    if (index === -1) return;
    this.#input.value = index;
    this.#isChosen = true;
    this.#isDismissed = false;
    this.choose(this.#columns[index]);
    // What was pressed would take the focus away again.
    setTimeout(() => this.#input.focus({ preventScroll: true }));
  }

  #step() {
    this.#isChosen = true;
    this.#isDismissed = false;
    this.#hovered = null;
    this.#show();
    this.choose(this.#columns[this.#input.value]);
    setText(this.#status, this.#columns[this.#input.value]?.words ?? "");
  }

  #dismiss() {
    this.#isDismissed = true;
    this.#show();
  }

  #leave() {
    this.#isDismissed = false;
    setText(this.#status, "");
    this.#show();
  }

  #show() {
    const isFocused = document.activeElement === this.#input;
    const chosen = this.#columns[this.#input.value];
    if (chosen) set(this.#input, "aria-valuetext", chosen.name);
    const column = this.#isDismissed ? undefined : (this.#columns[this.#hovered] ?? (isFocused ? chosen : undefined));
    if (this.#tip.hidden !== !column) this.#tip.hidden = this.#cursor.hidden = !column;
    if (!column) return;
    const { width, top, bottom } = this.#room;
    Object.assign(this.#cursor.style, { left: px(column.from), width: px(column.to - column.from), top: px(top), height: px(bottom - top) });
    const isLeft = column.from + column.to < width;
    Object.assign(this.#tip.style, { left: isLeft ? px(column.to) : "auto", right: isLeft ? "auto" : px(width - column.from), top: px(top) });
    patch(this.#tip, column.nodes);
  }
}

function px(value) {
  return `${value.toFixed(1)}px`;
}

function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
