// The charts in a browser: what is drawn, read and downloaded of a board, and that nothing is touched that did not change.

import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

import { BEGAN, NOW, boardOfSprint } from "./fixtures/chart-board.mjs";
import { PROJECT, SCOPE, atEnd, connected, item, openScripted, page, screenshot, startScripted, startServer, board as teamBoard, until, useBrowser } from "./support.mjs";

const AXE = await readFile(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const HOUR = 3_600_000;

useBrowser();

/** A page of the server's with nothing on it but the charts of a board, as the modules that are served draw them. */
async function open(board, { server, now = NOW, choice = {}, font = "16px" } = {}) {
  server ??= await startScripted();
  await page.goto(`${server.origin}/api/dashboard/text.js`);
  await page.evaluate(
    async (board, now, choice, font) => {
      const sheet = (name) => new Promise((resolve, reject) => {
        const link = document.createElement("link");
        Object.assign(link, { rel: "stylesheet", href: `/api/dashboard/${name}`, onload: resolve, onerror: reject });
        document.head.append(link);
      });
      await Promise.all(["page.css", "chart.css"].map(sheet));
      const { BurndownChart, Sparkline } = await import("/api/dashboard/chart.js");
      const { VelocityBars } = await import("/api/dashboard/velocity.js");
      document.documentElement.lang = "en";
      document.title = "charts";
      const main = document.createElement("main");
      Object.assign(main.style, { fontSize: font, background: "var(--card)" });
      document.body.replaceChildren(main);
      globalThis.choices = [];
      globalThis.charts = [new BurndownChart({ choice, onChoice: (chosen) => choices.push(chosen) }), new VelocityBars(), new Sparkline()];
      globalThis.show = (board, now) => charts.forEach((chart) => chart.update(board, now));
      main.append(...charts.map((chart) => chart.element));
      globalThis.board = board;
      show(board, now);
    },
    board, now, choice, font,
  );
  await until("the chart is drawn", () => page.$$eval(".chart-plot svg polyline", (lines) => lines.length));
}

/** The page of a team that has the sprint of the fixture, as who looks at it has it. */
async function openTeam(search = "") {
  const { burndown, metrics, scopeChanges } = boardOfSprint();
  const data = { ...teamBoard([item(1)]), burndown, metrics, scopeChanges };
  const server = await openScripted(search);
  server.answers.set(`/api/snapshot?project=${PROJECT}&team=${SCOPE.teamId}&day=2026-11-24`, { ...data, metrics: {}, burndown: { ...burndown, today: [], others: burndown.others.map((one) => ({ ...one, today: [] })) }, day: "2026-11-24", asOf: NOW, definition: 1 });
  server.say(connected);
  server.say({ type: "snapshot", ...SCOPE, data });
  await until("the chart is drawn", () => page.$$eval(".chart-plot svg polyline", (lines) => lines.length));
  return server;
}

/** Changes the board in the page as an event would, and shows it. */
const change = (metrics, now = NOW) => page.evaluate((metrics, now) => show((globalThis.board = { ...board, metrics: { ...board.metrics, ...metrics } }), now), metrics, now);
const points = (selector) => page.$eval(`.chart ${selector}`, (line) => line.getAttribute("points").split(" ").map((point) => point.split(",").map(Number)));
const lastPoints = (selector) => page.$$eval(`.chart ${selector}`, (lines) => lines.at(-1).getAttribute("points").split(" ").map((point) => point.split(",").map(Number)));
const widthOfDay = async () => {
  const ideal = await points("polyline.ideal");
  return (ideal.at(-1)[0] - ideal[0][0]) / 14;
};
const texts = (selector) => page.$$eval(selector, (all) => all.map((element) => element.textContent));
const press = (name) => page.evaluate((name) => [...document.querySelectorAll(".chart-tools button")].find((button) => button.textContent === name && button.checkVisibility()).click(), name);
const plot = async () => (await page.$(".chart-plot")).boundingBox();
const tip = () => page.$eval(".chart-tip", (tip) => (tip.hidden ? null : tip.textContent));
const heard = () => page.$eval(".chart [role=status]", (status) => status.textContent);

/** What the checker finds, rule by rule. */
async function findings() {
  await page.evaluate(`${AXE}; 0`);
  const { violations } = await page.evaluate((tags) => axe.run(document, { runOnly: { type: "tag", values: tags } }), RULES);
  return violations.map(({ id, nodes }) => [id, nodes.length, nodes[0].html.slice(0, 120), nodes[0].failureSummary?.slice(0, 300)]);
}

/** Counts what is touched in the charts from now on. */
const watch = () =>
  page.evaluate(() => {
    globalThis.touched = [];
    globalThis.watcher?.disconnect();
    globalThis.watcher = new MutationObserver((records) => touched.push(...records.map(({ type, target, attributeName }) => [type, target.nodeName, target.closest?.(".chart, .spark")?.getAttribute("class"), attributeName, target.getAttribute?.(attributeName)].join(" "))));
    watcher.observe(document.querySelector("main"), { subtree: true, childList: true, attributes: true, characterData: true });
  });
const touched = () => page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => resolve(touched.splice(0))))));

