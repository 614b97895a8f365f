// Requests to the service, with the function key where there is one.

const KEY_NAME = "boardcast.key";

/** The function key: from the page's fragment, which reaches no server, else the one that was kept. */
export function functionKey() {
  return keyOfAddress() ?? localStorage.getItem(KEY_NAME);
}

/** Keeps the key of the page's fragment: it has opened something, so it is no worse than the one that was kept before. */
export function keepKey() {
  const key = keyOfAddress();
  if (key !== null) localStorage.setItem(KEY_NAME, key);
}

// Not by URLSearchParams, which takes a plus for a blank: keys may have one.
function keyOfAddress() {
  const written = /[#&]key=([^&]+)/.exec(location.hash)?.[1];
  try {
    return written === undefined ? null : decodeURIComponent(written);
  } catch {
    return written;
  }
}

/** What is asked for by the page's own address: `?project=…&team=…`. */
export function filter() {
  const page = new URLSearchParams(location.search);
  return new URLSearchParams(["project", "team"].flatMap((name) => page.getAll(name).map((value) => [name, value])));
}

/** Fetches from the service, as JSON. Throws an error that says what was answered. */
export async function get(url) {
  const key = functionKey();
  const answer = await fetch(url, { headers: key ? { "x-functions-key": key } : {} });
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) {
    keepKey();
    return body;
  }
  const said = body.error ? `: ${body.error.message} ${body.error.remedy ?? ""}` : "";
  throw Object.assign(new Error(`the server answered ${answer.status}${said}`), { status: answer.status });
}

/** Where a board is fetched. */
export function boardUrl({ projectId, teamId }, more = {}) {
  return `/api/snapshot?${new URLSearchParams({ project: projectId, ...(teamId && { team: teamId }), ...more })}`;
}
