// The numbers of a chart as rows: for a table, and for a file that other programs read.

const COLUMNS = ["ideal", "remaining", "completed", "scope"];

/** The days with the names of the lines that have a number on any of them. */
export function dayTable({ days }) {
  const lines = COLUMNS.filter((line) => days.some((day) => Number.isFinite(day[line])));
  return { lines, rows: days.map((day) => ({ date: day.date, working: day.working, values: lines.map((line) => day[line] ?? null) })) };
}

/**
 * Comma-separated values as RFC 4180 has them, numbers as the server sent them: a row for the end of each day, and for each
 * point within today, with its time. A row without a time is of a whole day.
 */
export function burndownCsv({ unit, days, today, steps }) {
  const rows = [["date", "time", "working", "unit", ...COLUMNS]];
  days.forEach((day, index) => {
    if (index === today) for (const { at, remaining } of steps) rows.push([day.date, new Date(at).toISOString(), "", unit, "", remaining, "", ""]);
    rows.push([day.date, "", day.working, unit, ...COLUMNS.map((line) => day[line] ?? "")]);
  });
  return rows.map((row) => `${row.join(",")}\r\n`).join("");
}

/** What a file of a board is called: what a file system may not like is left out. */
export function fileName(...parts) {
  const words = parts.filter(Boolean).join(" ").normalize("NFC").toLowerCase();
  return `${words.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 100)}.csv`;
}
