// The page of one team, all teams at a glance, and parts of a board in another page: as a scrum master meets them.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { headOf, TITLES } from "../../web/titles.js";
import { PROJECT, SCOPE, board, boardsOf, connected, item, KEY, openScripted, page, screenshot, until, useBrowser } from "./support.mjs";

const HOUR_MS = 3_600_000;
const SPRINT_BEFORE = "0f7a2d3e-5b1c-4c8f-8a9d-6e4b3c2d1f11";

let server;

useBrowser();

const texts = (selector) => page.$$eval(selector, (all) => all.filter((each) => each.checkVisibility({ visibilityProperty: true })).map(({ innerText }) => innerText.trim().replace(/\s+/g, " ")));
const text = async (selector) => (await texts(selector))[0] ?? null;
const search = () => page.evaluate(() => location.search);

const ada = { id: null, name: "Ada Lovelace" };
const charles = { id: null, name: "Charles Babbage" };

/** Two stories with tasks, a bug that is on no backlog, and a task whose story is on another board. */
const ITEMS = [
  item(1, { type: "User Story", title: "Punch the cards", backlog: "requirement", rank: 20, parent: 900, tags: ["brass"] }),
  item(2, { type: "User Story", title: "Oil the mill", backlog: "requirement", rank: 10, assignedTo: charles, blocked: true, blockedBy: "tag Blocked", blockedSince: Date.now() - 3 * HOUR_MS }),
  item(3, { type: "Task", title: "Draw the hole pattern", backlog: "task", parent: 1, stateCategory: "Completed", state: "Closed" }),
  item(4, { type: "Task", title: "Cut the pasteboard", backlog: "task", parent: 1, assignedTo: charles, remainingWork: 4 }),
  item(5, { type: "Task", title: "Sweep the hall", backlog: "task", parent: 901, stateCategory: "Proposed", state: "New", assignedTo: null }),
  item(6, { title: "It squeaks", backlog: null, assignedTo: null }),
  item(7, { type: "User Story", title: "Count to ten", backlog: "requirement", rank: 30, stateCategory: "Completed", state: "Closed" }),
];

const METRICS = {
  "points.remaining": { value: 37, unit: "points" },
  "points.total": { value: 40, unit: "points" },
  "items.total": { value: 3, unit: "items" },
  "items.completed": { value: 1, unit: "items" },
  "items.remaining": { value: 2, unit: "items" },
  "items.blocked": { value: 1, unit: "items" },
  "items.aging": { value: 2, unit: "items" },
  "items.unestimated": { value: 0, unit: "items" },
  "percent.complete": { value: 100, unit: "percent" },
  "cycle.p85": { value: 6.5, unit: "days" },
  "hours.remaining": { value: 44, unit: "hours" },
  "hours.capacity": { value: 40, unit: "hours", detail: { members: [{ name: "Charles Babbage", activities: ["Design"], hours: 10, remaining: 14, over: true }, { name: "Ada Lovelace", activities: [], hours: 30, remaining: 26, over: false }], unassigned: 4 } },
  "scope.added": { value: 5, unit: "points" },
  "scope.removed": { value: 3, unit: "points" },
  "velocity.completed": { value: 30, unit: "points", detail: { sprints: [{ id: SPRINT_BEFORE, name: "Sprint 11", planned: 32, completed: 30, late: 0, incomplete: 2 }] } },
};

const BURNDOWN = { unit: "points", original: 40, days: [{ date: "2026-11-16", working: true, ideal: 36, remaining: 40, completed: 0, scope: 40 }, { date: "2026-11-17", working: true, ideal: 32, remaining: 37, completed: 3, scope: 40 }, { date: "2026-11-18", working: true, ideal: 28 }], today: [] };

const DATA = {
  ...board(ITEMS),
  metrics: METRICS,
  burndown: BURNDOWN,
  outlook: { verdict: "behind", text: "At this pace all of it is done by 2026-12-22.", inputs: {} },
  scopeChanges: [
    { id: 7, title: "Count to ten", kind: "added", amount: 5, reason: "it was moved into the sprint", by: ada, at: Date.now() - HOUR_MS },
    { id: 8, title: "Count to eleven", kind: "removed", amount: -3, reason: "it was deleted", by: charles, at: Date.now() - HOUR_MS / 2 },
  ],
};

async function open(search = "", more = {}, data = DATA) {
  server = await openScripted(search);
  server.say(connected);
  server.say({ type: "snapshot", ...SCOPE, data, ...more });
  await until("the board is shown", () => page.$$eval(".board, .team", (all) => all.length), (count) => count > 0);
}

const change = (id, changeType, fields, more = {}) =>
  server.say({ type: "workitem_changed", ...SCOPE, source: "webhook", workItemId: id, rev: 2, changeType, fields, stateCategory: { old: null, new: null }, title: ITEMS.find((each) => each.id === id).title, changedBy: ada, item: { ...ITEMS.find((each) => each.id === id), rev: 2, ...more } });

/** The rows of each group, tasks below what they are a part of. */
const groups = () =>
  page.$$eval(".group:not([hidden])", (all) =>
    all.map((group) => {
      const rows = (list) => [...list.children].map((row) => [Number(row.dataset.id), ...[...row.querySelectorAll(":scope > .parts")].map(rows)]);
      return [group.querySelector("h3").textContent.trim(), rows(group.querySelector(":scope > ul"))];
    }),
  );

test("tasks are below their story, in the order of the backlog, and headings count as the tiles do", async () => {
  await open();
  assert.deepEqual(await groups(), [
    ["Proposed 1 task", [[5]]],
    ["In progress 2 items · 2 tasks · 1 other", [[2], [1, [[3], [4]]], [6]]],
    ["Completed 1 item", [[7]]],
  ]);
  assert.ok(await page.$eval('.group[data-category="Completed"]', (group) => !group.open), "what is done takes the place of what is not");
  // A story that moves takes its tasks along; one that leaves does not.
  server.say({ type: "workitems_updated", ...SCOPE, data: [{ ...ITEMS[0], rev: 2, rank: 5, stateCategory: "Resolved", state: "Resolved" }], added: [], removed: [], changed: [1] });
  await until("it moved", groups, (all) => all.some(([name]) => name.startsWith("Resolved")));
  assert.deepEqual(await groups(), [
    ["Proposed 1 task", [[5]]],
    ["In progress 1 item · 1 other", [[2], [6]]],
    ["Resolved 1 item · 2 tasks", [[1, [[3], [4]]]]],
    ["Completed 1 item", [[7]]],
  ]);
  server.say({ type: "snapshot", ...SCOPE, data: { ...DATA, items: [{ ...ITEMS[0], rev: 2, stateCategory: "Resolved" }, item(8, { backlog: "task", stateCategory: "Resolved" }), { ...ITEMS[4], type: "Bug" }] } });
  await until("bugs are among the tasks", groups, (all) => all.map(([name]) => name).join() === "Proposed 1 bug,Resolved 1 item · 1 bug");
  server.say({ type: "snapshot", ...SCOPE, data: { ...DATA, items: [{ ...ITEMS[0], rev: 2, rank: 5, stateCategory: "Resolved", state: "Resolved" }, ...ITEMS.slice(1)] } });
  server.say({ type: "workitem_changed", ...SCOPE, workItemId: 1, rev: 3, changeType: "moved_out", fields: {}, title: "x", changedBy: null, item: null });
  await until("it left", groups, (all) => !all.some(([name]) => name.startsWith("Resolved")));
  assert.deepEqual(await groups(), [
    ["Proposed 1 task", [[5]]],
    ["In progress 1 item · 1 task · 1 other", [[2], [4], [6]]],
    ["Completed 1 item · 1 task", [[7], [3]]],
  ]);
});

test("several that change places in the backlog at once are in its order", async () => {
  const all = Array.from({ length: 12 }, (_, index) => item(index + 1, { backlog: "requirement", rank: index }));
  await open("", {}, { ...DATA, items: all });
  // Not in the order of the new places, so that each looks for its own among some that have not moved yet.
  const ranks = [7, 2, 11, 5, 0, 9, 3, 10, 1, 6, 8, 4];
  const data = all.map((each, index) => ({ ...each, rev: 2, rank: ranks[index], title: `Moved ${each.id}` }));
  server.say({ type: "workitems_updated", ...SCOPE, data, added: [], removed: [], changed: all.map(({ id }) => id) });
  await until("they moved", () => texts(".item .title"), (titles) => titles.every((title) => title.startsWith("Moved")));
  const wanted = data.toSorted((one, other) => one.rank - other.rank).map(({ id }) => [id]);
  assert.deepEqual((await groups())[0][1], wanted);
});

test("items that are parts of each other in a circle are all shown", async () => {
  await open("", {}, { ...DATA, items: [item(1, { parent: 2 }), item(2, { parent: 1 }), item(3, { parent: 1 })] });
  const shown = await page.$$eval(".item", (rows) => rows.map(({ dataset }) => dataset.id).sort());
  assert.deepEqual(shown, ["1", "2", "3"]);
});

