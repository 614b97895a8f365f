// What somebody does who has the package's README and nothing else: install what `npm pack` makes into an empty folder, copy the
// examples, have a strict compiler look at them, and see them live, against the service for tests and against the service itself.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

import { build } from "esbuild";
import { JSDOM } from "jsdom";

import { startDemo, until } from "./support.mjs";

const run = promisify(execFile);
const HERE = fileURLToPath(new URL(".", import.meta.url));
const PACKAGE = path.join(HERE, "../../client");

const { window } = new JSDOM("<!doctype html><div id=app></div>", { url: "http://127.0.0.1/" });
Object.assign(globalThis, { window, document: window.document });
Object.defineProperty(globalThis, "navigator", { configurable: true, value: window.navigator });

let folder;
let unmount;
const ends = [];
afterEach(async () => {
  unmount?.();
  for (const end of ends.splice(0).reverse()) await end();
});
after(async () => {
  window.close();
  await rm(folder, { recursive: true, force: true });
});

/** The examples in React of the installed README, as they are, but for where the service is. */
const examples = async (url) => {
  const readme = await readFile(path.join(folder, "node_modules/boardcast-client/README.md"), "utf8");
  const blocks = [...readme.matchAll(/```tsx\n([^]*?)```/g)].map(([, text]) => text);
  assert.equal(blocks.length, 2, "README.md has a tile and a burndown");
  return { "tile.tsx": blocks[0].replace("http://127.0.0.1:7071", url).replace('<Tile team="Mobile" />', '<Burndown team="Web" />').replace(/^/, 'import { Burndown } from "./burndown";\n'), "burndown.tsx": blocks[1] };
};

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "boardcast-stranger-"));
  const { stdout } = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], { cwd: PACKAGE });
  const packed = JSON.parse(stdout);
  const [{ filename }] = Array.isArray(packed) ? packed : Object.values(packed);
  await writeFile(path.join(folder, "package.json"), '{ "name": "stranger", "type": "module" }\n');
  // Nothing has to be fetched: it has no dependencies.
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--legacy-peer-deps", `./${filename}`], { cwd: folder });
  for (const name of ["react", "react-dom", "scheduler", "csstype"]) await symlink(path.join(HERE, "node_modules", name), path.join(folder, "node_modules", name));
  // As `vite` sets a project up: no types but React's, and nothing of Node.js.
  await run("mkdir", [path.join(folder, "node_modules/@types")]);
  for (const name of ["react", "react-dom"]) await symlink(path.join(HERE, "node_modules/@types", name), path.join(folder, "node_modules/@types", name));
  const compilerOptions = { strict: true, noEmit: true, target: "es2022", module: "esnext", moduleResolution: "bundler", jsx: "react-jsx", lib: ["es2023", "dom", "dom.iterable"], skipLibCheck: false, preserveSymlinks: true, types: [] };
  await writeFile(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts", "*.tsx"] }));
});

test("the examples of README.md compile in an empty project without the types of Node.js", async () => {
  for (const [name, text] of Object.entries(await examples("http://127.0.0.1:7071"))) await writeFile(path.join(folder, name), text);
  const fake = 'import { fakeServer } from "boardcast-client/fake";\nconst server = await fakeServer();\nserver.instead = (request, response) => {\n  if (request.headers["x-functions-key"]) return false;\n  response.writeHead(401).end();\n  return true;\n};\n';
  await writeFile(path.join(folder, "fake.ts"), fake);
  const compiled = await run(process.execPath, [path.join(HERE, "node_modules/typescript/bin/tsc"), "-p", folder]).catch((error) => error);
  assert.equal(compiled.stdout, "");
});

/** Shows the examples of README.md with a service. Returns what they show. */
async function show(url) {
  for (const [name, text] of Object.entries(await examples(url))) await writeFile(path.join(folder, name), text);
  const main = 'import { createElement, StrictMode } from "react";\nimport { createRoot } from "react-dom/client";\nimport { App } from "./tile";\nconst root = createRoot(document.getElementById("app")!);\nroot.render(createElement(StrictMode, null, createElement(App)));\nexport const unmount = () => root.unmount();\n';
  await writeFile(path.join(folder, "main.tsx"), main);
  const outfile = path.join(folder, `bundle-${new URL(url).port}.mjs`);
  await build({ entryPoints: [path.join(folder, "main.tsx")], outfile, bundle: true, format: "esm", platform: "browser", jsx: "automatic", define: { "process.env.NODE_ENV": '"development"' } });
  ({ unmount } = await import(pathToFileURL(outfile)));
  return () => document.getElementById("app").innerHTML;
}

test("they show a live tile and its burndown with the service for tests", async () => {
  const { fakeServer } = await import(createRequire(path.join(folder, "x")).resolve("boardcast-client/fake"));
  const days = [16, 17, 18].map((day, index) => ({ date: `2026-11-${day}`, working: index < 2, ideal: 8 - 4 * Math.min(index + 1, 2), ...(index < 2 && { remaining: 8 - index }) }));
  const burndown = { unit: "points", original: 8, days, today: [] };
  const server = await fakeServer({ boards: [{ team: "Web", items: [{ id: 1 }], metrics: { "points.remaining": 7 }, burndown }] });
  ends.push(() => server.close());
  const shown = await show(server.url);
  await until("the tile is there", shown, (html) => html.includes("<h2>Web") && html.includes("7 points left") && html.includes('aria-label="7 points left"'));
  server.move("Web", "points.remaining", 5);
  await until("the tile moved", shown, (html) => html.includes("5 points left") && html.includes('aria-label="5 points left"'));
  server.end();
  await until("the tile says that the stream is gone", shown, (html) => html.includes("reconnecting, full"));
  assert.equal(server.opened, 1, "StrictMode opened more streams");
});

test("they show a live tile and its burndown with the service itself", async () => {
  const service = await startDemo();
  ends.push(service.stop);
  const shown = await show(service.url);
  const now = async () => (await (await fetch(`${service.url}/api/snapshot?team=Web`)).json()).metrics["points.remaining"].value;
  await until("the tile is the service's", async () => [shown(), await now()], ([html, value]) => html.includes("<h2>Web") && html.includes("DEMO") && html.includes(`${value} points left`) && /<polyline points="0,[\d.]+ /.test(html));
});
