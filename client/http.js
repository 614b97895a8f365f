// Requests to the service, and what an answer is that is none of the service's.

/** How much of what answers in the service's place is kept, in characters. */
const TEXT_MAX = 65_536;

/**
 * The address of a service without what ends it. Throws where nothing could ever be asked at it: a program of its own has no
 * page whose site it might be, unless it is given what fetches.
 */
export function serviceUrl(url, fetch) {
  const isOfPage = url === "" || /^[./]/.test(url);
  if (isOfPage ? globalThis.location || fetch : isAddress(url)) return url.replace(/\/$/, "");
  const lacks = isOfPage ? "there is no page whose site it would be" : "that is no address";
  throw new TypeError(`the option url is ${JSON.stringify(url)}, and ${lacks}: give the whole address of the service, such as "https://boards.example"`);
}

function isAddress(text) {
  try {
    return /^https?:\/\//i.test(text) && Boolean(new URL(text));
  } catch {
    return false;
  }
}

/** A request whose answer is no success. `answer` is what was answered, `null` where nothing was. */
export class RefusedError extends Error {
  constructor(message, answer) {
    super(message);
    this.name = "RefusedError";
    this.answer = answer;
  }
}

/**
 * Asks for an address. A redirect within the site is followed; where one leads elsewhere a page may not look, and the result
 * says `isElsewhere`. Throws where nothing answers.
 */
export async function ask(fetch, url, init) {
  const response = await fetch(url, { ...init, redirect: "manual" });
  const isRedirect = response.type === "opaqueredirect" || (response.status >= 300 && response.status < 400 && response.status !== 304);
  if (!isRedirect) return { response };
  // The service redirects nobody, so whatever does stands in front of it.
  try {
    return { response: await fetch(url, { ...init, redirect: "follow" }) };
  } catch {
    if (init.signal?.aborted) throw init.signal.reason;
    return { isElsewhere: true };
  }
}

/** What was answered, so that it can be told from other answers and handed on. */
export async function answerOf({ response, isElsewhere = false }) {
  if (isElsewhere) return { isElsewhere, status: 0, text: "", mediaType: "", challenge: "", retryAfterMs: 0 };
  const { status, headers } = response;
  const told = (name) => headers.get(name) ?? "";
  const retryAfterMs = 1000 * Number.parseInt(told("retry-after"), 10) || 0;
  const text = await response.text().catch(() => "");
  return { isElsewhere, status, text, mediaType: told("content-type"), challenge: told("www-authenticate"), retryAfterMs };
}

/** Fetches JSON. Throws a `RefusedError` where something else is answered, or nothing. */
export async function getJson(fetch, url, init) {
  let answer;
  try {
    answer = await answerOf(await ask(fetch, url, init));
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new RefusedError("the server cannot be reached", null);
  }
  const body = parsed(answer.text);
  if (answer.isElsewhere || answer.status < 200 || answer.status > 299 || body === undefined) {
    throw new RefusedError(`the server answered ${answer.status || "with a redirect to elsewhere"}`, shortened(answer));
  }
  return body;
}

/** An answer without what is too long to be kept. */
export function shortened(answer) {
  return { ...answer, text: answer.text.slice(0, TEXT_MAX) };
}

/** A text as JSON; `undefined` where it is none. */
export function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether an answer is of somebody who wants to know first who asks. */
export function isOfSignIn({ isElsewhere, status, text, mediaType }) {
  return isElsewhere || status === 401 || status === 403 || (/^text\/html/i.test(mediaType) && /<input\b[^>]*\bpassword\b/i.test(text));
}
