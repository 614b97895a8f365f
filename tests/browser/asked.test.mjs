// Every number that the page shows can be asked where it stands: what was asked of the service, and whose number is told.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { KEY, SCOPE, board, connected, item, openScripted, page, screenshot, until, useBrowser } from "./support.mjs";

const AXE = await readFile(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
/** What can be pressed is at least so wide and high. */
const TARGET_MIN = 24;
const SPRINTS = ["10", "11"].map((number) => ({ id: `0f7a2d3e-5b1c-4c8f-8a9d-6e4b3c2d1f${number}`, name: `Sprint ${number}`, planned: 32, completed: Number(number), late: 3, incomplete: 2 }));
/** One of which not everything is known. */
const UNKNOWN = { id: "0f7a2d3e-5b1c-4c8f-8a9d-6e4b3c2d1f09", name: "Sprint 9", reason: "it is not known" };

const METRICS = {
  "points.remaining": { value: 37, unit: "points" },
  "points.total": { value: 40, unit: "points" },
  "items.completed": { value: 1, unit: "items" },
  "items.total": { value: 3, unit: "items" },
  "items.blocked": { value: 2, unit: "items" },
  "sprint.days_left": { value: 4, unit: "days" },
  "velocity.average": { value: 10.5, unit: "points" },
  "velocity.completed": { value: 11, unit: "points", detail: { sprints: [UNKNOWN, ...SPRINTS] } },
};
const BURNDOWN = { unit: "points", original: 40, days: [{ date: "2026-11-16", working: true, ideal: 36, remaining: 40, completed: 0, scope: 40 }, { date: "2026-11-17", working: true, ideal: 32, remaining: 37, completed: 3, scope: 40 }, { date: "2026-11-18", working: true, ideal: 28 }], today: [] };
const DATA = { ...board([item(1)]), metrics: METRICS, burndown: BURNDOWN, outlook: { verdict: "behind", text: "3 % likely.", inputs: { by: "forecast" } } };

let server;
/** What was asked, as it was written behind `explain=`. */
let asked;
/** What happened since, as it is answered. */
let since;
/** What is told of a number besides. */
let more;

useBrowser();

/** Opens boards of some teams; whatever is asked is answered. */
async function open(search = "", teams = ["Mill"], data = DATA) {
  [asked, since, more] = [[], { changes: [], metrics: {} }, {}];
  server = await openScripted(search);
  const answer = (response, body) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  server.instead = (response, { url }) => {
    const query = new URLSearchParams(url.split("?")[1]);
    const metric = query.get("explain");
    if (metric === null && !query.has("since")) return false;
    if (metric === null) return answer(response, { since: Number(query.get("since")), ...since });
    asked.push(decodeURIComponent(url.split("explain=")[1]));
    // As long as no small frame has room for it.
    const counted = Array.from({ length: 30 }, (_, index) => ({ id: index + 1, title: `Item ${index + 1}`, amount: 1, why: "it counts" }));
    return answer(response, { metric, value: 12, unit: "points", definition: `This is ${metric}.`, source: "nobody", inputs: {}, counted, leftOut: [], dataAsOf: Date.now(), ...more });
  };
  const scopes = teams.map((_, index) => ({ ...SCOPE, teamId: index === 0 ? SCOPE.teamId : `${index}6df9be7-3586-467b-9c5f-425b29afedfd` }));
  server.say({ ...connected, scopes });
  scopes.forEach((scope, index) => server.say({ type: "snapshot", ...scope, data: { ...data, team: { id: scope.teamId, name: teams[index] } } }));
  await until("they are shown", () => page.$$eval(".board, .team", (all) => all.length), (count) => count === teams.length);
}

const buttons = (selector) => page.$$eval(`${selector} button`, (all) => all.filter((each) => each.checkVisibility()).map((button) => [button.textContent, button.getAttribute("aria-label")]));

/** Presses what is called so, waits for what is told, and returns what was asked, its heading and what is sure of it. */
async function ask(label) {
  const before = asked.length;
  const button = await page.waitForSelector(`button[aria-label="${label}"]`);
  // Not below the header, which stays where it is.
  await button.evaluate((element) => element.scrollIntoView({ block: "center", inline: "center" }));
  await button.click();
  await until("it is asked", () => asked.length, (count) => count > before);
  await until("it is explained", () => page.$eval("#explanation div", (told) => told.textContent), (words) => words.includes("This is "));
  const told = await page.$eval("#explanation", (dialog) => [dialog.querySelector("h2").textContent, dialog.querySelector(".facts").textContent]);
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), label, "the focus does not come back");
  return [asked.at(-1), ...told];
}

