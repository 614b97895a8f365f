// The stream: one connection at a time, tried again for ever and ever more rarely, and an honest word about how it stands.

import { queryOf } from "./filter.js";
import { openerOf } from "./openers.js";
import { isOfSignIn, parsed } from "./http.js";

/** The wait before another try is a random part of a time that doubles with each failure, from this to the longest. */
const RETRY_MS = 2000;
const RETRY_MAX_MS = 30_000;
/** The same where nobody looks. */
const RETRY_HIDDEN_MAX_MS = 60_000;
/** What a server names is taken for no less. */
const RETRY_LEAST_MS = 1000;
/** Chance never makes a try follow at once. */
const RETRY_MIN_MS = 200;
/** As long as that it is waited where an answer asks for more. */
const RETRY_AFTER_MAX_MS = 600_000;
/** A stream that lived for so long was a success: one that is accepted and dropped again and again is none. */
const SUCCESS_MS = 10_000;

/** Silence is that of one and a half heartbeats, and of a little more where these are short. */
const HEARTBEAT_MS = 30_000;
const SLACK_MS = 3000;

/** The server ends the stream and is there for the next one, or another is: nothing is wrong in between. */
const PLANNED_ENDS = ["lifetime", "slow", "lost", "shutdown"];

/** What each reason is called. */
const NAMES = { opening: "connecting", live: "live", silent: "stale", offline: "offline", shed: "shed" };

/** Whether an event says that the stream ends and is followed by another, as if nothing had been. */
export function isPlannedEnd({ type, reason }) {
  return type === "closing" && PLANNED_ENDS.includes(reason);
}

/** Keeps a stream open. `told` has `begin()`, `event(event, id)` and `state(state)`, and may have `malformed()`. */
export class Stream {
  #options;
  #told;
  #clock;
  #open;
  #attempt = null;
  #waiting;
  #silence;
  #unwatch;
  #openedAt = 0;
  /** When the server was heard last: an event of it, or the end of a stream that had begun. */
  #heardAt = null;
  #failures = 0;
  #retryMs = RETRY_MS;
  #heartbeatMs = HEARTBEAT_MS;
  #nextTryAt = null;
  /** Whether somebody asked to be left in peace until the next try. */
  #isAskedToWait = false;
  #standing = { reason: "opening", since: null, answer: null };
  /** After a planned end what is known of how it goes on, kept until the silence is too long. */
  #awaited = null;
  #isClosed = false;

  /** The boards that are asked for; another one holds from the next connection on. */
  filter;
  /** The position up to which everything was told. */
  lastEventId;

  constructor(options, told) {
    this.#options = options;
    this.#told = told;
    this.#clock = options.clock;
    this.#open = openerOf(options);
    this.filter = options.filter;
    this.lastEventId = options.lastEventId ?? "";
    this.#unwatch = this.#clock.watch(options, () => this.renew());
    this.#connect();
  }

