// "Why?": where a number comes from, item by item.

import { get } from "./api.js";
import { boardUrl } from "./boardcast.js";
import { made, table } from "./elements.js";
import { client } from "./live.js";
import { wordsOf } from "./titles.js";
import { amount, count, moment, person, sentences, weekday } from "./text.js";

/** An open explanation follows its board, and asks no more often than that. */
const FOLLOW_MS = 2000;

let asked = 0;

/** Opens the dialog, fetches the explanation of a metric, and fetches it again when the board has moved; one of the past does not. */
export async function explain(board, metric, name) {
  asked += 1;
  const question = asked;
  const dialog = document.getElementById("explanation");
  const body = dialog.querySelector("div");
  dialog.querySelector("h2").textContent = [name, board.team?.name ?? board.project.name].join(" · ");
  body.replaceChildren(paragraph("…"));
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
      parts = partsOf(await get(client, boardUrl(board, { explain: metric, ...board.moment })));
    } catch (error) {
      parts = [paragraph(sentences(`it cannot be told: ${error.message}`, ...(error.said ?? [])))];
    }
    if (question !== asked) return;
    const { scrollTop } = dialog;
    body.replaceChildren(...parts);
    dialog.scrollTop = scrollTop;
  }
}

function partsOf({ metric, value, unit, reason, definition, source, inputs = {}, counted = [], leftOut = [], history, dataAsOf, level, day, frozen }) {
  const named = ["percent", "hours", "days"].includes(unit) ? amount(value, unit) : `${amount(value)} ${unit}`;
  const words = value === null ? `No value: ${reason ?? "it cannot be computed now"}.` : named;
  const sure = [`after ${source}`, history === "partial" ? "not all of its history is known" : "", dataAsOf ? `as of ${moment(dataAsOf)}` : "", day ? `as of the end of ${weekday(day)}` : "", level && level !== "full" ? level : ""];
  const parts = [paragraph(words, "answer"), paragraph(definition), made("p", "facts", [`${sentences(...sure.filter(Boolean))} `, made("code", "", metric)])];
  if (frozen && frozen.value !== value) {
    parts.push(paragraph(`The board was kept on ${moment(frozen.at)} with ${frozen.value == null ? "no value" : amount(frozen.value, unit)}: what was told of its items since comes to another.`, "facts"));
  }
  const all = Object.entries(inputs);
  const given = all.filter(([, input]) => !isTable(input)).map(([name, input]) => `${heading(name)}: ${inWords(input)}`);
  if (given.length > 0) parts.push(paragraph(given.join(" · "), "facts"));
  for (const [name, rows] of all.filter(([, input]) => isTable(input))) parts.push(tableOf(name, rows));
  if (counted.length > 0) {
    parts.push(table(`Counted: ${count(counted.length, "item")}`, ["#", "Title", "Amount", "Why"], counted.map((item) => [item.id, item.title, amount(item.amount), item.why])));
  }
  if (leftOut.length > 0) {
    parts.push(table(`Left out: ${count(leftOut.length, "item")}`, ["#", "Title", "Rule"], leftOut.map((item) => [item.id, item.title, item.rule])));
  }
  return parts;
}

function isTable(input) {
  return Array.isArray(input) && input.length > 0 && input.every((row) => row !== null && typeof row === "object" && !Array.isArray(row));
}

/** Rows of objects as a table, with a column for each of their members. */
function tableOf(name, rows) {
  const heads = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  // A sprint has a name as well, which is no person's.
  const isWho = (head) => name === "members" && head === "name";
  return table(heading(name), heads.map(heading), rows.map((row) => heads.map((head) => inWords(isWho(head) ? person(row) : row[head]))));
}

function inWords(input) {
  if (input === null || input === undefined) return "–";
  if (typeof input === "number") return amount(input);
  if (Array.isArray(input)) return input.length === 0 ? "none" : input.map(inWords).join(", ");
  if (typeof input !== "object") return String(input);
  return Object.entries(input).map(([name, each]) => `${wordsOf(name)} ${inWords(each)}`).join(", ");
}

/** What an input, or a column of one, is called. */
function heading(name) {
  return wordsOf(name).replace(/^./, (first) => first.toUpperCase());
}

function paragraph(text, name = "") {
  return made("p", name, text);
}
