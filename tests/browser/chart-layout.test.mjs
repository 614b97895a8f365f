// Where everything of a chart is, and the numbers of its table and its file: without a browser.

import assert from "node:assert/strict";
import { test } from "node:test";

import { burndownsOf, chartData, hasBurnup, timesOf, velocityData } from "../../web/chart-data.js";
import { LABEL, axisOfDays, burndownLayout, sparkLayout, ticksTo, velocityLayout } from "../../web/chart-layout.js";
import { burndownCsv, dayTable, fileName } from "../../web/chart-table.js";
import { BEGAN, NOW, boardOfSprint } from "./fixtures/chart-board.mjs";

const HOUR = 3_600_000;
const measure = (text) => text.length * 0.6;
const words = { number: String, weekday: (date) => `Thu ${Number(date.slice(8))} Nov`, day: (date) => `${Number(date.slice(8))} Nov`, dayOfMonth: (date) => String(Number(date.slice(8))) };
const SIZE = { width: 800, height: 256, em: 16, measure, words };

const dataOf = (board, more = {}) => chartData(board, { now: NOW, ...more });
const layoutOf = (board, more = {}, size = {}) => burndownLayout(dataOf(board, more), { ...SIZE, ...size });
const near = (one, other, what) => assert.ok(Math.abs(one - other) < 0.51, `${what}: ${one} is not ${other}`);

test("today's changes lie where they are in the day, and now is where it is", () => {
  const layout = layoutOf(boardOfSprint());
  const { x } = layout.axis;
  const at = (hours) => x(6 + hours / 24);
  const line = layout.remaining.at(-1);
  // What was left holds until it changes, and the change takes no time.
  const steps = line.filter(([at, value], index) => index > 0 && at === line[index - 1][0] && value !== line[index - 1][1]);
  assert.equal(steps.length, 4);
  [9.5, 11, 13, 14.6].forEach((hours, index) => assert.ok(Math.abs(steps[index][0] - at(hours)) < 1e-6, `the step at ${hours} h`));
  near(line.at(-1)[0], at(15.2), "the end of the line");
  near(layout.now, at(15.2), "now");
  assert.ok(layout.now < x(7) - 10, "now is not the end of the day");
});

test("the days are straight from end to end, from what was planned on", () => {
  const layout = layoutOf(boardOfSprint());
  const { x } = layout.axis;
  const [line] = layout.remaining;
  assert.deepEqual(line.slice(0, 7).map(([at]) => at), [0, 1, 2, 3, 4, 5, 6].map(x));
  const { ticks } = layout;
  const y = (value) => layout.plot.bottom - (value / ticks.at(-1).value) * (layout.plot.bottom - layout.plot.top);
  [38, 36, 36, 36, 31, 33.5, 27].forEach((value, index) => near(line[index][1], y(value), `the end of day ${index}`));
});

test("what is not known is a gap, and nothing leads to it", () => {
  const board = boardOfSprint();
  delete board.burndown.days[2].remaining;
  const layout = layoutOf(board);
  assert.equal(layout.remaining.length, 2);
  assert.deepEqual(layout.remaining.map((part) => part[0][0]), [0, 4].map(layout.axis.x));
  delete board.burndown.days[0].remaining;
  assert.equal(layoutOf(board).remaining[0][0][0], layout.axis.x(2), "what was planned is not joined to a day that is not known");
  board.burndown.today = [{ at: NOW, remaining: 21.5 }];
  const ends = layoutOf(board).remaining.map((part) => part.at(-1)[0]);
  near(ends.at(-2), layout.axis.x(6), "the days end where today begins");
});

test("days off are shaded as they lie together, or take no room", () => {
  const board = boardOfSprint();
  const shaded = layoutOf(board);
  assert.deepEqual(shaded.off.map(({ from, to }) => [from, to]), [[1, 3], [8, 10]].map((days) => days.map(shaded.axis.x)));
  const hidden = layoutOf(board, {}, { hidesDaysOff: true });
  assert.deepEqual(hidden.off, []);
  assert.equal(hidden.axis.shown.length, 10);
  assert.equal(hidden.axis.x(1), hidden.axis.x(3));
  assert.ok(Math.abs(hidden.axis.width - (hidden.plot.right - hidden.plot.left) / 10) < 1e-9);
  // What a day off brought stands where it was left out.
  board.burndown.days[1].remaining = 20;
  const [line] = layoutOf(board, {}, { hidesDaysOff: true }).remaining;
  assert.equal(line[1][0], line[2][0]);
  assert.notEqual(line[1][1], line[2][1]);
});

