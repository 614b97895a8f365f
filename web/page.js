// The page's beginning. What opens the stream is loaded by it, so that it can be decided before anything is asked of the server.

await import("./boards-page.js");
