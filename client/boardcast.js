// Everything in one module, as the service itself serves it beside its page.

export * from "./index.js";
export { DashboardSSEClient } from "./dashboard-sse-client.js";
export { cacheStorage, webStorage } from "./storage.js";
