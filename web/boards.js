// The boards as the events tell them. Nothing is painted here: `view` is told what changed.

import { boardUrl, get } from "./api.js";

const RETRY_MS = 5000;
/** How long what no event tells may be shown as it was: the lines of the burndown above all. */
const REFRESH_MS = 3_600_000;
/** Every open page refreshes for the same reason, so each waits for a moment of its own. */
const REFRESH_AFTER_MS = [1000, 10_000];

/** As many projects an event names that could not be compared; where there are that many there may be more. */
const FAILED_MAX = 1000;

/** Stands among the boards that are awaited for those that are too many to be listed. */
const UNNUMBERED = "";

/** At these levels a board has no numbers of its own: its contents are others on the two sides of the change. */
const WITHOUT_NUMBERS = ["mock", "none"];

/**
 * Keeps the boards. `view` has `whole(board)`, `item(board, id)`, `metric(board, id)`, `standing(board)` and
 * `gone(board)`.
 */
export class Boards {
  #boards = new Map();
  /** The boards that are to come, or to come whole, and how many these were at first. */
  #awaited = new Set();
  #announced = 0;
  #asking;
  #view;

  constructor(view) {
    this.#view = view;
  }

  all() {
    return [...this.#boards.values()];
  }

  /** Those that are shown: a project has a board of its own only while it has items that are no team's. */
  shown() {
    return this.all().filter(isShown);
  }

  /** How many boards are being loaded: 0 once all are here and whole, `Infinity` where nobody said how many there are. */
  loading() {
    return this.#awaited.size > 0 ? this.#announced : 0;
  }

  /** The board that an event is about, if there is one. */
  of(event) {
    return this.#boards.get(keyOf(event));
  }

  /** Takes in an event. One of a scope that has no board, such as another sprint or a backlog, changes nothing. */
  apply(event, id) {
    switch (event.type) {
      case "connected":
        // Who begins anew is sent every board there is; one that is not among them is gone, and must not look alive.
        if (!event.resumed) this.#beginWith(new Set(event.scopes.map(keyOf)), event.url !== undefined);
        // That the journal is back may have been told while nobody listened; that it is away is told again.
        else for (const board of this.all()) if (board.reason === "journal") this.#stand(board, { ...board, level: "full" });
        break;
      case "snapshot":
        // Of a set the last one has an id.
        if (id) this.#awaited.delete(UNNUMBERED);
        this.#replace(event);
        break;
      case "sprint_changed":
        this.#leaveSprints(event);
        break;
      case "sync_completed":
        this.#synchronised(event);
        break;
      default: {
        const board = this.of(event);
        if (board) this.#change(board, event, id);
      }
    }
  }

  #beginWith(keys, areMore) {
    this.#awaited = new Set(areMore ? [UNNUMBERED] : keys);
    this.#announced = areMore ? Infinity : keys.size;
    for (const board of this.all()) if (!keys.has(board.key)) this.#remove(board);
  }

  #await(key) {
    if (this.#awaited.has(key)) return;
    if (this.#awaited.size === 0) this.#announced = 0;
    this.#awaited.add(key);
    this.#announced += 1;
  }

  #remove(board) {
    this.#boards.delete(board.key);
    this.#awaited.delete(board.key);
    this.#view.gone(board);
  }

