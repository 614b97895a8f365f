// What happened since the last stand-up, as the service tells it: for who was not there.

import { get } from "./api.js";
import { isTask } from "./attention.js";
import { boardUrl } from "./boardcast.js";
import { fill, made, whyButton } from "./elements.js";
import { keep, kept } from "./kept.js";
import { client } from "./live.js";
import { lastStandup } from "./standup.js";
import { amount, asOf, count, moment, person, sentences, setText } from "./text.js";

const KEPT = "boardcast.standup";
const USUAL = "09:30";
/** It is asked for again after a change or a failure, and no more often than that. */
const AGAIN_MS = 60_000;
const DAY_MS = 86_400_000;

/** What happened, in the order in which a team tells it. */
const KINDS = new Map([
  ["completed", "Completed"],
  ["blocked", "Blocked"],
  ["unblocked", "No longer blocked"],
  ["reopened", "Reopened"],
  ["started", "Started"],
  ["added", "Added to the sprint"],
  ["created", "Created"],
  ["carried_over", "Carried over"],
  ["removed", "Removed from the sprint"],
  ["reestimated", "Estimated anew"],
]);

/** Of each of these the newest tells how an item stands, and what was before it is over. */
const STANDINGS = [["completed", "reopened", "started"], ["blocked", "unblocked"], ["added", "removed", "created", "carried_over"], ["reestimated"]];

const NUMBERS = { "points.remaining": "Points remaining", "items.remaining": "Items remaining", "items.completed": "Items completed", "hours.remaining": "Hours remaining" };

export class Digest {
  #section;
  #words = made("p");
  #numbers = made("p", "facts");
  #list = made("div");
  #time = made("input");
  #standup;
  #stamp = made("span", "facts");
  #board = null;
  #isThere = false;
  #asked = { board: null, at: -Infinity, since: null, question: 0 };
  /** When it was told last, by the server's time; `null` where it was not. */
  #toldAt = null;
  #isFailed = false;
  #isHeard = false;

