// A large wall to measure: twelve boards with 1,900 items, six of them too large for an event, as the service for tests has them,
// and the page's files as the service itself hands them out.

import { fakeServer } from "../../client/fake.js";
import { startFront } from "./front.mjs";

const SIZES = [300, 300, 300, 300, 300, 300, 20, 20, 20, 15, 15, 10];
export const ITEMS = SIZES.reduce((sum, size) => sum + size, 0);
export const BOARDS = SIZES.length;

const STATES = [["New", "Proposed"], ["Active", "InProgress"], ["Active", "InProgress"], ["Closed", "Completed"]];
const METRICS = {
  "points.remaining": 40, "points.total": 88, "points.completed": 48, "items.remaining": 12, "items.total": 30, "items.completed": 18,
  "hours.remaining": 140.5, "hours.capacity": 160, "percent.complete": 54.5, "items.wip": 8, "items.blocked": 1, "bugs.open": 3,
  "velocity.average": 41.5, "sprint.days_left": 4, "lead.p85": 9.5, "age.max": 12.25, "forecast.probability": 71,
};

/** An item of a team, different from the others in whatever is drawn of one. */
export function itemOf(id) {
  const [state, stateCategory] = STATES[id % STATES.length];
  const assignedTo = id % 5 === 0 ? null : { id: null, name: `Member ${id % 7}` };
  return { id, title: `Item ${id}: ${"a title of some length ".repeat(1 + (id % 3))}`, state, stateCategory, assignedTo, effort: 1 + (id % 8), tags: [`tag ${id % 9}`], blocked: id % 40 === 0, rank: id };
}

function burndown() {
  const days = Array.from({ length: 12 }, (_, index) => ({
    date: `2026-11-${16 + index}`,
    working: index % 7 < 5,
    ideal: 88 - 7.33 * (index + 1),
    ...(index < 8 && { remaining: 88 - 6 * index, completed: 6 * index, scope: 88 }),
  }));
  return { unit: "points", original: 88, days, today: [] };
}

/** Starts the boards behind a front. `service` has the page's files. */
export async function startWall(service, sizes = SIZES) {
  let next = 0;
  const boards = sizes.map((size, index) => ({ team: `Team ${index + 1}`, metrics: METRICS, burndown: burndown(), items: Array.from({ length: size }, () => itemOf((next += 1))) }));
  const fake = await fakeServer({ boards });
  const front = await startFront(() => fake.url, { files: () => service.origin });
  return { fake, front, close: async () => { await front.close(); await fake.close(); } };
}

/** Has a page tell when it first painted something, when it is live and painted with all its boards, and by how much it shifted. */
export async function watch(page) {
  await page.evaluateOnNewDocument(() => {
    globalThis.seen = { shift: 0, live: null };
    new PerformanceObserver((list) => list.getEntries().forEach(({ value }) => (seen.shift += value))).observe({ type: "layout-shift", buffered: true });
    // It is live only when every board is whole; the second frame begins when the first one was painted.
    const look = () => {
      if (document.body?.dataset.state !== "live") return requestAnimationFrame(look);
      requestAnimationFrame(() => requestAnimationFrame(() => (seen.live ??= performance.now())));
    };
    requestAnimationFrame(look);
  });
}

/** What `watch` saw. */
export function watched(page) {
  return page.evaluate(() => ({ ...seen, firstPaint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null, nodes: document.getElementsByTagName("*").length }));
}
