// The boards of the page: that they are the server's after whatever happened, and that they say how true they are.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import {
  KEY,
  PROJECT,
  SCOPE,
  SPRINT,
  board,
  boardsAt,
  boardsOf,
  connected,
  item,
  openScripted,
  page,
  screenshot,
  startServer,
  until,
  useBrowser,
  workItemUpdated,
} from "./support.mjs";

/** As many changes as a demo makes in half a minute, and a few checks of its source. */
const CHANGES = 10;
const DEMO = { BOARDCAST_DEMO: "on", BOARDCAST_SETTLE_MS: "200" };

const NEXT_SPRINT = "0f7a2d3e-5b1c-4c8f-8a9d-6e4b3c2d1f00";

let server;

useBrowser();

async function open() {
  await page.goto(`${server.origin}/api/dashboard?view=boards`);
}

const text = (selector) => page.$eval(selector, (element) => (element.checkVisibility() ? element.textContent.trim() : null));
const state = () => page.$eval("body", (body) => body.dataset.state);

/** How many changes of items the page has listed, those as well that other events have pushed off its list since. */
const changes = () =>
  page.evaluate(() => {
    const isChange = (entry) => entry.textContent.includes("workitem_changed");
    const events = document.getElementById("events");
    if (events.listed === undefined) {
      events.listed = [...events.children].filter(isChange).length;
      new MutationObserver((all) => (events.listed += all.flatMap(({ addedNodes }) => [...addedNodes]).filter(isChange).length)).observe(events, { childList: true });
    }
    return events.listed;
  });

/** The page's boards are those of the server, once the last change has arrived. */
async function isRight() {
  let ours;
  let theirs;
  const same = async () => {
    theirs = await boardsAt(server);
    ours = await boardsOf(page);
    return Object.keys(theirs).length > 0 && isDeepStrictEqual(ours, theirs);
  };
  await until("the page shows what the server knows", same).catch(() => assert.deepEqual(ours, theirs));
  return ours;
}

test("a demo moves within seconds, says DEMO, and the page is right after many changes", async () => {
  server = await startServer({ settings: DEMO });
  await open();
  await until("the page shows three boards", () => boardsOf(page), (boards) => Object.keys(boards).length === 3);
  assert.equal(await text("#demo"), "DEMO");
  await until("the boards move", changes, (count) => count > 0);
  const first = await isRight();
  await until("much has changed", changes, (count) => count >= CHANGES);
  const last = await isRight();
  assert.notDeepEqual(last, first);
  for (const { metrics } of Object.values(last)) assert.ok(metrics["items.total"] > 0 && "points.remaining" in metrics);
  assert.match(await text("#age"), /^as of (now|\d+ s ago)$/);
  // The page was there before the past of the sprint was known.
  const burndown = () => page.$$eval(".burndown .words", (all) => all.map(({ textContent }) => textContent));
  const isWhole = (words) => /[1-9]\d* points left on .*, ideally .*, of [1-9]\d* planned/.test(words);
  await until("the burndown is known", burndown, (all) => all.length === 3 && all.every(isWhole));
  await screenshot(page, "demo");
});

test("a demo that is killed and started again comes back by itself, and is right", async () => {
  server = await startServer({ settings: DEMO });
  await open();
  await until("the boards move", changes, (count) => count > 0);
  await until("the page is live", state, (state) => state === "live");
  await server.kill();
  await until("the page is not live", state, (state) => state !== "live");
  const filter = () => page.$eval("#boards", (boards) => getComputedStyle(boards).filter);
  assert.equal(await filter(), "grayscale(1)", "boards that nobody keeps true look alive");
  const before = Number(/\d+/.exec(await until("the age grows", () => text("#age"), (age) => /\d+ s/.test(age)))[0]);
  await until("the age grows by itself", () => text("#age"), (age) => Number(/\d+/.exec(age)[0]) > before);

  server = await startServer({ port: server.port, settings: DEMO });
  await until("the page is live", state, (state) => state === "live");
  await isRight();
  assert.equal(await filter(), "none");
});

