// The page: opens the stream, keeps the boards it is told of, and shows every event as it comes.
// Texts go in by textContent only, so a title can hold anything.

const EVENTS_SHOWN = 50;
const RECONNECT_MS = 5000;
const KEY_NAME = "boardcast.key";

const boards = new Map();
let lastEventId = "";
let heartbeatMs = 30000;
let silence;

connect();

function connect() {
  show("connecting", "connecting");
  const source = new EventSource(endpoint());
  source.onmessage = (message) => {
    lastEventId = message.lastEventId || lastEventId;
    let event;
    try {
      event = JSON.parse(message.data);
    } catch (error) {
      console.warn("an event that is not JSON was passed over", error);
      return;
    }
    receive(event);
    watch(source);
  };
  source.onerror = () => {
    show("connecting", "the connection is lost; trying again");
    // The browser reconnects by itself after a network error, but never after an HTTP error.
    if (source.readyState === EventSource.CLOSED) again(source);
  };
  watch(source);
}

// A connection that says nothing for one and a half heartbeats is dead, whatever the browser believes.
function watch(source) {
  clearTimeout(silence);
  silence = setTimeout(() => {
    show("stale", "nothing was heard for a while; connecting anew");
    again(source);
  }, 1.5 * heartbeatMs + RECONNECT_MS);
}

function again(source) {
  source.close();
  clearTimeout(silence);
  setTimeout(connect, RECONNECT_MS * (0.5 + Math.random()));
}

function endpoint() {
  const page = new URL(location.href);
  const key = new URLSearchParams(page.hash.slice(1)).get("key");
  if (key) localStorage.setItem(KEY_NAME, key);
  const query = new URLSearchParams({ heartbeat: "1" });
  for (const name of ["project", "team"]) {
    for (const value of page.searchParams.getAll(name)) query.append(name, value);
  }
  const stored = localStorage.getItem(KEY_NAME);
  if (stored) query.set("code", stored);
  // A new EventSource object sends no Last-Event-ID header, so the cursor goes along as a parameter.
  if (lastEventId) query.set("lastEventId", lastEventId);
  return `/api/sse/dashboard?${query}`;
}

function receive(event) {
  switch (event.type) {
    case "connected":
      heartbeatMs = event.heartbeatMs;
      show("live", `live, ${event.level}`);
      break;
    case "snapshot":
      replace(event);
      break;
    case "workitem_changed":
      change(event);
      break;
    case "closing":
      show("connecting", `the server ends the stream (${event.reason}); connecting anew`);
      break;
  }
  if (event.type !== "heartbeat") list(event);
}

async function replace(event) {
  const board = { ...event.data, dataAsOf: event.dataAsOf, items: new Map() };
  let items = event.data.items;
  if (!items) {
    const stored = localStorage.getItem(KEY_NAME);
    const answer = await fetch(event.url, { headers: stored ? { "x-functions-key": stored } : {} });
    if (!answer.ok) return;
    items = (await answer.json()).items;
  }
  for (const item of items) board.items.set(item.id, item);
  boards.set(event.projectId, board);
  paint(event.projectId);
}

function change(event) {
  const board = boards.get(event.projectId) ?? { project: { id: event.projectId, name: null }, items: new Map() };
  boards.set(event.projectId, board);
  const known = board.items.get(event.workItemId);
  if (known && known.rev > event.rev) return;
  if (event.item) board.items.set(event.workItemId, event.item);
  else board.items.delete(event.workItemId);
  board.dataAsOf = event.dataAsOf;
  paint(event.projectId, event.workItemId);
}

function paint(projectId, freshId) {
  const board = boards.get(projectId);
  let article = document.getElementById(`board-${projectId}`);
  if (!article) {
    article = document.getElementById("board").content.cloneNode(true).firstElementChild;
    article.id = `board-${projectId}`;
    document.getElementById("boards").append(article);
  }
  article.querySelector("h3").textContent = board.project.name ?? projectId;
  const asOf = board.dataAsOf ? new Date(board.dataAsOf).toLocaleString() : "unknown";
  article.querySelector(".facts").textContent = `${board.items.size} work items, newest change ${asOf}`;
  const rows = [...board.items.values()].sort((a, b) => a.id - b.id).map((item) => {
    const row = document.createElement("tr");
    if (item.id === freshId) row.className = "fresh";
    for (const text of [item.id, item.type, item.title, item.state, item.assignedTo?.name ?? "–"]) {
      const cell = document.createElement("td");
      cell.textContent = text;
      row.append(cell);
    }
    return row;
  });
  article.querySelector("tbody").replaceChildren(...rows);
  document.getElementById("empty").hidden = true;
}

function list(event) {
  const entry = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = new Date(event.timestamp).toISOString();
  time.textContent = new Date(event.timestamp).toLocaleTimeString();
  const what = event.workItemId ? ` #${event.workItemId} ${event.changeType}: ${event.title ?? ""}` : "";
  entry.append(time, `${event.type}${what}`);
  const events = document.getElementById("events");
  events.prepend(entry);
  while (events.childElementCount > EVENTS_SHOWN) events.lastElementChild.remove();
}

function show(state, text) {
  const status = document.getElementById("status");
  if (status.textContent !== text) status.textContent = text;
  status.dataset.state = state;
}