test("today's changes are steps at their times, now is a line where it is, and the values stand at the lines", async () => {
  await open(boardOfSprint());
  const line = await points("polyline.remaining");
  const end = line.at(-1)[0];
  const day = await widthOfDay();
  const left = line[0][0];
  const steps = [9.5, 11, 13, 14.6].map((hours) => left + day * (6 + hours / 24));
  const verticals = line.filter(([at], index) => index > 0 && at === line[index - 1][0]).map(([at]) => at);
  assert.equal(verticals.length, 4);
  verticals.forEach((at, index) => assert.ok(Math.abs(at - steps[index]) < 0.2, `${at} is not ${steps[index]}`));
  const now = await page.$eval("line.now", (line) => Number(line.getAttribute("x1")));
  assert.ok(Math.abs(now - (left + day * (6 + 15.2 / 24))) < 1 && Math.abs(now - end) < 1);
  assert.deepEqual(await texts("text.value:not(.velocity *)"), ["21.5", "40", "38"]);
  assert.deepEqual(await texts("text.unit"), ["points", "points"]);
  assert.ok((await texts(".chart-plot text")).includes("Thu 26 Nov"));
  assert.equal(await page.$$eval("path.mark", (marks) => marks.length), 3);
  assert.equal(await page.$$eval("rect.forecast", (bands) => bands.length), 2, "the band, and what it means");
  assert.ok((await texts(".chart-legend li")).some((entry) => /likely done 1[–\s-]+3 Dec/.test(entry)));
});

test("the legend names each mark that is drawn on the scope, and none that is not", async () => {
  const board = boardOfSprint();
  await open(board);
  for (const [amounts, signs] of [[[5, -1, -2], "▼▲"], [[0, -1, -2], "▼◆"], [[0, 5, 0], "◆▲"], [[0, -1, 5], "▼◆▲"], [[0, 0, 0], "◆"]]) {
    const changed = board.scopeChanges.map((change, index) => (index === 0 ? change : { ...change, amount: amounts[index - 1] }));
    await page.evaluate((scopeChanges, now) => show({ ...board, scopeChanges }, now), changed, NOW);
    assert.equal(await page.$eval('.chart-legend [data-line="mark"] .sign', ({ textContent }) => textContent), signs, `${amounts}`);
  }
});

test("an event moves the line at once, and the lines that are sent anew take its place", async () => {
  await open(boardOfSprint());
  await change({ "points.remaining": { value: 18, unit: "points" } }, NOW + HOUR);
  await change({}, NOW + 3 * HOUR);
  const line = await points("polyline.remaining");
  const day = await widthOfDay();
  assert.equal(line.at(-2)[1], line.at(-1)[1]);
  assert.ok(Math.abs((line.at(-1)[0] - line.at(-2)[0]) - (2 / 24) * day) < 0.6, "what moved two hours ago has stood since");
  assert.deepEqual((await texts("text.value:not(.velocity *)"))[0], "18");
  await press("Table");
  assert.equal((await texts(".chart-table table:nth-of-type(2) td")).length, 7);
  await page.evaluate(() => show((globalThis.board = { ...board, burndown: structuredClone(board.burndown) }), 0));
  assert.equal((await texts(".chart-table table:nth-of-type(2) td")).length, 7, "it is told again as the present number differs from the lines");
  await page.evaluate((at) => {
    const burndown = structuredClone(board.burndown);
    burndown.today.push({ at, remaining: 18 });
    show((globalThis.board = { ...board, burndown }), at);
  }, NOW + 3 * HOUR);
  assert.equal((await texts(".chart-table table:nth-of-type(2) td")).length, 7);
});