/** Nobody is left out: a checker finds nothing, nothing is wider than the screen, and what can be pressed is large enough. */
async function isForEveryone(selector) {
  for (const scheme of ["light", "dark"]) {
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.evaluate(`${AXE}; 0`);
    const { violations } = await page.evaluate((tags) => axe.run(document, { runOnly: { type: "tag", values: tags } }), RULES);
    assert.deepEqual(violations.map(({ id, nodes }) => [id, nodes[0].html, nodes[0].failureSummary]), [], scheme);
  }
  const { width, small } = await page.evaluate((selector, least) => ({
    width: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    small: [...document.querySelectorAll(`${selector} button`)].filter((each) => each.checkVisibility()).map((each) => [each.textContent, each.getBoundingClientRect()]).filter(([, box]) => box.width < least || box.height < least).map(([text, box]) => [text, box.width, box.height]),
  }), selector, TARGET_MIN);
  assert.deepEqual([width, small], [0, []]);
}

test("since the last stand-up both numbers can be asked, the one of now and the one of then", async () => {
  await page.setViewport({ width: 320, height: 700 });
  await open();
  const toldAt = Date.now() - 20_000;
  since = { until: toldAt, changes: [], metrics: { "points.remaining": { then: 40, now: 37, unit: "points" }, "hours.remaining": { then: 44.5, now: 9, unit: "hours" } } };
  await page.$eval(".digest input", (field) => {
    field.value = "08:15";
    field.dispatchEvent(new Event("change"));
  });
  const all = await until("it is told", () => buttons(".digest"), (found) => found.length === 4);
  assert.deepEqual(all.map(([text]) => text.replace("\u00a0", " ")), ["40", "37", "44.5 h", "9 h"]);
  const [[, then], [, now]] = all;
  assert.match(then, /^40\. Why\? Points remaining · .*8:15/);
  assert.equal(now, "37. Why? Points remaining");
  await isForEveryone(".digest");
  more = { day: "2026-11-16", asOf: 0 };
  const [question, heading, sure] = await ask(then);
  const instant = Number(/^points\.remaining&since=(\d+)$/.exec(question)?.[1]);
  const at = new Date(instant);
  assert.deepEqual([at.getHours(), at.getMinutes()], [8, 15], question);
  assert.match(heading, /^Points remaining · .*8:15.* · Mill$/);
  assert.match(sure, /As of [^.]*8:15/);
  assert.doesNotMatch(sure, /end of|As of.*As of/);
  more = {};
  // The one of now as well is that of the instant at which it was told, however old that is.
  assert.deepEqual((await ask(now)).slice(0, 2), [`points.remaining&since=${toldAt}`, "Points remaining · Mill"]);
});

test("while somebody reads in peace what is asked is the number that stands there, and is not told anew", async () => {
  await open();
  assert.equal((await ask("4 of 10 working days left. Why? Working days left of Mill"))[0], "sprint.days_left");
  assert.match(await page.$eval(".sprint", (line) => line.textContent.replaceAll("\u00a0", " ")), /^Analytical Engine · Sprint 12 · .* · 4 of 10 working days left$/);
  server.say({ type: "metric_changed", ...SCOPE, metric: "sprint.days_left", value: 3, previous: 4, changePercent: 25, unit: "days" });
  assert.equal(await until("the focus stays", () => page.evaluate(() => document.activeElement.textContent), (text) => text !== "4 of 10 working days left"), "3 of 10 working days left");
  assert.equal((await ask("Why? Points remaining of Mill"))[0], "points.remaining");
  const before = Date.now();
  await page.click("#pause");
  const [question, heading, sure] = await ask("Why? Points remaining of Mill");
  const instant = Number(/^points\.remaining&since=(\d+)$/.exec(question)?.[1]);
  assert.ok(Math.abs(instant - before) < 5000, question);
  assert.equal(heading, "Points remaining · Mill");
  assert.match(sure, new RegExp(`As of ${await page.evaluate((at) => new Date(at).toLocaleTimeString(navigator.languages), instant)}`));
  const answered = asked.length;
  await page.click('[aria-label="Why? Points remaining of Mill"]');
  await until("it is asked", () => asked.length, (count) => count === answered + 1);
  server.say({ type: "metric_changed", ...SCOPE, metric: "points.remaining", value: 36, previous: 37, changePercent: 2.7, unit: "points" });
  // Longer than until one of now is asked again.
  await sleep(2500);
  assert.equal(asked.length, answered + 1);
  await page.keyboard.press("Escape");
  await page.click("#pause");
  assert.equal((await ask("Why? Points remaining of Mill"))[0], "points.remaining");
});

