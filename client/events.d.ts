// Written by scripts/contract.mjs of the repository from docs/api/schema.json. Additions are optional and come without notice.

/** The quality of a board's data: live, from the cache, simulated, or none. */
export type Level = "full" | "cached" | "mock" | "none";

/** Where the news came from. A newer server may have others. */
export type Source = "webhook" | "timer" | "manual" | "backfill" | "system" | (string & {});

/** What a state means, whatever it is called. A newer server may have others. */
export type StateCategory = "Proposed" | "InProgress" | "Resolved" | "Completed" | "Removed" | (string & {});

/** What happened to a work item on a board; where several are true the first. A newer server may have others. */
export type ChangeType = "deleted" | "restored" | "created" | "moved_out" | "moved_in" | "state" | "estimate" | "assigned" | "updated" | (string & {});

/** Why the server ends a stream. A newer server may have others. */
export type ClosingReason = "lifetime" | "shed" | "slow" | "shutdown" | "lost" | (string & {});

/** Why a number is announced. A newer server may have others. */
export type MetricReason = "first" | "threshold" | "any_change" | "zero_crossing" | "settle" | "detail" | (string & {});

/** The unit of a number. A newer server may have others. */
export type Unit = "items" | "points" | "hours" | "percent" | "days" | "bugs" | (string & {});

/** The metrics of this version. A newer server may have others. */
export type MetricId = "age.max" | "blocked.hours" | "bugs.closed" | "bugs.escaped" | "bugs.open" | "bugs.opened" | "bugs.reopened" | "bugs.total" | "burndown.average" | "cycle.p50" | "cycle.p85" | "cycle.p95" | "forecast.items.p85" | "forecast.probability" | "forecast.when.p50" | "forecast.when.p85" | "hours.capacity" | "hours.remaining" | "items.aging" | "items.blocked" | "items.carried_over" | "items.completed" | "items.remaining" | "items.stale" | "items.total" | "items.unestimated" | "items.wip" | "lead.p50" | "lead.p85" | "lead.p95" | "percent.complete" | "percent.escaped" | "percent.of_original" | "percent.say_do" | "points.completed" | "points.original" | "points.remaining" | "points.total" | "scope.added" | "scope.net" | "scope.reestimated" | "scope.removed" | "sprint.days_left" | "throughput.day" | "throughput.week" | "velocity.average" | "velocity.completed" | "velocity.incomplete" | "velocity.late" | "velocity.planned";

/** Whether every revision of every item is known. A newer server may have others. */
export type History = "complete" | "partial" | (string & {});

/** Where a sprint lies relative to the team's day. A newer server may have others. */
export type SprintState = "past" | "current" | "future" | (string & {});

/** A calendar date of the team's zone, such as 2026-11-16. */
export type Date = string;

/** Epoch milliseconds. */
export type Instant = number;

/** A position of the log, such as 1795449612345-0. */
export type EventId = string;

/** A person. */
export interface Identity {
  /** `null` where nobody told it. */
  id: string | null;
  /** Never a mail address. */
  name: string;
}

/** An id with a name for display. */
export interface Named {
  id: string;
  name: string | null;
}

/** A work item as a board shows it. */
export interface Item {
  id: number;
  rev: number;
  type: string;
  /** At most 1,000 characters. */
  title: string;
  state: string;
  /** `null` while the states of its type are not known. */
  stateCategory: StateCategory | null;
  /** When it came into its state; absent where nobody can tell. */
  stateSince?: Instant;
  assignedTo: Identity | null;
  /** In the unit of the team's process; `null` means not estimated, which is not 0. */
  effort: number | null;
  /** Hours. */
  remainingWork: number | null;
  iterationPath: string;
  areaPath: string;
  tags: readonly string[];
  blocked: boolean;
  /** By what it is blocked, such as `tag Blocked`. */
  blockedBy: string | null;
  /** Since when it is blocked; absent where it is not, or nobody can tell. */
  blockedSince?: Instant;
  changedAt: Instant;
  /** The page of the item. What a payload says: only an http(s) address may become a link. */
  url: string | null;
  /** Days since it was started. */
  ageDays: number | null;
  /** The number of the item that it is a part of. */
  parent: number | null;
  /** Where it stands in the backlog, the smallest first. */
  rank: number | null;
  /** The backlog that its type is on; `null` where that is neither, or nobody can tell. */
  backlog?: "requirement" | "task" | null;
}

