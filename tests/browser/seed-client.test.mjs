// The class that dashboards have from before works against the product as it is: it gets every event at least once,
// across streams that the server ends, and waits its turn where there are too many. It also shows why there is a
// client of our own: each end leaves it one source more.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { test } from "node:test";

import { PROJECT, atEnd, page, startServer, until, useBrowser, workItemUpdated } from "./support.mjs";

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>a dashboard from before</title>
<link rel="icon" href="data:,">
<script>
  // Wrapped before the class is loaded, so that every source it ever makes is known, and what each of them hears.
  const sources = [];
  let mostOpen = 0;
  window.EventSource = class extends EventSource {
    heard = [];

    constructor(...parameters) {
      // Where each source makes more of them without end, the browser would soon be too busy even to close.
      if (sources.length === 100) throw new Error("one page has made 100 sources");
      super(...parameters);
      sources.push(this);
      this.addEventListener("message", ({ data }) => this.heard.push(JSON.parse(data)));
      // Sources come and go, so whoever looks now and then could miss the moment when most of them are open.
      this.addEventListener("open", () => {
        const open = sources.filter(({ readyState }) => readyState === EventSource.OPEN);
        mostOpen = Math.max(mostOpen, open.length);
      });
    }
  };
</script>
<script src="/seed-client.js"></script>
<script>
  const received = [];
  DashboardSSEClient.prototype.handleDashboardUpdate = (data) => received.push(data);
  new DashboardSSEClient().connect();
</script>
</html>`;

/**
 * A site of its own for the dashboard, because the page of the product allows no script but its own. It passes
 * `/api/*` on to the product as it comes and goes.
 */
class Site {
  #server;
  #origin;
  /** When each stream was asked for. */
  asked = [];

  static async start(origin) {
    const site = new Site();
    const files = {
      "/": ["text/html; charset=utf-8", PAGE],
      "/seed-client.js": [
        "text/javascript; charset=utf-8",
        await readFile(new URL("fixtures/seed-client.js", import.meta.url)),
      ],
    };
    site.#origin = origin;
    site.#server = http.createServer((request, response) => {
      if (request.url.startsWith("/api/")) return site.#pass(request, response);
      const [type, content] = files[request.url] ?? [];
      if (!type) return response.writeHead(404).end();
      return response.writeHead(200, { "content-type": type }).end(content);
    });
    site.#server.listen(0, "127.0.0.1");
    await once(site.#server, "listening");
    atEnd(() => site.#stop());
    return site;
  }

  get origin() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  #pass(request, response) {
    this.asked.push(performance.now());
    const { method, headers } = request;
    const upstream = http.request(this.#origin + request.url, { method, headers, agent: false });
    upstream.on("response", (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      response.flushHeaders();
      answer.on("data", (chunk) => response.write(chunk));
      answer.on("close", () => (answer.complete ? response.end() : response.destroy()));
    });
    upstream.on("error", () => response.destroy());
    response.on("close", () => upstream.destroy());
    upstream.end();
  }

  #stop() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }
}

let server;
let site;

useBrowser();

async function serve(settings) {
  server = await startServer({ settings });
  site = await Site.start(server.origin);
}

/** Takes a stream, as another dashboard does, and holds it until it is destroyed. */
async function takeStream() {
  const request = http.get(`${server.origin}/api/sse/dashboard`, { agent: false });
  const [answer] = await once(request, "response");
  atEnd(() => answer.destroy());
  return answer.resume();
}

/** Every event that the class has handed on. */
const heardByClass = () => page.evaluate(() => received);

/** Every event that the first of its sources has heard. */
const heardByFirstSource = () => page.evaluate(() => sources[0]?.heard ?? []);

/** How many sources were open at the same moment, at most. */
const mostOpen = () => page.evaluate(() => mostOpen);

const ofType = (events, wanted) => events.filter(({ type }) => type === wanted);

const change = (id, rev, title) => `#${id} rev ${rev}: ${title}`;

/** Which of these changes no event speaks of. A snapshot is not counted: it hides what came in between. */
function missing(changes, events) {
  const heard = new Set(
    ofType(events, "workitem_changed").map(({ workItemId, rev, title }) => change(workItemId, rev, title)),
  );
  return changes.filter((posted) => !heard.has(posted));
}

/** The board that some events make, in whatever order they came. */
function boardOf(events) {
  const items = new Map();
  const known = [
    ...ofType(events, "snapshot").flatMap(({ data }) => data.items),
    ...ofType(events, "workitem_changed").map(({ item }) => item),
  ];
  for (const item of known) if (item.rev > (items.get(item.id)?.rev ?? 0)) items.set(item.id, item);
  return [...items.values()].sort((one, two) => one.id - two.id);
}

