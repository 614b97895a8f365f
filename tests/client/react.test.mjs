// The React hooks, in a document, under StrictMode, against a service that says what the test wants.

import assert from "node:assert/strict";
import { after, afterEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { JSDOM } from "jsdom";

const dom = new JSDOM("<!doctype html><div id=app></div>", { url: "http://127.0.0.1/" });
const { window } = dom;
Object.assign(globalThis, { window, document: window.document });
// Some versions of Node.js have one of their own.
Object.defineProperty(globalThis, "navigator", { configurable: true, value: window.navigator });

const { createElement, StrictMode } = await import("react");
const { createRoot } = await import("react-dom/client");
const { renderToString } = await import("react-dom/server");
const { BoardcastProvider, useBoard, useBoardcast, useBoards, useClient, useConnection, useItems, useMetric } = await import("boardcast-client/react");
const { fakeServer } = await import("boardcast-client/fake");

let server;
let root;
afterEach(async () => {
  root?.unmount();
  root = null;
  // A client lingers for a second after its last component.
  await sleep(1100);
  await server?.close();
  server = null;
});
after(() => window.close());

async function until(what, read, accept = Boolean) {
  for (const deadline = performance.now() + 20_000; ; ) {
    const value = await read();
    if (accept(value)) return value;
    assert.ok(performance.now() < deadline, `not in time: ${what}; instead ${JSON.stringify(value)}`);
    await sleep(5);
  }
}

const text = () => document.getElementById("app").textContent;

function mount(element, options = {}) {
  root = createRoot(document.getElementById("app"));
  const provider = createElement(BoardcastProvider, { url: server.url, share: false, ...options }, element);
  root.render(createElement(StrictMode, null, provider));
}

test("components see the board, only those are drawn anew whose part changed, and StrictMode opens one stream", async () => {
  server = await fakeServer({ boards: [{ team: "Web", items: [{ id: 1 }], metrics: { "points.remaining": 8 } }, { team: "Mobile", metrics: { "points.remaining": 3 } }] });
  const drawn = { web: 0, mobile: 0, items: 0 };
  const Number = ({ team, name }) => {
    drawn[name] += 1;
    return createElement("b", null, `${name}=${useMetric({ team }, "points.remaining")?.value} `);
  };
  const Items = () => {
    drawn.items += 1;
    return createElement("i", null, `items=${useItems({ team: "Web" }, { category: "InProgress" }).map(({ id }) => id)} `);
  };
  const State = () => createElement("u", null, useConnection().name);
  mount(createElement("p", null, createElement(Number, { team: "Web", name: "web" }), createElement(Number, { team: "Mobile", name: "mobile" }), createElement(Items), createElement(State)));
  await until("the numbers are there", text, (shown) => shown === "web=8 mobile=3 items=1 live");
  assert.equal(server.opened, 1, "StrictMode opened more streams");

  const before = { ...drawn };
  server.move("Web", "points.remaining", 5);
  await until("the number moved", text, (shown) => shown.startsWith("web=5"));
  assert.ok(drawn.web > before.web);
  assert.deepEqual([drawn.mobile, drawn.items], [before.mobile, before.items], "what did not change was drawn anew");
  const then = { ...drawn };
  server.change("Web", { id: 2 });
  await until("the item is there", text, (shown) => shown.includes("items=1,2"));
  assert.deepEqual([drawn.web, drawn.mobile], [then.web, then.mobile]);
  const last = { ...drawn };
  server.change("Mobile", { id: 7 });
  server.change("Web", { id: 3, state: "New", stateCategory: "Proposed" });
  server.move("Mobile", "points.remaining", 2);
  await until("the other number moved", text, (shown) => shown.includes("mobile=2"));
  assert.equal(drawn.items, last.items, "an item of another category is none of the list's");
});

/** A service that answers only who brings that key. */
async function guarded(key) {
  server = await fakeServer();
  server.keys = [];
  server.instead = (request, response) => {
    const brought = request.headers["x-functions-key"];
    if (request.url.includes("/api/sse/")) server.keys.push(brought);
    if (key === undefined || brought === key) return false;
    response.writeHead(401).end();
    return true;
  };
}

const Name = () => {
  const { name } = useConnection();
  return createElement("b", null, useBoard({ team: "web" })?.team.name ?? name);
};
const render = (...elements) => root.render(createElement(StrictMode, null, ...elements));
const provide = (options, ...more) => createElement(BoardcastProvider, { url: server.url, share: false, ...options }, createElement(Name), ...more);

test("a key is handed on in `options`, beside what is given as props", async () => {
  await guarded("secret");
  root = createRoot(document.getElementById("app"));
  render(provide({ options: { key: "secret", url: "http://127.0.0.1:9" } }));
  await until("the board is there", text, (shown) => shown === "Web");
  // Another key is another client, which is what a plain option has that changed.
  render(provide({ options: { key: "wrong" } }));
  await until("it is refused", text, (shown) => shown === "unauthorised");
});

test("functions that look alike are each provider's own, and the newest is asked, of a client that goes on", async () => {
  await guarded();
  const keyOf = (key) => () => key;
  root = createRoot(document.getElementById("app"));
  const both = (one, other) => render(provide({ key: 1, options: { key: keyOf(one) } }), provide({ key: 2, options: { key: keyOf(other) } }));
  both("one", "other");
  await until("both are there", text, (shown) => shown === "WebWeb");
  assert.deepEqual([...server.keys].sort(), ["one", "other"], "one has the other's key");
  both("new", "other");
  await sleep(100);
  assert.equal(server.opened, 2, "a function that is written where it is given began another stream");
  server.end("lifetime");
  await until("both are back", () => server.opened, (opened) => opened === 4);
  assert.deepEqual(server.keys.slice(2).sort(), ["new", "other"]);
});

test("a storage or a signal is each provider's own, and plain options that are the same share a stream in any order", async () => {
  await guarded();
  const asked = [];
  const storageOf = (name) => ({ load: async () => void asked.push(name), save: async () => {} });
  const first = new AbortController();
  root = createRoot(document.getElementById("app"));
  const all = () => render(
    provide({ key: 1, storage: storageOf("one") }),
    provide({ key: 2, storage: storageOf("other") }),
    provide({ key: 3, signal: first.signal }),
    createElement(BoardcastProvider, { key: 4, url: server.url, share: false, headers: { a: "b" }, project: ["Fabrikam"] }, createElement(Name)),
    createElement(BoardcastProvider, { key: 5, project: ["Fabrikam"], headers: { a: "b" }, share: false, url: server.url, team: undefined }, createElement(Name)),
  );
  all();
  await until("all are there", text, (shown) => shown === "Web".repeat(5));
  all();
  await sleep(100);
  assert.deepEqual(asked.sort(), ["one", "other"]);
  assert.equal(server.opened, 4);
  first.abort();
  await until("one is closed", () => server.open, (open) => open === 3);
});

test("another address is asked at once, and what is left is told nothing of the new options", async () => {
  const old = await fakeServer({ boards: [{ team: "Old" }] });
  await guarded("new");
  const heard = [];
  old.instead = ({ headers }) => (heard.push(headers["x-functions-key"]), false);
  const Team = () => createElement("b", null, useBoards().map(({ team }) => team.name).join());
  root = createRoot(document.getElementById("app"));
  const from = (url, key) => render(createElement(BoardcastProvider, { url, share: false, options: { key: () => key } }, createElement(Team)));
  try {
    from(old.url, "old");
    await until("the old one is there", text, (shown) => shown === "Old");
    from(server.url, "new");
    // It lingers for a moment, in which it begins another stream.
    old.end("lifetime");
    await until("the new one is there", text, (shown) => shown === "Web");
    await until("it is asked again", () => heard.length, (times) => times === 2);
    await until("the old one is left", () => old.open, (open) => open === 0);
    assert.deepEqual(heard, ["old", "old"]);
  } finally {
    await old.close();
  }
});

test("a component that asks for nothing but the client has it, and the client has a stream", async () => {
  server = await fakeServer();
  let drawn = 0;
  const Button = () => {
    drawn += 1;
    const client = useClient();
    return createElement("b", null, client ? "a client" : "none");
  };
  mount(createElement(Button));
  await until("the client is there", text, (shown) => shown === "a client");
  await until("its stream is open", () => server.open, (open) => open === 1);
  await sleep(100);
  const before = drawn;
  server.move("Web", "points.remaining", 5);
  await sleep(100);
  assert.equal(drawn, before, "it is drawn anew for what it does not read");
});

test("a component that comes later shares the stream, and the last that goes closes it", async () => {
  server = await fakeServer();
  const Team = () => createElement("b", null, useBoard({ team: "web" })?.team.name);
  const Count = () => createElement("i", null, useBoards().length);
  mount(createElement(Team));
  await until("the board is there", text, (shown) => shown === "Web");
  root.render(createElement(BoardcastProvider, { url: server.url, share: false }, createElement(Team), createElement(Count)));
  await until("both are there", text, (shown) => shown === "Web1");
  assert.equal(server.opened, 1);
  root.unmount();
  root = null;
  await until("the stream is closed", () => server.open, (open) => open === 0);
});

test("on a server there is what is known before the first event, and nothing is asked", async () => {
  server = await fakeServer();
  const Any = () => {
    const names = [useConnection().name, useBoards().length, useBoard({ team: "Web" }), useMetric(undefined, "x"), useItems(undefined).length, useClient()];
    return createElement("b", null, names.map(String).join());
  };
  const html = renderToString(createElement(BoardcastProvider, { url: server.url }, createElement(Any)));
  assert.equal(html, "<b>connecting,0,undefined,undefined,0,null</b>");
  assert.equal(server.opened, 0);
  assert.throws(() => renderToString(createElement(Any)), /BoardcastProvider/);
});

test("what is selected by a function of one's own is kept for as long as it is alike", async () => {
  server = await fakeServer({ boards: [{ team: "Web", items: [{ id: 1 }] }] });
  let drawn = 0;
  const names = (state) => Object.values(state.boards).map((board) => board.team.name);
  const Names = () => {
    drawn += 1;
    return createElement("b", null, useBoardcast(names).join());
  };
  mount(createElement(Names));
  await until("the name is there", text, (shown) => shown === "Web");
  const before = drawn;
  server.change("Web", { id: 2 });
  server.say({ type: "cache_invalidated", projectId: null, teamId: null, sprintId: null, keys: [], reason: "x" });
  await sleep(200);
  assert.equal(drawn, before);
});