/** A number, with what is needed to trust it. */
export interface Metric {
  /** `null` where it cannot be computed, never a guessed 0. */
  value: number | null;
  unit: Unit;
  /** Why the value is `null`. */
  reason?: string;
  /** It rests on fields that are known to mislead. */
  approximate?: true;
  /** What is not known of the past that the number tells of. */
  partial?: string;
  /** Series and parts, where a metric has some. */
  detail?: unknown;
}

/** A sprint of a team. */
export interface Sprint {
  id: string;
  name: string;
  path: string;
  startDate: Date | null;
  finishDate: Date | null;
  workingDays: number | null;
  /** Working days left, today among them. */
  daysLeft: number | null;
  state: SprintState;
  /** The work item of the sprint that bears the tag of its goal; absent where none does. */
  goal?: {
    id: number;
    title: string;
  };
}

/** The sprint that a team without a current one looks forward to. */
export interface NextSprint {
  name: string;
  startDate: Date;
}

/** How many items are in a state. */
export interface StateCount {
  name: string;
  category: StateCategory | null;
  items: number;
  points: number | null;
}

/** One calendar day of a burndown. */
export interface BurndownDay {
  date: Date;
  working: boolean;
  /** The ideal line at its end. */
  ideal: number | null;
  /** What was left at its end; absent where it is not known. */
  remaining?: number;
  /** Absent in hours, as is `scope`. */
  completed?: number;
  scope?: number;
}

/** A point on today's line. */
export interface BurndownPoint {
  at: Instant;
  remaining: number;
}

/** Burndown and burnup of a sprint. */
export interface Burndown {
  unit: Unit;
  /** The scope that the sprint was planned with; absent while it is not known. */
  original?: number;
  days: readonly BurndownDay[];
  today: readonly BurndownPoint[];
  /** The same in other units: items, and hours of remaining work. Absent where there are none, and in these themselves. */
  others?: readonly Burndown[];
}

export type SprintVerdict = "on_track" | "at_risk" | "behind" | "unknown";

/** Whether a sprint is going to be completed in time. */
export interface Outlook {
  verdict: SprintVerdict;
  /** The verdict in a sentence, or why there is none. */
  text: string;
  /** What of the past it does not know that it would rest on. */
  partial?: string;
  /** The numbers that it rests on. */
  inputs: { [name: string]: unknown };
}

export type ScopeChangeKind = "carried_over" | "added" | "removed" | "reestimated";

/** A change of a sprint's scope after it was planned; `carried_over` is none, and was there when it was. */
export interface ScopeChange {
  id: number;
  title: string;
  kind: ScopeChangeKind;
  /** By how much the scope grew, in the unit of the burndown; negative where it shrank. */
  amount: number;
  /** What made it, in words. */
  reason: string;
  by: Identity | null;
  at: Instant;
}

/** How the newest change of a board came here. */
export interface LastChange {
  changedAt: Instant;
  receivedAt: Instant;
  appendedAt: Instant;
  source: Source;
}

/** How far the past is read: the revisions of the organisation since the beginning of the window. */
export interface Backfill {
  from: Instant;
  revisions: {
    read: number;
    /** Of about how many; `null` while nobody can tell. */
    of: number | null;
  };
  /** How long the rest takes; `null` while nobody can tell. */
  leftMs: number | null;
}

/** Something that is missing on a board. */
export interface Missing {
  /** Absent where history is missing. */
  workItemId?: number;
  reason: string;
}

