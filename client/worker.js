// The shared worker of all pages of a browser that show boards: it keeps their one stream.

import { Hub } from "./hub.js";

const hub = new Hub({
  fetch: (...parameters) => fetch(...parameters),
  random: Math.random,
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (...parameters) => setTimeout(...parameters),
  clearTimeout: (timer) => clearTimeout(timer),
  isOnline: () => navigator.onLine !== false,
});

addEventListener("connect", ({ ports: [port] }) => {
  port.onmessage = ({ data }) => {
    // A page that dies says nothing, and lets go of its lock.
    if (data.do === "want" && data.lock) navigator.locks?.request(data.lock, () => hub.receive(port, { do: "bye" }));
    hub.receive(port, data, (message) => port.postMessage(message));
  };
});
