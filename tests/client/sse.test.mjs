// An event stream, cut wherever a network may cut it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { parser } from "../../client/sse.js";

function read(...pieces) {
  const told = [];
  const feed = parser({
    onMessage: (data, id) => told.push(id === undefined ? data : [data, id]),
    onId: (id) => told.push({ id }),
    onRetry: (ms) => told.push({ ms }),
  });
  pieces.forEach(feed);
  return told;
}

const TEXT = "\uFEFF: a comment\nretry: 2740\r\ndata: one\r\ndata\rdata:  three\n\nid: 7-0\n\nid\ndata:x\n\nevent: named\nid: 8-0\ndata: y\n\nretry: soon\nid: a\0b\ndata: z\n\ndata: not dispatched";
const TOLD = [{ ms: 2740 }, "one\n\n three", { id: "7-0" }, ["x", ""], ["y", "8-0"], "z"];

test("a stream is read as the standard says", () => {
  assert.deepEqual(read(TEXT), TOLD);
});

test("wherever it is cut it is the same", () => {
  for (let at = 1; at < TEXT.length; at += 1) assert.deepEqual(read(TEXT.slice(0, at), TEXT.slice(at)), TOLD, `cut at ${at}`);
  assert.deepEqual(read(...TEXT), TOLD, "character by character");
});
