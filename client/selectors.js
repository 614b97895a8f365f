// What is read of the state. Each returns the same value for the same state, so that nothing is drawn for nothing.

import { admits, filterOf } from "./filter.js";
import { isShown } from "./reducer.js";

const shown = new WeakMap();
const lists = new WeakMap();

/** The boards that are shown, in the order of projects and teams. */
export function boards(state) {
  return remembered(shown, state.boards, "", () => {
    const name = ({ project, team }) => [project.name ?? project.id, team?.name ?? ""].join("\n");
    return Object.values(state.boards).filter(isShown).sort((one, other) => (name(one) < name(other) ? -1 : 1));
  });
}

/** The first board of a project and a team, each by name or id; `undefined` where there is none. */
export function board(state, { project, team } = {}) {
  const filter = filterOf({ project, team });
  return boards(state).find((board) => admits(filter, { ...board, project: board.project.name, team: board.team?.name }));
}

/** The items of a board, by number, of a category, a type or an assignee, blocked or not, where these are named. */
export function items(board, { category, type, assignee, blocked } = {}) {
  return remembered(lists, board.items, JSON.stringify({ category, type, assignee, blocked }), () => {
    const isWanted = (item) =>
      (category === undefined || item.stateCategory === category) &&
      (type === undefined || item.type === type) &&
      (assignee === undefined || (assignee === null ? item.assignedTo === null : item.assignedTo?.name === assignee)) &&
      (blocked === undefined || item.blocked === blocked);
    return [...board.items.values()].filter(isWanted).sort((one, other) => one.id - other.id);
  });
}

/** A number of a board: its value, `null` where there is none, its unit, and why there is none. */
export function metric(board, id) {
  return board.metrics[id];
}

/** How old what a board shows is, in milliseconds of the server's time; `null` where that is not known. */
export function age(board, now) {
  return board.dataAsOf === null ? null : Math.max(0, now - board.dataAsOf);
}

/** How many boards are being loaded: 0 once all are here and whole, `Infinity` where nobody said how many there are. */
export function loading(state) {
  return state.awaited.length > 0 ? state.announced : 0;
}

/**
 * The burndown of a board in a box of `width` and `height`: where its lines go, and nothing of how they look. The left edge is
 * the beginning of the sprint, and what a day ended with is at its right edge. `live` is what remains now, which is newer than
 * the lines.
 */
export function burndownLayout({ days, original }, { width, height, live }) {
  const last = days.findLastIndex(({ remaining }) => remaining !== undefined);
  const left = days.map((day, index) => (index === last ? live ?? day.remaining : day.remaining));
  const all = [original, ...left, ...days.flatMap(({ ideal, scope, completed }) => [ideal, scope, completed])];
  const most = Math.max(0, ...all.filter(Number.isFinite)) || 1;
  const x = (end) => (end * width) / (days.length || 1);
  const point = (value, end) => ({ x: x(end), y: height - (value * height) / most, value, date: days[end - 1]?.date ?? null });
  // What is not known has no point: a line goes on behind it.
  const line = (values) => values.map((value, end) => Number.isFinite(value) && point(value, end)).filter(Boolean);
  const dayOff = ({ date, working }, index) => !working && { x: x(index), width: x(1), date };
  return {
    most,
    ideal: line([original, ...days.map(({ ideal }) => ideal)]),
    remaining: line([original, ...left]),
    scope: line([original, ...days.map(({ scope }) => scope)]),
    completed: line([undefined, ...days.map(({ completed }) => completed)]),
    off: days.map(dayOff).filter(Boolean),
    now: last < 0 ? null : point(left[last], last + 1),
  };
}

function remembered(memory, object, name, make) {
  let known = memory.get(object);
  if (!known) memory.set(object, (known = new Map()));
  if (!known.has(name)) known.set(name, make());
  return known.get(name);
}
