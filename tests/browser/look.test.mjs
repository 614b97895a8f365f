// Where the parts of the page stand, from a phone to a 4K screen: no room is wasted, and what belongs together is on one line.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PROJECT, SCOPE, board, connected, item, openScripted, page, until, useBrowser } from "./support.mjs";

useBrowser();

const DAYS = [16, 17, 18].map((day, index) => ({ date: `2026-11-${day}`, working: true, ideal: 36 - 4 * index, ...(index < 2 && { remaining: 40 - 3 * index, completed: 3 * index, scope: 40 }) }));
const sprints = [{ id: "0f7a2d3e-5b1c-4c8f-8a9d-6e4b3c2d1f11", name: "Sprint 11", planned: 32, completed: 30, late: 0, incomplete: 2 }];
const METRICS = {
  "points.remaining": { value: 37, unit: "points" },
  "points.total": { value: 40, unit: "points" },
  "hours.remaining": { value: 44, unit: "hours" },
  "hours.capacity": { value: 40, unit: "hours", detail: { members: [{ name: "Ada Lovelace", activities: [], hours: 30, remaining: 26, over: false }] } },
  "scope.net": { value: 5, unit: "points" },
  "scope.added": { value: 5, unit: "points" },
  "velocity.average": { value: 30, unit: "points", detail: { sprints } },
  "velocity.completed": { value: 30, unit: "points", detail: { sprints } },
};
const STORIES = [1, 2, 3, 4, 5, 6].map((id) => item(id, { type: "User Story", backlog: "requirement", rank: id }));
const DATA = {
  ...board(STORIES),
  metrics: METRICS,
  burndown: { unit: "points", original: 40, days: DAYS, today: [] },
  outlook: { verdict: "behind", text: "At this pace all of it is done by 2026-12-22.", inputs: {} },
  scopeChanges: [{ id: 6, title: "Item 6", kind: "added", amount: 5, reason: "it was moved into the sprint", by: { id: null, name: "Ada Lovelace" }, at: Date.now() }],
};

/** Opens a page of `width` with a board, and answers for the server. */
async function open(width, { search = "", data = DATA, ...more } = {}) {
  await page.setViewport({ width, height: Math.round((width * 9) / 16) });
  const server = await openScripted(search);
  server.say(connected);
  server.say({ type: "snapshot", ...SCOPE, data, ...more });
  await until("the board is shown", () => page.$$eval(".board, .team", (all) => all.length), (count) => count > 0);
  return server;
}

const change = { type: "workitem_changed", ...SCOPE, source: "webhook", workItemId: 1, rev: 2, changeType: "updated", fields: {}, stateCategory: { old: null, new: null }, title: "Item 1", changedBy: null, changedAt: 1, receivedAt: 2, timestamp: 3, item: { ...STORIES[0], rev: 2 } };

/** Where what is seen of `selector` is. */
const boxes = (selector) =>
  page.$$eval(selector, (all) => all.filter((each) => each.checkVisibility()).map((each) => {
    const { left, right, top, bottom, width, height } = each.getBoundingClientRect();
    return { left, right, top, bottom, width, height };
  }));
const box = async (selector) => (await boxes(selector))[0];

test("what a team's page tells besides its numbers fills the row, and its headings are on one line", async () => {
  const server = await open(1920);
  server.say(change);
  await until("how long a change took is told", () => boxes(".chain"), (all) => all.length > 0 && all[0].height > 0);
  for (const width of [1366, 1920, 3840]) {
    await page.setViewport({ width, height: 1080 });
    const [around, sections] = [await box(".sections"), await boxes(".sections > .section")];
    assert.equal(sections.length, 4);
    assert.equal(new Set(sections.map(({ top }) => Math.round(top))).size, 1, `at ${width} they are not in one row`);
    assert.ok(around.right - sections.at(-1).right < 2, `at ${width} the last ends at ${sections.at(-1).right} of ${around.right}`);
    const tops = (await boxes(".sections h3")).map(({ top }) => top);
    assert.ok(Math.max(...tops) - Math.min(...tops) < 1, `at ${width}: ${tops}`);
  }
});

test("the stamp of a burndown is one line, beside its words or below them", async () => {
  const old = { demo: true, level: "cached", dataAsOf: Date.now() - 86_400_000 * 3, outage: { reason: "timed_out", since: Date.now(), retryAt: null } };
  await open(1920, old);
  for (const width of [320, 390, 1366, 1920, 3840]) {
    await page.setViewport({ width, height: 1080 });
    const lines = await page.$eval(".burndown .stamp", (stamp) => {
      const range = document.createRange();
      range.selectNodeContents(stamp);
      return new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
    });
    assert.equal(lines, 1, `at ${width}`);
    const [words, stamp, figure] = [await box(".burndown .words"), await box(".burndown .stamp"), await box(".burndown")];
    assert.ok(stamp.right <= figure.right + 1 && (stamp.left >= words.right || stamp.top >= words.bottom - 1), `at ${width} the stamp is over the words`);
  }
});

