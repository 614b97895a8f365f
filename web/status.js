// How things stand, in words: with a board, with the connection, and with the page as a whole.

import { amount, count, duration, moment, sentences } from "./text.js";

/** Why a board is less than full, by the word that events have for it. */
const REASONS = {
  loading: "Azure DevOps is being read for the first time",
  journal: "the store does not answer",
  remembered: "nothing was heard of it since the start; its items are not known",
  unauthorised: "Azure DevOps refuses the token",
  forbidden: "Azure DevOps does not let the token read this",
  not_found: "Azure DevOps knows of no such organisation, project or team",
  throttled: "Azure DevOps asks to wait",
  timed_out: "Azure DevOps does not answer",
  server_error: "Azure DevOps answers with errors",
  unreadable: "what Azure DevOps answers cannot be understood",
  unsupported: "this Azure DevOps Server has no version of the API that is known here",
  team_field: "the team selects its work items by another field than the area path",
};

/** What whoever runs the service can do, where the event does not say it. */
const REMEDIES = {
  unauthorised: "check AZURE_DEVOPS_PAT, or the identity of boardcast",
  forbidden: "check the scopes of AZURE_DEVOPS_PAT, or what the identity of boardcast may read",
  not_found: "check BOARDCAST_ORGANIZATION_URL, and what AZURE_DEVOPS_PAT or the identity of boardcast may see",
};

const LEVELS = {
  cached: "Cached: the last known board.",
  mock: "Mock: nothing is known, and these are invented contents.",
  none: "Nothing is known, so no numbers are shown.",
};

/** What a level is called of some boards among others; the worst first. */
const WORST_FIRST = [
  ["none", "unavailable", "without numbers"],
  ["mock", "mock", "mock"],
  ["cached", "cached", "cached"],
  ["loading", "loading", "being read for the first time"],
];

const KEY_WANTED = "put #key=<function key> at the end of the page's address. Whoever runs boardcast has one";
const ASK = "if this stays, ask whoever runs this site";

/**
 * How the connection stands, by `is` of the stream: the word for it, the sentence, which goes on with what was answered
 * where that tells more, and what to do.
 */
const CONNECTIONS = {
  lost: ["disconnected", "The connection was lost"],
  cut: ["disconnected", "The server answers, but its stream of changes does not come through"],
  silent: ["disconnected", "Nothing was heard from the server"],
  stopped: ["disconnected", "The server was stopped"],
  unreachable: ["disconnected", "The server cannot be reached"],
  offline: ["disconnected", "This device is offline"],
  failed: ["disconnected", "The server answers with an error"],
  gateway: ["disconnected", "What stands in front of boardcast answers in its place", "it may be starting, or be stopped: whoever runs this site can tell"],
  missing: ["disconnected", "Nothing at this address knows of any boards", "ask whoever runs this site where they are"],
  page: ["disconnected", "Another page answers in place of the boards", ASK],
  empty: ["disconnected", "The answer to who asks for the boards is empty", ASK],
  unreadable: ["disconnected", "Something else than boards is answered", ASK],
  redirected: [
    "disconnected",
    "Who asks for the boards is sent to another address, where this page cannot follow",
    "if it is one to sign in, reload this page, and it leads there; if that does not help, ask whoever runs this site where the boards are",
  ],
  busy: ["busy", "The server has as many readers as it can take"],
  no_key: ["locked", "This page needs a function key", KEY_WANTED],
  key_refused: ["locked", "The function key was refused", KEY_WANTED],
  signed_out: ["locked", "You are signed out", "sign in, and the boards are here again"],
  challenged: [
    "locked",
    "This site asks for a login",
    "reload this page to be asked for it; where nothing asks, this browser may not log in here by itself: ask whoever runs this site",
  ],
  barred: ["refused", "The server refuses this request"],
  blocked: [
    "refused",
    "Something in front of boardcast refuses this request",
    "whoever runs this site can tell whether it is stopped, or lets in other accounts or networks only",
  ],
};

/** Of these what was answered tells more than the sentence. */
const WITH_ANSWER = ["failed", "gateway", "missing", "page", "empty", "unreadable", "challenged", "blocked"];

/** Why a board is less than full, in sentences; nothing when it is full. */
export function boardWords(board) {
  const level = board.mock ? "mock" : board.level;
  const past = pastWords(board);
  if (level !== "full") return sentences(LEVELS[level], ...outageWords(board), ...past);
  const waiting = board.reason ? [...outageWords(board), "What service hooks tell is shown as ever; the rest is compared later"] : [];
  return sentences(...waiting, ...past);
}

/** How far the past is read, while it is: until then lines and ages may lack something. */
function pastWords({ backfill }) {
  if (!backfill) return [];
  const { revisions: { read, of }, leftMs } = backfill;
  const all = of === null ? "" : ` of about ${amount(of)}`;
  const left = leftMs ? `, ${duration(leftMs)} left` : read === of ? "; what they do not tell is being asked for" : "";
  return [`The past of the sprint is being read: ${amount(read)}${all} revisions${left}`];
}

/**
 * The page as a whole: the worst of the connection and of all levels in a word and in sentences, and when something is tried
 * next. Where there is no board `organisation` is how the source stands. `asked` is what of the page's own filter no board is
 * of; `others` are the boards that there are, `null` until that is known, or the error of asking.
 */
