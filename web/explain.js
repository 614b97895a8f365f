// "Why?": where a number comes from, item by item.

import { get } from "./api.js";
import { boardUrl } from "./boardcast.js";
import { client } from "./live.js";
import { amount, count, sentences } from "./text.js";

let asked = 0;

/** Opens the dialog and fetches the explanation of a metric. */
export async function explain(board, metric, name) {
  asked += 1;
  const question = asked;
  const dialog = document.getElementById("explanation");
  const body = dialog.querySelector("div");
  dialog.querySelector("h2").textContent = [name, board.team?.name ?? board.project.name].join(" · ");
  body.replaceChildren(paragraph("…"));
  dialog.showModal();
  let parts;
  try {
    parts = partsOf(await get(client, boardUrl(board, { explain: metric })));
  } catch (error) {
    parts = [paragraph(sentences(`it cannot be told: ${error.message}`, ...(error.said ?? [])))];
  }
  if (question === asked) body.replaceChildren(...parts);
}

function partsOf({ metric, value, unit, reason, definition, source, inputs = {}, counted = [], leftOut = [], history }) {
  const named = ["percent", "hours", "days"].includes(unit) ? amount(value, unit) : `${amount(value)} ${unit}`;
  const words = value === null ? `No value: ${reason ?? "it cannot be computed now"}.` : named;
  const parts = [
    paragraph(words, "answer"),
    paragraph(definition),
    paragraph(`${metric}, after ${source}.${history === "partial" ? " Not all of its history is known." : ""}`, "facts"),
  ];
  const given = Object.entries(inputs).map(([input, given]) => `${input}: ${given ?? "–"}`);
  if (given.length > 0) parts.push(paragraph(given.join(" · "), "facts"));
  if (counted.length > 0) {
    parts.push(table(`Counted: ${count(counted.length, "item")}`, ["#", "Title", "Amount", "Why"], counted.map((item) => [item.id, item.title, amount(item.amount), item.why])));
  }
  if (leftOut.length > 0) {
    parts.push(table(`Left out: ${count(leftOut.length, "item")}`, ["#", "Title", "Rule"], leftOut.map((item) => [item.id, item.title, item.rule])));
  }
  return parts;
}

function paragraph(text, name = "") {
  const made = document.createElement("p");
  made.className = name;
  made.textContent = text;
  return made;
}

function table(caption, heads, rows) {
  const made = document.createElement("table");
  made.createCaption().textContent = caption;
  const head = made.createTHead().insertRow();
  for (const text of heads) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = text;
    head.append(cell);
  }
  const body = made.createTBody();
  for (const texts of rows) {
    const row = body.insertRow();
    for (const text of texts) row.insertCell().textContent = text ?? "–";
  }
  return made;
}
