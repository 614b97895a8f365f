// What the charts show of a board: the server's own numbers, put where they belong in time. No number is computed here but those
// between two of them within today, of which the server says when and by how much they changed.

const DAY_MS = 86_400_000;
/** Every zone's midnight is at such a multiple. */
const QUARTER_MS = 900_000;
/** Numbers have two decimals, so sums that differ by less are the same. */
const SAME = 0.005;

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

/** By what the number of a line is asked; the ideal's by its `date` besides. */
export function metricOf(unit, line, date) {
  return LIVE[unit]?.[line] ?? `burndown.${line}.${unit}${line === "ideal" ? `:${date}` : ""}`;
}

/** What remains now, as the newest event says; `undefined` where none does. */
export function liveOf(board, unit, line = "remaining") {
  return board.metrics[metricOf(unit, line)]?.value ?? undefined;
}

/**
 * The times for a chart of a board: the server's now, `null` while that is in doubt, and until when it is known what is drawn,
 * `null` where it is known until now.
 */
export function timesOf(board, client) {
  const now = client.isInDoubt() ? null : client.now();
  const { name, since } = client.state;
  if (board.level !== "full") return [now, Math.max(board.dataAsOf ?? 0, board.lastChange?.receivedAt ?? 0) || null];
  return [now, name === "live" ? null : Math.max(since ?? 0, board.takenAt)];
}

/** Whether it is known what was completed, and so whether there is a burnup. */
export function hasBurnup({ days }) {
  return days.some((day) => day.completed !== undefined);
}

/**
 * What is drawn of a board, `null` where it has no burndown. `now` is the server's time, `null` while that is in doubt, `until`
 * when the lines are known where that is not now; `told` is what the numbers were since the lines were sent, and when; `startOf`
 * says when a day begins where the board does not.
 */
export function chartData(board, { unit, now = null, until = null, told = [], startOf = localMidnight } = {}) {
  const all = burndownsOf(board);
  const burndown = all.find((one) => one.unit === unit) ?? all[0];
  if (!burndown) return null;
  const today = todayOf(burndown);
  const at = daysSince(burndown, today, startOf);
  const days = burndown.days.map((day, index) => (index === today ? withLive(day, board, burndown.unit) : day));
  // By how many hours the scope changed nobody knows.
  const changesUnit = burndown.unit === "items" ? "items" : all[0].unit;
  const changes = changesOf(board, days, at, changesUnit !== all[0].unit);
  const steps = stepsOf(burndown, today, told, at);
  const known = { unit: burndown.unit, points: steps.slice(0, burndown.today.length), changes, changesUnit, told: told.map((point) => ({ ...point, day: at(point.at) })) };
  return {
    unit: burndown.unit,
    /** The unit of the amounts by which the scope changed. */
    changesUnit,
    original: burndown.original,
    days,
    today,
    now: today === null || now === null ? null : at(now),
    end: today === null ? null : endOf(steps, { now, until }, at),
    steps,
    ...stairsOf(burndown.days, today, known),
    changes,
    forecast: today === null || days[today].remaining === 0 ? null : forecastOf(board, days),
  };
}

/** Where the line of now is: the last day with numbers, if it has points within it. */
function todayOf({ days, today }) {
  const last = days.findLastIndex((day) => day.remaining !== undefined);
  return last >= 0 && today.length > 0 ? last : null;
}

/** When today began in the team's zone: its first point says so, unless it had too many changes to tell; then `null`. */
function beganAt({ days, today }, index) {
  const first = today[0]?.at;
  const midnight = index === null ? NaN : Date.parse(days[index].date);
  return first % QUARTER_MS === 0 && Math.abs(first - midnight) < DAY_MS ? first : null;
}

/**
 * The team's clock where it is known and its days begin at another time than those of whoever looks: when today `began`, and by
 * how many minutes the clock is ahead of UTC. Else `null`.
 */
export function clockOfTeam(burndown) {
  const index = burndown ? todayOf(burndown) : null;
  const began = index === null ? null : beganAt(burndown, index);
  if (began === null || began === localMidnight(burndown.days[index].date)) return null;
  return { began, ahead: (Date.parse(burndown.days[index].date) - began) / 60_000 };
}

