// What the page may cost: bytes, jumps and memory. How long it takes depends on the machine, and is measured by
// `scripts/measure page`.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { atEnd, page, startServer, until, useBrowser } from "./support.mjs";
import { BOARDS, itemOf, startWall, watch, watched } from "./wall.mjs";

const PAGE_BYTES_MAX = 120_000;
const SHIFT_MAX = 0.05;
/** `scripts/long page` says a hundred thousand. */
const EVENTS = Number(process.env.BOARDCAST_TEST_EVENTS ?? 5000);
const BATCH = 250;
/** What the heap may grow by, whatever the number of events: one that grew with them would pass it long before the end. */
const HEAP_GROWTH_MAX = 1_000_000;

useBrowser();

async function open(sizes, more = "", apartMs = 0) {
  const service = await startServer();
  const wall = await startWall(service, sizes);
  atEnd(wall.close);
  wall.front.apartMs = apartMs;
  await watch(page);
  await page.goto(`${wall.front.origin}/api/dashboard${more}`);
  await until("it is live", () => watched(page), ({ live }) => live !== null);
  return { ...wall, service };
}

/** The files that the page loads, as the browser itself counts them: what was sent, without headers. */
const files = () =>
  page.evaluate(() =>
    ["navigation", "resource"]
      .flatMap((type) => performance.getEntriesByType(type))
      .filter(({ name }) => new URL(name).pathname.startsWith("/api/dashboard"))
      .map(({ name, encodedBodySize }) => [name, encodedBodySize]),
  );

for (const more of ["", "?wall"]) {
  test(`the page comes compressed and is small, and no stream is compressed: /api/dashboard${more}`, async (told) => {
    const answers = [];
    page.on("response", (response) => new URL(response.url()).pathname.startsWith("/api/dashboard") && answers.push(response));
    const { service } = await open(undefined, more);
    for (const answer of answers) assert.equal(answer.headers()["content-encoding"], "gzip", `${answer.url()} is not compressed`);
    const all = await files();
    assert.ok(all.length >= 10 && all.every(([, size]) => size > 0), String(all));
    const bytes = all.reduce((sum, [, size]) => sum + size, 0);
    told.diagnostic(`${all.length} files, ${bytes} bytes`);
    assert.ok(bytes < PAGE_BYTES_MAX, `the page has ${bytes} bytes`);
    const stream = await fetch(`${service.origin}/api/sse/dashboard`, { headers: { "accept-encoding": "gzip, br" } });
    assert.equal(stream.headers.get("content-encoding"), null);
    await stream.body.cancel();
  });
}

test("nothing jumps when twelve boards with 1,900 items come", async () => {
  // One by one, as over any line.
  await open(undefined, "", 10);
  await sleep(2000);
  const { shift, nodes } = await watched(page);
  assert.ok(nodes > 10 * BOARDS, `${nodes} elements show nothing`);
  assert.ok(shift < SHIFT_MAX, `the layout shifted by ${shift}`);
});

for (const [width, height] of [[320, 640], [390, 844], [768, 1024], [1280, 800]]) {
  test(`nothing jumps while a board lives, and the header is low: ${width} by ${height}`, async () => {
    await page.setViewport({ width, height });
    const { fake } = await open([40], "?team=Team%201");
    await until("the fonts and the chart are there", () => page.evaluate(() => document.fonts.ready.then(() => document.querySelector(".chart-plot polyline") !== null)));
    await page.evaluate(() => (seen.shift = 0));
    const header = () => page.$eval("body > header", ({ offsetHeight }) => offsetHeight);
    const heights = new Set([await header()]);
    // Each age goes from now to seconds and back, and what happens has its first entries.
    for (let change = 1; change <= 4; change += 1) {
      fake.change("Team 1", itemOf(1000 + change));
      await until("the change is told", () => page.$$eval(".tick", (all) => all.length), (count) => count === change);
      for (let tenth = 0; tenth < 12; tenth += 1) {
        await sleep(100);
        heights.add(await header());
      }
    }
    const { shift } = await watched(page);
    assert.ok(shift < SHIFT_MAX, `the layout shifted by ${shift}`);
    const [most] = heights;
    assert.equal(heights.size, 1, `the header is ${[...heights]} high`);
    assert.ok(most <= (width < 768 ? 80 : 50), `the header is ${most} high`);
    // Nor does it grow by whatever it has to say.
    await page.evaluate(() => {
      document.getElementById("demo").hidden = false;
      document.getElementById("status").textContent = "disconnected";
      document.getElementById("age").textContent = "heard 59 min ago";
    });
    assert.equal(await header(), most);
  });
}

test("memory does not grow with events, of the page and of the worker that has its stream", async (told) => {
  const { fake } = await open([140, 40], "?team=Team%201");
  const worker = await page.browserContext().waitForTarget((target) => target.type() === "shared_worker");
  const devtoolsOf = await Promise.all([page.target(), worker].map((target) => target.createCDPSession()));
  const heap = async () => {
    const sizes = [];
    for (const devtools of devtoolsOf) {
      for (let round = 0; round < 3; round += 1) await devtools.send("HeapProfiler.collectGarbage");
      sizes.push((await devtools.send("Runtime.getHeapUsage")).usedSize);
    }
    return sizes;
  };
  const nodes = () => page.evaluate(() => document.getElementsByTagName("*").length);
  let said = 0;
  /** Says some events, each of which changes what is shown, and waits until the page has taken in the last. */
  const say = async (count) => {
    for (const end = said + count; said < end; ) {
      for (let index = 0; index < BATCH; index += 1, said += 1) {
        if (said % 3 === 0) fake.move("Team 1", "points.remaining", 10 + (said % 50));
        else fake.change("Team 1", { ...itemOf(1 + (said % 140)), title: `Item at ${said}`, state: said % 2 ? "Active" : "New", stateCategory: said % 2 ? "InProgress" : "Proposed" });
      }
      fake.change("Team 1", { id: 1, title: `Marked ${said}.` });
      await until("the page heard all", () => page.evaluate((mark) => document.body.textContent.includes(mark), `Marked ${said}.`));
    }
  };
  // What is kept of the newest events has its size by then.
  await say(Math.max(1000, EVENTS / 20));
  const [before, elements] = [await heap(), await nodes()];
  await say(EVENTS);
  const [now, then] = [await heap(), await nodes()];
  const kB = (bytes) => Math.round(bytes / 1000);
  told.diagnostic(`${EVENTS} events: page ${kB(before[0])} → ${kB(now[0])} kB, worker ${kB(before[1])} → ${kB(now[1])} kB, elements ${elements} → ${then}`);
  now.forEach((size, index) => assert.ok(size - before[index] < HEAP_GROWTH_MAX, `the heap of the ${index ? "worker" : "page"} grew by ${size - before[index]} bytes`));
  assert.ok(Math.abs(then - elements) < elements / 10, `${elements} elements became ${then}`);
});
