// "Why?": where a number comes from, item by item.

import { get } from "./api.js";
import { boardUrl } from "./boardcast.js";
import { made, table } from "./elements.js";
import { client } from "./live.js";
import { headOf, inOrder } from "./titles.js";
import { amount, count, days, moment, person, sentences, weekday } from "./text.js";

/** An open explanation follows its board, and asks no more often than that. */
const FOLLOW_MS = 2000;

/** What only who computes a number again asks for. */
const TECHNICAL = ["runs", "seed"];

/** Tables of inputs: what they tell, and what their first column is. */
const TABLES = { members: ["Who can work how long", "Who"], sprints: ["The last finished sprints", "Sprint"] };

/** Inputs that are too long to be listed, or need other words than their name and their value. */
const SAID = {
  "cycle.p85": (value) => `${headOf("cycle.p85")}: ${amount(value, "days")}`,
  zone: (name) => `Days begin and end by the clock of ${name.replaceAll("_", " ")}`,
  effortField: (name) => `Effort is read from the field ${name}`,
  completedPerDay: (items) => `The forecast draws from ${spread(items)}`,
  days: (all) => `Looked at ${spread(all.map(({ items }) => items), all.length > 0 ? `, ${days(all[0].date, all.at(-1).date)},` : "")}`,
};

/** No number of items or hours is as large; instants are, in milliseconds. */
const FIRST_INSTANT = 1e12;

let asked = 0;

/** Explains a metric in the dialog, and anew when the board has moved; one of the past does not. */
export async function explain(board, metric, name) {
  asked += 1;
  const question = asked;
  const dialog = document.getElementById("explanation");
  const body = dialog.querySelector("div");
  dialog.querySelector("h2").textContent = [name, board.when, board.team?.name ?? board.project.name].filter(Boolean).join(" · ");
  body.replaceChildren(paragraph("…"));
  // It covers the board, so it has the board's mark.
  dialog.toggleAttribute("data-demo", Boolean(board.demo));
  dialog.dataset.level = board.mock ? "mock" : "";
  dialog.showModal();
  let of = board;
  await answer();
  const following = setInterval(() => {
    if (question !== asked || !dialog.open) return clearInterval(following);
    const now = board.moment ? of : client.getState().boards[board.key];
    if (!now || now === of) return undefined;
    of = now;
    return answer();
  }, FOLLOW_MS);

  async function answer() {
    let parts;
    try {
      parts = partsOf(await get(client, boardUrl(board, { explain: metric, ...board.moment })), board.moment?.since);
    } catch (error) {
      const why = error.code === "unknown_metric" ? ["this board does not have that number now"] : [error.message, ...(error.said ?? [])];
      parts = [paragraph(sentences(`it cannot be told: ${why[0]}`, ...why.slice(1)))];
    }
    if (question !== asked) return;
    const { scrollTop } = dialog;
    body.replaceChildren(...parts);
    dialog.scrollTop = scrollTop;
  }
}

function partsOf(answer, since) {
  const { metric, value, unit, definition, source, inputs = {}, history, dataAsOf, level, day, demo } = answer;
  const reason = answer.reason ?? "it cannot be computed now";
  const tasks = metric === "items.blocked" && inputs.tasks ? ` and ${count(inputs.tasks, "task")}` : "";
  const sure = [sourceWords(source), history === "partial" ? "not all of its history is known" : "", ...(since ? [`as of ${moment(Number(since))}`] : [dataAsOf ? `as of ${moment(dataAsOf)}` : "", day ? `as of the end of ${weekday(day)}` : ""]), level && level !== "full" ? level : "", demo ? "DEMO: the organisation behind it is simulated" : ""];
  const parts = [paragraph(value === null ? sentences(`no value: ${settingLast(reason)}`) : named(value, unit) + tasks, "answer"), paragraph(definition), paragraph(sentences(...sure.filter(Boolean)), "facts")];
  if (answer.partial) parts.push(paragraph(sentences(answer.partial), "facts"));
  if (answer.frozen && answer.frozen.value !== value) {
    const { at, value: kept } = answer.frozen;
    parts.push(paragraph(`The board was kept on ${moment(at)} with ${kept == null ? "no value" : amount(kept, unit)}: what was told of its items since comes to another.`, "facts"));
  }
  const told = inOrder(Object.keys(inputs)).filter((name) => !isLeftOut(name, inputs[name]));
  const given = told.filter((name) => !TECHNICAL.includes(name) && !isTable(name, inputs[name]));
  if (given.length > 0) parts.push(paragraph(given.map((name) => fact(name, inputs[name])).join(" · "), "facts"));
  for (const name of told) if (isTable(name, inputs[name])) parts.push(tableOf(name, inputs[name]));
  parts.push(...itemsOf(answer));
  // For who wants to compute it again, or to ask for it by a program.
  const technical = TECHNICAL.filter((name) => told.includes(name)).map((name) => `${fact(name, inputs[name])} · `);
  parts.push(made("p", "facts technical", [...technical, "For programs: ", made("code", "", metric)]));
  return parts;
}

