// Requests to the service, with the function key where there is one.

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
 * `unreachable`, `signed_out`, `no_key`, `key_refused`, `missing` or `failed`; with `said`, what the service says of it and
 * what to do.
 */
export async function get(url) {
  const key = functionKey();
  let answer;
  let body;
  try {
    // The service redirects nobody. A page to sign in may be on another site, where an answer could not even be read.
    answer = await fetch(url, { redirect: "manual", headers: key ? { "x-functions-key": key } : {} });
    body = await answer.json();
  } catch (error) {
    // An answer that is no JSON is one all the same.
    if (!(error instanceof SyntaxError) && answer?.type !== "opaqueredirect") {
      throw refused(navigator.onLine ? "unreachable" : "offline", "the server cannot be reached");
    }
  }
  const { status } = answer;
  if (answer.type === "opaqueredirect") throw refused("signed_out", "a redirect was answered, as to a page to sign in");
  if (answer.ok && status !== 204) {
    if (body === undefined) throw refused("signed_out", "something else than JSON was answered, such as a page to sign in");
    keepKey();
    return body;
  }
  const { message, remedy } = body?.error ?? {};
  const said = [message, remedy].filter((part) => typeof part === "string" && part !== "");
  const isPage = answer.headers.get("content-type")?.startsWith("text/html") === true;
  throw refused(refusalOf({ status, key, said, isPage }), `the server answered ${status}`, { status, said });
}

function refusalOf({ status, key, said, isPage }) {
  // Who explains an error is the service itself, which has no keys.
  if (said.length > 0) return "failed";
  // What asks for a key has nothing to show; a page is there for somebody to sign in.
  if ([401, 403].includes(status)) return isPage ? "signed_out" : key ? "key_refused" : "no_key";
  return [204, 404].includes(status) ? "missing" : "failed";
}

function refused(refusal, message, more = {}) {
  return Object.assign(new Error(message), { refusal, said: [], ...more });
}

/** Where a board is fetched. */
export function boardUrl({ projectId, teamId }, more = {}) {
  return `/api/snapshot?${new URLSearchParams({ project: projectId, ...(teamId && { team: teamId }), ...more })}`;
}
