// What the page asks the service for, by its address, and with the function key where there is one.

import { parsed } from "./http.js";
import { keep, kept } from "./kept.js";
import { refusalOf, refused } from "./refusal.js";

const KEY_NAME = "boardcast.key";
const KEY_OF_ADDRESS = /(?<=[#&])key=([^&]+)&?/;

/** The function key: from the page's fragment, which reaches no server, else the one that was kept. */
export function functionKey() {
  return keyOfAddress() ?? kept(KEY_NAME);
}

/**
 * Keeps the key of the page's fragment: it has opened something, so it is no worse than the one that was kept before.
 * From the address it goes, where everybody who passes by would read it.
 */
export function keepKey() {
  const key = keyOfAddress();
  if (key === null) return;
  keep(KEY_NAME, key);
  const rest = location.hash.replace(KEY_OF_ADDRESS, "").replace(/[#&]$/, "");
  history.replaceState(history.state, "", pageAddress() + rest);
}

// Not by URLSearchParams, which takes a plus for a blank: keys may have one.
function keyOfAddress() {
  const written = KEY_OF_ADDRESS.exec(location.hash)?.[1];
  try {
    return written === undefined ? null : decodeURIComponent(written);
  } catch {
    return written;
  }
}

/**
 * The page's own address without its fragment; a relative one would be taken relative to its files. Whoever asked for initials
 * is shown no names by the next link.
 */
export function pageAddress(search = location.search) {
  const names = new URLSearchParams(location.search).get("names");
  const query = new URLSearchParams(search);
  if (names === null || query.has("names")) return location.pathname + search;
  query.set("names", names);
  return `${location.pathname}?${query}`;
}

/** Where the page of one board alone is, by the names or ids of its project and team. */
export function boardAddress(project, team) {
  return pageAddress(`?${new URLSearchParams({ project, ...(team && { team }) })}`);
}

/** What is asked for by the page's own address: `?project=…&team=…`. */
export function filter() {
  const page = new URLSearchParams(location.search);
  return new URLSearchParams(["project", "team"].flatMap((name) => page.getAll(name).map((value) => [name, value])));
}

/**
 * Fetches from the service, as JSON. Throws an error that says what was answered, with `refusal`: `offline`,
 * `unreachable`, or one of `refusalOf`.
 */
export async function get(client, path) {
  let answer;
  try {
    answer = await client.get(path);
  } catch (error) {
    throw await refusedBy(error.answer);
  }
  keepKey();
  return answer;
}

/** Why something else was answered, as an error. `answer` is `null` where nothing was. */
export async function refusedBy(answer) {
  if (!answer) return refused(navigator.onLine ? "unreachable" : "offline", "the server cannot be reached");
  const isNobody = answer.isElsewhere && (await isSignedOut());
  return refusalOf({ ...answer, body: parsed(answer.text), isSignedOut: isNobody }, functionKey());
}

/** What App Service's own sign-in says, at an address that nobody else has. */
async function isSignedOut() {
  try {
    const answer = await fetch("/.auth/me", { redirect: "manual" });
    const body = parsed(await answer.text());
    return answer.status === 401 || (answer.status === 200 && Array.isArray(body) && body.length === 0);
  } catch {
    return false;
  }
}

/** The boards that there are. Throws as `get` does, and where something else is answered. */
export async function thoseThereAre(client) {
  const answer = await get(client, "/api/snapshot");
  if (!Array.isArray(answer?.scopes)) throw refused("unreadable", "the server answered something else than boards", { answered: "200" });
  return answer.scopes;
}
