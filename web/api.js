// Requests to the service, with the function key where there is one.

const KEY_NAME = "boardcast.key";

/** The function key: from the page's fragment, which reaches no server, and kept from then on. */
export function functionKey() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key) localStorage.setItem(KEY_NAME, key);
  return localStorage.getItem(KEY_NAME);
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
  if (answer.ok) return body;
  const said = body.error ? `: ${body.error.message} ${body.error.remedy ?? ""}` : "";
  throw Object.assign(new Error(`the server answered ${answer.status}${said}`), { status: answer.status });
}

/** Where a board is fetched. */
export function boardUrl({ projectId, teamId }, more = {}) {
  return `/api/snapshot?${new URLSearchParams({ project: projectId, ...(teamId && { team: teamId }), ...more })}`;
}
