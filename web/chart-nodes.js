// What is drawn and written alike in all charts.

import { svg } from "./draw.js";
import { amount } from "./text.js";

/** What whoever looks calls the board. */
export function teamOf({ team, project }) {
  const named = team ?? project;
  return named.name ?? named.id;
}

/** The lines of the values, with their numbers and their unit. */
export function gridNodes({ plot, ticks }, unit, em) {
  const lines = ticks.map(({ y, value }) => svg("line", { class: value === 0 ? "foot" : "grid", x1: px(plot.left), x2: px(plot.right), y1: px(y), y2: px(y) }));
  const numbers = ticks.map(({ y, value }) => svg("text", { x: px(plot.left - 0.4 * em), y: px(y + 0.28 * em), "text-anchor": "end" }, amount(value)));
  return [...lines, ...numbers, svg("text", { class: "unit", x: 0, y: px(0.75 * em) }, unit)];
}

/** A line through points; a point alone is a dot. */
export function polyline(name, points) {
  const all = points.map((point) => point.map(px).join(",")).filter((point, index, all) => point !== all[index - 1]);
  if (all.length > 1) return svg("polyline", { class: name, points: all.join(" ") });
  const [cx, cy] = all[0].split(",");
  return svg("circle", { class: name, cx, cy, r: "0.2em" });
}

/** Tenths of a pixel are enough, and keep a drawing the same that is the same to the eye. */
export function px(value) {
  return String(Math.round(value * 10) / 10);
}
