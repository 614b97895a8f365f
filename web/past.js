// The past of a board: any day of the sprint, and each sprint before it, as the service tells them.

import { get } from "./api.js";
import { boardUrl, fromSnapshot } from "./boardcast.js";
import { made, whyButton } from "./elements.js";
import { client } from "./live.js";
import { pastSprints } from "./sections.js";
import { headOf } from "./titles.js";
import { amount, dated, moment, sentences, weekday } from "./text.js";

/**
 * The moments to choose from, as options: now, the days of the sprint so far, the sprints before, and the days of that which is
 * shown.
 */
export function moments(board, then = board) {
  const now = made("option", "", "Now");
  now.value = "";
  const ended = daysOf(board).slice(0, -1).toReversed().map(ending);
  const isOther = then.sprint?.id !== board.sprint?.id;
  const others = isOther ? (then.burndown?.days ?? []).toReversed().map(ending) : [];
  const before = pastSprints(board).toReversed().map(({ id, name }) => option(`sprint=${id}`, name));
  return [now, ...groupOf("Days of this sprint", ended), ...groupOf(`Days of ${then.sprint?.name}`, others), ...groupOf("Sprints before", before)];
}

/** The days of a sprint so far. */
function daysOf({ burndown }) {
  return (burndown?.days ?? []).filter(({ remaining }) => remaining !== undefined);
}

/** Whether that moment is not over, so that it is the board of now. */
export function isNow(board, { sprint, day }) {
  return sprint?.id === board.sprint?.id && day === daysOf(board).at(-1)?.date;
}

/** The board as it was: by `day=<date>` or `sprint=<id>`. Throws as `get` does. */
export async function boardOf(board, moment) {
  const [name, value] = moment.split("=");
  const answer = await get(client, boardUrl(board, { [name]: value }));
  const [then] = Object.values(fromSnapshot({ level: board.level, ...answer }).boards);
  const on = weekday(answer.day);
  const when = answer.review ? then.sprint?.name : `end of ${on}`;
  return { ...then, key: board.key, demo: board.demo, then: on, moment: { [name]: value }, when, day: answer.day, review: answer.review, frozen: answer.frozen, asOf: answer.asOf };
}

/** What moment is shown, in words, and how sure it is. */
export function momentWords({ day, sprint, review, frozen, history }) {
  // The team's day: when it ended may be another one where whoever looks is.
  const words = [review ? `${sprint?.name ?? "The sprint"} as it ended on ${weekday(day)}` : `As it was at the end of ${weekday(day)}`];
  if (frozen) words.push(`kept since ${moment(frozen.at)}`);
  if (history === "partial") words.push("not all of its history is known");
  return `${words.join("; ")}. Titles and people are those of now.`;
}

/** Why a moment cannot be shown. What the service advises is for programs; whoever looks has a list to choose from. */
export function refusedWords(asked, { code, message, said = [] }, next = []) {
  const [, name, value] = /^(\w+)=(.*)$/s.exec(asked);
  const [why = ""] = said;
  const when = name === "day" ? "day" : "sprint";
  if (/still being read/.test(why)) return "What was then is still being read. Try again in a few minutes.";
  if (code === "archive_away") return "What was kept of that sprint cannot be read now. Try again in a minute.";
  if (code === "malformed_past" && when === "day") return `“${value}” is no day. Choose one from the list.`;
  if (code === "no_past" && /yet to come/.test(why)) return `That ${when} is yet to come.`;
  if (code === "no_past" && /between two sprints/.test(why)) return "The team is between two sprints. Choose one that is over.";
  if (code === "no_past" && when === "day") return `What was on ${dated(value)} is not known: what is known of this board begins later.`;
  if (code === "no_past" && /before the past/.test(why)) return "What was in that sprint is not known: what is known of this board begins later.";
  if (["malformed_past", "no_past"].includes(code)) return "This team has no such sprint. Choose one from the list.";
  return sentences(`that moment cannot be shown: ${message}`, ...said, ...next);
}

/** What of a sprint's numbers stands in its review beside what it came to, with the names in a tile and alone. */
const BESIDE = [
  ["scope.added", "Added", "Scope added"],
  ["items.carried_over", "Carried in", "Items carried over"],
];

/** What a sprint came to, for its review. */
export function reviewWords({ review, metrics }) {
  if (!review) return [];
  const { unit, planned, completed, late, incomplete, sayDo } = review;
  const words = Object.entries({ planned, completed, late, incomplete }).map(([name, value]) => reviewTile(`review.${name}`, headOf(name), amount(value), `${unit} `));
  if (sayDo !== undefined) words.push(reviewTile("review.say_do", "Say/do", amount(sayDo, "percent"), ""));
  for (const [metric, name, whole] of BESIDE) {
    const { value = null, unit: of } = metrics[metric] ?? {};
    if (value !== null) words.push(reviewTile(metric, name, amount(value), `${of} `, whole));
  }
  const left = (metrics[`${unit}.remaining`] ?? metrics["items.remaining"])?.value ?? Infinity;
  const moved = left < incomplete ? [made("p", "facts", `${left > 0 ? "Some of what" : "What"} was not completed was moved on before the sprint ended, so the other numbers count it no more.`)] : [];
  return [made("h3", "", "Review"), made("dl", "tiles", words), ...moved];
}

function reviewTile(metric, name, value, unit, whole = name) {
  const number = made("dd", "amount", value);
  // A tile's letters are as large as there is room for so many.
  number.style.setProperty("--letters", value.length);
  return made("div", "tile", [made("dt", "", name), number, made("dd", "of", [unit, whyButton(metric, whole)])]);
}

function ending({ date }) {
  return option(`day=${date}`, `End of ${weekday(date)}`);
}

function option(value, text) {
  const entry = made("option", "", text);
  entry.value = value;
  return entry;
}

function groupOf(label, options) {
  if (options.length === 0) return [];
  const group = made("optgroup", "", options);
  group.label = label;
  return [group];
}
