// The service worker: what the page is made of stays where it is, so that a reload while nothing answers shows the last known
// boards instead of an error of the browser. While the server answers it is always the server's page that is shown. The
// line before this one, which the server adds, differs where any file of the page does.

/* global EDITION */
const CACHE = `boardcast-page-${typeof EDITION === "undefined" ? "" : EDITION}`;
const PAGE = "/api/dashboard";
/** A server that takes longer to hand out its page is taken for none. */
const PATIENCE_MS = 5000;

/** Modules that are loaded when they are needed, and that the page does not name. */
const LATER = [
  ...["worker.js", "poll.js", "source.js"],
  // What a wall has no use for is not named, so that it loads none of it.
  ...["digest.js", "embed.js", "explain.js", "past.js", "rows.js", "sections.js", "standup.js", "ticker.js", "titles.js", "velocity.js"],
  ...["wall.css", "wall.js", "wall-dom.js", "wall-model.js", "wall-night.js", "wall-parts.js", "wall-show.js"],
];

addEventListener("install", (event) => event.waitUntil(keep()));

addEventListener("activate", (event) => event.waitUntil(begin()));

addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  const isOfPage = pathname === PAGE || (pathname.startsWith(`${PAGE}/`) && pathname !== self.location.pathname);
  // Streams and boards are never the worker's.
  if (event.request.method === "GET" && origin === location.origin && isOfPage) event.respondWith(answer(event.request, pathname));
});

/** Keeps the page with every file that it names, all of one edition or none. */
async function keep() {
  const cache = await caches.open(CACHE);
  const page = await fetch(PAGE, { cache: "no-cache" });
  const names = [...(await page.clone().text()).matchAll(/(?:href|src)="([\w-]+\.(?:js|css))"/g)].map(([, name]) => `${PAGE}/${name}`);
  names.push(...LATER.map((name) => `${PAGE}/${name}`));
  await cache.put(PAGE, page);
  await cache.addAll([...new Set(names)].map((name) => new Request(name, { cache: "no-cache" })));
  await skipWaiting();
}

async function begin() {
  const old = (await caches.keys()).filter((name) => name.startsWith("boardcast-page-") && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await clients.claim();
}

async function answer(request, pathname) {
  const isPage = request.mode === "navigate";
  try {
    const response = await fetch(request, isPage ? { signal: AbortSignal.timeout(PATIENCE_MS) } : {});
    // Whoever asks who is there has to be seen; what answers in the place of a server that is away has not.
    if (response.status !== 404 && response.status < 500) return response;
    return (await kept(pathname)) ?? response;
  } catch (error) {
    const found = await kept(pathname);
    if (found) return found;
    throw error;
  }
}

async function kept(pathname) {
  return (await caches.open(CACHE)).match(pathname);
}
