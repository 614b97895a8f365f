// The client: one stream, the state that its events make, and what has to be done besides.

import { Clock } from "./clock.js";
import { admits, directoryUrl, filterOf, queryOf } from "./filter.js";
import { getJson, serviceUrl } from "./http.js";
import { boardUrl, initial, reduce } from "./reducer.js";
import { boards } from "./selectors.js";

/** A list of boards that could not be fetched is asked for again after that, more or less. */
const AGAIN_MS = 30_000;
/** So often a stream has to fail first. */
const FAILURES_MIN = 3;
/** As many boards are fetched at a time: a browser opens six connections to a server, and one is the stream's. */
const FETCHES_MAX = 4;
/** What is kept across a reload is at most that old. */
const SAVE_MS = 5000;
/** As many events wait for a loop that takes them one by one. */
const QUEUE_MAX = 10_000;

/** How a connection stands before anything came of it. */
export const OPENING = { name: "connecting", reason: "opening", since: null, nextTryAt: null, answer: null, failures: 0, polling: false };

/** Opens the stream and keeps the boards. See README.md for the options. */
export function connect(options = {}) {
  return new Client(options);
}

class Client {
  #options;
  #clock;
  #filter;
  #line = null;
  #state;
  #connection = OPENING;
  #view;
  #listeners = { event: new Set(), state: new Set(), change: new Set() };
  #timers = new Set();
  #waiting = [];
  #fetching = 0;
  #failing = new Set();
  #polling = null;
  #isPolled = false;
  #saving = null;
  #position = "";
  #closing = new AbortController();
  #unwatch;

  /** Events that are none, or that could not be taken in. */
  malformed = 0;

  constructor(options) {
    this.#options = withDefaults(options, this.#closing.signal);
    this.#clock = new Clock({ wall: this.#options.now, monotonic: this.#options.monotonic });
    this.#filter = filterOf(options);
    this.#position = options.lastEventId ?? "";
    this.#state = initial();
    this.#view = { connection: this.#connection, ...this.#state };
    if (options.onEvent) this.on("event", options.onEvent);
    if (options.onState) this.on("state", options.onState);
    options.signal?.addEventListener("abort", () => this.close());
    if (options.signal?.aborted) this.close();
    else this.#begin();
  }

  /** How the connection stands: `name`, `reason`, `since`, `nextTryAt`, `answer`, `failures` and `polling`. */
  get state() {
    return this.#connection;
  }

  /** Since when it has been live, or has not been, by the server's clock; `null` before it ever was. */
  get since() {
    return this.#connection.since;
  }

  /** When it is tried again, by the server's clock; `null` where nothing is planned. */
  get nextTryAt() {
    return this.#connection.nextTryAt;
  }

