// The class that dashboards have from before works against the product as it is: it gets every event at least once,
// across streams that end. It also shows why there is a client of our own: each end leaves it one source more.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { after, afterEach, before, beforeEach, test } from "node:test";

import { launchBrowser, startServer, until, workItemUpdated } from "./support.mjs";

/**
 * Settings that make the server end its streams soon, by itself. With none, streams live as long as the server, and
 * what stands between it and the browser ends them in its stead.
 */
const SHORT_LIVED_STREAMS = {};

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>a dashboard from before</title>
<link rel="icon" href="data:,">
<script>
  // Wrapped before the class is loaded, so that every source it ever makes is known.
  const sources = [];
  window.EventSource = class extends EventSource {
    constructor(...parameters) {
      super(...parameters);
      sources.push(this);
    }
  };
</script>
<script src="/seed-client.js"></script>
<script>
  const received = [];
  DashboardSSEClient.prototype.handleDashboardUpdate = (data) => received.push(JSON.stringify(data));
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
  #streams = new Map();
  /** How many streams ended, whoever ended them. */
  ended = 0;

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
    return site;
  }

  get origin() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** How many streams are open. */
  get open() {
    return this.#streams.size;
  }

  #pass(request, response) {
    const { method, headers } = request;
    const upstream = http.request(this.#origin + request.url, { method, headers, agent: false });
    upstream.on("response", (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      response.flushHeaders();
      this.#streams.set(response, upstream);
      answer.on("data", (chunk) => response.write(chunk));
      answer.on("close", () => {
        if (this.#streams.delete(response)) this.ended += 1;
        response.end();
      });
    });
    upstream.on("error", () => response.destroy());
    response.on("close", () => upstream.destroy());
    upstream.end();
  }

  /** Ends every open stream as a server does that ends it itself: the response is complete, and nothing is lost. */
  endStreams() {
    for (const upstream of this.#streams.values()) upstream.destroy();
  }

  stop() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Reads a stream from its beginning, with no browser: what the product says to whoever stays connected. */
class Reader {
  #abort = new AbortController();
  #rest = "";
  /** The JSON of every event, in order. */
  events = [];

  static async open(url) {
    const reader = new Reader();
    const answer = await fetch(url, { signal: reader.#abort.signal });
    reader.#read(answer.body.pipeThrough(new TextDecoderStream())).catch((error) => {
      if (!reader.#abort.signal.aborted) reader.events.push(JSON.stringify({ type: "broken", error: String(error) }));
    });
    return reader;
  }

  async #read(text) {
    for await (const part of text) {
      const lines = (this.#rest + part).split("\n");
      this.#rest = lines.pop();
      for (const line of lines) if (line.startsWith("data:")) this.events.push(line.slice("data:".length).trim());
    }
  }

  close() {
    this.#abort.abort();
  }
}

/** These speak of one connection and are another on each; all the rest is said to everybody in the same bytes. */
const OF_A_CONNECTION = new Set(["connected", "snapshot", "heartbeat", "closing"]);

const broadcast = (events) => events.filter((json) => !OF_A_CONNECTION.has(JSON.parse(json).type));

let browser;
let server;
let site;
let reader;
let page;
let faults;

before(async () => {
  browser = await launchBrowser();
});

after(() => browser?.close());

beforeEach(async () => {
  server = await startServer({ settings: SHORT_LIVED_STREAMS });
  site = await Site.start(server.origin);
  ({ page, faults } = await browser.newPage());
});

afterEach(async () => {
  reader?.close();
  await page?.close();
  await site?.stop();
  await server?.stop();
});

/** The JSON of every event that the class has handed on. */
const heardSoFar = () => page.evaluate(() => received);

/** The ready states of the sources that are not closed. */
const openSources = () =>
  page.evaluate(() => sources.map((source) => source.readyState).filter((state) => state !== EventSource.CLOSED));

/** Of how many work items some events speak. */
const itemsIn = (events) => new Set(events.map((json) => JSON.parse(json).workItemId)).size;

/**
 * Waits until all is quiet after the streams that ended: the browser has reconnected every source by itself, and the
 * class has made another for each end. Returns how many sources there are.
 */
async function sourcesInTheEnd() {
  const OPEN = 1;
  const { states } = await until(
    "each stream that ended was followed by two",
    async () => ({ states: await openSources(), streams: site.open, ended: site.ended }),
    ({ states, streams, ended }) =>
      states.length === 1 + ended && streams === states.length && states.every((state) => state === OPEN),
  );
  return states.length;
}

async function streamEnds() {
  const endedBefore = site.ended;
  if (Object.keys(SHORT_LIVED_STREAMS).length === 0) site.endStreams();
  await until("a stream ends", () => site.ended, (ended) => ended > endedBefore);
}

test("the seed's client receives every event at least once, across two ends of its stream", async () => {
  reader = await Reader.open(`${server.origin}/api/sse/dashboard`);
  await page.goto(site.origin);
  await until("the class hears of its connection", heardSoFar, (events) =>
    events.some((json) => JSON.parse(json).type === "connected"),
  );

  let posted = 0;
  const post = async (count) => {
    for (let index = 0; index < count; index += 1) {
      posted += 1;
      await server.post(workItemUpdated({ id: 100 + posted, rev: 1, title: `Card ${posted}` }));
    }
  };
  const arrived = (count) =>
    until(`${count} items have arrived`, heardSoFar, (events) => itemsIn(broadcast(events)) >= count);

  await post(3);
  await arrived(posted);
  assert.equal(await sourcesInTheEnd(), 1);

  await streamEnds();
  // Nobody listens now: the browser waits two seconds before it comes back, and the class one.
  await post(3);
  await arrived(posted);
  const afterOne = await sourcesInTheEnd();

  await streamEnds();
  await post(3);
  await arrived(posted);
  const afterTwo = await sourcesInTheEnd();
  await post(1);
  await arrived(posted);

  const said = await until(
    "the reader that stayed heard of every item",
    () => broadcast(reader.events),
    (events) => itemsIn(events) >= posted,
  );
  const heard = new Set(await heardSoFar());
  const lost = said.filter((json) => !heard.has(JSON.stringify(JSON.parse(json))));
  assert.deepEqual(lost, [], "these never arrived");

  // They grow without bound, and each of them is sent everything: this is why there is a client of our own.
  assert.ok(afterOne > 1, `${afterOne} sources after one end`);
  assert.ok(afterTwo > afterOne, `${afterTwo} sources after two ends, ${afterOne} after one`);
  assert.deepEqual(faults, []);
});
