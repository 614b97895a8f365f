// Where everything of a chart is, in pixels: pure functions of what is shown and how much room there is, without a document.
// All sizes follow the size of the text (`em`), so that a chart is as readable on a wall as on a phone.

/** How wide and high a text is, as a share of the text size around it: labels are smaller than the text of the page. */
export const LABEL = 0.8;

/**
 * Steps of 1, 2 or 5 that reach `most` in at most `count` steps, from 0; of 3, 4, 6 or 8 as well where there is room for few, so
 * that the height is used. None is a part of a point or an item.
 */
export function ticksTo(most, count) {
  const least = Math.max(most / Math.max(1, count), 1);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = (count < 4 ? [1, 2, 3, 4, 5, 6, 8, 10] : [1, 2, 5, 10]).map((factor) => factor * power).find((size) => size >= least * 0.999_999);
  const steps = Math.max(1, Math.ceil(most / step - 0.000_001));
  return Array.from({ length: steps + 1 }, (_, index) => index * step);
}

/** The days as an axis of time: `x` of days since the first began, and the days that are shown. Days off may be left out. */
export function axisOfDays(days, { left, right }, hidesDaysOff) {
  const isShown = hidesDaysOff && days.some((day) => day.working) ? (day) => day.working : () => true;
  const before = [0];
  for (const day of days) before.push(before.at(-1) + (isShown(day) ? 1 : 0));
  const width = (right - left) / before.at(-1);
  const x = (at) => {
    const within = Math.min(Math.max(at, 0), days.length);
    const index = Math.min(Math.floor(within), days.length - 1);
    return left + width * (before[index] + (within - index) * (before[index + 1] - before[index]));
  };
  const shown = days.map((day, index) => ({ ...day, index, from: x(index), to: x(index + 1) })).filter(isShown);
  return { x, width, shown };
}

/** The burndown or burnup. `measure` tells the width of a text in em of its own size, `words` how things are written. */
export function burndownLayout(data, { width, height, em, burnup = false, hidesDaysOff = false, measure, words }) {
  const lines = burnup ? ["completed", "scope"] : ["remaining", "scope", "completed"];
  const most = Math.max(1, data.original ?? 0, ...data.steps.map((step) => (burnup ? 0 : step.remaining)), ...[...data.scopeSteps, ...data.completedSteps].map(({ value }) => value), ...data.days.flatMap((day) => lines.map((line) => day[line] ?? 0)));
  const label = LABEL * em;
  const top = 1.5 * em;
  const bottom = height - 1.6 * em;
  const ticks = ticksTo(most, Math.min(6, (bottom - top) / (2.4 * em)));
  const left = Math.max(...ticks.map((tick) => measure(words.number(tick)))) * label + 0.5 * em;
  const plot = { left, right: width - 0.3 * em, top, bottom };
  const axis = axisOfDays(data.days, plot, hidesDaysOff);
  const y = (value) => bottom - (value * (bottom - top)) / ticks.at(-1);
  const { x } = axis;
  const now = data.now === null || data.now > data.days.length ? null : Math.round(x(data.now));
  const end = data.end === null || data.end > data.days.length ? null : Math.round(x(data.end));
  const until = (line) => untilEnd(line, data, end, x, y);
  const layout = {
    plot,
    axis,
    ticks: ticks.map((tick) => ({ value: tick, y: y(tick) })),
    dates: dateLabels(axis, { label, measure, words, limit: width }),
    off: hidesDaysOff ? [] : runs(data.days, (day) => !day.working).map(([from, to]) => ({ from: x(from), to: x(to) })),
    ideal: idealLine(data, burnup).map((part) => part.map(([at, value]) => [x(at), y(value)])),
    scope: until(stepLine(data)),
    completed: until(slopedLine(data, "completed", 0)),
    remaining: burnup ? [] : until(slopedLine(data, "remaining", data.original)),
    end,
    now,
    marks: data.changes.map((change) => mark(change, data, x, y)).filter(({ y }) => Number.isFinite(y)),
    forecast: forecastBand(data, axis, plot),
  };
  return { ...layout, labels: valueLabels(data, layout, { burnup, label, measure, words, x, y, em }) };
}