test("items are arranged by person and by story, found, and the address says how", async () => {
  await open();
  await page.click('input[value="person"]');
  assert.deepEqual(await groups(), [
    ["Ada Lovelace 2 items · 1 task", [[1, [[3]]], [7]]],
    ["Charles Babbage 1 item · 1 task", [[2], [4]]],
    ["nobody 1 task · 1 other", [[5], [6]]],
  ]);
  assert.equal(await search(), "?by=person");
  assert.match(await text('[data-id="4"] .part'), /^part of #1$/);
  await page.click('input[value="story"]');
  assert.deepEqual((await groups()).map(([, rows]) => rows), [[[2], [1, [[3], [4]]], [7], [5], [6]]]);
  // By the keyboard, and a task shows the story that it is a part of.
  await page.keyboard.press("Escape");
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.type("/pasteboard");
  const shown = () => page.$$eval(".item", (rows) => rows.filter((row) => !row.hidden && !row.closest("[hidden]")).map(({ dataset }) => dataset.id));
  await until("the others are hidden", shown, (ids) => ids.join() === "1,4");
  assert.equal(await search(), "?by=story&find=pasteboard");
  const before = server.opened();
  await page.goto(page.url());
  await until("it listens anew", server.opened, (opened) => opened > before);
  server.say(connected);
  server.say({ type: "snapshot", ...SCOPE, data: DATA });
  await until("the same is shown", shown, (ids) => ids.join() === "1,4");
  await page.$eval(".find", (field) => (field.value = ""));
  await page.type(".find", "charles");
  await until("it is found by who does it", shown, (ids) => ids.sort().join() === "1,2,4");
});

test("what needs somebody is the one part in the colour of alarm, and tells which items", async () => {
  await open();
  const needs = await texts(".attention .need");
  assert.match(needs[0], /^1 item blocked: #2 Oil the mill \(by tag Blocked, since [^)]*\d\d:\d\d[^)]*, Charles Babbage\)/);
  assert.match(needs[1], /^2 items in progress for longer than 85 of 100 take \(6\.5 d\)/);
  assert.match(needs[2], /^In progress, and nobody's: #6 It squeaks/);
  assert.match(needs[3], /^More hours left than there are: Charles Babbage \(14 h of 10 h\)/);
  assert.equal(needs.length, 4);
  server.answers.set(`/api/snapshot?project=${PROJECT}&team=${SCOPE.teamId}&explain=items.aging`, { metric: "items.aging", value: 2, unit: "items", definition: "How old.", source: "nobody", inputs: {}, counted: [{ id: 1, title: "Punch the cards", amount: 1, why: "is old" }], leftOut: [] });
  await page.click('[data-need="items.aging"] .why');
  await until("it is explained", () => text("#explanation"), (words) => words?.includes("Punch the cards"));
  await page.keyboard.press("Escape");
  const alarm = await page.$eval(".attention strong", (words) => getComputedStyle(words).color);
  const red = await page.$$eval(".board *", (all, colour) => all.filter((each) => each.checkVisibility() && each.textContent && getComputedStyle(each).color === colour).map((each) => each.closest(".attention, .blocked, .over, .item")?.className), alarm);
  assert.ok(red.every(Boolean), "something else is red");
  server.say({ type: "snapshot", ...SCOPE, data: { ...DATA, items: [ITEMS[6]], metrics: {} } });
  await until("nothing needs anybody", () => text(".attention"), (words) => words === null);
});

test("the scope says what it was, what changed it, who and when", async () => {
  await open();
  assert.match(await text(".section.scope p"), /^40 points planned · \+5 added · −3 removed$/);
  const [newest, oldest] = await texts(".scopes li");
  assert.match(newest, /^−3 removed: #8 Count to eleven Charles Babbage · .* · it was deleted$/);
  assert.match(oldest, /^\+5 added: #7 Count to ten Ada Lovelace · .* · it was moved into the sprint$/);
  // Dates that a sentence of the service names are written as whoever looks writes them.
  assert.match(await text(".outlook"), /Behind: At this pace all of it is done by (Dec 22|22 Dec)\./);
});

test("who has how many hours is told, those with too many first seen", async () => {
  await open();
  const rows = await page.$$eval(".section.capacity tbody tr", (all) => all.map(({ innerText }) => innerText.trim().split(/\t+/)));
  assert.deepEqual(rows.map((cells) => cells.map((cell) => cell.replaceAll("\u00a0", " ").trim()).filter(Boolean)), [["Charles Babbage", "Design", "14 h", "10 h"], ["Ada Lovelace", "26 h", "30 h"]]);
  assert.match(await text(".section.capacity > p"), /^4 h left are nobody's\.$/);
  // A task changes hands, which moves no number of the team.
  const detail = { members: [{ name: "Ada Lovelace", activities: [], hours: 30, remaining: 36, over: true }, { name: "Charles Babbage", activities: ["Design"], hours: 10, remaining: 4, over: false }], unassigned: 4 };
  server.say({ type: "metric_changed", ...SCOPE, metric: "hours.capacity", value: 40, previous: 40, changePercent: null, unit: "hours", reason: "detail", threshold: 0.05, detail });
  await until("the rows follow", () => text(".section.capacity tbody tr"), (words) => /^Ada Lovelace.*36/.test(words ?? ""));
  assert.match((await texts(".attention li")).join(), /More hours left than there are: Ada Lovelace \(36.h of 30.h\)/);
});

test("a bar of who has how many hours is their share of their own, full where there are more, and none where nobody said", async () => {
  const members = [["Ada", 18, 25.5], ["Ben", 16, 7.5], ["Cleo", 40, 0], ["Dora", 12, 12], ["Ezra", null, 9], ["Finn", 0, 3], ["Gwen", 0, 0]].map(([name, hours, remaining]) => ({ name, activities: [], hours, remaining, over: hours !== null && remaining > hours }));
  await open("", {}, { ...DATA, metrics: { ...METRICS, "hours.capacity": { value: 78, unit: "hours", detail: { members } } } });
  const bars = await page.$$eval(".capacity tbody tr", (rows) =>
    rows.map((row) => {
      const bar = row.querySelector("meter");
      // Where little is best, more than much is what every browser draws in its colour of what is bad.
      return bar && [(bar.value - bar.min) / (bar.max - bar.min), bar.value, bar.optimum < bar.low && bar.value > bar.high, bar.getAttribute("aria-label").replaceAll("\u00a0", " ")];
    }),
  );
  assert.deepEqual(bars, [
    [1, 25.5, true, "Ada: 25.5 h left of 18 h"],
    [7.5 / 16, 7.5, false, "Ben: 7.5 h left of 16 h"],
    [0, 0, false, "Cleo: 0 h left of 40 h"],
    [1, 12, false, "Dora: 12 h left of 12 h"],
    null,
    [1, 3, true, "Finn: 3 h left of 0 h"],
    [0, 0, false, "Gwen: 0 h left of 0 h"],
  ]);
});

test("every number can be asked, also one that another is of, and says how old and how true it is", async () => {
  await open("", { demo: true, dataAsOf: Date.now() - 90_000 });
  const tile = '.tile:has([data-metric="points.remaining"])';
  assert.equal(await text(`${tile} .stamp`), "DEMO · 1 min");
  server.answers.set(`/api/snapshot?project=${PROJECT}&team=${SCOPE.teamId}&explain=hours.capacity`, { metric: "hours.capacity", value: 40, unit: "hours", definition: "What the team can do.", source: "nobody", inputs: { today: "2026-11-17", members: [{ activities: "Design", daysLeft: 4, hours: 30, name: "Ada Lovelace", perDay: 7.5 }] }, counted: [], leftOut: [], dataAsOf: Date.now() });
  await page.click('button[data-metric="hours.capacity"]');
  const told = await until("it is explained", () => text("#explanation"), (words) => words?.includes("Ada Lovelace"));
  assert.ok(!told.includes("[object"), told);
  assert.match(told, /Counted on: Tue/);
  assert.match(told, /Who can work how long Who Activity Working days left Hours per day Hours Ada Lovelace Design 4 7\.5 30/);
  // It covers the board, and has its mark.
  assert.match(await page.$eval("#explanation", (dialog) => getComputedStyle(dialog).backgroundImage), /DEMO/);
  // What is open follows the board.
  server.answers.set(`/api/snapshot?project=${PROJECT}&team=${SCOPE.teamId}&explain=hours.capacity`, { metric: "hours.capacity", value: 33, unit: "hours", definition: "What the team can do.", source: "nobody", inputs: {}, counted: [], leftOut: [] });
  server.say({ type: "metric_changed", ...SCOPE, metric: "hours.capacity", value: 33, previous: 40, changePercent: 17.5, unit: "hours", reason: "threshold" });
  await until("it is told anew", () => text("#explanation .answer"), (words) => words === "33 h".replace(" ", "\u00a0") || words === "33 h");
  await page.keyboard.press("Escape");
  server.say({ type: "degraded", ...SCOPE, level: "cached", from: "full", to: "cached", reason: "timed_out", since: Date.now(), retryAt: null, dataAsOf: Date.now() - 90_000 });
  await until("each number says so", () => text(`${tile} .stamp`), (words) => words === "DEMO · cached · 1 min");
  const mark = await page.$eval(".board", (element) => getComputedStyle(element, "::after").backgroundImage);
  assert.match(mark, /DEMO/);
  // One that stands in for a real one has another mark, and a real one has none.
  for (const [more, marked] of [[{ mock: true, level: "mock" }, /MOCK/], [{}, /^none$/]]) {
    await open("", more);
    await page.click('button[data-metric="hours.capacity"]');
    assert.match(await page.$eval("#explanation", (dialog) => getComputedStyle(dialog).backgroundImage), marked);
  }
});

test("what a sentence or a picture tells can be asked as well", async () => {
  await open("", {}, { ...DATA, outlook: { verdict: "behind", text: "3 % likely.", inputs: { by: "forecast" } }, metrics: { ...METRICS, "scope.net": { value: 2, unit: "points" } } });
  assert.match(await text(".outlook"), /3 % likely/);
  const asked = await page.$$eval(".board button[data-ask]", (all) => all.filter((each) => each.checkVisibility()).map(({ dataset }) => dataset.ask));
  for (const metric of ["forecast.probability", "velocity.average", "scope.net", "hours.capacity"]) {
    assert.ok(asked.includes(metric), `${metric} of ${asked}`);
    const told = `This is ${metric}.`;
    server.answers.set(`/api/snapshot?project=${PROJECT}&team=${SCOPE.teamId}&explain=${metric}`, { metric, value: 1, unit: "points", definition: told, source: "nobody", inputs: {}, counted: [], leftOut: [] });
    await page.click(`button[data-ask="${metric}"]`);
    await until("it is explained", () => text("#explanation"), (words) => words?.includes(told));
    await page.keyboard.press("Escape");
  }
});

test("whether it will be made is said by the numbers that it rests on, as whoever looks writes them", async () => {
  const rests = { unit: "points", remaining: 1234.5, itemsRemaining: 10, daysLeft: 4 };
  for (const [verdict, inputs, words] of [
    ["behind", { by: "forecast", runs: 10_000, runsDone: 435, itemsP85: 2, dateP85: "2026-12-18", ...rests }, /^Behind: 4\.4\s%\slikely to complete all 10 items \(1,234\.5 points\) on the 4 working days left\. In 85 of 100 runs at least 2; all of it by (Dec 18|18 Dec)\./],
    ["at_risk", { by: "forecast", runs: 10_000, runsDone: 5_000, itemsP85: 0, dateP85: null, ...rests, itemsRemaining: 1, daysLeft: 1 }, /^At risk: 50\s%\slikely to complete the one item \(1,234\.5 points\) on the 1 working day left\. In 85 of 100 runs at least 0\./],
    ["behind", { by: "ideal", ideal: 1000, idealDayBefore: 1100, ...rests }, /^Behind: 1,234\.5 points left with 4 working days to go, 234\.5 points more than the ideal line has\./],
    ["on_track", { by: "ideal", ideal: 1300, idealDayBefore: 1400, ...rests }, /^On track: 1,234\.5 points left with 4 working days to go, no more than the ideal line has\./],
    ["on_track", { by: "done", ...rests }, /^On track: Everything is completed\./],
    ["unknown", {}, /^No outlook: In other words\.$/],
  ]) {
    await open("", {}, { ...DATA, outlook: { verdict, text: "In other words.", inputs } });
    assert.match(await text(".outlook"), words);
  }
  // While its past is being read that is why there is none.
  const backfill = { revisions: { read: 1, of: 2 }, leftMs: null };
  const outlook = { verdict: "unknown", text: "In other words.", inputs: {} };
  for (const [search, selector] of [["", ".outlook"], ["?wall&dim=off", ".w-outlook"]]) {
    server = await openScripted(search);
    server.say(connected);
    server.say({ type: "snapshot", ...SCOPE, data: { ...DATA, backfill, outlook } });
    await until("it is said", () => page.$$eval(selector, (all) => all.map((line) => line.textContent).join()), (words) => /No outlook.*The team’s past is still being read\./.test(words));
  }
});

test("all points may be done and not all of the work, which is said", async () => {
  await open();
  const words = () => text('.tile:has([data-metric="percent.complete"])');
  assert.match(await words(), /100 % of the effort; 2 items open/);
  server.say({ type: "metric_changed", ...SCOPE, metric: "items.unestimated", value: 1, previous: 0, changePercent: null, unit: "items", reason: "any_change" });
  server.say({ type: "metric_changed", ...SCOPE, metric: "items.remaining", value: 1, previous: 2, changePercent: 50, unit: "items", reason: "any_change" });
  await until("it is said why", words, (told) => /of the effort; 1 open item not estimated/.test(told));
});

test("no number is wider than its tile", async () => {
  const wide = { "points.remaining": { value: 123456.75, unit: "points" }, "points.total": { value: 1234567.25, unit: "points" }, "hours.remaining": { value: 1240.5, unit: "hours" }, "hours.capacity": { value: 98765.5, unit: "hours" } };
  await open("?view=boards", {}, { ...DATA, metrics: { ...METRICS, ...wide } });
  for (const teamId of ["1", "2"]) server.say({ type: "snapshot", ...SCOPE, teamId: `${teamId}6df9be7-3586-467b-9c5f-425b29afedfd`, data: { ...DATA, metrics: { ...METRICS, ...wide } } });
  await until("three boards are shown", () => page.$$eval(".board", (all) => all.length), (count) => count === 3);
  for (const width of [320, 1366, 1920, 3840]) {
    await page.setViewport({ width, height: 900 });
    const over = await page.$$eval(".overview .tile", (tiles) =>
      tiles.flatMap((tile) => {
        const box = tile.getBoundingClientRect();
        const range = document.createRange();
        return [...tile.querySelectorAll("dt, .amount, .of, .stamp, .why")].filter((part) => part.checkVisibility()).flatMap((part) => {
          range.selectNodeContents(part);
          const { left, right } = range.getBoundingClientRect();
          return left < box.left - 0.5 || right > box.right + 0.5 ? [`${part.className} ${part.textContent}`] : [];
        });
      }),
    );
    assert.deepEqual(over, [], `at ${width}`);
  }
});

test("what happens is told in people's words, and how long it took to be here", async () => {
  await open();
  const changedAt = Date.now() - 2000;
  server.say({ type: "workitem_changed", ...SCOPE, source: "webhook", changedAt, receivedAt: changedAt + 800, timestamp: changedAt + 900, workItemId: 1, rev: 2, changeType: "state", fields: { "System.State": { old: "Active", new: "Resolved" } }, stateCategory: { old: "InProgress", new: "Resolved" }, title: "Punch the cards", changedBy: ada, item: { ...ITEMS[0], rev: 2, state: "Resolved", stateCategory: "Resolved" } });
  const told = await until("it is told", () => text(".tick"), Boolean);
  assert.match(told, /^Ada Lovelace moved #1 Punch the cards: Active → Resolved · \d+ s ago$/);
  assert.match(await text(".chain"), /^The last change was made at .*, and was here after [\d.]+ s \(to the hook 800 ms, to the log 100 ms, to this screen [\d.]+ s\)\.$/);
  // A place in the backlog is nothing that people tell each other.
  change(2, "updated", { "Microsoft.VSTS.Common.StackRank": { old: 10, new: 12 } });
  change(4, "updated", { "Microsoft.VSTS.Scheduling.RemainingWork": { old: 4, new: 2 } }, { remainingWork: 2 });
  await until("the next is told", () => texts(".tick"), (all) => all.length === 2 && all[0].includes("#4"));
  // Where a clock is behind the other a step has taken no time, and the whole is the sum of the steps all the same.
  server.say({ type: "workitem_changed", ...SCOPE, source: "webhook", changedAt, receivedAt: changedAt - 5000, timestamp: changedAt + 900, workItemId: 1, rev: 3, changeType: "updated", fields: {}, stateCategory: { old: null, new: null }, title: "Punch the cards", changedBy: ada, item: { ...ITEMS[0], rev: 3 } });
  const chain = /after ([\d.]+) s \(to the hook 0 ms, to the log 5\.9 s, to this screen ([\d.]+) s\)\.$/;
  const [, whole, screen] = chain.exec(await until("its steps are told", () => text(".chain"), (words) => chain.test(words)));
  assert.ok(Math.abs(whole - 5.9 - screen) < 0.15, `${whole} s, and ${screen} s of these to this screen`);
});

test("of a day and of a sprint that are not over the board of now is shown, and goes on", async () => {
  const today = DATA.burndown.days.findLast(({ remaining }) => remaining !== undefined).date;
  const base = `/api/snapshot?project=${PROJECT}&team=${SCOPE.teamId}`;
  for (const moment of [`day=${today}`, `sprint=${DATA.sprint.id}`]) {
    server = await openScripted(`?${moment}`);
    server.answers.set(`${base}&${moment}`, { ...DATA, asOf: Date.now(), day: today, definition: 1, metrics: { "points.remaining": { value: 12, unit: "points" } } });
    server.say(connected);
    server.say({ type: "snapshot", ...SCOPE, data: DATA });
    await until("the address is that of now", search, (found) => found === "");
    assert.equal(await page.$eval(".then", (bar) => bar.hidden), true);
    assert.equal(await page.$eval(".moments", (moments) => moments.selectedOptions[0].textContent), "Now");
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "BODY", "whoever looks stays where they are");
    server.say({ type: "metric_changed", ...SCOPE, metric: "points.remaining", value: 36, previous: 37, changePercent: 3, unit: "points", reason: "threshold" });
    await until("it goes on", () => page.$eval('.amount[data-metric="points.remaining"]', ({ dataset }) => dataset.value), (value) => value === "36");
    await server.stop();
  }
});

test("any day of the sprint and each sprint before it is shown, and now is one step away", async () => {
  await open();
  const base = `/api/snapshot?project=${PROJECT}&team=${SCOPE.teamId}`;
  const then = (more) => ({ ...DATA, items: [ITEMS[0]], metrics: { "points.remaining": { value: 12, unit: "points" } }, scopeChanges: [], asOf: Date.UTC(2026, 10, 17, 4), day: "2026-11-16", definition: 1, ...more });
  server.answers.set(`${base}&day=2026-11-16`, then());
  const review = { unit: "points", planned: 32, completed: 30, late: 0, incomplete: 2, sayDo: 93.8, settledAt: 0, unknownItems: 0 };
  server.answers.set(`${base}&sprint=${SPRINT_BEFORE}`, then({ day: "2026-11-13", sprint: { ...DATA.sprint, id: SPRINT_BEFORE, name: "Sprint 11" }, review, frozen: { at: Date.UTC(2026, 10, 14), definition: 1 } }));
  assert.deepEqual(await page.$$eval(".moments option", (all) => all.map(({ value }) => value)), ["", "day=2026-11-16", `sprint=${SPRINT_BEFORE}`]);
  await page.select(".moments", "day=2026-11-16");
  const remaining = () => page.$eval('.amount[data-metric="points.remaining"]', ({ dataset }) => dataset.value);
  await until("the day is shown", remaining, (value) => value === "12");
  assert.equal(await search(), "?day=2026-11-16");
  assert.match(await text(".then"), /^As it was at the end of Mon.* Back to now$/);
  await until("the title says so", () => page.title(), (title) => /^Mill · as of the end of Mon.* · boardcast$/.test(title));
  assert.match(await text("#age"), /^as of the end of Mon/);
  // Each number is asked as it was then, and is not asked again because of what happens now.
  const told = { metric: "points.remaining", value: 12, unit: "points", definition: "What is left.", source: "nobody", inputs: {}, counted: [], leftOut: [], asOf: Date.UTC(2026, 10, 17, 4), day: "2026-11-16" };
  server.answers.set(`${base}&explain=points.remaining&day=2026-11-16`, told);
  await page.click('.tile:has([data-metric="points.remaining"]) .why');
  assert.match(await until("it is explained", () => text("#explanation"), (words) => words?.includes("What is left")), /12 points .*as of the end of Mon/i);
  await page.keyboard.press("Escape");
  // What happens now changes nothing of what was.
  server.say({ type: "metric_changed", ...SCOPE, metric: "points.remaining", value: 36, previous: 37, changePercent: 3, unit: "points", reason: "threshold" });
  server.say({ type: "snapshot", ...SCOPE, data: DATA });
  await until("it is heard", () => page.$$eval("#events li", (all) => all.length), (count) => count >= 4);
  assert.equal(await remaining(), "12");
  // The browser's way back is one of the page's as well.
  await page.goBack();
  await until("it is now again", remaining, (value) => value === "37");
  await page.goForward();
  await until("the day is shown again", remaining, (value) => value === "12");
  await page.select(".moments", `sprint=${SPRINT_BEFORE}`);
  await until("the sprint is shown", () => text(".then"), (words) => words?.startsWith("Sprint 11 as it ended"));
  assert.equal(await page.$eval(".moments", (moments) => moments.value), `sprint=${SPRINT_BEFORE}`);
  assert.deepEqual(await page.$$eval(".moments optgroup", (all) => all.map(({ label }) => label)), ["Days of this sprint", "Days of Sprint 11", "Sprints before"]);
  assert.match(await text(".section.review"), /Planned 32 points why\? Completed 30 points why\? Completed late 0 points why\? Not completed 2 points why\? Say\/do 93\.8 % why\?/);
  for (const width of [320, 768, 1024, 1100, 1200, 1366, 1920]) {
    await page.setViewport({ width, height: 900 });
    const over = await page.$$eval(".review .tile", (tiles) => tiles.filter((tile) => tile.scrollWidth > tile.clientWidth + 1).map(({ textContent }) => textContent));
    assert.deepEqual(over, [], `a number is wider than its tile at ${width}`);
  }
  await screenshot(page, "team-past");
  server.answers.set(`${base}&explain=points.remaining&sprint=${SPRINT_BEFORE}`, { ...told, value: 14, frozen: { at: Date.UTC(2026, 10, 14), definition: 1, value: 12 } });
  await page.click('.tile:has([data-metric="points.remaining"]) .why');
  assert.match(await until("it is explained", () => text("#explanation"), (words) => words?.includes("What is left")), /14 points .*The board was kept on .* with 12: what was told of its items since comes to another\./);
  await page.keyboard.press("Escape");
  assert.match(await text(".sprint"), /· Sprint 11 · .* · over · 10 working days$/);
  // What cannot be shown changes nothing of what is.
  await page.$eval(".moments", (moments) => moments.append(new Option("Before", "day=2020-01-01")));
  await page.select(".moments", "day=2020-01-01");
  await until("it is refused in words", () => text(".then"), (words) => words?.startsWith("That moment cannot be shown"));
  assert.equal(await page.$eval(".moments", ({ value }) => value), `sprint=${SPRINT_BEFORE}`);
  assert.equal(await search(), `?sprint=${SPRINT_BEFORE}`);
  // What happens now is not told beside what was.
  change(1, "state", { "System.State": { old: "Active", new: "Resolved" } });
  await until("it is heard", () => page.$$eval("#events li", (all) => all.length), (count) => count >= 5);
  assert.equal(await text(".ticker"), null);
  await page.click(".now");
  await until("now is shown", remaining, (value) => value === "37");
  await until("the title says so", () => page.title(), (title) => title === "Mill · boardcast");
  assert.equal(await search(), "");
  assert.deepEqual(await page.$eval(".moments", (moments) => [moments.value, moments === document.activeElement]), ["", true]);
  assert.deepEqual(Object.keys((await boardsOf(page))[KEY].items), ["1", "2", "3", "4", "5", "6", "7"]);
});

test("an address leads to a moment, and why it cannot be shown is told to whoever looks and not to programs", async () => {
  await open();
  const before = "that was before the past that is known";
  const none = "This team has no such sprint. Choose one from the list.";
  for (const [asked, code, message, words] of [
    ["day=2020-01-05", "no_past", before, /^What was on (Jan 5, 2020|5 Jan 2020) is not known: what is known of this board begins later\.$/],
    ["day=2099-01-05", "no_past", "that is yet to come", "That day is yet to come."],
    ["day=tuesday", "malformed_past", "`day` is not a date", "“tuesday” is no day. Choose one from the list."],
    ["sprint=abc", "malformed_past", "`sprint` is not the id of a sprint", none],
    [`sprint=${KEY.slice(0, 36)}`, "no_past", "the team has no sprint with that id and with dates", none],
    [`sprint=${SPRINT_BEFORE}`, "no_past", before, "What was in that sprint is not known: what is known of this board begins later."],
    [`sprint=${SPRINT_BEFORE}`, "no_past", "the team's past is still being read", "What was then is still being read. Try again in a few minutes."],
    ["day=2026-11-16", "no_past", "the team's past is still being read", "What was then is still being read. Try again in a few minutes."],
    [`sprint=${SPRINT_BEFORE}`, "archive_away", "the archive does not tell", "What was kept of that sprint cannot be read now. Try again in a minute."],
    [`sprint=${SPRINT_BEFORE}`, "no_reason", "nobody knows", "That moment cannot be shown: the server answered 404. Nobody knows. `backfill` says."],
  ]) {
    server.instead = (response, { url }) => (url.includes(`&${asked}`) ? response.writeHead(404).end(JSON.stringify({ error: { code, message, remedy: "`backfill` says" } })) : false);
    const opened = server.opened();
    await page.goto(`${server.origin}/api/dashboard?${asked}`);
    await until("it listens anew", server.opened, (now) => now > opened);
    server.say(connected);
    server.say({ type: "snapshot", ...SCOPE, data: DATA });
    const told = await until("it is refused in words", () => text(".then .moment"), Boolean);
    if (words instanceof RegExp) assert.match(told, words);
    else assert.equal(told, words);
    // What is shown is as it is now.
    assert.equal(await text(".then .now"), "Close");
  }
});

test("a board of service hooks alone has the one number that it knows, and a team without a sprint says so", async () => {
  const scope = { projectId: PROJECT, teamId: null, sprintId: null };
  server = await openScripted();
  server.say({ ...connected, scopes: [scope] });
  // It is as old as its newest change, and was heard of a moment ago.
  // One moment for all of them: the page tells to the millisecond how far they are apart.
  const now = Date.now();
  const heard = { changedAt: now - 72 * HOUR_MS, receivedAt: now - 7000, appendedAt: now - 6900, source: "webhook" };
  server.say({ type: "snapshot", ...scope, dataAsOf: heard.changedAt, data: { ...board([item(1)]), team: null, sprint: null, metrics: { "items.total": { value: 14, unit: "items" } }, lastChange: heard } });
  await until("the board is shown", () => texts(".overview .tile"), (tiles) => tiles.length === 1 && tiles[0].startsWith("Items 14"));
  assert.match(await text(".board .age"), /^heard \d+ s ago$/);
  assert.match(await text("#age"), /^heard \d+ s ago$/);
  assert.match(await text(".overview .tile .stamp"), /^\d+ s$/);
  assert.match(await text(".chain"), /and was told after 2 d \(to the hook 2 d, to the log 100 ms\)\.$/);
  // What is heard next is what it is as old as from then on.
  server.say({ type: "workitem_changed", ...scope, source: "webhook", changedAt: Date.now() - 48 * HOUR_MS, receivedAt: Date.now(), timestamp: Date.now(), dataAsOf: Date.now() - 48 * HOUR_MS, workItemId: 1, rev: 2, changeType: "updated", fields: {}, title: "Punch the cards", changedBy: ada, item: { ...item(1), rev: 2 } });
  await until("it is heard", () => text(".board .age"), (words) => /^heard (now|[1-4] s ago)$/.test(words));
  await open("", { sprintId: null }, { ...board([]), sprint: null, nextSprint: { name: "Sprint 13", startDate: "2026-12-07" }, metrics: {} });
  assert.match(await text(".nothing"), /^This team has no sprint today, so there is nothing to count\. Sprint 13 begins on .*7.*, and is here by itself then\.$/);
});

test("somebody who paused sees nothing new in what happens either, and all of it when they go on", async () => {
  await open();
  await page.click("#pause");
  change(1, "state", { "System.State": { old: "Active", new: "Resolved" } });
  const heard = Date.now();
  change(2, "state", { "System.State": { old: "New", new: "Active" } });
  await until("a while goes by", () => Date.now() - heard > 1500);
  assert.equal(await text(".tick"), null);
  const listed = () => page.$$eval("#events li", (all) => all.filter(({ textContent }) => textContent.includes("workitem_changed")).length);
  assert.equal(await listed(), 0);
  await page.click("#pause");
  await until("it is told", () => texts(".tick"), ([newest, before, ...more]) => /^Ada Lovelace moved #2 .*\d s ago$/.test(newest) && before?.includes("moved #1") && more.length === 0);
  assert.equal(await listed(), 2);
});

test("a browser that lets the page keep nothing shows the boards all the same", async () => {
  await page.evaluateOnNewDocument(() => {
    for (const name of ["localStorage", "sessionStorage", "caches"]) {
      Object.defineProperty(globalThis, name, { get: () => { throw new DOMException("Access is denied for this document.", "SecurityError"); } });
    }
    globalThis.SharedWorker = class { constructor() { throw new DOMException("Access is denied", "SecurityError"); } };
  });
  await open("?embed=1&tile=points.remaining");
  assert.match((await texts(".part"))[0], /^Points remaining 37 of 40/);
  await open("?names=initials");
  assert.equal(await page.$eval("#home", ({ search }) => search), "?names=initials", "the next page would show names");
});

test("several teams are tiles, those that need somebody first, each a link to its own page", async () => {
  const scopes = ["1", "2", "3", "4"].map((digit) => ({ ...SCOPE, teamId: `${digit}6df9be7-3586-467b-9c5f-425b29afedfd` }));
  const names = ["Anvil", "Bellows", "Crank", "Drum"];
  const verdicts = ["on_track", "behind", "at_risk", "on_track"];
  server = await openScripted();
  server.say({ ...connected, scopes });
  scopes.forEach((scope, index) =>
    server.say({ type: "snapshot", ...scope, ...(index === 3 && { level: "cached", outage: { reason: "timed_out", since: Date.now(), retryAt: null } }), data: { ...DATA, team: { id: scope.teamId, name: names[index] }, outlook: { verdict: verdicts[index], text: "Because.", inputs: {} } } }),
  );
  const teams = () => texts("#teams h2");
  await until("all are shown", teams, (all) => all.length === 4);
  assert.deepEqual(await teams(), ["Drum", "Bellows", "Crank", "Anvil"]);
  assert.deepEqual(await texts("#teams .numbers"), Array(4).fill("37 of 40 points left · 1 of 3 items done · 1 blocked"));
  await screenshot(page, "teams");
  server.say({ type: "outlook_changed", ...scopes[0], outlook: { verdict: "behind", text: "Worse.", inputs: {} } });
  await until("the worst come first", teams, (all) => all.join() === "Drum,Anvil,Bellows,Crank");
  assert.deepEqual(await page.$$eval("#teams a", (all) => all.map((link) => link.search)), ["Drum", "Anvil", "Bellows", "Crank"].map((name) => `?project=Analytical+Engine&team=${name}`));
  // By its name, in a few letters.
  server.answers.set("/api/snapshot", { scopes: scopes.map((scope, index) => ({ ...scope, project: "Analytical Engine", team: names[index] })), level: "full", cursor: "1-0" });
  await page.focus("#team");
  await until("they are offered", () => page.$$eval("#teams-known option", (all) => all.length), (count) => count === 4);
  await page.keyboard.type("cra");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  assert.equal(await search(), "?project=Analytical+Engine&team=Crank");
});

test("of teams that stand alike the worse is first, and none moves with every point of its chance", async () => {
  const scopes = ["1", "2", "3"].map((digit) => ({ ...SCOPE, teamId: `${digit}6df9be7-3586-467b-9c5f-425b29afedfd` }));
  const outlook = (runsDone) => ({ verdict: "behind", text: `${runsDone} of 100.`, inputs: { by: "forecast", runs: 100, runsDone } });
  server = await openScripted();
  server.say({ ...connected, scopes });
  scopes.forEach((scope, index) => server.say({ type: "snapshot", ...scope, data: { ...DATA, team: { id: scope.teamId, name: ["Anvil", "Bellows", "Crank"][index] }, outlook: outlook([22, 8, 6][index]) } }));
  const teams = () => texts("#teams h2");
  await until("the worst is first", teams, (all) => all.join() === "Crank,Bellows,Anvil");
  const tells = (index, words) => until("it is told", () => texts("#teams .outlook"), (all) => all[index].includes(words));
  server.say({ type: "outlook_changed", ...scopes[1], outlook: outlook(5) });
  await tells(1, " 5 of 100");
  assert.deepEqual(await teams(), ["Crank", "Bellows", "Anvil"]);
  server.say({ type: "outlook_changed", ...scopes[0], outlook: outlook(1) });
  await until("who is much worse is first", teams, (all) => all.join() === "Anvil,Bellows,Crank");
});

test("parts of a board stand in another page, each with whose it is, its age and its level", async () => {
  await open("?embed=1&tile=points.remaining&tile=outlook&tile=no.such", { demo: true });
  const parts = await texts(".part");
  assert.match(parts[0], /^Points remaining 37 of 40 why\? Mill · DEMO · (now|\d+ s)$/);
  assert.match(parts[1], /^Behind: At this pace .* Mill · DEMO · /);
  assert.match(parts[2], /^No number is called no\.such\. There are: outlook, burndown, /);
  assert.equal(await text("body > header"), null);
  server.say({ type: "metric_changed", ...SCOPE, metric: "points.remaining", value: 33, previous: 37, changePercent: 10, unit: "points", reason: "threshold" });
  await until("it moves", () => text(".part"), (words) => words?.includes("33 of 40"));
  server.end();
  server.instead = (response) => response.writeHead(503).end();
  await until("it says that it is not live", () => text("#words"), (words) => words !== null && words.length > 0);
});

test("on a wall that everybody passes people are their initials", async () => {
  server = await openScripted("?names=initials");
  const answer = (response, body) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  const capacity = { metric: "hours.capacity", value: 40, unit: "hours", definition: "What the team can do.", source: "nobody", inputs: { members: [{ name: "Ada Lovelace", hours: 30 }], sprints: [{ name: "Sprint 11", completed: 30 }] } };
  const since = { since: 0, changes: [{ id: 7, title: "Count to ten", kind: "completed", from: "Active", to: "Closed", by: ada, at: Date.now() - HOUR_MS }] };
  server.instead = (response, { url }) => (url.includes("since=") ? answer(response, since) : url.includes("explain=") ? answer(response, capacity) : false);
  server.say(connected);
  const at = Date.UTC(2026, 10, 16, 12);
  server.say({ type: "snapshot", ...SCOPE, data: { ...DATA, scopeChanges: DATA.scopeChanges.map((each) => ({ ...each, at })) } });
  await until("the stand-up is told", () => texts(".section.digest li"), (lines) => lines.length === 1);
  change(4, "assigned", { "System.AssignedTo": { old: ada, new: charles } });
  await until("what happens is told", () => text(".tick"), (words) => /^AL assigned #4 .*: AL → CB /.test(words));
  await page.click('button[data-metric="hours.capacity"]');
  const told = await until("it is explained", () => text("#explanation"), (words) => words?.includes("Sprint 11"));
  assert.match(told, /Who can work how long Who Hours AL 30/);
  await page.keyboard.press("Escape");
  await until("it is closed", () => page.$eval("#explanation", ({ open }) => !open));
  // The day of the changes, for the eye and for the ear.
  await page.focus(".burndown .chart-plot input");
  await page.keyboard.press("End");
  await page.keyboard.press("Home");
  assert.match(await until("the day is told", () => page.$eval(".burndown .chart-tip", (tip) => (tip.hidden ? "" : tip.textContent))), /\+5 added #7 Count to ten · AL · .* · CB · /);
  assert.match(await page.$eval(".burndown [role=status]", ({ textContent }) => textContent), / · AL · .* · CB · /);
  await page.$$eval(".burndown .chart-tools button", (all) => all.find(({ textContent }) => textContent === "Table").click());
  assert.match(await page.$eval(".chart-table table:last-of-type", ({ innerText }) => innerText), /it was deleted\s+CB/);
  assert.equal(await text('[data-id="2"] .assignee'), "CB");
  const whole = await page.$eval("html", ({ outerHTML }) => outerHTML);
  assert.deepEqual(whole.match(/.{0,60}(Babbage|Lovelace|Charles)/g), null);
});

test("what happened since the last stand-up is told, as the service tells it", async () => {
  await page.evaluateOnNewDocument(() => localStorage.setItem("boardcast.standup", "09:30"));
  server = await openScripted();
  const asked = [];
  const told = { since: 0, until: 0, changes: [
    { id: 7, title: "Count to ten", kind: "completed", from: "Active", to: "Closed", by: ada, at: Date.now() - HOUR_MS },
    { id: 2, title: "Oil the mill", kind: "blocked", from: null, to: "tag Blocked", by: charles, at: Date.now() - 2 * HOUR_MS },
    { id: 1, title: "Punch the cards", kind: "reestimated", from: 3, to: 5, by: null, at: Date.now() - 3 * HOUR_MS },
  ], leftOut: 0, metrics: { "points.remaining": { then: 40, now: 37, unit: "points" }, "items.completed": { then: 1, now: 1, unit: "items" } }, history: "partial", partial: "of the first hour nothing is known", level: "full", dataAsOf: Date.now(), cursor: "1-0" };
  server.instead = (response, { url }) => {
    const since = new URLSearchParams(url.split("?")[1]).get("since");
    if (since === null) return false;
    asked.push(Number(since));
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ ...told, since: Number(since) }));
  };
  server.say(connected);
  server.say({ type: "snapshot", ...SCOPE, data: DATA });
  await until("it is told", () => texts(".section.digest li"), (lines) => lines.length === 3);
  assert.deepEqual(await texts(".section.digest h4"), ["Completed", "Blocked", "Estimated anew"]);
  const [completed, blocked, estimated] = await texts(".section.digest li");
  assert.match(completed, /^#7 Count to ten Ada Lovelace · /);
  assert.match(blocked, /^#2 Oil the mill \(by tag Blocked\) Charles Babbage · /);
  assert.match(estimated, /^#1 Punch the cards: 3 → 5 /);
  assert.match(await text(".section.digest > p"), /^What happened since \w+day .*9:30.*\. Of the first hour nothing is known\.$/);
  assert.match((await texts(".section.digest > p"))[1], /^Points remaining 40 → 37$/);
  const at = new Date(asked[0]);
  assert.deepEqual([at.getHours(), at.getMinutes(), at < Date.now()], [9, 30, true]);
  assert.ok(![0, 6].includes(at.getDay()), `${at}`);
  // Another time is kept, and is asked for at once.
  await page.$eval(".digest input", (field) => {
    field.value = "08:15";
    field.dispatchEvent(new Event("change"));
  });
  await until("it is asked anew", () => asked.length > 1);
  assert.equal(new Date(asked.at(-1)).getMinutes(), 15);
  assert.equal(await page.evaluate(() => localStorage.getItem("boardcast.standup")), "08:15");
});

test("what happened since the last stand-up goes on being told: after a change, and after another stand-up", async () => {
  server = await openScripted();
  const asked = [];
  server.instead = (response, { url }) => {
    const since = new URLSearchParams(url.split("?")[1]).get("since");
    if (since === null) return false;
    asked.push(Number(since));
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ since: Number(since), changes: [], metrics: { "hours.remaining": { then: 44, now: 44 - asked.length, unit: "hours" } } }));
  };
  /** Lets time go by for the page. */
  const later = (ms) =>
    page.evaluate((ms) => {
      const [wall, monotonic] = [Date.now, performance.now.bind(performance)];
      Date.now = () => wall() + ms;
      performance.now = () => monotonic() + ms;
    }, ms);
  const numbers = async () => (await texts(".section.digest > p"))[1]?.replaceAll("\u00a0", " ");
  const stamp = () => page.$eval(".section.digest > span", ({ textContent }) => textContent);
  server.say(connected);
  server.say({ type: "snapshot", ...SCOPE, data: DATA });
  await until("it is told", numbers, (words) => words === "Hours remaining 44 h → 43 h");
  assert.equal(await stamp(), "");
  // Within the minute it is not asked again, and says how old it is; when the minute is over it is, though nothing more happens.
  change(1, "state", { "System.State": { old: "Active", new: "Resolved" } }, { state: "Resolved" });
  await until("it says how old it is", stamp, (words) => /^as of (now|\d+ s ago)$/.test(words));
  assert.equal(asked.length, 1);
  await later(61_000);
  await until("it is told anew", numbers, (words) => words === "Hours remaining 44 h → 42 h");
  await until("it is as old as the board", stamp, (words) => words === "");
  await later(61_000);
  // Whatever day it is, a team has stood together within four days.
  const heard = Date.now();
  await until("a while goes by", () => Date.now() - heard > 1500);
  assert.equal(asked.length, 2);
  await later(96 * HOUR_MS);
  await until("it is asked since another stand-up", () => asked.length, (count) => count === 3);
  assert.ok(asked[2] > asked[1] && asked[1] === asked[0], `${asked}`);
});

test("what happened since the last stand-up is told anew as soon as the past is read, and no number of then before it is known", async () => {
  server = await openScripted();
  let count = 0;
  server.instead = (response, { url }) => {
    const since = new URLSearchParams(url.split("?")[1]).get("since");
    if (since === null) return false;
    count += 1;
    const metrics = { "items.remaining": { then: count === 1 ? null : 12, now: 10, unit: "items" } };
    const partial = count === 1 ? { partial: "the team's past is still being read" } : {};
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ since: Number(since), changes: [], metrics, ...partial }));
  };
  const paragraphs = () => texts(".section.digest > p");
  server.say(connected);
  server.say({ type: "snapshot", ...SCOPE, data: { ...DATA, history: "partial" } });
  const [words, numbers] = await until("it is told in part", paragraphs, ([words]) => words?.includes("still being read"));
  assert.deepEqual([words.endsWith("The team's past is still being read."), numbers], [true, ""]);
  server.say({ type: "snapshot", ...SCOPE, data: { ...DATA, history: "complete" } });
  await until("it is told whole", paragraphs, (told) => told[1] === "Items remaining 12 → 10");
  assert.equal(count, 2);
});

test("of what happened since the last stand-up each item is told once, as it stands now, and its tasks are folded away", async () => {
  server = await openScripted();
  const change = (id, kind, hoursAgo, more = {}) => ({ id, title: `Item ${id}`, backlog: [3, 4, 5, 22].includes(id) ? "task" : "requirement", kind, from: null, to: null, by: null, at: Date.now() - hoursAgo * HOUR_MS, ...more });
  const changes = [
    change(7, "completed", 9),
    change(7, "reopened", 8, { from: "Closed", to: "Active" }),
    change(7, "completed", 1),
    change(6, "started", 3),
    change(6, "completed", 2),
    change(2, "blocked", 5, { to: "tag Blocked" }),
    change(2, "unblocked", 4),
    change(1, "reestimated", 9, { from: 3, to: 5 }),
    change(1, "reestimated", 3, { from: 5, to: 8 }),
    change(2, "reestimated", 9, { from: 1, to: 2 }),
    change(2, "reestimated", 3, { from: 2, to: 1 }),
    change(20, "added", 5),
    change(20, "removed", 4),
    // Of what left the board only that is told, and of a task among the tasks; what came back has begun all the same.
    change(21, "started", 5),
    change(21, "blocked", 5),
    change(21, "reestimated", 5, { from: 1, to: 2 }),
    change(21, "removed", 4.5),
    change(22, "started", 5),
    change(22, "removed", 4),
    change(23, "started", 6),
    change(23, "removed", 5),
    change(23, "added", 4),
    change(3, "completed", 2),
    change(4, "completed", 1),
    change(5, "started", 1),
  ];
  let asked = 0;
  server.instead = (response, { url }) => {
    const since = new URLSearchParams(url.split("?")[1]).get("since");
    if (since === null) return false;
    asked += 1;
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ since: Number(since), until: 0, changes: changes.toSorted((one, other) => one.at - other.at), leftOut: 0, metrics: {}, history: "complete", level: "full" }));
  };
  server.say(connected);
  server.say({ type: "snapshot", ...SCOPE, data: DATA });
  await until("it is told", () => texts(".section.digest h4"), (heads) => heads.length > 0);
  const told = () => page.$eval(".section.digest > div", ({ children }) => [...children].map((part) => [part.localName, part.localName === "ul" ? [...part.children].map((line) => line.textContent.split(/[ :]/)[0]).join(" ") : (part.querySelector("summary") ?? part).textContent]));
  assert.deepEqual(await told(), [
    ["h4", "Completed"],
    ["ul", "#7 #6"],
    ["details", "and 2 tasks"],
    ["h4", "No longer blocked"],
    ["ul", "#2"],
    ["h4", "Started"],
    ["ul", "#23"],
    ["details", "and 1 task"],
    ["h4", "Added to the sprint"],
    ["ul", "#23"],
    ["h4", "Removed from the sprint"],
    ["ul", "#20 #21"],
    ["details", "and 1 task"],
    ["h4", "Estimated anew"],
    ["ul", "#1"],
  ]);
  assert.match((await texts(".section.digest li")).at(-1), /^#1 Item 1: 3 → 8 /);
  // Who has opened the tasks of something reads on while it is asked anew.
  await page.click(".section.digest summary");
  changes.push(change(1, "started", 0.5));
  const before = asked;
  await page.$eval(".digest input", (field) => {
    field.value = "08:15";
    field.dispatchEvent(new Event("change"));
  });
  await until("it is told anew", () => texts(".section.digest li"), (lines) => asked > before && lines.some((line) => line.startsWith("#1 Item 1 ")));
  assert.deepEqual(await page.$$eval(".section.digest details", (all) => all.map(({ open }) => open)), [true, false, false]);
});

test("an embedded number that there is none of says why, and names that nothing has are told once", async () => {
  const tiles = "?embed=1&tile=&tile=points.remaining&tile=no.such&tile=nor.this";
  await open(tiles);
  const parts = await texts(".part");
  assert.equal(parts.length, 2);
  assert.match(parts[0], /^Points remaining 37 of 40 /);
  assert.match(parts[1], /^No number is called no\.such or nor\.this\. There are: outlook, burndown, points\.remaining, /);
  await open("?embed=1&tile=&tile=points.remaining", { sprintId: null }, { ...board([]), sprint: null, metrics: {} });
  assert.deepEqual((await texts(".part")).map((words) => words.split(" Mill ")[0]), ["No sprint is running, so there is no number."]);
});

test("what is looked for is counted, said once, and not left in a closed group", async () => {
  await open();
  const heads = () => texts(".group h3");
  const isOpen = () => page.$eval('.group[data-category="Completed"]', (group) => group.open);
  const said = () => text('.board > [role="status"]');
  const look = (words) => page.$eval(".find", (field, value) => {
    field.value = value;
    field.dispatchEvent(new Event("input"));
  }, words);
  const before = await heads();
  assert.equal(await said() ?? "", "");
  await look("cut the");
  assert.equal(await said(), "1 of 7 matches");
  assert.deepEqual(await heads(), ["Proposed 0 of 1 task", "In progress 1 of 2 items · 1 of 2 tasks · 0 of 1 other", "Completed 0 of 1 item"]);
  assert.equal(await isOpen(), false);
  await look("count to");
  assert.equal(await said(), "1 of 7 matches");
  assert.deepEqual(await texts(".item .title"), ["Count to ten"]);
  assert.ok(await isOpen(), "what matches is in a closed group");
  // What an event brings is counted like the rest.
  server.say({ type: "workitems_updated", ...SCOPE, data: [item(30, { title: "Count to twelve", backlog: "requirement", rank: 40 })], added: [30], removed: [], changed: [] });
  await until("it is counted", said, (words) => words === "2 of 8 match");
  assert.equal((await heads())[1], "In progress 1 of 3 items · 0 of 2 tasks · 0 of 1 other");
  await look("no such words");
  assert.equal(await said(), "nothing matches");
  assert.equal(await isOpen(), false);
  await look("");
  assert.equal(await said() ?? "", "");
  assert.deepEqual(await heads(), before.with(1, before[1].replace("2 items", "3 items")));
});

test("a team is found by its name, by the only beginning or the only part of it, and nobody is taken for another", async () => {
  await open();
  const names = ["Mill", "Mill two", "Windmill", "Crank", "Anvil"];
  const wanted = (team) => `?${new URLSearchParams({ project: "Analytical Engine", team })}`;
  let come;
  const there = () => {
    const isThere = new Promise((resolve) => (come = resolve));
    server.instead = (response, { url }) => {
      if (url !== "/api/snapshot") return false;
      isThere.then(() => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ scopes: names.map((team, index) => ({ ...SCOPE, teamId: String(index), project: "Analytical Engine", team })), level: "full", cursor: "1-0" })));
      return true;
    };
  };
  const go = async (words, isLate = false) => {
    await page.goto(`${server.origin}/api/dashboard`);
    there();
    if (!isLate) come();
    await page.focus("#team");
    if (!isLate) await until("they are offered", () => page.$$eval("#teams-known option", (all) => all.length), (count) => count === names.length);
    await page.keyboard.type(words);
    await page.keyboard.press("Enter");
    if (isLate) come();
  };
  const goes = (search) => until(`it goes to ${search}`, () => page.evaluate(() => location.search).catch(() => ""), (now) => now === search);
  // The list comes after the key.
  for (const [words, to, isLate] of [["mill", wanted("Mill")], ["MILL T", wanted("Mill two")], ["dmi", wanted("Windmill")], ["cra", wanted("Crank"), true], ["nobody's", "?team=nobody%27s"]]) {
    await go(words, isLate);
    await goes(to);
  }
  await go("mi");
  const told = await until("it says who is meant", () => page.$eval("#team", (field) => field.validationMessage), (words) => words !== "");
  assert.equal(told, "3 match: Mill · Analytical Engine, Mill two · Analytical Engine, Windmill · Analytical Engine. Type more of the name, or choose one.");
  assert.equal(await search(), "");
  await page.keyboard.type("ll tw");
  assert.equal(await page.$eval("#team", (field) => field.validationMessage), "");
  await page.keyboard.press("Enter");
  await goes(wanted("Mill two"));
});