test("a number that can be asked about stands no higher than its neighbours", async () => {
  await open(1920);
  const heights = await page.evaluate(() => {
    const heading = document.querySelector(".sections h3:has(.why)");
    const of = document.createElement("dd");
    of.className = "of";
    of.append("points ");
    document.querySelector(".overview .tile").append(of);
    const plain = [heading.cloneNode(true), of.cloneNode(true)];
    plain[0].querySelector(".why").remove();
    heading.after(plain[0]);
    of.after(plain[1]);
    of.append(heading.querySelector(".why").cloneNode(true));
    return [heading, plain[0], of, plain[1]].map((each) => each.getBoundingClientRect().height);
  });
  assert.ok(Math.abs(heights[0] - heights[1]) < 0.5 && Math.abs(heights[2] - heights[3]) < 0.5, heights.join());
});

test("stories use the width of the screen, and what belongs to the text grows with it", async () => {
  await open(1366, { search: "?by=story", demo: true });
  const sizes = async () => {
    const [radio, label] = [await box('.tools input[type="radio"]'), await box(".tools .by label")];
    const mark = await page.$eval(".board", (each) => parseFloat(getComputedStyle(each, "::after").backgroundSize));
    return { radio: radio.height / label.height, mark: mark / label.height };
  };
  const small = await sizes();
  for (const [width, columns] of [[390, 1], [1366, 3], [1920, 3], [3840, 4]]) {
    await page.setViewport({ width, height: 1080 });
    const lefts = new Set((await boxes(".group > ul > .item")).map(({ left }) => Math.round(left)));
    assert.equal(lefts.size, columns, `at ${width}`);
  }
  const large = await sizes();
  for (const what of ["radio", "mark"]) assert.ok(Math.abs(small[what] - large[what]) < 0.1 * small[what], `${what}: ${small[what]}, ${large[what]}`);
});

test("what happens on a board without a sprint stands where it begins, and few teams fill their row", async () => {
  await open(1920, { data: { ...board([]), sprint: null, metrics: {}, burndown: null, outlook: null } });
  const [ticker, overview] = [await box(".ticker"), await box(".overview")];
  assert.ok(ticker.left - overview.left < 1, `it begins at ${ticker.left}`);
  const scopes = ["1", "2"].map((digit) => ({ ...SCOPE, teamId: `${digit}6df9be7-3586-467b-9c5f-425b29afedfd` }));
  const server = await openScripted();
  server.say({ ...connected, scopes });
  for (const scope of scopes) server.say({ type: "snapshot", ...scope, data: { ...DATA, team: { id: scope.teamId, name: "Mill" } } });
  await until("two teams are shown", () => boxes(".team"), (all) => all.length === 2);
  const [teams, last] = [await box("#teams"), (await boxes(".team")).at(-1)];
  assert.ok(teams.right - last.right < 1, `the last ends at ${last.right} of ${teams.right}`);
});

test("no text of an invented board is written on its stripes", async () => {
  await open(1366, { level: "mock", mock: true, dataAsOf: null });
  const bare = await page.$$eval(".board *", (all) =>
    all.filter((each) => each.checkVisibility() && [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "") && !each.closest("svg, option, .unseen")).flatMap((each) => {
      for (let part = each; !part.matches(".board"); part = part.parentElement) if (getComputedStyle(part).backgroundColor !== "rgba(0, 0, 0, 0)") return [];
      return [each.textContent];
    }),
  );
  assert.deepEqual(bare, []);
});

test("on a phone the age of a past moment is one line, where it has the room", async () => {
  const server = await open(390, { demo: true });
  server.answers.set(`/api/snapshot?project=${PROJECT}&team=${SCOPE.teamId}&day=2026-11-16`, { ...DATA, asOf: Date.UTC(2026, 10, 17, 4), day: "2026-11-16", definition: 1 });
  await page.select(".moments", "day=2026-11-16");
  await until("the day is shown", () => page.$eval("#age", (age) => age.textContent), (age) => /end of/.test(age));
  const [age, pause, header] = [await box("#age"), await box("#pause"), await box("body > header")];
  assert.ok(age.height < 24, `it is ${age.height} high`);
  assert.ok(age.right <= pause.left && pause.right <= header.right && Math.abs(age.top - pause.top) < 12);
});

test("on a phone whatever can be pressed on a board is large enough for a finger, and nothing else is above it", async () => {
  const items = STORIES.map((story) => ({ ...story, url: `https://devops.example/${story.id}`, parent: story.id % 2 === 0 ? story.id - 1 : null }));
  await open(390, { data: { ...DATA, items, metrics: { ...METRICS, "percent.complete": { value: 7.5, unit: "percent" } } } });
  // What is out of sight is laid out as well, so that it can be measured.
  await page.addStyleTag({ content: ".item { content-visibility: visible !important; }" });
  for (const selector of [".tile button.of", ".tile .why", ".item a", ".tools .by label"]) {
    const all = await boxes(selector);
    assert.ok(all.length > 1, selector);
    for (const { width, height } of all) assert.ok(width >= 24 && height >= 24, `${selector} is ${width} x ${height}`);
  }
  const pressed = await boxes(".tile button.of, .tile .why, .item a, .tools .by label");
  const over = pressed.filter((one, index) => pressed.some((other, at) => at > index && Math.min(one.right, other.right) - Math.max(one.left, other.left) > 0.5 && Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > 0.5));
  assert.deepEqual(over, []);
  // What stands beside a number is at the same height, whether it can be asked or not.
  const [asked, said] = [await boxes(".tile button.of"), await boxes(".tile span.of")];
  assert.equal(said[0].height, asked[0].height);
});

