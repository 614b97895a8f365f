// A page that is open for months runs the script of the day it was opened, until the server says that it is another.

const RELOADED = "boardcast.reloaded";
/** Not every screen comes at once. */
const AFTER_MS = [2000, 30_000];
/** So often it is looked whether somebody still reads an explanation. */
const AGAIN_MS = 5000;

let mine = null;
let isPlanned = false;

/** Loads the page anew, once for each version, a while after the server has become another one. */
export function follow(version) {
  mine ??= version;
  if (version === mine || isPlanned || before().includes(version)) return;
  isPlanned = true;
  navigator.serviceWorker?.getRegistration().then((registration) => registration?.update()).catch(() => {});
  const [least, most] = AFTER_MS;
  setTimeout(() => reload(version), least + Math.random() * (most - least));
}

function reload(version) {
  if (document.querySelector("dialog[open]")) {
    setTimeout(() => reload(version), AGAIN_MS);
    return;
  }
  sessionStorage.setItem(RELOADED, JSON.stringify([...before(), version]));
  location.reload();
}

function before() {
  try {
    return JSON.parse(sessionStorage.getItem(RELOADED)) ?? [];
  } catch {
    return [];
  }
}
