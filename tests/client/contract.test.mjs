// The documents of the contract, each by a tool that others read it with.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import SwaggerParser from "@apidevtools/swagger-parser";
import { Parser } from "@asyncapi/parser";

const document = (name) => new URL(`../../docs/api/${name}.json`, import.meta.url);

test("the OpenAPI document is one, and each of its references leads somewhere", async () => {
  const api = await SwaggerParser.validate(fileURLToPath(document("openapi")));
  assert.ok(Object.keys(api.paths).length >= 4);
  const broken = JSON.parse(await readFile(document("openapi"), "utf8"));
  broken.paths["/api/snapshot"].get.responses[400] = "a mistake";
  await assert.rejects(SwaggerParser.validate(broken));
});

test("the AsyncAPI document is one, with a message for each event", async () => {
  const text = await readFile(document("asyncapi"), "utf8");
  const serious = ({ severity }) => severity <= 1;
  const { document: api, diagnostics } = await new Parser().parse(text);
  const found = diagnostics.filter(serious).map(({ message, path, code }) => [code, message, path.join("/")]);
  // Tags, contacts and ids help whoever collects many of these documents.
  const remarks = ["asyncapi-info-contact", "asyncapi-info-description", "asyncapi-id", "asyncapi-tags", "asyncapi3-tags", "asyncapi-latest-version", "asyncapi3-channel-servers"];
  assert.deepEqual(found.filter(([code]) => !remarks.includes(code)), []);
  assert.equal(api.messages().all().length, 14);
  const broken = await new Parser().parse(text.replace('"#/components/schemas/Closing"', '"#/components/schemas/Clossing"'));
  assert.ok(broken.diagnostics.some(({ severity }) => severity === 0), "a reference that leads nowhere is found");
});
