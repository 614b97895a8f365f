#!/usr/bin/env node
// npx boardcast-fake [PORT]: a service with two simulated teams, in which something happens every two seconds.

import { fakeServer } from "./fake.js";

const STATES = [["New", "Proposed"], ["Active", "InProgress"], ["Closed", "Completed"]];
const EVERY_MS = 2000;

const items = Array.from({ length: 8 }, (_, index) => ({ id: index + 1, title: `Item ${index + 1}`, state: "New", stateCategory: "Proposed", effort: 1 + (index % 5) }));
const metrics = { "points.remaining": 24, "points.total": 24, "items.completed": 0, "items.total": 8 };
const server = await fakeServer({ port: Number(process.argv[2] ?? 7071), boards: [{ team: "Web", items, metrics }, { team: "Mobile", items, metrics }] });
console.log(`boardcast-fake serves ${server.url}/api/sse/dashboard`);

let turn = 0;
setInterval(() => {
  turn += 1;
  const [state, stateCategory] = STATES[turn % STATES.length];
  const team = turn % 2 === 0 ? "Web" : "Mobile";
  server.change(team, { id: 1 + (turn % 8), state, stateCategory });
  server.move(team, "points.remaining", 24 - (turn % 24));
}, EVERY_MS);
