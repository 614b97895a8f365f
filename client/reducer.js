// The boards as the events tell them: pure functions over values that never change. What has to be done besides, such as to
// fetch a board that is too large for an event, is told as data.

/** How long what no event tells may be shown as it was: the lines of the burndown above all. */
const REFRESH_MS = 3_600_000;
/** Every reader refreshes for the same reason, so each waits for a moment of its own. */
const SOME_TIME = [1000, 10_000];
/** A board that could not be fetched is asked for again after at least half of that, twice as long each time, to the most. */
const RETRY_MS = 5000;
const RETRY_MAX_MS = 120_000;

/** As many projects an event names that could not be compared; where there are that many there may be more. */
const FAILED_MAX = 1000;

/** Stands among the boards that are awaited for those that are too many to be listed. */
const UNNUMBERED = "";

/** At these levels a board has no numbers of its own: its contents are others on the two sides of the change. */
const WITHOUT_NUMBERS = ["mock", "none"];

const WELL = { level: "full", outage: null };

/** Where the boards are listed. */
export const DIRECTORY = "/api/snapshot";

/** The state before anything was heard. */
export function initial() {
  return {
    /** The boards by `keyOf`. */
    boards: {},
    /** The boards that are to come, or to come whole, and how many these were at first. */
    awaited: [],
    announced: 0,
    /** The boards that are being fetched, by key: which fetch counts, and what was told since it began, the last first. */
    loads: {},
    fetches: 0,
    /** The boards that are fetched after a while, by key, and whether the list of them is. */
    due: {},
    isListDue: false,
    /** While there is no board: how the organisation stands, and whether the store is away. */
    organisation: WELL,
    isStoreAway: false,
    demo: false,
    serverVersion: null,
  };
}

/** What names a board, and tells it from that of another sprint of the same team. */
export function keyOf({ projectId, teamId, sprintId }) {
  return [projectId, teamId, sprintId].join("/");
}

/**
 * Takes in an event of the stream with its id, or `null` where it has none, or what came of an effect. Returns the state
 * that follows, which shares with the one before all that did not change, and `effects`, what is to be done:
 *
 * - `{ do: "fetch", url, key, load, tries }`: fetch a board, and reduce `{ type: "client.fetched", key, load, answer, at }`
 *   with the server's time, or `{ type: "client.failed", url, key, load, tries }`;
 * - `{ do: "list", url, purpose }`: fetch the list of boards, and reduce `{ type: "client.listed", purpose, answer, at }`;
 * - `{ do: "later", afterMs: [least, most], action }`: reduce `action` after a random time between these.
 */
export function reduce(state, event, id = null) {
  if (event.demo && !state.demo) state = { ...state, demo: true };
  if (Object.hasOwn(CHANGES, event.type)) return CHANGES[event.type](state, event, id);
  return isOfTheWhole(event) ? ofTheWhole(state, event) : told(state, keyOf(event), event, id);
}

function isOfTheWhole({ type, projectId }) {
  return projectId === null && ["degraded", "recovered"].includes(type);
}

/** What an event says of everything there is. Where there is no board there is nothing else to go by. */
function ofTheWhole(state, event) {
  return same({ ...state, organisation: event.level === "full" ? WELL : { level: event.level, outage: event } });
}

/** What is of a saved state, or of any answer, as the state of somebody who has heard nothing else. */
export function fromSnapshot(answer, at = answer.dataAsOf ?? 0) {
  const scope = scopeOf(answer);
  const board = boardFrom(undefined, scope, answer, answer, at);
  return { ...initial(), boards: { [board.key]: board } };
}

const CHANGES = {
  connected,
  snapshot,
  heartbeat: (state, { level }) => same(isAlone(state) ? { ...state, isStoreAway: level === "cached" } : state.isStoreAway ? { ...state, isStoreAway: false } : state),
  sprint_changed: leftSprint,
  sync_completed: synchronised,
  "client.fetched": fetched,
  "client.failed": failed,
  "client.again": (state, { type, ...fetch }) => (isCurrent(state, fetch) ? { state, effects: [{ do: "fetch", ...fetch }] } : same(state)),
  "client.due": (state, { key }) => {
    const rest = { ...state, due: without(state.due, key) };
    const board = state.boards[key];
    return board ? begin(rest, board, boardUrl(board)) : same(rest);
  },
  "client.listDue": (state) => ({ state: { ...state, isListDue: false }, effects: [{ do: "list", url: DIRECTORY, purpose: "ages" }] }),
  "client.listed": listed,
};

