// How a stream is opened: by fetch, which sends headers and sees what is answered, or by a browser's EventSource.

import { answerOf, ask, shortened } from "./http.js";
import { parser } from "./sse.js";

/** Where the stream is. */
export const STREAM = "/api/sse/dashboard";

/** Returns the function that opens a stream by `transport`, and tells what comes of it until its `signal` says to stop. */
export function openerOf(options) {
  if (options.transport !== "eventsource") return (stream) => openFetch(options, stream);
  return async (stream) => (await import("./source.js")).openSource(options, stream);
}

async function openFetch({ fetch, url, headers, isOnline }, { query, lastEventId, signal, message, position, retry, ended }) {
  let response;
  try {
    const given = { accept: "text/event-stream", ...(await headers()), ...(lastEventId && { "last-event-id": lastEventId }) };
    const init = { headers: given, cache: "no-store", signal };
    const answer = await ask(fetch, `${url}${STREAM}?${query}`, init);
    const type = answer.response?.headers.get("content-type") ?? "";
    if (answer.response?.status !== 200 || !/^text\/event-stream\b/i.test(type)) {
      return ended("refused", shortened(await answerOf(answer)));
    }
    response = answer.response;
  } catch {
    return ended(isOnline() ? "unreachable" : "offline");
  }
  const feed = parser({ onMessage: message, onId: position, onRetry: retry });
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      feed(decoder.decode(value, { stream: true }));
    }
  } catch {
    // What ends a stream in the middle is told by what follows.
  }
  ended(isOnline() ? undefined : "offline");
}
