// Measures how long a wall takes to be there: twelve boards with 1,900 items, and the demo's three. It prints figures and judges
// none: what they may be depends on the machine. `scripts/measure page` runs it.

import { launchBrowser, startServer, until } from "./support.mjs";
import { BOARDS, ITEMS, startWall, watch, watched } from "./wall.mjs";

const RUNS = 7;

/** Loads an address in a new browser, and once more in the same. */
async function measureOnce(address) {
  const browser = await launchBrowser();
  try {
    const { page } = await browser.newPage();
    await watch(page);
    const load = async () => {
      await page.goto(address);
      return until("the page is live", () => watched(page), ({ live }) => live !== null);
    };
    const cold = await load();
    await until("the page and its boards are kept", () => page.evaluate(async () => navigator.serviceWorker.controller?.state === "activated" && (await (await caches.open("boardcast-boards")).keys()).length > 0));
    return { cold, warm: await load() };
  } finally {
    await browser.close();
  }
}

function median(values) {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}

async function measure(title, address) {
  const runs = [];
  for (let run = 0; run < RUNS; run += 1) runs.push(await measureOnce(address));
  for (const kind of ["cold", "warm"]) {
    const column = (name) => runs.map((run) => run[kind][name]);
    const [full, paint] = [column("live"), column("firstPaint")];
    const range = `${Math.min(...full).toFixed(0)} to ${Math.max(...full).toFixed(0)}`;
    console.log(`${title}, ${kind}: full ${median(full).toFixed(0)} ms (${range}), first paint ${median(paint).toFixed(0)} ms, shift ${Math.max(...column("shift")).toFixed(3)}, ${column("nodes")[0]} elements`);
  }
}

const service = await startServer({ settings: { BOARDCAST_DEMO: "on" } });
const wall = await startWall(service);
console.log(`medians of ${RUNS} loads in new browsers (least to greatest)`);
await measure("the demo", `${service.origin}/api/dashboard`);
await measure(`${BOARDS} boards, ${ITEMS} items`, `${wall.front.origin}/api/dashboard`);
await wall.close();
await service.stop();
