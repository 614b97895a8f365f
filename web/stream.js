// The stream: one EventSource at a time, and an honest word about how it stands.

import { filter, functionKey, keepKey, thoseThereAre } from "./api.js";
import { begin, hear, haveParted, now } from "./clock.js";

/** The first wait before another try, and the longest; of each at least half is waited. */
const RETRY_MS = 2000;
const RETRY_MAX_MS = 30_000;
const SLACK_MS = 3000;
/** As long as that it is waited where an answer asks for more. */
const RETRY_AFTER_MAX_MS = 600_000;

/** How often the clocks are compared. */
const CLOCKS_MS = 1000;

/** The server ends the stream and is there for the next one, or another is: nothing is wrong in between. */
const PLANNED_ENDS = ["lifetime", "slow", "lost", "shutdown"];
/** What comes of a server that is just being started, and goes by itself. */
const PASSING = ["lost", "cut", "unreachable", "failed", "gateway"];

let receive;
let tell;
let source;
let lastEventId = "";
let heartbeatMs = 30_000;
let silence;
let waiting;
let failures = 0;
let retryAt = null;
let standing = { is: "opening", since: null };
/** After a planned end what is known of how it goes on, kept until the silence is too long. */
let awaited = null;

/**
 * Opens the stream and keeps it open. `onEvent` is handed each event with its id, `onChange` how the connection stands:
 * `is` (`opening`, `live`, `lost`, `cut`, `silent`, `stopped`, `busy`, or a refusal of `get`), since when it
 * has not been live, and when it is tried again, by the server's clock; of a refusal also what it tells of the answer.
 */
export function open(onEvent, onChange) {
  receive = onEvent;
  tell = onChange;
  addEventListener("online", tryNow);
  document.addEventListener("visibilitychange", tryNow);
  // A key that is put into the address of an open page loads nothing anew.
  addEventListener("hashchange", tryNow);
  setInterval(() => haveParted() && renew(), CLOCKS_MS);
  connect();
}

/** Whether an event says that the stream ends and is followed by another, as if nothing had been. */
export function isPlannedEnd({ type, reason }) {
  return type === "closing" && PLANNED_ENDS.includes(reason);
}

function connect() {
  clearTimeout(waiting);
  [waiting, retryAt] = [undefined, null];
  source?.close();
  begin();
  source = new EventSource(endpoint());
  let hasBegun = false;
  source.onmessage = (message) => {
    hasBegun = true;
    let event;
    try {
      event = JSON.parse(message.data);
    } catch (error) {
      console.warn("an event that is not JSON was passed over", error);
      return;
    }
    try {
      // What is passed over the next stream brings again.
      if (!hear(event)) return renew();
      lastEventId = message.lastEventId || lastEventId;
      take(event);
      receive(event, message.lastEventId);
    } catch (error) {
      console.error("an event could not be shown", event, error);
    }
  };
  source.onerror = () => {
    if (!awaited) clearTimeout(silence);
    again(backoff());
    if (standing.is === "live") tellUnlessAwaited("lost");
    else stand(standing.is, standing);
    explain(hasBegun);
  };
  // After a planned end the silence since then is what counts.
  if (standing.is === "live") return;
  watch();
  stand(standing.is, standing);
}

/** What an event says of the connection. */
function take(event) {
  heartbeatMs = event.heartbeatMs ?? heartbeatMs;
  watch();
  awaited = null;
  if (event.type === "closing") {
    again(event.reconnectAfterMs);
    if (isPlannedEnd(event)) awaited = { is: event.reason === "shutdown" ? "stopped" : "silent", since: now() };
    else stand(event.reason === "shed" ? "busy" : "stopped");
    return;
  }
  if (event.type === "connected") {
    failures = 0;
    keepKey();
  }
  stand("live");
}

function stand(is, { answered, login, said, since = now() } = {}) {
  if (is === "live" && standing.is === "live") return;
  awaited = null;
  standing = { is, answered, login, said, since: is === "live" ? null : standing.is === "live" ? since : standing.since, retryAt };
  tell(standing);
}

/** After a planned end the next stream may need a few tries, and whoever looks need not know. */
function tellUnlessAwaited(is, more) {
  if (awaited && PASSING.includes(is)) awaited = { is, since: awaited.since, ...more };
  else stand(is, more);
}

/** The device slept, or its clock was set: what is under way may be of before, so another stream is asked. */
function renew() {
  if (standing.is === "busy" && waiting !== undefined) return;
  watch();
  connect();
}

/** A connection that says nothing for one and a half heartbeats is dead, whatever the browser believes. */
function watch() {
  clearTimeout(silence);
  silence = setTimeout(() => {
    if (waiting === undefined) again(backoff());
    const { is, ...more } = awaited ?? { is: "silent" };
    stand(is, more);
  }, Math.max(1.5 * heartbeatMs, heartbeatMs + SLACK_MS));
}

function backoff() {
  failures += 1;
  return Math.min(RETRY_MAX_MS, RETRY_MS * 1.5 ** failures) * (0.5 + Math.random() / 2);
}

// The browser would connect again by itself after some errors and not after others. Here it never does: the source is
// closed, so that there is one at most, and that the next try can be told.
function again(afterMs) {
  source.close();
  clearTimeout(waiting);
  retryAt = now() + afterMs;
  waiting = setTimeout(connect, afterMs);
}

/** Who comes back to the page or to the network, or brings a key, does not wait for the timer. */
function tryNow({ type }) {
  if (document.hidden || ["live", "busy"].includes(standing.is)) return;
  if (waiting !== undefined || type === "hashchange") connect();
}

/** An EventSource does not say why it was refused; another request may be told. */
async function explain(hasBegun) {
  let is = hasBegun ? "lost" : "cut";
  let more;
  try {
    await thoseThereAre();
  } catch (error) {
    ({ refusal: is, ...more } = error);
    // Who is asked to wait waits, unless another try is under way by now.
    const waitMs = Math.min(more.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS);
    if (waiting !== undefined && retryAt < now() + waitMs) again(waitMs);
  }
  if (standing.is !== "live" || awaited) tellUnlessAwaited(is, more);
}

function endpoint() {
  const query = filter();
  query.set("heartbeat", "1");
  const key = functionKey();
  if (key) query.set("code", key);
  // A new EventSource sends no Last-Event-ID header, so the cursor goes along as a parameter.
  if (lastEventId) query.set("lastEventId", lastEventId);
  return `/api/sse/dashboard?${query}`;
}
