import type { Burndown, Item, MetricId } from "./events.js";

type Given = Partial<Item> & { id: number };

/** What a test needs of an `IncomingMessage` of Node.js, whose types are not needed for this. */
interface Request {
  readonly url?: string | undefined;
  readonly method?: string | undefined;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
}

/** The same of a `ServerResponse`. */
interface Response {
  writeHead(status: number, headers?: { readonly [name: string]: string }): Response;
  write(text: string): boolean;
  end(text?: string): unknown;
}

export interface FakeServer {
  readonly url: string;
  /** How many streams are open, and how many were opened. */
  readonly open: number;
  readonly opened: number;
  /** What answers in the service's place; it returns whether it did. */
  instead: (request: Request, response: Response) => boolean;
  change(team: string, item: Given): void;
  move(team: string, metric: MetricId | (string & {}), value: number | null): void;
  say(event: { type: string; [field: string]: unknown }): void;
  end(reason?: string): void;
  close(): Promise<void>;
}

export function fakeServer(options?: {
  boards?: readonly { team?: string; project?: string; items?: readonly Given[]; metrics?: Readonly<Record<string, number | null>>; burndown?: Burndown | null }[];
  heartbeatMs?: number;
  port?: number;
}): Promise<FakeServer>;
