// The page's own client: it keeps the boards that the page's address asks for.

import { filter, functionKey } from "./api.js";
import { cacheStorage, connect } from "./boardcast.js";

export const client = connect({
  project: filter().getAll("project"),
  team: filter().getAll("team"),
  key: functionKey,
  // Boards of before are shown, with their age, until the server is heard. Browsers keep none for addresses that are not secure.
  storage: globalThis.caches ? cacheStorage() : null,
});