test("each number of each of the last sprints can be asked, of the picture and of the table", async () => {
  await page.setViewport({ width: 320, height: 900 });
  await open();
  await until("the picture is drawn", () => page.$$eval(".velocity svg .completed-bar", (bars) => bars.length), (count) => count > 0);
  const line = () => buttons(".velocity .facts");
  const texts = async () => (await line()).map(([text]) => text);
  assert.deepEqual(await line(), [["Planned 32", "Planned 32. Why? Planned · Sprint 11"], ["Completed 11", "Completed 11. Why? Completed · Sprint 11"], ["Completed late 3", "Completed late 3. Why? Completed late · Sprint 11"], ["Not completed 2", "Not completed 2. Why? Not completed · Sprint 11"]]);
  await isForEveryone(".velocity");
  assert.deepEqual((await ask("Completed late 3. Why? Completed late · Sprint 11")).slice(0, 2), [`review.late.points&sprint=${SPRINTS[1].id}`, "Completed late · Sprint 11 · Mill"]);
  // The sprint that the keys come to, and the one that is touched.
  await page.focus(".velocity input");
  await page.keyboard.press("ArrowLeft");
  await until("it tells of the sprint before", texts, (all) => all[1] === "Completed 10");
  assert.deepEqual((await ask("Completed 10. Why? Completed · Sprint 10")).slice(0, 2), [`review.completed.points&sprint=${SPRINTS[0].id}`, "Completed · Sprint 10 · Mill"]);
  const { x, y, width, height } = await page.$eval(".velocity .chart-plot", (plot) => (plot.scrollIntoView(), plot.getBoundingClientRect().toJSON()));
  await page.mouse.click(x + width - 10, y + height / 2);
  await until("it tells of the last", texts, (all) => all[1] === "Completed 11");
  // Where the pointer is on its way to a number chooses nothing.
  await page.mouse.move(x + width / 2, y + height / 2);
  assert.equal((await texts())[1], "Completed 11");
  await screenshot(page, "asked-velocity");
  await page.$eval(".velocity .chart-tools button", (button) => button.click());
  assert.equal((await line()).length, 0);
  const rows = await page.$$eval(".velocity tbody tr", (all) => all.map(({ cells }) => [...cells].map((cell) => cell.querySelector("button")?.getAttribute("aria-label") ?? cell.textContent)));
  assert.deepEqual(rows, [
    ["Sprint 9", "–. Why? Planned · Sprint 9", "–. Why? Completed · Sprint 9", "–. Why? Completed late · Sprint 9", "–. Why? Not completed · Sprint 9"],
    ["Sprint 10", "32. Why? Planned · Sprint 10", "10. Why? Completed · Sprint 10", "3. Why? Completed late · Sprint 10", "2. Why? Not completed · Sprint 10"],
    ["Sprint 11", "32. Why? Planned · Sprint 11", "11. Why? Completed · Sprint 11", "3. Why? Completed late · Sprint 11", "2. Why? Not completed · Sprint 11"],
    ["Average", "–", "10.5", "–", "–"],
  ]);
  await isForEveryone(".velocity");
  assert.deepEqual((await ask("2. Why? Not completed · Sprint 10")).slice(0, 2), [`review.incomplete.points&sprint=${SPRINTS[0].id}`, "Not completed · Sprint 10 · Mill"]);
  assert.deepEqual((await ask("–. Why? Planned · Sprint 9")).slice(0, 2), [`review.planned.points&sprint=${UNKNOWN.id}`, "Planned · Sprint 9 · Mill"]);
});

