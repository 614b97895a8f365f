// What needs somebody now: the only part of a board that is in the colour of alarm. Each number is the server's, and tells its
// items when it is asked.

import { fill, made } from "./elements.js";
import { amount, count, moment, person } from "./text.js";

/** As many items are named; the number beside them tells of all. */
const NAMED_MAX = 4;

/** What is looked for: the number, what it is called, and which items it is of, where they can be told from themselves. */
const NEEDS = [
  { metric: "items.blocked", words: (value) => `${count(value, "item")} blocked`, of: ({ blocked, stateCategory, backlog }) => blocked && backlog !== "task" && isOpen(stateCategory), says: blockedWords },
  { metric: "items.aging", words: (value, { metrics }) => `${count(value, "item")} in progress for longer than 85 of 100 take${limit(metrics)}` },
  { metric: "items.stale", words: (value) => `${count(value, "open item")} that nobody has changed for five working days` },
  { metric: "items.unestimated", words: (value) => `${count(value, "item")} not estimated` },
];

/** Paints what needs somebody. */
export function paintAttention(list, board) {
  const needs = board.team ? [...NEEDS.flatMap((need) => entry(need, board)), ...unassigned(board), ...overCapacity(board)] : [];
  fill(list, needs);
  list.hidden = needs.length === 0;
}

/** The number that a button of the list asks about, and what it is called. */
export function askedBy(button) {
  const need = button.closest(".need");
  return { metric: need.dataset.need, name: need.querySelector("strong").textContent.replace(/:$/, "") };
}

function entry({ metric, words, of, says }, board) {
  const value = board.metrics[metric]?.value ?? 0;
  if (value <= 0) return [];
  const items = of ? [...board.items.values()].filter(of) : [];
  return [line(`${words(value, board)}${items.length > 0 ? ":" : ""}`, named(items, says), metric)];
}

/** Work that nobody does. */
function unassigned({ items }) {
  const found = [...items.values()].filter(({ stateCategory, assignedTo }) => stateCategory === "InProgress" && assignedTo === null);
  return found.length === 0 ? [] : [line("In progress, and nobody's:", named(found))];
}

function overCapacity({ metrics }) {
  const over = (metrics["hours.capacity"]?.detail?.members ?? []).filter((member) => member.over);
  if (over.length === 0) return [];
  const people = over.map(({ name, remaining, hours }) => `${person({ name })} (${amount(remaining, "hours")} of ${amount(hours, "hours")})`);
  return [line("More hours left than there are:", [people.join(", ")], "hours.capacity")];
}

function line(text, parts, metric) {
  const need = made("li", "need", [made("strong", "", text), ...parts.flatMap((part) => [" ", part])]);
  if (!metric) return need;
  need.dataset.need = metric;
  const button = made("button", "why", "why?");
  button.type = "button";
  button.setAttribute("aria-label", `Why? ${text.replace(/:$/, "")}`);
  need.append(" ", button);
  return need;
}

function named(items, says = () => "") {
  const first = items.slice(0, NAMED_MAX).map((item) => {
    const words = says(item);
    return made("span", "named", [`#${item.id} `, made("bdi", "", item.title), words === "" ? "" : ` (${words})`]);
  });
  return items.length > NAMED_MAX ? [...first, `and ${amount(items.length - NAMED_MAX)} more`] : first;
}

function blockedWords({ blockedBy, blockedSince, assignedTo }) {
  const since = blockedSince ? `since ${moment(blockedSince)}` : "";
  return [blockedBy ? `by ${blockedBy}` : "", since, person(assignedTo)].filter(Boolean).join(", ");
}

function limit(metrics) {
  const days = metrics["cycle.p85"]?.value ?? null;
  return days === null ? "" : ` (${amount(days, "days")})`;
}

function isOpen(category) {
  return category !== "Completed" && category !== "Removed";
}
