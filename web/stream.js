// The stream: one EventSource at a time, one timer, and an honest word about how it stands.

import { filter, functionKey, get, keepKey } from "./api.js";
import { setServerTime } from "./text.js";

const RECONNECT_MS = 5000;
const SLACK_MS = 3000;

/** The events that are written for this connection, in the moment in which their timestamp says so. */
const WRITTEN_NOW = ["connected", "heartbeat", "closing"];

let receive;
let show;
let lastEventId = "";
let heartbeatMs = 30_000;
let silence;
let waiting;

/**
 * Opens the stream and keeps it open. `onEvent` is handed each event with its id, `onState` the state of the
 * connection (connecting, live, stale, ended) with words for it.
 */
export function open(onEvent, onState) {
  receive = onEvent;
  show = onState;
  addEventListener("online", reconnectNow);
  document.addEventListener("visibilitychange", reconnectNow);
  connect();
}

function connect() {
  waiting = undefined;
  show("connecting", "connecting");
  const source = new EventSource(endpoint());
  let ended = false;
  source.onmessage = (message) => {
    lastEventId = message.lastEventId || lastEventId;
    let event;
    try {
      event = JSON.parse(message.data);
    } catch (error) {
      console.warn("an event that is not JSON was passed over", error);
      return;
    }
    ended = event.type === "closing";
    if (WRITTEN_NOW.includes(event.type)) setServerTime(event.timestamp);
    if (event.type === "connected") {
      heartbeatMs = event.heartbeatMs;
      keepKey();
    }
    if (ended) show("ended", `the server ended the stream (${event.reason}); connecting anew`);
    else show("live", "live");
    // Whoever is shed is held in silence for as long as it should stay away.
    watch(source, ended ? event.reconnectAfterMs : 0);
    try {
      receive(event, message.lastEventId);
    } catch (error) {
      console.error("an event could not be shown", event, error);
    }
  };
  source.onerror = () => {
    if (!ended) show("connecting", "connection lost; trying again");
    // The browser reconnects by itself after a network error, but never after an HTTP error.
    if (source.readyState === EventSource.CLOSED) again(source).then(explainRefusal);
  };
  watch(source, 0);
}

// A connection that says nothing for one and a half heartbeats is dead, whatever the browser believes.
function watch(source, moreMs) {
  clearTimeout(silence);
  silence = setTimeout(() => {
    show("stale", "nothing was heard for a while; connecting anew");
    again(source);
  }, Math.max(1.5 * heartbeatMs, heartbeatMs + SLACK_MS) + moreMs);
}

async function again(source) {
  source.close();
  clearTimeout(silence);
  clearTimeout(waiting);
  waiting = setTimeout(connect, RECONNECT_MS * (0.5 + Math.random()));
}

/** Who comes back to the page, or to the network, does not wait for the timer. */
function reconnectNow() {
  if (waiting === undefined || document.hidden) return;
  clearTimeout(waiting);
  connect();
}

// An EventSource does not say why it was refused.
async function explainRefusal() {
  try {
    await get(`/api/snapshot?${filter()}`);
  } catch (error) {
    if (waiting === undefined || ![401, 403].includes(error.status)) return;
    show("connecting", "a function key is needed: open the page with #key=<function key> at the end of its address");
  }
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
