// The page's function key: where it comes from, and when it is kept.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { beforeEach, test } from "node:test";

/** A module of the page or of the client as an address; what it imports becomes one as well. */
async function moduleOf(name) {
  const read = (folder) => readFile(new URL(`../../${folder}/${name}`, import.meta.url), "utf8");
  let source = await read("web").catch(() => read("client"));
  for (const [specifier, file] of source.matchAll(/"\.\/([\w-]+\.js)"/g)) source = source.replace(specifier, JSON.stringify(await moduleOf(file)));
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

const api = await import(await moduleOf("api.js"));

let kept;
let refused;

beforeEach(() => {
  kept = new Map();
  refused = null;
  globalThis.localStorage = { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) };
  globalThis.history = { state: null, replaceState: (_, __, address) => Object.assign(location, { hash: /#.*/.exec(address)?.[0] ?? "" }) };
});

/** A client that is answered, or is refused. */
const client = {
  async get() {
    if (refused) throw Object.assign(new Error("refused"), { answer: refused });
    return {};
  },
};

const open = (hash) => (globalThis.location = { hash, pathname: "/api/dashboard", search: "?team=Web" });

test("fault_d6_a key of a link replaces the stored one only once it has opened something", async () => {
  open("#key=good");
  await api.get(client, "/api/snapshot");
  open("#key=wrong");
  refused = { status: 401, text: "", mediaType: "", challenge: "", retryAfterMs: 0 };
  assert.equal(api.functionKey(), "wrong");
  await assert.rejects(api.get(client, "/api/snapshot"));
  open("");
  assert.equal(api.functionKey(), "good");
});

test("fault_d6_a key is taken as it is, with a plus and whatever follows", () => {
  for (const [hash, key] of [
    ["#key=a+b/c==", "a+b/c=="],
    ["#key=a%2Bb%2Fc%3D%3D", "a+b/c=="],
    ["#x=1&key=a%b&y=2", "a%b"],
    ["#key=", null],
    ["#monkey=a", null],
    ["", null],
  ]) {
    open(hash);
    assert.equal(api.functionKey(), key, hash);
  }
});

test("b8_fault_page_13_a key that opened something leaves the address, and nothing else does", async () => {
  for (const [hash, rest] of [
    ["#key=a+b", ""],
    ["#x=1&key=a+b", "#x=1"],
    ["#key=a+b&y=2", "#y=2"],
    ["#x=1&key=a+b&y=2", "#x=1&y=2"],
  ]) {
    open(hash);
    await api.get(client, "/api/snapshot");
    assert.equal(location.hash, rest, hash);
    assert.equal(api.functionKey(), "a+b");
  }
});
