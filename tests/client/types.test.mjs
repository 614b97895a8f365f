// The types against the golden files, against what README.md shows, and against the schema that they are made from.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { closedSchema, golden, metricsOf } from "./support.mjs";

const run = promisify(execFile);
const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROOT = path.join(HERE, "../..");

let folder;

/** A project of somebody who installed the package. */
before(async () => {
  folder = await mkdtemp(path.join(HERE, "app-"));
  await cp(path.join(HERE, "tsconfig.json"), path.join(folder, "tsconfig.json"));
  await writeFile(path.join(folder, "package.json"), '{ "type": "module" }\n');
  await mkdir(path.join(folder, "node_modules"));
  for (const name of ["react", "react-dom", "@types"]) await symlink(path.join(HERE, "node_modules", name), path.join(folder, "node_modules", name));
  await symlink(path.join(ROOT, "client"), path.join(folder, "node_modules/boardcast-client"));
});

after(() => rm(folder, { recursive: true, force: true }));

/** What the compiler finds in some files; nothing when all is well. */
async function compile(files) {
  const names = Object.keys(files);
  for (const name of names) await writeFile(path.join(folder, name), files[name]);
  await writeFile(path.join(folder, "tsconfig.app.json"), JSON.stringify({ extends: "./tsconfig.json", compilerOptions: { preserveSymlinks: true }, files: names }));
  const compiled = await run(process.execPath, [path.join(HERE, "node_modules/typescript/bin/tsc"), "-p", path.join(folder, "tsconfig.app.json")]).catch((error) => error);
  return compiled.stdout ?? String(compiled);
}

const EVENTS = { cache_invalidated: "CacheInvalidated", closing: "Closing", connected: "Connected", degraded: "Degraded", heartbeat: "Heartbeat", metric_changed: "MetricChanged", outlook_changed: "OutlookChanged", recovered: "Recovered", snapshot: "Snapshot", sprint_changed: "SprintChanged", sync_completed: "SyncCompleted", webhook_health: "WebhookHealth", workitem_changed: "WorkItemChanged", workitems_updated: "WorkItemsUpdated" };
const OBJECTS = { "object.board": "Board", "object.board-between-sprints": "Board", "object.burndown": "Burndown", "object.directory": "Directory", "object.explanation": "Explanation", "object.item": "Item", "object.metric": "Metric", "object.sprint": "Sprint" };

/** A value with nothing widened, as an answer of the service would be if it were written down. */
const literal = (type, name, value) => `export const ${name}: wire.${type} = ${JSON.stringify(value)};\n`;

test("every golden file is of its type, for a strict compiler", async () => {
  const all = await golden();
  const types = { ...EVENTS, ...OBJECTS };
  assert.deepEqual(Object.keys(all).sort(), Object.keys(types).sort(), "give a new golden file a type in this test");
  const lines = Object.entries(all).map(([name, value], index) => literal(types[name], `golden${index}`, value));
  const events = Object.keys(EVENTS).map((name) => literal("Event", `event_${name}`, all[name]));
  const source = `import type * as wire from "boardcast-client";\nimport type { Board } from "./board.js";\n${lines.join("")}${events.join("")}`;
  // Here `Board` is the board as it is on the wire, which the client keeps in another form.
  const wire = `${source.replaceAll("wire.Board ", "Board ")}`;
  assert.equal(await compile({ "golden.ts": wire, "board.ts": 'import type { Snapshot } from "boardcast-client";\nexport type Board = Snapshot["data"];\n' }), "");
});

test("a mistake in a value is found by the compiler", async () => {
  const all = await golden();
  const mistakes = [
    ["Event", { ...all.heartbeat, type: "hartbeat" }],
    ["Item", { ...all["object.item"], rev: "4" }],
    ["Item", { ...all["object.item"], effort: undefined }],
    ["Metric", { ...all["object.metric"], level: 1 }],
    ["Level", "partial"],
  ];
  const files = mistakes.map(([type, value], index) => [`mistake${index}.ts`, `import type * as wire from "boardcast-client";\n${literal(type, "mistake", value)}`]);
  const found = await compile(Object.fromEntries(files));
  for (const [name, text] of files) assert.match(found, new RegExp(`${name}\\(\\d+,\\d+\\): error TS`), `nothing is wrong with ${text}`);
});

