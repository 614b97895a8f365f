// The stream: one EventSource at a time, and an honest word about how it stands.

import { filter, functionKey, get, keepKey } from "./api.js";
import { hear, now } from "./clock.js";

/** The first wait before another try, and the longest; of each at least half is waited. */
const RETRY_MS = 2000;
const RETRY_MAX_MS = 30_000;
const SLACK_MS = 3000;

/** The server ends the stream and is there for the next one: nothing is wrong in between. */
const PLANNED_ENDS = ["lifetime", "slow", "lost"];

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

/**
 * Opens the stream and keeps it open. `onEvent` is handed each event with its id, `onChange` how the connection stands:
 * `is` (`opening`, `live`, `lost`, `cut`, `silent`, `stopped`, `busy`, or a refusal of `get` with its `status`), since
 * when it has not been live, and when it is tried again, by the server's clock.
 */
export function open(onEvent, onChange) {
  receive = onEvent;
  tell = onChange;
  addEventListener("online", tryNow);
  document.addEventListener("visibilitychange", tryNow);
  // A key that is put into the address of an open page loads nothing anew.
  addEventListener("hashchange", tryNow);
  connect();
}

function connect() {
  clearTimeout(waiting);
  [waiting, retryAt] = [undefined, null];
  source?.close();
  source = new EventSource(endpoint());
  let hasBegun = false;
  source.onmessage = (message) => {
    hasBegun = true;
    lastEventId = message.lastEventId || lastEventId;
    let event;
    try {
      event = JSON.parse(message.data);
    } catch (error) {
      console.warn("an event that is not JSON was passed over", error);
      return;
    }
    try {
      take(event);
      receive(event, message.lastEventId);
    } catch (error) {
      console.error("an event could not be shown", event, error);
    }
  };
  source.onerror = () => {
    clearTimeout(silence);
    again(backoff());
    stand(standing.is === "live" ? "lost" : standing.is, standing.status);
    explain(hasBegun);
  };
  // After a planned end the silence since then is what counts.
  if (standing.is === "live") return;
  watch();
  stand(standing.is, standing.status);
}

/** What an event says of the connection. */
function take(event) {
  hear(event);
  heartbeatMs = event.heartbeatMs ?? heartbeatMs;
  watch();
  if (event.type === "closing") {
    again(event.reconnectAfterMs);
    if (!PLANNED_ENDS.includes(event.reason)) stand(event.reason === "shed" ? "busy" : "stopped");
    return;
  }
  if (event.type === "connected") {
    failures = 0;
    keepKey();
  }
  stand("live");
}

function stand(is, status) {
  if (is === "live" && standing.is === "live") return;
  const since = is === "live" ? null : standing.is === "live" ? now() : standing.since;
  standing = { is, status, since, retryAt };
  tell(standing);
}

/** A connection that says nothing for one and a half heartbeats is dead, whatever the browser believes. */
function watch() {
  clearTimeout(silence);
  silence = setTimeout(() => {
    if (waiting === undefined) again(backoff());
    stand("silent");
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
  let status;
  try {
    await get("/api/snapshot");
  } catch (error) {
    ({ refusal: is, status } = error);
  }
  if (standing.is !== "live") stand(is, status);
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
