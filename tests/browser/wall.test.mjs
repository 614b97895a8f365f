// The wall: read from five metres away, one team at a time, for months without anybody who touches it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { PROJECT, SCOPE, board, connected, item, page, screenshot, startScripted, startServer, until, useBrowser } from "./support.mjs";

const AXE = await readFile(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const SIZES = [[1280, 720], [1920, 1080], [3840, 2160], [1080, 1920], [1280, 1024], [2560, 1080]];
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let server;

useBrowser();

const state = () => page.$eval("body", (body) => body.dataset.state);
const open = (more = "?wall&dim=off") => page.goto(`${server.origin}/api/dashboard${more}`);
/** What an element says, nothing where it is not seen or not there yet. */
const text = async (selector) => (await texts(selector))[0] ?? "";
const texts = (selector) => page.$$eval(selector, (all) => all.filter((element) => element.checkVisibility()).map((element) => element.innerText.replace(/\s+/g, " ").trim()));
const isLive = () => until("the wall is live", state, (word) => word === "live");
const frames = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

const metric = (value, unit = "items", more = {}) => ({ value, unit, ...more });
const day = (date, working, ideal, remaining) => ({ date, working, ideal, ...(remaining !== undefined && { remaining, completed: 40 - remaining, scope: 40 }) });

/** A board such as most are. */
const usual = (items = [], more = {}) => ({
  ...board(items),
  metrics: {
    "points.remaining": metric(23, "points"),
    "points.total": metric(40, "points"),
    "items.completed": metric(4),
    "items.total": metric(11),
    "items.blocked": metric(1),
    "items.aging": metric(1),
    "cycle.p85": metric(7.5, "days"),
    "hours.remaining": metric(31.5, "hours"),
    "hours.capacity": metric(80, "hours"),
    "bugs.open": metric(2, "bugs"),
    "sprint.days_left": metric(4, "days"),
  },
  burndown: {
    unit: "points",
    original: 40,
    days: [day("2026-11-16", true, 36, 38), day("2026-11-17", true, 32, 30), day("2026-11-18", false, 32, 30), day("2026-11-19", true, 28, 23), day("2026-11-20", true, 24), day("2026-11-23", true, 0)],
    today: [],
  },
  outlook: { verdict: "at_risk", text: "58 % likely to complete all 7 items (23 points) on the 4 working days left. In 85 of 100 runs at least 5; all of it by 2026-12-01.", inputs: {} },
  scopeChanges: [],
  ...more,
});

const old = (id, more = {}) => item(id, { changedAt: Date.now() - (id % 1000) * HOUR_MS, ageDays: 1, ...more });
const someItems = () => [
  old(1, { title: "Customer signs in", blocked: true, blockedBy: "tag Blocked", blockedSince: Date.now() - 3 * DAY_MS - HOUR_MS }),
  old(2, { title: "Pay by card", ageDays: 9.2, assignedTo: { id: null, name: "Jamal Hartnett" } }),
  old(3, { title: "Print the receipt", assignedTo: null, stateCategory: "Resolved", state: "Resolved" }),
  old(4, { title: "Never begun", assignedTo: null, stateCategory: "Proposed", state: "New", ageDays: null }),
  old(5, { title: "Done", blocked: true, stateCategory: "Completed", state: "Closed", ageDays: null }),
];

const LONG_TEAM = "Payments Reconciliation and Settlement Engineering Platform";
const LONG_NAME = "Wolfeschlegelsteinhausen-Bergerdorff Hub";

/** A board such as none should be. */
function nasty() {
  const title = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft ".repeat(8);
  const items = Array.from({ length: 30 }, (_, index) => old(900_000 + index, { title, type: "Product Backlog Item", blocked: index % 2 === 0, blockedSince: Date.now() - index * DAY_MS, ageDays: 400.25, assignedTo: { id: null, name: LONG_NAME } }));
  const whole = usual(items);
  return {
    ...whole,
    project: { id: PROJECT, name: "Enterprise Resource Planning and Customer Relationship 2026" },
    team: { ...whole.team, name: LONG_TEAM.padEnd(60, "s") },
    sprint: { ...whole.sprint, name: "Programme Increment 12 Iteration 4 (hardening)" },
    metrics: {
      ...whole.metrics,
      "points.remaining": metric(123_456.75, "points", { approximate: true }),
      "points.total": metric(234_567.25, "points"),
      "items.aging": metric(30),
      "hours.remaining": metric(123_456.75, "hours"),
      "hours.capacity": metric(123_456.75, "hours"),
    },
    outlook: { verdict: "behind", text: `${whole.outlook.text} ${whole.outlook.text}`, inputs: {} },
  };
}

/** Opens a wall on boards; each is a scope with what its snapshot says. */
async function openWall(boards = [{ data: usual(someItems()) }], more = "?wall&dim=off") {
  server = await startScripted();
  const scopes = boards.map(({ data }, index) => ({ ...SCOPE, teamId: SCOPE.teamId.replace(/^./, String(index)), ...(data.sprint === null && { sprintId: null }) }));
  await open(more);
  await server.listened();
  server.say({ ...connected, scopes });
  boards.forEach(({ data, ...event }, index) => server.say({ type: "snapshot", ...scopes[index], ...event, data }));
  await until("a team is shown", () => page.$$eval(".w-team", (all) => all.length), Boolean);
  return scopes;
}

/** How high capitals are of each text that is seen, in hundredths of the screen's height. */
function capitals() {
  return page.evaluate(() => {
    const pencil = document.createElement("canvas").getContext("2d");
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      const isSeen = element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !element.closest(".w-unseen");
      if (node.textContent.trim() === "" || !isSeen) continue;
      const style = getComputedStyle(element);
      pencil.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
      const scale = element instanceof SVGElement ? element.getScreenCTM().d : element.getBoundingClientRect().height / (element.offsetHeight || element.getBoundingClientRect().height);
      const height = pencil.measureText("H").actualBoundingBoxAscent * scale;
      found.push({ text: node.textContent.trim().slice(0, 40), percent: (100 * height) / innerHeight, isNumber: element.matches(".w-amount") });
    }
    return found;
  });
}

// A 55-inch screen is 685 mm high. At 5 m ten arc minutes are 14.5 mm of it, twenty are 29.1 mm.
const arcMinutes = (minutes) => (100 * 5000 * Math.tan((minutes / 60) * (Math.PI / 180))) / 685;

async function isLegible(what) {
  const all = await capitals();
  assert.ok(all.filter(({ isNumber }) => isNumber).length >= 1 && all.length > 20, `${what}: ${all.length} texts are seen`);
  const small = all.filter(({ percent, isNumber }) => percent < arcMinutes(isNumber ? 20 : 10));
  assert.deepEqual(small, [], `${what}: too small for five metres`);
}