test("what README.md shows compiles, and each event is told apart by its type", async () => {
  const readme = await readFile(path.join(ROOT, "client/README.md"), "utf8");
  const blocks = [...readme.matchAll(/```(tsx|js)\n([^]*?)```/g)];
  assert.ok(blocks.length >= 4, "README.md has lost its examples");
  const typed = (text) => text.replace("handleDashboardUpdate(event)", 'handleDashboardUpdate(event: import("boardcast-client").Event)');
  const files = Object.fromEntries(blocks.map(([, kind, text], index) => [`readme${index}.${kind === "tsx" ? "tsx" : "ts"}`, `${typed(text)}export {};\n`]));
  files["told.ts"] = `import { connect, items, metric, type Event } from "boardcast-client";
import { cacheStorage, webStorage } from "boardcast-client/storage";
const client = connect({ storage: cacheStorage(), key: () => null, signal: AbortSignal.timeout(1), project: ["a"] });
connect({ storage: webStorage(sessionStorage) });
function told(event: Event): number {
  switch (event.type) {
    case "metric_changed": return event.value ?? 0;
    case "workitem_changed": return event.item?.rev ?? event.rev;
    case "closing": return event.reconnectAfterMs;
    default: return event.timestamp;
  }
}
for (const board of client.boards) {
  const remaining: number | null | undefined = metric(board, "points.remaining")?.value;
  const newer: number | null | undefined = board.metrics["of.a.newer.server"]?.value;
  console.log(remaining, newer, items(board, { assignee: null })[0]?.title, told);
}
`;
  assert.equal(await compile(files), "");
});

test("a provider takes each option as a prop but the key, which React keeps, and all of them in `options`", async () => {
  const right = `import { BoardcastProvider } from "boardcast-client/react";
export const all = <BoardcastProvider url="http://boards.example" team="Web" onState={() => {}} options={{ key: () => "secret", poll: false }}><p /></BoardcastProvider>;
`;
  assert.equal(await compile({ "provider.tsx": right }), "");
  const wrong = right.replace("options={{ key: ", "key={").replace(", poll: false }}", "}");
  assert.match(await compile({ "keyless.tsx": wrong }), /error TS/);
});

test("a number has the unit that its metric has, for a compiler too", async () => {
  const rows = await metricsOf();
  assert.ok(rows.length >= 50, "docs/METRICS.md has lost its table");
  const check = (id, unit, index) => `const unit${index}: UnitOf<"${id}"> = "${unit}";\nexport const has${index}: typeof unit${index} extends "${unit}" | "items" ? true : false = true;\n`;
  const right = `import { metric, type Board, type UnitOf } from "boardcast-client";
import { useMetric } from "boardcast-client/react";
${rows.map(([id, unit], index) => check(id, unit, index)).join("")}
export function read(board: Board, id: string) {
  const points: "points" | undefined = metric(board, "points.remaining")?.unit;
  const days: "days" | undefined = useMetric({}, "lead.p85")?.unit;
  const any: string | undefined = metric(board, id)?.unit;
  return [points, days, any];
}
`;
  assert.equal(await compile({ "units.ts": right }), "");
  const wrong = rows.map(([id, unit], index) => `export const wrong${index}: UnitOf<"${id}"> = "${unit === "hours" ? "days" : "hours"}";\n`);
  const found = await compile({ "wrong.ts": `import type { UnitOf } from "boardcast-client";\n${wrong.join("")}` });
  assert.equal(found.split("error TS2322").length - 1, rows.length, found.slice(0, 500));
});

test("every golden file is what the schema says, and has no field that the schema lacks", async () => {
  const ajv = await closedSchema();
  const all = await golden();
  for (const [name, type] of Object.entries({ ...EVENTS, ...OBJECTS })) {
    const validate = ajv.getSchema(`schema#/$defs/${type}`);
    assert.ok(validate(all[name]), `${name}: ${JSON.stringify(validate.errors?.slice(0, 3))}: add it to docs/api/schema.json and run scripts/contract.mjs`);
    if (!(name in EVENTS)) continue;
    const event = ajv.getSchema("schema#/$defs/Event");
    assert.ok(event(all[name]), `${name} is no Event`);
  }
});

test("types and documents are those that follow from the schema", async () => {
  await run(process.execPath, [path.join(ROOT, "scripts/contract.mjs"), "--check"]);
});