test("each number of each day of the burndown can be asked as of that day, and today's as it is now", async () => {
  await page.setViewport({ width: 320, height: 900 });
  const today = [{ at: Date.parse("2026-11-17T05:00:00Z"), remaining: 37 }];
  const [first, second, third] = BURNDOWN.days;
  const hours = { unit: "hours", days: [{ ...first, ideal: null, remaining: 44, completed: undefined, scope: undefined }, { ...second, remaining: 9, completed: undefined, scope: undefined }, third], today };
  await open("?table=1", ["Mill"], { ...DATA, burndown: { ...BURNDOWN, today, others: [hours] } });
  const rows = () => page.$$eval(".burndown tbody:first-of-type tr", (all) => all.slice(0, 3).map(({ cells }) => [...cells].slice(1).map((cell) => cell.querySelector("button")?.getAttribute("aria-label") ?? cell.textContent)));
  const [mon, tue, wed] = await page.$$eval(".burndown tbody th", (all) => all.map(({ textContent }) => textContent.replaceAll("\u00a0", " ")));
  assert.deepEqual(await rows(), [
    [`36. Why? Ideal · ${mon}`, `40. Why? Remaining · ${mon}`, `0. Why? Completed · ${mon}`, `40. Why? Scope · ${mon}`],
    [`32. Why? Ideal · ${tue}`, `37. Why? Remaining · ${tue}`, `3. Why? Completed · ${tue}`, `40. Why? Scope · ${tue}`],
    [`28. Why? Ideal · ${wed}`, "–", "–", "–"],
  ]);
  await isForEveryone(".burndown :is(.chart-table, .words)");
  await screenshot(page, "asked-burndown");
  assert.deepEqual((await ask(`40. Why? Remaining · ${mon}`)).slice(0, 2), ["points.remaining&day=2026-11-16", `Remaining · ${mon} · Mill`]);
  assert.deepEqual((await ask(`0. Why? Completed · ${mon}`)).slice(0, 1), ["points.completed&day=2026-11-16"]);
  assert.deepEqual((await ask(`40. Why? Scope · ${tue}`)).slice(0, 2), ["points.total", `Scope · ${tue} · Mill`]);
  assert.deepEqual((await ask(`28. Why? Ideal · ${wed}`)).slice(0, 2), ["burndown.ideal.points:2026-11-18", `Ideal · ${wed} · Mill`]);
  // Within today each number is that of its instant, with what happened then.
  const step = await page.$$eval(".burndown table", ([, within]) => within.querySelector("button").getAttribute("aria-label"));
  assert.deepEqual((await ask(step)).slice(0, 1), [`points.remaining&since=${today[0].at + 1}&sprint=${DATA.sprint.id}`]);
  // Of what was told since, the time is the page's own, which has fractions: it is asked as of a whole millisecond.
  server.say({ type: "metric_changed", ...SCOPE, metric: "points.remaining", value: 33, previous: 37, changePercent: 10.8, unit: "points", reason: "threshold" });
  const moved = await until("it moved", () => page.$$eval(".burndown table", ([, within]) => [...within.querySelectorAll("button")].map((button) => [button.textContent, button.dataset.moment]).at(-1)), ([text]) => text === "33");
  assert.match(moved[1], /^since=\d+&sprint=/);
  server.say({ type: "metric_changed", ...SCOPE, metric: "points.remaining", value: 37, previous: 33, changePercent: 12.1, unit: "points", reason: "threshold" });
  await until("it is as before", () => page.$eval(".burndown .words", ({ textContent }) => textContent), (said) => said.startsWith("37 "));
  // What is said of the chart in words can be asked, too.
  const said = await page.$eval(".burndown .words", ({ textContent }) => textContent);
  assert.match(said, /^37 points left on 17 Nov, ideally 32 by its end, of 40 planned/);
  assert.equal((await ask("32. Why? Ideal"))[0], "burndown.ideal.points:2026-11-17");
  assert.equal((await ask("40. Why? Planned"))[0], "burndown.original.points");
  assert.equal((await ask("37. Why? Remaining"))[0], "points.remaining");
  await page.$eval("[data-unit=hours]", (button) => button.click());
  const hour = (await rows()).map((cells) => cells.at(-1).replace("\u00a0", " "));
  assert.deepEqual(hour, [`44 h. Why? Remaining · ${mon}`, `9 h. Why? Remaining · ${tue}`, "–"]);
  await ask(`44\u00a0h. Why? Remaining · ${mon}`);
  assert.equal(asked.at(-1), "hours.remaining&day=2026-11-16");
  // Of a past moment each day is asked as itself.
  const base = `/api/snapshot?project=${SCOPE.projectId}&team=${SCOPE.teamId}`;
  server.answers.set(`${base}&sprint=${SPRINTS[0].id}`, { ...DATA, sprint: { ...DATA.sprint, id: SPRINTS[0].id }, burndown: { ...BURNDOWN, today }, items: [], asOf: 0, definition: 1, day: "2026-11-17" });
  await page.select(".moments", `sprint=${SPRINTS[0].id}`);
  await until("the sprint is shown", () => page.$eval(".then", ({ textContent }) => textContent), (told) => told.includes("As it was"));
  assert.deepEqual((await ask(`40. Why? Scope · ${mon}`)).slice(0, 2), ["points.total&day=2026-11-16", `Scope · ${mon} · Mill`]);
  assert.equal((await ask(`40. Why? Scope · ${tue}`))[0], `points.total&sprint=${SPRINTS[0].id}`, "its last day is its end");
  assert.equal((await ask(`32. Why? Ideal · ${tue}`))[0], `burndown.ideal.points:2026-11-17&sprint=${SPRINTS[0].id}`);
  // Within a past day as well, in the sprint that this was of.
  assert.equal((await ask(step))[0], `points.remaining&since=${today[0].at + 1}&sprint=${SPRINTS[0].id}`);
});

