// The parts of a wall: how each is drawn, and made to fit. Nothing is scrolled or cut off: what has no room is smaller, as far
// as it can be read from afar, or left out and counted.

import { cut } from "./ticker-words.js";
import { node, sign } from "./wall-dom.js";

/** In hundredths of the screen's shorter side: nothing is smaller than labels, so that five metres away all can be read. */
const TEAM_SIZES = [6.4, 5.6, 4.8, 4.2, 3.7];
const NUMBER_SIZES = [10, 9, 8, 7.2, 6.6];
/** What the middle needs at least, lying and upright, so that the last change but one is worth its place. */
const MIDDLE_LEAST = [37, 60];
/** Half of that is days and unit: with less the lines tell nothing. */
const PLOT_LEAST = 22.1;
/** That there is no sprint is as large as has room. */
const NOTHING_SIZES = [9, 7.5, 6, 5, 4.2, 3.4];

/** Of a title so much where there is little room. */
const TITLE_SHORT = 30;
/** Of a changed item's title so much at least, also where the change has more than one line then. */
const TITLE_LEAST = 20;

const VERDICT_SIGNS = {
  on_track: "M4 13l6 6L21 5",
  at_risk: "M12 2.5.5 22h23ZM12 10v5M12 18.4v.2",
  behind: "M12 2v19M4 13.5l8 8 8-8",
  unknown: "M7.5 8.5a4.5 4.5 0 1 1 6.2 4.1c-1.2.6-1.7 1.5-1.7 3.2M12 20v.6",
};

/** What says how true a part is. */
function marks(words) {
  return node("span", "w-marks", ...words.map((word) => node("b", "w-mark", word)));
}

/** An age: its words are written by whoever keeps time. */
function age(ages, at, kind) {
  const made = node("span", "w-age");
  ages.set(made, { at, kind });
  return made;
}

/** A number that may be written shorter, and then says all of it to whoever points at it. */
function inFull(classes, full, short) {
  const made = node("span", classes, full);
  Object.assign(made.dataset, { full, short });
  return made;
}

/** Contents with something between each two of them. */
function between(words, contents) {
  return contents.flatMap((content, index) => (index === 0 ? [content] : [words, content]));
}