test("days off can be left out, and burnup chosen", async () => {
  await open(boardOfSprint());
  const before = await points("polyline.ideal");
  assert.equal(await page.$$eval(".chart-plot rect.off", (off) => off.length), 2);
  await press("Hide days off");
  assert.equal(await page.$$eval(".chart-plot rect.off", (off) => off.length), 0);
  const after = await points("polyline.ideal");
  assert.ok(after[1][0] > before[1][0] * 1.2 && after.length === before.length - 4, "the days have the room");
  assert.deepEqual(await texts(".chart-plot text[text-anchor=middle]:not(.velocity *, .now)"), ["Fri 20 Nov", "Mon 23 Nov", "Tue 24 Nov", "Wed 25 Nov", "Thu 26 Nov", "Fri 27 Nov", "Mon 30 Nov", "Tue 1 Dec", "Wed 2 Dec", "Thu 3 Dec"]);
  await press("Burnup");
  assert.equal(await page.$$eval(".chart-plot polyline.remaining", (lines) => lines.length), 0);
  const completed = await points("polyline.completed");
  assert.ok(completed.at(-1)[1] < completed[0][1], "it rises");
  assert.match(await page.$eval(".chart-plot svg", (svg) => svg.getAttribute("aria-label")), /^Burnup of Mill in points/);
  assert.deepEqual(await page.evaluate(() => choices.at(-1)), { unit: null, burnup: true, hidesDaysOff: true, table: false });
  assert.deepEqual(await page.$$eval("[aria-pressed=true]", (buttons) => buttons.map((button) => button.textContent)), ["points", "Burnup", "Hide days off"]);
});

test("other units are offered where there are any", async () => {
  await open(boardOfSprint());
  await press("items");
  assert.deepEqual(await texts("text.unit"), ["items", "points"]);
  assert.equal((await texts("text.value:not(.velocity *)"))[0], "10.75");
  await press("hours");
  assert.equal((await texts("text.value:not(.velocity *)"))[0], "92.25");
  assert.equal(await page.$$eval(".chart-plot polyline:is(.ideal, .scope, .completed)", (lines) => lines.length), 0);
  assert.ok(await page.evaluate(() => [...document.querySelectorAll(".chart-tools button")].find(({ textContent }) => textContent === "Burnup").hidden), "of hours nobody knows what was completed");
  await page.evaluate(() => show({ ...board, burndown: { ...board.burndown, others: undefined } }, 0));
  assert.deepEqual(await texts("text.unit"), ["points", "points"]);
  assert.equal(await page.$$eval(".chart-tools [role=group]", ([units]) => units.checkVisibility()), false, "one unit is no choice");
});

test("the caption is of the unit that was chosen, at once, and on a past day too", async () => {
  await openTeam();
  const captions = async () => {
    const all = [];
    for (const unit of ["items", "hours", "points"]) {
      await press(unit);
      all.push(...(await texts(".burndown .words")).map((words) => words.split(" left")[0]));
    }
    return all;
  };
  assert.deepEqual(await captions(), ["10.75 items", "92.25 hours", "21.5 points"]);
  await page.select(".moments", "day=2026-11-24");
  await until("the day is shown", () => page.$eval(".then", ({ textContent }) => textContent), (told) => told.includes("As it was"));
  assert.deepEqual(await captions(), ["10.75 items", "100 hours", "21.5 points"]);
});

