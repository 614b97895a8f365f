// What a wall does for its screen and its building: it keeps it awake, moves the picture by a pixel or two, is dim at night,
// and in quiet hours shows a dark screen that asks the server nothing.

import { clockWords, endOf, isWithin } from "./quiet.js";
import { node } from "./wall-dom.js";

const MINUTE_MS = 60_000;
/** Not every screen comes back at once. */
const SPREAD_MS = 5000;
/** Where the picture is moved to, in pixels. */
const SHIFTS = [[0, 0], [1, 1], [2, 0], [1, -1], [0, -2], [-1, -1], [-2, 0], [-1, 1]];
/** Where the words of quiet hours stand, in hundredths of the screen that is left. */
const PLACES = [[50, 50], [10, 80], [90, 20], [20, 10], [80, 90], [0, 40], [100, 60], [40, 100], [60, 0]];

/** Sets the theme: at night dark, and dim. */
export function darken({ theme, dim }) {
  const { dataset } = document.documentElement;
  const isNight = isWithin(dim, new Date());
  const wanted = isNight ? "dim" : theme;
  if (dataset.theme !== wanted) dataset.theme = wanted;
}

/** Keeps the screen awake while the page is seen. Returns what ends that. */
export function keepAwake() {
  let lock = null;
  let isEnded = false;
  const take = async () => {
    if (isEnded || document.hidden || !navigator.wakeLock || (lock && !lock.released)) return;
    // A browser refuses where its battery is low; a television has none.
    const taken = await navigator.wakeLock.request("screen").catch(() => null);
    if (isEnded) taken?.release();
    else lock = taken;
  };
  document.addEventListener("visibilitychange", take);
  take();
  return () => {
    isEnded = true;
    document.removeEventListener("visibilitychange", take);
    lock?.release();
  };
}

/** Moves the picture each minute, so that nothing burns in. Returns what ends that. */
export function shiftPixels(element) {
  let at = 0;
  const timer = setInterval(() => {
    at = (at + 1) % SHIFTS.length;
    const [x, y] = SHIFTS[at];
    element.style.translate = `${x}px ${y}px`;
  }, MINUTE_MS);
  return () => clearInterval(timer);
}

/** Shows that it is quiet and until when, with a clock that moves about, and loads the page anew at the end. */
export function beQuiet(span) {
  document.documentElement.dataset.theme = "dim";
  document.body.dataset.state = "quiet";
  document.title = "Quiet · boardcast";
  const until = endOf(span, new Date());
  const clock = node("p", "w-clock");
  const words = node("div", "w-quiet-words", clock, node("h1", "", `Quiet until ${clockWords(span.to)}`));
  document.body.replaceChildren(node("main", "w-quiet", words));
  const spread = Math.random() * SPREAD_MS;
  let minute = null;
  let moves = 0;
  const tick = () => {
    const now = new Date();
    if (now - until >= spread) {
      clearInterval(timer);
      location.reload();
    }
    if (minute === now.getMinutes()) return;
    minute = now.getMinutes();
    clock.textContent = clockWords(now.getHours() * 60 + minute);
    const [left, top] = PLACES[moves % PLACES.length];
    words.style.left = `${left}%`;
    words.style.top = `${top}%`;
    words.style.translate = `-${left}% -${top}%`;
    moves += 1;
  };
  const timer = setInterval(tick, 1000);
  tick();
}
