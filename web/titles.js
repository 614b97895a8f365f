// What numbers are called where people read them, by the id that programs know them by.

/** By subject, as METRICS.md has them, which is the order in which they are read. */
export const TITLES = {
  "items.total": "Items in all",
  "points.total": "Points in all",
  "items.completed": "Items completed",
  "points.completed": "Points completed",
  "items.remaining": "Items remaining",
  "points.remaining": "Points remaining",
  "hours.remaining": "Hours remaining",
  "hours.capacity": "Capacity",
  "percent.complete": "Complete",
  "percent.of_original": "Completed of what was planned",
  "points.original": "Points planned",
  "scope.added": "Scope added",
  "scope.removed": "Scope removed",
  "scope.reestimated": "Scope estimated anew",
  "scope.net": "Scope growth",
  "items.carried_over": "Items carried over",
  "velocity.completed": "Completed, last sprint",
  "velocity.average": "Average velocity",
  "velocity.planned": "Planned, last sprint",
  "velocity.late": "Completed late, last sprint",
  "velocity.incomplete": "Not completed, last sprint",
  "percent.say_do": "Planned and done, last sprint",
  "burndown.average": "Points completed per day",
  "sprint.days_left": "Working days left",
  "items.wip": "Work in progress",
  "items.blocked": "Blocked",
  "blocked.hours": "Hours blocked",
  "age.max": "Oldest item in progress",
  "items.aging": "Items in progress for long",
  "items.stale": "Items that nobody changes",
  "items.unestimated": "Unestimated",
  "bugs.open": "Bugs open",
  "bugs.opened": "Bugs opened",
  "bugs.closed": "Bugs closed",
  "bugs.reopened": "Bugs reopened",
  "bugs.total": "Bugs in all",
  "bugs.escaped": "Bugs found after a release",
  "percent.escaped": "Share of bugs found after a release",
  "cycle.p50": "Cycle time, 50 of 100 items",
  "cycle.p85": "Cycle time, 85 of 100 items",
  "cycle.p95": "Cycle time, 95 of 100 items",
  "lead.p50": "Lead time, 50 of 100 items",
  "lead.p85": "Lead time, 85 of 100 items",
  "lead.p95": "Lead time, 95 of 100 items",
  "throughput.week": "Items completed in a week",
  "throughput.day": "Items completed per day",
  "forecast.items.p85": "Items done by the end, 85 % likely",
  "forecast.probability": "Chance to complete all",
  "forecast.when.p50": "All done in, 50 % likely",
  "forecast.when.p85": "All done in, 85 % likely",
};

const PLACES = Object.keys(TITLES);

/** What a number is called; one that a newer server tells of has only its id. */
export function titleOf(id) {
  return Object.hasOwn(TITLES, id) ? TITLES[id] : id;
}

/** Where a number stands among all; one that a newer server tells of comes last. */
export function placeOf(id) {
  const place = PLACES.indexOf(id);
  return place === -1 ? PLACES.length : place;
}

/** What the inputs of an explanation are called, in the order in which they are told. */
const INPUTS = {
  sprint: "Sprint",
  sprintBefore: "Sprint before",
  startDate: "Sprint begins",
  finishDate: "Sprint ends",
  from: "From",
  today: "Counted on",
  zone: "Zone",
  day: "Day",
  planned: "Planned",
  plannedUntil: "Planned until",
  graceDays: "Days of grace",
  lastDays: "Days looked back",
  staleWorkingDays: "Working days without a change",
  unchangedSinceBefore: "Not changed since",
  activities: "Activity",
  workingDays: "Working days",
  workingDaysElapsed: "Working days gone by",
  daysLeft: "Working days left",
  perDay: "Hours per day",
  hours: "Hours",
  itemsRemaining: "Items remaining",
  completedPerDay: "Completed per day",
  days: "Days",
  tasks: "Tasks",
  openTasks: "Open tasks",
  openTasksWithHours: "Open tasks with hours",
  effortField: "Effort field",
  completed: "Completed",
  late: "Completed late",
  incomplete: "Not completed",
  "ado.incomplete": "Azure DevOps counts as incomplete",
};

/** Names in the order in which they are told, those of a newer server last. */
export function inOrder(names) {
  const known = Object.keys(INPUTS);
  const place = (name) => (known.includes(name) ? known.indexOf(name) : known.length);
  return names.toSorted((one, other) => place(one) - place(other));
}

/** What an input, or a column of one, is called; of an unknown one the words of its name: `openTasks` is `Open tasks`. */
export function headOf(name) {
  if (Object.hasOwn(TITLES, name)) return TITLES[name];
  if (Object.hasOwn(INPUTS, name)) return INPUTS[name];
  const words = name.replace(/([a-z\d])([A-Z])/g, "$1 $2").replace(/[_.]/g, " ").toLowerCase();
  return words[0].toUpperCase() + words.slice(1);
}