test("a sprint of days off alone is shown all the same", () => {
  const days = ["2026-11-21", "2026-11-22"].map((date) => ({ date, working: false, ideal: null }));
  assert.equal(axisOfDays(days, { left: 0, right: 100 }, true).shown.length, 2);
});

test("the scope goes in steps, and its changes stand on it at their times", () => {
  const layout = layoutOf(boardOfSprint());
  const { x } = layout.axis;
  const [scope] = layout.scope;
  const steps = scope.filter(([at, value], index) => index > 0 && at === scope[index - 1][0] && value !== scope[index - 1][1]);
  assert.deepEqual(steps.map(([at]) => at), [x(4), x(6 + 14.6 / 24)], "a day that is over has its scope from its beginning on, and today has it as it changed");
  near(scope.at(-1)[0], layout.now, "the scope ends now");
  assert.deepEqual(layout.marks.map(({ id, way }) => [id, way]), [[532, 1], [541, -1], [466, -1]], "what was carried over is no change");
  near(layout.marks[0].x, x(4 + 10 / 24), "the first change");
  assert.equal(layout.marks[0].y, steps[0][1]);
  assert.deepEqual([layout.marks[2].x, layout.marks[2].y], steps[1], "a change of today stands where the line steps");
});

/** The value of a line at a time, in days: after the step where it steps. */
function valueAt(layout, line, days) {
  const at = layout.axis.x(days) + 1e-6;
  const part = layout[line].findLast((part) => part[0][0] <= at);
  const index = part.findLastIndex(([x]) => x <= at);
  const [[x, y], [nextX, nextY]] = [part[index], part[index + 1] ?? part[index]];
  const height = nextX > x ? y + ((nextY - y) * (at - x)) / (nextX - x) : y;
  const { plot, ticks } = layout;
  return Math.round(((plot.bottom - height) / (plot.bottom - plot.top)) * ticks.at(-1).value * 100) / 100;
}

test("within today what remains and what is completed come to the scope at any time", () => {
  for (const unit of ["points", "items"]) {
    const layout = layoutOf(boardOfSprint(), { unit });
    for (let hours = 0; hours < 15; hours += 0.25) {
      const [remaining, completed, scope] = ["remaining", "completed", "scope"].map((line) => valueAt(layout, line, 6 + hours / 24));
      assert.ok(Math.abs(remaining + completed - scope) < 0.02, `${unit} at ${hours} h: ${remaining} left and ${completed} done of ${scope}`);
    }
  }
  const layout = layoutOf(boardOfSprint());
  const at = (line) => [0, 9.4, 9.6, 12, 14, 15].map((hours) => valueAt(layout, line, 6 + hours / 24));
  assert.deepEqual(at("scope"), [42, 42, 42, 42, 42, 40]);
  assert.deepEqual(at("completed"), [15, 15, 18, 16, 18.5, 18.5]);
  assert.deepEqual(at("remaining"), [27, 27, 24, 26, 23.5, 21.5]);
});

test("where not every change of today is known the scope and what is completed are as yesterday until now", () => {
  const board = boardOfSprint();
  board.scopeChanges.pop();
  const layout = layoutOf(board);
  for (const [line, yesterday, now] of [["scope", 42, 40], ["completed", 15, 18.5]]) {
    assert.deepEqual([0.1, 9, 15].map((hours) => valueAt(layout, line, 6 + hours / 24)), [yesterday, yesterday, yesterday]);
    near(layout[line].at(-1).at(-1)[0], layout.now, "the end of the line");
    assert.equal(valueAt(layout, line, 7), now);
  }
  // On the first day there is no yesterday, and nothing was completed before it.
  const first = boardOfSprint();
  first.burndown.days = first.burndown.days.slice(6);
  first.burndown.today = [{ at: BEGAN, remaining: 0 }, { at: BEGAN + 9 * HOUR, remaining: 40 }, { at: NOW, remaining: 21.5 }];
  first.scopeChanges = [];
  const planned = layoutOf(first);
  assert.deepEqual([1, 10, 15].map((hours) => valueAt(planned, "completed", hours / 24)), [0, 0, 0], "what was planned is not completed");
});