/** A board: full truth, replacing what a client held. */
export interface Board {
  project: Named;
  team: Named | null;
  /** `null` between two sprints and where no team is known. */
  sprint: Sprint | null;
  /** Only where `sprint` is `null`. */
  nextSprint?: NextSprint | null;
  /** By metric id. */
  metrics: { [id in MetricId]?: Metric } & { [id: string]: Metric | undefined };
  states: readonly StateCount[];
  /** Absent where the event would be above 64 KiB: fetch `url`. */
  items?: readonly Item[];
  burndown: Burndown | null;
  /** `null` outside a sprint. */
  outlook: Outlook | null;
  /** Oldest first; of more than a hundred the newest. */
  scopeChanges: readonly ScopeChange[];
  /** Absent until a change was told since the instance loaded its boards. */
  lastChange?: LastChange;
  history: History;
  missing?: readonly Missing[];
  /** How far the past is read, while it is. */
  backfill?: Backfill;
}

/** How far the first comparison is. */
export interface Progress {
  done: number;
  of: number;
}

/** Why a board is less than full. */
export interface Outage {
  /** In a word, such as `unauthorised`, `throttled`, `timed_out`, `journal`, `loading`. */
  reason: string;
  since: Instant | null;
  retryAt: Instant | null;
  /** What the operator can do. */
  remedy?: string;
  progress?: Progress;
}

/** What a board is of, with the names that people know it by. */
export interface Scope {
  projectId: string;
  project: string | null;
  teamId: string | null;
  team: string | null;
  sprintId: string | null;
  sprint: string | null;
}

/** A row of the directory. */
export interface DirectoryRow {
  projectId: string;
  project: string | null;
  teamId: string | null;
  team: string | null;
  sprintId: string | null;
  sprint: string | null;
  level: Level;
  mock?: true;
  dataAsOf: Instant | null;
  /** Where the board is. */
  url: string;
}

/** The boards that there are. */
export interface Directory {
  scopes: readonly DirectoryRow[];
  /** The worst of all. */
  level: Level;
  mock?: true;
  outage?: Outage;
  cursor: EventId;
}

/** A board as GET /api/snapshot answers it. */
export interface BoardAnswer {
  project: Named;
  team: Named | null;
  /** `null` between two sprints and where no team is known. */
  sprint: Sprint | null;
  /** Only where `sprint` is `null`. */
  nextSprint?: NextSprint | null;
  /** By metric id. */
  metrics: { [id in MetricId]?: Metric } & { [id: string]: Metric | undefined };
  states: readonly StateCount[];
  /** Absent where the event would be above 64 KiB: fetch `url`. */
  items: readonly Item[];
  burndown: Burndown | null;
  /** `null` outside a sprint. */
  outlook: Outlook | null;
  /** Oldest first; of more than a hundred the newest. */
  scopeChanges: readonly ScopeChange[];
  history: History;
  missing?: readonly Missing[];
  level: Level;
  dataAsOf: Instant | null;
  demo?: boolean;
  mock?: true;
  outage?: Outage;
  cursor: EventId;
  /** How far the past is read, while it is. */
  backfill?: Backfill;
  /** Absent until a change was told since the instance loaded its boards. */
  lastChange?: LastChange;
}

/** An item that was counted. */
export interface Counted {
  id: number;
  title: string;
  amount: number;
  why: string;
}

/** An item that was left out, and by which rule. */
export interface LeftOut {
  id: number;
  title: string;
  rule: string;
}

/** Where a number comes from, item by item. */
export interface Explanation {
  metric: string;
  value: number | null;
  unit: Unit;
  definition: string;
  source: string;
  inputs: { [name: string]: unknown };
  counted: readonly Counted[];
  leftOut: readonly LeftOut[];
  history: History;
  level?: Level;
  dataAsOf?: Instant | null;
  demo?: boolean;
  mock?: true;
  /** Why there is no number. */
  reason?: string;
  /** What of its past the number does not know. */
  partial?: string;
  /** Of the past: the instant that it is told of. */
  asOf?: Instant;
  day?: Date;
  /** Of a sprint that is kept as it was told: since when, and with which value. What was told since may come to another. */
  frozen?: {
    at: Instant;
    definition: number;
    value: number | null;
  };
}

