// The page that the product serves, as somebody sees it who looks at it in a browser.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { beforeEach, test } from "node:test";

import { atEnd, page, screenshot, startServer, until, useBrowser, workItemUpdated } from "./support.mjs";

let server;

useBrowser();

beforeEach(async () => {
  server = await startServer();
});

/** What the page shows. Read in one go, so that no part is older than another. */
function look() {
  return page.evaluate(() => {
    const text = (element) => element.textContent.trim();
    const status = document.getElementById("status");
    return {
      state: document.body.dataset.state,
      status: text(status),
      rows: [...document.querySelectorAll("#boards .item")].map((row) => [
        row.dataset.id,
        ...["type", "title", "state", "assignee"].map((name) => text(row.querySelector(`.${name}`))),
      ]),
      events: [...document.querySelectorAll("#events li")].map(text),
      // Another one is another load of the page.
      loadedAt: performance.timeOrigin,
    };
  });
}

const sees = (what, accept) => until(`the page ${what}`, look, accept);

async function openLive() {
  await page.goto(`${server.origin}/api/dashboard`);
  return sees("is live", ({ state, status }) => state === "live" && /\blive\b/.test(status));
}

const rowOf = (view, id) => view.rows.find(([number]) => number === String(id));

test("a hook appears in the open page, as a row and in the list of events", async () => {
  const opened = await openLive();
  assert.deepEqual(opened.rows, []);

  await server.post(workItemUpdated({ id: 7, rev: 2, title: "Punch the first card" }));
  const first = await sees("shows the item", (view) => rowOf(view, 7));
  assert.deepEqual(rowOf(first, 7), ["7", "User Story", "Punch the first card", "Active", "Ada Lovelace"]);
  assert.match(first.events.find((event) => /#7\b/.test(event)), /workitem_changed.*Punch the first card/);

  await server.post(workItemUpdated({ id: 7, rev: 3, title: "Punch the first card", from: "Active", to: "Closed" }));
  const moved = await sees("shows the new state", (view) => rowOf(view, 7)?.includes("Closed"));
  assert.equal(moved.rows.length, 1, "an item that changes stays one row");
  assert.equal(moved.state, "live");
  assert.equal(moved.loadedAt, opened.loadedAt, "the page was loaded anew");

  const more = [
    ["Bug", "The mill jams on a carry that runs over all fifty columns", "Charles Babbage <charles@example.org>"],
    ["Task", "Brass für die Zahnräder bestellen – 400 Stück", undefined],
    ["User Story", "Ein Titel-ohne-Leerzeichen-".repeat(8), "Luigi Menabrea <luigi@example.org>"],
  ];
  for (const [index, [type, title, assignedTo]] of more.entries()) {
    await server.post(workItemUpdated({ id: 40 + index, rev: 1, type, title, assignedTo }));
  }
  await sees("shows them all", ({ rows }) => rows.length === 1 + more.length);
  await screenshot(page, "live");
});

test("a title that is markup is shown as text and runs nothing", async () => {
  await page.evaluateOnNewDocument(() => {
    globalThis.ran = [];
    // The page's policy would keep an inline handler from running, and hide that the markup came through.
    addEventListener("securitypolicyviolation", (violation) => globalThis.ran.push(violation.violatedDirective));
  });
  const title = `</script><img src=x onerror="ran.push('handler')"><script>ran.push('script')</script>`;
  await server.post(workItemUpdated({ id: 8, rev: 1, title }));
  await openLive();
  const snapshot = await sees("shows the item of the snapshot", (view) => rowOf(view, 8));
  assert.equal(rowOf(snapshot, 8)[2], title);

  await server.post(workItemUpdated({ id: 9, rev: 1, title, assignedTo: `${title} <x@example.org>` }));
  const view = await sees("shows the item of the event", (view) => rowOf(view, 9));
  assert.equal(rowOf(view, 9)[2], title);
  assert.equal(rowOf(view, 9)[4], title);
  assert.ok(view.events.some((event) => event.includes(title)));

  const { images, scripts, ran } = await page.evaluate(() => ({
    images: document.images.length,
    scripts: [...document.scripts].map((script) => script.getAttribute("src")),
    ran: globalThis.ran,
  }));
  assert.equal(images, 0);
  assert.deepEqual(scripts, ["page.js"]);
  assert.deepEqual(ran, []);
});

test("b1_the page says that the server is gone, and recovers by itself when it is back", async () => {
  await server.post(workItemUpdated({ id: 10, rev: 1, title: "Known before" }));
  const opened = await openLive();
  await sees("shows the item", (view) => rowOf(view, 10));

  await server.kill();
  const lost = await sees("is not live", ({ state }) => state !== "live");
  assert.doesNotMatch(lost.status, /\blive\b/);
  assert.ok(rowOf(lost, 10), "what was known stays on the screen");
  await screenshot(page, "lost");

  server = await startServer({ port: server.port });
  await server.post(workItemUpdated({ id: 11, rev: 1, title: "Posted while nobody listened" }));
  const back = await sees("is live again", (view) => view.state === "live" && rowOf(view, 11));
  assert.equal(rowOf(back, 10), undefined, "the server began anew, and its board is the whole truth");

  await server.post(workItemUpdated({ id: 12, rev: 1, title: "Posted to the new stream" }));
  const view = await sees("shows what comes then", (view) => rowOf(view, 12));
  assert.equal(view.state, "live");
  assert.equal(view.loadedAt, opened.loadedAt, "the page was loaded anew");
});

test("b2_a quiet board stays live, on one and the same stream", async () => {
  await server.stop();
  server = await startServer({ settings: { BOARDCAST_HEARTBEAT_MS: "1000" } });
  await server.post(workItemUpdated({ id: 13, rev: 1, title: "The last change of the day" }));
  await openLive();
  const since = performance.now();
  // Longer than the page would wait through in silence.
  await until("nine heartbeats go by", () => performance.now() - since > 9000);
  assert.equal(await server.count("boardcast_streams_opened_total"), 1, "the page gave up a stream that was alive");
  assert.equal((await look()).state, "live");
});

test("a board that the server no longer knows leaves the page", async () => {
  await server.post(workItemUpdated({ id: 14, rev: 1, title: "Forgotten soon" }));
  await openLive();
  await sees("shows the item", (view) => rowOf(view, 14));
  await server.kill();
  await sees("is not live", ({ state }) => state !== "live");
  server = await startServer({ port: server.port });
  await sees("shows what the server knows, which is nothing", ({ state, rows }) => state === "live" && rows.length === 0);
});

test("an item that is too large for an event stays on the board and shows its change", async () => {
  await server.post(workItemUpdated({ id: 15, rev: 1, title: "Untagged" }));
  await openLive();
  await sees("shows the item", (view) => rowOf(view, 15));
  const hook = workItemUpdated({ id: 15, rev: 2, title: "Tagged beyond all measure" });
  const tags = Array.from({ length: 100 }, (_, index) => `${"€".repeat(250)}${index}`);
  hook.resource.revision.fields["System.Tags"] = tags.join("; ");
  await server.post(hook);
  await sees("shows the change", (view) => rowOf(view, 15)?.includes("Tagged beyond all measure"));
});

test("a change that arrives while a large board is fetched is not lost", async () => {
  for (let id = 1000; id < 1300; id += 1) {
    await server.post(workItemUpdated({ id, rev: 1, title: `${"A rather long title. ".repeat(9)}${id}` }));
  }
  await page.setRequestInterception(true);
  page.on("request", async (request) => {
    if (!request.url().includes("/api/snapshot")) return request.continue();
    const answer = await fetch(request.url());
    const body = await answer.text();
    await server.post(workItemUpdated({ id: 1000, rev: 2, title: "Changed meanwhile" }));
    await sees("lists the event", ({ events }) => events.some((event) => event.includes("Changed meanwhile")));
    return request.respond({ status: answer.status, contentType: "application/json", body });
  });
  await page.goto(`${server.origin}/api/dashboard`);
  const view = await sees("shows the whole board", ({ rows }) => rows.length === 300);
  assert.ok(rowOf(view, 1000).includes("Changed meanwhile"));
});

test("b8_a page without a board says that the store is away", async () => {
  const port = await gate();
  await server.stop();
  server = await startServer({ settings: { BOARDCAST_REDIS_URL: `redis://127.0.0.1:${port}` } });
  await page.goto(`${server.origin}/api/dashboard`);
  const said = await until(
    "it says that nothing answers",
    () => page.$eval("#notice", (notice) => notice.innerText),
    (shown) => shown.includes("the store does not answer"),
  );
  assert.match(said, /^No board can be shown: /);
  assert.equal((await look()).state, "unavailable");
  await screenshot(page, "no-store");
});

/** A port of loopback at which everybody is turned away. */
async function gate() {
  const listener = createServer((socket) => socket.destroy());
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  atEnd(() => listener.close());
  return listener.address().port;
}
