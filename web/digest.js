// What happened since the last stand-up, as the service tells it: for who was not there.

import { get } from "./api.js";
import { boardUrl } from "./boardcast.js";
import { fill, made } from "./elements.js";
import { keep, kept } from "./kept.js";
import { client } from "./live.js";
import { lastStandup } from "./standup.js";
import { amount, moment, person, sentences, setText } from "./text.js";

const KEPT = "boardcast.standup";
const USUAL = "09:30";
/** It is asked for again after a change, and no more often than that. */
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

const NUMBERS = { "points.remaining": "Points remaining", "items.remaining": "Items remaining", "items.completed": "Items completed", "hours.remaining": "Hours remaining" };

export class Digest {
  #section;
  #words = made("p");
  #numbers = made("p", "facts");
  #list = made("div");
  #time = made("input");
  #board = null;
  #asked = { board: null, at: -Infinity, question: 0 };

  constructor(section) {
    this.#section = section;
    this.#time.type = "time";
    this.#time.value = kept(KEPT) ?? USUAL;
    this.#time.addEventListener("change", () => {
      if (this.#time.value === "") return;
      keep(KEPT, this.#time.value);
      this.#ask();
    });
    const label = made("label", "facts", ["Stand-up at ", this.#time]);
    section.append(made("h3", "", "Since the last stand-up"), label, this.#words, this.#numbers, this.#list);
  }

  /** Follows a board: asks anew when it has changed, once in a while. */
  follow(board) {
    const isAnother = this.#board?.key !== board.key;
    this.#board = board;
    const isThere = board.team !== null && board.sprint !== null && board.then === undefined && !["none", "mock"].includes(board.mock ? "mock" : board.level);
    this.#section.hidden = !isThere;
    if (isThere && (isAnother || this.#isDue())) this.#ask();
  }

  #isDue() {
    return this.#board !== this.#asked.board && performance.now() - this.#asked.at > AGAIN_MS;
  }

  async #ask() {
    const board = this.#board;
    const question = this.#asked.question + 1;
    this.#asked = { board, at: performance.now(), question };
    const since = lastStandup(client.now(), this.#time.value || USUAL);
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
    setText(this.#words, sentences(`it cannot be told: ${error.message}`, ...(error.said ?? [])));
    fill(this.#list, []);
    setText(this.#numbers, "");
  }

  #tell({ since, changes, leftOut = 0, metrics = {}, partial }) {
    const when = client.now() - since > 6 * DAY_MS ? moment(since) : `${DAY.format(since)} ${TIME.format(since)}`;
    const nothing = changes.length === 0 ? "Nothing happened" : leftOut > 0 ? `The newest ${amount(changes.length)} of ${amount(changes.length + leftOut)} changes` : "What happened";
    setText(this.#words, sentences(`${nothing} since ${when}`, ...(partial ? [partial] : [])));
    const moved = Object.entries(NUMBERS).filter(([id]) => metrics[id] && metrics[id].then !== metrics[id].now);
    setText(this.#numbers, moved.map(([id, name]) => `${name} ${amount(metrics[id].then)} → ${amount(metrics[id].now)}`).join(" · "));
    const groups = [...KINDS].map(([kind, name]) => [name, changes.filter((change) => change.kind === kind)]).filter(([, of]) => of.length > 0);
    fill(this.#list, groups.flatMap(([name, of]) => [made("h4", "", name), made("ul", "", of.toReversed().map(line))]));
  }
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
