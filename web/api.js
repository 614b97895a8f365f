// Requests to the service, with the function key where there is one.

import { refusalOf, refused } from "./refusal.js";

const KEY_NAME = "boardcast.key";
const KEY_OF_ADDRESS = /(?<=[#&])key=([^&]+)&?/;

/** The function key: from the page's fragment, which reaches no server, else the one that was kept. */
export function functionKey() {
  return keyOfAddress() ?? localStorage.getItem(KEY_NAME);
}

/**
 * Keeps the key of the page's fragment: it has opened something, so it is no worse than the one that was kept before.
 * From the address it goes, where everybody who passes by would read it.
 */
export function keepKey() {
  const key = keyOfAddress();
  if (key === null) return;
  localStorage.setItem(KEY_NAME, key);
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

/** The page's own address without its fragment; a relative one would be taken relative to its files. */
export function pageAddress(search = location.search) {
  return location.pathname + search;
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
export async function get(url) {
  const key = functionKey();
  let answer;
  try {
    // The service redirects nobody, and where a redirect leads to is told to no page.
    answer = await ask(url, key, "manual");
  } catch {
    throw refused(navigator.onLine ? "unreachable" : "offline", "the server cannot be reached");
  }
  if (answer.isRedirect) answer = await follow(url, key);
  if (answer.body === undefined || answer.status < 200 || answer.status > 299) throw refusalOf(answer, key);
  keepKey();
  return answer.body;
}

async function ask(url, key, redirect) {
  const answer = await fetch(url, { mode: "same-origin", redirect, headers: key ? { "x-functions-key": key } : {} });
  if (answer.type === "opaqueredirect") return { isRedirect: true };
  const { status, headers } = answer;
  const text = await answer.text();
  const told = (name) => headers.get(name) ?? "";
  const retryAfterMs = 1000 * Number.parseInt(told("retry-after"), 10) || 0;
  return { status, text, body: parsed(text), mediaType: told("content-type"), challenge: told("www-authenticate"), retryAfterMs };
}

/** Within the site a redirect is followed; elsewhere no page may look, so there it is asked whether anybody is signed in. */
async function follow(url, key) {
  try {
    return await ask(url, key, "follow");
  } catch {
    return { isElsewhere: true, isSignedOut: await isSignedOut() };
  }
}

/** What App Service's own sign-in says, at an address that nobody else has. */
async function isSignedOut() {
  try {
    const { status, body } = await ask("/.auth/me", null, "manual");
    return status === 401 || (status === 200 && Array.isArray(body) && body.length === 0);
  } catch {
    return false;
  }
}

/** An answer that is no JSON is one all the same. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The boards that there are. Throws as `get` does, and where something else is answered. */
export async function thoseThereAre() {
  const answer = await get("/api/snapshot");
  if (!Array.isArray(answer?.scopes)) throw refused("unreadable", "the server answered something else than boards", { answered: "200" });
  return answer.scopes;
}

/** Where a board is fetched. */
export function boardUrl({ projectId, teamId }, more = {}) {
  return `/api/snapshot?${new URLSearchParams({ project: projectId, ...(teamId && { team: teamId }), ...more })}`;
}
