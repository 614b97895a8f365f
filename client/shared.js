// One stream for all pages of a browser: it opens six connections to a server at most, and a stream holds one for ever.

/** Pages of another version have another worker. */
const NAME = "boardcast-1";

/**
 * Returns a page's part of the stream that is kept for all, with the methods of a `Stream`; `null` where this browser has no
 * means for it. `options.share` may say by which: `"worker"`, a shared worker, or `"locks"`, by the page that leads.
 */
export function share(options, told) {
  const hasWorkers = typeof SharedWorker !== "undefined" && options.share !== "locks";
  const hasLocks = globalThis.navigator?.locks !== undefined && typeof BroadcastChannel !== "undefined";
  const means = [hasWorkers && workerOf, hasLocks && ledBy(options)].filter(Boolean);
  return means.length > 0 ? new Page(options, told, means) : null;
}

/** A page's part. A means that does not work is followed by the next one. */
class Page {
  #options;
  #told;
  #means;
  #line = null;
  #unwatch;
  #lock = null;
  #letGo = () => {};
  #headers = "";
  #isClosed = false;
  #undo = () => {};

  constructor(options, told, means) {
    this.#options = options;
    this.#told = told;
    this.#means = means;
    this.#unwatch = options.clock.watch(options, () => this.renew());
    if (typeof document !== "undefined") {
      const hide = () => this.#post({ do: "hide", isHidden: options.isHidden() });
      document.addEventListener("visibilitychange", hide);
      this.#undo = () => document.removeEventListener("visibilitychange", hide);
    }
    this.#start();
  }

  tryNow(isForced = false) {
    // A key may have come or changed since.
    this.#want(isForced).then((isNew) => isNew || this.#post({ do: "now", force: isForced }));
  }

  renew() {
    this.#post({ do: "renew" });
  }

  close() {
    this.#isClosed = true;
    this.#post({ do: "bye" });
    this.#unwatch();
    this.#undo();
    this.#letGo();
    this.#line?.close();
  }

  async #start() {
    await this.#hold();
    if (this.#isClosed) return;
    const means = this.#means.shift();
    this.#line = means?.(
      (message) => this.#receive(message),
      () => {
        this.#line?.close();
        this.#headers = "";
        if (!this.#isClosed) this.#start();
      },
      () => {
        this.#headers = "";
        this.#want();
      },
    );
    if (this.#line) this.#want();
  }

  /** Holds a lock for as long as the page lives, by which the others know that it does. */
  async #hold() {
    const { locks } = navigator;
    if (!locks || this.#lock) return;
    this.#lock = `${NAME}:${crypto.randomUUID()}`;
    await new Promise((held) => {
      locks.request(this.#lock, () => {
        held();
        return new Promise((resolve) => (this.#letGo = resolve));
      });
    });
  }

  /** Says what the page wants, unless that was said. */
  async #want(isForced = false) {
    const { url, filter, position, isHidden } = this.#options;
    const headers = await this.#options.headers();
    const said = JSON.stringify(headers);
    if (this.#isClosed || (said === this.#headers && !isForced)) return false;
    const isNew = said !== this.#headers;
    this.#headers = said;
    if (isNew) {
      const absolute = new URL(url || "/", location.href).href.replace(/\/$/, "");
      this.#post({ do: "want", url: absolute, headers, filter, lastEventId: position(), isHidden: isHidden(), lock: this.#lock });
    }
    return isNew;
  }

  #post(message) {
    this.#line?.post(message);
  }

  #receive({ is, event, id, state }) {
    if (this.#isClosed) return;
    if (is === "begin") this.#told.begin();
    else if (is === "state") this.#told.state(state);
    else if (!this.#options.clock.hear(event)) this.renew();
    else this.#told.event(event, id);
  }
}

function workerOf(receive, failed) {
  let worker;
  try {
    worker = new SharedWorker(new URL("./worker.js", import.meta.url), { type: "module", name: NAME });
  } catch {
    queueMicrotask(failed);
    return { post() {}, close() {} };
  }
  worker.onerror = failed;
  worker.port.onmessage = ({ data }) => receive(data);
  return { post: (message) => worker.port.postMessage(message), close: () => worker.port.close() };
}

/** The page that holds a lock leads: it keeps the stream, and hands on to the others over a channel what that says. */
function ledBy(options) {
  return (receive, failed, leaderIsNew) => {
    const me = crypto.randomUUID();
    const channel = new BroadcastChannel(NAME);
    const ends = new AbortController();
    let hub = null;
    const take = (from, lock, message) => {
      if (message.do === "want" && from !== me && lock) {
        navigator.locks.request(lock, { signal: ends.signal }, () => hub?.receive(from, { do: "bye" })).catch(() => {});
      }
      hub.receive(from, message, (told) => (from === me ? receive(told) : channel.postMessage({ to: from, told })));
    };
    channel.onmessage = ({ data }) => {
      if (data.to === me) receive(data.told);
      else if (data.leads && !hub) leaderIsNew();
      else if (data.from && hub) take(data.from, data.message.lock, data.message);
    };
    navigator.locks
      .request(`${NAME}:leader`, { signal: ends.signal }, async () => {
        const { Hub } = await import("./hub.js");
        hub = new Hub(options);
        leaderIsNew();
        channel.postMessage({ leads: true });
        return new Promise((resolve) => ends.signal.addEventListener("abort", resolve));
      })
      .catch(() => {});
    return {
      post(message) {
        if (hub) take(me, null, message);
        else channel.postMessage({ from: me, message });
      },
      close() {
        hub?.close();
        ends.abort();
        channel.close();
      },
    };
  };
}