export const PARTS = {
  head({ team, sprint }, ages) {
    const title = node("h1", "w-team", team);
    title.dir = "auto";
    const words = node("p", "w-sprint", ...between(" · ", sprint.map((part) => node("bdi", "", part))));
    const clock = node("span", "w-clock");
    ages.set(clock, { kind: "clock" });
    return [
      title,
      node("p", "w-status", node("strong", "w-word"), clock),
      words,
      node("p", "w-stand", age(ages, null, "asOf")),
    ];
  },

  outlook({ marks: words, verdict, word, text }) {
    const title = node("h2", "w-verdict", sign(VERDICT_SIGNS[verdict] ?? VERDICT_SIGNS.unknown), word);
    return [title, node("p", "w-said", text), marks(words)];
  },

  numbers({ marks: words, all }) {
    const tiles = all.map(({ name, metric, amount, unit, of, short, isAlarm }) => {
      const parts = [inFull("w-amount", amount, short.amount), unit && node("span", "w-unit", unit), of && inFull("w-of", of, short.of)];
      const value = node("dd", "", ...between(" ", parts.filter(Boolean)));
      const tile = node("div", isAlarm ? "w-tile w-alarm" : "w-tile", node("dt", "", name), value);
      tile.dataset.metric = metric;
      return tile;
    });
    return [node("dl", "w-tiles", ...tiles), node("p", "w-more"), marks(words)];
  },

  chart({ marks: words }, _, chart) {
    return [node("h2", "", "Burndown", marks(words)), chart.element];
  },

  nothing({ marks: words, text }) {
    return [node("h2", "", "No sprint now", marks(words)), node("p", "", text)];
  },

  needs({ marks: words, all, title: none, text }, ages) {
    const title = node("h2", "", all.length === 0 ? none : `Needs us now: ${all.length}`, marks(words));
    if (all.length === 0) return [title, node("p", "w-none", text)];
    const entries = all.map(({ id, metric, title: name, blocked, aging, who, isAlarm }) => {
      const title = node("bdi", "", name);
      title.dataset.whole = name;
      const heading = node("p", "w-title", metric ? null : `#${id} `, title);
      const whys = [];
      if (blocked) whys.push(node("strong", "", blocked.what, ...(blocked.since === null ? [] : [" for ", age(ages, blocked.since, "for")])));
      if (aging) whys.push(node("span", "", aging));
      whys.push(node("bdi", "", who));
      const entry = node("li", isAlarm ? "w-need w-alarm" : "w-need", heading, node("p", "w-whys", ...between(" · ", whys)));
      if (metric) entry.dataset.metric = metric;
      return entry;
    });
    return [title, node("ul", "", ...entries), node("p", "w-more")];
  },

  changes({ marks: words, all }, ages) {
    const entries = all.map(({ before, title, after, at }) => {
      const name = node("bdi", "", title);
      name.dataset.whole = title;
      // Its age does not stand alone on a line.
      return node("li", "", node("bdi", "", before, name, after), "\u00a0", node("span", "w-when", "· ", age(ages, at, "ago")));
    });
    return [node("h2", "w-unseen", "Last changes"), node("ul", "", ...entries), marks(words)];
  },

  band({ word, parts, retryAt }, ages) {
    const said = parts.map(({ text, isLoud }) => node("span", isLoud ? "w-loud" : "", text));
    return between(" ", [node("span", "w-unseen", `${word}:`), ...said, ...(retryAt === null ? [] : [age(ages, retryAt, "next")])]);
  },

  empty({ word, text, names, retryAt }, ages) {
    const list = names.length === 0 ? null : node("ul", "", ...names.map((name) => node("li", "", node("bdi", "", name))));
    return [
      node("h1", "w-word", word),
      node("p", "", text),
      list,
      list && node("p", "w-more"),
      retryAt === null ? null : node("p", "", age(ages, retryAt, "next")),
    ].filter(Boolean);
  },
};

/** Makes everything fit that is shown. */
export function fit(root) {
  const unit = Math.min(Math.min(innerWidth, innerHeight), 0.5625 * Math.max(innerWidth, innerHeight)) / 100;
  fitTeam(root.querySelector(".w-team"));
  const isUpright = innerHeight > innerWidth;
  fitNumbers(root.querySelector(".w-numbers"), isUpright);
  const middle = root.querySelector(".w-middle");
  const changes = [...root.querySelectorAll(".w-changes li")];
  root.querySelector(".w-changes").classList.remove("w-left-out");
  for (const entry of changes) entry.hidden = false;
  changes.forEach(fitChange);
  while (changes.length > 1 && middle.clientHeight < MIDDLE_LEAST[Number(isUpright)] * unit) changes.pop().hidden = true;
  fitNothing(root.querySelector(".w-nothing"));
  const chart = root.querySelector(".w-chart");
  const plot = chart.querySelector(".chart-plot");
  const lay = (lines, needs) => {
    changes.forEach((entry, index) => (entry.hidden = index >= lines));
    chart.classList.remove("w-left-out");
    fitNeeds(root, needs);
    return !plot || plot.clientHeight >= PLOT_LEAST * unit;
  };
  // Before the picture changes are left out, then what wants somebody, never the first of them.
  let [lines, needs] = [changes.length, Infinity];
  while (needs > 0 && !lay(lines, needs)) {
    if (lines > 1) lines -= 1;
    else needs = root.querySelectorAll(".w-need:not([hidden])").length - 1;
  }
  if (needs < 1) {
    lay(changes.length);
    chart.classList.add("w-left-out");
    fitNeeds(root);
  }
  fitList(root.querySelector(".w-empty"));
}

function fitTeam(team) {
  if (!team) return;
  team.classList.add("w-one-line");
  for (const size of TEAM_SIZES) {
    team.style.setProperty("--size", size);
    if (team.scrollWidth <= team.clientWidth) return;
  }
  team.classList.remove("w-one-line");
}