test("what was told since moves the scope and what is completed at its time", () => {
  const board = boardOfSprint();
  Object.assign(board.metrics["points.remaining"], { value: 24.5 });
  Object.assign(board.metrics["points.completed"], { value: 20.5 });
  Object.assign(board.metrics["points.total"], { value: 45 });
  const told = [{ at: NOW + HOUR, remaining: 26.5, completed: 18.5, scope: 45 }, { at: NOW + 2 * HOUR, remaining: 24.5, completed: 20.5, scope: 45 }];
  const layout = layoutOf(board, { now: NOW + 4 * HOUR, told });
  const at = (line) => [0.5, 1.5, 3].map((hours) => valueAt(layout, line, 6 + (15.2 + hours) / 24));
  assert.deepEqual([at("remaining"), at("completed"), at("scope")], [[21.5, 26.5, 24.5], [18.5, 18.5, 20.5], [40, 45, 45]]);
  const same = dataOf(board, { told: [{ at: NOW + HOUR, remaining: 21.5, completed: 18.5, scope: 45 }] });
  assert.equal(same.steps.length, 6, "what remained did not move");
});

test("what the scope was for a moment of today lies within the chart as well", () => {
  const told = [{ at: NOW - 60_000, remaining: 21.5, completed: 68.5, scope: 90 }, { at: NOW - 30_000, remaining: 21.5, completed: 18.5, scope: 40 }];
  for (const burnup of [false, true]) {
    const { plot, scope, completed } = layoutOf(boardOfSprint(), { told }, { burnup });
    const heights = [...scope, ...completed].flat().map(([, y]) => y);
    assert.ok(Math.min(...heights) >= plot.top, `${Math.min(...heights)} is above ${plot.top}`);
  }
});

test("the lines end where what is known ends, while now goes on", () => {
  const until = NOW + HOUR;
  const layout = layoutOf(boardOfSprint(), { now: NOW + 5 * HOUR, until });
  const { x } = layout.axis;
  near(layout.now, x(6 + 20.2 / 24), "now");
  for (const line of ["remaining", "completed", "scope"]) near(layout[line].at(-1).at(-1)[0], x(6 + 16.2 / 24), `the end of ${line}`);
  const label = layout.labels.find(({ name }) => name === "remaining");
  assert.ok(label.x < layout.now && Math.abs(label.x - layout.end) < 60, "the value stands where the line ends");
  near(layoutOf(boardOfSprint(), { now: null, until }).end, x(6 + 16.2 / 24), "the end while the time is in doubt");
  // What moved later than that is known all the same, and nobody knows more than now.
  near(layoutOf(boardOfSprint(), { until: BEGAN }).end, x(6 + 14.6 / 24), "the last step");
  near(layoutOf(boardOfSprint(), { until: NOW + HOUR }).end, x(6 + 15.2 / 24), "now");
  near(sparkLayout(dataOf(boardOfSprint(), { now: NOW + 9 * HOUR, until }), { width: 1400, height: 30 }).remaining[0].at(-1)[0], 600 + (16.2 / 24) * 100, "the end of a tile's line");
});

test("what is known of a board ends now while it is live, and else when it was heard of last", () => {
  const client = (name, since) => ({ isInDoubt: () => false, now: () => NOW, state: { name, since } });
  const full = { level: "full", dataAsOf: NOW - 9 * HOUR, takenAt: NOW - 8 * HOUR };
  assert.deepEqual(timesOf(full, client("live", NOW - HOUR)), [NOW, null]);
  assert.deepEqual(timesOf(full, client("reconnecting", NOW - HOUR)), [NOW, NOW - HOUR]);
  assert.deepEqual(timesOf({ ...full, takenAt: NOW - 60_000 }, client("stale", NOW - HOUR)), [NOW, NOW - 60_000], "it was fetched meanwhile");
  assert.deepEqual(timesOf(full, client("connecting", null)), [NOW, NOW - 8 * HOUR], "it was kept of before");
  const cached = { ...full, level: "cached" };
  assert.deepEqual(timesOf(cached, client("live", NOW - HOUR)), [NOW, NOW - 9 * HOUR]);
  assert.deepEqual(timesOf({ ...cached, lastChange: { receivedAt: NOW - HOUR } }, client("live", NOW)), [NOW, NOW - HOUR]);
  assert.deepEqual(timesOf({ ...cached, dataAsOf: null }, client("live", NOW)), [NOW, null]);
  assert.deepEqual(timesOf(full, { ...client("live", NOW), isInDoubt: () => true }), [null, null]);
});