test("each number of the review of a past sprint can be asked, and every heading says of which moment a number is", async () => {
  await page.setViewport({ width: 320, height: 900 });
  await open();
  const [{ id, name }] = SPRINTS;
  const then = { ...DATA, items: [], asOf: Date.UTC(2026, 10, 17, 4), definition: 1 };
  const base = `/api/snapshot?project=${SCOPE.projectId}&team=${SCOPE.teamId}`;
  server.answers.set(`${base}&sprint=${id}`, { ...then, metrics: { ...METRICS, "points.remaining": { value: 0, unit: "points" }, "scope.added": { value: 5, unit: "points" }, "items.carried_over": { value: 2, unit: "items" } }, day: "2026-11-13", sprint: { ...DATA.sprint, id, name }, review: { unit: "points", planned: 32, completed: 10, late: 3, incomplete: 2, sayDo: 93.8, settledAt: 0, unknownItems: 0 } });
  server.answers.set(`${base}&day=2026-11-16`, { ...then, day: "2026-11-16" });
  await page.select(".moments", `sprint=${id}`);
  const words = ["Planned", "Completed", "Completed late", "Not completed", "Say/do"];
  const all = await until("the review is shown", () => buttons(".review"), (found) => found.length > 0);
  assert.deepEqual(all, [...words, "Scope added", "Items carried over"].map((word) => ["why?", `Why? ${word}`]));
  assert.match(await page.$eval(".review", (review) => review.textContent), /Added5points why\?Carried in2items why\?What was not completed was moved on before the sprint ended, so the other numbers count it no more\.$/);
  await isForEveryone(".review");
  assert.deepEqual((await ask("Why? Scope added")).slice(0, 2), [`scope.added&sprint=${id}`, "Scope added · Sprint 10 · Mill"]);
  assert.deepEqual((await ask("Why? Items carried over")).slice(0, 2), [`items.carried_over&sprint=${id}`, "Items carried over · Sprint 10 · Mill"]);
  const ids = ["planned", "completed", "late", "incomplete", "say_do"];
  for (const [index, word] of words.entries()) {
    assert.deepEqual((await ask(`Why? ${word}`)).slice(0, 2), [`review.${ids[index]}&sprint=${id}`, `${word} · Sprint 10 · Mill`]);
  }
  assert.deepEqual((await ask("Why? Points remaining of Mill")).slice(0, 2), [`points.remaining&sprint=${id}`, "Points remaining · Sprint 10 · Mill"]);
  // The sprints before are asked as themselves, whatever moment is shown.
  assert.deepEqual((await ask("Completed 11. Why? Completed · Sprint 11")).slice(0, 2), [`review.completed.points&sprint=${SPRINTS[1].id}`, "Completed · Sprint 11 · Mill"]);
  await page.select(".moments", "day=2026-11-16");
  await until("the day is shown", () => page.$eval(".then", ({ textContent }) => textContent), (told) => told.includes("As it was"));
  const [question, heading] = await ask("Why? Points remaining of Mill");
  assert.equal(question, "points.remaining&day=2026-11-16");
  assert.match(heading, /^Points remaining · end of Mon.*16.* · Mill$/);
});

