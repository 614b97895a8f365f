// Spans of hours such as 19:00-07:00: whether it is within one, and when the next of its ends is. Pure, and by the clock of
// the zone that dates are read in: a day on which the clocks change is shorter or longer.

const SPAN = /^(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})$/;

/** Reads `19:00-07:00` as minutes of the day, `{ from, to }`; `null` where it is no span. */
export function parseSpan(text) {
  const found = SPAN.exec(text.trim());
  if (!found) return null;
  const [fromHour, fromMinute, toHour, toMinute] = found.slice(1).map(Number);
  if (fromHour > 23 || toHour > 24 || fromMinute > 59 || toMinute > 59 || toHour * 60 + toMinute > 1440) return null;
  const [from, to] = [fromHour * 60 + fromMinute, (toHour * 60 + toMinute) % 1440];
  return from === to ? null : { from, to };
}

/** Whether a time is within the span; where there is none it never is. */
export function isWithin(span, date) {
  if (!span) return false;
  const minute = date.getHours() * 60 + date.getMinutes();
  const { from, to } = span;
  return from < to ? from <= minute && minute < to : from <= minute || minute < to;
}

/** When the span that a time is within ends. */
export function endOf(span, date) {
  return next(span.to, date);
}

/** The next time that the clock shows a minute of the day. */
function next(minute, date) {
  const of = (days) => new Date(date.getFullYear(), date.getMonth(), date.getDate() + days, 0, minute);
  return of(0) > date ? of(0) : of(1);
}

/** `07:00`. */
export function clockWords(minute) {
  return [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, "0")).join(":");
}
