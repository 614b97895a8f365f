// The burndown as a drawing: the ideal line, what really remained, and today.

import { amount, day } from "./text.js";

const WIDTH = 320;
const HEIGHT = 110;
const FOOT = 96;
const TOP = 6;

/**
 * Draws the lines of a board. `live` is what remains now, which is newer than the lines.
 * Returns the drawing and what it says in words.
 */
export function burndown({ unit, days, original }, live) {
  const last = days.findLastIndex((day) => day.remaining !== undefined);
  const today = days[last];
  const remaining = days.map((day, index) => (index === last ? live ?? day.remaining : day.remaining));
  const most = Math.max(1, original ?? 0, ...[...remaining, ...days.map((day) => day.ideal)].filter(Number.isFinite));
  const x = (end) => (end * WIDTH) / days.length;
  const y = (value) => FOOT - (value * (FOOT - TOP)) / most;
  // A value is that of the end of its day; at the left edge nothing has been done yet.
  const line = (values) => [original, ...values].map((value, end) => [value, end]).filter(([value]) => Number.isFinite(value));
  const points = (values) => line(values).map(([value, end]) => `${x(end).toFixed(1)},${y(value).toFixed(1)}`).join(" ");

  const svg = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none" });
  days.forEach((day, index) => {
    if (!day.working) svg.append(element("rect", { class: "off", x: x(index), y: TOP, width: x(1), height: FOOT - TOP }));
  });
  svg.append(
    element("line", { class: "foot", x1: 0, x2: WIDTH, y1: FOOT, y2: FOOT }),
    element("polyline", { class: "ideal", points: points(days.map((day) => day.ideal)) }),
    element("polyline", { class: "actual", points: points(remaining) }),
  );
  if (today) {
    svg.append(element("line", { class: "today", x1: x(last + 1), x2: x(last + 1), y1: TOP, y2: FOOT }));
  }
  const words = inWords(unit, today, remaining[last], original);
  svg.setAttribute("aria-label", `Burndown: ${words}`);
  return { svg, words };
}

function inWords(unit, today, remaining, original) {
  if (!today) return "the sprint has not begun";
  const ideal = Number.isFinite(today.ideal) ? `, ideally ${amount(today.ideal)}` : "";
  const planned = Number.isFinite(original) ? `, of ${amount(original)} planned` : "";
  return `${amount(remaining)} ${unit} left on ${day(today.date)}${ideal}${planned}`;
}

function element(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  return made;
}
