import type { Event, Options } from "./index.js";

/** The class that many dashboards began with, without what was wrong with it. */
export class DashboardSSEClient {
  constructor(endpoint?: string, options?: Options);
  endpoint: string;
  options: Options;
  eventSource: { readonly readyState: number; close(): void } | null;
  reconnectAttempts: number;
  maxReconnectAttempts: number;
  connect(): void;
  /** Yours to override: it is handed each event. */
  handleDashboardUpdate(event: Event): void;
  handleReconnection(): void;
  disconnect(): void;
}
