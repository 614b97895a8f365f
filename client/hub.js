// Where the one stream of a browser is kept: in a shared worker, or in the page that leads the others. Each page that wants
// boards has a port; the stream asks for the union of what all of them want.

import { Clock } from "./clock.js";
import { directoryUrl, queryOf, union } from "./filter.js";
import { Stream } from "./stream.js";

/** Keeps a stream for each service, and each way to log in there, that some page wants. */
export class Hub {
  #lines = new Map();
  #lineOf = new Map();
  #options;

  constructor(options) {
    this.#options = options;
  }

  /** Takes what a page says. `post` says something to that page; `port` is what it is known by. */
  receive(port, message, post) {
    const line = this.#lineOf.get(port);
    switch (message.do) {
      case "want":
        this.#leave(port, line);
        return this.#join(port, message, post);
      case "now":
        return line?.tryNow(message.force);
      case "renew":
        return line?.renew();
      case "hide":
        return line?.hide(port, message.isHidden);
      case "bye":
        return this.#leave(port, line);
    }
  }

  /** Ends every stream: the page that kept them goes, and another will. */
  close() {
    for (const line of this.#lines.values()) line.close();
    this.#lines.clear();
  }

  #join(port, want, post) {
    const name = JSON.stringify([want.url, want.headers]);
    let line = this.#lines.get(name);
    if (!line) {
      line = new Line(this.#options, want, () => this.#lines.delete(name));
      this.#lines.set(name, line);
    }
    this.#lineOf.set(port, line);
    line.join(port, want, post);
  }

  #leave(port, line) {
    this.#lineOf.delete(port);
    line?.leave(port);
  }
}

class Line {
  #options;
  #clock;
  #stream = null;
  #ended;
  /** By port: what it wants, how it is told, whether it was told how the stream began, whether nobody looks at it. */
  #pages = new Map();
  #connected = null;

  constructor(options, { url, headers }, ended) {
    this.#clock = new Clock({ wall: options.now, monotonic: options.monotonic });
    this.#options = {
      ...options,
      url,
      clock: this.#clock,
      headers: () => headers,
      transport: "fetch",
      isHidden: () => [...this.#pages.values()].every(({ isHidden }) => isHidden),
    };
    this.#ended = ended;
  }

  join(port, { filter, lastEventId, isHidden }, post) {
    this.#pages.set(port, { filter, post, isHidden, isBegun: false });
    if (!this.#stream) {
      // The first page goes on from where it was, if it was anywhere.
      this.#pages.get(port).isBegun = true;
      this.#open(filter, lastEventId);
      return;
    }
    post({ is: "state", state: opening(this.#stream.state) });
    const all = union(this.#stream.filter, filter);
    if (String(queryOf(all)) !== String(queryOf(this.#stream.filter))) {
      // What the stream passed over until now a new page fetches; from its cursor on the stream tells it.
      this.#stream.filter = all;
      this.#stream.renew();
    } else if (this.#stream.state.name === "live" && this.#connected && !this.#clock.isInDoubt()) {
      this.#greet(this.#pages.get(port));
    }
  }

  leave(port) {
    if (!this.#pages.delete(port)) return;
    const wanted = [...this.#pages.values()].map(({ filter }) => filter);
    if (wanted.length > 0) {
      // It holds from the next stream on: a narrower one is worth none.
      this.#stream.filter = wanted.reduce(union);
      return;
    }
    this.close();
    this.#ended();
  }

  close() {
    this.#stream.close();
  }

  tryNow(isForced) {
    this.#stream.tryNow(isForced);
  }

  renew() {
    this.#stream.renew();
  }

  hide(port, isHidden) {
    const page = this.#pages.get(port);
    if (page) page.isHidden = isHidden;
  }

  #open(filter, lastEventId) {
    this.#stream = new Stream({ ...this.#options, filter, lastEventId }, {
      begin: () => this.#tellAll({ is: "begin" }),
      state: (state) => this.#tellAll({ is: "state", state }),
      event: (event, id) => this.#event(event, id),
    });
  }

  #event(event, id) {
    if (event.type === "connected") this.#connected = event;
    for (const page of this.#pages.values()) {
      if (page.isBegun) page.post({ is: "event", event, id });
      else if (event.type === "connected") {
        page.isBegun = true;
        // Where the stream goes on, what was there before is fetched; else it is sent anyway.
        page.post({ is: "event", event: event.resumed ? { ...event, reload: true } : event, id });
        page.post({ is: "state", state: this.#stream.state });
      }
    }
  }

  /** Tells a page that comes later how the stream stands, as if it had just begun. */
  #greet(page) {
    page.isBegun = true;
    const url = directoryUrl(page.filter);
    const event = { ...this.#connected, timestamp: this.#clock.now(), resumed: true, gap: false, scopes: [], url, reload: true };
    page.post({ is: "begin" });
    page.post({ is: "event", event, id: null });
    page.post({ is: "state", state: this.#stream.state });
  }

  #tellAll(message) {
    for (const page of this.#pages.values()) page.post(message);
  }
}

/** How the stream stands for a page that knows of no boards yet, and for which it is not live therefore. */
function opening(state) {
  return state.name === "live" ? { ...state, name: "connecting", reason: "opening", since: null } : state;
}
