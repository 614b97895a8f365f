import type { Board as WireBoard, BoardAnswer, Burndown, Event, Explanation, Item, ItemExplanation, Level, Metric, MetricId, Outage, Progress, Unit } from "./events.js";

export type * from "./events.js";

/** How the connection stands. */
export interface ConnectionState {
  /** In one word. `unauthorised` wants a key or a login, `shed` has too many readers, `stale` said nothing for too long. */
  readonly name: "connecting" | "live" | "stale" | "reconnecting" | "offline" | "unauthorised" | "shed" | "closed";
  /** Why: of `reconnecting` for instance that the stream was `lost`, the server was `stopped`, is `unreachable`, or `refused`. */
  readonly reason: "opening" | "live" | "silent" | "lost" | "cut" | "stopped" | "unreachable" | "offline" | "refused" | "shed" | "closed";
  /** While it is live since when it is; else when the service was heard last; `null` before it ever was. By the server's clock. */
  readonly since: number | null;
  /** When it is tried again, by the server's clock; `null` while nothing is planned. */
  readonly nextTryAt: number | null;
  /** What was answered instead of a stream, where `reason` is `refused`. */
  readonly answer: Answer | null;
  /** How often it was tried in vain since it was last well. */
  readonly failures: number;
  /** Boards are fetched every half minute, because streams do not come through. */
  readonly polling: boolean;
}

/** What was answered in the service's place. */
export interface Answer {
  readonly status: number;
  /** A redirect led to another site, where nobody may look. */
  readonly isElsewhere: boolean;
  readonly text: string;
  readonly mediaType: string;
  readonly challenge: string;
  readonly retryAfterMs: number;
}

/** A board as it is kept: that of the wire, whose it is, and how true it is. */
export interface Board extends Omit<WireBoard, "items"> {
  /** By number. Nobody changes it: a board that changed has another one. */
  readonly items: ReadonlyMap<number, Item>;
  readonly key: string;
  readonly projectId: string;
  readonly teamId: string | null;
  readonly sprintId: string | null;
  readonly level: Level;
  /** Whether its contents are invented because nothing is known: say so. */
  readonly mock: boolean;
  /** Whether the organisation behind it is simulated: say so. */
  readonly demo: boolean;
  readonly dataAsOf: number | null;
  readonly reason: string | null;
  readonly since: number | null;
  readonly retryAt: number | null;
  readonly remedy: string | null;
  readonly progress: Progress | null;
  readonly takenAt: number;
  /** Another number where the board was told anew as a whole. */
  readonly edition: number;
}

/** What is known. Nothing of it ever changes; what follows from an event is another value that shares the rest. */
export interface State {
  readonly boards: { readonly [key: string]: Board };
  readonly awaited: readonly string[];
  readonly announced: number;
  readonly organisation: { readonly level: Level; readonly outage: Partial<Outage> | null };
  readonly isStoreAway: boolean;
  readonly demo: boolean;
  readonly serverVersion: string | null;
}

/** The state, and how the connection stands. */
export interface View extends State {
  readonly connection: ConnectionState;
}

/** What has to be done besides, as data. */
export type Effect =
  | { readonly do: "fetch"; readonly url: string; readonly key: string; readonly load: number; readonly tries: number }
  | { readonly do: "list"; readonly url: string; readonly purpose: "boards" | "reload" | "ages" }
  | { readonly do: "later"; readonly afterMs: readonly [number, number]; readonly action: Action };

/** What came of an effect. */
export type Action =
  | { readonly type: "client.fetched"; readonly key: string; readonly load: number; readonly answer: BoardAnswer; readonly at: number }
  | { readonly type: "client.failed" | "client.again"; readonly url: string; readonly key: string; readonly load: number; readonly tries: number }
  | { readonly type: "client.listed"; readonly purpose: string; readonly answer: unknown; readonly at: number }
  | { readonly type: "client.due"; readonly key: string }
  | { readonly type: "client.listDue" };

/** The unit of a metric. What counts effort has `items` where nothing of the sprint is estimated. */
export type UnitOf<Id extends string> = Id extends keyof Odd
  ? Odd[Id]
  : Id extends `${infer Group}.${string}`
    ? Group extends keyof Groups
      ? Groups[Group]
      : Unit
    : Unit;

interface Odd {
  "blocked.hours": "hours";
  "forecast.items.p85": "items";
  "forecast.probability": "percent";
  "forecast.when.p50": "days";
  "forecast.when.p85": "days";
}

interface Groups {
  age: "days";
  bugs: "bugs";
  burndown: "points";
  cycle: "days";
  hours: "hours";
  items: "items";
  lead: "days";
  percent: "percent";
  points: "points";
  scope: "points" | "items";
  sprint: "days";
  throughput: "items";
  velocity: "points" | "items";
}

/** A number with the unit that its metric has. */
export type MetricOf<Id extends string> = Metric & { readonly unit: UnitOf<Id> };

/** An event that this version of the package does not know. */
export interface UnknownEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Keeps what was heard across a reload. `load` returns what `save` was given, or `null`. */
export interface Storage {
  load(name: string): Promise<{ state: Partial<State>; position: string } | null>;
  save(name: string, state: State, position: string): Promise<void>;
}