test("burnup shows what was completed, and the ideal line rises to what was planned", () => {
  const layout = layoutOf(boardOfSprint(), {}, { burnup: true });
  assert.deepEqual(layout.remaining, []);
  const [ideal] = layout.ideal;
  assert.equal(ideal[0][1], layout.plot.bottom);
  assert.ok(ideal.at(-1)[1] < ideal[0][1]);
  assert.equal(layout.completed[0][0][1], layout.plot.bottom);
  near(layout.completed[0].at(-1)[0], layout.now, "what is completed ends now");
  assert.deepEqual(layout.labels.map(({ name, text }) => [name, text]), [["completed", "18.5"], ["scope", "40"], ["planned", "38"]]);
  assert.equal(hasBurnup(dataOf(boardOfSprint())), true);
  assert.equal(hasBurnup(dataOf(boardOfSprint(), { unit: "hours" })), false);
});

test("the newest numbers are today's, and only today's", () => {
  const board = boardOfSprint();
  Object.assign(board.metrics["points.remaining"], { value: 12 });
  Object.assign(board.metrics["points.total"], { value: 41 });
  const { days } = dataOf(board);
  assert.deepEqual([days[6].remaining, days[6].completed, days[6].scope, days[5].remaining], [12, 18.5, 41, 27]);
  const items = dataOf(board, { unit: "items" });
  assert.equal(items.days[6].remaining, 10.75, "of items no newer number is known");
  assert.equal(dataOf(board, { unit: "hours" }).days[6].remaining, 92.25);
  board.burndown.today = [];
  assert.equal(dataOf(board).days[6].remaining, 21.5, "a sprint that is over stays as it was");
  assert.equal(dataOf(board).now, null);
  assert.equal(dataOf({ ...board, burndown: null }), null);
});

test("what was told since is a step at its time, also after midnight", () => {
  const board = boardOfSprint();
  board.metrics["points.remaining"].value = 19;
  const layout = layoutOf(board, { now: BEGAN + 26 * HOUR, told: [{ at: BEGAN + 18 * HOUR, remaining: 20 }, { at: BEGAN + 25 * HOUR, remaining: 19 }] });
  const xs = layout.remaining.at(-1).slice(-5).map(([at]) => at);
  [18, 18, 25, 25, 26].forEach((hours, index) => near(xs[index], layout.axis.x(6 + hours / 24), `the point of ${hours} h`));
});

test("a day begins where its first point says, or else where whoever looks has midnight", () => {
  const board = boardOfSprint();
  const asked = [];
  const startOf = (date) => (asked.push(date), Date.parse(date));
  near(dataOf(board, { startOf }).now * 24, 6 * 24 + 15.2, "now, in the team's zone");
  assert.deepEqual(asked, []);
  // Too many changes to tell all: the first point is one of them.
  board.burndown.today[0].at += 61_000;
  near(dataOf(board, { startOf }).now * 24, 6 * 24 + 20.2, "now, in the zone of whoever looks");
  assert.deepEqual(asked, ["2026-11-26"]);
  // A day of 25 hours does not reach into the next.
  const long = boardOfSprint();
  long.burndown.today.push({ at: BEGAN + 24.5 * HOUR, remaining: 21 });
  assert.equal(dataOf(long).steps.at(-1).day, 7);
  assert.equal(dataOf(boardOfSprint(), { now: null }).now, null);
});

