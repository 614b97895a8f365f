// What numbers are called where people read them, by the id that programs know them by.

export const TITLES = {
  "age.max": "Oldest item in progress",
  "blocked.hours": "Hours blocked",
  "bugs.closed": "Bugs closed",
  "bugs.escaped": "Bugs found after a release",
  "bugs.open": "Bugs open",
  "bugs.opened": "Bugs opened",
  "bugs.reopened": "Bugs reopened",
  "bugs.total": "Bugs in all",
  "burndown.average": "Points completed per day",
  "cycle.p50": "Cycle time of 50 of 100",
  "cycle.p85": "Cycle time of 85 of 100",
  "cycle.p95": "Cycle time of 95 of 100",
  "forecast.items.p85": "Items likely by the end (85 of 100)",
  "forecast.probability": "Chance to complete all",
  "forecast.when.p50": "All likely done in (50 of 100)",
  "forecast.when.p85": "All likely done in (85 of 100)",
  "hours.capacity": "Capacity",
  "hours.remaining": "Hours remaining",
  "items.aging": "Items in progress for long",
  "items.blocked": "Blocked",
  "items.carried_over": "Items carried over",
  "items.completed": "Items completed",
  "items.remaining": "Items remaining",
  "items.stale": "Items that nobody changes",
  "items.total": "Items in all",
  "items.unestimated": "Unestimated",
  "items.wip": "Work in progress",
  "lead.p50": "Lead time of 50 of 100",
  "lead.p85": "Lead time of 85 of 100",
  "lead.p95": "Lead time of 95 of 100",
  "percent.complete": "Complete",
  "percent.escaped": "Share of bugs found after a release",
  "percent.of_original": "Completed of what was planned",
  "percent.say_do": "Planned and done, last sprint",
  "points.completed": "Points completed",
  "points.original": "Points planned",
  "points.remaining": "Points remaining",
  "points.total": "Points in all",
  "scope.added": "Scope added",
  "scope.net": "Scope growth",
  "scope.reestimated": "Scope estimated anew",
  "scope.removed": "Scope removed",
  "sprint.days_left": "Working days left",
  "throughput.day": "Items completed per day",
  "throughput.week": "Items completed in a week",
  "velocity.average": "Average velocity",
  "velocity.completed": "Completed, last sprint",
  "velocity.incomplete": "Incomplete, last sprint",
  "velocity.late": "Completed late, last sprint",
  "velocity.planned": "Planned, last sprint",
};

/** What a number is called; one that a newer server tells of has only its id. */
export function titleOf(id) {
  return Object.hasOwn(TITLES, id) ? TITLES[id] : id;
}

/** The words of a name that programs know: `openTasksWithHours` is `open tasks with hours`. */
export function wordsOf(name) {
  if (Object.hasOwn(TITLES, name)) return TITLES[name].toLowerCase();
  return name.replace(/([a-z\d])([A-Z])/g, "$1 $2").replaceAll("_", " ").toLowerCase();
}
