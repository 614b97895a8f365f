// What may happen to a wall that hangs for months. Each outage has a browser context, a service and a front of its own, and all
// happen at once: until it is over the page says what is true and never that it is live, it heals by itself, without a reload,
// and asks no more often than chance allows. `scripts/long page` makes each last a minute, with heartbeats as the service has
// them by itself; then what is silent has to be said within one and a half of them.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { startFront } from "./front.mjs";
import { launchBrowser, startServer, until, workItemUpdated } from "./support.mjs";

const OUTAGE_MS = 1000 * Number(process.env.BOARDCAST_TEST_OUTAGE_S ?? 6);
const HEARTBEAT_MS = Number(process.env.BOARDCAST_TEST_HEARTBEAT_MS ?? 1000);
/** Figures are judged where heartbeats are as in operation, beside which a slow machine's second is little. */
const IS_LONG = HEARTBEAT_MS >= 15_000;
const SLACK_MS = 3000;
const HOUR_MS = 3_600_000;
/** The least that the service says in `retry:`. */
const RETRY_MS = 2000;
const RETRY_MAX_MS = 30_000;
const POLL_MIN_MS = 22_500;

/**
 * How many tries in a row a random wait that grows makes in some time, but for one case in a million: that n waits, each a random
 * part of its span, come to less is no likelier than T^n / (n! · the product of the spans).
 */
function mostTries(ms) {
  let chance = 1;
  for (let tries = 1; ; tries += 1) {
    chance *= ms / (tries * Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** (tries - 1)));
    if (chance < 1e-6) return tries;
  }
}

const HTML = { "content-type": "text/html; charset=utf-8" };
const refuse = (status, headers = {}, body = "") => (response) => response.writeHead(status, headers).end(body);
const instead = (answer) => ({ begin: ({ front }) => { front.instead = answer; front.cut(); }, end: ({ front }) => front.restore() });

const OUTAGES = {
  "a cable that is pulled": { says: /^Nothing was heard from the server/, begin: ({ front }) => front.hush(), end: ({ front }) => front.restore() },
  "a network that refuses": { says: /^The server cannot be reached/, begin: ({ front }) => front.leave(), end: ({ front }) => front.restore() },
  "a service that is killed and begins anew": {
    says: /^(The connection was lost|The server cannot be reached)/,
    begin: async ({ server, front }) => { await server.kill(); front.leave(); },
    end: async (all) => { await begunAnew(all); await all.front.restore(); },
  },
  "a service that is frozen": { says: /^Nothing was heard from the server/, begin: ({ server }) => server.freeze(), end: ({ server }) => server.thaw() },
  "503 from a host, in eight tabs": { says: /^What stands in front of boardcast answers in its place, 503/, tabs: 8, ...instead(refuse(503)) },
  "a page to sign in": { says: /^You are signed out/, ...instead(refuse(200, HTML, '<form><input type="password" name="p"></form>')) },
  "401": { says: /^This page needs a function key/, ...instead(refuse(401)) },
  "404": { says: /^Nothing at this address knows of any boards/, ...instead(refuse(404)) },
};

const SETTINGS = { BOARDCAST_HEARTBEAT_MS: String(HEARTBEAT_MS) };

let browser;
before(async () => {
  browser = await launchBrowser();
});
after(() => browser.close());

const endings = new WeakMap();

/** Undoes something when a test has ended, the last first. */
function atEnd(told, undo) {
  if (!endings.has(told)) {
    endings.set(told, []);
    told.after(async () => {
      for (const undo of endings.get(told).reverse()) await undo();
    });
  }
  endings.get(told).push(undo);
}

const look = (page) =>
  page.evaluate(() => ({ word: document.body.dataset.state, words: document.querySelector("#words").textContent, titles: [...document.querySelectorAll("#boards .item .title")].map((title) => title.textContent), loadedAt: performance.timeOrigin }));

/** Opens tabs in a context of their own, on a service with one item behind a front of its own. */
async function open(told, count = 1, more = {}) {
  const all = { server: await startServer({ settings: SETTINGS }), pages: [], faults: [] };
  atEnd(told, () => all.server.stop());
  await all.server.post(workItemUpdated({ id: 1, rev: 1, title: "Known before" }));
  all.front = await startFront(() => all.server.origin, more);
  atEnd(told, () => all.front.close());
  const context = (all.context = await (more.browser ?? browser).newContext());
  atEnd(told, () => context.close());
  for (let index = 0; index < count; index += 1) {
    const { page, faults } = await (more.browser ?? browser).newPage(context);
    all.pages.push(page);
    all.faults.push(faults);
    await more.prepare?.(page);
    await page.goto(`${all.front.origin}/api/dashboard`);
    await until("a tab is live", () => look(page), ({ word, titles }) => word === "live" && titles.includes("Known before"));
  }
  return all;
}

