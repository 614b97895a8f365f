// Reads a stream with `@microsoft/fetch-event-source`, and prints the id and the data of each event.
import { EventStreamContentType, fetchEventSource } from "@microsoft/fetch-event-source";

const PAUSE_MAX_MS = 30_000;

let retryMs = 2000;
let failures = 0;
let retryAfterMs = 0;

// It is made for a page; outside of one these are all that it asks for.
globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };

await fetchEventSource(process.argv[2], {
  async onopen(answer) {
    retryAfterMs = 1000 * (Number(answer.headers.get("Retry-After")) || 0);
    // As its documentation shows.
    if (answer.ok && answer.headers.get("content-type") === EventStreamContentType) return;
    throw new Error(`${answer.status} was answered, and no stream`);
  },
  onmessage(message) {
    retryMs = message.retry ?? retryMs;
    // A block that tells a position alone is no event.
    if (message.data === "") return;
    failures = 0;
    console.log(`${message.id} ${message.data}`);
  },
  onclose() {
    throw new Error("the server ended the stream");
  },
  /** Twice as long after each failure, and never the same for all clients; never sooner than was asked for. */
  onerror() {
    const pauseMs = Math.min(PAUSE_MAX_MS, retryMs * 2 ** failures) * (0.75 + Math.random() / 2);
    failures += 1;
    return Math.max(pauseMs, retryAfterMs);
  },
});
