// What happened to a work item, as people say it.

import { amount, person } from "./text.js";

/** What is told of each field, and how. */
const FIELDS = {
  "System.State": (from, to) => ["moved", `${from ?? "–"} → ${to ?? "–"}`],
  "System.AssignedTo": (from, to) => ["assigned", `${person(from)} → ${person(to)}`],
};

/** What happened, as `{ who, did, what }`; `null` where it is noise. */
export function wordsOf({ changeType, fields = {}, changedBy }) {
  const who = person(changedBy);
  for (const [name, says] of Object.entries(FIELDS)) {
    if (!fields[name]) continue;
    const [did, what] = says(fields[name].old, fields[name].new);
    return { who, did, what };
  }
  const estimate = Object.entries(fields).find(([name]) => /StoryPoints|Effort|Size/.test(name));
  if (changeType === "estimate" && estimate) return { who, did: "estimated", what: `${amount(estimate[1].old)} → ${amount(estimate[1].new)}` };
  const verbs = { deleted: "deleted", restored: "restored", created: "created", moved_out: "took from the board", moved_in: "brought to the board" };
  return verbs[changeType] ? { who, did: verbs[changeType], what: "" } : null;
}
