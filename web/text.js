// How numbers, dates and ages are written. Everything that is put on the screen goes in by textContent.

import { client } from "./live.js";

// As whoever looks writes numbers and times. Days are the team's, so these have no zone.
const LOCALE = navigator.languages;
const NUMBER = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 2 });
const DAY = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", timeZone: "UTC" });
const DATE = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeZone: "UTC" });
const WEEKDAY = new Intl.DateTimeFormat(LOCALE, { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
const DAY_OF_MONTH = new Intl.DateTimeFormat(LOCALE, { day: "numeric", timeZone: "UTC" });
const TIME = new Intl.DateTimeFormat(LOCALE, { timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat(LOCALE, { timeStyle: "short" });
const MOMENT = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const SUFFIXES = { percent: "\u00a0%", hours: "\u00a0h", days: "\u00a0d" };
const DAY_MS = 86_400_000;

/** A number with its unit, where the unit is a sign. Null is a dash, never 0. */
export function amount(value, unit) {
  return value === null || value === undefined ? "–" : `${NUMBER.format(value).replace("-", "−")}${SUFFIXES[unit] ?? ""}`;
}

/** Whether people are shown by their initials: for a screen that everybody passes. */
const INITIALS = new URLSearchParams(location.search).get("names") === "initials";

/** What a person is called; nobody where there is none. */
export function person(identity) {
  const name = identity?.name ?? "";
  if (name === "") return "nobody";
  return INITIALS ? initials(name) : name;
}

/** `JH` of `Jamal Hartnett`, and of `jamal.hartnett` as well. */
export function initials(name) {
  const words = name.split(/[\s.]+/).filter(Boolean);
  return words.map((word) => [...word][0].toUpperCase()).join("");
}

/** `3 items`, `1 item`. */
export function count(number, noun) {
  return `${amount(number)} ${noun}${number === 1 ? "" : "s"}`;
}

/** A calendar date such as `2026-11-16`. It is nobody's instant, so no zone may move it. */
export function day(date) {
  return DAY.format(new Date(`${date}T00:00:00Z`));
}

/** With its year. */
export function dated(date) {
  return DATE.format(new Date(`${date}T00:00:00Z`));
}

/** With its day of the week. */
export function weekday(date) {
  return WEEKDAY.format(new Date(`${date}T00:00:00Z`));
}

/** The number alone, for where the month is known. */
export function dayOfMonth(date) {
  return DAY_OF_MONTH.format(new Date(`${date}T00:00:00Z`));
}

/** A sentence of the service with the dates that it names written as whoever looks writes them. */
export function localised(sentence) {
  return sentence.replace(/\b\d{4}-\d\d-\d\d\b/g, day);
}

/** The days from one calendar date to another. */
export function days(from, to) {
  return DAY.formatRange(...[from, to].map((date) => new Date(`${date}T00:00:00Z`)));
}

export function time(instant) {
  return TIME.format(new Date(instant));
}

/** A time, with its date unless that is today's. */
export function moment(instant) {
  const date = new Date(instant);
  return date.toDateString() === new Date().toDateString() ? TIME.format(date) : MOMENT.format(date);
}

/** A time beside a calendar date: with its own date where that is another, as in another zone. */
export function momentOn(instant, date) {
  const at = new Date(instant);
  const isOn = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, "0")).join("-") === date;
  return (isOn ? CLOCK : MOMENT).format(at);
}

/** The time of a clock that is so many minutes ahead of UTC: `UTC−5`, `UTC+5:30`. */
export function zone(ahead) {
  const [hours, minutes] = [Math.floor(Math.abs(ahead) / 60), Math.abs(ahead) % 60];
  return `UTC${ahead === 0 ? "" : `${ahead < 0 ? "−" : "+"}${hours}${minutes === 0 ? "" : `:${minutes}`}`}`;
}

/** The time of day, for what is at the same one each day. */
export function clock(instant) {
  return CLOCK.format(new Date(instant));
}

/** Each part becomes a sentence. */
export function sentences(...parts) {
  return parts.map((part) => part[0].toUpperCase() + part.slice(1) + (/[.…]$/.test(part) ? "" : ".")).join(" ");
}

/** `as of 12 s ago`. */
export function asOf(instant) {
  if (instant === null || instant === undefined) return "age unknown";
  if (client.isInDoubt()) return "checking";
  const words = age(instant);
  return words === "now" ? "as of now" : `as of ${words} ago`;
}

/** The same in as few words as there are: `12 s`. */
export function age(instant) {
  if (instant === null || instant === undefined) return "age unknown";
  if (client.isInDoubt()) return "checking";
  const ms = client.now() - instant;
  return ms < 1000 ? "now" : duration(ms);
}

/** `Next try in 12 s.`; nothing where none is planned, or it is past. */
export function nextTry(instant) {
  const ms = instant === null || instant === undefined ? 0 : instant - client.now();
  return ms > 0 ? `Next try in ${duration(ms + 999)}.` : "";
}

export function duration(ms) {
  const [size, unit] = [[DAY_MS, "d"], [3_600_000, "h"], [60_000, "min"]].find(([size]) => ms >= size) ?? [1000, "s"];
  return `${Math.floor(ms / size)} ${unit}`;
}

/** Sets a text where it differs, so that an unchanged one costs nothing and is not read out again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
