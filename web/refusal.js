// What an answer is that is no board: of the service, of the host in front of it, of a proxy, of a page to sign in. Only what
// the answer itself shows is claimed.

/** How much of a page's own words is repeated. */
const WORDS_MAX = 120;

/** Addresses by which people sign in, as forms lead to them: `/login`, `/oauth2/start`, `/adfs/ls`. */
const TO_SIGN_IN = /(^|[/._-])(log-?[io]n|sign-?[io]n|sso|saml2?|oauth2?|openid|adfs|authorize|auth)([/._?-]|$)/i;

/** What somebody who is signed out is shown: to write a secret, or a form that leads to who asks for it. */
const SIGN_IN_FIELDS = "input[type=password i], input[name=SAMLRequest i]";

/**
 * Why an answer is no board, as an error: `refusal` is `signed_out`, `redirected`, `no_key`, `key_refused`, `challenged`,
 * `barred`, `blocked`, `page`, `empty`, `unreadable`, `missing`, `gateway` or `failed`; `answered` is the status with the
 * page's own words, or the schemes of the login that is asked for; `said` what the service says of it and what to do, and `code`
 * what programs know that by; `retryAfterMs` for how long whoever answered asks to be left in peace.
 */
export function refusalOf(answer, key) {
  const { isElsewhere, isSignedOut, status, body } = answer;
  if (isElsewhere) {
    const told = "who asks is sent to another address";
    return refused(isSignedOut ? "signed_out" : "redirected", told, {});
  }
  const { code, message, remedy } = body?.error ?? {};
  if (code === "signed_out") return refused("signed_out", "who asks is not signed in", {});
  const said = [message, remedy].filter((part) => typeof part === "string" && part !== "");
  const page = pageOf(answer);
  // The status is told anyway.
  const words = page ? wordsOf(page).replace(new RegExp(`^${status}\\b[\\s:–-]*`), "") : "";
  const answered = words === "" ? `${status}` : `${status} “${words}”`;
  const { retryAfterMs } = answer;
  return refused(kindOf(answer, key, page, said), `the server answered ${answered}`, { answered, said, code, login: schemesOf(answer), retryAfterMs });
}

/** An error with its `refusal`. */
export function refused(refusal, message, more = {}) {
  return Object.assign(new Error(message), { refusal, said: [], ...more });
}

function kindOf({ status, text, challenge }, key, page, said) {
  // Who explains an error is the service itself; what it explains of a refusal no sign-in and no waiting mends.
  if (said.length > 0) return status === 403 ? "barred" : "failed";
  if ([502, 503, 504].includes(status)) return "gateway";
  if (status === 404) return "missing";
  if (status >= 300 && ![401, 403].includes(status)) return "failed";
  // App Service, where it is set to answer rather than to redirect.
  if (status === 401 && /authorization_uri=/i.test(challenge)) return "signed_out";
  if (page && isToSignIn(page)) return "signed_out";
  // The Functions host asks for its key with a status and nothing else.
  if (status === 401) return page || schemesOf({ challenge }).length > 0 ? "challenged" : key ? "key_refused" : "no_key";
  if (status === 403) return "blocked";
  if (text.trim() === "") return "empty";
  return page ? "page" : "unreadable";
}

function pageOf({ mediaType, text }) {
  if (!/^(text\/html|application\/xhtml\+xml)\b/i.test(mediaType) || text.trim() === "") return null;
  // Nothing of it is run or loaded.
  return new DOMParser().parseFromString(text, "text/html");
}

function isToSignIn(page) {
  if (page.querySelector(SIGN_IN_FIELDS)) return true;
  const refresh = page.querySelector("meta[http-equiv=refresh i]")?.getAttribute("content") ?? "";
  const addresses = [...page.querySelectorAll("form[action]")].map((form) => form.getAttribute("action"));
  return [...addresses, refresh.replace(/^[^=]*=/, "")].some((address) => TO_SIGN_IN.test(pathOf(address)));
}

/** The path of an address, which may be relative: a host such as `auth.example` may be anybody's. */
function pathOf(address) {
  return address.trim().replace(/^["']?(https?:)?\/\/[^/]*/i, "").replace(/[?#].*/, "");
}

/** What a page says of itself: its title, and its heading where that says more. */
function wordsOf(page) {
  const [title, heading] = ["title", "h1"].map((name) => page.querySelector(name)?.textContent.replace(/\s+/g, " ").trim().replace(/\.$/, "") ?? "");
  const words = [title, title.includes(heading) ? "" : heading].filter(Boolean).join(": ");
  return words.length > WORDS_MAX ? `${words.slice(0, WORDS_MAX).trimEnd()}…` : words;
}

/** The schemes of a login that no key and no page serves: `Negotiate`, `NTLM`, `Basic`. */
function schemesOf({ challenge }) {
  const schemes = [...challenge.matchAll(/(?:^|,)\s*([a-z][a-z\d-]*)(?=\s*(?:,|$)|\s+[^\s=,])/gi)].map(([, scheme]) => scheme);
  return schemes.filter((scheme) => !/^bearer$/i.test(scheme));
}