  #replace(event) {
    const key = keyOf(event);
    const before = this.#boards.get(key);
    const { projectId, teamId, sprintId } = event;
    // What was shown stays until a large board has been fetched.
    const board = { items: before?.items ?? new Map(), ...standingOf(before), key, projectId, teamId, sprintId };
    this.#boards.set(key, board);
    fill(board, event.data, event);
    if (event.data.items) this.#awaited.delete(key);
    else {
      this.#await(key);
      this.#load(board, event.url);
    }
    this.#view.whole(board);
  }

  // The snapshot of the new sprint follows by itself. Where only the dates were edited it is the same board.
  #leaveSprints({ projectId, teamId, to }) {
    const sameTeam = (board) => board.projectId === projectId && board.teamId === teamId;
    for (const board of this.all()) if (sameTeam(board) && board.sprintId !== to) this.#remove(board);
  }

  // A board that is less than full was not compared, else it would be full. Which of the others were the event cannot say
  // where it may have left failures out, or where fewer boards of teams were compared than there are here.
  #synchronised({ dataAsOf, failed, scopes, backfill = null }) {
    for (const board of this.all()) if (board.backfill) this.#stand(board, { ...board, backfill });
    const compared = this.all().filter(({ level, mock, projectId }) => level === "full" && !mock && !failed.includes(projectId));
    if (failed.length >= FAILED_MAX || compared.filter(({ teamId }) => teamId !== null).length > scopes) {
      this.#asking ??= setTimeout(() => this.#askAges(), someTime());
      return;
    }
    for (const board of compared) {
      this.#foundEqual(board, dataAsOf);
      if (Date.now() - board.takenAt > REFRESH_MS) this.#refresh(board);
    }
  }

  #foundEqual(board, dataAsOf) {
    board.dataAsOf = Math.max(board.dataAsOf, dataAsOf);
    this.#view.standing(board);
  }

  /** Takes over how old the service says that the boards are. */
  async #askAges() {
    this.#asking = undefined;
    const answer = await get("/api/snapshot").catch(() => null);
    for (const told of answer?.scopes ?? []) {
      const board = this.of(told);
      if (board?.level === "full" && told.dataAsOf !== null) this.#foundEqual(board, told.dataAsOf);
    }
  }

  #change(board, event, id) {
    board.meanwhile?.push([event, id]);
    this.#stand(board, event);
    switch (event.type) {
      case "workitem_changed": {
        const known = board.items.get(event.workItemId);
        if (known && known.rev > event.rev) return;
        if (event.url) return this.#load(board, event.url);
        this.#setItem(board, event.workItemId, event.item);
        break;
      }
      case "workitems_updated":
        if (event.url) return this.#load(board, event.url);
        for (const item of event.data) this.#setItem(board, item.id, item);
        for (const gone of event.removed) this.#setItem(board, gone, null);
        // That many come with a past of their own, which the lines show and no event tells.
        this.#refresh(board);
        break;
      case "metric_changed": {
        const { metric, value, unit } = event;
        // Why it is null is not in the event; `reason` there says why it was announced.
        board.metrics[metric] = { ...board.metrics[metric], value, unit };
        this.#view.metric(board, metric);
        // The lines go on with the day, and a number that there was not may give them another unit.
        if (metric === "sprint.days_left" || event.reason === "first") this.#refresh(board);
        break;
      }
    }
  }

  #setItem(board, id, item) {
    if (item) board.items.set(id, item);
    else board.items.delete(id);
    this.#view.item(board, id);
  }

  /** The envelope's level and age hold for the board; `degraded` says why as well. */
  #stand(board, event) {
    const wasFull = board.level === "full" && !board.mock;
    const other = board.level !== event.level && [board.level, event.level].some((one) => WITHOUT_NUMBERS.includes(one));
    Object.assign(board, { level: event.level, mock: event.mock === true, dataAsOf: event.dataAsOf });
    if (event.type === "degraded") {
      Object.assign(board, standingOf(event));
    } else if (event.level === "full" && (!wasFull || event.type === "recovered")) {
      // What a full board waits for holds until it is told to be over, whatever changes on it.
      Object.assign(board, standingOf());
    }
    this.#view.standing(board);
    if (other) this.#load(board, boardUrl(board));
  }

  /** Fetches what no event tells, after a while. */
  #refresh(board) {
    if (board.refreshing) return;
    board.refreshing = setTimeout(() => {
      board.refreshing = undefined;
      if (this.#boards.get(board.key) === board) this.#load(board, boardUrl(board));
    }, someTime());
  }

  /** Fetches a board, and applies what came meanwhile and is newer than the answer. */
  async #load(board, url) {
    const meanwhile = (board.meanwhile = []);
    // A newer load, or a newer board, makes this one worthless.
    const isCurrent = () => this.#boards.get(board.key) === board && board.meanwhile === meanwhile;
    let answer;
    try {
      answer = await get(url);
      if (!answer.items) throw new Error(`${url} was answered with something else than a board`);
    } catch (error) {
      console.warn("a board could not be fetched and is asked for again", error);
      setTimeout(() => isCurrent() && this.#load(board, url), RETRY_MS * (1 + Math.random()));
      return;
    }
    if (!isCurrent()) return;
    board.meanwhile = undefined;
    // The sprint may have rolled over meanwhile: then the answer is about another board, and its event is on the way.
    if ((answer.sprint?.id ?? null) !== board.sprintId) return;
    fill(board, answer, answer);
    this.#awaited.delete(board.key);
    this.#view.whole(board);
    for (const [event, id] of meanwhile) if (isNewer(id, answer.cursor)) this.#change(board, event, id);
  }
}

function someTime() {
  const [least, most] = REFRESH_AFTER_MS;
  return least + Math.random() * (most - least);
}

/** Whether a board is one as long as it is as it is now. */
export function isShown({ teamId, items }) {
  return teamId !== null || items.size > 0;
}

function keyOf({ projectId, teamId, sprintId }) {
  return [projectId, teamId, sprintId].join("/");
}

function standingOf({ reason = null, since = null, retryAt = null, remedy = null, progress = null } = {}) {
  return { reason, since, retryAt, remedy, progress };
}

function fill(board, data, { level, dataAsOf, mock, demo, outage }) {
  const { project, team, sprint, nextSprint, metrics, burndown, history, backfill = null } = data;
  Object.assign(board, { project, team, sprint, nextSprint, metrics, burndown, history, backfill });
  if (data.items) board.items = new Map(data.items.map((item) => [item.id, item]));
  Object.assign(board, { level, dataAsOf, mock: mock === true, demo: demo === true, takenAt: Date.now() });
  Object.assign(board, standingOf(outage));
}

/** Ids are two numbers, such as `1795449612345-0`. What has none was never in the log, so no answer holds it. */
function isNewer(id, cursor) {
  if (!id) return true;
  const [[ms, seq], [cursorMs, cursorSeq]] = [id, cursor].map((text) => text.split("-").map(Number));
  return ms === cursorMs ? seq > cursorSeq : ms > cursorMs;
}