  /** How it stands. */
  get state() {
    const { reason, since, answer } = this.#standing;
    const isRefused = answer !== null && isOfSignIn(answer);
    const name = NAMES[reason] ?? (isRefused ? "unauthorised" : "reconnecting");
    return { name, reason, since, nextTryAt: this.#nextTryAt, answer, failures: this.#failures };
  }

  /** Who comes back to the page or to the network does not wait for the timer; who brings a key waits for nothing. */
  tryNow(isForced = false) {
    if (this.#isClosed) return;
    if (isForced || (this.#waiting !== undefined && this.#standing.reason !== "live" && !this.#isAskedToWait)) this.#connect();
  }

  /** The device slept, or its clock was set, or other boards are asked for: another stream is opened. */
  renew() {
    if (this.#isClosed || (this.#isAskedToWait && this.#waiting !== undefined)) return;
    this.#watch();
    this.#connect();
  }

  /** Ends it for good. */
  close() {
    this.#isClosed = true;
    this.#abort();
    this.#unwatch();
    for (const timer of [this.#waiting, this.#silence]) this.#options.clearTimeout(timer);
  }

  #abort() {
    this.#attempt?.abort();
    this.#attempt = null;
  }

  #connect() {
    const { clearTimeout } = this.#options;
    clearTimeout(this.#waiting);
    [this.#waiting, this.#nextTryAt, this.#isAskedToWait] = [undefined, null, false];
    this.#abort();
    this.#clock.begin();
    this.#told.begin();
    const attempt = (this.#attempt = new AbortController());
    const isCurrent = () => this.#attempt === attempt;
    this.#openedAt = this.#options.monotonic();
    let hasBegun = false;
    this.#open({
      query: queryOf(this.filter, { heartbeat: "1", shed: "503" }),
      lastEventId: this.lastEventId,
      signal: attempt.signal,
      message: (data, id) => {
        if (!isCurrent()) return;
        hasBegun = true;
        this.#message(data, id);
      },
      position: (id) => {
        if (isCurrent() && !this.#clock.haveParted()) this.lastEventId = id;
      },
      retry: (ms) => (this.#retryMs = Math.min(RETRY_MAX_MS, Math.max(RETRY_LEAST_MS, ms))),
      ended: (reason, answer = null) => {
        if (!isCurrent()) return;
        if (hasBegun) this.#heardAt = this.#clock.now();
        this.#ended(reason ?? (hasBegun ? "lost" : "cut"), answer);
      },
    });
    // After a planned end the silence since then is what counts.
    if (this.#standing.reason === "live") return;
    this.#watch();
    this.#stand(this.#standing);
  }

  #message(data, id) {
    const event = parsed(data);
    if (typeof event?.type !== "string") {
      this.#told.malformed?.();
      return;
    }
    // What is passed over the next stream brings again.
    if (!this.#clock.hear(event)) return this.renew();
    if (id) this.lastEventId = id;
    const attempt = this.#attempt;
    // Whoever hears that it is live knows by then which boards there are.
    this.#told.event(event, id || null);
    if (this.#attempt === attempt && !this.#isClosed) this.#take(event);
  }

  /** What an event says of the connection. */
  #take(event) {
    this.#heartbeatMs = event.heartbeatMs ?? this.#heartbeatMs;
    this.#heardAt = this.#clock.now();
    this.#watch();
    this.#awaited = null;
    if (event.type === "closing") {
      this.#again(event.reconnectAfterMs);
      this.#isAskedToWait = event.reason === "shed";
      if (isPlannedEnd(event)) this.#awaited = { reason: event.reason === "shutdown" ? "stopped" : "silent" };
      else this.#stand({ reason: event.reason === "shed" ? "shed" : "stopped" });
      return;
    }
    if (this.#hasLived()) this.#failures = 0;
    this.#stand({ reason: "live" });
  }

  #ended(reason, answer) {
    if (!this.#awaited) this.#options.clearTimeout(this.#silence);
    if (reason === "lost" && this.#hasLived()) this.#failures = 0;
    const waitMs = Math.min(answer?.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS);
    const isShed = answer?.status === 503 && isOfTooMany(answer.text);
    this.#again(Math.max(waitMs, this.#backoff()));
    this.#isAskedToWait = waitMs > 0;
    const what = { reason: isShed ? "shed" : reason, answer: isShed ? null : answer };
    // After a planned end the next stream may need a few tries, and whoever looks need not know.
    const passes = !isShed && reason !== "offline" && (answer === null || answer.status >= 500 || answer.status === 429);
    if (this.#awaited && passes) this.#awaited = what;
    else this.#stand(what);
  }

  /** What is not live any more has not been since it was heard last, however much later that shows. */
  #stand({ reason, answer = null }) {
    const before = this.#standing;
    if (reason === "live" && before.reason === "live") return;
    this.#awaited = null;
    this.#standing = { reason, answer, since: reason === "live" || before.reason === "live" ? this.#heardAt : before.since };
    this.#told.state(this.state);
  }

  /** A connection that says nothing for one and a half heartbeats is dead, whatever the device believes. */
  #watch() {
    const { setTimeout, clearTimeout } = this.#options;
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      if (this.#waiting === undefined) this.#again(this.#backoff());
      this.#stand(this.#awaited ?? { reason: "silent" });
    }, Math.max(1.5 * this.#heartbeatMs, this.#heartbeatMs + SLACK_MS));
  }

  #hasLived() {
    return this.#options.monotonic() - this.#openedAt >= SUCCESS_MS;
  }

  #backoff() {
    const most = this.#options.isHidden() ? RETRY_HIDDEN_MAX_MS : RETRY_MAX_MS;
    const span = Math.min(most, this.#retryMs * 2 ** this.#failures);
    this.#failures += 1;
    return Math.max(RETRY_MIN_MS, this.#options.random() * span);
  }

  // A browser's source would connect again by itself after some errors and not after others. Here it never does, so that
  // there is one at most, and that the next try can be told.
  #again(afterMs) {
    this.#abort();
    this.#options.clearTimeout(this.#waiting);
    this.#nextTryAt = this.#clock.now() + afterMs;
    this.#waiting = this.#options.setTimeout(() => this.#connect(), afterMs);
  }
}

/** What the service says of a reader too many, where that reader asked to be told by status. */
function isOfTooMany(text) {
  return text.includes('"too_many_streams"');
}
