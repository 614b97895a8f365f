// The server's time. An age is the difference of two of the server's times, so the device's clock may be wrong. It may
// also be set while the page is open, and the monotonic one stands still while some devices sleep. When they wake they
// are handed what was on its way before they slept, so then only a stream that is opened anew says what time it is.

/** By how much the device's two clocks may differ, in all since the time was told, until neither is believed. */
const DOUBT_MS = 5000;

/** The time of these is that of the connection's own server, when it wrote them; other events may be another's. */
const OF_THE_CONNECTION = ["heartbeat", "closing"];
/** By how much these may be late at most. What is later was held up, as while the page was frozen. */
const LATE_MS = 60_000;

/**
 * The server's time as it was told last, when the device's clocks were at `mark`. What else happens moves neither: small
 * steps of a clock add up until the time is told again.
 */
let server;
let mark = clocks();
let hasBegun = false;
let isUnsure = false;

/** A stream is opened. Where there is a doubt it stays until the stream's first event, `connected`, says the time. */
export function begin() {
  hasBegun = false;
  isUnsure = isInDoubt();
  if (server !== undefined && !isUnsure) return;
  if (isUnsure) server = now();
  mark = clocks();
}

/** Learns the server's time from an event. Says whether the stream may be believed; else another has to be opened. */
export function hear({ type, timestamp }) {
  const isFirst = !hasBegun;
  hasBegun = true;
  if (haveParted()) return false;
  if (isFirst && type === "connected") {
    isUnsure = false;
    server = timestamp;
  } else if (isUnsure || server === undefined || !OF_THE_CONNECTION.includes(type)) {
    return true;
  } else if (now() > timestamp + LATE_MS) {
    isUnsure = true;
    return isFirst;
  } else {
    // It may be late, and no less time has gone by than both clocks say.
    server = Math.max(timestamp, server + Math.min(...elapsed()));
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

/** Whether the device slept, or its clock was set, since the time was told, or since a stream was opened to ask for it. */
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