/** What is cut off, out of the screen, or over something else. */
function misplaced() {
  return page.evaluate(() => {
    const faults = [];
    const { scrollWidth, scrollHeight } = document.documentElement;
    if (scrollWidth > innerWidth || scrollHeight > innerHeight) faults.push(`the page is ${scrollWidth}×${scrollHeight}`);
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const boxes = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (node.textContent.trim() === "" || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || element.closest(".w-unseen")) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const words = node.textContent.trim().slice(0, 30);
      const size = parseFloat(getComputedStyle(element).fontSize);
      for (const { left, right, top, bottom } of range.getClientRects()) {
        // Of a line only what letters are drawn in.
        const slack = Math.max(0, (bottom - top - size) / 2);
        const box = { words, node, left, right, top: top + slack, bottom: bottom - slack };
        boxes.push(box);
        for (let around = element; around !== document.documentElement; around = around.parentElement) {
          const clip = around.getBoundingClientRect();
          const isClipping = getComputedStyle(around).overflow !== "visible" || around.matches(".w-part, .w-tile, li");
          if (isClipping && !(around instanceof SVGElement) && (box.left < clip.left - 1 || box.right > clip.right + 1 || box.top < clip.top - 1 || box.bottom > clip.bottom + 1)) {
            faults.push(`${words} is outside of ${around.tagName}.${around.className}`);
          }
        }
        if (box.left < 0 || box.right > innerWidth || box.top < 0 || box.bottom > innerHeight) faults.push(`${words} is outside of the screen`);
      }
    }
    boxes.forEach((one, index) => {
      for (const other of boxes.slice(index + 1)) {
        if (one.node === other.node) continue;
        const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (wide > 1 && high > 0.12 * (one.bottom - one.top)) faults.push(`${one.words} is over ${other.words}`);
      }
    });
    const parts = [...document.querySelectorAll(".w-part:not(.w-left-out)")].filter((part) => part.checkVisibility() && part.getBoundingClientRect().height > 0);
    for (const part of parts) {
      for (const inner of part.querySelectorAll("*")) {
        if (!(inner instanceof SVGElement) && inner.scrollWidth > inner.clientWidth + 1 && inner.clientWidth > 0 && getComputedStyle(inner).overflow !== "visible" && !inner.matches("input, .w-unseen")) faults.push(`${inner.className} is cut off`);
      }
    }
    return [...new Set(faults)];
  });
}

async function fits(what) {
  await frames();
  assert.deepEqual(await misplaced(), [], what);
}

test("five metres away capitals of numbers have twenty arc minutes and all others ten", async () => {
  assert.ok(arcMinutes(10) > 2.12 && arcMinutes(20) > 4.24);
  for (const [name, data] of [["usual", usual(someItems())], ["nasty", nasty()]]) {
    for (const [width, height] of [[1920, 1080], [3840, 2160]]) {
      await page.setViewport({ width, height });
      await openWall([{ data }]);
      await isLive();
      await frames();
      await isLegible(`${name} at ${width}`);
      await server.stop();
    }
  }
});

test("nothing is cut off or over something else, whatever things are called and whatever the screen", async () => {
  const since = Date.now() - 90_000;
  const outage = { reason: "unauthorised", since, retryAt: Date.now() + HOUR_MS, remedy: "check AZURE_DEVOPS_PAT, or the identity of boardcast" };
  const cases = [
    ["usual", "?wall&dim=off", { data: usual(someItems()) }],
    ["nasty", "?wall&dim=off", { data: nasty() }],
    ["demo", "?wall&dim=off", { data: nasty(), demo: true }],
    ["cached", "?wall=never&dim=off&theme=pink", { data: nasty(), demo: true, level: "cached", dataAsOf: since, outage }],
    ["mock", "?wall&dim=off&theme=light", { data: nasty(), level: "mock", mock: true, outage }],
  ];
  for (const [name, more, event] of cases) {
    await page.setViewport({ width: 1280, height: 720 });
    await openWall([event], more);
    for (const [width, height] of SIZES) {
      await page.setViewport({ width, height });
      await fits(`${name} at ${width}×${height}`);
      await screenshot(page, `wall-${name}-${width}x${height}`);
      assert.equal(await text(".w-team"), event.data.team.name);
      assert.ok((await texts(".w-tile")).length >= 1, "numbers are shown");
      assert.ok((await texts(".w-need")).length >= 1, `${name} at ${width}×${height}: what needs us is shown`);
    }
    await server.stop();
  }
});

/** A picture of the wall without what tells the time. */
async function picture() {
  await page.evaluate(() => {
    document.querySelectorAll(".w-age, .w-clock").forEach((element) => (element.style.visibility = "hidden"));
  });
  return Buffer.from(await page.screenshot({ type: "png" })).toString("base64");
}

/** In how many pixels two pictures differ, as the browser itself decodes them. */
function differing(one, other) {
  return page.evaluate(
    async (...pictures) => {
      const pixels = await Promise.all(
        pictures.map(async (base64) => {
          const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
          const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
          const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
          canvas.drawImage(image, 0, 0);
          return new Uint32Array(canvas.getImageData(0, 0, image.width, image.height).data.buffer);
        }),
      );
      const [left, right] = pixels;
      return left.length === right.length ? left.reduce((count, pixel, at) => count + (pixel === right[at] ? 0 : 1), 0) : Infinity;
    },
    one,
    other,
  );
}

test("b2_fault_page_2_twenty planned ends of the stream change no pixel of a wall that rests", async () => {
  await page.setViewport({ width: 1920, height: 1080 });
  const scopes = await openWall([{ data: usual(someItems()) }], "?wall&dim=off&shift=off");
  await isLive();
  await frames();
  const before = await picture();
  await page.evaluate(() => {
    globalThis.seen = [];
    const isTime = (node) => Boolean((node.nodeType === Node.TEXT_NODE ? node.parentElement : node)?.closest(".w-age, .w-clock"));
    const note = (records) => {
      for (const { target, type, attributeName, addedNodes } of records) {
        if (!isTime(target)) globalThis.seen.push([type, attributeName, target.nodeName, target.className, addedNodes.length].join());
      }
    };
    new MutationObserver(note).observe(document.body, { attributes: true, childList: true, characterData: true, subtree: true });
  });
  const opened = server.opened();
  const reasons = ["lifetime", "slow", "lost", "shutdown"];
  const changed = [];
  for (let end = 1; end <= 20; end += 1) {
    server.say({ type: "closing", reason: reasons[end % reasons.length], reconnectAfterMs: 5 });
    server.end();
    changed.push(await differing(before, await picture()));
    await until("the wall opens the next stream", server.opened, (number) => number === opened + end);
    server.say({ ...connected, scopes, resumed: true });
    await frames();
    changed.push(await differing(before, await picture()));
  }
  assert.deepEqual(changed.filter(Boolean), []);
  assert.equal(changed.length, 40);
  assert.deepEqual(await page.evaluate(() => globalThis.seen), []);
  // Both witnesses see what does change.
  server.say({ type: "metric_changed", ...scopes[0], metric: "points.remaining", value: 22, previous: 23, changePercent: 4.3, unit: "points", reason: "settle", threshold: 0.05 });
  await until("the number is shown", () => text('[data-metric="points.remaining"] .w-amount'), (number) => number === "22");
  assert.ok((await differing(before, await picture())) > 100);
  assert.ok((await page.evaluate(() => globalThis.seen.length)) > 0);
});