/** What happened to an item. */
export type HappeningKind = "created" | "carried_over" | "added" | "removed" | "started" | "completed" | "reopened" | "reestimated" | "blocked" | "unblocked";

/** Something that happened to an item. */
export interface Happening {
  id: number;
  /** Its title of now. */
  title: string;
  /** The backlog that its type of now is on; `null` where that is neither. */
  backlog: "requirement" | "task" | null;
  kind: HappeningKind;
  /** A state, a path or an estimate, by the kind. */
  from: string | number | null;
  to: string | number | null;
  by: Identity | null;
  at: Instant;
}

/** A number before and after. */
export interface ThenAndNow {
  then: number | null;
  now: number | null;
  unit: Unit;
}

/** What happened on a board since an instant. */
export interface SinceAnswer {
  since: Instant;
  until: Instant;
  sprintId: string;
  /** Oldest first; of more than 200 the newest. */
  changes: readonly Happening[];
  /** How many older ones there are. */
  leftOut: number;
  /** By metric id. */
  metrics: { [id in MetricId]?: ThenAndNow } & { [id: string]: ThenAndNow | undefined };
  history: History;
  /** What of that time is not known. */
  partial?: string;
  /** From when on the past of the team is known. */
  knownFrom?: Instant;
  level: Level;
  dataAsOf: Instant | null;
  demo?: true;
  mock?: true;
  cursor: string;
}

/** A rule that an item was held against. */
export interface RuleApplied {
  /** The name of the rule. */
  rule: string;
  /** Whether the item meets it; `null` where nobody can tell. */
  holds: boolean | null;
  /** The same, in a sentence. */
  why: string;
  /** What of the item it looks at. */
  item: unknown;
  /** What of the board, or of the team's own settings, decides. */
  board: unknown;
}

/** A board that an item is on. */
export interface OtherBoard {
  projectId: string;
  project: string | null;
  teamId: string | null;
  team: string | null;
  sprintId: string | null;
  sprint: string | null;
  /** Where it is read; absent for that of a sprint which is not the team's current one. */
  url?: string;
}

/** Why a work item is on a board, or is not. */
export interface ItemExplanation {
  /** The number that was asked about. */
  item: number;
  /** Absent where nothing is known of it that may be shown. */
  title?: string;
  /** Whether the board shows it; `null` where nobody can tell. */
  onBoard: boolean | null;
  /** Whether it is in the sprint's scope; `null` where the board has no sprint, or nobody can tell. */
  counts: boolean | null;
  /** What decides, in a sentence. */
  why: string;
  rules: readonly RuleApplied[];
  /** The boards that it is on instead or as well. */
  elsewhere: readonly OtherBoard[];
  level: Level;
  dataAsOf: Instant | null;
  demo: boolean;
  mock?: true;
}

/** What became of a sprint that is over. */
export interface SprintReview {
  unit: Unit;
  planned: number;
  /** When it ended. */
  completed: number;
  /** Completed after its end, still in it. */
  late: number;
  /** Planned, and not completed when it ended. */
  incomplete: number;
  /** The share of what was planned that was completed in it, in percent. */
  sayDo: number | null;
  /** From when on nothing is completed late any more. */
  settledAt: Instant;
  /** Items of which it is not known what became of them. */
  unknownItems: number;
}

/** A board as it once was: of a `day`, or of a `sprint`. */
export interface PastBoard {
  demo?: boolean;
  /** The instant that it is told of. */
  asOf: Instant;
  day: Date;
  /** The version of the definitions of metrics. */
  definition: number;
  /** Absent until the sprint is over. */
  review?: SprintReview;
  /** Since when it is kept as it was told. */
  frozen?: {
    at: Instant;
    definition: number;
  };
  project: Named;
  team: Named | null;
  /** `null` between two sprints and where no team is known. */
  sprint: Sprint | null;
  /** Only where `sprint` is `null`. */
  nextSprint?: NextSprint | null;
  /** By metric id. */
  metrics: { [id in MetricId]?: Metric } & { [id: string]: Metric | undefined };
  states: readonly StateCount[];
  /** Absent where a board that is kept would be too large. */
  items?: readonly Item[];
  burndown: Burndown | null;
  /** `null` outside a sprint. */
  outlook: Outlook | null;
  /** Oldest first; of more than a hundred the newest. */
  scopeChanges: readonly ScopeChange[];
  history: History;
  missing?: readonly Missing[];
  /** How far the past is read, while it is. */
  backfill?: Backfill;
}