test("when all is likely to be done is a stretch of days, or after the last of them", () => {
  const { x } = layoutOf(boardOfSprint()).axis;
  const within = layoutOf(boardOfSprint()).forecast;
  assert.deepEqual([within.from, within.to, within.isAfter, within.goesOn], [x(11), x(14), false, false]);
  const later = boardOfSprint();
  later.metrics["forecast.when.p85"].detail.date = "2026-12-09";
  assert.deepEqual([layoutOf(later).forecast.isAfter, layoutOf(later).forecast.goesOn], [false, true]);
  later.metrics["forecast.when.p50"].detail.date = "2026-12-04";
  assert.deepEqual([layoutOf(later).forecast.isAfter, layoutOf(later).forecast.goesOn], [true, true]);
  delete later.metrics["forecast.when.p50"].detail;
  assert.equal(layoutOf(later).forecast, null);
  const done = boardOfSprint();
  done.metrics["points.remaining"].value = 0;
  assert.equal(layoutOf(done).forecast, null, "what is done needs no forecast");
});

test("the axis goes in plain steps to the highest value", () => {
  for (let most = 1; most < 3000; most += most < 40 ? 0.25 : 7.5) {
    for (const count of [0.5, 2, 3.7, 6]) {
      const ticks = ticksTo(most, count);
      const step = ticks[1];
      assert.equal(ticks[0], 0);
      assert.ok(ticks.at(-1) >= most && ticks.at(-1) - step < most, `${most}: ${ticks}`);
      assert.ok((count < 4 ? [1, 2, 3, 4, 5, 6, 8] : [1, 2, 5]).includes(step / 10 ** Math.floor(Math.log10(step))), `${most}: ${ticks}`);
      assert.ok(ticks.length - 1 <= Math.ceil(Math.max(1, count)), `${most} in ${count}: ${ticks}`);
    }
  }
});

test("a low chart uses its height", () => {
  assert.deepEqual(ticksTo(55, 2.3), [0, 30, 60]);
  assert.deepEqual(ticksTo(75, 2), [0, 40, 80]);
  assert.deepEqual(ticksTo(55, 5.4), [0, 20, 40, 60]);
  assert.deepEqual(ticksTo(1, 2.3), [0, 1]);
});

test("what is written at the lines runs neither into each other nor into what stands above the plot", () => {
  const size = 0.8 * SIZE.em;
  const begun = boardOfSprint();
  begun.burndown.days.forEach((day, index) => Object.assign(day, index === 0 ? { remaining: 46, completed: 4, scope: 50 } : { remaining: undefined, completed: undefined, scope: undefined }));
  Object.assign(begun, { metrics: {}, scopeChanges: [] });
  begun.burndown.today = [{ at: NOW - 145 * HOUR, remaining: 46 }];
  const [left, right] = [(box) => box.x, (box) => box.x + measure(box.text) * size];
  for (let width = 340; width < 1900; width += 10) {
    for (const [board, original, now] of [[boardOfSprint(), 48, NOW], [begun, 50, NOW - 144 * HOUR], [begun, 48, NOW - 144 * HOUR]]) {
      board.burndown.original = original;
      begun.burndown.days[0].scope = original;
      const { labels, ticks, now: x } = layoutOf(board, { now }, { width });
      assert.equal(ticks.at(-1).value, 50);
      for (const one of labels) {
        assert.ok(one.y - size * 0.8 >= 0.95 * SIZE.em || left(one) >= measure("points") * size, `at ${width}: ${one.text} is over the unit`);
        assert.ok(one.y - size * 0.8 >= 0.95 * SIZE.em || left(one) >= x + measure("now") * size * 0.5 || right(one) <= x - measure("now") * size * 0.5, `at ${width}: ${one.text} is over now`);
        const beside = labels.find((other) => other !== one && Math.abs(other.y - one.y) < size && left(other) >= left(one) && left(other) - right(one) < size / 3);
        assert.equal(beside, undefined, `at ${width}: ${one.text} and ${beside?.text} touch`);
      }
    }
  }
});