test("of all teams at a glance each number can be asked, and whoever stands on one stays there when it moves", async () => {
  await page.setViewport({ width: 320, height: 900 });
  await open("", ["Anvil", "Bellows"]);
  const anvil = `[data-scope="${KEY}"]`;
  const left = ["4 of 10 working days left", "4 of 10 working days left. Why? Working days left of Anvil"];
  assert.deepEqual(await buttons(anvil), [
    left,
    ["why?", "Why? Behind: whether it will be completed in time of Anvil"],
    ["37", "37. Why? Points remaining of Anvil"],
    ["of 40", "of 40. Why? Points in all of Anvil"],
    ["1", "1. Why? Items completed of Anvil"],
    ["of 3", "of 3. Why? Items in all of Anvil"],
    ["2", "2. Why? Blocked of Anvil"],
  ]);
  await isForEveryone(".team");
  await screenshot(page, "asked-teams");
  assert.deepEqual((await ask(left[1])).slice(0, 2), ["sprint.days_left", "Working days left · Anvil"]);
  assert.deepEqual((await ask("1. Why? Items completed of Bellows")).slice(0, 2), ["items.completed", "Items completed · Bellows"]);
  assert.deepEqual((await ask("37. Why? Points remaining of Anvil")).slice(0, 2), ["points.remaining", "Points remaining · Anvil"]);
  server.say({ type: "metric_changed", ...SCOPE, metric: "points.remaining", value: 36, previous: 37, changePercent: 3, unit: "points", reason: "threshold" });
  const focused = () => page.evaluate(() => [document.activeElement.textContent, document.activeElement.getAttribute("aria-label")]);
  assert.deepEqual(await until("it moves", focused, ([text]) => text !== "37"), ["36", "36. Why? Points remaining of Anvil"]);
  // Without one that is blocked nobody is told of none.
  server.say({ type: "metric_changed", ...SCOPE, metric: "items.blocked", value: 0, previous: 2, changePercent: 100, unit: "items", reason: "any_change" });
  await until("none is blocked", () => buttons(anvil), (all) => all.length === 6);
  assert.equal(await page.$eval(`${anvil} .numbers`, ({ textContent }) => textContent), "36 of 40 points left · 1 of 3 items done");
});

test("what was asked stays where it is when the answer comes, however long that is", async () => {
  const waiting = [];
  const places = () => page.$eval("#explanation", (dialog) => [dialog, dialog.querySelector("h2"), dialog.querySelector("form button")].map((each) => Math.round(each.getBoundingClientRect().top)));
  for (const [width, height] of [[390, 844], [1280, 800], [300, 200]]) {
    await page.setViewport({ width, height });
    await open();
    const answer = server.instead;
    server.instead = (...request) => (request[1].url.includes("explain=") ? waiting.push(() => answer(...request)) : answer(...request));
    await page.$eval(".overview .why", (button) => button.click());
    await until("it is asked", () => waiting.length);
    const before = await places();
    waiting.pop()();
    await until("it is explained", () => page.$eval("#explanation div", (told) => told.textContent), (words) => words.includes("This is "));
    assert.deepEqual(await places(), before, `at ${width}`);
    assert.ok(await page.$eval("#explanation", (dialog) => dialog.getBoundingClientRect().bottom <= innerHeight && dialog.scrollHeight > dialog.clientHeight));
  }
});

