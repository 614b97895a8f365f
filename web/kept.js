// What the page keeps in the browser. Where a browser lets it keep nothing, as in a frame of another site, it goes without.

/** What was kept under a name; `null` where there is nothing, or nobody may look. */
export function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Keeps a text under a name, where that is allowed. */
export function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch (error) {
    console.warn(`${name} cannot be kept in this browser`, error);
  }
}
