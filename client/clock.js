// The server's time. An age is the difference of two of the server's times, so the device's clock may be wrong. It may
// also be set while a stream is open, and the monotonic one stands still while some devices sleep. When they wake they
// are handed what was on its way before they slept, so then only a stream that is opened anew says what time it is.

/** By how much the device's two clocks may differ, in all since the time was told, until neither is believed. */
const DOUBT_MS = 5000;

/** The time of these is that of the connection's own server, when it wrote them; other events may be another's. */
const OF_THE_CONNECTION = ["heartbeat", "closing"];
/** By how much these may be late at most. What is later was held up, as while the device was frozen. */
const LATE_MS = 60_000;

/** How often the clocks are compared. */
const COMPARED_MS = 1000;

/** Tells the server's time, by two clocks of the device: one of the wall, and one that only goes forward. */
export class Clock {
  /** The server's time as it was told last, when the device's clocks were at `#mark`. */
  #server;
  #mark;
  #hasBegun = false;
  #isUnsure = false;
  #read;

  /** `wall` and `monotonic` return milliseconds. */
  constructor({ wall = () => Date.now(), monotonic = () => performance.now() } = {}) {
    this.#read = () => [monotonic(), wall()];
    this.#mark = this.#read();
  }

  /** A stream is opened. Where there is a doubt it stays until the stream's first event, `connected`, says the time. */
  begin() {
    this.#hasBegun = false;
    this.#isUnsure = this.isInDoubt();
    if (this.#server !== undefined && !this.#isUnsure) return;
    if (this.#isUnsure) this.#server = this.now();
    this.#mark = this.#read();
  }

  /** Learns the server's time from an event. Says whether the stream may be believed; else another has to be opened. */
  hear({ type, timestamp }) {
    const isFirst = !this.#hasBegun;
    this.#hasBegun = true;
    if (this.haveParted()) return false;
    if (isFirst && type === "connected") {
      this.#isUnsure = false;
      this.#server = timestamp;
    } else if (this.#isUnsure || this.#server === undefined || !OF_THE_CONNECTION.includes(type)) {
      return true;
    } else if (this.now() > timestamp + LATE_MS) {
      this.#isUnsure = true;
      return isFirst;
    } else {
      // It may be late, and no less time has gone by than both clocks say.
      this.#server = Math.max(timestamp, this.#server + Math.min(...this.#elapsed()));
    }
    this.#mark = this.#read();
    return true;
  }

  /** The server's time, by the clock of the device that has gone further. */
  now() {
    return this.#server === undefined ? this.#read()[1] : this.#server + Math.max(...this.#elapsed());
  }

  /** Whether the device slept, or its clock was set, and no new stream has said the time since. */
  isInDoubt() {
    return this.#server !== undefined && (this.#isUnsure || this.haveParted());
  }

  /** Whether the device slept, or its clock was set, since the time was told, or since a stream was opened to ask for it. */
  haveParted() {
    const [monotonic, wall] = this.#elapsed();
    return Math.abs(monotonic - wall) > DOUBT_MS;
  }

  /** Calls `then` every second while they have. Returns what ends that. */
  watch({ setTimeout, clearTimeout }, then) {
    let timer;
    const tick = () => {
      if (this.haveParted()) then();
      timer = setTimeout(tick, COMPARED_MS);
    };
    timer = setTimeout(tick, COMPARED_MS);
    return () => clearTimeout(timer);
  }

  #elapsed() {
    const [monotonic, wall] = this.#read();
    return [monotonic - this.#mark[0], wall - this.#mark[1]];
  }
}