export function pageStatus({ connection, isInDoubt, boards, loading, organisation, isStoreAway, others, asked }) {
  if (CONNECTIONS[connection.is]) return connectionStatus(connection, boards.length > 0);
  if (connection.is === "opening" && boards.length > 0) {
    return status("loading", "The server is asked for the boards. What is shown is as it was when it was last heard.");
  }
  if (isInDoubt) {
    return status("checking", "This device or this page slept, or the clock was set: the server is asked what is true now.");
  }
  const fallen = levelStatus(boards);
  if (fallen && fallen.word !== "loading") return fallen;
  if (connection.is === "opening" || loading === Infinity) return status("loading", "Loading the boards…");
  if (loading > 0) return status("loading", `Loading ${count(loading, "board")}…`);
  if (fallen) return fallen;
  if (boards.length > 0 && (asked.size === 0 || others === null)) return status("live", "");
  if (others === null) return status("loading", "Loading the boards…");
  if (others instanceof Error) {
    const words = [`no board is known of ${askedWords(asked)}`, `which there are cannot be told: ${others.message}`];
    return status("unknown", sentences(...words, ...(others.said ?? []), "they appear here by themselves, as soon as they are known"));
  }
  if (others.length > 0) return status("unknown", `No board is known of ${askedWords(asked)}. There are:`);
  if (organisation.level !== "full") return organisationStatus(organisation);
  if (isStoreAway) {
    return status("unavailable", sentences("No board can be shown: the store does not answer", "They appear here by themselves, as soon as it does"));
  }
  return status("live", "No board is known yet. One appears here by itself, as soon as Azure DevOps or a service hook tells of it.");
}

/** What the page's own filter asks for. */
function askedWords(filter) {
  const named = (noun) => {
    const all = filter.getAll(noun);
    const names = all.filter((name) => name.trim() !== "");
    const words = names.length === 0 ? [] : [`the ${noun}${names.length === 1 ? "" : "s"} ${names.join(", ")}`];
    if (names.length < all.length) words.push(`a ${noun} whose name is left empty in the page's address`);
    return words.length === 0 ? [] : [words.join(" or ")];
  };
  return [...named("team"), ...named("project")].join(" in ");
}

function connectionStatus({ is, answered, login = [], said = [], since, retryAt, polling }, hasBoards) {
  const [word, sentence, remedy] = CONNECTIONS[is];
  const asked = is === "challenged" && login.length > 0 ? `${sentence} by ${login.join(" or ")}` : sentence;
  const whole = WITH_ANSWER.includes(is) && answered ? `${asked}, ${answered}` : asked;
  // Before anything was ever live it is not known since when it is not.
  const words = [sinceWords(whole, since), ...said];
  if (remedy) words.push(remedy);
  if (hasBoards) words.push(polling ? "The boards are fetched every half minute meanwhile" : "What is shown is as it was then");
  return { ...status(word, sentences(...words)), retryAt };
}

/** Of some boards that are less than full: which level how many have. */
function levelStatus(boards) {
  const levels = boards.map(levelOf);
  const found = WORST_FIRST.filter(([level]) => levels.includes(level));
  if (found.length === 0) return null;
  const all = boards.length;
  const number = (level) => levels.filter((other) => other === level).length;
  const verb = (number) => (number === 1 ? "is" : "are");
  const [worst, word, words] = found[0];
  const some = number(worst) < all ? `${number(worst)} of ${count(all, "board")}` : all === 1 ? "The board" : `All ${count(all, "board")}`;
  const parts = found.map(([level, , words]) => `${number(level)} ${verb(number(level))} ${words}`);
  return status(word, found.length === 1 ? `${some} ${verb(number(worst))} ${words}.` : `Of ${count(all, "board")} ${parts.join(", ")}.`);
}

function levelOf({ mock, level, reason }) {
  if (mock) return "mock";
  return level === "none" && reason === "loading" ? "loading" : level;
}

function organisationStatus({ outage }) {
  const [reason, ...more] = outageWords(outage ?? {});
  const retryAt = outage?.retryAt ?? null;
  if (outage?.reason === "loading") {
    return { ...status("loading", sentences(reason, ...more, "Boards appear here by themselves, as soon as they are known")), retryAt };
  }
  const shown = reason ? `No board can be shown: ${reason}` : "No board can be shown";
  return { ...status("unavailable", sentences(shown, ...more)), retryAt };
}

function outageWords({ reason, since, retryAt, remedy, progress }) {
  if (!reason) return [];
  const words = [reason === "throttled" && retryAt ? `${REASONS[reason]} until ${moment(retryAt)}` : sinceWords(REASONS[reason] ?? reason, since)];
  if (progress) words.push(`It has ${count(progress.of, "work item")}`);
  const toDo = remedy ?? REMEDIES[reason];
  if (toDo) words.push(`For whoever runs boardcast: ${toDo}`);
  return words;
}

function sinceWords(words, since) {
  return since === null || since === undefined ? words : `${words} (since ${moment(since)})`;
}

function status(word, text) {
  return { word, text, retryAt: null };
}