test("in another page it is as its address wants it, with its legend and its words where there is room", async () => {
  await page.setViewport({ width: 480, height: 320 });
  await openTeam("?embed=1&tile=burndown");
  const seen = async (part) => (await page.$$eval(`.embedded ${part}`, (all) => all.filter((each) => each.checkVisibility()).map(({ textContent }) => textContent)))[0];
  assert.match(await seen(".chart-legend"), /^RemainingIdealScopeCompleted/);
  assert.match(await seen(".words"), /^21\.5 points left on 26 Nov/);
  assert.equal(await seen(".chart-tools"), undefined);
  assert.equal(await page.evaluate(() => document.documentElement.scrollHeight > innerHeight), false, "it is higher than its frame");
  await screenshot(page, "chart-embedded");
  await page.setViewport({ width: 300, height: 200 });
  assert.deepEqual([await seen(".chart-legend"), await seen(".words")], [undefined, undefined]);
  assert.equal(await page.evaluate(() => document.documentElement.scrollHeight > innerHeight), false, "it is higher than its frame");
  await page.setViewport({ width: 480, height: 320 });
  await openTeam("?embed=1&tile=burndown&unit=items&burnup=1");
  assert.match(await seen(".words"), /^10\.75 items left/);
  assert.match(await page.$eval(".chart-plot svg", (drawing) => drawing.getAttribute("aria-label")), /^Burnup of Mill in items/);
  assert.equal(await page.$eval(".embedded .why", (button) => button.dataset.ask), "items.remaining");
});

test("the scope changes by what the chart counts: each item is one, and an estimate is none", async () => {
  await open(boardOfSprint());
  await press("Table");
  const changed = () => page.$$eval(".chart-table table:last-of-type", ([table]) => [table.caption.textContent, ...[...table.tBodies[0].rows].map(({ cells }) => [cells[1], cells[2]].map(({ textContent }) => /[+−]\d+|#\d+/.exec(textContent)[0]).join(" "))]);
  assert.deepEqual(await changed(), ["Changes of the scope in points", "+5 #532", "−1 #541", "−2 #466"]);
  await press("items");
  assert.deepEqual(await changed(), ["Changes of the scope in items", "+1 #532", "−1 #466"]);
  await press("Table");
  await until("it is drawn anew", () => page.$$eval(".chart-plot path.mark", (marks) => marks.length), (marks) => marks === 2);
  await page.focus(".chart input");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  assert.match(await heard(), /; \+1 added #532 [^;]*$/);
});

test("without colours the lines differ by their dashes, and so do their samples", async () => {
  const server = await openTeam();
  const dashes = (part) => page.evaluate((part) => ["remaining", "scope", "completed", "ideal"].map((line) => getComputedStyle(document.querySelector(`.burndown ${part} .${line}`)).strokeDasharray), part);
  const differ = async () => {
    for (const part of [".chart-plot", ".chart-legend"]) {
      const [remaining, scope, completed, ideal] = await dashes(part);
      assert.deepEqual([remaining, scope], ["none", "none"]);
      assert.equal(new Set([scope, completed, ideal]).size, 3, `${part}: ${[scope, completed, ideal]}`);
    }
  };
  assert.equal((await dashes(".chart-plot"))[2], "none");
  server.say({ type: "degraded", ...SCOPE, level: "cached", dataAsOf: NOW, from: "full", to: "cached", reason: "timed_out", since: NOW, retryAt: null });
  await until("it is cached", () => page.$eval(".board", ({ dataset }) => dataset.level), (level) => level === "cached");
  await differ();
  server.say({ type: "recovered", ...SCOPE, level: "full", from: "cached" });
  await until("it is full", () => page.$eval(".board", ({ dataset }) => dataset.level), (level) => level === "full");
  assert.equal((await dashes(".chart-plot"))[2], "none");
  await server.stop();
  await until("it is stale", () => page.$eval("body", ({ classList }) => classList.contains("stale")));
  await differ();
});

test("the table has the numbers of the board, those of the demo too", async () => {
  const server = await startServer({ settings: { BOARDCAST_DEMO: "on" } });
  const get = async (url) => (await fetch(`${server.origin}${url}`)).json();
  for (const { url } of (await get("/api/snapshot")).scopes) {
    const board = await until("the past is known", () => get(url), ({ history, burndown }) => history === "complete" && burndown !== null);
    const { burndown, metrics, scopeChanges } = board;
    await open(board, { server, now: burndown.today.at(-1).at });
    await press("Table");
    const number = (value) => (value === undefined || value === null ? "–" : new Intl.NumberFormat("en-GB").format(value));
    const rows = await page.$$eval(".chart-table table:first-of-type tbody tr", (rows) => rows.map((row) => [...row.querySelectorAll("td")].map((cell) => cell.textContent)));
    assert.deepEqual(rows.slice(0, burndown.days.length), burndown.days.map((day) => ["ideal", "remaining", "completed", "scope"].map((line) => number(day[line]))));
    const changes = scopeChanges.filter(({ kind }) => kind !== "carried_over").length;
    assert.equal(await page.$$eval(".chart-table", ([first]) => first.querySelectorAll("table:nth-of-type(3) tbody tr").length), changes);
    await page.evaluate(() => document.querySelector(".velocity .chart-tools button").click());
    const sprints = metrics["velocity.completed"].detail.sprints.map((sprint) => [sprint.name, ...["planned", "completed", "late", "incomplete"].map((name) => number(sprint[name]))]);
    const shown = await page.$$eval(".velocity tbody tr", (rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));
    assert.deepEqual(shown.slice(0, -1), sprints);
    assert.equal(shown.at(-1)[2], number(metrics["velocity.average"].value));
  }
});

test("the file has the numbers as they were sent, under the page's own policy", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "boardcast-csv-"));
  atEnd(() => rm(folder, { recursive: true }));
  const server = await startServer();
  await open(boardOfSprint(), { server });
  const cdp = await page.createCDPSession();
  await cdp.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: folder });
  await press("CSV");
  const [name] = await until("the file is there", () => readdir(folder), (files) => files.length === 1 && files[0].endsWith(".csv"));
  assert.equal(name, "burndown-mill-sprint-12-points.csv");
  const rows = (await readFile(path.join(folder, name), "utf8")).split("\r\n");
  assert.equal(rows.length, 1 + 14 + 6 + 1);
  assert.equal(rows[13], "2026-11-26,,true,points,19,21.5,18.5,40");
});