test("numbers that stand in another page can be asked there, and what is told fits its frame", async () => {
  await page.setViewport({ width: 240, height: 160 });
  await open("?embed=1&tile=points.remaining&tile=outlook&tile=burndown&tile=velocity.average");
  await until("they are shown", () => page.$$eval(".part", (all) => all.length), (count) => count === 4);
  assert.deepEqual(await buttons(".embedded"), [
    ["of 40", "of 40. Why? Points in all of Mill"],
    ["why?", "Why? Points remaining of Mill"],
    ["why?", "Why? Behind: whether it will be completed in time of Mill"],
    ["why?", "Why? Points remaining of Mill"],
    ["why?", "Why? Average velocity of Mill"],
  ]);
  await isForEveryone(".embedded");
  assert.deepEqual((await ask("Why? Points remaining of Mill")).slice(0, 2), ["points.remaining", "Points remaining · Mill"]);
  assert.deepEqual((await ask("Why? Average velocity of Mill")).slice(0, 2), ["velocity.average", "Average velocity · Mill"]);
  assert.deepEqual((await ask("Why? Behind: whether it will be completed in time of Mill")).slice(0, 1), ["forecast.probability"]);
  await page.click(".embedded .of");
  await until("it is told what it is of", () => page.$eval("#explanation", ({ textContent }) => textContent), (words) => words.includes("This is points.total"));
  const fits = await page.$eval("#explanation", (dialog) => {
    dialog.scrollTop = dialog.scrollHeight;
    const { left, top, right, bottom } = dialog.getBoundingClientRect();
    const close = dialog.querySelector("form button").getBoundingClientRect();
    return { inside: left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight, wide: dialog.scrollWidth - dialog.clientWidth, scrolled: dialog.scrollTop > 0, closes: close.top >= top && close.bottom <= bottom };
  });
  assert.deepEqual(fits, { inside: true, wide: 0, scrolled: true, closes: true });
  await screenshot(page, "asked-embedded");
  await page.click("#explanation form button");
  // An event does not take the place away from whoever stands on it.
  await page.focus('[aria-label="Why? Points remaining of Mill"]');
  server.say({ type: "metric_changed", ...SCOPE, metric: "points.remaining", value: 33, previous: 37, changePercent: 10, unit: "points", reason: "threshold" });
  await until("it moves", () => page.$eval(".amount", ({ textContent }) => textContent), (words) => words === "33");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Why? Points remaining of Mill");
  // A board of no team explains none of its numbers.
  const hooks = { ...SCOPE, teamId: null, sprintId: null };
  server.say({ ...connected, scopes: [hooks] });
  server.say({ type: "snapshot", ...hooks, data: { ...DATA, team: null, sprint: null, burndown: null, outlook: null } });
  await until("the other is shown", () => page.$$eval(".part", (all) => all.map(({ textContent }) => textContent).join()), (words) => words.includes("Analytical Engine"));
  assert.deepEqual(await page.$$eval(".embedded button", (all) => all.filter((each) => each.checkVisibility() && !each.disabled).length), 0);
});

test("blocked tasks are asked with the items that they stand beside, and what is no number is no button", async () => {
  const blocked = (id, backlog, type) => item(id, { type, backlog, blocked: true });
  const metrics = { ...METRICS, "items.blocked": { value: 1, unit: "items" }, "percent.complete": { value: 7.5, unit: "percent" }, "scope.net": { value: 2, unit: "points" }, "hours.capacity": { value: 40, unit: "hours", detail: { members: [{ name: "Ada", hours: 1, remaining: 1 }] } } };
  await open("", ["Mill"], { ...DATA, metrics, items: [blocked(1, "requirement", "User Story"), blocked(2, "task", "Task")] });
  more = { value: 1, unit: "items", inputs: { tasks: 1 }, leftOut: [{ id: 2, title: "Item 2", rule: "is a task: it counts beside the items" }] };
  for (const [label, name] of [["and 1 task. Why? Blocked of Mill", "Blocked"], ["Why? Blocked of Mill", "Blocked"], ["Why? 1 item and 1 task blocked of Mill", "1 item and 1 task blocked"]]) {
    assert.deepEqual((await ask(label)).slice(0, 2), ["items.blocked", `${name} · Mill`]);
    assert.deepEqual(await page.$eval("#explanation", (dialog) => [dialog.querySelector(".answer").textContent, dialog.textContent.includes("is a task")]), ["1 item and 1 task", true]);
  }
  const beside = await page.$$eval(".tile .of", (all) => all.filter((each) => each.checkVisibility()).map((each) => [each.textContent, each.localName, each.getAttribute("aria-label")]));
  assert.deepEqual(beside, [
    ["of 40", "button", "of 40. Why? Points in all of Mill"],
    ["of 3", "button", "of 3. Why? Items in all of Mill"],
    ["of the effort", "span", null],
    ["of 40\u00a0h", "button", "of 40\u00a0h. Why? Capacity of Mill"],
    ["and 1 task", "button", "and 1 task. Why? Blocked of Mill"],
  ]);
  const names = (await buttons(".section")).filter(([text]) => text === "why?").map(([, name]) => name);
  assert.deepEqual(names, ["Why? Scope, how it changed of Mill", "Why? Velocity, the average of Mill", "Why? Capacity of Mill"]);
});
