// What stands between a browser and the service, as a host, a proxy or a cable does: it hands on, answers in the service's place,
// goes away or says nothing, and counts what it is asked. Requests for the page's own files are handed on whatever happens, as
// far as anything is, and are not counted.

import { once } from "node:events";
import { Agent, createServer, request as ask } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const PAGE = /^\/api\/dashboard(\/|\?|$)/;

/** Starts one in front of the service that `origin()` names. `edit` may change what a stream says on its way. */
export async function startFront(origin, { files = origin, edit = null } = {}) {
  const agent = new Agent({ keepAlive: false });
  const held = [];
  const front = {
    /** What was asked for: `at`, and whether it is a `stream`. */
    asked: [],
    /** `null`, or what answers in the service's place. */
    instead: null,
    isSilent: false,
    /** How long after another each event of a stream, and a board that is fetched, comes. */
    apartMs: 0,
    /** From now on nobody is there: every connection ends, and none is accepted. */
    leave() {
      server.close();
      server.closeAllConnections();
    },
    /** From now on nothing comes through, in either direction, and nobody is told. */
    hush() {
      front.isSilent = true;
    },
    /** All is well again. What was held up is handed on. */
    async restore() {
      Object.assign(front, { isSilent: false, instead: null });
      for (const go of held.splice(0)) go();
      if (!server.listening) await listen(port);
    },
    /** Ends every connection, as a service that is no longer there. */
    cut() {
      server.closeAllConnections();
    },
    async close() {
      if (!server.listening) return;
      agent.destroy();
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  const whenHeard = (go) => (front.isSilent ? held.push(go) : go());
  const server = createServer((request, response) => {
    const isFile = PAGE.test(request.url);
    if (!isFile) front.asked.push({ at: performance.now(), isStream: request.url.startsWith("/api/sse/"), url: request.url });
    if (front.instead && !isFile) return front.instead(response, request);
    whenHeard(() => pass(request, response, isFile ? files() : origin()));
  });

  function pass(request, response, to) {
    const upstream = ask(to + request.url, { method: request.method, headers: request.headers, agent }, (answer) => {
      const isStream = request.url.startsWith("/api/sse/");
      response.writeHead(answer.statusCode, answer.headers);
      if (isStream) answer.setEncoding("utf8");
      let last = Promise.resolve();
      const write = (part) => {
        if (front.apartMs === 0 || PAGE.test(request.url)) return response.write(part);
        for (const event of isStream ? part.split(/(?<=\n\n)/) : [part]) last = last.then(() => sleep(front.apartMs)).then(() => response.write(event));
      };
      answer.on("data", (part) => whenHeard(() => write(isStream && edit ? edit(part) : part)));
      answer.on("end", () => whenHeard(() => last.then(() => response.end())));
      answer.on("error", () => response.destroy());
    });
    // A service that cannot be reached answers with nothing.
    upstream.on("error", () => whenHeard(() => response.destroy()));
    response.on("close", () => upstream.destroy());
    request.pipe(upstream);
  }

  async function listen(at) {
    server.listen(at, "127.0.0.1");
    await once(server, "listening");
  }

  await listen(0);
  const { port } = server.address();
  front.origin = `http://127.0.0.1:${port}`;
  return front;
}