test("the keys read a day, once each", async () => {
  await open(boardOfSprint());
  await page.focus(".chart input");
  assert.match(await tip(), /^Thu,? 26 Nov/);
  assert.equal(await heard(), "", "where the keys begin says the slider");
  assert.match(await page.$eval(".chart input", (input) => input.getAttribute("aria-valuetext")), /^Thu,? 26 Nov$/);
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  assert.match(await page.$eval(".chart input", (input) => input.getAttribute("aria-valuetext")), /^Tue,? 24 Nov$/);
  const said = await heard();
  assert.match(said, /^remaining 33\.5, ideal 26\.6, completed 8\.5, scope 42; \+5 added #532 Customer signs in with a passkey · Raisa Pokrovskaya · .*; −1 re-estimated #541 مرحبا بالعالم! · /);
  assert.ok(!said.includes("24 Nov ·"), "what the slider says is not said twice");
  assert.match(await tip(), /24 Nov.*33\.5.*passkey.*Raisa/s);
  await page.keyboard.press("Home");
  assert.match(await heard(), /^remaining 36, ideal 34\.2/);
  await page.keyboard.press("ArrowRight");
  assert.match(await page.$eval(".chart input", (input) => input.getAttribute("aria-valuetext")), /day off$/);
  await page.keyboard.press("Escape");
  assert.equal(await tip(), null);
  await page.keyboard.press("End");
  assert.match(await tip(), /^Thu,? 3 Dec/);
  await page.keyboard.press("Tab");
  assert.equal(await tip(), null);
  assert.equal(await heard(), "");
});

test("the pointer reads a day and says nothing aloud, and what it pressed stays", async () => {
  await open(boardOfSprint());
  const { x, y, width, height } = await plot();
  const scope = await points("polyline.scope");
  const day = await widthOfDay();
  const at = (index) => x + scope[0][0] + day * (index + 0.5);
  await page.mouse.move(at(3), y + height / 2);
  assert.match(await tip(), /^Mon,? 23 Nov.*31/s);
  await page.mouse.move(at(4), y + height / 2);
  assert.match(await tip(), /^Tue,? 24 Nov/);
  assert.equal(await heard(), "");
  const box = await page.$eval(".chart-tip", (tip) => tip.getBoundingClientRect().toJSON());
  assert.ok(box.left >= at(4) && box.right <= x + width + 1, "it stands beside the day");
  await page.mouse.move(at(12), y + height / 2);
  const other = await page.$eval(".chart-tip", (tip) => tip.getBoundingClientRect().toJSON());
  assert.ok(other.right <= at(12) && other.left >= x - 1);
  await page.mouse.move(x, y + height + 200);
  assert.equal(await tip(), null);
  await page.mouse.click(at(5), y + height / 2);
  await page.mouse.move(x, y + height + 200);
  await until("the day stays", tip, (text) => /^Wed,? 25 Nov/.test(text));
});

test("the velocity is read sprint by sprint", async () => {
  await open(boardOfSprint());
  await page.focus(".velocity input");
  await page.keyboard.press("ArrowLeft");
  assert.equal(await page.$eval(".velocity input", (input) => input.getAttribute("aria-valuetext")), "Sprint 10");
  assert.equal(await page.$eval(".velocity [role=status]", (status) => status.textContent), "planned 34, completed 34, completed late 0, not completed 9");
  assert.deepEqual(await texts(".velocity .value.completed"), ["27", "39", "57", "41", "34", "54"]);
  assert.equal(await page.$$eval(".velocity .chart-plot .late-bar", (bars) => bars.length), 1);
});

test("what did not change is not touched", async () => {
  await open(boardOfSprint());
  await change({});
  await watch();
  // The same board, another object that says the same, and a minute later.
  await page.evaluate((now) => {
    show(board, now);
    show(structuredClone(board), now);
    show(structuredClone(board), now + 60_000);
  }, NOW);
  assert.deepEqual(await touched(), []);
  for (const name of ["Table", "Burnup", "items"]) {
    await press(name);
    await touched();
    await page.evaluate((now) => show(structuredClone(board), now), NOW);
    assert.deepEqual(await touched(), [], name);
  }
  await press("Table");
  await press("Burnup");
  await press("points");
  await page.focus(".chart input");
  await touched();
  await page.evaluate((now) => show(structuredClone(board), now), NOW);
  assert.deepEqual(await touched(), [], "while a day is read");
  await change({ "points.remaining": { value: 20, unit: "points" } });
  const all = await touched();
  assert.ok(all.length > 0 && all.length < 12, `for one number ${all.length} things were touched: ${all}`);
});

test("a checker finds nothing, in any colours, as a drawing and as a table", async () => {
  await open(boardOfSprint());
  await page.focus(".chart input");
  const cdp = await page.createCDPSession();
  for (const table of [false, true]) {
    if (table) await page.$$eval(".chart-tools button", (buttons) => buttons.filter(({ textContent }) => textContent === "Table").forEach((button) => button.click()));
    for (const [scheme, contrast] of [["light", "no-preference"], ["dark", "no-preference"], ["light", "more"], ["dark", "more"]]) {
      await cdp.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }, { name: "prefers-contrast", value: contrast }] });
      assert.deepEqual(await findings(), [], `${scheme}, ${contrast}`);
    }
  }
  const names = JSON.stringify(await page.accessibility.snapshot());
  assert.equal(names.split("Each day in points").length, 2);
});

