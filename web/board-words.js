// What a page and a wall say of a board in the same words.

import { amount, asOf, count, day, localised } from "./text.js";

/** What a verdict is called, and its sign: a colour alone tells nothing to who cannot see it. */
const VERDICTS = { on_track: ["✓", "On track"], at_risk: ["!", "At risk"], behind: ["▼", "Behind"], unknown: ["?", "No outlook"] };

/** What a project or a team is called. */
export function nameOf({ name, id }) {
  return name ?? id;
}

/** As of when a board is. What hooks alone tell of is as old as its newest change, however lately that was heard. */
export function knownAt({ teamId, dataAsOf, lastChange }) {
  return teamId === null && lastChange ? lastChange.receivedAt : dataAsOf;
}

/** How old it is: `as of 12 s ago`, and of what hooks alone tell of `heard 12 s ago`. */
export function ageWords(board) {
  const words = asOf(knownAt(board));
  return board.teamId === null && board.lastChange ? words.replace("as of", "heard") : words;
}

/** Whether the sprint will be completed in time: a sign, a word for it and the sentence. */
export function outlookWords({ outlook: { verdict, text, inputs }, backfill }) {
  const [sign, word] = VERDICTS[verdict] ?? ["·", "Outlook"];
  const isRead = verdict === "unknown" && backfill;
  return { verdict, sign, word, text: isRead ? "The team’s past is still being read." : (worded(verdict, inputs ?? {}) ?? localised(text)) };
}

/** The sentence by its numbers, written as whoever looks writes them; without all of them there is none. */
function worded(verdict, { by, unit, runs, runsDone, remaining, itemsRemaining, daysLeft, itemsP85, dateP85, ideal }) {
  if (by === "done") return "Everything is completed.";
  if (![remaining, itemsRemaining, daysLeft].every(Number.isFinite)) return undefined;
  const left = `${amount(remaining)} ${unit}`;
  const days = count(daysLeft, "working day");
  if (by === "forecast" && [runs, runsDone, itemsP85].every(Number.isFinite)) {
    // Rounded as the number is: a half away from zero.
    const chance = amount(Math.round((1000 * runsDone) / runs) / 10, "percent");
    const items = itemsRemaining === 1 ? "the one item" : `all ${count(itemsRemaining, "item")}`;
    return `${chance} likely to complete ${items} (${left}) on the ${days} left. In 85 of 100 runs at least ${amount(itemsP85)}${dateP85 ? `; all of it by ${day(dateP85)}` : ""}.`;
  }
  if (by !== "ideal" || !Number.isFinite(ideal)) return undefined;
  return `${left} left with ${days} to go, ${verdict === "on_track" ? "no more" : `${amount(remaining - ideal)} ${unit} more`} than the ideal line has.`;
}

/** Between two sprints there is nothing to count. `titled` cuts the name of the next one, where there is little room. */
export function nothingWords({ nextSprint }, titled = String) {
  const next = nextSprint
    ? `${titled(nextSprint.name)} begins on ${day(nextSprint.startDate)}, and is here by itself then.`
    : "None that is to come has dates: give one dates in Azure DevOps, and it is here by itself.";
  return `This team has no sprint today, so there is nothing to count. ${next}`;
}
