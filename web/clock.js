// The server's time. An age is the difference of two of the server's times, so the device's clock may be wrong. It may
// also be set while the page is open, and the monotonic one stands still while some devices sleep.

/** By how much the device's two clocks may differ until neither is believed. */
const DOUBT_MS = 5000;

/** How old an event may be when it is heard: what is of this connection alone is written at once. */
const LATE_MS = { connected: 0, heartbeat: 60_000, closing: 60_000 };

// The server's time when something was last heard, with both of the device's clocks at that moment.
let heard;

/** Learns the server's time from an event: it is that of the event, or later. */
export function hear({ type, timestamp }) {
  if (!Number.isFinite(timestamp)) return;
  const latest = timestamp + (LATE_MS[type] ?? Infinity);
  // Of the two clocks the wrong one says that it is long before the event, or much later than the other. A little
  // before it may be right: what was heard last may have been under way for longer.
  const told = heard ? elapsed().map((ms) => heard.server + ms) : [];
  const possible = told.filter((time) => time > timestamp - DOUBT_MS && time <= latest);
  const server = possible.length > 0 ? Math.max(timestamp, Math.min(...possible)) : timestamp;
  heard = { server, monotonic: performance.now(), wall: Date.now() };
}

/** The server's time, by the clock of the device that has gone further. */
export function now() {
  return heard ? heard.server + Math.max(...elapsed()) : Date.now();
}

/** Whether the device slept, or its clock was set, since something was last heard. */
export function isInDoubt() {
  if (!heard) return false;
  const [monotonic, wall] = elapsed();
  return Math.abs(monotonic - wall) > DOUBT_MS;
}

function elapsed() {
  return [performance.now() - heard.monotonic, Date.now() - heard.wall];
}
