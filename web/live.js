// The page's own client: it keeps the boards that the page's address asks for.

import { filter, functionKey } from "./api.js";
import { cacheStorage, connect } from "./boardcast.js";

export const client = connect({
  project: filter().getAll("project"),
  team: filter().getAll("team"),
  key: functionKey,
  // Boards of before are shown, with their age, until the server is heard. Browsers keep none for addresses that are not secure.
  storage: hasCaches() ? cacheStorage() : null,
});

/** Whether the server is heard, by its stream or because it is asked. */
export function isHeard() {
  const { reason, polling } = client.state;
  return reason === "live" || polling;
}

// In a frame of another site merely to look may be refused.
function hasCaches() {
  try {
    return Boolean(globalThis.caches);
  } catch {
    return false;
  }
}