test("every number that the service tells has a name for people, and no two have the same", async () => {
  const { $defs } = JSON.parse(await readFile(new URL("../../docs/api/schema.json", import.meta.url), "utf8"));
  const ids = $defs.MetricId.enum;
  assert.deepEqual(Object.keys(TITLES).toSorted(), ids.toSorted());
  // In the order in which they are read there.
  const listed = await readFile(new URL("../../docs/METRICS.md", import.meta.url), "utf8");
  assert.deepEqual(Object.keys(TITLES), [...listed.split("## All metrics")[1].split("\n## ")[0].matchAll(/^\| `([\w.]+)` \|/gm)].map(([, id]) => id));
  assert.equal(new Set(Object.values(TITLES)).size, ids.length);
  assert.deepEqual(Object.values(TITLES).filter((title) => !/^[A-Z][^._]*$/.test(title)), []);
  // What became of a sprint is called the same at its bars, in a table and as a number.
  for (const name of ["planned", "completed", "late", "incomplete"]) assert.equal(TITLES[`velocity.${name}`], `${headOf(name)}, last sprint`);
});

test("numbers and what they were computed from are called by names for people, their ids stay in sight", async () => {
  await open();
  const name = (id) => page.$eval(`.more .tile:has([data-metric="${id}"])`, (tile) => [tile.querySelector("dt").textContent, tile.querySelector("dt").title, tile.querySelector(".why").getAttribute("aria-label")]);
  assert.deepEqual(await name("cycle.p85"), ["Cycle time, 85 of 100 items", "cycle.p85", "Why? Cycle time, 85 of 100 items of Mill"]);
  assert.deepEqual(await page.$$eval(".more dt", (all) => all.map(({ textContent }) => textContent).filter((words) => /[a-z]\.[a-z]/.test(words))), []);
  // By subject, whenever it was told of.
  server.say({ type: "metric_changed", ...SCOPE, metric: "points.completed", value: 3, previous: 0, changePercent: null, unit: "points", reason: "threshold" });
  const names = () => page.$$eval(".more dt", (all) => all.map(({ title }) => title));
  assert.deepEqual(await until("it is there", names, (all) => all.includes("points.completed")), ["points.completed", "items.remaining", "scope.added", "scope.removed", "velocity.completed", "items.aging", "cycle.p85"]);
  const answer = { metric: "cycle.p85", value: 6.5, unit: "days", definition: "How long.", source: "Azure DevOps", inputs: { openTasksWithHours: 5, "points.total": 40, from: { lastDays: 90 } }, counted: [], leftOut: [] };
  server.answers.set(`/api/snapshot?project=${PROJECT}&team=${SCOPE.teamId}&explain=cycle.p85`, answer);
  await page.click(".more summary");
  await page.click('.more .tile:has([data-metric="cycle.p85"]) .why');
  const told = await until("it is explained", () => texts("#explanation :is(h2, p)"), (all) => all.length > 2);
  assert.deepEqual(told, ["Cycle time, 85 of 100 items · Mill", "6.5 d", "How long.", "By Azure DevOps.", "From: days looked back 90 · Open tasks with hours: 5 · Points in all: 40", "For programs: cycle.p85"]);
});