export interface Options {
  /** Where the service is, such as `https://boards.example`; without it the page's own site. `connect` throws where there is neither. */
  url?: string;
  /** Projects and teams, each by name or id; all without them. */
  project?: string | readonly string[];
  team?: string | readonly string[];
  /** A function key, sent in a header; a function is asked before each request. */
  key?: string | (() => string | null | undefined);
  /** More headers, such as `authorization`. */
  headers?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);
  /** `eventsource` where nothing else comes through: it sends the key in the address, and sees no status. */
  transport?: "fetch" | "eventsource";
  /** One stream for all pages of a browser: `"worker"`, `"locks"`, or whichever there is. On by default in pages. */
  share?: boolean | "worker" | "locks";
  storage?: Storage | null;
  /** Fetch boards every half minute where streams do not come through. On by default. */
  poll?: boolean;
  signal?: AbortSignal;
  lastEventId?: string;
  onEvent?: (event: Event, id: string | null) => void;
  onState?: (state: ConnectionState) => void;
  /** What a test has in its hands. */
  fetch?: typeof fetch;
  EventSource?: typeof EventSource;
  random?: () => number;
  now?: () => number;
  monotonic?: () => number;
  setTimeout?: (then: () => void, ms: number) => unknown;
  clearTimeout?: (timer: never) => void;
  warn?: (...what: unknown[]) => void;
}

export interface Client extends AsyncIterable<Event> {
  readonly state: ConnectionState;
  readonly since: number | null;
  readonly nextTryAt: number | null;
  /** The boards that are shown, in the order of projects and teams. */
  readonly boards: readonly Board[];
  readonly lastEventId: string;
  /** How many events were none, or could not be taken in. */
  readonly malformed: number;
  getState(): View;
  /** Calls the listener after every change, and returns what ends that. */
  subscribe(listener: (view: View) => void): () => void;
  on(name: "event", listener: (event: Event, id: string | null) => void): () => void;
  on(name: "state", listener: (state: ConnectionState) => void): () => void;
  on(name: "change", listener: (view: View) => void): () => void;
  /** The server's time in milliseconds, whatever the device's clock says. */
  now(): number;
  /** The device slept or its clock was set: no age can be told until the server was heard again. */
  isInDoubt(): boolean;
  /** Fetches JSON from the service. */
  get(path: string): Promise<unknown>;
  /**
   * Where a number comes from, item by item, with `past` of the board as it was then; of `item:<number>` why a work item is on the
   * board, or is not.
   */
  explain(board: Board, item: `item:${number}`): Promise<ItemExplanation>;
  explain(board: Board, metric: MetricId | (string & {}), past?: { day: string } | { sprint: string } | { since: string; sprint?: string }): Promise<Explanation>;
  tryNow(options?: { force?: boolean }): void;
  /** Ends everything. What was heard stays readable. */
  close(): void;
}

/** Opens the stream and keeps the boards. */
export function connect(options?: Options): Client;

/** The state before anything was heard. */
export function initial(): State;
/** The state after an event, and what has to be done besides. Pure. */
export function reduce(state: State, event: Event | UnknownEvent | Action, id?: string | null): { state: State; effects: readonly Effect[] };
/** The state of somebody who fetched one board and has heard nothing else. */
export function fromSnapshot(answer: BoardAnswer, at?: number): State;
export function keyOf(scope: { projectId: string; teamId: string | null; sprintId: string | null }): string;
export function isShown(board: Board): boolean;
export function boardUrl(board: Pick<Board, "projectId" | "teamId">, more?: Readonly<Record<string, string>>): string;

/** Which board, by name or id. */
export interface Wanted {
  project?: string;
  team?: string;
}

/** Which items. */
export interface Which {
  category?: string;
  type?: string;
  /** A name, or `null` for those that are nobody's. */
  assignee?: string | null;
  blocked?: boolean;
}

export function boards(state: State): readonly Board[];
export function board(state: State, wanted?: Wanted): Board | undefined;
export function items(board: Board, which?: Which): readonly Item[];
/** A number, with the unit that its metric has. `undefined` where the board has none of that name, as between two sprints. */
export function metric<Id extends MetricId | (string & {})>(board: Board, id: Id): MetricOf<Id> | undefined;
/** In milliseconds; `null` where it is not known. */
export function age(board: Board, now: number): number | null;
/** How many boards are still to come; `Infinity` where nobody said how many. */
export function loading(state: State): number;

/** A point of a line. */
export interface LayoutPoint {
  readonly x: number;
  /** From the top. */
  readonly y: number;
  readonly value: number;
  /** The day at whose end it is; `null` at the beginning of the sprint. */
  readonly date: string | null;
}

/** Where the lines of a burndown go. A day of which something is not known has no point on that line. */
export interface BurndownLayout {
  /** The value at the top; 0 is at the bottom. */
  readonly most: number;
  readonly ideal: readonly LayoutPoint[];
  readonly remaining: readonly LayoutPoint[];
  readonly scope: readonly LayoutPoint[];
  readonly completed: readonly LayoutPoint[];
  /** The days on which nobody works. */
  readonly off: readonly { readonly x: number; readonly width: number; readonly date: string }[];
  /** What is left now; `null` before the sprint. */
  readonly now: LayoutPoint | null;
}

/** A burndown in a box of that size. `live` is what remains now, which is newer than the lines: of `points.remaining` or `items.remaining`, by `unit`. */
export function burndownLayout(burndown: Burndown, box: { width: number; height: number; live?: number | null | undefined }): BurndownLayout;

/** A request whose answer is no success. */
export class RefusedError extends Error {
  /** `null` where nothing answered. */
  readonly answer: Answer | null;
}
