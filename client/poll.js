// Boards by ordinary requests, for where streams do not come through: some proxies keep them back.

/** So often the boards are fetched, more or less. */
const POLL_MS = 30_000;

/** Asks by `get` until `signal` says to stop, and hands on what was answered, or `null` where that was none. */
export async function poll({ setTimeout, clearTimeout, random, isHidden, warn }, get, took, signal) {
  let answer = null;
  try {
    if (!isHidden()) answer = await get();
  } catch (error) {
    warn("the boards could not be fetched", error);
  }
  if (signal.aborted) return;
  if (!isHidden()) took(answer);
  const timer = setTimeout(() => poll({ setTimeout, clearTimeout, random, isHidden, warn }, get, took, signal), POLL_MS * (0.75 + random() / 2));
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
}
