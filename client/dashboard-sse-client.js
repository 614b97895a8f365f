// The class that many dashboards began with, under its own name and with its own members, and without what is wrong with it:
// it has one source at a time, tries for ever, and loses nothing.

import { connect } from "./client.js";

const ENDPOINT = "/api/sse/dashboard";

/** Hands every event to `handleDashboardUpdate`, which is yours to override. */
export class DashboardSSEClient {
  #client = null;

  /** What the source was: whether it is open, and how to close it. */
  eventSource = null;
  /** How often it was tried in vain since it was last well. */
  reconnectAttempts = 0;
  /** It never gives up. */
  maxReconnectAttempts = Infinity;

  /** `endpoint` may have a filter: `/api/sse/dashboard?project=…&team=…`. `options` are those of `connect`. */
  constructor(endpoint = ENDPOINT, options = {}) {
    this.endpoint = endpoint;
    this.options = options;
  }

  /** Begins to listen. A second call changes nothing. */
  connect() {
    if (this.#client) return;
    const [url, query] = this.endpoint.split(ENDPOINT);
    const asked = new URLSearchParams(query);
    const client = connect({ url, project: asked.getAll("project"), team: asked.getAll("team"), share: false, poll: false, ...this.options });
    this.#client = client;
    this.eventSource = {
      get readyState() {
        return { live: 1, closed: 2 }[client.state.name] ?? 0;
      },
      close: () => this.disconnect(),
    };
    client.on("state", ({ failures }) => (this.reconnectAttempts = failures));
    client.on("event", (event) => this.handleDashboardUpdate(event));
  }

  /** Yours: it is handed each event as it comes. */
  handleDashboardUpdate(_event) {}

  /** Everything that this did happens by itself. */
  handleReconnection() {}

  /** Ends it. Calling it again changes nothing. */
  disconnect() {
    this.#client?.close();
    this.#client = null;
    this.eventSource = null;
  }
}
