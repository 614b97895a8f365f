// What a wall shows of a board, part by part, as plain data: a part is drawn anew where its data is another. Every number is
// the server's.

import { blockedTasks, isTask, needsOf } from "./attention.js";
import { nameOf, nothingWords, outlookWords } from "./board-words.js";
import { amount, count } from "./text.js";
import { cut, wordsOf } from "./ticker-words.js";

/** The numbers of a wall, the weightiest first. */
const NUMBERS = [
  { name: "Points left", metric: "points.remaining", of: "points.total" },
  { name: "Items done", metric: "items.completed", of: "items.total" },
  { name: "Items blocked", metric: "items.blocked", isAlarm: true, note: blockedTasks },
  { name: "Hours left", metric: "hours.remaining", of: "hours.capacity" },
  { name: "Open bugs", metric: "bugs.open" },
  { name: "Days left", metric: "sprint.days_left" },
  { name: "In progress", metric: "items.wip" },
  { name: "Unestimated", metric: "items.unestimated" },
];
const NUMBERS_MIN = 4;
const NUMBERS_MAX = 6;

const TITLE_MAX = 70;
/** Of a change's title no more than that, which is more than a line has room for. */
const CHANGE_TITLE_MAX = 200;
const CHANGES_MAX = 3;

/** What a board's parts show. `person` writes a name. */
export function boardModel(board, { isOld, changes, person }) {
  const marks = marksOf(board, isOld);
  return {
    head: { marks, team: nameOf(board.team ?? board.project), sprint: sprintWords(board) },
    outlook: board.outlook && { marks, ...outlookWords(board) },
    numbers: numbersModel(board, marks),
    chart: board.burndown && { marks },
    nothing: nothingModel(board, marks),
    needs: needsModel(board, marks, person),
    changes: changesModel(board, marks, changes, person),
  };
}

/** What everybody has to know who sees but a part of the picture. */
function marksOf({ demo, mock, level }, isOld) {
  const words = [mock ? "MOCK" : demo ? "DEMO" : "", mock ? "" : { cached: "CACHED", none: "NO DATA" }[level] ?? "", isOld ? "NOT LIVE" : ""];
  return words.filter(Boolean);
}

function sprintWords({ project, team, sprint, nextSprint, metrics }) {
  if (!team) return ["What service hooks told of this project"];
  const words = [nameOf(project)];
  if (sprint) {
    words.push(sprint.name);
    const left = metrics["sprint.days_left"]?.value ?? sprint.daysLeft;
    if (left !== null && left !== undefined) words.push(`${count(left, "working day")} left`);
  } else {
    words.push(nextSprint ? `no sprint now, next is ${cut(nextSprint.name, TITLE_MAX)}` : "no sprint now");
  }
  return words;
}

/** Between two sprints there is nothing to count, and that is the news. */
function nothingModel({ team, sprint, level, mock, nextSprint }, marks) {
  if (!isWhole({ team, level, mock }) || sprint) return null;
  return { marks, text: nothingWords({ nextSprint }, (name) => cut(name, TITLE_MAX)) };
}

/** Whether it is known what a team has, and is shown, invented or not. */
function isWhole({ team, level, mock }) {
  return Boolean(team) && (level !== "none" || mock);
}

/** One that alarms before all others, so that it is the last to be left out; then those that have a value. */
function numbersModel(board, marks) {
  const { metrics } = board;
  const value = ({ metric }) => metrics[metric]?.value ?? null;
  const told = NUMBERS.filter((number) => metrics[number.metric]).map((number) => numberOf(number, board));
  const rank = (number) => (number.isAlarm ? 0 : value(number) !== null ? 1 : 2);
  const ordered = told.sort((one, other) => rank(one) - rank(other));
  const known = told.filter((number) => value(number) !== null).length;
  const all = ordered.slice(0, Math.min(NUMBERS_MAX, Math.max(NUMBERS_MIN, known)));
  // A board without a team has but one.
  if (all.length === 0 && metrics["items.total"]) all.push(numberOf({ name: "Items", metric: "items.total" }, board));
  return all.length === 0 ? null : { marks, all };
}

function numberOf({ name, metric, of, isAlarm, note }, board) {
  const { metrics } = board;
  const { value, unit, approximate } = metrics[metric];
  const isKnown = value !== null;
  const beside = note?.(board) ?? "";
  const written = (write) => ({
    amount: approximate && isKnown ? `≈ ${write(value)}` : write(value),
    of: of && metrics[of] && isKnown ? `of ${write(metrics[of].value)}` : beside || null,
  });
  return {
    name,
    metric,
    ...written((value) => amount(value)),
    // For where there is no room for all of it.
    short: written(shortly),
    unit: isKnown && unit === "hours" ? "h" : null,
    isAlarm: Boolean(isAlarm && (value > 0 || beside !== "")),
  };
}

/** From here on a number may be written as `123.5K`. */
const SHORT_FROM = 10_000;
const SHORT = new Intl.NumberFormat(navigator.languages, { notation: "compact", maximumFractionDigits: 1 });

function shortly(value) {
  return value !== null && value !== undefined && Math.abs(value) >= SHORT_FROM ? SHORT.format(value) : amount(value);
}