/** Turns an instant into days since the first began, in the team's zone, or where that is not known in that of whoever looks. */
function daysSince(burndown, index, startOf) {
  const began = beganAt(burndown, index);
  const [start, from] = began === null ? [startOf(burndown.days[index ?? 0].date), index ?? 0] : [began, index];
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
  const moved = told.filter(({ remaining }, index) => remaining !== (told[index - 1] ?? points.at(-1))?.remaining);
  return [...points.map((point) => ({ ...point, day: within(point.at) })), ...moved.map(({ at: when, remaining }) => ({ at: when, remaining, day: Math.max(at(when), today) }))];
}

/** Where the lines end: now, or where what is known does, and not before the last that moved; `null` where neither is known. */
function endOf(steps, { now, until }, at) {
  if (until === null) return now === null ? null : at(now);
  const moved = steps.findLast(({ remaining }, index) => remaining !== steps[index - 1]?.remaining)?.day ?? 0;
  return Math.max(moved, at(now === null ? until : Math.min(now, until)));
}

/**
 * The scope within today and what was completed, each from its time on: the scope by its changes, and what was completed as what
 * of it did not remain. Where these do not come to the numbers of the day's ends not every change is known, and each line
 * is as yesterday until the numbers of now.
 */
function stairsOf(days, today, { unit, points, changes, changesUnit, told }) {
  const now = days[today];
  if (now?.scope === undefined || points.length === 0) return { scopeSteps: [], completedSteps: [] };
  const before = today === 0 ? { completed: 0 } : days[today - 1];
  const size = ({ amount }) => (unit === changesUnit ? amount : 0);
  const changed = changes.filter(({ day }) => Math.floor(day) === today).sort((one, other) => one.day - other.day);
  let sum = changed.reduce((scope, change) => scope - size(change), now.scope);
  const scope = [{ day: today, value: sum }, ...changed.map((change) => ({ day: change.day, value: (sum += size(change)) }))];
  const times = [...new Set([...scope, ...points].map(({ day }) => day))].sort((one, other) => one - other).filter((day) => day >= points[0].day);
  const atTime = (steps, time) => steps.findLast(({ day }) => day <= time);
  const completed = times.map((day) => ({ day, value: atTime(scope, day).value - atTime(points, day).remaining }));
  const isSame = (one, other) => one === undefined || other === undefined || Math.abs(one - other) < SAME;
  const began = points[0].day > today ? undefined : completed[0].value;
  const fits = isSame(before.scope, scope[0].value) && isSame(before.completed, began) && isSame(now.completed, completed.at(-1).value);
  const since = (line) => told.map((point) => ({ day: point.day, value: point[line] })).filter(({ value }) => value !== undefined);
  const whole = fits ? [scope, completed] : [before.scope ?? now.scope, before.completed].map((value) => [{ day: today, value }]);
  return { scopeSteps: [...whole[0], ...since("scope")], completedSteps: [...whole[1], ...since("completed")] };
}

/** By how many items the scope changed; by a new estimate it did by none. */
const BY_ITEM = { added: 1, removed: -1 };

/** The changes of the scope after it was planned, each with the day that it was on. */
function changesOf(board, days, at, isByItem) {
  const changes = (board.scopeChanges ?? []).filter(({ kind }) => kind !== "carried_over");
  const counted = isByItem ? changes.filter(({ kind }) => BY_ITEM[kind]).map((change) => ({ ...change, amount: BY_ITEM[change.kind] })) : changes;
  return counted.map((change) => ({ ...change, day: at(change.at) })).filter(({ day }) => day >= 0 && day < days.length);
}

/** Between which days all is likely to be completed, counted from the first day; they may lie after the last. */
function forecastOf({ metrics }, days) {
  const dates = ["forecast.when.p50", "forecast.when.p85"].map((id) => metrics[id]?.detail?.date);
  if (!dates.every(Boolean)) return null;
  const [from, to] = dates.map((date) => Math.round((Date.parse(date) - Date.parse(days[0].date)) / DAY_MS));
  return { from, to, dates };
}

const NONE = [];

/**
 * The last sprints of a team, oldest first, none where nothing is known of any; and what they completed on average. In the
 * review of a sprint that is the last of them, and no part of the average.
 */
export function velocityData({ metrics, sprint, review }) {
  const { "velocity.completed": completed, "velocity.average": average } = metrics;
  const before = completed?.detail?.sprints ?? average?.detail?.sprints ?? NONE;
  const unit = completed?.unit ?? average?.unit ?? review?.unit ?? "points";
  const isLast = review?.unit === unit && !before.some(({ id }) => id === sprint.id);
  const sprints = isLast ? [...before, { ...sprint, ...review }] : before;
  return { unit, before, sprints, average: average?.value ?? null };
}