function same(state) {
  return { state, effects: [] };
}

/** One step after another, each with its effects. */
function chain(state, ...steps) {
  const effects = [];
  for (const step of steps) {
    const next = step(state);
    state = next.state;
    effects.push(...next.effects);
  }
  return { state, effects };
}

function connected(state, event) {
  const { resumed, scopes, level, outage, url } = event;
  state = { ...state, organisation: outage ? { level, outage } : WELL, demo: event.demo === true, serverVersion: event.serverVersion ?? state.serverVersion };
  const keys = scopes.map(keyOf);
  if (!resumed) {
    // Who begins anew is sent every board there is; one that is not among them is gone, and must not look alive.
    state = { ...state, awaited: url ? [UNNUMBERED] : keys, announced: url ? Infinity : keys.length };
    for (const key of Object.keys(state.boards)) if (!keys.includes(key)) state = removed(state, key);
  }
  const isAway = isAlone(state) && !outage && level === "cached";
  if (isAway !== state.isStoreAway) state = { ...state, isStoreAway: isAway };
  if (!resumed) return same(state);
  // That the journal is back may have been told while nobody listened; that it is away is told again.
  for (const board of Object.values(state.boards)) {
    if (board.reason === "journal") state = withBoard(state, { ...board, level: "full", ...outageOf() });
  }
  if (url) return { state, effects: [{ do: "list", url, purpose: event.reload ? "reload" : "boards" }] };
  return chain(state, ...missing(scopes, event.reload));
}

/** Steps that fetch of the boards that are listed those that are not here, or all of them. */
function missing(scopes, isForAll = false) {
  return scopes.map((scope) => (state) => {
    const key = keyOf(scope);
    if (state.loads[key] || (!isForAll && state.boards[key])) return same(state);
    return begin(awaiting(state, key), { ...scope, key }, scope.url ?? boardUrl(scope));
  });
}

function listed(state, { answer, at, purpose }) {
  if (answer?.items) {
    // One board alone is asked for, and here it is.
    const scope = scopeOf(answer);
    const board = boardFrom(state.boards[keyOf(scope)], scope, answer, answer, at);
    return same(settled(withBoard(state, board), board.key));
  }
  const scopes = answer?.scopes ?? [];
  for (const scope of scopes) {
    const board = state.boards[keyOf(scope)];
    if (board?.level === "full" && scope.dataAsOf !== null) state = foundEqual(state, board, scope.dataAsOf);
  }
  return purpose === "ages" ? same(state) : chain(state, ...missing(scopes, purpose === "reload"));
}

function snapshot(state, event, id) {
  // Of a set the last one has an id.
  if (id) state = settled(state, UNNUMBERED);
  const key = keyOf(event);
  const before = state.boards[key];
  const board = boardFrom(before, event, event.data, event, event.timestamp);
  state = withBoard({ ...state, loads: without(state.loads, key) }, board);
  if (event.data.items) return same(settled(state, key));
  // What was shown stays until a large board has been fetched.
  return begin(awaiting(state, key), board, event.url);
}

// The snapshot of the new sprint follows by itself. Where only the dates were edited it is the same board.
function leftSprint(state, { projectId, teamId, to }) {
  for (const board of Object.values(state.boards)) {
    if (board.projectId === projectId && board.teamId === teamId && board.sprintId !== to) state = removed(state, board.key);
  }
  return same(state);
}

// A board that is less than full was not compared, else it would be full. Which of the others were the event cannot say
// where it may have left failures out, or where fewer boards of teams were compared than there are here.
function synchronised(state, { dataAsOf, failed, scopes, timestamp, backfill = null }) {
  for (const board of Object.values(state.boards)) if (board.backfill) state = withBoard(state, { ...board, backfill });
  const compared = Object.values(state.boards).filter(({ level, mock, projectId }) => level === "full" && !mock && !failed.includes(projectId));
  if (failed.length >= FAILED_MAX || compared.filter(({ teamId }) => teamId !== null).length > scopes) {
    if (state.isListDue) return same(state);
    return { state: { ...state, isListDue: true }, effects: [{ do: "later", afterMs: SOME_TIME, action: { type: "client.listDue" } }] };
  }
  return chain(
    compared.reduce((state, board) => foundEqual(state, board, dataAsOf), state),
    ...compared.filter(({ takenAt }) => timestamp - takenAt > REFRESH_MS).map((board) => (state) => refresh(state, board.key)),
  );
}