/**
 * Lines that end now, or where what is known ends, in pixels. That moves by whole ones, so that what is drawn is the same for
 * minutes, and nothing of it is drawn anew.
 */
function untilEnd(line, data, end, x, y) {
  return line.map((part) => part.map(([at, value]) => [end === null ? x(at) : at === data.end ? end : Math.min(x(at), end), y(value)]));
}

/** From what was planned to nothing, or the other way round. */
function idealLine({ days, original }, burnup) {
  if (original === undefined) return [];
  const height = (value) => (burnup ? original - value : value);
  return parts([[0, height(original)], ...days.map(({ ideal }, index) => [index + 1, Number.isFinite(ideal) ? height(ideal) : undefined])]);
}

/** The scope of each day, from its beginning to its end, and within today as it changed. */
function stepLine({ days, today, end, scopeSteps }) {
  const past = today === null ? days : days.slice(0, today);
  const points = past.flatMap(({ scope }, index) => [[index, scope], [index + 1, scope]]);
  return parts([...points, ...stairs(scopeSteps, today, days[today]?.scope, end ?? today + 1)]);
}

/** From one end of a day to the next, and within today as it was. */
function slopedLine({ days, today, end, steps, completedSteps }, line, start) {
  const past = today === null ? days : days.slice(0, today);
  const points = past.map((day, index) => [index + 1, day[line]]);
  // Before the end of the first day nobody knows more than what the sprint was planned with.
  if (Number.isFinite(past[0]?.[line])) points.unshift([0, start]);
  if (today === null) return parts(points);
  const isLeft = line === "remaining";
  const within = isLeft ? steps.map(({ day, remaining }) => ({ day, value: remaining })) : completedSteps;
  return parts([...points, ...stairs(within, today, days[today][line], end ?? (isLeft ? 0 : today + 1))]);
}

/** Each value from its time on until the next, and at the end what is true there. */
function stairs(steps, today, value, end) {
  if (steps.length === 0) return [];
  // Where a day's beginning is not known, nothing leads to it.
  const points = steps[0].day > today ? [[today, undefined]] : [];
  const all = [...steps, { day: Math.max(steps.at(-1).day, end), value }];
  all.forEach((step, index) => {
    const before = all[index - 1]?.value;
    if (step.value === before && index < all.length - 1) return;
    if (index > 0 && step.value !== before) points.push([step.day, before]);
    points.push([step.day, step.value]);
  });
  return points;
}

/** The parts of a line between which a value is not known. */
function parts(points) {
  const found = [[]];
  for (const [at, value] of points) {
    if (Number.isFinite(value)) found.at(-1).push([at, value]);
    else if (found.at(-1).length > 0) found.push([]);
  }
  return found.filter((part) => part.length > 0);
}

/** The stretches of days of which something is true, each from a day to the one after its last. */
function runs(days, isTrue) {
  const found = [];
  days.forEach((day, index) => {
    if (!isTrue(day)) return;
    if (found.at(-1)?.[1] === index) found.at(-1)[1] = index + 1;
    else found.push([index, index + 1]);
  });
  return found;
}

/** A change of the scope stands on its line. */
function mark(change, { days, today, scopeSteps }, x, y) {
  const day = Math.floor(change.day);
  const scope = day === today ? scopeSteps.findLast((step) => step.day <= change.day)?.value : days[day].scope;
  return { x: x(change.day), y: scope === undefined ? NaN : y(scope), way: Math.sign(change.amount), id: change.id };
}

/** When all is likely to be done: a stretch of days, or that it is after the last of them. */
function forecastBand({ forecast, days }, { x }, { right }) {
  if (!forecast) return null;
  const isAfter = forecast.from >= days.length;
  return { from: isAfter ? right : x(forecast.from), to: x(forecast.to + 1), isAfter, goesOn: forecast.to >= days.length };
}

