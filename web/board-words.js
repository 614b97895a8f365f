// What a page and a wall say of a board in the same words.

import { asOf, day, localised } from "./text.js";

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
export function outlookWords({ verdict, text }) {
  const [sign, word] = VERDICTS[verdict] ?? ["·", "Outlook"];
  return { verdict, sign, word, text: localised(text) };
}

/** Between two sprints there is nothing to count. `titled` cuts the name of the next one, where there is little room. */
export function nothingWords({ nextSprint }, titled = String) {
  const next = nextSprint
    ? `${titled(nextSprint.name)} begins on ${day(nextSprint.startDate)}, and is here by itself then.`
    : "None that is to come has dates: give one dates in Azure DevOps, and it is here by itself.";
  return `This team has no sprint today, so there is nothing to count. ${next}`;
}