test("each drawing has one name, and nothing else of it is read", async () => {
  await open(boardOfSprint());
  const tree = JSON.stringify(await page.accessibility.snapshot({ interestingOnly: false }));
  const count = (text) => tree.split(text).length - 1;
  assert.equal(count("Burndown of Mill in points"), 1);
  assert.equal(count("Velocity of Mill in points"), 1);
  for (const silent of ["Scope changed", "21.5", '"name":"now"']) assert.equal(count(silent), 0, silent);
});

test("it is readable from the smallest to the largest screen, and grows with the text", async () => {
  for (const [width, font, name] of [[320, "16px", "320"], [1366, "16px", "1366"], [3840, "16px", "3840"], [3840, "64px", "wall"]]) {
    await page.setViewport({ width, height: 1400 });
    await open(boardOfSprint(), { font });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(over, 0, `at ${width} the page is too wide`);
    const { scale, size, cut } = await page.$eval(".chart-plot", (plot) => {
      const svg = plot.querySelector("svg");
      const frame = plot.getBoundingClientRect();
      const outside = (text) => {
        const box = text.getBoundingClientRect();
        return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
      };
      const { a, d } = svg.getScreenCTM();
      return { scale: [a, d], size: parseFloat(getComputedStyle(svg.querySelector("text")).fontSize), cut: [...svg.querySelectorAll("text")].filter(outside).map((text) => text.textContent) };
    });
    assert.deepEqual(scale, [1, 1], "a pixel of the drawing is one of the page");
    assert.ok(Math.abs(size - parseFloat(font) * 0.8) < 0.1, `the text is ${size} px high`);
    assert.deepEqual(cut, []);
    await screenshot(page, `chart-${name}`);
  }
  // Also where the plot stays as it is, because whoever shows it says how high it is.
  await page.evaluate(() => document.querySelectorAll(".chart-plot").forEach((plot) => (plot.style.height = "900px")));
  const bottom = () => points("polyline.ideal").then((line) => line.at(-1)[1]);
  await until("the chart follows the plot", bottom, (y) => y < 900 && y > 780);
  const before = await bottom();
  await page.evaluate(() => (document.querySelector("main").style.fontSize = "32px"));
  await until("the chart follows the text", bottom, (after) => after > before + 40);
});

