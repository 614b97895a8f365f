// A stream by a browser's EventSource, for where nothing else comes through. It sends no header and says no status.

import { answerOf, ask, shortened } from "./http.js";
import { STREAM } from "./openers.js";
import { DIRECTORY } from "./reducer.js";

/** Opens a stream as `openerOf` says. */
export async function openSource({ EventSource, fetch, url, headers, key, isOnline }, { query, lastEventId, signal, message, ended }) {
  if (signal.aborted) return;
  // A new source sends no header, so the position and the key go along as parameters.
  if (lastEventId) query.set("lastEventId", lastEventId);
  if (key()) query.set("code", key());
  // A source closes for good on any other status than 200.
  query.delete("shed");
  const source = new EventSource(`${url}${STREAM}?${query}`);
  signal.addEventListener("abort", () => source.close());
  let last = "";
  let hasBegun = false;
  source.onmessage = ({ data, lastEventId: id }) => {
    hasBegun = true;
    // A source repeats the last id with each message that has none.
    message(data, id === last ? undefined : id);
    last = id;
  };
  source.onerror = async () => {
    source.close();
    if (hasBegun) return ended();
    // It does not say why it was refused; another request may be told.
    try {
      const answer = await answerOf(await ask(fetch, url + DIRECTORY, { headers: await headers(), signal }));
      return answer.status === 200 && answer.text.startsWith("{") ? ended() : ended("refused", shortened(answer));
    } catch {
      return ended(isOnline() ? "unreachable" : "offline");
    }
  };
}