test("on a phone what is long has its whole height, and on a larger screen it scrolls within itself", async () => {
  await open(390, { data: { ...DATA, scopeChanges: Array.from({ length: 20 }, (_, index) => ({ ...DATA.scopeChanges[0], id: index + 1 })) } });
  const heights = () => page.$eval(".section.scope", ({ scrollHeight, clientHeight }) => [scrollHeight, clientHeight]);
  for (const [width, isWhole] of [[320, true], [390, true], [736, true], [768, false], [1366, false]]) {
    await page.setViewport({ width, height: 800 });
    const [whole, seen] = await heights();
    assert.equal(whole <= seen, isWhole, `at ${width} ${seen} of ${whole} are seen`);
  }
});

test("on paper everything that is told is there, and nothing to press", async () => {
  const items = STORIES.map((story) => ({ ...story, ...(story.id > 3 && { stateCategory: "Completed", state: "Closed" }) }));
  const scopeChanges = Array.from({ length: 20 }, (_, index) => ({ ...DATA.scopeChanges[0], id: index + 1 }));
  const server = await open(1366, { data: { ...DATA, items, scopeChanges } });
  for (let id = 1; id <= 6; id += 1) server.say({ ...change, workItemId: id, rev: 9, changeType: "state", fields: { "System.State": { old: "New", new: "Active" } }, item: { ...items[id - 1], rev: 9 } });
  await until("what happens is told", () => page.$$eval(".tick", (all) => all.length), (count) => count === 6);
  const seen = (selector) => page.$$eval(selector, (all) => all.filter((each) => each.checkVisibility({ contentVisibilityAuto: true, visibilityProperty: true })).length);
  const pressed = ["#finder", "#pause", ".skip", ".moments", ".by", ".find", ".why", ".chart button:not(.asked)", "#log", ".more"];
  const told = [".tile .amount", ".tile button.of", ".pace .asked", ".tick", "li.scope", ".chart-plot", ".group .title"];
  for (const selector of pressed.filter((each) => each !== ".skip")) assert.notEqual(await seen(selector), 0, `${selector} is nowhere`);
  const counts = await Promise.all(told.map(seen));
  await page.emulateMediaType("print");
  for (const width of [718, 1366]) {
    await page.setViewport({ width, height: 800 });
    for (const selector of pressed) assert.equal(await seen(selector), 0, `${selector} is printed`);
    for (const [index, selector] of told.entries()) assert.ok((await seen(selector)) >= Math.max(1, counts[index]), `${selector} is not printed`);
    assert.equal(await seen(".group .title"), items.length, "what is folded is not printed");
    assert.equal(await page.$eval("body > header", (header) => getComputedStyle(header).position), "static");
    const cut = await page.$$eval(".section", (all) => all.filter(({ scrollHeight, clientHeight }) => scrollHeight > clientHeight).map(({ className }) => className));
    assert.deepEqual(cut, [], `at ${width}`);
  }
});

test("on a phone the items are one step away from the top, and the address stays", async () => {
  await open(390, { search: "?by=story" });
  await page.setViewport({ width: 390, height: 844 });
  const jump = await box(".jump");
  assert.ok(jump.top < 422 && jump.height >= 24, `it is ${jump.height} high at ${jump.top}`);
  assert.ok((await box(".tools")).top > 844);
  const address = () => page.evaluate(() => [location.href, history.length].join());
  const before = await address();
  // From where it is seen that it goes there, for the ear as well.
  await page.click(".jump");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), "Items");
  const [tools, header] = [await box(".tools"), await box("body > header")];
  assert.ok(tools.top >= header.bottom && tools.bottom < 844, `it goes to ${tools.top}`);
  assert.equal(await address(), before);
  await page.setViewport({ width: 1366, height: 768 });
  assert.deepEqual(await boxes(".jump"), []);
  // Several in full have none: it would stand on each, and the tools it goes to are those of a board alone.
  const server = await openScripted("?view=boards");
  await page.setViewport({ width: 390, height: 844 });
  const scopes = ["1", "2"].map((digit) => ({ ...SCOPE, teamId: `${digit}6df9be7-3586-467b-9c5f-425b29afedfd` }));
  server.say({ ...connected, scopes });
  for (const scope of scopes) server.say({ type: "snapshot", ...scope, data: { ...DATA, team: { id: scope.teamId, name: "Mill" } } });
  await until("two boards are shown", () => boxes(".board"), (all) => all.length === 2);
  assert.deepEqual(await boxes(".jump"), []);
});
