// What of a page's address has no effect: without a browser, but for whether the page knows the same.

import assert from "node:assert/strict";
import { test } from "node:test";

import { OPTIONS, faults, isWanted } from "../../web/page-options.js";
import { SCOPE, board, connected, item, openScripted, page, until, useBrowser } from "./support.mjs";

useBrowser();

test("what has an effect, or is left empty, is no fault", () => {
  const values = Object.entries(OPTIONS).flatMap(([name, [known]]) => known.map((value) => `${name}=${value}`));
  for (const search of ["", ...values, "by=", "tile=", "embed=1&tile=outlook", "embed&tile=outlook", "project=a&team=b&find=c&utm=d"]) {
    assert.deepEqual(faults(`?${search}`), [], search);
  }
});

test("a value that is none is told, with those that there are and what is done instead", () => {
  assert.deepEqual(faults("?by=x&unit=days&names=abc&view=table"), [
    "by=x is not state, person or story: the items are arranged by state.",
    "unit=days is not points, items or hours: the chart is in the team's own unit.",
    "names=abc is not initials or full: names are shown in full.",
    "view=table is not boards or teams: several teams are shown at a glance.",
  ]);
  assert.deepEqual(faults("?names=Initials"), ["names=Initials is not initials or full: names are shown in full."]);
  assert.deepEqual(faults(`?by=${"x".repeat(40)}`), [`by=${"x".repeat(24)}… is not state, person or story: the items are arranged by state.`]);
  for (const search of ["?tile=outlook", "?embed=no&tile=outlook", "?embed=0&tile=&tile=outlook&tile=burndown"]) {
    assert.deepEqual(faults(search), ["tile=outlook is only for a page that is embedded: add embed=1, or leave it out."]);
  }
});

test("a moment of the past is none for a page that is embedded, which says so where it is", async () => {
  const id = SCOPE.sprintId;
  assert.deepEqual(faults(`?day=2026-11-18&sprint=${id}`), []);
  const told = [
    "day=2026-11-18 is of no use to a page that is embedded: it shows how things stand now.",
    `sprint=${id.slice(0, 24)}… is of no use to a page that is embedded: it shows how things stand now.`,
  ];
  assert.deepEqual(faults(`?embed=1&tile=burndown&day=2026-11-18&sprint=${id}`), told);
  const server = await openScripted("?embed=1&tile=outlook&day=2026-11-18");
  server.say(connected);
  server.say({ type: "snapshot", ...SCOPE, data: board([item(1)]) });
  await until("it is shown", () => page.$$eval(".part", (all) => all.length), (count) => count === 1);
  assert.equal(await page.$eval("#words", (words) => words.checkVisibility() && !words.classList.contains("unseen") && words.textContent), told[0]);
});

test("a moment of the past is none for a page of several teams, which says so as long as it is one", async () => {
  const told = "day=2026-11-18 is of no use to a page of several teams: it shows how things stand now.";
  assert.deepEqual(faults("?day=2026-11-18", false), [told]);
  const server = await openScripted("?day=2026-11-18");
  const words = () => page.$eval("#words", (words) => !words.classList.contains("unseen") && words.textContent);
  const other = { ...SCOPE, teamId: "0f6e3ff8-6d3a-4b5e-9a5b-0b6f5f1f1f1f" };
  server.say({ ...connected, scopes: [SCOPE, other] });
  server.say({ type: "snapshot", ...SCOPE, data: board([item(1)]) });
  server.say({ type: "snapshot", ...other, data: { ...board([item(2)]), team: { id: other.teamId, name: "Other" } } });
  await until("it is told", words, (all) => all === told);
});

test("what is or is not wanted can be said by 0 as well", () => {
  for (const [search, is] of [["?table", true], ["?table=1", true], ["?table=0", false], ["?table=no", false], ["?table=false", false], ["", false]]) {
    assert.equal(isWanted(new URLSearchParams(search), "table"), is, search);
  }
});

test("the page arranges its items in the ways that are known here", async () => {
  const server = await openScripted("?by=person");
  server.say(connected);
  server.say({ type: "snapshot", ...SCOPE, data: board([item(1)]) });
  const ways = await until("the ways are there", () => page.$$eval(".by input", (all) => all.map(({ value }) => value)), (all) => all.length > 0);
  assert.deepEqual(OPTIONS.by[0], ways);
});
