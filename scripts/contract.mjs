#!/usr/bin/env node
// Writes what follows from docs/api/schema.json: the types of client/events.d.ts, and the documents docs/api/asyncapi.json and
// docs/api/openapi.json. With --check it writes nothing and fails where one of them is another.

import { readFile, writeFile } from "node:fs/promises";

const ROOT = new URL("../", import.meta.url);
const read = (path) => readFile(new URL(path, ROOT), "utf8");

/** What JSON Schema calls a type, and TypeScript. */
const PLAIN = { string: "string", integer: "number", number: "number", boolean: "boolean", null: "null" };

const schema = JSON.parse(await read("docs/api/schema.json"));
const version = /^version = "(.*)"$/m.exec(await read("Cargo.toml"))[1];
const defs = schema.$defs;

const results = {
  "client/events.d.ts": types(),
  "docs/api/asyncapi.json": json(asyncapi()),
  "docs/api/openapi.json": json(openapi()),
};

let isOther = false;
for (const [path, text] of Object.entries(results)) {
  const before = await read(path).catch(() => null);
  if (before === text) continue;
  if (process.argv.includes("--check")) {
    console.error(`scripts/contract.mjs: ${path} is not what docs/api/schema.json says: run scripts/contract.mjs`);
    isOther = true;
  } else {
    await writeFile(new URL(path, ROOT), text);
    console.log(`wrote ${path}`);
  }
}
process.exitCode = isOther ? 1 : 0;

function json(value) {
  return `${JSON.stringify(value, null, 2)}\n`;
}

// TypeScript

function types() {
  const head = "// Written by scripts/contract.mjs of the repository from docs/api/schema.json. Additions are optional and come without notice.\n";
  return head + Object.entries(defs).map(([name, def]) => `\n${comment(def, "")}${declaration(name, def)}`).join("");
}

function declaration(name, def) {
  if (def.properties) return `export interface ${name} ${object(def, "")}\n`;
  return `export type ${name} = ${type(def, "")};\n`;
}

function comment({ description }, indent) {
  return description ? `${indent}/** ${description} */\n` : "";
}

function object({ properties, required = [] }, indent) {
  const inner = `${indent}  `;
  const lines = Object.entries(properties).map(([name, def]) => {
    const mark = required.includes(name) ? "" : "?";
    return `${comment(def, inner)}${inner}${name}${mark}: ${type(def, inner)};\n`;
  });
  return `{\n${lines.join("")}${indent}}`;
}

function type(def, indent) {
  if (def.$ref) return def.$ref.replace("#/$defs/", "");
  if ("const" in def) return JSON.stringify(def.const);
  if (def.enum) return def.enum.map((value) => JSON.stringify(value)).join(" | ");
  // A word that an editor offers and any other text are told apart by nobody else.
  const any = def.anyOf ?? def.oneOf;
  if (any) return any.map((one) => (one.type === "string" && any.length > 1 ? "(string & {})" : type(one, indent))).join(" | ");
  if (def.properties) return object(def, indent);
  if (def["x-keys"]) return `{ [id in ${def["x-keys"]}]?: ${type(def.additionalProperties, indent)} } & { [id: string]: ${type(def.additionalProperties, indent)} | undefined }`;
  if (def.type === "object") return `{ [name: string]: ${type(def.additionalProperties ?? {}, indent)} }`;
  if (def.type === "array") return `readonly ${wrapped(type(def.items, indent))}[]`;
  const named = [def.type ?? []].flat();
  return named.length === 0 ? "unknown" : named.map((name) => PLAIN[name]).join(" | ");
}