/** As much of a change's title as has room without another line. */
function fitChange(entry) {
  const title = entry.querySelector("[data-whole]");
  const { whole } = title.dataset;
  const height = (most) => {
    title.textContent = cut(whole, most);
    return entry.clientHeight;
  };
  let least = Math.min(TITLE_LEAST, whole.length);
  const wanted = height(least);
  if (height(whole.length) <= wanted) return;
  let most = whole.length;
  while (most - least > 1) {
    const middle = (least + most) >> 1;
    if (height(middle) <= wanted) least = middle;
    else most = middle;
  }
  height(least);
}

function fitNothing(nothing) {
  for (const size of NOTHING_SIZES) {
    nothing.style.setProperty("--size", size);
    if (nothing.scrollHeight <= nothing.clientHeight + 1 && nothing.scrollWidth <= nothing.clientWidth + 1) return;
  }
}

/**
 * As many numbers as fit, as large as can be, all alike: in one row, upright in two. Before one is left out, and counted, all are
 * written shorter, and what they are of is left out from the end.
 */
function fitNumbers(part, isUpright) {
  const tiles = part.querySelector(".w-tiles");
  if (!tiles) return;
  const more = part.querySelector(".w-more");
  const all = [...tiles.children];
  const rows = () => new Set(all.filter((tile) => !tile.hidden).map((tile) => tile.offsetTop)).size;
  const isOver = () => tiles.scrollWidth > tiles.clientWidth + 1 || all.some((tile) => tile.scrollWidth > tile.clientWidth + 1);
  const rowsMost = isUpright ? 2 : 1;
  const fits = () =>
    NUMBER_SIZES.some((size) => {
      tiles.style.setProperty("--size", size);
      return !isOver() && rows() <= rowsMost;
    });
  for (let shown = all.length; shown > 0; shown -= 1) {
    all.forEach((tile, index) => (tile.hidden = index >= shown));
    const left = all.length - shown;
    more.textContent = left === 0 ? "" : `and ${left} more`;
    const wholes = all.slice(0, shown).map((tile) => tile.querySelector(".w-of")).filter(Boolean);
    for (const whole of wholes) whole.hidden = false;
    for (const isShort of [false, true]) {
      write(tiles, isShort);
      if (fits()) return;
    }
    while (wholes.length > 0) {
      wholes.pop().hidden = true;
      if (fits()) return;
    }
  }
}

/** Writes the numbers in full, or shorter with all of it as what is said of it. */
function write(tiles, isShort) {
  for (const number of tiles.querySelectorAll("[data-full]")) {
    const { full, short } = number.dataset;
    number.textContent = isShort ? short : full;
    if (isShort && short !== full) number.title = full;
    else number.removeAttribute("title");
  }
}

/** What wants somebody is worth more than anything around it: at least the first of it is shown. */
function fitNeeds(root, most) {
  const part = root.querySelector(".w-needs");
  const titles = [...part.querySelectorAll("[data-whole]")];
  const outlook = root.querySelector(".w-outlook");
  const changes = root.querySelector(".w-changes");
  const leaveOut = (element) => () => element.classList.add("w-left-out");
  const steps = [
    () => titles.forEach((title) => (title.textContent = cut(title.dataset.whole, TITLE_SHORT))),
    leaveOut(root.querySelector(".w-chart")),
    leaveOut(changes),
    () => outlook.classList.add("w-brief"),
  ];
  for (const title of titles) title.textContent = title.dataset.whole;
  outlook.classList.remove("w-brief");
  changes.classList.remove("w-left-out");
  fitList(part, most);
  for (const step of steps) {
    if (!part.querySelector("li")?.hidden) return;
    step();
    fitList(part, most);
  }
}

/** Leaves out what has no room at the end of a list, and says how much that is. */
function fitList(part, most) {
  const list = part?.querySelector("ul");
  if (!list) return;
  const more = part.querySelector(".w-more");
  const entries = [...list.children];
  for (const entry of entries) entry.hidden = false;
  more.textContent = "";
  const isOver = () => list.scrollHeight > list.clientHeight + 1;
  let left = 0;
  while (left < entries.length && (entries.length - left > most || isOver())) {
    left += 1;
    entries[entries.length - left].hidden = true;
    more.textContent = `and ${left} more`;
  }
}
