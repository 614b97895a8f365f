// What the charts show of a board: the server's own numbers, put where they belong in time. No number is computed here.

const DAY_MS = 86_400_000;
/** Every zone's midnight is at such a multiple. */
const QUARTER_MS = 900_000;

/** The numbers of now, by unit: they move with every event, the lines with every snapshot. */
const LIVE = {
  points: { remaining: "points.remaining", completed: "points.completed", scope: "points.total" },
  items: { remaining: "items.remaining", completed: "items.completed", scope: "items.total" },
  hours: { remaining: "hours.remaining" },
};

/** The burndowns of a board, one for each unit, the team's own first. */
export function burndownsOf({ burndown }) {
  return burndown ? [burndown, ...(burndown.others ?? [])] : [];
}

/** What remains now, as the newest event says; `undefined` where none does. */
export function liveOf(board, unit, line = "remaining") {
  return board.metrics[LIVE[unit]?.[line]]?.value ?? undefined;
}

/** Whether it is known what was completed, and so whether there is a burnup. */
export function hasBurnup({ days }) {
  return days.some((day) => day.completed !== undefined);
}

/**
 * What is drawn of a board, `null` where it has no burndown. `now` is the server's time, `null` while that is in doubt; `told`
 * is what remained since the lines were sent, each with the time when the page was told; `startOf` says when a day begins
 * where the board does not.
 */
export function chartData(board, { unit, now = null, told = [], startOf = localMidnight } = {}) {
  const all = burndownsOf(board);
  const burndown = all.find((one) => one.unit === unit) ?? all[0];
  if (!burndown) return null;
  const today = todayOf(burndown);
  const at = clockOf(burndown, today, startOf);
  const days = burndown.days.map((day, index) => (index === today ? withLive(day, board, burndown.unit) : day));
  return {
    unit: burndown.unit,
    /** The unit of the amounts by which the scope changed. */
    changesUnit: all[0].unit,
    original: burndown.original,
    days,
    today,
    now: today === null || now === null ? null : at(now),
    steps: stepsOf(burndown, today, told, at),
    changes: changesOf(board, days, at),
    forecast: today === null || days[today].remaining === 0 ? null : forecastOf(board, days),
  };
}

/** Where the line of now is: the last day with numbers, if it has points within it. */
function todayOf({ days, today }) {
  const last = days.findLastIndex((day) => day.remaining !== undefined);
  return last >= 0 && today.length > 0 ? last : null;
}

/**
 * Turns an instant into days since the first day began. The first point of today is when today began, in the team's zone,
 * unless it had too many changes to tell; then, and without a today, the zone of whoever looks has to do.
 */
function clockOf({ days, today }, index, startOf) {
  const first = today[0]?.at;
  const midnight = index === null ? NaN : Date.parse(days[index].date);
  const isStart = first % QUARTER_MS === 0 && Math.abs(first - midnight) < DAY_MS;
  const [start, from] = isStart ? [first, index] : [startOf(days[index ?? 0].date), index ?? 0];
  return (at) => from + (at - start) / DAY_MS;
}

function localMidnight(date) {
  const [year, month, day] = date.split("-").map(Number);
  return new Date(year, month - 1, day).getTime();
}

function withLive(day, board, unit) {
  const [remaining, completed, scope] = ["remaining", "completed", "scope"].map((line) => liveOf(board, unit, line) ?? day[line]);
  return { ...day, remaining, completed, scope };
}

/** What remained within today, each from its time on. The last is what remains now. */
function stepsOf({ today: points }, today, told, at) {
  if (today === null) return [];
  // A day with 25 hours ends where the next begins all the same.
  const within = (when) => Math.min(Math.max(at(when), today), today + 1);
  return [...points.map((point) => ({ ...point, day: within(point.at) })), ...told.map((point) => ({ ...point, day: Math.max(at(point.at), today) }))];
}

/** The changes of the scope after it was planned, each with the day that it was on. */
function changesOf(board, days, at) {
  const changes = (board.scopeChanges ?? []).filter(({ kind }) => kind !== "carried_over");
  return changes.map((change) => ({ ...change, day: at(change.at) })).filter(({ day }) => day >= 0 && day < days.length);
}

/** Between which days all is likely to be completed, counted from the first day; they may lie after the last. */
function forecastOf({ metrics }, days) {
  const dates = ["forecast.when.p50", "forecast.when.p85"].map((id) => metrics[id]?.detail?.date);
  if (!dates.every(Boolean)) return null;
  const [from, to] = dates.map((date) => Math.round((Date.parse(date) - Date.parse(days[0].date)) / DAY_MS));
  return { from, to, dates };
}

const NONE = [];

/** The last sprints of a team, oldest first, none where nothing is known of any; and what they completed on average. */
export function velocityData({ metrics }) {
  const { "velocity.completed": completed, "velocity.average": average } = metrics;
  const sprints = completed?.detail?.sprints ?? average?.detail?.sprints ?? NONE;
  return { unit: completed?.unit ?? average?.unit ?? "points", sprints, average: average?.value ?? null };
}
