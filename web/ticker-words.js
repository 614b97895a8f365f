// A change of a work item in people's words: who did what to which item, from what to what. Pure.

const BLOCKED = "Microsoft.VSTS.CMMI.Blocked";
const REMAINING = "Microsoft.VSTS.Scheduling.RemainingWork";
const TEXT_MAX = 60;

/**
 * What a `workitem_changed` says: `who` (`null` where nobody told), what they `did`, the item's `id` and `title`, the
 * `details` from what to what, and as a sentence what stands `before` the title and `after` it. `null` for every other event,
 * and where nothing changed that people would tell each other, such as a place in the backlog. `number` writes a number and
 * `person` a name.
 */
export function wordsOf(event, { number = String, person = String } = {}) {
  if (event.type !== "workitem_changed") return null;
  const who = event.changedBy ? person(event.changedBy.name) : null;
  const all = event.fields ? parts(event, { number, person, who }) : [{ did: CHANGES[event.changeType] ?? "changed" }];
  const whole = CHANGES[event.changeType];
  if (whole) all.unshift({ did: whole });
  if (all.length === 0) return null;
  const { did } = all[0];
  const details = all.map(({ detail }) => detail).filter(Boolean);
  const id = event.workItemId;
  const title = event.title ?? "";
  const words = who === null ? [did, ...details] : details;
  const before = `${who === null ? "" : `${who} ${did} `}#${id}${title === "" ? "" : " "}`;
  return { who, did, id, title, details, before, after: words.length > 0 ? `: ${words.join(", ")}` : "" };
}

/** Of these the item itself is the news. */
const CHANGES = { created: "created", deleted: "deleted", restored: "restored" };

/** What changed, the weightiest first. */
function parts({ fields, item, changeType, changedBy }, { number, person, who }) {
  if (CHANGES[changeType]) return changeType === "created" ? created(fields, { number, person, who }) : [];
  const found = [];
  const tell = (name, did, words) => {
    if (fields[name]) found.push({ did, detail: arrow(words(fields[name].old), words(fields[name].new)) });
  };
  const text = (value) => (typeof value === "string" && value !== "" ? cut(value) : "none");
  tell("System.State", "moved", text);
  const block = blocking(fields, item);
  if (block) found.push(block);
  tell("System.IterationPath", "moved", iteration);
  if (fields["System.AssignedTo"]) found.push(assigned(fields["System.AssignedTo"], changedBy, person));
  for (const name of estimates(fields, changeType)) {
    tell(name, "estimated", (value) => (typeof value === "number" ? number(value) : "no estimate"));
  }
  // Whoever completes a task has no hours left, which says nothing more.
  if (!fields["System.State"]) tell(REMAINING, "updated", (value) => (typeof value === "number" ? `${number(value)} h left` : "no hours left"));
  tell("System.Title", "renamed", text);
  tell("System.WorkItemType", "changed", text);
  tell("System.TeamProject", "moved", text);
  if (!fields["System.TeamProject"] && !fields["System.IterationPath"]) tell("System.AreaPath", "moved", leaf);
  return found;
}

/** Of what is new only whose it is, and its estimate: everything else was not there before. */
function created(fields, { number, person, who }) {
  const found = [];
  const assignee = fields["System.AssignedTo"]?.new;
  if (assignee && person(assignee.name) !== who) found.push({ detail: `for ${person(assignee.name)}` });
  for (const name of estimates(fields, "estimate")) {
    if (typeof fields[name].new === "number") found.push({ detail: `estimated at ${number(fields[name].new)}` });
  }
  return found;
}

/** The fields of effort. Each process may have one of its own, of which only the kind of change tells. */
function estimates(fields, changeType) {
  const known = /^Microsoft\.VSTS\.Scheduling\.(StoryPoints|Effort|Size)$/;
  const names = Object.keys(fields);
  const found = names.filter((name) => known.test(name));
  if (found.length > 0 || changeType !== "estimate") return found;
  const isAmount = (value) => typeof value === "number" || value === null;
  const isOther = (name) => !/^(System|Microsoft)\./.test(name) && isAmount(fields[name].old) && isAmount(fields[name].new);
  return names.filter(isOther).slice(0, 1);
}

function assigned({ old, new: is }, changedBy, person) {
  const name = (who) => (who ? person(who.name) : "nobody");
  const isOwn = is && changedBy && (is.id !== null && is.id === changedBy.id || is.name === changedBy.name);
  return { did: isOwn ? "took" : "assigned", detail: arrow(name(old), name(is)) };
}

/** Whether an item was blocked or is not any more: by a field, by a tag, or by its column. */
function blocking(fields, item) {
  const marks = Object.entries(fields).filter(([name, { old, new: is }]) => name === BLOCKED || [old, is].includes("Yes"));
  const tags = (value) => String(value ?? "").split(";").map((tag) => tag.trim()).filter(Boolean);
  const of = fields["System.Tags"];
  const came = of ? tags(of.new).filter((tag) => !tags(of.old).includes(tag)).map((tag) => `tag ${tag}`) : [];
  const column = fields["System.BoardColumn"]?.new;
  const begun = [...came, ...(column ? [`column ${column}`] : []), ...Object.keys(fields).map((name) => `field ${name}`)];
  if (item?.blocked && (marks.some(([, { new: is }]) => is === "Yes") || begun.includes(item.blockedBy))) {
    return { did: "blocked", detail: item.blockedBy?.startsWith("column ") ? item.blockedBy : "" };
  }
  if (item && !item.blocked && marks.some(([, { old }]) => old === "Yes")) return { did: "unblocked" };
  return null;
}

/** Items whose path is a project's root are in no sprint. */
function iteration(path) {
  return typeof path === "string" && path.includes("\\") ? leaf(path) : "backlog";
}

function leaf(path) {
  return typeof path === "string" ? cut(path.slice(path.lastIndexOf("\\") + 1)) : "none";
}

function arrow(from, to) {
  return `${from} → ${to}`;
}

/** A text as long as can be read in passing, cut between words unless half of it is one. */
export function cut(text, most = TEXT_MAX) {
  const letters = [...text];
  if (letters.length <= most) return text;
  const end = letters.lastIndexOf(" ", most - 1);
  return `${letters.slice(0, end > most / 2 ? end : most - 1).join("").trimEnd()}…`;
}