/** An error. */
export interface Error {
  error: {
    /** A word for programs. */
    code: string;
    /** A sentence for people. */
    message: string;
    /** What to do about it. */
    remedy: string;
  };
}

/** First on every stream. */
export interface Connected {
  type: "connected";
  /** The major version of the schema. */
  v: 1;
  /** When the event was appended; for events without an id, when it was written. */
  timestamp: Instant;
  level: Level;
  /** Only when so. */
  demo?: true;
  /** Only when so. */
  mock?: true;
  /** When the source was last found equal; `null` before the first time. */
  dataAsOf: Instant | null;
  connectionId: string;
  serverVersion: string;
  versions: readonly number[];
  /** After so long a silence a heartbeat is sent. */
  heartbeatMs: number;
  /** The stream goes on exactly where the cursor was. */
  resumed: boolean;
  /** A cursor was given from which it cannot go on. */
  gap: boolean;
  cursor: EventId;
  /** Empty where there are too many: see `url`. */
  scopes: readonly Scope[];
  /** Where the boards are listed. */
  url?: string;
  outage?: Outage;
}

/** Full truth of one board. */
export interface Snapshot {
  type: "snapshot";
  /** The major version of the schema. */
  v: 1;
  /** When the event was appended; for events without an id, when it was written. */
  timestamp: Instant;
  projectId: string;
  teamId: string | null;
  sprintId: string | null;
  source: Source;
  level: Level;
  /** Only when so. */
  demo?: true;
  /** Only when so. */
  mock?: true;
  /** When the source was last found equal; `null` before the first time. */
  dataAsOf: Instant | null;
  changedAt?: Instant;
  receivedAt?: Instant;
  /** W3C trace id. */
  traceId?: string;
  data: Board;
  outage?: Outage;
  /** Where the whole board is. */
  url?: string;
  etag?: string;
}

/** Many items of a board changed at once. */
export interface WorkItemsUpdated {
  type: "workitems_updated";
  /** The major version of the schema. */
  v: 1;
  /** When the event was appended; for events without an id, when it was written. */
  timestamp: Instant;
  projectId: string;
  teamId: string | null;
  sprintId: string | null;
  source: Source;
  level: Level;
  /** Only when so. */
  demo?: true;
  /** Only when so. */
  mock?: true;
  /** When the source was last found equal; `null` before the first time. */
  dataAsOf: Instant | null;
  changedAt?: Instant;
  receivedAt?: Instant;
  /** W3C trace id. */
  traceId?: string;
  /** Absent above 64 KiB. */
  data?: readonly Item[];
  /** Where the board is, where `data` is absent. */
  url?: string;
  added: readonly number[];
  removed: readonly number[];
  changed: readonly number[];
}

/** One item changed on one board. */
export interface WorkItemChanged {
  type: "workitem_changed";
  /** The major version of the schema. */
  v: 1;
  /** When the event was appended; for events without an id, when it was written. */
  timestamp: Instant;
  projectId: string;
  teamId: string | null;
  sprintId: string | null;
  source: Source;
  level: Level;
  /** Only when so. */
  demo?: true;
  /** Only when so. */
  mock?: true;
  /** When the source was last found equal; `null` before the first time. */
  dataAsOf: Instant | null;
  changedAt?: Instant;
  receivedAt?: Instant;
  /** W3C trace id. */
  traceId?: string;
  workItemId: number;
  rev: number;
  changeType: ChangeType;
  /** By reference name. */
  fields: { [name: string]: {
    old: unknown;
    new: unknown;
  } };
  stateCategory: {
    old: StateCategory | null;
    new: StateCategory | null;
  };
  title: string;
  changedBy: Identity | null;
  /** `null` when it left the board, or is too large: see `url`. */
  item: Item | null;
  /** Where the board is, when the change is too large for an event. */
  url?: string;
}