/** Without these nobody can say that there is nothing to do. */
const CLAIMS = [
  { metric: "items.blocked", isNone: "nothing is blocked", what: "what is blocked" },
  { metric: "items.aging", isNone: "nothing is older than usual", what: "what is older than usual" },
  { metric: "items.stale", isNone: "nothing was left alone for five working days", what: "what was left alone for long" },
  { metric: "items.unestimated", isNone: "all is estimated", what: "what is not estimated" },
];

/** So many people of those who have too much are named. */
const PEOPLE_MAX = 4;

/** What wants somebody now, as the team's page has it in red: items first, the longest blocked before all. */
function needsModel(board, marks, person) {
  const { sprint, metrics } = board;
  if (!isWhole(board)) return null;
  const { blocked, aging, unassigned, over } = needsOf(board);
  const usual = amount(metrics["cycle.p85"]?.value, "days");
  const entry = (item) => ({
    id: item.id,
    title: cut(item.title, TITLE_MAX),
    // The number of blocked items counts no parts of them.
    blocked: item.blocked ? { what: isTask(item) ? `${item.type} blocked` : "Blocked", since: item.blockedSince ?? null } : null,
    aging: aging.includes(item) ? `${amount(item.ageDays, "days")} in progress, usual is up to ${usual}` : null,
    who: item.assignedTo ? person(item.assignedTo.name) : unassigned.includes(item) ? `${item.state}, and nobody’s` : "nobody’s",
    isAlarm: item.blocked,
  });
  const first = [...new Set([...blocked, ...aging])];
  const nobodys = unassigned.filter((item) => !first.includes(item));
  const all = [...first.map(entry), ...overCapacity(over, person), ...nobodys.map(entry), ...counted(metrics)];
  if (all.length > 0) return { marks, all };
  // Between two sprints there is nothing to say that of.
  return sprint ? { marks, all, ...noneWords(metrics) } : null;
}

/** Who has more hours left than there are. */
function overCapacity(over, person) {
  if (over.length === 0) return [];
  const people = over.slice(0, PEOPLE_MAX).map(({ name, remaining, hours }) => `${name ? person(name) : "nobody"} ${amount(remaining, "hours")} of ${amount(hours, "hours")}`);
  if (over.length > PEOPLE_MAX) people.push(`and ${over.length - PEOPLE_MAX} more`);
  return [{ metric: "hours.capacity", title: "More hours left than there are", who: people.join(", ") }];
}

/** What is a number only, as many items as it may be of. */
function counted(metrics) {
  const number = (metric) => metrics[metric]?.value ?? 0;
  const [stale, unestimated] = [number("items.stale"), number("items.unestimated")];
  return [
    ...(stale > 0 ? [{ metric: "items.stale", title: `${count(stale, "open item")} left alone`, who: "changed by nobody for five working days" }] : []),
    ...(unestimated > 0 ? [{ metric: "items.unestimated", title: `${count(unestimated, "item")} not estimated`, who: "what is left is more than is counted" }] : []),
  ];
}

/** That nobody is needed is said only of what is known. */
function noneWords(metrics) {
  const isKnown = ({ metric }) => (metrics[metric]?.value ?? null) !== null;
  const known = CLAIMS.filter(isKnown).map(({ isNone }) => isNone);
  const unknown = CLAIMS.filter((claim) => !isKnown(claim)).map(({ what }) => what);
  const said = [...known, "all that is in progress is somebody’s"].join(", ");
  const unsaid = unknown.length === 0 ? "" : ` Not known: ${unknown.join(", ")}.`;
  return {
    title: unknown.length === 0 ? "Needs nobody now" : known.length === 0 ? "Needs us now: not known" : "Needs us now: nothing known",
    text: `${said[0].toUpperCase()}${said.slice(1)}.${unsaid}`,
  };
}

/**
 * What changed last: what was told since the wall was opened, and of the time before what the items themselves say, which is
 * that somebody changed something, and whether that was their state or a block.
 */
function changesModel({ items, level, mock }, marks, changes, person) {
  if (mock || level === "none") return null;
  const told = changes.map(({ event, at }) => ({ ...wordsOf(event, { number: (value) => amount(value), person }), at }));
  const ids = new Set(told.map(({ id }) => id));
  const before = [...items.values()]
    .filter(({ id, changedAt }) => !ids.has(id) && Number.isFinite(changedAt))
    .sort((one, other) => other.changedAt - one.changedAt)
    .map(({ id, title, state, stateSince, blockedSince, changedAt: at }) => ({ before: `#${id}${title && " "}`, title, after: `: ${at - stateSince < 1000 ? `now ${state}` : at - blockedSince < 1000 ? "blocked" : "changed"}`, at }));
  const all = [...told, ...before].slice(0, CHANGES_MAX).map(({ before, title, after, at }) => ({ before, title: cut(title, CHANGE_TITLE_MAX), after, at }));
  return all.length === 0 ? null : { marks, all };
}

/** What teams are called where some are to be named: with their projects, unless there is but one. */
export function teamNames(rows) {
  const projectOf = ({ project, projectId }) => project ?? projectId;
  const isOne = new Set(rows.map(projectOf)).size < 2;
  return rows.map((row) => [row.team, (!isOne || !row.team) && projectOf(row)].filter(Boolean).join(" · "));
}