test("no text runs into another or out of the picture, at any size", () => {
  const overlap = (one, other) => one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
  for (const width of [240, 290, 343, 600, 900, 1900, 3800]) {
    for (const em of [12, 16, 24, 48]) {
      for (const burnup of [false, true]) {
        for (const hidesDaysOff of [false, true]) {
          const { plot, dates, labels } = layoutOf(boardOfSprint(), {}, { width, height: 16 * em, em, burnup, hidesDaysOff });
          const of = `${width} px, ${em} px, ${burnup}, ${hidesDaysOff}`;
          const size = 0.8 * em;
          const boxes = dates.map(({ text, x }) => ({ left: x - (measure(text) * size) / 2, right: x + (measure(text) * size) / 2, top: 0, bottom: 1 }));
          boxes.forEach((box, index) => {
            assert.ok(box.left >= -0.01 && box.right <= width + 0.01, `${of}: ${dates[index].text} is cut off`);
            for (const other of boxes.slice(0, index)) assert.ok(!overlap(box, other), `${of}: dates overlap`);
          });
          assert.ok(dates.length > 0);
          const values = labels.map(({ text, x, y }) => ({ left: x, right: x + measure(text) * size, top: y - size * 0.8, bottom: y }));
          values.forEach((box, index) => {
            assert.ok(box.left >= plot.left && box.right <= plot.right && box.top >= 0 && box.bottom <= plot.bottom, `${of}: ${labels[index].text} is out of the plot`);
            for (const other of values.slice(0, index)) assert.ok(!overlap(box, other), `${of}: values overlap`);
          });
        }
      }
    }
  }
});

test("there are as many dates as there is room for, and each says its month where it is not plain", () => {
  const texts = (width) => layoutOf(boardOfSprint(), {}, { width }).dates.map(({ text }) => text);
  assert.equal(texts(1900)[0], "Thu 20 Nov");
  assert.equal(texts(1000)[1], "21 Nov");
  assert.deepEqual(texts(600), ["20 Nov", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "1 Nov", "2", "3"]);
  const few = texts(290);
  assert.ok(few.length < 14 && few[0] === "20 Nov", few.join());
});

test("the table and the file have the numbers as they were sent", () => {
  const board = boardOfSprint();
  const data = dataOf(board);
  const { lines, rows } = dayTable(data);
  assert.deepEqual(lines, ["ideal", "remaining", "completed", "scope"]);
  assert.deepEqual(rows.map(({ date, values }) => [date, ...values]), board.burndown.days.map((day) => [day.date, day.ideal, day.remaining ?? null, day.completed ?? null, day.scope ?? null]));
  assert.deepEqual(dayTable(dataOf(board, { unit: "hours" })).lines, ["remaining"]);
  const csv = burndownCsv(data).split("\r\n");
  assert.equal(csv[0], "date,time,working,unit,ideal,remaining,completed,scope");
  assert.equal(csv[1], "2026-11-20,,true,points,34.2,36,2,38");
  assert.equal(csv[8], "2026-11-26,2026-11-26T14:30:00.000Z,,points,,24,,");
  assert.equal(csv[13], "2026-11-26,,true,points,19,21.5,18.5,40");
  assert.equal(csv.at(-2), "2026-12-03,,true,points,0,,,");
  assert.equal(csv.length, 1 + 14 + 6 + 1);
  for (const row of csv.slice(0, -1)) assert.equal(row.split(",").length, 8);
});

test("a file has a name that every system takes", () => {
  assert.equal(fileName("burndown", "Mobile Apps / Ü=1", null, "Sprint\\12", "points"), "burndown-mobile-apps-ü-1-sprint-12-points.csv");
  assert.ok(fileName("x".repeat(500)).length <= 104);
});

test("of each sprint there are a bar of what was planned, and one of what became of it", () => {
  const data = velocityData(boardOfSprint());
  const { shown, plot, average, ticks } = velocityLayout(data, SIZE);
  assert.equal(shown.length, 6);
  const last = shown[5];
  assert.deepEqual(last.parts.map(({ name }) => name), ["planned", "completed", "late", "incomplete"]);
  const scale = (plot.bottom - plot.top) / ticks.at(-1).value;
  assert.deepEqual(last.parts.map(({ height }) => Math.round(height / scale)), [58, 54, 3, 4]);
  const [planned, completed, late, incomplete] = last.parts;
  assert.ok(planned.x + planned.width <= completed.x, "the bars stand beside each other");
  near(late.y + late.height, completed.y, "late stands on completed");
  near(incomplete.y + incomplete.height, late.y, "incomplete stands on late");
  near(average, plot.bottom - 42 * scale, "the average");
  for (const { parts, from, to } of shown) for (const { x, width } of parts) assert.ok(x >= from && x + width <= to);
});