/** The dates below the axis: as much of each, and as many of them, as there is room for. */
function dateLabels({ shown, width }, { label, measure, words, limit }) {
  const gap = 0.7 * label;
  const room = (text) => measure(text) * label + gap;
  const styles = [(day) => words.weekday(day.date), (day) => words.day(day.date)];
  const short = (day, before) => (before?.date.slice(0, 7) === day.date.slice(0, 7) ? words.dayOfMonth(day.date) : words.day(day.date));
  const fits = (texts, step) => texts.every((text, index) => index === 0 || (room(text) + room(texts[index - 1])) / 2 <= width * step);
  for (const style of styles) {
    const texts = shown.map(style);
    if (fits(texts, 1)) return placed(shown, texts, label, measure, limit);
  }
  for (let step = 1; ; step += 1) {
    const some = shown.filter((_, index) => index % step === 0);
    const texts = some.map((day, index) => short(day, some[index - 1]));
    if (fits(texts, step) || some.length === 1) return placed(some, texts, label, measure, limit);
  }
}

function placed(days, texts, label, measure, limit) {
  return days.map((day, index) => {
    const half = (measure(texts[index]) * label) / 2;
    return { text: texts[index], x: Math.min(Math.max((day.from + day.to) / 2, half), limit - half), date: day.date };
  });
}

/** What is written at the lines: what was planned where they begin, and what is true now where they end. */
function valueLabels(data, { plot, end: ends, now, ideal, marks }, { burnup, label, measure, words, x: xOf, y, em }) {
  const found = [];
  // Above the plot stand the unit and that it is now.
  const taken = [{ left: 0, right: measure(data.unit) * label, top: 0, bottom: em }];
  if (now !== null) taken.push({ left: Math.min(now, plot.right - em) - em, right: now + em, top: 0, bottom: plot.top - 0.35 * em });
  const place = (name, text, x, value) => {
    if (!Number.isFinite(value)) return;
    const [width, height, off] = [measure(text) * label * 1.15, label * 1.1, label * 0.45];
    const lefts = [x + off, x - off - width];
    const tops = [y(value) - off - height, y(value) + off];
    const boxes = tops.flatMap((top) => lefts.map((left) => ({ left, right: left + width, top, bottom: top + height })));
    const fits = (box) => box.left >= plot.left && box.right <= plot.right && box.top >= plot.top - height && box.bottom <= plot.bottom;
    const box = boxes.find((box) => fits(box) && !taken.some((other) => overlap(box, other)));
    if (!box) return;
    // Two numbers side by side are not read as one.
    taken.push({ ...box, left: box.left - label * 0.4, right: box.right + label * 0.4 });
    found.push({ name, text, x: box.left, y: box.bottom - height * 0.2 });
  };
  for (const mark of marks) taken.push({ left: mark.x - label / 2, right: mark.x + label / 2, top: mark.y - label / 2, bottom: mark.y + label / 2 });
  const last = data.today ?? data.days.findLastIndex((day) => day.remaining !== undefined);
  // Where the lines end, or with the last day of which something is known.
  const end = ends ?? xOf(last + 1);
  if (last >= 0) {
    const day = data.days[last];
    for (const line of burnup ? ["completed", "scope"] : ["remaining", "scope"]) {
      if (Number.isFinite(day[line])) place(line, words.number(day[line]), end, day[line]);
    }
  }
  if (ideal.length > 0) place("planned", words.number(data.original), burnup ? plot.right : plot.left, data.original);
  return found;
}