/** The items that count, each with what it counts as, unless each counts as one; and those that do not. */
function itemsOf({ metric, unit, counted = [], leftOut = [] }) {
  const isEachOne = (["items", "bugs"].includes(unit) || metric.startsWith("forecast.")) && counted.every((item) => item.amount === 1);
  const head = unit === "percent" ? "Amount" : unit.replace(/^./, (first) => first.toUpperCase());
  const parts = [];
  if (counted.length > 0) {
    const row = ({ id, title, amount: by, why }) => [id, title, ...(isEachOne ? [] : [amount(by)]), why];
    parts.push(table(`Counted: ${count(counted.length, "item")}`, ["#", "Title", ...(isEachOne ? [] : [head]), "Why"], counted.map(row)));
  }
  if (leftOut.length > 0) {
    parts.push(table(`Left out: ${count(leftOut.length, "item")}`, ["#", "Title", "Rule"], leftOut.map((item) => [item.id, item.title, item.rule])));
  }
  return parts;
}

/** Who defines a number: `Azure DevOps, Set sprint capacity` is by the definition of the one in the other. */
function sourceWords(source) {
  const [, who, where] = /^([^,;]+), ([^;]+)$/.exec(source) ?? [];
  return who ? `by the definition of ${who} in “${where}”` : `by ${source.replace(/^Common\b/, "common")}`;
}

/** A reason in plain words first: which setting changes it is for who runs the service. */
function settingLast(reason) {
  return reason.replace(/ \((BOARDCAST_\w+)\)\.?$/, ". Whoever runs this service changes that with $1");
}

function named(value, unit) {
  return ["percent", "hours", "days"].includes(unit) ? amount(value, unit) : count(value, unit.replace(/s$/, ""));
}

/** What the tables below say as well, what is told above, and what says nothing. */
function isLeftOut(name, input) {
  return input === null || name === "counted" || (name === "graceDays" && input === 0);
}

function isTable(name, input) {
  return !Object.hasOwn(SAID, name) && Array.isArray(input) && input.length > 0 && input.every((row) => row !== null && typeof row === "object" && !Array.isArray(row));
}

/** Rows of objects as a table: who or what they are of first, then their members. */
function tableOf(name, rows) {
  const [caption, first] = TABLES[name] ?? [headOf(name), "Name"];
  const flat = rows.map(flattened);
  const all = new Set(flat.flatMap((row) => Object.keys(row)));
  const heads = inOrder([...all].filter((head) => !["id", "name"].includes(head)));
  const nameOf = (row) => (name === "members" ? person(row) : inWords(row.name));
  return table(caption, [...(all.has("name") ? [first] : []), ...heads.map(headOf)], flat.map((row) => [...(all.has("name") ? [nameOf(row)] : []), ...heads.map((head) => inWords(row[head]))]));
}

/** `{ ado: { incomplete: 0 } }` as `{ "ado.incomplete": 0 }`. */
function flattened(row) {
  const isGroup = (each) => each !== null && typeof each === "object" && !Array.isArray(each);
  return Object.fromEntries(Object.entries(row).flatMap(([name, each]) => (isGroup(each) ? Object.entries(each).map(([inner, value]) => [`${name}.${inner}`, value]) : [[name, each]])));
}

/** An input in words: its name and its value. */
function fact(name, input) {
  return Object.hasOwn(SAID, name) ? SAID[name](input) : `${headOf(name)}: ${inWords(input)}`;
}

function inWords(input) {
  if (input === null || input === undefined) return "–";
  if (typeof input === "number") return input >= FIRST_INSTANT ? moment(input) : amount(input);
  if (Array.isArray(input)) return input.length === 0 ? "none" : input.map(inWords).join(", ");
  if (typeof input !== "object") return /^\d{4}-\d\d-\d\d$/.test(input) ? weekday(input) : String(input);
  return Object.entries(input).map(([name, each]) => `${headOf(name).toLowerCase()} ${inWords(each)}`).join(", ");
}

/** What was completed on so many days, summed up: which of them it was says nothing, how often which number came does. */
function spread(items, when = "") {
  const times = new Map();
  for (const each of items.toSorted((one, other) => one - other)) times.set(each, (times.get(each) ?? 0) + 1);
  const sum = items.reduce((sum, each) => sum + each, 0);
  const parts = [...times].map(([each, often]) => `${each === 0 ? "none" : amount(each)} on ${amount(often)}`);
  return `${count(items.length, "working day")}${when} with ${count(sum, "item")} completed (${parts.join(", ")})`;
}

function paragraph(text, name = "") {
  return made("p", name, text);
}