test("an explanation is written for people: dates, counts, tables and sums, and what only programs need last", async () => {
  await open();
  const told = async (answer) => {
    server.answers.set(`/api/snapshot?project=${PROJECT}&team=${SCOPE.teamId}&explain=points.remaining`, { metric: "points.remaining", definition: "What.", source: "Azure DevOps, Set sprint capacity", counted: [], leftOut: [], ...answer });
    await page.click('.tile:has([data-metric="points.remaining"]) .why');
    await until("it is explained", () => text("#explanation"), (words) => words?.includes("For programs"));
    const all = await texts("#explanation div > *");
    await page.$eval("#explanation", (dialog) => dialog.close());
    return all;
  };
  const one = { id: 1, title: "Punch the cards", amount: 1, why: "is a bug" };
  const day = "(?:Sun, Nov 29|Sun,? 29 Nov)";
  let [answer, , source, facts, counted, technical] = await told({ value: 1, unit: "bugs", inputs: { counted: 1, plannedUntil: Date.UTC(2026, 10, 24, 5), graceDays: 0, seed: "16555116669391250368", runs: 10_000, today: "2026-11-29", effortField: "Microsoft.VSTS.Scheduling.Effort", zone: "America/New_York", sprintBefore: null }, counted: [one] });
  assert.equal(answer, "1 bug");
  assert.equal(source, "By the definition of Azure DevOps in “Set sprint capacity”.");
  assert.match(facts, new RegExp(`^Counted on: ${day} · Days begin and end by the clock of America/New York · Planned until: [^·]*2026[^·]*:00[^·]* · Effort is read from the field Microsoft\\.VSTS\\.Scheduling\\.Effort$`));
  assert.equal(counted, "Counted: 1 item # Title Why 1 Punch the cards is a bug");
  assert.equal(technical, "Runs: 10,000 · Seed: 16555116669391250368 · For programs: points.remaining");
  const sprints = [{ ado: { incomplete: 5 }, completed: 30, id: SPRINT_BEFORE, incomplete: 2, late: 0, name: "Sprint 11", planned: 32 }, { id: KEY, name: "Sprint 12", reason: "it is not known" }];
  [answer, , source, facts, technical] = await told({ value: 1.5, unit: "points", source: "Common practice of teams; no standard defines it", inputs: { counted: 0, sprints } });
  assert.deepEqual([answer, source], ["1.5 points", "By common practice of teams; no standard defines it."]);
  assert.equal(facts, "The last finished sprints Sprint Planned Completed Completed late Not completed Azure DevOps counts as incomplete Reason Sprint 11 32 30 0 2 5 – Sprint 12 – – – – – it is not known");
  const days = [{ date: "2026-11-16", items: 2 }, { date: "2026-11-17", items: 0 }, { date: "2026-11-18", items: 0 }];
  [, , , facts] = await told({ value: 7, unit: "days", inputs: { completedPerDay: [0, 1, 0, 3, 1], days, "cycle.p85": 8.9 } });
  assert.match(facts, /^The forecast draws from 5 working days with 5 items completed \(none on 2, 1 on 2, 3 on 1\) · Looked at 3 working days, [^,]*16[^,]*18[^,]*, with 2 items completed \(none on 2, 2 on 1\) · Cycle time, 85 of 100 items: 8\.9 d$/);
  // Why there is none is told in plain words before the setting that is behind it.
  [answer, , source, technical] = await told({ value: null, unit: "bugs", reason: "no tag says which (BOARDCAST_ESCAPED_TAGS)", inputs: { counted: 0 } });
  assert.equal(answer, "No value: no tag says which. Whoever runs this service changes that with BOARDCAST_ESCAPED_TAGS.");
  assert.equal(technical, "For programs: points.remaining");
});