  constructor(section) {
    this.#section = section;
    this.#time.type = "time";
    this.#time.value = kept(KEPT) ?? USUAL;
    this.#standup = this.#time.value || USUAL;
    this.#time.addEventListener("change", () => {
      if (this.#time.value === "") return;
      this.#standup = this.#time.value;
      keep(KEPT, this.#standup);
      this.#ask();
    });
    const label = made("label", "facts", ["Stand-up at ", this.#time]);
    section.append(made("h3", "", "Since the last stand-up"), label, " ", this.#stamp, this.#words, this.#numbers, this.#list);
  }

  /** Follows a board: asks at once where that is another one. */
  follow(board) {
    const isAnother = this.#board?.key !== board.key;
    this.#board = board;
    this.#isThere = board.team !== null && board.sprint !== null && board.then === undefined && !["none", "mock"].includes(board.mock ? "mock" : board.level);
    this.#section.hidden = !this.#isThere;
    if (this.#isThere && (isAnother || this.#asked.board === null)) this.#ask();
  }

  /**
   * Asks anew a while after the board changed, and after what could not be told as soon as the server `isHeard` again. Called
   * once a second.
   */
  renew(isHeard) {
    if (!this.#isThere) return;
    const isBack = isHeard && !this.#isHeard;
    this.#isHeard = isHeard;
    const isOld = this.#board.items !== this.#asked.board?.items;
    const isLater = performance.now() - this.#asked.at > AGAIN_MS;
    // Meanwhile the past was read.
    const isKnown = this.#asked.board?.history === "partial" && this.#board.history === "complete";
    const isDue = isKnown || this.#asked.since !== this.#since() || (this.#isFailed && isBack) || ((this.#isFailed || isOld) && isLater);
    if (isHeard && isDue && !client.isInDoubt()) this.#ask();
    setText(this.#stamp, isOld && this.#toldAt !== null ? asOf(this.#toldAt) : "");
  }

  #since() {
    return lastStandup(client.now(), this.#standup);
  }

  async #ask() {
    const board = this.#board;
    const question = this.#asked.question + 1;
    const since = this.#since();
    this.#asked = { board, at: performance.now(), since, question };
    this.#isFailed = false;
    let told;
    try {
      told = await get(client, boardUrl(board, { since: String(since) }));
      // A server of before answers the board itself.
      if (!Array.isArray(told.changes)) throw new Error("the server is of a version that does not tell it");
    } catch (error) {
      if (question === this.#asked.question) this.#refused(error);
      return;
    }
    if (question === this.#asked.question) this.#tell(told);
  }

  #refused(error) {
    [this.#toldAt, this.#isFailed] = [null, true];
    setText(this.#words, sentences(`it cannot be told: ${error.message}`, ...(error.said ?? [])));
    fill(this.#list, []);
    fill(this.#numbers, []);
  }

  #tell({ since, until, changes, leftOut = 0, metrics = {}, partial }) {
    this.#toldAt = client.now();
    const when = client.now() - since > 6 * DAY_MS ? moment(since) : `${DAY.format(since)} ${TIME.format(since)}`;
    const kept = standing(changes);
    const whole = kept.length === 0 ? "Everything that changed was changed back" : "What happened";
    const nothing = changes.length === 0 ? "Nothing happened" : leftOut > 0 ? `The newest ${amount(changes.length)} of ${amount(changes.length + leftOut)} changes` : whole;
    setText(this.#words, sentences(`${nothing} since ${when}`, ...(partial ? [partial] : [])));
    const moved = Object.entries(NUMBERS).filter(([id]) => metrics[id] && metrics[id].then !== null && metrics[id].then !== metrics[id].now);
    fill(this.#numbers, moved.flatMap(([id, name], index) => {
      const { then, now, unit } = metrics[id];
      const before = whyButton(id, `${name} · ${when}`, { text: amount(then, unit), moment: `since=${since}` });
      return [new Text(`${index > 0 ? " · " : ""}${name} `), before, new Text(" → "), whyButton(id, name, { text: amount(now, unit), moment: until ? `since=${until}` : "" })];
    }));
    const groups = [...KINDS].map(([kind, name]) => [kind, name, kept.filter((change) => change.kind === kind)]).filter(([, , of]) => of.length > 0);
    fill(this.#list, groups.flatMap(([kind, name, of]) => [made("h4", "", name), ...this.#lines(kind, of)]));
  }

  /** The lines of one kind: the items, and the tasks for whoever opens them. */
  #lines(kind, changes) {
    const [items, tasks] = [changes.filter((change) => !isTask(change)), changes.filter(isTask)];
    const parts = items.length > 0 ? [made("ul", "", items.map(line))] : [];
    if (tasks.length === 0) return parts;
    const words = `${items.length > 0 ? "and " : ""}${count(tasks.length, "task")}`;
    const folded = made("details", "", [made("summary", "", words), made("ul", "", tasks.map(line))]);
    folded.dataset.kind = kind;
    // Whoever has opened them reads on when they are told anew.
    folded.open = this.#list.querySelector(`details[data-kind="${kind}"]`)?.open ?? false;
    return [...parts, folded];
  }
}

/** What is still so, the newest first: of each item one change in each way to stand, of what left only that. */
function standing(changes) {
  const kept = new Map();
  for (const change of changes.toSorted((one, other) => one.at - other.at)) {
    const key = `${change.id} ${STANDINGS.findIndex((kinds) => kinds.includes(change.kind))}`;
    const before = kept.get(key);
    // An estimate goes from what it was at first to what it is now.
    const told = before && change.kind === "reestimated" ? { ...change, from: before.from } : change;
    kept.delete(key);
    kept.set(key, told);
  }
  // The third standing is whether it is there.
  const isGone = ({ id }) => kept.get(`${id} 2`)?.kind === "removed";
  return [...kept.values()].filter((change) => (isGone(change) ? change.kind === "removed" : change.kind !== "reestimated" || change.from !== change.to)).reverse();
}

// Of the zone of whoever looks, as the time of the stand-up is.
const DAY = new Intl.DateTimeFormat(navigator.languages, { weekday: "long" });
const TIME = new Intl.DateTimeFormat(navigator.languages, { timeStyle: "short" });

function line({ id, title, kind, from, to, by, at }) {
  const isChange = ["reestimated", "reopened"].includes(kind) && (from !== null || to !== null);
  const what = isChange ? `: ${worth(from)} → ${worth(to)}` : kind === "blocked" && to ? ` (by ${to})` : "";
  return made("li", "", [`#${id} `, made("bdi", "", title), what, made("span", "facts", ` ${[by ? person(by) : "", moment(at)].filter(Boolean).join(" · ")}`)]);
}

function worth(value) {
  return typeof value === "number" ? amount(value) : (value ?? "–");
}
