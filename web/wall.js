// The wall: one team at a time on the whole of a screen that nobody touches. Nothing is asked of the server before it is
// known that these are no quiet hours.

import { wallOptions } from "./wall-options.js";
import { beQuiet, darken } from "./wall-night.js";
import { isWithin } from "./quiet.js";

/** So often it is looked whether the night or the quiet hours begin. */
const LOOK_MS = 1000;

export async function startWall() {
  const options = wallOptions(location.search);
  document.documentElement.classList.add("wall");
  darken(options);
  await styled();
  if (isWithin(options.quiet, new Date())) {
    beQuiet(options.quiet);
    return;
  }
  const { show } = await import("./wall-show.js");
  const stop = show(options);
  const timer = setInterval(() => {
    darken(options);
    if (!isWithin(options.quiet, new Date())) return;
    clearInterval(timer);
    stop();
    beQuiet(options.quiet);
  }, LOOK_MS);
}

/** Who looks at no wall need not load how one looks. */
function styled() {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: "wall.css" });
  return new Promise((resolve) => {
    link.addEventListener("load", resolve);
    // Without it the wall is ugly, and true all the same.
    link.addEventListener("error", resolve);
    document.head.append(link);
  });
}
