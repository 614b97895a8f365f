// The server's time. An age is the difference of two of the server's times, so the device's clock may be wrong. It may
// also be set while the page is open, and the monotonic one stands still while some devices sleep. When they wake they
// are handed what was on its way before they slept, so then only a stream that is opened anew says what time it is.

/** By how much the device's two clocks may differ until neither is believed. */
const DOUBT_MS = 5000;

/** The time of these is that of the connection's own server, when it wrote them; other events may be another's. */
const OF_THE_CONNECTION = ["heartbeat", "closing"];
/** By how much these may be late at most. What is later was held up, as while the page was frozen. */
const LATE_MS = 60_000;

/** The server's time, once it was heard, when the device's clocks were at `mark`. */
let server;
let mark = clocks();
let hasBegun = false;
let isUnsure = false;

/** A stream is opened. Where there is a doubt it stays until the stream's first event, `connected`, says the time. */
export function begin() {
  isUnsure = isInDoubt();
  if (server !== undefined) server = now();
  mark = clocks();
  hasBegun = false;
}

/** Learns the server's time from an event. Says whether the stream may be believed; else another has to be opened. */
export function hear({ type, timestamp }) {
  const isFirst = !hasBegun;
  hasBegun = true;
  if (haveParted()) return false;
  if (isFirst && type === "connected") {
    isUnsure = false;
    server = timestamp;
  } else if (isUnsure || server === undefined) {
    return true;
  } else if (OF_THE_CONNECTION.includes(type)) {
    if (now() > timestamp + LATE_MS) {
      isUnsure = true;
      return isFirst;
    }
    server = Math.max(timestamp, now());
  } else {
    server = now();
  }
  mark = clocks();
  return true;
}

/** The server's time, by the clock of the device that has gone further. */
export function now() {
  return server === undefined ? Date.now() : server + Math.max(...elapsed());
}

/** Whether the device slept, or its clock was set, and no new stream has said the time since. */
export function isInDoubt() {
  return server !== undefined && (isUnsure || haveParted());
}

/** Whether the device slept, or its clock was set, since something was last heard or a stream opened. */
export function haveParted() {
  const [monotonic, wall] = elapsed();
  return Math.abs(monotonic - wall) > DOUBT_MS;
}

function elapsed() {
  const [monotonic, wall] = clocks();
  return [monotonic - mark[0], wall - mark[1]];
}

function clocks() {
  return [performance.now(), Date.now()];
}
