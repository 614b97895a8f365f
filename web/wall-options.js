// What a wall's address asks for: `?wall=45s&theme=light&dim=off&quiet=19:00-07:00&shift=off&names=initials`. Pure.

import { parseSpan } from "./quiet.js";

const DEFAULT_MS = 30_000;
const LEAST_MS = 5000;
const MOST_MS = 3_600_000;
const UNITS = { s: 1000, m: 60_000 };
/** At night a wall is dimmer unless its address says otherwise. */
const NIGHT = { from: 20 * 60, to: 6 * 60 };

/** What a page can be asked for and a wall cannot, and what a wall does instead. */
const OF_PAGES = {
  day: "it shows how things stand now",
  sprint: "it shows the current sprint",
  embed: "it is shown as a whole",
  tile: "it chooses its numbers itself",
  view: "it shows one team at a time",
};

/** Whether a page's address asks for a wall. */
export function isWall(search) {
  return new URLSearchParams(search).has("wall");
}

/**
 * Reads a wall's address: how long a team is shown in milliseconds, the theme, the hours in which it is dimmed and quiet
 * (`null` for none), whether its contents are shifted now and then, and whether people are initials. `faults` are
 * sentences that say which values are none, and what is done instead.
 */
export function wallOptions(search) {
  const given = new URLSearchParams(search);
  const faults = [];
  const read = (name, otherwise, parse, remedy) => {
    const text = given.get(name);
    if (text === null || (name === "wall" && text === "")) return otherwise;
    const value = parse(text.trim().toLowerCase());
    if (value !== undefined) return value;
    faults.push(`${name}=${shortened(text)} is ${remedy}.`);
    return otherwise;
  };
  const oneOf = (values) => (text) => values[text];
  const span = (text) => (text === "off" ? null : (parseSpan(text) ?? undefined));
  return {
    ms: read("wall", DEFAULT_MS, duration, "no time such as 45s or 2m, from 5 s to 60 min: each team is shown for 30 s"),
    theme: read("theme", "dark", oneOf({ dark: "dark", light: "light" }), "neither dark nor light: it is dark"),
    dim: read("dim", NIGHT, span, "neither hours such as 20:00-06:00 nor off: it is dimmed from 20:00 to 06:00"),
    quiet: read("quiet", null, span, "neither hours such as 19:00-07:00 nor off: there are no quiet hours"),
    isShifted: read("shift", true, oneOf({ on: true, off: false }), "neither on nor off: the picture moves by a pixel or two each minute"),
    isInitials: read("names", false, oneOf({ initials: true, full: false }), "neither initials nor full: names are shown in full"),
    faults: [...faults, ...ofPages(given)],
  };
}

function ofPages(given) {
  return Object.keys(OF_PAGES)
    .filter((name) => given.has(name))
    .map((name) => `${name}=${shortened(given.get(name))} is of no use to a wall: ${OF_PAGES[name]}.`);
}

function duration(text) {
  const [, number, unit] = /^(\d{1,4}(?:\.\d+)?)\s*(s|m)$/.exec(text) ?? [];
  const ms = Number(number) * UNITS[unit];
  return ms >= LEAST_MS && ms <= MOST_MS ? ms : undefined;
}

function shortened(text) {
  return text.length > 24 ? `${text.slice(0, 24)}…` : text;
}
