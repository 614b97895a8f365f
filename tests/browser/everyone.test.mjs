// The page for everyone: what a checker of accessibility finds in each state, by the keyboard alone, on small and large screens.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { SCOPE, board, connected, item, openScripted, page, screenshot, startServer, until, useBrowser } from "./support.mjs";

const AXE = await readFile(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

let server;

useBrowser();

const state = () => page.$eval("body", (body) => body.dataset.state);

/** What the checker finds, rule by rule, with the first elements of each. */
async function findings() {
  // What fades in is judged as it is in the end.
  await page.evaluate(() => document.getAnimations().forEach((animation) => animation.finish()));
  await page.evaluate(`${AXE}; 0`);
  const { violations } = await page.evaluate((tags) => axe.run(document, { runOnly: { type: "tag", values: tags } }), RULES);
  return violations.map(({ id, nodes }) => [id, nodes.length, nodes[0].html.slice(0, 120), nodes[0].failureSummary?.slice(0, 300)]);
}

const BURNDOWN = { unit: "points", original: 40, days: [{ date: "2026-11-16", working: true, ideal: 36, remaining: 40 }, { date: "2026-11-17", working: false, ideal: 36 }], today: [] };

async function openBoard() {
  server = await openScripted();
  server.say(connected);
  const items = [item(1, { title: "مرحبا بالعالم!", blocked: true, blockedBy: "tag Blocked" }), item(2, { type: "Task", effort: 3, remainingWork: 2 }), item(3, { stateCategory: "Completed", state: "Closed", url: "https://example.org/3" })];
  server.say({ type: "snapshot", ...SCOPE, data: { ...board(items), burndown: BURNDOWN } });
  await until("the page is live", state, (word) => word === "live");
}

const SCHEMES = [
  ["light", [{ name: "prefers-color-scheme", value: "light" }]],
  ["dark", [{ name: "prefers-color-scheme", value: "dark" }]],
  ["high contrast", [{ name: "prefers-color-scheme", value: "light" }, { name: "prefers-contrast", value: "more" }]],
  ["dark high contrast", [{ name: "prefers-color-scheme", value: "dark" }, { name: "prefers-contrast", value: "more" }]],
];

/** In every scheme nothing is found. */
async function isForEveryone(what) {
  const { client } = { client: await page.createCDPSession() };
  for (const [name, features] of SCHEMES) {
    await client.send("Emulation.setEmulatedMedia", { features });
    assert.deepEqual(await findings(), [], `${what}, ${name}`);
  }
  await client.send("Emulation.setEmulatedMedia", { features: [] });
  await client.detach();
}

test("a checker finds nothing in any state, light, dark or with high contrast", async () => {
  await openBoard();
  await page.$$eval("details", (all) => all.forEach((details) => (details.open = true)));
  await isForEveryone("live");
  const since = Date.now() - 60_000;
  const down = { from: "full", reason: "server_error", since, retryAt: Date.now() + 30_000, dataAsOf: since };
  server.say({ type: "degraded", ...SCOPE, level: "cached", to: "cached", ...down });
  await until("the page is cached", state, (word) => word === "cached");
  await isForEveryone("cached");
  server.say({ type: "snapshot", ...SCOPE, data: board([item(1)]), level: "mock", mock: true, outage: { reason: "server_error", since, retryAt: null } });
  await until("the page is a mock", state, (word) => word === "mock");
  await isForEveryone("mock");
  server.say({ type: "snapshot", ...SCOPE, data: board([item(1)]) });
  await until("the page is live", state, (word) => word === "live");
  await page.click("#pause");
  await isForEveryone("paused");
  await page.click("#pause");
  await page.click(".why");
  await until("the dialog says something", () => page.$eval("#explanation div", (body) => body.textContent), (words) => words.length > 5);
  await isForEveryone("an explanation");
  await page.keyboard.press("Escape");
  server.instead = (response) => response.writeHead(503).end();
  server.end();
  await until("the connection is lost", state, (word) => word === "disconnected");
  await isForEveryone("disconnected");
  server.instead = (response) => response.writeHead(401).end();
  await until("the page is locked", state, (word) => word === "locked");
  await isForEveryone("locked");
});

test("the whole demo is for everyone, as teams, in full and one team alone, also on the smallest and the largest screen", async () => {
  server = await startServer({ settings: { BOARDCAST_DEMO: "on" } });
  const views = [["teams", "", ".team", 3], ["boards", "?view=boards", ".board", 3], ["alone", "?team=Web", ".board", 1]];
  for (const [width, height] of [[320, 640], [1280, 800], [3840, 2160]]) {
    await page.setViewport({ width, height });
    for (const [view, search, selector, number] of views) {
      await page.goto(`${server.origin}/api/dashboard${search}`);
      await until(`${view} is shown`, () => page.$$eval(selector, (all) => all.length), (count) => count === number);
      assert.equal(await page.$eval("body", ({ dataset }) => dataset.view), view);
      assert.deepEqual(await findings(), [], `${view} at ${width}`);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(over, 0, `at ${width} the page is too wide`);
      await screenshot(page, `everyone-${view}-${width}`);
    }
  }
});

test("by the keyboard the boards are one step away, and names tell them apart", async () => {
  await openBoard();
  await page.keyboard.press("Tab");
  const focused = () => page.evaluate(() => document.activeElement.textContent.trim());
  assert.equal(await focused(), "Skip to the boards");
  await page.keyboard.press("Enter");
  await until("the boards have the focus", () => page.evaluate(() => document.activeElement.id), (id) => id === "boards");
  assert.equal(await page.evaluate(() => performance.getEntriesByType("navigation").length), 1);
  assert.equal(await state(), "live");
  const tree = await page.accessibility.snapshot({ interestingOnly: false });
  const names = JSON.stringify(tree);
  for (const name of ['"name":"Mill"', "Why? Points remaining of Mill", "Why? Points in all of Mill"]) assert.ok(names.includes(name), `nothing is called ${name}`);
  assert.equal(await page.$eval(".item .title", (title) => getComputedStyle(title).direction), "rtl", "a title is written as its language is");
});

test("what is scrolled is a place with a name, and so is each of several boards, which are one step away each", async () => {
  await openBoard();
  server.say({ type: "workitem_changed", ...SCOPE, workItemId: 1, rev: 2, changeType: "state", title: "Item 1", changedBy: null, fields: { "System.State": { old: "New", new: "Active" } }, stateCategory: { old: null, new: null }, item: item(1, { rev: 2 }) });
  await until("it is told", () => page.$$eval(".tick", (all) => all.length), (count) => count === 1);
  /** What the tree for those who do not see has of one role. */
  const named = async (role) => {
    const all = [];
    const walk = (node) => {
      if (node.role === role) all.push(node.name);
      node.children?.forEach(walk);
    };
    walk(await page.accessibility.snapshot({ interestingOnly: false }));
    return all;
  };
  assert.deepEqual((await named("region")).sort(), ["Scope", "Since the last stand-up", "What happens"]);
  await server.stop();
  server = await openScripted("?view=boards");
  const scopes = ["1", "2", "3"].map((digit) => ({ ...SCOPE, teamId: `${digit}6df9be7-3586-467b-9c5f-425b29afedfd` }));
  server.say({ ...connected, scopes });
  scopes.forEach((scope, index) => server.say({ type: "snapshot", ...scope, data: { ...board([item(index + 1)]), team: { id: scope.teamId, name: ["Anvil", "Bellows", "Crank"][index] } } }));
  await until("the boards are shown", () => page.$$eval(".board .item", (rows) => rows.length), (count) => count === 3);
  assert.deepEqual(await named("region"), ["Anvil", "Bellows", "Crank"]);
  assert.deepEqual(await findings(), []);
  const focused = () => page.evaluate(() => document.activeElement.textContent.trim());
  for (const name of ["the boards", "Anvil · Analytical Engine", "Bellows · Analytical Engine"]) {
    await page.keyboard.press("Tab");
    assert.equal(await focused(), `Skip to ${name}`);
  }
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.closest(".board h2").textContent), "Bellows");
  await page.focus(".skip");
  await page.keyboard.press("Enter");
  assert.deepEqual(await page.evaluate(() => [document.activeElement.id, location.search, performance.getEntriesByType("navigation").length]), ["boards", "?view=boards", 1]);
});

