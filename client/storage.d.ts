import type { Storage } from "./index.js";

/** Keeps boards in `sessionStorage` or `localStorage`. */
export function webStorage(area: Pick<globalThis.Storage, "getItem" | "setItem">): Storage;
/** Keeps boards in a browser's cache, where there is room for large ones. Needs a secure context. */
export function cacheStorage(caches?: CacheStorage): Storage;