function wrapped(text) {
  return /[|{]/.test(text) ? `(${text})` : text;
}

// The documents

function components() {
  const moved = JSON.parse(JSON.stringify(defs).replaceAll("#/$defs/", "#/components/schemas/"));
  for (const def of Object.values(moved)) delete def["x-keys"];
  return moved;
}

function ref(name) {
  return { $ref: `#/components/schemas/${name}` };
}

function info(title, description) {
  return { title, version, description, license: { name: "MIT", identifier: "MIT" } };
}

function asyncapi() {
  const events = defs.Event.oneOf.map(({ $ref }) => $ref.replace("#/$defs/", ""));
  const messages = Object.fromEntries(
    events.map((name) => [name, { name: defs[name].properties.type.const, summary: defs[name].description, contentType: "application/json", payload: ref(name) }]),
  );
  const named = (base) => Object.fromEntries(events.map((name) => [name, { $ref: `${base}/messages/${name}` }]));
  return {
    asyncapi: "3.0.0",
    info: { ...info("boardcast: the stream", "Server-sent events, each one JSON object, told apart by `type`."), license: { name: "MIT" } },
    defaultContentType: "application/json",
    channels: { stream: { address: "/api/sse/dashboard", description: "`project` and `team` (name or id, repeatable) narrow it; `Last-Event-ID` or `lastEventId` resumes.", messages: named("#/components") } },
    operations: { hear: { action: "receive", channel: { $ref: "#/channels/stream" }, messages: events.map((name) => ({ $ref: `#/channels/stream/messages/${name}` })) } },
    components: { messages, schemas: components() },
  };
}

function openapi() {
  const text = { type: "string" };
  const query = (name, description, more = {}) => ({ name, in: "query", required: false, description, schema: text, ...more });
  const many = (name, description) => query(name, description, { schema: { type: "array", items: text }, explode: true });
  // An empty one counts as none.
  const orNone = (format) => ({ schema: { anyOf: [{ ...text, format }, { ...text, maxLength: 0 }] } });
  const scope = [many("project", "Name or id of a project."), many("team", "Name or id of a team; `-` for work items that are no team's.")];
  const answer = (description, schema, mediaType = "application/json") => ({ description, content: { [mediaType]: { schema } } });
  const error = (description) => answer(description, ref("Error"));
  // With `tile` and `format=svg` what is wrong is told in a picture as well: whoever put its address into a page sees nothing else.
  const orPicture = (told) => ({ ...told, content: { ...told.content, "image/svg+xml": { schema: text } } });
  const refusals = { 401: { description: "A function key or a login is asked for." }, 403: { description: "Whoever asks may not." } };
  const probe = { type: "object" };
  return {
    openapi: "3.1.0",
    jsonSchemaDialect: "https://json-schema.org/draft/2020-12/schema",
    info: info("boardcast", "Live sprint boards of Azure DevOps, as JSON and as server-sent events. Nothing is changed through it."),
    servers: [{ url: "/" }],
    security: [{}, { functionKey: [] }],
    paths: {
      "/api/snapshot": {
        get: {
          operationId: "snapshot",
          summary: "The boards that there are, a board, or where a number comes from",
          parameters: [
            ...scope,
            query("at", "A position that the answer must have reached. An empty one counts as none.", { schema: { type: "string", pattern: "^((0|[1-9][0-9]{0,14})-(0|[1-9][0-9]{0,14}))?$" } }),
            query("explain", "The id of a metric, or with `sprint` one of `review.planned`, `review.completed`, `review.late`, `review.incomplete` and `review.say_do`, or `burndown.original` or `burndown.ideal:<date>` (each with `.points`, `.items` or `.hours` behind its name): where its number comes from. `item:<number>`: why a work item is on the board or not."),
            query("day", "A date: the board as it was when that day ended in the team's zone. Not with `sprint`, or `explain` of an item.", orNone("date")),
            query("sprint", "The id of one of the team's sprints: its board as it ended, and what became of it. Not with `day`, or `explain` of an item.", orNone("uuid")),
            query("since", "An instant until now, in RFC 3339 or in epoch milliseconds: what happened on the board since then; with `explain` where the number of then came from, of the sprint under way or of `sprint`. Not with `day`, `explain` of an item, or `sprint` alone.", { schema: { anyOf: [{ ...text, format: "date-time" }, { ...text, pattern: "^(-?[0-9]{1,15})?$" }] } }),
            query("tile", "The id of a metric, with `format=svg`: that number as a picture."),
            query("format", "`svg`, with `tile`."),
            { name: "If-None-Match", in: "header", required: false, schema: text },
          ],
          responses: {
            200: orPicture(answer("The directory where no board or several are asked for, one board, one of the past, an explanation, or what happened since an instant.", { anyOf: ["Directory", "BoardAnswer", "PastBoard", "Explanation", "ItemExplanation", "SinceAnswer"].map(ref) })),
            304: { description: "The board is as it was." },
            400: orPicture(error("What is asked for is not written as it has to be, or asks for two things at once.")),
            404: orPicture(error("No such board or metric is known.")),
            503: error("This instance has not reached the position yet, or what is kept of the past does not answer."),
            ...refusals,
          },
        },
      },
      "/api/sse/dashboard": {
        get: {
          operationId: "stream",
          summary: "The stream of events; see the AsyncAPI document",
          parameters: [
            ...scope,
            query("named", "`1`: with an `event:` line.", { schema: { type: "string" } }),
            query("heartbeat", "`1`: heartbeats are events.", { schema: { type: "string" } }),
            query("shed", "`503`: a reader too many is told by status.", { schema: { type: "string" } }),
            query("lastEventId", "The position to go on from, where no header can be sent."),
            { name: "Last-Event-ID", in: "header", required: false, schema: text },
          ],
          responses: { 200: answer("Server-sent events.", text, "text/event-stream"), 503: error("There are as many streams as there may be."), ...refusals },
        },
      },
      "/api/health/live": { get: { operationId: "live", summary: "Whether the process runs", security: [], responses: { 200: answer("It runs.", probe) } } },
      "/api/health/ready": {
        get: { operationId: "ready", summary: "Whether there are boards to serve", security: [], responses: { 200: answer("There are.", probe), 503: answer("There are none.", probe) } },
      },
    },
    components: { securitySchemes: { functionKey: { type: "apiKey", in: "header", name: "x-functions-key" } }, schemas: components() },
  };
}