/** The contrast of every text that is seen to what is below it, with what is written over both. */
function contrasts() {
  return page.evaluate(() => {
    const parse = (colour) => colour.match(/[\d.]+/g).map(Number);
    const mixed = (below, [red, green, blue], alpha) => [red, green, blue].map((part, index) => part * alpha + below[index] * (1 - alpha));
    const luminance = (colour) => {
      const [red, green, blue] = colour.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const water = getComputedStyle(document.querySelector(".w-water"));
    const fill = /fill='%23(\w{6})'/.exec(water.backgroundImage)?.[1].match(/../g).map((part) => parseInt(part, 16));
    const walker = document.createTreeWalker(document.querySelector(".w"), NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const element = node.parentElement;
      if (node.textContent.trim() === "" || !element.checkVisibility() || element.closest(".w-unseen")) continue;
      let around = element;
      while (around && (parse(getComputedStyle(around).backgroundColor)[3] === 0)) around = around.parentElement;
      const style = getComputedStyle(element);
      let colours = [parse(element instanceof SVGElement ? style.fill : style.color), parse(getComputedStyle(around).backgroundColor)];
      if (fill && !element.closest(".w-band, .w-mark")) colours = colours.map((below) => mixed(below, fill, Number(water.opacity)));
      const [light, dark] = colours.map(luminance).sort((one, other) => other - one);
      found.push([node.textContent.trim().slice(0, 30), Number(((light + 0.05) / (dark + 0.05)).toFixed(2))]);
    }
    return found;
  });
}

/** What the checker finds; it cannot look through what is written over everything, so contrasts are computed as well. */
async function isForEveryone(what) {
  const all = await contrasts();
  assert.ok(all.length > 20, what);
  assert.deepEqual(all.filter(([, ratio]) => !(ratio >= 4.5)), [], what);
  await page.evaluate(`${AXE}; 0`);
  const { violations, judged } = await page.evaluate(async (tags) => {
    const water = document.querySelector(".w-water");
    water.remove();
    const { violations, passes } = await axe.run(document, { runOnly: { type: "tag", values: tags } });
    document.body.append(water);
    return {
      violations: violations.map(({ id, nodes }) => [id, nodes.length, nodes[0].html.slice(0, 120), nodes[0].failureSummary?.slice(0, 300)]),
      judged: passes.find(({ id }) => id === "color-contrast")?.nodes.length ?? 0,
    };
  }, RULES);
  assert.deepEqual(violations, [], what);
  assert.ok(judged > 15, `${what}: only ${judged} contrasts could be judged`);
}

test("a checker finds nothing on a wall that is live, cached, mock, dim or not heard, and everything is said in words", async () => {
  await page.setViewport({ width: 1920, height: 1080 });
  for (const theme of ["dark", "light"]) {
    const [scope] = await openWall([{ data: usual(someItems()) }], `?wall&dim=off&theme=${theme}`);
    await isLive();
    await isForEveryone(`live, ${theme}`);
    const since = Date.now() - 60_000;
    server.say({ type: "degraded", ...scope, level: "cached", to: "cached", from: "full", reason: "server_error", since, retryAt: Date.now() + 30_000, dataAsOf: since });
    await until("it is cached", state, (word) => word === "cached");
    await frames();
    assert.match(await text(".w-band"), /Cached: the last known board\. Azure DevOps answers with errors \(since [^)]*\d\d:\d\d[^)]*\).* Next try in \d+ s\.$/);
    await isForEveryone(`cached, ${theme}`);
    await screenshot(page, `wall-cached-${theme}`);
    server.say({ type: "snapshot", ...scope, data: usual(someItems()), level: "mock", mock: true, outage: { reason: "server_error", since, retryAt: null } });
    await until("it is a mock", state, (word) => word === "mock");
    await frames();
    assert.match(await text(".w-band"), /Mock: nothing is known, and these are invented contents\./);
    await isForEveryone(`mock, ${theme}`);
    server.say({ type: "snapshot", ...scope, data: usual(someItems()) });
    await isLive();
    assert.equal(await text(".w-band"), "");
    server.instead = (response) => response.writeHead(503).end();
    server.end();
    await until("it is not heard", state, (word) => word === "disconnected");
    await frames();
    await until("it says why and since when", () => text(".w-band"), (words) => /in its place, 503 \(since [^)]*\d\d:\d\d[^)]*\)/.test(words));
    assert.match(await text(".w-word"), /disconnected/);
    await isForEveryone(`disconnected, ${theme}`);
    await isLegible(`disconnected, ${theme}`);
    await screenshot(page, `wall-disconnected-${theme}`);
    await server.stop();
  }
  await openWall([{ data: usual(someItems()) }], "?wall&dim=00:00-23:59");
  await isLive();
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dim");
  await isForEveryone("dim");
});

test("who chose the colours of everything sees a wall's chart, marks and turn in them", async () => {
  await page.setViewport({ width: 1920, height: 1080 });
  const devtools = await page.createCDPSession();
  await devtools.send("Emulation.setEmulatedMedia", { features: [{ name: "forced-colors", value: "active" }, { name: "prefers-color-scheme", value: "light" }] });
  await openWall([{ data: usual(someItems()), demo: true }, { data: usual(someItems()) }]);
  await isLive();
  const seen = await page.evaluate(() => {
    const probe = document.body.appendChild(document.createElement("i"));
    const named = (colour) => {
      probe.style.color = colour;
      return getComputedStyle(probe).color;
    };
    const all = (selector, property) => [...new Set([...document.querySelectorAll(selector)].map((element) => getComputedStyle(element)[property]))];
    const found = {
      texts: [all(".chart-plot text:not(.remaining, .now)", "fill"), [named("CanvasText")]],
      remaining: [all(".chart polyline.remaining", "stroke"), [named("Highlight")]],
      completed: [all(".chart polyline.completed", "stroke"), [named("CanvasText")]],
      turn: [all(".w-progress i", "backgroundColor"), [named("Highlight")]],
      marks: [all(".w-mark", "outlineStyle"), ["solid"]],
    };
    probe.remove();
    return found;
  });
  for (const [what, [is, due]] of Object.entries(seen)) assert.deepEqual(is, due, what);
  await screenshot(page, "wall-forced-colours");
});

