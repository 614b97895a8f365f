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
      if (!event.resumed) forget(event.scopes);
      show("live", event.level === "full" ? "live" : `connected, but what is shown is ${event.level}`);
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

// Who begins anew is sent every board there is; one that is not among them is gone, and must not look alive.
function forget(scopes) {
  const known = new Set(scopes.map((scope) => scope.projectId));
  for (const projectId of [...boards.keys()].filter((id) => !known.has(id))) {
    boards.delete(projectId);
    document.getElementById(`board-${projectId}`)?.remove();
  }
  document.getElementById("empty").hidden = boards.size > 0;
}

function replace(event) {
  const board = { ...event.data, dataAsOf: event.dataAsOf, items: new Map() };
  boards.set(event.projectId, board);
  if (!event.data.items) return load(event.projectId, event.url);
  for (const item of event.data.items) board.items.set(item.id, item);
  paint(event.projectId);
}

// Fetches a board that is too large for an event. What arrives meanwhile is applied again on top of the answer,
// which may be older; the revisions decide.
async function load(projectId, url) {
  const board = boards.get(projectId);
  const meanwhile = (board.meanwhile = []);
  const stored = localStorage.getItem(KEY_NAME);
  let answer;
  try {
    answer = await fetch(url, { headers: stored ? { "x-functions-key": stored } : {} });
    if (!answer.ok) throw new Error(`${url} was answered with ${answer.status}`);
    answer = await answer.json();
  } catch (error) {
    console.warn("a board could not be fetched and is asked for again", error);
    setTimeout(() => current() && load(projectId, url), RECONNECT_MS);
    return;
  }
  // A newer load, or a newer board, makes this answer worthless.
  function current() {
    return boards.get(projectId) === board && board.meanwhile === meanwhile;
  }
  if (!current()) return;
  board.meanwhile = undefined;
  board.items = new Map(answer.items.map((item) => [item.id, item]));
  board.dataAsOf = answer.dataAsOf;
  paint(projectId);
  meanwhile.forEach(change);
}

function change(event) {
  const board = boards.get(event.projectId) ?? { project: { id: event.projectId, name: null }, items: new Map() };
  boards.set(event.projectId, board);
  board.meanwhile?.push(event);
  const known = board.items.get(event.workItemId);
  if (known && known.rev > event.rev) return;
  if (event.url) return void load(event.projectId, event.url);
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
  article.querySelector(".facts").textContent = `${board.items.size} work item${board.items.size === 1 ? "" : "s"}, newest change ${asOf}`;
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
  document.body.dataset.state = state;
}