test("the seed's client receives every event at least once, across two streams that the server ends", async () => {
  await serve({ BOARDCAST_STREAM_LIFETIME_MS: "5000" });
  // A board that has a position from the beginning: without one there would be nothing to resume from.
  await server.post(workItemUpdated({ id: 99, rev: 1, title: "Known before" }));
  await page.goto(site.origin);
  await until("the class hears of the board", heardByClass, (events) => ofType(events, "snapshot").length > 0);

  const posted = [];
  const post = async (count) => {
    for (let index = 0; index < count; index += 1) {
      // Each item changes again and again, so that no later snapshot or event makes up for one that was lost.
      const [id, rev] = [100 + (posted.length % 4), 1 + Math.floor(posted.length / 4)];
      const title = `Card ${posted.length}`;
      await server.post(workItemUpdated({ id, rev, title }));
      posted.push(change(id, rev, title));
    }
  };
  // The other sources could hide that one of them lost something, so the first must have heard everything too.
  const arrived = () =>
    until(
      "every change has arrived",
      async () => ({
        missedByClass: missing(posted, await heardByClass()),
        missedByFirstSource: missing(posted, await heardByFirstSource()),
      }),
      (missed) => Object.values(missed).every(({ length }) => length === 0),
    );

  await post(3);
  await arrived();
  let open = await mostOpen();
  assert.equal(open, 1);

  // Two ends, and no more: each end of a source leaves two of them, and the browser opens six at most.
  for (const ends of [1, 2]) {
    await until("the server ends the first source's stream", heardByFirstSource, (events) => {
      return ofType(events, "closing").length >= ends;
    });
    // The first time nobody listens now: the browser waits two seconds before it comes back, and the class one.
    await post(3);
    await arrived();
    // They grow without bound, and each of them is sent everything: this is why there is a client of our own.
    const openBefore = open;
    open = await until("more sources are open at once than before this end", mostOpen, (most) => most > openBefore);
  }
  await post(1);
  await arrived();

  const [heard, first] = [await heardByClass(), await heardByFirstSource()];
  assert.deepEqual([...new Set(ofType(heard, "closing").map(({ reason }) => reason))], ["lifetime"]);
  const standings = ofType(first, "connected").map(({ resumed, gap }) => ({ resumed, gap }));
  assert.ok(standings.length > 2, `the first source had ${standings.length} streams`);
  for (const standing of standings.slice(1)) assert.deepEqual(standing, { resumed: true, gap: false });
  const snapshot = await (await fetch(`${server.origin}/api/snapshot?project=${PROJECT}`)).json();
  assert.deepEqual(boardOf(heard), snapshot.items.toSorted((one, two) => one.id - two.id));
});

test("the seed's client is shed without asking all the time, and gets its stream by itself", async () => {
  const [SHED_MS, WATCHED_MS, RATE_MAX] = [15_000, 12_000, 0.5];
  await serve({ BOARDCAST_STREAMS_MAX: "1" });
  const other = await takeStream();
  await page.goto(site.origin);
  const [told] = await until("the class is told something", heardByClass, (events) => events.length > 0);
  assert.deepEqual({ type: told.type, reason: told.reason }, { type: "closing", reason: "shed" });
  const { reconnectAfterMs } = told;
  assert.ok(Math.abs(reconnectAfterMs - SHED_MS) <= SHED_MS / 3, `it is to come back after ${reconnectAfterMs} ms`);
  await server.post(workItemUpdated({ id: 200, rev: 1, title: "Posted while there was no room" }));

  const watched = await until(
    "it was watched for long enough, and came back once",
    () => performance.now() - site.asked[0],
    (elapsed) => elapsed >= WATCHED_MS && site.asked.length > 1,
  );
  const rate = (site.asked.length / watched) * 1000;
  assert.ok(rate <= RATE_MAX, `one tab asks ${rate.toFixed(2)} times a second`);
  const heard = await heardByClass();
  assert.deepEqual([...new Set(heard.map(({ type, reason }) => `${type} ${reason}`))], ["closing shed"]);

  other.destroy();
  const snapshots = await until("the class gets its board", heardByClass, (events) => {
    return ofType(events, "snapshot").length > 0;
  });
  assert.deepEqual(boardOf(snapshots).map(({ title }) => title), ["Posted while there was no room"]);
  await server.post(workItemUpdated({ id: 200, rev: 2, title: "Posted to its stream" }));
  await until("the class hears of a change", heardByClass, (events) => {
    return missing([change(200, 2, "Posted to its stream")], events).length === 0;
  });
});
