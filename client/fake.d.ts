import type { IncomingMessage, ServerResponse } from "node:http";

import type { Item, MetricId } from "./events.js";

type Given = Partial<Item> & { id: number };

export interface FakeServer {
  readonly url: string;
  /** How many streams are open, and how many were opened. */
  readonly open: number;
  readonly opened: number;
  /** What answers in the service's place; it returns whether it did. */
  instead: (request: IncomingMessage, response: ServerResponse) => boolean;
  change(team: string, item: Given): void;
  move(team: string, metric: MetricId | (string & {}), value: number | null): void;
  say(event: { type: string; [field: string]: unknown }): void;
  end(reason?: string): void;
  close(): Promise<void>;
}

export function fakeServer(options?: {
  boards?: readonly { team?: string; project?: string; items?: readonly Given[]; metrics?: Readonly<Record<string, number | null>> }[];
  heartbeatMs?: number;
  port?: number;
}): Promise<FakeServer>;
