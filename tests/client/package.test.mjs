// What is published: its files, its size, and that it is the service's own modules that the page runs.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const run = promisify(execFile);
const PACKAGE = fileURLToPath(new URL("../../client/", import.meta.url));

const manifest = JSON.parse(await readFile(path.join(PACKAGE, "package.json"), "utf8"));

test("the package has what its exports name, its README, its licence, and nothing else", async () => {
  const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: PACKAGE });
  const packed = JSON.parse(stdout);
  const { files } = Array.isArray(packed) ? packed[0] : Object.values(packed)[0];
  const names = files.map((file) => file.path).sort();
  const sources = (await readdir(PACKAGE)).filter((name) => /\.(js|d\.ts)$/.test(name));
  assert.deepEqual(names, [...sources, "LICENSE", "README.md", "package.json"].sort());
  for (const target of Object.values(manifest.exports).flatMap((target) => (typeof target === "string" ? [target] : Object.values(target)))) {
    assert.ok(names.includes(target.slice(2)), `${target} is exported and not packed`);
  }
  assert.equal(await readFile(path.join(PACKAGE, "LICENSE"), "utf8"), await readFile(path.join(PACKAGE, "../LICENSE"), "utf8"), "client/LICENSE is a copy of LICENSE");
  const links = [...(await readFile(path.join(PACKAGE, "README.md"), "utf8")).matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target);
  assert.deepEqual(links.filter((target) => !target.startsWith("#") && !names.includes(target)), [], "README.md links to what is not packed");
  assert.deepEqual(manifest.dependencies ?? {}, {});
  const version = /^version = "(.*)"$/m.exec(await readFile(path.join(PACKAGE, "../Cargo.toml"), "utf8"))[1];
  assert.equal(manifest.version, version, "the package has the version of the service");
});

test("every export can be loaded where there is no browser, and has the names that its types have", async () => {
  for (const [name, { types, default: file }] of Object.entries(manifest.exports).filter(([, target]) => typeof target === "object")) {
    const loaded = Object.keys(await import(path.join("boardcast-client", name))).sort();
    const declared = [...(await readFile(path.join(PACKAGE, types), "utf8")).matchAll(/^export (?:function|class|const) (\w+)/gm)].map(([, name]) => name);
    assert.deepEqual(loaded, [...new Set(declared)].sort(), name);
  }
});

test("what is loaded at first, and what is for the stream, is no larger than README.md says, minified and compressed", async () => {
  const readme = await readFile(path.join(PACKAGE, "README.md"), "utf8");
  const [, first, stream] = /is under (\d+) KiB, minified and compressed, and the stream[^]*?under another (\d+) KiB/.exec(readme);
  for (const [file, most] of [["index.js", first], ["stream.js", stream]]) {
    const size = await sizeOf(file);
    assert.ok(size < most * 1024, `${file} is ${size} bytes`);
    assert.ok(size > (most - 1) * 1024, `${file} is ${size} bytes, and README.md says more than it has to`);
  }
});

async function sizeOf(file) {
  // What is loaded when it is needed is left out: the stream, the part that shares one, the other transport, and polling.
  const later = { name: "later", setup: (build) => build.onResolve({ filter: /./ }, ({ kind, path }) => (kind === "dynamic-import" ? { path, external: true } : null)) };
  const { outputFiles } = await build({ entryPoints: [path.join(PACKAGE, file)], bundle: true, minify: true, format: "esm", write: false, plugins: [later] });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}
