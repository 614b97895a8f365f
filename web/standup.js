// When a team last stood together. Pure.

const HOUR_MS = 3_600_000;

/**
 * The last stand-up before an instant, at a time such as `09:30` of the zone of whoever looks, on a day from Monday to Friday.
 * One that began within the hour is going on: what is asked for then is the one before it.
 */
export function lastStandup(now, time) {
  const [hours, minutes] = time.split(":").map(Number);
  const at = new Date(now);
  at.setHours(hours, minutes, 0, 0);
  while (at > now - HOUR_MS || [0, 6].includes(at.getDay())) {
    at.setDate(at.getDate() - 1);
    // A day on which the clocks change has no hour of its own twice.
    at.setHours(hours, minutes, 0, 0);
  }
  return at.getTime();
}
