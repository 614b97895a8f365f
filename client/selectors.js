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

function remembered(memory, object, name, make) {
  let known = memory.get(object);
  if (!known) memory.set(object, (known = new Map()));
  if (!known.has(name)) known.set(name, make());
  return known.get(name);
}
