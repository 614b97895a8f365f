// What a team's page tells besides its numbers and items: how its scope changed, how fast it was, who has how much to do.

import { asked, fill, made, table } from "./elements.js";
import { amount, duration, moment, person } from "./text.js";

const KINDS = { added: "added", removed: "removed", reestimated: "estimated anew", carried_over: "carried over" };

/** Scope changes, the newest first, with who and when. */
export function paintScope(section, board) {
  const { scopeChanges = [], burndown, metrics } = board;
  const unit = burndown?.unit ?? "points";
  // What is removed is told without its sign.
  const changed = [["added", "scope.added", 1], ["removed", "scope.removed", -1], ["estimated anew", "scope.reestimated", 1]];
  const words = Number.isFinite(burndown?.original) ? [`${amount(burndown.original)} ${unit} planned`] : [];
  for (const [name, id, sign] of changed) if (metrics[id]?.value) words.push(`${signed(sign * metrics[id].value)} ${name}`);
  const changes = scopeChanges.toReversed().map(({ id, title, kind, amount: by, reason, by: who, at }) => {
    const entry = made("li", "scope", [
      made("strong", "", kind === "carried_over" ? amount(by) : signed(by)),
      ` ${KINDS[kind] ?? kind}: #${id} `,
      made("bdi", "", title),
      made("span", "facts", ` ${[who ? person(who) : "", moment(at), reason].filter(Boolean).join(" · ")}`),
    ]);
    entry.dataset.kind = kind;
    return entry;
  });
  section.hidden = words.length === 0 && changes.length === 0;
  const list = changes.length > 0 ? made("ul", "scopes", changes) : made("p", "facts", "Nothing has changed since it was planned.");
  fill(section, [asked("Scope", metrics["scope.net"] && "scope.net", board, "Scope, how it changed"), made("p", "", words.join(" · ")), list]);
}

/** The sprints before this one, each with a way to see it as it ended. */
export function pastSprints({ metrics }) {
  return metrics["velocity.completed"]?.detail?.sprints ?? metrics["velocity.average"]?.detail?.sprints ?? [];
}

/** Who has how many hours left, of how many there are. */
export function paintCapacity(section, board) {
  const detail = board.metrics["hours.capacity"]?.detail;
  const members = detail?.members ?? [];
  section.hidden = members.length === 0;
  if (members.length === 0) return;
  const rows = members.map(({ name, hours = null, remaining = null, over, activities = [] }) => {
    const bar = hours === null ? "" : made("meter");
    if (bar) {
      // Full with their own hours, and in the browser's colour of what is bad with more.
      const own = hours || 0.01;
      Object.assign(bar, { max: Math.max(own, remaining), low: own, high: own, optimum: 0, value: remaining });
      bar.setAttribute("aria-label", `${person({ name })}: ${amount(remaining, "hours")} left of ${amount(hours, "hours")}`);
    }
    const who = made("bdi", "", person({ name }));
    return [made("span", over ? "over" : "", [who]), activities.join(", "), amount(remaining, "hours"), amount(hours, "hours"), bar];
  });
  const more = detail.unassigned ? [made("p", "facts", `${amount(detail.unassigned, "hours")} left are nobody's.`)] : [];
  fill(section, [asked("Capacity", "hours.capacity", board), table("Hours left, of the hours that each can work until the sprint ends", ["Who", "Activity", "Left", "Can work", "Share"], rows), ...more]);
}

/** How long the newest change of a board took from Azure DevOps to this screen, step by step. */
export function chainWords({ changedAt, receivedAt, timestamp, paintedAt = null }) {
  if (!changedAt || !timestamp) return "";
  const steps = [
    ["to the hook", changedAt, receivedAt],
    ["to the log", receivedAt ?? changedAt, timestamp],
    ["to this screen", timestamp, paintedAt],
  ];
  let whole = 0;
  const words = steps.filter(([, from, to]) => from && to).map(([name, from, to]) => {
    // Each is by a clock of its own.
    const ms = Math.max(0, Math.round(to - from));
    whole += ms;
    return `${name} ${took(ms)}`;
  });
  // How long the screen took is known only of what came while it was there.
  const here = paintedAt === null ? "was told" : "was here";
  return `The last change was made at ${moment(changedAt)}, and ${here} after ${took(whole)} (${words.join(", ")}).`;
}

/** A span of time as exactly as it matters. */
function took(ms) {
  if (ms < 1000) return `${amount(ms)} ms`;
  return ms < 60_000 ? `${amount(Math.round(ms / 100) / 10)} s` : duration(ms);
}

function signed(value) {
  return value < 0 ? `−${amount(-value)}` : `+${amount(value)}`;
}