test("who does not see a team's page is told now and then how many items changed, and not while it is paused", async () => {
  await page.evaluateOnNewDocument(() => {
    const now = performance.now.bind(performance);
    let ahead = 0;
    const wall = Date.now;
    // Both clocks go on alike: the page did not sleep.
    performance.now = () => now() + ahead;
    Date.now = () => wall() + ahead;
    globalThis.skip = (ms) => (ahead += ms);
    globalThis.heard = [];
    addEventListener("DOMContentLoaded", () => new MutationObserver(() => heard.push(document.getElementById("news").textContent)).observe(document.getElementById("news"), { childList: true }));
  });
  await openBoard();
  let rev = 1;
  const change = (id) => server.say({ type: "workitem_changed", ...SCOPE, workItemId: id, rev: (rev += 1), changeType: "state", title: `Item ${id}`, changedBy: null, fields: { "System.State": { old: "New", new: `State ${rev}` } }, stateCategory: { old: null, new: null }, item: item(id, { rev, state: `State ${rev}` }) });
  const isTold = () => until("it is painted", () => page.$$eval(".item .state", (all) => all.map(({ textContent }) => textContent)), (all) => all.includes(`State ${rev}`));
  const heard = () => page.evaluate(() => heard);
  const skip = (ms) => page.evaluate((ms) => globalThis.skip(ms), ms);
  const aSecond = () => new Promise((done) => setTimeout(done, 1300));
  for (const id of [1, 2, 2]) change(id);
  await isTold();
  await aSecond();
  assert.deepEqual(await heard(), [], "it is said at once");
  await skip(30_000);
  await until("it is said", heard, (all) => all.length === 1);
  change(1);
  await isTold();
  await skip(20_000);
  await until("what was said is gone", heard, (all) => all.length === 2);
  await skip(10_000);
  await until("it is said again", heard, (all) => all.length === 3);
  assert.deepEqual(await heard(), ["2 items changed.", "", "1 item changed."]);
  change(1);
  change(2);
  await isTold();
  await page.click("#pause");
  await skip(60_000);
  await until("what was said is gone", heard, (all) => all.length === 4);
  await page.click("#pause");
  await skip(60_000);
  await aSecond();
  assert.deepEqual((await heard()).slice(3), [""]);
});