function foundEqual(state, board, dataAsOf) {
  return board.dataAsOf >= dataAsOf ? state : withBoard(state, { ...board, dataAsOf });
}

/** What an event tells of a board. One of a scope that has no board, such as another sprint or a backlog, changes nothing. */
function told(state, key, event, id) {
  const load = state.loads[key];
  if (load) state = { ...state, loads: { ...state.loads, [key]: { ...load, meanwhile: { event, id, before: load.meanwhile } } } };
  const before = state.boards[key];
  if (!before) return same(state);
  return chain(
    state,
    (state) => stood(state, before, event),
    (state) => changed(state, state.boards[key], event),
  );
}

function changed(state, board, event) {
  switch (event.type) {
    case "workitem_changed":
      if (board.items.get(event.workItemId)?.rev > event.rev) return same(state);
      if (event.url) return begin(state, board, event.url);
      return same(withItems(state, board, [[event.workItemId, event.item]]));
    case "workitems_updated": {
      if (event.url) return begin(state, board, event.url);
      const items = [...event.data.map((item) => [item.id, item]), ...event.removed.map((id) => [id, null])];
      // That many come with a past of their own, which the lines show and no event tells.
      return refresh(withItems(state, board, items), board.key);
    }
    case "outlook_changed":
      return same(withBoard(state, { ...board, outlook: event.outlook }));
    case "metric_changed": {
      const { metric, value, unit, reason } = event;
      const { detail, ...before } = board.metrics[metric] ?? {};
      // What a number is made of is told where that changed; of what has no value there is none.
      const parts = value === null ? undefined : (event.detail ?? detail);
      // Why it is null is not in the event; `reason` there says why it was announced.
      state = withBoard(state, { ...board, metrics: { ...board.metrics, [metric]: { ...before, value, unit, ...(parts && { detail: parts }) } } });
      if (event.url) return begin(state, state.boards[board.key], event.url);
      // The lines go on with the day, and a number that there was not may give them another unit.
      return metric === "sprint.days_left" || reason === "first" ? refresh(state, board.key) : same(state);
    }
    default:
      return same(state);
  }
}

/** The envelope's level and age hold for the board; `degraded` says why as well. */
function stood(state, board, event) {
  const { level, dataAsOf } = event;
  const mock = event.mock === true;
  const wasFull = board.level === "full" && !board.mock;
  const isOther = board.level !== level && [board.level, level].some((one) => WITHOUT_NUMBERS.includes(one));
  const next = { ...board, level, mock, dataAsOf };
  const { changedAt, receivedAt, timestamp, source } = event;
  if (changedAt && receivedAt) next.lastChange = { changedAt, receivedAt, appendedAt: timestamp, source };
  if (event.type === "degraded") Object.assign(next, outageOf(event));
  // What a full board waits for holds until it is told to be over, whatever changes on it.
  else if (level === "full" && (!wasFull || event.type === "recovered")) Object.assign(next, outageOf());
  state = withBoard(state, next);
  return isOther ? begin(state, next, boardUrl(next)) : same(state);
}

/** Fetches what no event tells, after a while. */
function refresh(state, key) {
  if (state.due[key]) return same(state);
  const later = { do: "later", afterMs: SOME_TIME, action: { type: "client.due", key } };
  return { state: { ...state, due: { ...state.due, [key]: true } }, effects: [later] };
}

/** Begins to fetch a board. A newer fetch, or a newer board, makes an older one worthless. */
function begin(state, { key, projectId, teamId, sprintId }, url) {
  const load = state.fetches + 1;
  const loads = { ...state.loads, [key]: { load, scope: { projectId, teamId, sprintId }, meanwhile: null } };
  return { state: { ...state, loads, fetches: load }, effects: [{ do: "fetch", url, key, load, tries: 0 }] };
}

