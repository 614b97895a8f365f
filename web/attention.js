// What needs somebody now, by one rule for a team's page and for a wall, and how the page paints it: the only part of a board
// that is in the colour of alarm. Each number is the server's, and tells its items when it is asked.

import { nameOf } from "./board-words.js";
import { fill, made, whyButton } from "./elements.js";
import { amount, count, moment, person } from "./text.js";

/** As many items are named; the number beside them tells of all. */
const NAMED_MAX = 4;

/**
 * What needs somebody: blocked items, tasks as well, the longest first; those older than most ever get; those in progress and
 * nobody's; and who has more hours left than there are.
 */
export function needsOf({ items, metrics }) {
  const open = [...items.values()].filter(({ stateCategory }) => stateCategory !== "Completed" && stateCategory !== "Removed");
  const since = ({ blockedSince }) => blockedSince ?? Infinity;
  return {
    blocked: open.filter(({ blocked }) => blocked).sort((one, other) => compared(since(one), since(other)) || one.id - other.id),
    aging: agingOf(open, items, metrics),
    unassigned: open.filter((item) => isInProgress(item) && !item.assignedTo),
    over: (metrics["hours.capacity"]?.detail?.members ?? []).filter((member) => member.over),
  };
}

/** That tasks are blocked as well, beside the number of items that are, which counts no tasks. */
export function blockedTasks(board) {
  const tasks = needsOf(board).blocked.filter(isTask);
  return tasks.length === 0 ? "" : `and ${count(tasks.length, "task")}`;
}

export function isTask({ backlog }) {
  return backlog === "task";
}

/** As the number of work in progress counts it: what is resolved is not done. */
function isInProgress({ stateCategory }) {
  return stateCategory === "InProgress" || stateCategory === "Resolved";
}

/**
 * The items that `items.aging` counts: the oldest in progress that are older than 85 of 100 were. Tasks of what is on the
 * board as well have an age too, and are not counted.
 */
function agingOf(open, items, metrics) {
  const number = metrics["items.aging"]?.value ?? 0;
  const above = metrics["cycle.p85"]?.value ?? null;
  if (number === 0 || above === null) return [];
  const isPart = (item) => (isTask(item) || items.has(item.parent) ? 1 : 0);
  const old = open.filter((item) => isInProgress(item) && item.ageDays > above);
  return old.sort((one, other) => isPart(one) - isPart(other) || other.ageDays - one.ageDays).slice(0, number);
}

/** Which of two is first; two that are endless are the same. */
function compared(one, other) {
  return one === other ? 0 : one - other;
}

/** Paints what needs somebody. */
export function paintAttention(list, board) {
  const needs = board.team ? lines(board, needsOf(board)) : [];
  // Each has its place, so that whoever stands on one still does where another comes.
  fill(list, needs.map((need) => need || Object.assign(made("li"), { hidden: true })));
  list.hidden = !needs.some(Boolean);
}

function lines({ metrics, team }, { blocked, aging, unassigned, over }) {
  const value = (metric) => metrics[metric]?.value ?? 0;
  const line = (...need) => lineOf(nameOf(team), ...need);
  const tasks = blocked.filter(isTask).length;
  const kinds = [[value("items.blocked") || blocked.length - tasks, "item"], [tasks, "task"]].filter(([number]) => number > 0);
  const people = over.map(({ name, remaining, hours }) => `${person({ name })} (${amount(remaining, "hours")} of ${amount(hours, "hours")})`);
  return [
    kinds.length > 0 && line(`${kinds.map(([number, noun]) => count(number, noun)).join(" and ")} blocked`, named(blocked, blockedWords), metrics["items.blocked"] && "items.blocked"),
    value("items.aging") > 0 && line(`${count(value("items.aging"), "item")} in progress for longer than 85 of 100 take${limit(metrics)}`, named(aging, agingWords), "items.aging"),
    value("items.stale") > 0 && line(`${count(value("items.stale"), "open item")} that nobody has changed for five working days`, [], "items.stale"),
    value("items.unestimated") > 0 && line(`${count(value("items.unestimated"), "item")} not estimated`, [], "items.unestimated"),
    unassigned.length > 0 && line("In progress, and nobody's", named(unassigned)),
    over.length > 0 && line("More hours left than there are", [people.join(", ")], "hours.capacity"),
  ];
}

function lineOf(team, text, parts, metric) {
  const need = made("li", "need", [made("strong", "", parts.length > 0 ? `${text}:` : text), ...parts.flatMap((part) => [" ", part])]);
  if (!metric) return need;
  need.dataset.need = metric;
  need.append(" ", whyButton(metric, text, { team }));
  return need;
}

function named(items, says = () => "") {
  const first = items.slice(0, NAMED_MAX).map((item) => {
    const words = says(item);
    return made("span", "named", [`${isTask(item) ? `${item.type} ` : ""}#${item.id} `, made("bdi", "", item.title), words === "" ? "" : ` (${words})`]);
  });
  return items.length > NAMED_MAX ? [...first, `and ${amount(items.length - NAMED_MAX)} more`] : first;
}

function blockedWords({ blockedBy, blockedSince, assignedTo }) {
  const since = blockedSince ? `since ${moment(blockedSince)}` : "";
  return [blockedBy ? `by ${blockedBy}` : "", since, person(assignedTo)].filter(Boolean).join(", ");
}

function agingWords({ ageDays, assignedTo }) {
  return `${amount(ageDays, "days")}, ${person(assignedTo)}`;
}

function limit(metrics) {
  const days = metrics["cycle.p85"]?.value ?? null;
  return days === null ? "" : ` (${amount(days, "days")})`;
}