function overlap(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

/** The bars of the last sprints: what was planned, and beside it what became of it, one part on the other. */
export function velocityLayout({ sprints, average }, { width, height, em, measure, words }) {
  const label = LABEL * em;
  const whole = (sprint) => (sprint.completed ?? 0) + (sprint.late ?? 0) + (sprint.incomplete ?? 0);
  const most = Math.max(1, average ?? 0, ...sprints.flatMap((sprint) => [sprint.planned ?? 0, whole(sprint)]));
  const [top, bottom] = [1.5 * em, height - 1.6 * em];
  const ticks = ticksTo(most, Math.min(5, (bottom - top) / (2.4 * em)));
  const left = Math.max(...ticks.map((tick) => measure(words.number(tick)))) * label + 0.5 * em;
  const plot = { left, right: width - 0.3 * em, top, bottom };
  const y = (value) => bottom - (value * (bottom - top)) / ticks.at(-1);
  const room = (plot.right - left) / Math.max(1, sprints.length);
  const bar = Math.min(room * 0.42, 3 * em);
  const names = namesWithin(sprints.map(({ name }) => name), (room - 0.3 * em) / label, measure);
  const shown = sprints.map((sprint, index) => {
    const [from, to] = [left + index * room, left + (index + 1) * room];
    const middle = (from + to) / 2;
    const gap = bar * 0.06;
    let base = 0;
    const parts = ["completed", "late", "incomplete"].flatMap((name) => {
      const value = sprint[name];
      if (!(value > 0)) return [];
      const part = { name, x: middle + gap, width: bar, y: y(base + value), height: y(base) - y(base + value) };
      base += value;
      return [part];
    });
    if (sprint.planned > 0) parts.unshift({ name: "planned", x: middle - gap - bar, width: bar, y: y(sprint.planned), height: bottom - y(sprint.planned) });
    return { sprint, index, from, to, parts, values: barValues(sprint, { middle, bar, gap, label, measure, words, y, whole }), name: names[index], middle };
  });
  return { plot, ticks: ticks.map((tick) => ({ value: tick, y: y(tick) })), shown, average: average === null ? null : y(average) };
}

/** The numbers at the bars, if they are no wider: what was completed within its own, if that is high enough. */
function barValues(sprint, { middle, bar, gap, label, measure, words, y, whole }) {
  const found = [];
  const add = (name, x, at) => {
    const text = words.number(sprint[name === "above" ? "completed" : name]);
    if (measure(text) * label * 1.15 <= bar * 1.08) found.push({ name, text, x, y: at });
  };
  if (Number.isFinite(sprint.planned)) add("planned", middle - gap - bar / 2, y(sprint.planned) - 0.3 * label);
  if (Number.isFinite(sprint.completed)) {
    const isWithin = y(0) - y(sprint.completed) > 1.6 * label;
    add(isWithin ? "completed" : "above", middle + gap + bar / 2, isWithin ? y(sprint.completed) + 1.1 * label : y(whole(sprint)) - 0.3 * label);
  }
  return found;
}

/** Names that each have `room`, in em: where they have to be shorter without the words that all begin with, or only their ends. */
function namesWithin(names, room, measure) {
  const fits = (name) => measure(name) <= room;
  if (names.every(fits)) return names;
  const words = names.map((name) => name.split(/\s+/));
  let common = 0;
  while (words.length > 1 && words.every((one) => one.length > common + 1 && one[common] === words[0][common])) common += 1;
  return words.map((one) => ending(one.slice(common).join(" "), fits));
}

/** What tells sprints apart is at the end of their names. */
function ending(name, fits) {
  if (fits(name)) return name;
  const letters = [...name];
  for (let from = 1; from < letters.length; from += 1) {
    const rest = `…${letters.slice(from).join("").trimStart()}`;
    if (fits(rest)) return rest;
  }
  return "";
}

/** A burndown without any axis, for a tile, in a box of `width` and `height`. */
export function sparkLayout(data, { width, height }) {
  const values = [data.original ?? 0, ...data.days.map((day) => day.remaining ?? 0), ...data.steps.map((step) => step.remaining)];
  const most = Math.max(1, ...values);
  const x = (at) => (Math.min(Math.max(at, 0), data.days.length) * width) / data.days.length;
  const y = (value) => height - (value * height) / most;
  const line = (all, end) => untilEnd(all, data, end, x, y);
  return { ideal: line(idealLine(data, false), null), remaining: line(slopedLine(data, "remaining", data.original), data.end === null ? null : Math.round(x(data.end))) };
}