function failed(state, { url, key, load, tries }) {
  if (!isCurrent(state, { key, load })) return same(state);
  const most = Math.min(RETRY_MAX_MS, 2 * RETRY_MS * 2 ** tries);
  const action = { type: "client.again", url, key, load, tries: tries + 1 };
  return { state, effects: [{ do: "later", afterMs: [most / 2, most], action }] };
}

function isCurrent(state, { key, load }) {
  return state.loads[key]?.load === load;
}

/** Takes a board that was fetched, and what came meanwhile and is newer than the answer. */
function fetched(state, { key, load, answer, at }) {
  const begun = state.loads[key];
  if (!isCurrent(state, { key, load })) return same(state);
  state = settled({ ...state, loads: without(state.loads, key) }, key);
  // The sprint may have rolled over meanwhile: then the answer is about another board, and its event is on the way.
  if ((answer.sprint?.id ?? null) !== begun.scope.sprintId) return same(state);
  state = withBoard(state, boardFrom(state.boards[key], begun.scope, answer, answer, at));
  const later = [];
  for (let one = begun.meanwhile; one; one = one.before) if (isNewer(one.id, answer.cursor)) later.unshift(one);
  return chain(state, ...later.map(({ event, id }) => (state) => told(state, key, event, id)));
}

function boardFrom(before, { projectId, teamId, sprintId }, data, { level, dataAsOf, mock, demo, outage }, takenAt) {
  const items = data.items ? new Map(data.items.map((item) => [item.id, item])) : (before?.items ?? new Map());
  return {
    ...data,
    items,
    key: keyOf({ projectId, teamId, sprintId }),
    projectId,
    teamId,
    sprintId,
    level,
    dataAsOf,
    mock: mock === true,
    demo: demo === true,
    ...outageOf(outage),
    takenAt,
    /** Another one where the board was told anew as a whole. */
    edition: (before?.edition ?? 0) + 1,
  };
}

function scopeOf({ project, team, sprint }) {
  return { projectId: project.id, teamId: team?.id ?? null, sprintId: sprint?.id ?? null };
}

function outageOf(outage) {
  const { reason = null, since = null, retryAt = null, remedy = null, progress = null } = outage ?? {};
  return { reason, since, retryAt, remedy, progress };
}

function withBoard(state, board) {
  return { ...state, boards: { ...state.boards, [board.key]: board } };
}

function withItems(state, board, changes) {
  const items = new Map(board.items);
  for (const [id, item] of changes) if (item) items.set(id, item);
  else items.delete(id);
  return withBoard(state, { ...board, items });
}

function removed(state, key) {
  return { ...settled(state, key), boards: without(state.boards, key), loads: without(state.loads, key) };
}

function awaiting(state, key) {
  if (state.awaited.includes(key)) return state;
  return { ...state, awaited: [...state.awaited, key], announced: state.awaited.length === 0 ? 1 : state.announced + 1 };
}

function settled(state, key) {
  return state.awaited.includes(key) ? { ...state, awaited: state.awaited.filter((other) => other !== key) } : state;
}

function without(object, key) {
  if (!(key in object)) return object;
  const { [key]: _, ...rest } = object;
  return rest;
}

/** Whether no board is here or on its way, so that there is nothing else to go by than the connection's own level. */
function isAlone({ boards, awaited }) {
  return awaited.length === 0 && !Object.values(boards).some(isShown);
}

/** Whether a board is one as it is now: a project has one of its own only while it has items that are no team's. */
export function isShown({ teamId, items }) {
  return teamId !== null || items.size > 0;
}

/** Where a board is fetched. */
export function boardUrl({ projectId, teamId }, more = {}) {
  return `${DIRECTORY}?${new URLSearchParams({ project: projectId, ...(teamId && { team: teamId }), ...more })}`;
}

/** Ids are two numbers, such as `1795449612345-0`. What has none was never in the log, so no answer holds it. */
function isNewer(id, cursor) {
  if (!id) return true;
  const [[ms, seq], [cursorMs, cursorSeq]] = [id, cursor].map((text) => text.split("-").map(Number));
  return ms === cursorMs ? seq > cursorSeq : ms > cursorMs;
}