/** The worker that has the one stream of all tabs, to look into. */
async function workerOf({ context }) {
  return (await context.waitForTarget((target) => target.type() === "shared_worker")).createCDPSession();
}

/** The streams that the browser asks for from now on: of a request that nobody accepts nobody else knows. */
async function triesOf(all) {
  const tries = [];
  const devtools = await workerOf(all);
  devtools.on("Network.requestWillBeSent", ({ request }) => request.url.includes("/api/sse/") && tries.push(performance.now()));
  await devtools.send("Network.enable");
  return tries;
}

/** A service that was killed is there again, and knows nothing. */
async function begunAnew(all) {
  all.server = await startServer({ port: all.server.port, settings: SETTINGS });
}

/** The service dies while nobody looks and begins anew, without what it knew, and with something that happened since. */
async function goneMeanwhile(all) {
  await sleep(OUTAGE_MS / 2);
  await all.server.kill();
  all.front.cut();
  await begunAnew(all);
  await all.server.post(workItemUpdated({ id: 2, rev: 1, title: "Posted meanwhile" }));
  await sleep(OUTAGE_MS / 2);
}

/** Waits until every tab shows what was told during the outage, and says that it is live. */
async function healed(all) {
  for (const page of all.pages) await until("a tab is live again, and shows what happened meanwhile", () => look(page), ({ word, titles }) => word === "live" && titles.includes("Posted meanwhile"));
}

const report = (told, words) => told.diagnostic(words);

