// Reads a stream as the documentation of `@microsoft/fetch-event-source` shows it, and prints the id and the data of each
// event.
import { fetchEventSource } from "@microsoft/fetch-event-source";

// It is made for a page; outside of one these are all that it asks for.
globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };

class RetriableError extends Error {}

await fetchEventSource(process.argv[2], {
  onmessage(message) {
    // A block that tells a position alone is no event.
    if (message.data === "") return;
    JSON.parse(message.data);
    console.log(`${message.id} ${message.data}`);
  },
  onclose() {
    throw new RetriableError();
  },
  onerror() {
    // It tries again.
  },
});
