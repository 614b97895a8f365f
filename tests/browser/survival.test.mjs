// The page that survives: reloads while nothing answers, new versions, eight tabs, and somebody who wants to read in peace.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { SCOPE, atEnd, board, boardsOf, connected, item, openScripted, page, screenshot, startServer, until, useBrowser, workItemUpdated } from "./support.mjs";

let server;

useBrowser();

const state = (of = page) => of.$eval("body", (body) => body.dataset.state);
const text = (selector, of = page) => of.$eval(selector, (element) => (element.checkVisibility() ? element.textContent.trim() : ""));
const open = (of = page, more = "") => of.goto(`${server.origin}/api/dashboard${more}`);
const titles = (of = page) => of.$$eval("#boards .item .title", (all) => all.map((element) => element.textContent));

async function openLive() {
  server = await openScripted();
  server.say(connected);
  server.say({ type: "snapshot", ...SCOPE, data: board([item(1)]) });
  await until("the page is live", state, (word) => word === "live");
}

/** The newest event that a tab lists; a stream that went on from a position has none yet. */
const newest = (of) => of.$$eval("#events li", ([entry]) => entry?.textContent ?? "");

/** Another tab of the same browser. */
async function tab() {
  const other = await page.browserContext().newPage();
  atEnd(() => other.isClosed() || other.close());
  return other;
}

test("b11_a reload while nothing answers shows the last known boards with their age, and heals by itself", async () => {
  server = await startServer();
  const port = server.port;
  await server.post(workItemUpdated({ id: 1, rev: 1, title: "Known before" }));
  await open();
  await until("the item is shown", titles, (all) => all.includes("Known before"));
  await until("the page is kept", () => page.evaluate(() => navigator.serviceWorker.controller?.state === "activated"));
  await until("the boards are kept", () => page.evaluate(async () => (await (await caches.open("boardcast-boards")).keys()).length > 0));
  await server.kill();
  await page.reload();
  await until("the page says that nothing answers", state, (word) => word === "disconnected");
  assert.deepEqual(await titles(), ["Known before"]);
  assert.match(await text("#age"), /^heard /);
  assert.match(await text("#words"), /^The server cannot be reached/);
  await screenshot(page, "state-reloaded");
  server = await startServer({ port });
  await server.post(workItemUpdated({ id: 2, rev: 1, title: "Posted since" }));
  await until("it is live again", async () => (await state()) === "live" && (await titles()).join() === "Posted since");
});

/** What the page was asked for by its address is told once the server is heard, though a reload found nobody. */
async function asksAgain(search) {
  const day = { ...board([item(7)]), level: "full", asOf: Date.now(), day: "2026-11-16", definition: 1 };
  const answering = (response, { url }) => {
    const told = url.includes("since=") ? { since: Date.now() - 3_600_000, changes: [] } : url.includes("day=") ? day : null;
    if (told === null) return false;
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(told));
  };
  const words = () => text(search === "" ? ".section.digest > p" : ".then .moment");
  const isTold = (told) => (search === "" ? /^Nothing happened since / : /^As it was at the end of Mon/).test(told);
  const shown = async () => {
    server.say(connected);
    server.say({ type: "snapshot", ...SCOPE, data: board([item(1)]) });
    await until("it is shown", () => page.$(".board").then((there) => there && words()), isTold);
  };
  server = await openScripted(search);
  server.instead = answering;
  await shown();
  await until("the page is kept", () => page.evaluate(() => navigator.serviceWorker.controller?.state === "activated"));
  await until("the boards are kept", () => page.evaluate(async () => (await (await caches.open("boardcast-boards")).keys()).length > 0));
  Object.assign(server, { files: false, instead: (response) => response.destroy() });
  server.end();
  await page.reload();
  await until("nothing answers", () => page.$(".board").then((there) => there && words()), (told) => /cannot be (told|shown): the server cannot be reached\./.test(told));
  await until("the page says so", state, (word) => word === "disconnected");
  assert.equal(await page.evaluate(() => location.search), search);
  Object.assign(server, { files: true, instead: answering });
  await until("it listens anew", server.listening, (count) => count === 1);
  await shown();
  assert.equal(await page.evaluate(() => location.search), search);
  assert.deepEqual(await titles(), search === "" ? ["Item 1"] : ["Item 7"]);
}

test("b11_a reload while nothing answers asks again what happened since the last stand-up", () => asksAgain(""));

test("b11_a reload while nothing answers asks again for the day that its address asks for", () => asksAgain("?day=2026-11-16"));

test("b11_a server that is being started is bridged by the page that was kept", async () => {
  await openLive();
  await until("the page is kept", () => page.evaluate(() => navigator.serviceWorker.controller?.state === "activated"));
  server.files = false;
  server.instead = (response) => response.writeHead(503).end("starting");
  await page.reload();
  await until("the page says so", state, (word) => word === "disconnected");
  const before = server.opened();
  // What could not be kept before the page went is fetched.
  const { projectId, teamId } = SCOPE;
  server.answers.set(`/api/snapshot?project=${projectId}&team=${teamId}`, { ...board([item(1)]), level: "full", dataAsOf: Date.now(), cursor: "9-0" });
  server.instead = null;
  await until("it tries again", server.opened, (opened) => opened > before);
  await server.listened();
  server.say({ ...connected, resumed: true });
  await until("it is live again", state, (word) => word === "live");
  server.files = true;
});