test("the team's clock is named beside its days where whoever looks has another, and nothing is told twice of a minute", async () => {
  const began = Date.UTC(2026, 10, 17, 5);
  const at = (minutes, remaining) => ({ at: began + minutes * 60_000, remaining });
  const today = [at(0, 40), at(1147, 38), at(1147.2, 38), at(1147.5, 37), at(1150, 37)];
  const caption = () => text(".burndown .words");
  await page.emulateTimezone("UTC");
  await open("?table=1", {}, { ...DATA, burndown: { ...BURNDOWN, today } });
  assert.match(await caption(), /planned\. The team's clock is at UTC−5: its days begin at 0?5:00( AM)? here$/);
  assert.match(await text(".board .sprint"), / left · days of UTC−5$/);
  const within = async () => (await page.$$eval(".chart-table table", (all) => all.map((table) => [table.caption.textContent, ...[...table.tBodies[0].rows].map(({ cells }) => cells[1].textContent)]))).at(1);
  const [named, ...remaining] = await within();
  assert.match(named, /^Remaining within .* of the team's clock \(UTC−5\), in your time$/);
  assert.deepEqual(remaining, ["40", "38", "37", "37"]);
  // Who has the same days as the team is not told of them.
  await page.emulateTimezone("America/New_York");
  await open("?table=1", {}, { ...DATA, burndown: { ...BURNDOWN, today } });
  assert.match(await caption(), /planned$/);
  assert.match(await text(".board .sprint"), / left$/);
  assert.match((await within())[0], /^Remaining within \S+ \S+$/);
});

test("however long a name is, headings, stamps and links are no wider than a phone", async () => {
  await page.setViewport({ width: 320, height: 700 });
  const long = "Donaudampfschifffahrtsgesellschaftskapitaensmuetzenfabrik".repeat(2);
  const isWithin = async (selector) => {
    const rights = await page.$$eval(selector, (all) => all.filter((each) => each.checkVisibility()).map((each) => [each.className, Math.round(Math.max(each.getBoundingClientRect().right, each.getBoundingClientRect().left + each.scrollWidth)), each.closest(".tile, .part, .group, #links").getBoundingClientRect().right]));
    assert.ok(rights.length > 0, selector);
    assert.deepEqual(rights.filter(([, right, most]) => right > Math.min(most, 320) + 1), []);
  };
  const named = { ...DATA, team: { id: SCOPE.teamId, name: long }, items: [item(1, { assignedTo: { id: null, name: long } })] };
  await open("?by=person", { demo: true, level: "cached", dataAsOf: Date.now() - 86_400_000, outage: { reason: "timed_out", since: Date.now(), retryAt: null } }, named);
  await isWithin(".group h3, .group h3 *, .foot > *");
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 320, "the page is wider than the phone");
  // Where four tiles stand side by side a stamp has no room beside the question, and stands below it.
  await page.setViewport({ width: 450, height: 700 });
  const beside = await page.$$eval(".overview .tile .foot", (all) => all.map((foot) => [...foot.children].map((each) => each.getBoundingClientRect())).filter(([why, stamp]) => stamp.top < why.bottom - 8).length);
  assert.equal(beside, 0, "a stamp is squeezed beside the question");
  await page.setViewport({ width: 320, height: 700 });
  await open("?embed=1&tile=points.remaining", { demo: true }, named);
  await isWithin(".stamp");
  server = await openScripted("?team=nobody");
  server.answers.set("/api/snapshot", { scopes: [{ ...SCOPE, project: "Analytical Engine", team: long }], level: "full", cursor: "1-0" });
  server.say({ ...connected, scopes: [] });
  await until("it says who there is", () => texts("#links a"), (links) => links.length > 0);
  await isWithin("#links a");
});

test("whoever stands on what needs somebody still does when that changes, and when more comes", async () => {
  const metrics = { ...METRICS, "items.aging": { value: 0, unit: "items" }, "items.unestimated": { value: 1, unit: "items" }, "points.remaining": { value: 37, unit: "points" } };
  await open("", {}, { ...DATA, metrics, outlook: { verdict: "behind", text: "It is behind.", inputs: { by: "forecast" } } });
  const stands = () => page.evaluate(() => document.activeElement.dataset.ask);
  const change = (metric, value) => server.say({ type: "metric_changed", ...SCOPE, metric, value, previous: 0, changePercent: null, unit: "items", reason: "threshold" });
  await page.focus('.attention [data-ask="items.unestimated"]');
  change("items.unestimated", 2);
  await until("there are two", () => text(".attention"), (words) => words.includes("2 items not estimated"));
  assert.equal(await stands(), "items.unestimated");
  // What was asked gives the place back as well, though another need came above it meanwhile.
  server.answers.set(`/api/snapshot?project=${PROJECT}&team=${SCOPE.teamId}&explain=items.unestimated`, { metric: "items.unestimated", value: 2, unit: "items", definition: "What has no estimate.", source: "nobody", inputs: {}, counted: [], leftOut: [] });
  await page.keyboard.press("Enter");
  await until("it is explained", () => text("#explanation"), (words) => words?.includes("What has no estimate"));
  change("items.aging", 2);
  await until("two are old", () => text(".attention"), (words) => words.includes("2 items in progress for longer"));
  await page.keyboard.press("Escape");
  assert.equal(await stands(), "items.unestimated");
  change("items.unestimated", 3);
  await until("there are three", () => text(".attention"), (words) => words.includes("3 items not estimated"));
  assert.equal(await stands(), "items.unestimated");
  await page.focus(".outlook button");
  server.say({ type: "outlook_changed", ...SCOPE, outlook: { verdict: "done", text: "All is done.", inputs: { by: "done" } } });
  await until("the outlook is another", () => text(".outlook"), (words) => words.includes("Everything is completed"));
  assert.equal(await stands(), "items.completed");
});

test("what was chosen stays when the browser goes back, and so it does in the address", async () => {
  await open("?by=person");
  server.answers.set(`/api/snapshot?project=${PROJECT}&team=${SCOPE.teamId}&day=2026-11-16`, { ...DATA, asOf: 0, day: "2026-11-16", definition: 1 });
  await page.select(".moments", "day=2026-11-16");
  await until("the day is shown", () => text(".then"), (words) => words?.startsWith("As it was"));
  await page.click('.by input[value="story"]');
  await page.type(".find", "count");
  assert.equal(await search(), "?by=story&day=2026-11-16&find=count");
  const shown = () => page.evaluate(() => [document.querySelector(".by input:checked").value, document.querySelector(".find").value]);
  for (const [go, address] of [[() => page.goBack(), "?by=story&find=count"], [() => page.goForward(), "?by=story&find=count&day=2026-11-16"]]) {
    await go();
    await until("the address has it", search, (found) => found === address);
    assert.deepEqual(await shown(), ["story", "count"]);
  }
});

test("no group leaves a column of the page blank beside a longer one", async () => {
  await page.setViewport({ width: 1366, height: 768 });
  await open("", {}, { ...DATA, items: Array.from({ length: 40 }, (_, index) => item(index + 1, index === 0 ? { state: "New", stateCategory: "Proposed" } : {})) });
  const [width, ...groups] = await page.$eval(".groups", (all) => [all, ...all.querySelectorAll(".group:not([hidden])")].map((each) => each.getBoundingClientRect().width));
  assert.ok(groups.length > 1);
  for (const each of groups) assert.ok(each > 0.95 * width, `${each} of ${width}`);
});

test("a value of the address that has no effect is told, and what is done instead", async () => {
  await open("?by=colour&unit=hours");
  assert.equal(await text("#words"), "by=colour is not state, person or story: the items are arranged by state.");
});

test("while nothing is heard the lines of the chart end where they were heard of last, and now goes on", async () => {
  const began = Math.floor(Date.now() / 900_000) * 900_000 - 6 * HOUR_MS;
  const date = (days) => new Date(began + days * 24 * HOUR_MS).toISOString().slice(0, 10);
  const day = (index, more = {}) => ({ date: date(index - 1), working: true, ideal: 40 - 13 * index, ...more });
  const burndown = {
    unit: "points",
    original: 40,
    days: [day(0, { remaining: 40, completed: 0, scope: 40 }), day(1, { remaining: 37, completed: 3, scope: 40 }), day(2)],
    today: [{ at: began, remaining: 40 }, { at: began + HOUR_MS, remaining: 37 }, { at: Date.now(), remaining: 37 }],
  };
  await open("", {}, { ...DATA, burndown, scopeChanges: [] });
  const ends = () =>
    page.evaluate(() => {
      const of = (selector) => document.querySelector(`.burndown .chart-plot ${selector}`);
      const end = (name) => Number(of(`polyline.${name}`).getAttribute("points").split(" ").at(-1).split(",")[0]);
      return { now: Number(of("line.now").getAttribute("x1")), lines: ["remaining", "completed", "scope"].map(end) };
    });
  const live = await ends();
  assert.deepEqual(live.lines, [live.now, live.now, live.now]);
  server.instead = (response) => response.writeHead(503).end();
  server.end();
  await until("it says that it is not live", () => page.evaluate(() => document.body.dataset.state), (word) => word !== "live");
  // Ten hours go by for the page.
  await page.evaluate((ms) => {
    for (const clock of [Date, performance]) {
      const now = clock.now.bind(clock);
      clock.now = () => now() + ms;
    }
  }, 10 * HOUR_MS);
  const later = await until("now goes on", ends, ({ now }) => now > live.now + 20);
  for (const end of later.lines) assert.ok(Math.abs(end - live.now) <= 1, `a line goes on to ${end}, where it was known until ${live.now}`);
});