test("in a review the sprint itself is the last of them, where it has their unit", () => {
  const board = boardOfSprint();
  const review = { unit: "points", planned: 20, completed: 18, late: 1, incomplete: 2, sayDo: 90 };
  const named = (more) => velocityData({ ...board, sprint: { id: "12", name: "Sprint 12" }, ...more }).sprints.map(({ name, completed }) => `${name} ${completed}`);
  assert.deepEqual(named({ review }).slice(5), ["Sprint 11 54", "Sprint 12 18"]);
  assert.equal(velocityData({ ...board, sprint: board.sprint, review }).average, velocityData(board).average);
  assert.equal(named({ review: { ...review, unit: "items" } }).length, 6);
  assert.equal(named({}).length, 6);
});

test("what sprints are called is as short as it has to be, and numbers are left out that are wider than their bars", () => {
  const data = velocityData(boardOfSprint());
  const names = (width) => velocityLayout(data, { ...SIZE, width }).shown.map(({ name }) => name);
  assert.deepEqual(names(800), ["Sprint 6", "Sprint 7", "Sprint 8", "Sprint 9", "Sprint 10", "Sprint 11"]);
  assert.deepEqual(names(290), ["6", "7", "8", "9", "10", "11"]);
  data.sprints = data.sprints.map((sprint, index) => ({ ...sprint, name: `2026PI3Iteration${index}` }));
  assert.deepEqual(names(290).map((name) => [name[0], name.at(-1)]), [0, 1, 2, 3, 4, 5].map((index) => ["…", String(index)]));
  const values = (width) => velocityLayout(data, { ...SIZE, width }).shown.flatMap(({ values }) => values);
  assert.equal(values(800).length, 12);
  assert.equal(values(160).length, 0);
});

test("nothing known is nothing drawn", () => {
  assert.deepEqual(velocityData({ metrics: {} }), { unit: "points", before: [], sprints: [], average: null });
  assert.deepEqual(burndownsOf({ burndown: null }), []);
  const board = boardOfSprint();
  board.burndown = { unit: "points", days: board.burndown.days.map(({ date, working }) => ({ date, working, ideal: null })), today: [] };
  const layout = layoutOf(board);
  assert.deepEqual([layout.ideal, layout.remaining, layout.scope, layout.completed, layout.labels, layout.now], [[], [], [], [], [], null]);
  assert.equal(layout.ticks.at(-1).value, 1);
});

test("a tile's lines fill their box", () => {
  const { ideal, remaining } = sparkLayout(dataOf(boardOfSprint()), { width: 100, height: 30 });
  assert.deepEqual([ideal[0][0], ideal[0].at(-1)], [[0, 0], [100, 30]]);
  for (const [x, y] of remaining.flat()) assert.ok(x >= 0 && x <= 100 && y >= 0 && y <= 30);
  assert.equal(remaining[0].at(-1)[0], Math.round(((6 + 15.2 / 24) / 14) * 100), "the line ends now");
});

test("the newest numbers stand where the lines end, also on a day of the past", () => {
  const board = boardOfSprint();
  board.burndown.today = [];
  for (const burnup of [false, true]) {
    const layout = layoutOf(board, {}, { burnup });
    const { x } = layout.axis;
    const [line] = burnup ? layout.completed : layout.remaining;
    near(line.at(-1)[0], x(7), "the end of the line");
    for (const label of layout.labels.filter(({ name }) => name !== "planned")) {
      const gap = Math.min(Math.abs(label.x - x(7)), Math.abs(label.x + measure(label.text) * LABEL * 16 * 1.15 - x(7)));
      assert.ok(gap < 16, `${label.name} is ${gap} px away from its line`);
    }
  }
  // Where the time is in doubt today goes until its end.
  const doubtful = layoutOf(boardOfSprint(), { now: null });
  const remaining = doubtful.labels.find(({ name }) => name === "remaining");
  assert.ok(Math.abs(remaining.x - doubtful.axis.x(7)) < 60, `${remaining.x} is not at ${doubtful.axis.x(7)}`);
});