test("every part says what is no live truth, so that any crop tells", async () => {
  const marks = () => page.$$eval(".w-part:not([hidden])", (parts) => parts.filter((part) => part.checkVisibility() && !part.matches(".w-head, .w-band, .w-left-out")).map((part) => [part.className.match(/w-(?!part)\w+/)[0], part.querySelector(".w-marks").innerText.replace(/\s+/g, " ")].join(": ")));
  const all = (words) => ["outlook", "numbers", "chart", "needs", "changes"].map((name) => `w-${name}: ${words}`);
  await page.setViewport({ width: 1920, height: 1080 });
  const [scope] = await openWall([{ data: usual(someItems()), demo: true }]);
  await isLive();
  assert.deepEqual(await marks(), all("DEMO"));
  const water = () => page.$eval(".w-water", (element) => [/>(\w+)</.exec(decodeURIComponent(getComputedStyle(element).backgroundImage))?.[1], getComputedStyle(element).pointerEvents, element.getBoundingClientRect().width === innerWidth]);
  assert.deepEqual(await water(), ["DEMO", "none", true]);
  server.say({ type: "degraded", ...scope, level: "cached", to: "cached", from: "full", reason: "server_error", since: Date.now(), retryAt: null, dataAsOf: Date.now() });
  await until("it is cached", state, (word) => word === "cached");
  await frames();
  assert.deepEqual(await marks(), all("DEMO CACHED"));
  server.say({ type: "snapshot", ...scope, data: usual(someItems()), level: "mock", mock: true });
  await until("it is a mock", state, (word) => word === "mock");
  await frames();
  assert.deepEqual(await marks(), all("MOCK").filter((part) => !part.startsWith("w-changes")));
  assert.deepEqual(await water(), ["MOCK", "none", true]);
  server.instead = (response) => response.writeHead(503).end();
  server.end();
  await until("it is not heard", state, (word) => word === "disconnected");
  await frames();
  assert.deepEqual(await marks(), all("MOCK NOT LIVE").filter((part) => !part.startsWith("w-changes")));
});

test("what needs somebody is named: blocked since when, older than most, nobody's, and how many more", async () => {
  await page.setViewport({ width: 1920, height: 1080 });
  const [scope] = await openWall();
  await isLive();
  assert.deepEqual(await texts(".w-need"), ["#1 Customer signs in Blocked for 3 d · Ada Lovelace", "#2 Pay by card 9.2 d in progress, usual is up to 7.5 d · Jamal Hartnett", "#3 Print the receipt Resolved, and nobody’s"]);
  assert.deepEqual(await texts(".w-tile"), ["Items blocked 1", "Points left 23 of 40", "Items done 4 of 11", "Hours left 31.5 h of 80", "Open bugs 2", "Days left 4"]);
  // A task is as old as its story, and is not what `items.aging` counts; a blocked one says what it is.
  const oldTask = item(10, { type: "Task", title: "Old task", parent: 2, ageDays: 30 });
  server.say({ type: "snapshot", ...scope, data: usual([...someItems(), oldTask], { outlook: null }) });
  await until("the board is another", () => text(".w-outlook"), (words) => words === "");
  assert.deepEqual((await texts(".w-need")).map((words) => words.slice(0, 3)), ["#1 ", "#2 ", "#3 "]);
  const tasks = [oldTask, item(11, { type: "Task", backlog: "task", title: "Stuck task", parent: 2, blocked: true })];
  const many = Array.from({ length: 9 }, (_, index) => item(20 + index, { title: `Waiting ${index}`, blocked: true }));
  server.say({ type: "snapshot", ...scope, data: usual([...someItems(), ...tasks, ...many]) });
  await until("all are counted", () => text(".w-needs h2"), (words) => words === "Needs us now: 13");
  await frames();
  const shown = await texts(".w-need");
  assert.equal(await text(".w-needs .w-more"), `and ${13 - shown.length} more`);
  assert.ok(shown.length >= 3 && shown[0].startsWith("#1 ") && shown[1] === "#11 Stuck task Task blocked · Ada Lovelace", shown.join("\n"));
  // Where there is nothing, that is said as well; and without a value the others come first.
  const metrics = { "items.blocked": metric(0), "items.aging": metric(0), "items.stale": metric(0), "items.unestimated": metric(0), "points.remaining": metric(null, "points", { reason: "nothing is estimated" }), "items.wip": metric(3) };
  server.say({ type: "snapshot", ...scope, data: usual([old(8)], { metrics, burndown: null }) });
  await until("nothing needs anybody", () => text(".w-needs h2"), (words) => words === "Needs nobody now");
  assert.deepEqual(await texts(".w-tile"), ["Items blocked 0", "In progress 3", "Unestimated 0", "Points left –"]);
  assert.equal(await text(".w-chart"), "");
});

