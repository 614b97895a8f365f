// Reads a stream with `eventsource`, and prints the id and the data of each event.
import { EventSource } from "eventsource";

const PAUSE_MS = 2000;
const PAUSE_MAX_MS = 30_000;

let lastEventId = "";
let isHeard = false;
let failures = 0;
let retryAfterMs = 0;

function open() {
  const source = new EventSource(process.argv[2], {
    async fetch(address, options) {
      // A new source knows no id yet.
      const headers = { ...options.headers, ...(lastEventId && { "Last-Event-ID": lastEventId }) };
      const answer = await fetch(address, { ...options, headers });
      retryAfterMs = 1000 * (Number(answer.headers.get("Retry-After")) || 0);
      return answer;
    },
  });
  source.onmessage = (event) => {
    // One without an id leaves the last one as it is.
    lastEventId = event.lastEventId || lastEventId;
    [isHeard, failures] = [true, 0];
    console.log(`${event.lastEventId} ${event.data}`);
  };
  source.onerror = () => {
    // By itself it goes on after a lost connection, once it has waited for as long as `retry` said, and gives up for good
    // after any status but 200. It never waits longer, so only the first time is left to it.
    if (isHeard && source.readyState === source.CONNECTING) {
      isHeard = false;
      return;
    }
    source.close();
    setTimeout(open, pause());
  };
}

/** Twice as long after each failure, and never the same for all clients; never sooner than was asked for. */
function pause() {
  const pauseMs = Math.min(PAUSE_MAX_MS, PAUSE_MS * 2 ** failures) * (0.75 + Math.random() / 2);
  failures += 1;
  return Math.max(pauseMs, retryAfterMs);
}

open();