test("the title and the icon say whose boards these are, and how they stand", async () => {
  await openBoard();
  const title = () => page.title();
  const icon = () => page.$eval("#icon", (link) => link.getAttribute("href"));
  await until("the title names the team", title, (words) => words === "Mill · boardcast");
  const live = await icon();
  server.instead = (response) => response.writeHead(503).end();
  server.end();
  await until("the title says so", title, (words) => words === "Mill · disconnected · boardcast");
  assert.notEqual(await icon(), live);
});

test("numbers and times are written as whoever looks writes them, and days are the team's", async () => {
  const client = await page.createCDPSession();
  await client.send("Emulation.setUserAgentOverride", { userAgent: await page.browser().userAgent(), acceptLanguage: "de-DE" });
  await client.send("Emulation.setTimezoneOverride", { timezoneId: "Pacific/Kiritimati" });
  server = await openScripted();
  server.say(connected);
  const data = board([]);
  server.say({ type: "snapshot", ...SCOPE, data: { ...data, metrics: { "points.remaining": { value: 1234.5, unit: "points" } } } });
  await until("the page is live", state, (word) => word === "live");
  assert.equal(await page.$eval('[data-metric="points.remaining"]', (tile) => tile.textContent), "1.234,5");
  assert.match(await page.$eval(".sprint", (words) => words.textContent), /16\.[–-]27\. Nov/);
});

test("nothing jumps when the boards come", async () => {
  await page.evaluateOnNewDocument(() => {
    globalThis.shift = 0;
    globalThis.moved = [];
    new PerformanceObserver((list) => list.getEntries().forEach(({ value, sources }) => {
      globalThis.shift += value;
      globalThis.moved.push(...sources.map(({ node }) => node?.className ?? node?.nodeName));
    })).observe({ type: "layout-shift", buffered: true });
  });
  server = await openScripted("?view=boards");
  const scopes = ["1", "2", "3"].map((digit) => ({ ...SCOPE, teamId: `${digit}6df9be7-3586-467b-9c5f-425b29afedfd` }));
  server.say({ ...connected, scopes });
  const items = Array.from({ length: 40 }, (_, index) => item(index + 1));
  for (const scope of scopes) server.say({ type: "snapshot", ...scope, data: { ...board(items), burndown: BURNDOWN } });
  await until("the boards are shown", () => page.$$eval(".board .item", (rows) => rows.length), (count) => count === 120);
  // Ages grow, which moves nothing else.
  const since = performance.now();
  await until("two seconds go by", () => performance.now() - since > 2000);
  const shift = await page.evaluate(() => globalThis.shift);
  assert.ok(shift < 0.05, `the layout shifted by ${shift}: ${await page.evaluate(() => JSON.stringify(globalThis.moved))}`);
});