test("a chart fills what it is put into, without its buttons where nobody can press them", async () => {
  await open(boardOfSprint());
  await page.evaluate(async (now) => {
    const { BurndownChart } = await import("/api/dashboard/chart.js");
    const chart = new BurndownChart({ tools: false });
    const box = document.createElement("div");
    Object.assign(box.style, { width: "1200px", height: "600px", fontSize: "40px" });
    box.id = "box";
    chart.element.classList.add("fills");
    box.append(chart.element);
    document.querySelector("main").append(box);
    chart.update(board, now);
  }, NOW);
  await until("it is drawn", () => page.$$eval("#box polyline.remaining", (lines) => lines.length));
  const [chart, plot, legend] = await page.evaluate(() => [".chart", ".chart-plot", ".chart-legend"].map((part) => document.querySelector(`#box ${part}`).getBoundingClientRect().height));
  assert.equal(chart, 600);
  assert.ok(plot > 300 && Math.abs(plot + legend - 600) < 20, `${plot} and ${legend}`);
  assert.equal(await page.$eval("#box svg[role=img]", (svg) => svg.getAttribute("viewBox").split(" ")[3]), String(plot));
  assert.equal(await page.$("#box .chart-tools"), null);
});

/** What the chart says in words. */
const caption = () => page.evaluate(() => charts[0].caption.map((part) => part.children?.[0] ?? part).join(""));

test("a board without a burndown or a past shows none, and one that gets them does", async () => {
  await open(boardOfSprint());
  await page.evaluate(() => show({ ...board, burndown: null, metrics: {} }, null));
  assert.deepEqual(await page.$$eval(".chart", (charts) => charts.map((chart) => chart.hidden)), [true, true]);
  assert.equal(await page.$eval(".spark", (spark) => spark.childElementCount), 0);
  await page.evaluate((now) => show(board, now), NOW);
  assert.deepEqual(await page.$$eval(".chart", (charts) => charts.map((chart) => chart.hidden)), [false, false]);
  assert.match(await caption(), /^21\.5 points left on 26 Nov, ideally 19 by its end, of 38 planned(\.|$)/);
  // Of a day that is over it need not be told.
  await page.evaluate(() => show(board, null));
  assert.match(await caption(), /^21\.5 points left on 26 Nov, ideally 19, of 38 planned(\.|$)/);
});

test("a title may say what it likes", async () => {
  const board = boardOfSprint();
  const hostile = `<img src=x onerror="alert(1)">${"x".repeat(900)}`;
  board.scopeChanges[1].title = hostile;
  board.metrics["velocity.completed"].detail.sprints[0].name = hostile;
  await open(board);
  await press("Table");
  await press("Table");
  await page.focus(".chart input");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  assert.ok((await heard()).includes("<img src=x onerror"));
  assert.ok((await heard()).length < 500);
  assert.equal(await page.$$eval("img", (images) => images.length), 0);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0);
});

test("while the time is in doubt no line says when now is", async () => {
  await open(boardOfSprint(), { now: null });
  assert.equal(await page.$$eval("line.now", (lines) => lines.length), 0);
  const line = await lastPoints(".chart-plot polyline.remaining:not(.velocity *)");
  assert.ok(line.length > 10);
  assert.ok(BEGAN < NOW);
});