/** A number moved significantly. */
export interface MetricChanged {
  type: "metric_changed";
  /** The major version of the schema. */
  v: 1;
  /** When the event was appended; for events without an id, when it was written. */
  timestamp: Instant;
  projectId: string;
  teamId: string | null;
  sprintId: string | null;
  source: Source;
  level: Level;
  /** Only when so. */
  demo?: true;
  /** Only when so. */
  mock?: true;
  /** When the source was last found equal; `null` before the first time. */
  dataAsOf: Instant | null;
  changedAt?: Instant;
  receivedAt?: Instant;
  /** W3C trace id. */
  traceId?: string;
  metric: MetricId | (string & {});
  value: number | null;
  previous: number | null;
  /** Without a sign. */
  changePercent: number | null;
  unit: Unit;
  reason: MetricReason;
  /** As a fraction. */
  threshold: number;
  /** What it is made of, as in a board; absent where that is as it was, or there is none. */
  detail?: unknown;
  /** Where the board is, when the detail is too large for an event. */
  url?: string;
}

/** What is to be said of a sprint changed: the verdict, or the numbers that it rests on. */
export interface OutlookChanged {
  type: "outlook_changed";
  /** The major version of the schema. */
  v: 1;
  /** When the event was appended; for events without an id, when it was written. */
  timestamp: Instant;
  projectId: string;
  teamId: string | null;
  sprintId: string | null;
  source: Source;
  level: Level;
  /** Only when so. */
  demo?: true;
  /** Only when so. */
  mock?: true;
  /** When the source was last found equal; `null` before the first time. */
  dataAsOf: Instant | null;
  changedAt?: Instant;
  receivedAt?: Instant;
  /** W3C trace id. */
  traceId?: string;
  outlook: Outlook;
}

/** New data is in place, for clients that cache by these keys. */
export interface CacheInvalidated {
  type: "cache_invalidated";
  /** The major version of the schema. */
  v: 1;
  /** When the event was appended; for events without an id, when it was written. */
  timestamp: Instant;
  projectId: string | null;
  teamId: string | null;
  sprintId: string | null;
  source: Source;
  level: Level;
  /** Only when so. */
  demo?: true;
  /** Only when so. */
  mock?: true;
  /** When the source was last found equal; `null` before the first time. */
  dataAsOf: Instant | null;
  changedAt?: Instant;
  receivedAt?: Instant;
  /** W3C trace id. */
  traceId?: string;
  keys: readonly string[];
  reason: string;
}

/** A team's board is that of another sprint, or is to be taken anew. */
export interface SprintChanged {
  type: "sprint_changed";
  /** The major version of the schema. */
  v: 1;
  /** When the event was appended; for events without an id, when it was written. */
  timestamp: Instant;
  projectId: string;
  teamId: string | null;
  sprintId: string | null;
  source: Source;
  level: Level;
  /** Only when so. */
  demo?: true;
  /** Only when so. */
  mock?: true;
  /** When the source was last found equal; `null` before the first time. */
  dataAsOf: Instant | null;
  changedAt?: Instant;
  receivedAt?: Instant;
  /** W3C trace id. */
  traceId?: string;
  from: string | null;
  to: string | null;
  startDate: Date | null;
  finishDate: Date | null;
}