describe("outages", { concurrency: true }, () => {
  for (const [name, outage] of Object.entries(OUTAGES)) {
    test(`b7_b8_${name} is told, and heals`, async (told) => {
      const all = await open(told, outage.tabs);
      const loaded = await Promise.all(all.pages.map(async (page) => (await look(page)).loadedAt));
      const tries = await triesOf(all);
      const began = performance.now();
      all.front.asked.length = 0;
      await outage.begin(all);
      const said = [];
      for (const page of all.pages) {
        await until(`a tab says ${outage.says}`, () => look(page), ({ word, words }) => word !== "live" && outage.says.test(words));
        said.push(performance.now() - began);
      }
      if (IS_LONG) assert.ok(said[0] <= 1.5 * HEARTBEAT_MS + SLACK_MS, `it was said after ${said[0]} ms`);
      while (performance.now() - began < OUTAGE_MS) {
        for (const page of all.pages) assert.notEqual((await look(page)).word, "live", "it said that it is live in the middle of it");
        await sleep(100);
      }
      const lasted = performance.now() - began;
      const others = all.front.asked.filter(({ isStream }) => !isStream);
      const streams = Math.max(tries.length, all.front.asked.length - others.length);
      await outage.end(all);
      await all.server.post(workItemUpdated({ id: 2, rev: 1, title: "Posted meanwhile" }));
      await healed(all);
      const after = performance.now() - began - lasted;
      report(told, `said after ${Math.round(said[0])} ms, ${streams} + ${others.length} requests in ${Math.round(lasted / 1000)} s, live ${Math.round(after)} ms after its end`);
      assert.ok(streams <= mostTries(lasted), `${streams} tries in ${lasted} ms, where chance allows ${mostTries(lasted)}`);
      // Where streams do not come through and other answers might, boards are asked for now and then, by each tab for itself.
      assert.ok(others.length <= all.pages.length * (1 + lasted / POLL_MIN_MS), `${others.length} other requests: ${others.map(({ url }) => url).slice(0, 9)}`);
      assert.deepEqual(await Promise.all(all.pages.map(async (page) => (await look(page)).loadedAt)), loaded, "a tab was loaded anew");
      assert.deepEqual(all.faults.flat(), []);
    });
  }

  test("b7_a device without a network says so, and heals as soon as there is one", async (told) => {
    // What a tab is told of the network the worker of all tabs is not, where it is a test that tells it.
    const all = await open(told, 1, { prepare: (page) => page.evaluateOnNewDocument(() => delete globalThis.SharedWorker) });
    const [page] = all.pages;
    await page.setOfflineMode(true);
    all.front.cut();
    all.front.asked.length = 0;
    const began = performance.now();
    await until("it says so", () => look(page), ({ word, words }) => word === "disconnected" && /^This device is offline/.test(words));
    while (performance.now() - began < OUTAGE_MS) {
      assert.notEqual((await look(page)).word, "live");
      await sleep(100);
    }
    assert.equal(all.front.asked.length, 0, "the network was away");
    await all.server.post(workItemUpdated({ id: 2, rev: 1, title: "Posted meanwhile" }));
    await page.setOfflineMode(false);
    const back = performance.now();
    await healed(all);
    report(told, `live ${Math.round(performance.now() - back)} ms after its end`);
  });

  for (const hours of [1, -1]) {
    test(`b7_fault_page_3_a clock that is set by ${hours} h, of the tab and of the worker that has its stream, changes no age`, async (told) => {
      const all = await open(told);
      const [page] = all.pages;
      const worker = await workerOf(all);
      const set = `{ const wall = Date.now; Date.now = () => wall() + ${hours * HOUR_MS}; }`;
      all.front.asked.length = 0;
      await Promise.all([worker.send("Runtime.evaluate", { expression: set }), page.evaluate(set)]);
      const began = performance.now();
      const words = new Set();
      while (performance.now() - began < OUTAGE_MS) {
        const { word, age } = await page.evaluate(() => ({ word: document.body.dataset.state, age: document.querySelector("#age").textContent }));
        words.add(word);
        assert.doesNotMatch(age, /\d (h|d) ago/, `${word}: ${age}`);
        assert.ok(["live", "checking"].includes(word), word);
        await sleep(25);
      }
      await all.server.post(workItemUpdated({ id: 2, rev: 1, title: "Posted meanwhile" }));
      await healed(all);
      const streams = all.front.asked.filter(({ isStream }) => isStream).length;
      report(told, `${[...words].join(", ")}; ${streams} streams`);
      assert.ok(streams >= 1 && streams <= 2, `${streams} streams were opened where one tells the time`);
    });
  }

  test("b7_a tab that was frozen while the service began anew shows the truth as soon as it goes on", async (told) => {
    const all = await open(told);
    const devtools = await all.pages[0].createCDPSession();
    await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
    await goneMeanwhile(all);
    await devtools.send("Page.setWebLifecycleState", { state: "active" });
    await healed(all);
    assert.deepEqual((await look(all.pages[0])).titles, ["Posted meanwhile"], "what the service no longer knows is shown");
  });

  test("b7_a browser that slept while the service began anew shows the truth as soon as it wakes", async (told) => {
    const own = await launchBrowser();
    atEnd(told, () => own.close());
    const all = await open(told, 1, { browser: own });
    await own.sleep();
    await goneMeanwhile(all);
    all.front.asked.length = 0;
    await own.wake();
    const woken = performance.now();
    let untrue = 0;
    await until("it is live", () => look(all.pages[0]), ({ word, titles }) => {
      if (word === "live" && !titles.includes("Posted meanwhile")) untrue = performance.now() - woken;
      return word === "live" && titles.includes("Posted meanwhile");
    });
    const asked = all.front.asked.length;
    report(told, `untrue for ${Math.round(untrue)} ms, live ${Math.round(performance.now() - woken)} ms after it woke, ${asked} requests`);
    if (IS_LONG) assert.ok(untrue <= 1.5 * HEARTBEAT_MS, `it said that old boards are live for ${untrue} ms`);
    assert.deepEqual((await look(all.pages[0])).titles, ["Posted meanwhile"]);
    assert.ok(asked <= mostTries(performance.now() - woken), `${asked} requests after it woke`);
  });

  test("b11_a new version is loaded by each tab, once", async (told) => {
    let version = "1";
    const all = await open(told, 3, { edit: (part) => part.replace(/"serverVersion":"[^"]*"/, `"serverVersion":"${version}"`) });
    const loaded = () => Promise.all(all.pages.map((page) => page.evaluate(() => performance.timeOrigin).catch(() => null)));
    const first = await loaded();
    version = "2";
    all.front.asked.length = 0;
    all.front.cut();
    const second = await until("every tab is loaded anew", loaded, (now) => now.every((at, index) => at !== null && at !== first[index]));
    await all.server.post(workItemUpdated({ id: 2, rev: 1, title: "Posted meanwhile" }));
    await healed(all);
    await sleep(4000);
    assert.deepEqual(await loaded(), second, "a version is loaded again and again");
    assert.ok(new Set(second.map(Math.round)).size === 3, "all tabs came at once");
    assert.deepEqual(all.faults.flat(), []);
  });
});
