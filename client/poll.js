// Boards by ordinary requests, for where streams do not come through: some proxies keep them back.

/** So often the boards are fetched, more or less. */
const POLL_MS = 30_000;

/**
 * Asks by `get` until `signal` says to stop, and hands on what was answered, or `null` where that was none. What fails again and
 * again is told once.
 */
export async function poll(options, get, took, signal, hasFailed = false) {
  const { setTimeout, clearTimeout, random, isHidden, warn } = options;
  let answer = null;
  let isFailing = hasFailed;
  try {
    if (!isHidden()) {
      answer = await get();
      isFailing = false;
    }
  } catch (error) {
    if (!hasFailed && !signal.aborted) warn(`the boards could not be fetched: ${error.message}`);
    isFailing = true;
  }
  if (signal.aborted) return;
  if (!isHidden()) took(answer);
  const stop = () => clearTimeout(timer);
  const again = () => {
    signal.removeEventListener("abort", stop);
    poll(options, get, took, signal, isFailing);
  };
  const timer = setTimeout(again, POLL_MS * (0.75 + random() / 2));
  signal.addEventListener("abort", stop, { once: true });
}