/** A level fell, of a board or, without a project, of the organisation. */
export interface Degraded {
  type: "degraded";
  /** The major version of the schema. */
  v: 1;
  /** When the event was appended; for events without an id, when it was written. */
  timestamp: Instant;
  projectId: string | null;
  teamId: string | null;
  sprintId: string | null;
  source: Source;
  level: Level;
  /** Only when so. */
  demo?: true;
  /** Only when so. */
  mock?: true;
  /** When the source was last found equal; `null` before the first time. */
  dataAsOf: Instant | null;
  changedAt?: Instant;
  receivedAt?: Instant;
  /** W3C trace id. */
  traceId?: string;
  from: Level;
  to: Level;
  reason: string;
  since: Instant;
  retryAt: Instant | null;
  remedy?: string;
}

/** A level rose again. */
export interface Recovered {
  type: "recovered";
  /** The major version of the schema. */
  v: 1;
  /** When the event was appended; for events without an id, when it was written. */
  timestamp: Instant;
  projectId: string | null;
  teamId: string | null;
  sprintId: string | null;
  source: Source;
  level: Level;
  /** Only when so. */
  demo?: true;
  /** Only when so. */
  mock?: true;
  /** When the source was last found equal; `null` before the first time. */
  dataAsOf: Instant | null;
  changedAt?: Instant;
  receivedAt?: Instant;
  /** W3C trace id. */
  traceId?: string;
  from: Level;
  downForMs: number;
}

/** The source was checked. */
export interface SyncCompleted {
  type: "sync_completed";
  /** The major version of the schema. */
  v: 1;
  /** When the event was appended; for events without an id, when it was written. */
  timestamp: Instant;
  projectId: null;
  teamId: null;
  sprintId: null;
  source: Source;
  level: Level;
  /** Only when so. */
  demo?: true;
  /** Only when so. */
  mock?: true;
  /** When the source was last found equal; `null` before the first time. */
  dataAsOf: Instant | null;
  changedAt?: Instant;
  receivedAt?: Instant;
  /** W3C trace id. */
  traceId?: string;
  /** Boards checked. */
  scopes: number;
  /** Items that had changed. */
  changed: number;
  /** The projects of which some board was not compared. */
  failed: readonly string[];
  durationMs: number;
  next: Instant | null;
  backfill?: Backfill;
}

/** A subscription of service hooks changed; operators only. */
export interface WebhookHealth {
  type: "webhook_health";
  /** The major version of the schema. */
  v: 1;
  /** When the event was appended; for events without an id, when it was written. */
  timestamp: Instant;
  projectId: string | null;
  teamId: string | null;
  sprintId: string | null;
  source: Source;
  level: Level;
  /** Only when so. */
  demo?: true;
  /** Only when so. */
  mock?: true;
  /** When the source was last found equal; `null` before the first time. */
  dataAsOf: Instant | null;
  changedAt?: Instant;
  receivedAt?: Instant;
  /** W3C trace id. */
  traceId?: string;
  subscription: string;
  /** What it tells of, such as `workitem.updated`. */
  eventType: string;
  status: string;
  missed: number | null;
}

/** Nothing was written for a while. */
export interface Heartbeat {
  type: "heartbeat";
  /** The major version of the schema. */
  v: 1;
  /** When the event was appended; for events without an id, when it was written. */
  timestamp: Instant;
  level: Level;
  /** Only when so. */
  demo?: true;
  /** Only when so. */
  mock?: true;
  /** When the source was last found equal; `null` before the first time. */
  dataAsOf: Instant | null;
  cursor: EventId;
}

/** The server ends the stream. */
export interface Closing {
  type: "closing";
  /** The major version of the schema. */
  v: 1;
  /** When the event was appended; for events without an id, when it was written. */
  timestamp: Instant;
  level: Level;
  /** Only when so. */
  demo?: true;
  /** Only when so. */
  mock?: true;
  /** When the source was last found equal; `null` before the first time. */
  dataAsOf: Instant | null;
  reason: ClosingReason;
  reconnectAfterMs: number;
}

/** Every event that this version knows, told apart by `type`. A newer server may send others: pass over them. */
export type Event = Connected | Snapshot | WorkItemsUpdated | WorkItemChanged | MetricChanged | OutlookChanged | CacheInvalidated | SprintChanged | Degraded | Recovered | SyncCompleted | WebhookHealth | Heartbeat | Closing;
