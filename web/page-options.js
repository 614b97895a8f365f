// What the page's address may ask for, and what of it has no effect: `?by=person&unit=hours&names=initials`. Pure.

/** The values that are known, and what is done where another is given. */
export const OPTIONS = {
  by: [["state", "person", "story"], "the items are arranged by state"],
  unit: [["points", "items", "hours"], "the chart is in the team's own unit"],
  names: [["initials", "full"], "names are shown in full"],
  view: [["boards", "teams"], "several teams are shown at a glance"],
};

/** Whether something is wanted that is or is not: `?table`, `?table=1`, and not `?table=0`. */
export function isWanted(given, name) {
  return given.has(name) && !["0", "no", "false"].includes(given.get(name));
}

/** Sentences that say which values of a page's address are none, and what is done instead. */
export function faults(search, isOfOne = true) {
  const given = new URLSearchParams(search);
  const found = [];
  for (const [name, [values, instead]] of Object.entries(OPTIONS)) {
    const value = given.get(name);
    if (!value || values.includes(value)) continue;
    found.push(`${name}=${shortened(value)} is not ${choice(values)}: ${instead}.`);
  }
  const isEmbedded = isWanted(given, "embed");
  const tiles = given.getAll("tile").filter((tile) => tile !== "");
  if (tiles.length > 0 && !isEmbedded) found.push(`tile=${shortened(tiles[0])} is only for a page that is embedded: add embed=1, or leave it out.`);
  const where = isEmbedded ? "a page that is embedded" : "a page of several teams";
  for (const name of isEmbedded || !isOfOne ? ["day", "sprint"] : []) {
    if (given.get(name)) found.push(`${name}=${shortened(given.get(name))} is of no use to ${where}: it shows how things stand now.`);
  }
  return found;
}

function choice(values) {
  return [values.slice(0, -1).join(", "), values.at(-1)].join(" or ");
}

function shortened(text) {
  return text.length > 24 ? `${text.slice(0, 24)}…` : text;
}