test("a title of a thousand characters and an end of script is shown whole and breaks nothing", async () => {
  server = await startServer();
  const title = `</script>${"x".repeat(991)}`;
  await server.post(workItemUpdated({ id: 20, rev: 1, title, assignedTo: `${"y".repeat(200)} <y@example.org>` }));
  for (const width of [360, 1280]) {
    await page.setViewport({ width, height: 800 });
    await open();
    const boards = await until("the page shows the item", () => boardsOf(page), (boards) => Object.keys(boards).length === 1);
    assert.equal(Object.values(boards)[0].items[20].title, title);
    const wide = await page.evaluate(() => {
      const parts = [document.documentElement, document.querySelector(".item .title"), document.querySelector(".item .facts")];
      return parts.map((part) => part.scrollWidth - part.clientWidth);
    });
    assert.deepEqual(wide, [0, 0, 0], `at ${width} something is too wide`);
  }
});

test("why: a number is explained item by item, with the keyboard alone", async () => {
  server = await startServer({ settings: { BOARDCAST_DEMO: "on" } });
  await open();
  // In its first moments a demo has not told its items yet.
  const isFilled = ({ metrics }) => metrics["points.remaining"] > 0 && metrics["items.completed"] > 0;
  await until("the boards are filled", () => boardsOf(page), (boards) => Object.values(boards).filter(isFilled).length === 3);
  const button = await page.waitForSelector('[data-metric="points.remaining"] ~ dd .why');
  await button.focus();
  await page.keyboard.press("Enter");
  await until("it is explained", () => text("#explanation div"), (shown) => shown?.includes("Left out"));
  const shown = await text("#explanation div");
  assert.match(shown, /\d points/);
  assert.match(shown, /The effort of the sprint's items that are not completed yet/);
  assert.match(shown, /is in a Completed state/);
  await page.keyboard.press("Escape");
  await until("the dialog is closed", () => page.$eval("#explanation", (dialog) => !dialog.open));
  assert.ok(await button.evaluate((button) => button === document.activeElement), "the focus is lost");
});

test("in the dark the page is dark, and can be read", async () => {
  server = await startServer({ settings: { BOARDCAST_DEMO: "on" } });
  const lightness = async (scheme) => {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await open();
    await page.waitForSelector(".item");
    return page.$eval(".tile .amount", (amount) => {
      const of = (colour) => colour.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 765;
      return { ink: of(getComputedStyle(amount).color), paper: of(getComputedStyle(amount.closest(".board")).backgroundColor) };
    });
  };
  const dark = await lightness("dark");
  assert.ok(dark.paper < 0.2 && dark.ink > 0.8, JSON.stringify(dark));
  await screenshot(page, "dark");
  const light = await lightness("light");
  assert.ok(light.paper > 0.8 && light.ink < 0.2, JSON.stringify(light));
});

// From here on the server says what the test wants.

async function openBoard(items, more = {}, search = "") {
  server = await openScripted(search);
  server.say(connected);
  server.say({ type: "snapshot", ...SCOPE, data: board(items), ...more });
  await until("the page shows the board", () => boardsOf(page), (boards) => KEY in boards);
}

const shown = async (key = KEY) => (await boardsOf(page))[key];
const ids = async (key) => Object.keys((await shown(key)).items);

test("what is not known is a dash with its reason, and never 0", async () => {
  await openBoard([]);
  const amount = await page.$eval('[data-metric="hours.remaining"]', ({ title, textContent }) => ({ title, textContent }));
  assert.deepEqual(amount, {
    title: "not known: no remaining work entered",
    textContent: "– not known: no remaining work entered",
  });
  server.say({ type: "metric_changed", ...SCOPE, metric: "hours.remaining", value: 0, previous: null, changePercent: null, unit: "hours", reason: "first" });
  await until("0 is known", () => text('[data-metric="hours.remaining"]'), (shown) => shown === "0\u00a0h");
  // Less than nothing has the sign of a minus, as everywhere.
  server.say({ type: "metric_changed", ...SCOPE, metric: "hours.remaining", value: -10, previous: 0, changePercent: null, unit: "hours", reason: "any_change" });
  await until("it is less", () => text('[data-metric="hours.remaining"]'), (shown) => shown === "−10\u00a0h");
});

test("a board that is not up to date says so in words, and since when", async () => {
  await openBoard([item(1)]);
  assert.equal(await text(".board .level"), null);
  assert.equal(await text("#status"), "live");

  const since = Date.now() - 90_000;
  const down = { reason: "the disk is full", since, retryAt: Date.now() + 30_000 };
  server.say({ type: "degraded", ...SCOPE, level: "cached", dataAsOf: since, from: "full", to: "cached", ...down });
  const cached = await until("the board is cached", () => text(".board .level"));
  assert.match(cached, /^Cached: .* The disk is full \(since \d.*\)\. Next try in \d+ s\.$/);
  assert.equal(await text("#status"), "cached");
  assert.match(await text(".board .age"), /^as of 1 min ago$/);
  await screenshot(page, "cached");

  server.say({ type: "degraded", ...SCOPE, level: "cached", dataAsOf: since, from: "full", to: "cached", ...down, reason: "journal" });
  await until("the reason is in words", () => text(".board .level"), (shown) => shown.includes("The store does not answer (since"));

  server.say({ type: "recovered", ...SCOPE, from: "cached", downForMs: 61_000 });
  await until("it recovered", () => text(".board .level"), (shown) => shown === null);

  // The contents of a mock are others than those of a board that was cached, and no event tells them.
  const url = `/api/snapshot?project=${PROJECT}&team=${SCOPE.teamId}`;
  const mock = { level: "mock", mock: true, dataAsOf: null };
  server.answers.set(url, { ...board([item(99)]), ...mock, cursor: "3-0" });
  server.say({ type: "degraded", ...SCOPE, ...mock, from: "full", to: "mock", ...down });
  await until("the board is the mock", () => ids(), (shown) => shown.join() === "99");
  assert.match(await text(".board .level"), /^Mock: /);
  const background = await page.$eval(".board", (element) => getComputedStyle(element).backgroundImage);
  assert.match(background, /repeating-linear-gradient/);
  await screenshot(page, "mock");

  const none = { level: "none", dataAsOf: null };
  server.answers.set(url, { ...board([]), ...none, metrics: { "points.remaining": { value: null, unit: "points", reason: "away" } }, cursor: "4-0" });
  server.say({ type: "degraded", ...SCOPE, ...none, from: "mock", to: "none", ...down });
  await until("the board has nothing", async () => isDeepStrictEqual(await ids(), []) && (await shown()).metrics["points.remaining"] === null);
  assert.match(await text(".board .level"), /no numbers/);
  assert.equal(await text("#age"), "age unknown");
});

test("boards are told apart by team and sprint, and leave with their sprint", async () => {
  await openBoard([item(1)]);
  // A backlog, another sprint and another team have no board here.
  for (const other of [{ sprintId: null }, { sprintId: NEXT_SPRINT }, { teamId: NEXT_SPRINT }]) {
    server.say({ type: "workitem_changed", ...SCOPE, ...other, workItemId: 1, rev: 2, changeType: "moved_out", title: "Elsewhere", item: null });
  }
  server.say({ type: "workitem_changed", ...SCOPE, workItemId: 2, rev: 1, changeType: "created", title: "Here", item: item(2) });
  await until("the item is there", () => ids(), (shown) => shown.join() === "1,2");
  assert.equal(await page.$$eval("#events li", (entries) => entries.filter((entry) => /Elsewhere/.test(entry.textContent)).length), 3);

  server.say({ type: "sprint_changed", ...SCOPE, sprintId: NEXT_SPRINT, from: SPRINT, to: NEXT_SPRINT, startDate: null, finishDate: null });
  await until("the old board is gone", () => boardsOf(page), (boards) => Object.keys(boards).length === 0);
  server.say({ type: "snapshot", ...SCOPE, sprintId: NEXT_SPRINT, data: board([item(3)], NEXT_SPRINT) });
  await until("the new board is there", () => boardsOf(page), (boards) => Object.keys(boards).length === 1);
  assert.deepEqual(await ids([PROJECT, SCOPE.teamId, NEXT_SPRINT].join("/")), ["3"]);
});

test("a project's own board is shown only while it has items that are no team's", async () => {
  server = await openScripted();
  const scope = { projectId: PROJECT, teamId: null, sprintId: null };
  const key = `${PROJECT}//`;
  server.say({ ...connected, scopes: [scope] });
  server.say({ type: "snapshot", ...scope, data: { ...board([item(1)]), team: null, sprint: null, metrics: {} } });
  await until("the board is shown", () => boardsOf(page), (boards) => key in boards);
  const change = (rev, more) => server.say({ type: "workitem_changed", ...scope, workItemId: 1, rev, title: "x", ...more });
  change(2, { changeType: "moved_out", item: null });
  await until("the board is gone", () => boardsOf(page), (boards) => !(key in boards));
  assert.match(await text("#words"), /^No board is known yet/);
  change(3, { changeType: "moved_in", item: item(1, { rev: 3 }) });
  await until("the board is back", () => boardsOf(page), (boards) => boards[key]?.items[1].rev === 3);
});

test("many items change in one event, and move between the groups in order", async () => {
  await openBoard([item(1), item(2), item(3, { stateCategory: "Completed", state: "Closed" }), item(9)]);
  server.say({
    type: "workitems_updated",
    ...SCOPE,
    data: [item(3, { rev: 2 }), item(1, { rev: 2, title: "New title" }), item(7)],
    added: [7],
    removed: [2],
    changed: [1, 3],
  });
  const boardNow = await until("the items changed", shown, (board) => 7 in board.items);
  assert.equal(boardNow.items[1].title, "New title");
  const order = await page.$$eval('[data-category="InProgress"] .item', (rows) => rows.map((row) => row.dataset.id));
  assert.deepEqual(order, ["1", "3", "7", "9"]);
  assert.equal(await text('.group[data-category="InProgress"] .number'), "4 items");
  assert.equal(await text('.group[data-category="Completed"]'), null, "a group without items is shown");
  assert.equal(await page.$("a[href^='javascript:']"), null);
});

test("b7_a check of the source moves the age of the boards that it compared, and of no other", async () => {
  const minutes = (number) => Date.now() - number * 60_000 - 5000;
  const other = (teamId, more) => server.say({ type: "snapshot", ...SCOPE, teamId, data: board([]), ...more });
  const [cached, none, newer] = ["11111111-0000-0000-0000-000000000000", "22222222-0000-0000-0000-000000000000", "33333333-0000-0000-0000-000000000000"];
  await openBoard([item(1)], { dataAsOf: minutes(10) }, "?view=boards");
  const ages = (team = SCOPE.teamId) => text(`.board[data-scope*="${team}"] .age`);
  other(cached, { level: "cached", dataAsOf: minutes(20), outage: { reason: "timed_out", since: minutes(20), retryAt: null } });
  other(none, { level: "none", dataAsOf: null, outage: { reason: "loading", since: minutes(1), retryAt: null } });
  other(newer, { dataAsOf: minutes(1) });
  await until("all are shown", () => boardsOf(page), (boards) => Object.keys(boards).length === 4);
  assert.equal(await ages(), "as of 10 min ago");
  const listed = (count) => until("it is listed", () => page.$$eval("#events li", (entries) => entries.filter((entry) => entry.textContent.includes("sync_completed")).length), (shown) => shown === count);
  const check = { type: "sync_completed", projectId: null, teamId: null, sprintId: null, scopes: 2, changed: 0, dataAsOf: minutes(5) };
  server.say({ ...check, failed: [PROJECT] });
  await listed(1);
  assert.equal(await ages(), "as of 10 min ago");

  server.say({ ...check, failed: [] });
  await until("the board was compared", ages, (shown) => shown === "as of 5 min ago");
  assert.equal(await ages(cached), "as of 20 min ago", "what Azure DevOps does not answer for was not compared");
  assert.equal(await ages(none), "age unknown");
  assert.equal(await ages(newer), "as of 1 min ago", "no board grows older by a check");

  // Fewer boards were compared than would have to be, or not all that failed are named: the service knows which.
  const failed = Array.from({ length: 1000 }, (_, index) => `00000000-0000-0000-0000-${String(index).padStart(12, "0")}`);
  for (const [doubtful, told] of [[{ scopes: 1, failed: [] }, 4], [{ failed }, 3]]) {
    server.answers.set("/api/snapshot", { scopes: [{ ...SCOPE, dataAsOf: minutes(told) }], level: "full", cursor: "9-0" });
    server.say({ ...check, dataAsOf: minutes(0), ...doubtful });
    await until("the board is as old as the service says", ages, (shown) => shown === `as of ${told} min ago`);
    assert.equal(await ages(newer), "as of 1 min ago");
  }
});

test("what the service says of a number that it cannot explain is shown", async () => {
  await openBoard([item(1)]);
  const answer = async (error) => {
    server.instead = (response, { url }) => (url.includes("explain=") ? response.writeHead(404).end(JSON.stringify({ error })) : false);
    await page.click(".why");
    const shown = await until("there is an answer", () => text("#explanation div"), (shown) => shown !== null && shown !== "…");
    await page.keyboard.press("Escape");
    return shown;
  };
  const error = { code: "no_reason", message: "nobody knows", remedy: "ask somebody" };
  assert.equal(await answer(error), "It cannot be told: the server answered 404. Nobody knows. Ask somebody.");
  // What programs are to do about a name that no number has is nothing to whoever looks.
  const unknown = { code: "unknown_metric", message: "that board has no metric with that id", remedy: "`metrics` are named by their ids" };
  assert.equal(await answer(unknown), "It cannot be told: this board does not have that number now.");
});

test("a change of one item among two thousand touches that item alone", async () => {
  await openBoard(Array.from({ length: 2000 }, (_, index) => item(index + 1)));
  await page.evaluate(() => {
    globalThis.touched = new Set();
    const observer = new MutationObserver((records) => {
      for (const { target } of records) {
        const element = target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement;
        globalThis.touched.add(element?.closest(".item")?.dataset.id ?? "");
      }
    });
    observer.observe(document.getElementById("boards"), { subtree: true, childList: true, attributes: true, characterData: true });
  });
  server.say({ type: "workitem_changed", ...SCOPE, workItemId: 1000, rev: 2, changeType: "updated", title: "x", item: item(1000, { rev: 2, title: "x", blocked: true }) });
  await until("the item changed", shown, (board) => board.items[1000].title === "x");
  const touched = await page.evaluate(() => [...globalThis.touched].filter(Boolean));
  assert.deepEqual(touched, ["1000"]);
  assert.ok(await page.$eval('[data-id="1000"]', (row) => row.classList.contains("fresh")), "the item is not marked");
});

test("whether the sprint will be completed in time is told in a sentence, and told anew when that changes", async () => {
  await openBoard([item(1)]);
  assert.equal(await text(".outlook"), null, "the service said nothing of it");
  const say = (verdict, text) => server.say({ type: "outlook_changed", ...SCOPE, outlook: { verdict, text, inputs: {} } });
  const line = () => page.$eval(".outlook", ({ textContent, dataset, hidden }) => [hidden, dataset.verdict, textContent]);
  say("behind", "8 points more than the ideal line has.");
  await until("the sentence is there", line, ([, verdict]) => verdict === "behind");
  assert.deepEqual(await line(), [false, "behind", "Behind: 8 points more than the ideal line has."]);
  say("on_track", "Everything is completed.");
  await until("the sentence is another", line, ([, , told]) => told === "On track: Everything is completed.");
});

test("a metric that changed is listed so that it can be read", async () => {
  await openBoard([]);
  server.say({ type: "metric_changed", ...SCOPE, metric: "points.remaining", value: 34, previous: 37, changePercent: 8.1, unit: "points", reason: "threshold" });
  await until("the tile moved", shown, (board) => board.metrics["points.remaining"] === 34);
  assert.match(await page.$eval("#events li", (entry) => entry.textContent), /Mill · points\.remaining 37 → 34 \(−8\.1\u00a0%\)/);
});

test("b5_a stream that falls silent is said to be lost, and comes back by itself", async () => {
  await openBoard([item(1)]);
  server.say({ ...connected, heartbeatMs: 1000, resumed: true });
  await until("the page is live", state, (state) => state === "live");
  await until("the page is not live", state, (state) => state === "disconnected");
  assert.match(await text("#words"), /^Nothing was heard from the server /);

  await until("it connects anew", server.opened, (opened) => opened === 2);
  server.say({ ...connected, resumed: true });
  await until("the page is live", state, (state) => state === "live");
  assert.deepEqual(await ids(), ["1"], "a page that resumed keeps its boards");
});