  /** The boards that are shown, in the order of projects and teams. */
  get boards() {
    return boards(this.#state);
  }

  /** The position up to which everything was told. */
  get lastEventId() {
    return this.#position;
  }

  /** The state, with the connection's as `connection`: another object whenever something changed. */
  getState = () => this.#view;

  /** Calls `listener` whenever the state changed. Returns what ends that. */
  subscribe = (listener) => this.on("change", listener);

  /** Calls `listener` for each `event` (with its id), `state` of the connection, or `change` of anything. */
  on(name, listener) {
    this.#listeners[name].add(listener);
    return () => this.#listeners[name].delete(listener);
  }

  /** The server's time, in milliseconds, whatever the device's clock says. */
  now() {
    return this.#clock.now();
  }

  /** Whether the device slept, or its clock was set, so that no age can be told until the server was heard. */
  isInDoubt() {
    return this.#clock.isInDoubt();
  }

  /** Fetches JSON from the service. Throws a `RefusedError` where something else is answered. */
  async get(path) {
    return getJson(this.#options.fetch, this.#options.url + path, { headers: await this.#options.headers(), signal: this.#closing.signal });
  }

  /**
   * Where a number comes from, item by item; with `{ day }` or `{ sprint }`, of the board as it was then. Of `item:<number>` why a
   * work item is on the board, or is not.
   */
  explain(board, what, past = {}) {
    return this.get(boardUrl(board, { explain: what, ...past }));
  }

  /** Tries again at once, unless the server asked to be left in peace; with `force`, as after a new key, all the same. */
  tryNow({ force = false } = {}) {
    this.#line?.tryNow(force);
  }

  /** Ends everything; what was heard stays readable. */
  close() {
    if (this.#closing.signal.aborted) return;
    this.#save();
    this.#closing.abort();
    this.#line?.close();
    this.#unwatch?.();
    for (const timer of this.#timers) this.#options.clearTimeout(timer);
    this.#timers.clear();
    this.#polling?.abort();
    this.#polling = this.#saving = null;
    this.#isPolled = false;
    const since = this.#connection.name === "live" ? this.now() : this.since;
    this.#stand({ ...this.#connection, name: "closed", reason: "closed", since, nextTryAt: null });
  }

  [Symbol.dispose]() {
    this.close();
  }

  /** The events as they come, until it is closed. */
  async *[Symbol.asyncIterator]() {
    const queue = [];
    let wake;
    let fell = false;
    const off = this.on("event", (event) => {
      fell ||= queue.push(event) > QUEUE_MAX;
      wake?.();
    });
    this.#closing.signal.addEventListener("abort", () => wake?.());
    try {
      while (!this.#closing.signal.aborted) {
        if (fell) throw new Error("the loop over events fell too far behind");
        if (queue.length > 0) yield queue.shift();
        else await new Promise((resolve) => (wake = resolve));
      }
    } finally {
      off();
    }
  }

  async #begin() {
    const { environment, storage } = this.#options;
    if (storage) await this.#restore(storage);
    if (this.#closing.signal.aborted) return;
    this.#unwatch = environment.watch({ look: () => this.tryNow(), leave: () => this.#leave(), back: () => this.#open() });
    await this.#open();
  }

  async #restore(storage) {
    try {
      const saved = await storage.load(this.#name());
      if (!saved) return;
      this.#position = saved.position;
      this.#become({ ...this.#state, ...saved.state });
    } catch (error) {
      this.#options.warn("what was kept of the boards cannot be read", error);
    }
  }

  async #open() {
    const told = {
      begin: () => this.#clock.begin(),
      event: (event, id) => this.#hear(event, id),
      state: (state) => this.#stand(state),
      malformed: () => (this.malformed += 1),
    };
    const options = { ...this.#options, filter: this.#filter, lastEventId: this.#position, position: () => this.#position, clock: this.#clock };
    // A page whose stream another keeps needs no code for one.
    if (options.share && (await this.#keep(import("./shared.js"), ({ share }) => share(options, told)))) return;
    await this.#keep(import("./stream.js"), ({ Stream }) => new Stream(options, told));
  }

  /** Keeps what a module makes, unless it is closed by then. Says whether there is anything. */
  async #keep(module, make) {
    const loaded = await module;
    if (this.#closing.signal.aborted) return true;
    this.#line = make(loaded);
    return this.#line !== null;
  }

  #leave() {
    this.#save();
    if (!this.#options.share) return;
    this.#line?.close();
    this.#line = null;
  }

  #name() {
    return `${this.#options.url}?${queryOf(this.#filter)}`;
  }

  #hear(event, id) {
    if (event.type.startsWith("client.")) return;
    const isWanted = event.type !== "snapshot" || !event.data || this.#admits({ ...event, project: event.data.project?.name, team: event.data.team?.name });
    if (event.type === "connected" && Array.isArray(event.scopes)) event = { ...event, scopes: event.scopes.filter((scope) => this.#admits(scope)) };
    if (isWanted) this.#dispatch(event, id);
    this.#position = id ?? (event.type === "heartbeat" ? event.cursor : this.#position);
    if (isWanted) this.#tell("event", event, id);
    this.#saveLater();
  }

  #admits(scope) {
    return admits(this.#filter, scope);
  }

  #dispatch(action, id = null) {
    let next;
    try {
      next = reduce(this.#state, action, id);
    } catch (error) {
      this.malformed += 1;
      this.#options.warn("an event could not be taken in", action, error);
      return;
    }
    this.#become(next.state);
    next.effects.forEach((effect) => this.#do(effect));
  }

  #do(effect) {
    if (effect.do === "later") {
      const [least, most] = effect.afterMs;
      return this.#after(least + this.#options.random() * (most - least), () => this.#dispatch(effect.action));
    }
    this.#waiting.push(effect);
    this.#fetchNext();
  }

  async #fetchNext() {
    if (this.#fetching >= FETCHES_MAX || this.#waiting.length === 0) return;
    this.#fetching += 1;
    const { do: what, ...effect } = this.#waiting.shift();
    try {
      const answer = await this.get(effect.url);
      if (what === "fetch" && !answer.items) throw new Error(`${effect.url} was answered with something else than a board`);
      this.#failing.delete(effect.url);
      this.#dispatch({ type: what === "fetch" ? "client.fetched" : "client.listed", ...effect, answer, at: this.now() });
    } catch (error) {
      if (!this.#closing.signal.aborted) {
        // Of what fails for hours it is enough to be told once.
        if (!this.#failing.has(effect.url)) this.#options.warn(`${effect.url} could not be fetched: ${error.message}`);
        this.#failing.add(effect.url);
        // The list is asked for again by whatever needed it.
        if (what === "fetch") this.#dispatch({ type: "client.failed", ...effect });
        else if (effect.purpose !== "ages") this.#after(AGAIN_MS * (0.5 + this.#options.random()), () => this.#do({ do: what, ...effect }));
      }
    }
    this.#fetching -= 1;
    this.#fetchNext();
  }

  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#changed();
  }

  #stand(connection) {
    this.#pollWhereNeeded(connection);
    this.#connection = { ...connection, polling: this.#isPolled };
    this.#tell("state", this.#connection);
    this.#changed();
  }

  #changed() {
    this.#view = { connection: this.#connection, ...this.#state };
    this.#tell("change", this.#view);
  }

  #tell(name, ...what) {
    for (const listener of this.#listeners[name]) {
      try {
        listener(...what);
      } catch (error) {
        this.#options.warn("a listener failed", error);
      }
    }
  }

  /** Where streams do not come through and other answers do, boards are fetched now and then. */
  #pollWhereNeeded({ name, reason, failures, answer }) {
    const isCut = name === "reconnecting" || name === "stale";
    const isNeeded = this.#options.poll && isCut && failures >= FAILURES_MIN && reason !== "unreachable" && !(answer?.retryAfterMs > 0);
    if (isNeeded === (this.#polling !== null)) return;
    this.#polling?.abort();
    this.#polling = isNeeded ? new AbortController() : null;
    this.#isPolled = false;
    if (isNeeded) this.#poll(this.#polling.signal);
  }

  async #poll(signal) {
    const { poll } = await import("./poll.js");
    const url = directoryUrl(this.#filter);
    const took = (answer) => {
      if (answer) this.#dispatch({ type: "client.listed", purpose: "reload", answer, at: this.now() });
      if (this.#isPolled === Boolean(answer)) return;
      this.#isPolled = Boolean(answer);
      this.#stand(this.#connection);
    };
    poll(this.#options, () => this.get(url), took, signal);
  }

  #after(ms, then) {
    const timer = this.#options.setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  #saveLater() {
    if (!this.#options.storage || this.#saving !== null) return;
    this.#saving = this.#after(SAVE_MS, () => {
      this.#saving = null;
      this.#save();
    });
  }

  #save() {
    const { storage, warn } = this.#options;
    if (!storage || this.#position === "") return;
    storage.save(this.#name(), this.#state, this.#position).catch((error) => warn("the boards could not be kept", error));
  }
}

function withDefaults(options, signal) {
  const { key, headers, transport } = options;
  const environment = options.environment ?? ENVIRONMENT;
  const keyNow = () => (typeof key === "function" ? key() : key);
  return {
    poll: true,
    share: environment.canShare() && transport !== "eventsource" && !options.fetch,
    fetch: (...parameters) => fetch(...parameters),
    EventSource: globalThis.EventSource,
    random: Math.random,
    now: () => Date.now(),
    monotonic: () => performance.now(),
    setTimeout: (then, ms) => setTimeout(then, ms),
    clearTimeout: (timer) => clearTimeout(timer),
    warn: (...what) => console.warn(...what),
    ...options,
    url: serviceUrl(String(options.url ?? ""), options.fetch),
    signal,
    environment,
    isOnline: environment.isOnline,
    isHidden: environment.isHidden,
    key: keyNow,
    headers: async () => ({ ...(keyNow() && { "x-functions-key": keyNow() }), ...(typeof headers === "function" ? await headers() : headers) }),
  };
}

/** Where this runs: in a page, in a worker, or as a program of its own. */
const ENVIRONMENT = {
  isOnline: () => globalThis.navigator?.onLine !== false,
  isHidden: () => globalThis.document?.hidden === true,
  canShare: () => Boolean(globalThis.document && (globalThis.SharedWorker || (globalThis.navigator.locks && globalThis.BroadcastChannel))),
  /** Who comes back to the page or to the network is told by `look`; that the page goes by `leave`, and comes again by `back`. */
  watch({ look, leave, back }) {
    const { document } = globalThis;
    if (!document) return () => {};
    const all = [
      [document.defaultView, "online", look],
      [document.defaultView, "pagehide", leave],
      [document.defaultView, "pageshow", ({ persisted }) => persisted && back()],
      [document, "visibilitychange", () => document.hidden || look()],
    ];
    for (const [target, name, listener] of all) target.addEventListener(name, listener);
    return () => all.forEach(([target, name, listener]) => target.removeEventListener(name, listener));
  },
};