test("a wall and the team's page name the same as what needs somebody, blocked tasks as well, and no number denies it", async () => {
  await page.setViewport({ width: 1920, height: 1080 });
  const task = (id, more) => old(id, { type: "Task", backlog: "task", ageDays: 30, ...more });
  const tasks = [task(11, { title: "Glue the crate", blocked: true, blockedSince: Date.now() - 9 * 60_000 }), task(12, { title: "Nail the lid", blocked: true, blockedSince: Date.now() - HOUR_MS }), task(13, { blocked: true, stateCategory: "Completed" })];
  const [, ...others] = someItems();
  const data = usual([...others, ...tasks], { metrics: { ...usual().metrics, "items.blocked": metric(0) } });
  const [scope] = await openWall([{ data }]);
  await isLive();
  const named = (words) => [...new Set(words.join(" ").match(/#\d+/g))].sort();
  assert.deepEqual((await texts(".w-need")).slice(0, 2), ["#12 Nail the lid Task blocked for 1 h · Ada Lovelace", "#11 Glue the crate Task blocked for 9 min · Ada Lovelace"]);
  // Those as well that have no room.
  const onWall = named(await page.$$eval(".w-need", (all) => all.map(({ textContent }) => textContent)));
  assert.deepEqual(onWall, ["#11", "#12", "#2", "#3"]);
  assert.equal((await texts(".w-tile"))[0], "Items blocked 0 and 2 tasks");
  assert.equal(await page.$$eval(".w-alarm .w-amount", (all) => all.length), 1);
  await server.stop();
  server = await startScripted();
  await open("?team=Mill");
  await server.listened();
  server.say({ ...connected, scopes: [scope] });
  server.say({ type: "snapshot", ...scope, data });
  await until("the page names them", () => texts(".need"), (all) => all.length > 0);
  const needs = await texts(".need");
  assert.deepEqual(named(needs), onWall);
  assert.match(needs[0], /^2 tasks blocked: Task #12 Nail the lid \(since .*, Ada Lovelace\) Task #11 Glue the crate/);
  assert.match(needs[1], /^1 item in progress for longer than 85 of 100 take \(7\.5 d\): #2 Pay by card \(9\.2 d, Jamal Hartnett\)/);
  assert.match(needs[2], /^In progress, and nobody's: #3 Print the receipt/);
  const blocked = () => page.$eval('.tiles [data-metric="items.blocked"]', (number) => number.parentElement.querySelector(".of").textContent);
  assert.equal(await blocked(), "and 2 tasks");
  // Whoever frees one changes no number.
  const free = task(12, { title: "Nail the lid", rev: 2 });
  server.say({ type: "workitem_changed", ...scope, workItemId: 12, rev: 2, changeType: "updated", title: free.title, changedBy: null, fields: {}, stateCategory: { old: null, new: null }, item: free });
  await until("one is left", blocked, (words) => words === "and 1 task");
  assert.match((await texts(".need"))[0], /^1 task blocked: Task #11/);
});

test("an alarm is no number that has no room, huge ones are shorter, and what is left out is counted", async () => {
  const huge = {
    "points.remaining": metric(123_456_789.25, "points"),
    "points.total": metric(987_654_321.75, "points"),
    "items.completed": metric(123_456),
    "items.total": metric(1_234_567),
    "items.blocked": metric(12_345),
    "hours.remaining": metric(12_405.5, "hours"),
    "hours.capacity": metric(8_000_000.25, "hours"),
    "bugs.open": metric(99_999),
    "sprint.days_left": metric(4, "days"),
    "items.wip": metric(123_456),
  };
  await page.setViewport({ width: 1920, height: 1080 });
  await openWall([{ data: usual(someItems(), { metrics: huge }) }]);
  await isLive();
  for (const [width, height] of SIZES) {
    await page.setViewport({ width, height });
    await fits(`huge at ${width}×${height}`);
    const tiles = await texts(".w-tile");
    assert.match(tiles[0], /^Items blocked (12,345|12\.3k)$/i, `${width}×${height}`);
    const left = 6 - tiles.length;
    assert.equal(await text(".w-numbers .w-more"), left === 0 ? "" : `and ${left} more`);
    assert.ok(tiles.length >= 5, `${width}×${height}: ${tiles.join(", ")}`);
    await screenshot(page, `wall-huge-${width}x${height}`);
    if (width !== 1280) continue;
    // Whoever points at a short one has all of it.
    assert.match(tiles[1], /^Points left 123\.5m/i);
    assert.equal(await page.$eval('[data-metric="points.remaining"] .w-amount', (number) => number.title), "123,456,789.25");
  }
  await page.setViewport({ width: 720, height: 720 });
  await fits("huge, square");
  const tiles = await texts(".w-tile");
  assert.ok(tiles.length < 6 && tiles[0].startsWith("Items blocked"), tiles.join());
  assert.equal(await text(".w-numbers .w-more"), `and ${6 - tiles.length} more`);
});

test("the outlook's dates are written as whoever looks writes them", async () => {
  await page.setViewport({ width: 1920, height: 1080 });
  await openWall();
  await isLive();
  const day = await page.evaluate(() => new Intl.DateTimeFormat(navigator.languages, { day: "numeric", month: "short" }).format(new Date(2026, 11, 1)));
  assert.equal(await text(".w-said"), `58 % likely to complete all 7 items (23 points) on the 4 working days left. In 85 of 100 runs at least 5; all of it by ${day}.`);
});

test("nobody is needed only where the team's page has nothing in red, and what is not known is said to be that", async () => {
  await page.setViewport({ width: 1920, height: 1080 });
  const [scope] = await openWall();
  await isLive();
  const none = { "items.blocked": metric(0), "items.aging": metric(0), "items.stale": metric(0), "items.unestimated": metric(0) };
  const members = [
    { name: "Ada Lovelace", activities: [], hours: 20, remaining: 31.5, over: true },
    { name: "Jamal Hartnett", activities: [], hours: 20, remaining: 3, over: false },
  ];
  const cases = [
    [{}, "Needs nobody now", ["Nothing is blocked, nothing is older than usual, nothing was left alone for five working days, all is estimated, all that is in progress is somebody’s."]],
    [{ "items.stale": metric(1) }, "Needs us now: 1", ["1 open item left alone changed by nobody for five working days"]],
    [{ "items.unestimated": metric(3) }, "Needs us now: 1", ["3 items not estimated what is left is more than is counted"]],
    [{ "hours.capacity": metric(40, "hours", { detail: { members } }) }, "Needs us now: 1", ["More hours left than there are Ada Lovelace 31.5 h of 20 h"]],
    [{ "items.blocked": metric(null) }, "Needs us now: nothing known", [/^Nothing is older than usual, .*somebody’s\. Not known: what is blocked\.$/]],
    [{ "items.aging": undefined }, "Needs us now: nothing known", [/^Nothing is blocked, .*Not known: what is older than usual\.$/]],
    [Object.fromEntries(Object.keys(none).map((id) => [id, undefined])), "Needs us now: not known", [/^All that is in progress is somebody’s\. Not known: what is blocked, what is older than usual, /]],
  ];
  for (const [more, title, said] of cases) {
    const data = usual([old(8)], { metrics: { "points.remaining": metric(cases.findIndex(([one]) => one === more), "points"), ...none, ...more }, burndown: null });
    server.say({ type: "snapshot", ...scope, data });
    await until(title, () => text('[data-metric="points.remaining"] .w-amount'), (number) => number === String(data.metrics["points.remaining"].value));
    assert.equal(await text(".w-needs h2"), title);
    const shown = await texts(".w-need, .w-none");
    assert.equal(shown.length, said.length);
    said.forEach((words, index) => (words instanceof RegExp ? assert.match(shown[index], words) : assert.equal(shown[index], words)));
  }
});

test("a team without a sprint is told so in large letters, with when the next one begins", async () => {
  for (const [name, nextSprint, words] of [
    ["next", { name: "Sprint 13", startDate: "2026-12-07" }, "This team has no sprint today, so there is nothing to count. Sprint 13 begins on 7 Dec, and is here by itself then."],
    ["none", null, "This team has no sprint today, so there is nothing to count. None that is to come has dates: give one dates in Azure DevOps, and it is here by itself."],
    ["long", { name: "x".repeat(256), startDate: "2026-12-07" }, null],
  ]) {
    const [scope] = await openWall([{ demo: true, data: usual([], { sprint: null, nextSprint, metrics: {}, burndown: null, outlook: null }) }]);
    await isLive();
    for (const [width, height] of SIZES) {
      await page.setViewport({ width, height });
      await fits(`no sprint, ${name}, at ${width}×${height}`);
      assert.equal(await text(".w-nothing h2"), "No sprint now DEMO");
      if (words) assert.equal(await text(".w-nothing p"), words);
      assert.equal(await text(".w-needs"), "");
      const size = await page.$eval(".w-nothing h2", (title) => (100 * parseFloat(getComputedStyle(title).fontSize)) / Math.min(innerHeight, innerWidth));
      assert.ok(size > 4, `as large as ${size}`);
    }
    await screenshot(page, `wall-no-sprint-${name}`);
    // What is nobody's is in need of somebody all the same.
    server.say({ type: "snapshot", ...scope, data: usual([old(3, { title: "Adrift", assignedTo: null })], { sprint: null, nextSprint, metrics: {}, burndown: null, outlook: null }) });
    await until("it is named", () => text(".w-needs h2"), (title) => title === "Needs us now: 1");
    await fits(`no sprint and a need, ${name}`);
    await server.stop();
  }
});

const move = (scope, more = {}) => ({ type: "workitem_changed", ...scope, workItemId: 1, rev: 2, changeType: "state", title: "Customer signs in", changedBy: { id: null, name: "Jamal Hartnett" }, fields: { "System.State": { old: "Active", new: "Resolved" } }, stateCategory: { old: "InProgress", new: "Resolved" }, item: item(1, { rev: 2, state: "Resolved", changedAt: Date.now() }), changedAt: Date.now(), ...more });

test("the last changes are told in people's words, and people by their initials where that is asked for", async () => {
  await page.setViewport({ width: 1920, height: 1080 });
  // What was changed before is told as far as the items tell it: their state, that they are blocked, or only that it was.
  const before = someItems();
  Object.assign(before[0], { stateSince: before[0].changedAt - HOUR_MS, blockedSince: before[0].changedAt });
  Object.assign(before[1], { stateSince: before[1].changedAt });
  Object.assign(before[2], { stateSince: before[2].changedAt - HOUR_MS });
  before[2].title = "";
  let [scope] = await openWall([{ data: usual(before) }]);
  await isLive();
  const changes = () => texts(".w-changes li");
  assert.deepEqual(await changes(), ["#1 Customer signs in: blocked · 1 h ago", "#2 Pay by card: now Active · 2 h ago", "#3: changed · 3 h ago"]);
  server.say(move(scope));
  server.say(move(scope, { workItemId: 2, rev: 3, title: "Pay by card", fields: { "Microsoft.VSTS.Common.StackRank": { old: 1, new: 2 } }, item: item(2, { rev: 3, title: "Pay by card" }) }));
  server.say({ ...move(scope), teamId: SCOPE.teamId, title: "Of another team" });
  await until("the change is told", changes, ([first]) => /^Jamal Hartnett moved #1 Customer signs in: Active → Resolved · (now|\d s ago)$/.test(first));
  assert.ok(!(await changes()).join().includes("another team"));
  await server.stop();
  [scope] = await openWall([{ data: usual(someItems()) }], "?wall&dim=off&names=initials");
  await isLive();
  server.say(move(scope, { fields: { "System.AssignedTo": { old: { id: null, name: "Ada Lovelace" }, new: { id: null, name: "María José Carreño Quiñones" } } } }));
  await until("the change is told", changes, ([first]) => /^JH assigned #1 Customer signs in: AL → MJCQ · (now|\d s ago)$/.test(first));
  const all = await page.evaluate(() => document.body.innerText);
  for (const name of ["Ada", "Lovelace", "Jamal", "Hartnett", "María"]) assert.ok(!all.includes(name), name);
});

test("a change has as much of its title as one line has room for, cut between words, and its age stays on it", async () => {
  const title = "Customer signs in with the account of the company that the customer works for and is remembered on every device of theirs until they sign out of each of them";
  await page.setViewport({ width: 1920, height: 1080 });
  const [scope] = await openWall([{ data: usual([old(2, { title }), old(3, { title: "Print the receipt" })]) }]);
  await isLive();
  server.say(move(scope, { title }));
  await until("the change is told", () => texts(".w-changes li"), ([first]) => first?.startsWith("Jamal"));
  const lines = () => page.$$eval(".w-changes li:not([hidden])", (all) => all.map((entry) => ({ title: entry.querySelector("[data-whole]").textContent, high: Math.round(entry.clientHeight / parseFloat(getComputedStyle(entry).lineHeight)), free: entry.getBoundingClientRect().right - entry.querySelector(".w-when").getBoundingClientRect().right, size: parseFloat(getComputedStyle(entry).fontSize) })));
  for (const [width, height] of [[1280, 720], [1920, 1080], [3840, 2160], [2560, 1080]]) {
    await page.setViewport({ width, height });
    await fits(`changes at ${width}`);
    for (const { title: shown, high, free, size } of await lines()) {
      assert.equal(high, 1, `${shown} at ${width}`);
      if (!shown.endsWith("…")) continue;
      const kept = shown.slice(0, -1);
      assert.ok(title.startsWith(`${kept} `) && kept.length > 40, `${shown} is cut in a word`);
      assert.ok(free < 9 * size, `at ${width} ${free} is left, which is room for another word`);
    }
    assert.ok((await lines()).some(({ title: shown }) => shown === "Print the receipt"));
  }
  // Upright a line is too short for all of it: it has another one, and its age is not alone there.
  await page.setViewport({ width: 1080, height: 1920 });
  await fits("changes upright");
  const [{ title: shown, high }] = await lines();
  assert.ok(high === 2 && title.startsWith(`${shown.replace("…", "")} `), shown);
});

const teams = (...verdicts) => verdicts.map((verdict, index) => ({ data: { ...usual(someItems()), team: { id: String(index), name: `Team ${index} ${verdict}` }, outlook: { verdict, text: "So it stands.", inputs: {} } } }));

test("teams take turns, the worst first and longer, and who has a remote control pauses and steps", async () => {
  await openWall(teams("on_track", "at_risk", "behind"), "?wall=5s&dim=off");
  const shown = () => text(".w-team");
  const turns = () => page.evaluate(() => document.getAnimations().map((turn) => [turn.effect.getTiming().duration, turn.playState, Math.round(turn.currentTime / 1000)]));
  await until("the worst is shown", shown, (name) => name === "Team 2 behind");
  assert.deepEqual((await turns()).map(([duration]) => duration), [10_000]);
  assert.equal(await page.$$eval(".w-progress > *", (all) => all.length), 3);
  await page.keyboard.press("ArrowRight");
  assert.equal(await shown(), "Team 1 at_risk");
  assert.deepEqual((await turns()).map(([duration]) => duration), [7500]);
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  assert.equal(await shown(), "Team 0 on_track");
  assert.deepEqual((await turns()).map(([duration]) => duration), [5000]);
  await page.keyboard.press("Space");
  assert.match(await text(".w-word"), /live · paused$/);
  assert.deepEqual((await turns()).map(([, play]) => play), ["paused"]);
  await page.evaluate(() => document.getAnimations().forEach((turn) => (turn.currentTime = 4900)));
  await sleep(400);
  assert.equal(await shown(), "Team 0 on_track");
  await page.keyboard.press("Space");
  // At the end of a turn the next one comes without an empty frame between them.
  await page.evaluate(() => {
    globalThis.names = [];
    const look = () => {
      globalThis.names.push(document.querySelector(".w-team")?.textContent ?? "nothing");
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await until("the next is shown", shown, (name) => name === "Team 2 behind");
  assert.deepEqual([...new Set(await page.evaluate(() => globalThis.names))], ["Team 0 on_track", "Team 2 behind"]);
});

test("a wall's address that says something wrong is told so on the screen", async () => {
  await openWall(teams("on_track", "behind"), "?wall=soon&dim=off&quiet=nights");
  await until("it is told", () => text(".w-band"), (words) => /wall=soon is no time such as 45s or 2m.*quiet=nights is neither hours such as/.test(words));
  assert.deepEqual(await page.evaluate(() => document.getAnimations().map((turn) => turn.effect.getTiming().duration)), [60_000]);
  await isLive();
});

test("of many faults of an address two are told and the others counted, and a chart without room is left out", async () => {
  await page.setViewport({ width: 1280, height: 720 });
  const wrong = "?wall=soon&theme=pink&dim=late&quiet=nights&shift=maybe&names=no";
  await openWall([{ data: nasty() }], wrong);
  await isLive();
  const plots = () => page.$$eval(".chart-plot", (all) => all.filter((plot) => plot.checkVisibility()).map((plot) => (100 * plot.clientHeight) / Math.min(innerWidth, innerHeight, 0.5625 * Math.max(innerWidth, innerHeight))));
  assert.match(await text(".w-band"), /^.*In this wall’s address: wall=soon is .*theme=pink is neither dark nor light: it is dark\. And 4 more\.$/);
  const seen = [];
  for (const [width, height] of [...SIZES, [1024, 768], [1280, 600], [1080, 1920]]) {
    await page.setViewport({ width, height });
    await fits(`faults at ${width}×${height}`);
    const all = await plots();
    assert.ok(all.every((high) => high >= 20), `${width}×${height}: ${all}`);
    seen.push(all.length);
  }
  assert.ok(seen.includes(0) && seen.includes(1), `it is left out in some sizes only: ${seen}`);
  await server.stop();
  server = await startServer({ settings: { BOARDCAST_DEMO: "on", BOARDCAST_HEARTBEAT_MS: "1000" } });
  await open(`${wrong}&team=Nobody`);
  await until("it says so without a board as well", () => text(".w-empty"), (words) => /theme=pink is .* And 4 more\./.test(words));
});

test("upright the burndown is left out last: before it changes are, then what wants somebody but for the first", async () => {
  await page.setViewport({ width: 1080, height: 1920 });
  const blocked = (count) => usual(Array.from({ length: count }, (_, index) => old(index + 1, { title: `Customer ${index} signs in with the account`, blocked: true, blockedBy: "tag Blocked", blockedSince: Date.now() - 3 * DAY_MS - HOUR_MS })));
  const seen = (selector) => page.$$eval(selector, (all) => all.filter((each) => each.checkVisibility()).length);
  const left = [];
  for (const more of ["?wall&dim=off", "?wall=soon&dim=off"]) {
    const [scope] = await openWall([{ data: blocked(1), demo: true }], more);
    await isLive();
    for (let count = 1; count <= 6; count += 1) {
      server.say({ type: "snapshot", ...scope, demo: true, data: blocked(count) });
      await until("all are counted", () => text(".w-needs h2"), (words) => words.startsWith(`Needs us now: ${count}`));
      await fits(`${count} upright`);
      assert.equal(await seen(".chart-plot"), 1, `with ${count} of ${more} the burndown is left out`);
      const [needs, changes] = [await seen(".w-need"), await seen(".w-changes li")];
      assert.equal(await text(".w-needs .w-more"), needs < count ? `and ${count - needs} more` : "");
      left.push(Math.min(count, 3) - changes);
    }
    await server.stop();
  }
  assert.ok(left.some((lines) => lines > 0), "no change is left out");
  // Where even that is not enough, no line is left out for it.
  await openWall([{ data: { ...blocked(6), outlook: nasty().outlook }, demo: true }], "?wall=soon&theme=pink&dim=late&quiet=nights&shift=maybe&names=no");
  await page.setViewport({ width: 1280, height: 720 });
  await fits("without the room");
  assert.deepEqual([await seen(".chart-plot"), await seen(".w-need")], [0, 2]);
});

test("without a board a wall says why, and which there are", async () => {
  server = await startServer({ settings: { BOARDCAST_DEMO: "on", BOARDCAST_HEARTBEAT_MS: "1000" } });
  await open("?wall&team=Nobody");
  await until("it says so", () => text(".w-empty"), (words) => /^▲? ?unknown No board is known of the team Nobody\. There are: (Clinic|Web|Mobile Apps)/.test(words));
  // Of teams of several projects each says of which it is.
  assert.deepEqual((await texts(".w-empty li")).sort(), ["Clinic · Contoso Clinic", "Mobile Apps · Fabrikam Fiber", "Web · Fabrikam Fiber"]);
  for (const [width, height] of SIZES) {
    await page.setViewport({ width, height });
    await fits(`nobody at ${width}×${height}`);
  }
  await screenshot(page, "wall-nobody");
  await open("?wall&team=Web&dim=off");
  await until("the team is shown", () => page.$$eval(".w-team", (all) => all.map(({ textContent }) => textContent)), (names) => names.join() === "Web");
  assert.equal(await page.$eval(".w-progress", (line) => line.hidden), true);
});

/** Sets the device's clock before the page is loaded; `globalThis.skip(ms)` lets time pass. */
async function setClock(time) {
  const client = await page.createCDPSession();
  await client.send("Emulation.setTimezoneOverride", { timezoneId: "Europe/Berlin" });
  await page.evaluateOnNewDocument((time) => {
    const Real = Date;
    // Loading the page anew does not turn the clock back.
    if (!sessionStorage.getItem("offset")) sessionStorage.setItem("offset", time - Real.now());
    const offset = () => Number(sessionStorage.getItem("offset"));
    globalThis.skip = (ms) => sessionStorage.setItem("offset", offset() + ms);
    globalThis.Date = class extends Real {
      constructor(...given) {
        super(...(given.length === 0 ? [Real.now() + offset()] : given));
      }
      static now() {
        return Real.now() + offset();
      }
    };
  }, Date.parse(time));
}

test("in quiet hours a wall opens no stream, says until when, and begins by itself", async () => {
  server = await startScripted();
  await setClock("2026-11-16T23:10:00+01:00");
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.setViewport({ width: 1920, height: 1080 });
  await open("?wall&quiet=19:00-07:00");
  await until("it says until when", state, (word) => word === "quiet");
  assert.deepEqual([await text(".w-quiet h1"), await text(".w-quiet .w-clock")], ["Quiet until 07:00", "23:10"]);
  await screenshot(page, "wall-quiet");
  const background = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  assert.equal(background, "rgb(0, 0, 0)");
  const place = () => page.$eval(".w-quiet-words", (words) => Object.values(words.getBoundingClientRect().toJSON()).slice(0, 2).join());
  const first = await place();
  await page.evaluate(() => globalThis.skip(60_000));
  await until("the clock goes on", () => text(".w-quiet .w-clock"), (words) => words === "23:11");
  assert.notEqual(await place(), first, "the clock moves about");
  await isForEveryoneQuiet();
  await sleep(500);
  assert.equal(server.opened(), 0);
  assert.deepEqual(asked.filter((path) => !path.startsWith("/api/dashboard")), []);
  await page.evaluate(() => globalThis.skip(8 * 3_600_000));
  await server.listened();
  server.say(connected);
  server.say({ type: "snapshot", ...SCOPE, data: usual(someItems()) });
  await isLive();
});

async function isForEveryoneQuiet() {
  await page.evaluate(`${AXE}; 0`);
  assert.deepEqual((await page.evaluate((tags) => axe.run(document, { runOnly: { type: "tag", values: tags } }), RULES)).violations.map(({ id }) => id), []);
}

test("when the quiet hours begin a wall closes its stream, and asks for nothing more", async () => {
  await setClock("2026-11-16T18:58:00+01:00");
  await page.evaluateOnNewDocument(() => {
    globalThis.locks = [];
    Object.defineProperty(navigator, "wakeLock", {
      value: {
        request: async (kind) => {
          const lock = { kind, released: false, release: async () => (lock.released = true) };
          globalThis.locks.push(lock);
          return lock;
        },
      },
    });
  });
  await openWall(undefined, "?wall&quiet=19:00-07:00");
  await isLive();
  const streams = server.opened();
  const locks = () => page.evaluate(() => globalThis.locks.map(({ kind, released }) => `${kind} ${released}`));
  assert.deepEqual(await locks(), ["screen false"]);
  // A browser takes the lock away from whoever is not seen.
  await page.evaluate(() => {
    globalThis.locks[0].released = true;
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await until("the screen is kept awake again", locks, (all) => all.join() === "screen true,screen false");
  await page.evaluate(() => globalThis.skip(180_000));
  await until("it is quiet", state, (word) => word === "quiet");
  await until("the stream is closed", server.listening, (listening) => listening === 0);
  assert.deepEqual(await locks(), ["screen true", "screen true"]);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await sleep(2500);
  assert.deepEqual([server.opened(), asked], [streams, []]);
});

test("a wall that is loaded anew while nothing answers shows the last known board, and how old it is", async () => {
  server = await startServer({ settings: { BOARDCAST_DEMO: "on" } });
  await open("?wall&team=Web&dim=off");
  await until("the team is shown", () => page.$$eval(".w-team", (all) => all.length), Boolean);
  await until("the page is kept", () => page.evaluate(() => navigator.serviceWorker.controller?.state === "activated"));
  await until("the boards are kept", () => page.evaluate(async () => (await (await caches.open("boardcast-boards")).keys()).length > 0));
  const lacking = await page.evaluate(async () => {
    const [name] = (await caches.keys()).filter((name) => name.startsWith("boardcast-page-"));
    const kept = (await (await caches.open(name)).keys()).map(({ url }) => url);
    const loaded = performance.getEntriesByType("resource").map((entry) => entry.name).filter((url) => /\/api\/dashboard\/[\w-]+\.(js|css)$/.test(url));
    return loaded.length > 30 ? loaded.filter((url) => !kept.includes(url) && !url.endsWith("/sw.js")) : [`only ${loaded}`];
  });
  assert.deepEqual(lacking, [], "what a wall consists of is kept");
  await server.kill();
  await page.reload();
  await until("it says that nothing answers", state, (word) => word === "disconnected");
  assert.equal(await text(".w-team"), "Web");
  assert.match(await text(".w-band"), /The server cannot be reached\. What is shown is as it was then\./);
  assert.match(await text(".w-stand"), /^as of /);
  assert.match(await page.evaluate(() => getComputedStyle(document.documentElement).cursor), /none/);
});

test("the picture moves by a pixel or two each minute, unless the address says otherwise", async () => {
  for (const [more, isMoving] of [["", true], ["&shift=off", false]]) {
    // Every timer of a minute is one of a tenth of a second.
    await page.evaluateOnNewDocument(() => {
      const real = globalThis.setInterval;
      globalThis.setInterval = (then, ms, ...rest) => real(then, ms === 60_000 ? 100 : ms, ...rest);
    });
    await openWall(undefined, `?wall&dim=off${more}`);
    await isLive();
    const places = new Set();
    for (let look = 0; look < 12; look += 1) {
      const { x, y } = await page.$eval("main.w", (main) => main.getBoundingClientRect().toJSON());
      places.add(`${x},${y}`);
      assert.ok(Math.abs(x) <= 2 && Math.abs(y) <= 2);
      await sleep(60);
    }
    assert.equal(places.size > 2, isMoving, [...places].join(" "));
    await server.stop();
  }
});

test("as soon as a wall is not heard the lines of its chart end where they were heard of last", async () => {
  await page.setViewport({ width: 1920, height: 1080 });
  const began = Math.floor(Date.now() / 900_000) * 900_000 - 6 * HOUR_MS;
  const date = (days) => new Date(began + days * DAY_MS).toISOString().slice(0, 10);
  // One day alone, so that minutes of it are more than the pixel to which the ends of lines are rounded.
  const days = [day(date(0), true, 0, 37)];
  const today = [{ at: began, remaining: 40 }, { at: began + HOUR_MS, remaining: 37 }, { at: Date.now(), remaining: 37 }];
  await openWall([{ data: usual([], { burndown: { unit: "points", original: 40, days, today } }) }]);
  await isLive();
  const gap = () =>
    page.evaluate(() => {
      const of = (selector) => document.querySelector(`.w-chart .chart-plot ${selector}`);
      return Number(of("line.now").getAttribute("x1")) - Number(of("polyline.remaining").getAttribute("points").split(" ").at(-1).split(",")[0]);
    });
  assert.equal(await gap(), 0);
  // Less time goes by for the wall than after which it draws its chart anew by itself.
  await page.evaluate((ms) => {
    for (const clock of [Date, performance]) {
      const now = clock.now.bind(clock);
      clock.now = () => now() + ms;
    }
  }, 240_000);
  server.instead = (response) => response.writeHead(503).end();
  server.end();
  await until("the lines end before now", gap, (width) => width > 0);
});