test("b11_a new version of the server is loaded once, and not while somebody reads an explanation", async () => {
  await page.evaluateOnNewDocument(() => {
    Math.random = () => 0;
  });
  await openLive();
  const loaded = () => page.evaluate(() => performance.timeOrigin).catch(() => null);
  const first = await loaded();
  await page.click(".why");
  const next = () => server.say({ ...connected, resumed: true, serverVersion: "2" });
  server.say({ ...connected, resumed: true, serverVersion: "1" });
  next();
  await sleep(4000);
  assert.equal(await loaded(), first, "the page went away under somebody who read");
  await page.keyboard.press("Escape");
  const second = await until("the page is loaded anew", loaded, (at) => at !== null && at !== first);
  await server.listened();
  server.say({ ...connected, serverVersion: "1" });
  server.say({ type: "snapshot", ...SCOPE, data: board([item(1)]) });
  next();
  await sleep(4000);
  assert.equal(await loaded(), second, "an instance of each version makes the page load for ever");
});

test("b11_a page that is newer than the server says what that cannot tell", async () => {
  server = await openScripted();
  server.instead = (response, { url }) => (url.includes("since=") ? response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(board([]))) : false);
  server.say(connected);
  server.say({ type: "snapshot", ...SCOPE, data: board([item(1)]) });
  await until("it says so", () => page.evaluate(() => document.body.textContent), (words) => /the server is of a version that does not tell it/.test(words));
});

test("e13_eight tabs are one stream, each shows what it asks for, and the stream lives while one of them does", async () => {
  server = await startServer({ settings: { BOARDCAST_DEMO: "on", BOARDCAST_HEARTBEAT_MS: "1000" } });
  const opened = () => server.count("boardcast_streams_opened_total");
  const running = () => server.count("boardcast_streams_open");
  const tabs = [];
  for (const team of ["Web", "Web", "Clinic", "Mobile%20Apps", "Web", "Clinic", "Web"]) {
    const other = await tab();
    tabs.push(other);
    await open(other, `?team=${team}`);
    const names = () => other.$$eval("#boards .board:not([hidden]) h2", (all) => all.map(({ textContent }) => textContent));
    await until(`a tab of ${team} shows it`, names, (all) => all.join() === decodeURIComponent(team));
    await until("it is live", () => state(other), (word) => word === "live");
  }
  const all = await tab();
  tabs.push(all);
  await open(all, "?view=boards");
  await until("all are shown", () => boardsOf(all), (boards) => Object.keys(boards).length === 3);
  assert.equal(await running(), 1, "more than one stream for eight tabs");
  assert.ok((await opened()) <= 5, "the stream was opened anew for who wanted no more");
  // All go on to hear what changes.
  const before = await Promise.all(tabs.map(newest));
  await until("every tab hears of changes", () => Promise.all(tabs.map(newest)), (now) => now.every((text, index) => text !== before[index]));
  // A page that goes elsewhere may be kept by the browser for a while, with its worker; one that is closed is gone.
  for (const other of tabs.slice(0, -1)) await other.close();
  const then = await newest(all);
  await until("the last tab hears of changes", () => newest(all), (text) => text !== then);
  assert.equal(await state(all), "live");
  await all.close();
  await until("nobody has a stream", running, (count) => count === 0);
});

test("e13_where there is no shared worker one tab leads, and another does when that one goes", async () => {
  await page.evaluateOnNewDocument(() => delete globalThis.SharedWorker);
  server = await startServer({ settings: { BOARDCAST_DEMO: "on", BOARDCAST_HEARTBEAT_MS: "1000" } });
  const running = () => server.count("boardcast_streams_open");
  await open();
  await until("the first is live", state, (word) => word === "live");
  const other = await tab();
  await other.evaluateOnNewDocument(() => delete globalThis.SharedWorker);
  await open(other, "?team=Web");
  await until("the second is live", () => state(other), (word) => word === "live");
  await until("there is one stream", running, (count) => count === 1);
  await page.goto("about:blank");
  const before = await newest(other);
  await until("the second hears of changes", () => newest(other), (text) => text !== before);
  await until("there is one stream", running, (count) => count === 1);
});

test("b12_somebody who reads in peace sees nothing move until it goes on, and is told so", async () => {
  await openLive();
  server.say({ type: "snapshot", ...SCOPE, dataAsOf: Date.now() - 3_600_000, data: board([item(1)]) });
  await until("the board is old", () => text("#age"), (words) => words === "as of 1 h ago");
  await page.focus("#pause");
  await page.keyboard.press("Enter");
  await until("it says so", () => text("#words"), (words) => /^Paused at .*: what is shown is as it was then\.$/.test(words));
  // A button that says what it does next is not pressed besides.
  assert.deepEqual(await page.$eval("#pause", (button) => [button.textContent, button.hasAttribute("aria-pressed")]), ["Go on", false]);
  server.say({ type: "workitem_changed", ...SCOPE, workItemId: 2, rev: 1, changeType: "created", title: "Later", item: item(2, { title: "Later" }) });
  await sleep(500);
  await sleep(1500);
  assert.deepEqual(await titles(), ["Item 1"]);
  // The header tells of what is shown, and not of what came since.
  assert.deepEqual([await text("#status"), await page.title(), await text("#age"), await text(".board .age")], ["paused", "Mill · paused · boardcast", "as of 1 h ago", "as of 1 h ago"]);
  await page.click("#pause");
  await until("what came meanwhile is shown", titles, (all) => all.join() === "Item 1,Later");
  assert.equal(await text("#words"), "The boards are live.");
  assert.deepEqual([await text("#status"), await page.title(), await text("#pause")], ["live", "Mill · boardcast", "Pause"]);
  assert.match(await text("#age"), /^as of (now|\d s ago)$/);
});
