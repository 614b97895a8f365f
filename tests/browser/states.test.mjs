// What the page says of itself: which of all the ways to show no board this is, what to do about it, and how old what
// it shows is, whatever the clock of the device does.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { KEY, SCOPE, atEnd, board, boardsOf, connected, item, openScripted, page, screenshot, startScripted, startServer, until, useBrowser } from "./support.mjs";

const HOUR_MS = 3_600_000;
/** Another team's board. */
const OTHER = { ...SCOPE, teamId: "0f7a2d3e-5b1c-4c8f-8a9d-6e4b3c2d1f00" };

let server;

useBrowser();

async function open(more = "") {
  await page.goto(`${server.origin}/api/dashboard${more}`);
}

/** What can be read outside the boards and the list of events: the word of the header, and everything else. */
function look() {
  return page.evaluate(() => {
    const shown = (element) => (element.checkVisibility() && !element.matches(".unseen") ? element.innerText.trim() : "");
    const parts = [...document.querySelectorAll("#notice > *")];
    const header = [...document.querySelectorAll("body > header > p:not(#age)")].map(shown).filter(Boolean).join(" | ");
    return { word: header.replace(/^\W+/, ""), text: parts.map(shown).filter(Boolean).join("\n") };
  });
}

const says = (word, text) => until(`the page says ${word}: ${text}`, look, (said) => said.word === word && text.test(said.text));
const age = () => page.$eval(".board .age", (element) => element.textContent);

/** What stands in front of the server answers with a status and nothing else. */
const refuse = (status, headers = {}, body = "") => (response) => response.writeHead(status, headers).end(body);
const refuseWith = (status, body) => refuse(status, { "content-type": "application/json" }, JSON.stringify(body));
const HTML = { "content-type": "text/html; charset=utf-8" };
/** A page with a title, as other programs and people write them. */
const showing = (status, title, body = "", headers = {}) => refuse(status, { ...HTML, ...headers }, `<!doctype html><title>${title}</title>${body}`);
const PASSWORD = '<form method="post" action="/session"><input name="who"><input name="secret" type="password"></form>';
const signInWith = (status) => showing(status, "Contoso", PASSWORD);
const signIn = signInWith(200);

/** Opens the page on a live board that was last found true some time ago. */
async function openLive(ageMs = 0) {
  server = await openScripted();
  server.say(connected);
  server.say({ type: "snapshot", ...SCOPE, data: board([item(1)]), dataAsOf: Date.now() - ageMs });
  await until("the page is live", look, ({ word, text }) => word === "live" && text === "");
}

/** Has the page try again at once, as it does when the device is back in its network. */
const tryAgain = () => page.evaluate(() => dispatchEvent(new Event("online")));

/** Something happened on the board, and changed nothing. */
const change = (more = {}) =>
  server.say({ type: "workitem_changed", ...SCOPE, workItemId: 1, rev: 2, changeType: "updated", title: "x", item: item(1, { rev: 2 }), ...more });

test("b8_fault_page_4_before anything was heard the page is loading, and claims nothing", async () => {
  server = await openScripted();
  assert.deepEqual(await look(), { word: "loading", text: "Loading the boards…" });
  server.say({ ...connected, scopes: [] });
  await says("live", /^No board is known yet\. One appears here by itself/);
  await screenshot(page, "state-no-board");
});

test("b8_fault_page_4_on a slow line the page says what it waits for, until everything is there", async () => {
  server = await startScripted();
  let release;
  const whole = { ...board([item(2)]), level: "full", dataAsOf: Date.now(), cursor: "9-0" };
  await open("?view=boards");
  await server.listened();
  server.say({ ...connected, scopes: [SCOPE, OTHER] });
  await says("loading", /^Loading 2 boards…$/);
  await screenshot(page, "state-loading");
  server.say({ type: "snapshot", ...SCOPE, data: board([item(1)]) });
  await until("a board is shown", () => boardsOf(page), (boards) => KEY in boards);
  assert.equal((await look()).word, "loading");
  // A large board comes without its items, which are fetched apart.
  let asked = 0;
  server.instead = (response) => {
    asked += 1;
    release = () => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(whole));
  };
  server.say({ type: "snapshot", ...OTHER, data: { ...board([]), items: undefined }, url: "/api/snapshot?large" });
  await until("the items are asked for", () => release);
  await until("two boards are shown", () => boardsOf(page), (boards) => Object.keys(boards).length === 2);
  assert.equal((await look()).word, "loading");
  release();
  await says("live", /^$/);
  // The same of one that comes later, and that no beginning of the stream announced.
  server.say({ type: "snapshot", ...OTHER, data: { ...board([]), items: undefined }, url: "/api/snapshot?large" });
  await says("loading", /^Loading 1 board…$/);
  await until("the items are asked for again", () => asked === 2);
  release();
  await says("live", /^$/);
});

test("b8_fault_page_4_5_without a function key the page asks for one, and says when one was refused", async () => {
  server = await startScripted();
  server.instead = (response, { headers, url }) => {
    const key = headers["x-functions-key"] ?? new URL(url, server.origin).searchParams.get("code");
    return key === "a+b/c==" ? false : refuse(401)(response);
  };
  await open();
  const none = await says("locked", /^This page needs a function key/);
  assert.match(none.text, /#key=/);
  await screenshot(page, "state-no-key");
  // Whoever changes the fragment alone does not load the page anew.
  await open("#key=wrong");
  const wrong = await says("locked", /^The function key was refused/);
  assert.match(wrong.text, /#key=/);
  await open("#key=a+b/c==");
  await server.listened();
  server.say({ ...connected, scopes: [] });
  await says("live", /No board is known yet/);
  const kept = await page.evaluate(() => ({ address: location.href, key: localStorage.getItem("boardcast.key") }));
  assert.deepEqual(kept, { address: `${server.origin}/api/dashboard`, key: "a+b/c==" }, "fault 13: the key is kept, and leaves the address");
});

/** What else of the notice than its words there is to follow. */
const followed = () => page.$$eval("main a[href]", (links) => links.map(({ href, textContent }) => [textContent, href]));

/** Another site, to which the page may not look. */
async function startElsewhere() {
  const elsewhere = createServer((_, response) => signIn(response)).listen(0, "127.0.0.1");
  await once(elsewhere, "listening");
  atEnd(() => elsewhere.close());
  return `http://127.0.0.1:${elsewhere.address().port}/login`;
}

test("b8_fault_page_4_5_somebody who is signed out is told so, by whatever says it", async () => {
  const login = await startElsewhere();
  const byBearer = refuse(401, { "www-authenticate": 'Bearer realm="board.example" authorization_uri="https://login.example/authorize"' });
  const bySaml = showing(200, "One moment", '<form action="/x"><input type="hidden" name="SAMLRequest" value="a"></form>');
  const byAddress = showing(200, "Contoso", '<form action="/oauth2/start"><button>Go on</button></form>');
  const answers = [signIn, signInWith(401), signInWith(403), byBearer, bySaml, byAddress, refuse(302, { location: "/login" })];
  for (const answer of answers) {
    server = await startScripted();
    server.instead = (response, { url }) => (url === "/login" ? signIn(response) : answer(response));
    await open("?team=Mill");
    await says("locked", /^You are signed out/);
    assert.deepEqual(await followed(), [["Sign in", `${server.origin}/api/dashboard?team=Mill`]]);
  }
  // App Service redirects to another site, and says at an address of its own whether anybody is signed in.
  for (const nobody of [refuse(401), refuse(200, { "content-type": "application/json" }, "[]")]) {
    server = await startScripted();
    server.instead = (response, { url }) => (url === "/.auth/me" ? nobody : refuse(302, { location: login }))(response);
    await open();
    await says("locked", /^You are signed out/);
  }
  await screenshot(page, "state-signed-out");
});

test("b8_where people sign in the service says who is signed out, and of what only its operator can mend how", async () => {
  server = await startScripted();
  const signedOut = { code: "signed_out", message: "this request comes from nobody who is signed in", remedy: "open it and sign in" };
  server.instead = refuseWith(401, { error: signedOut });
  await open();
  await says("locked", /^You are signed out\. Sign in, and the boards are here again\./);
  assert.deepEqual(await followed(), [["Sign in", `${server.origin}/api/dashboard`]]);
  const off = { code: "authentication_off", message: "App Service's authentication is not on", remedy: "whoever runs boardcast sets signIn" };
  server.instead = refuseWith(403, { error: off });
  await tryAgain();
  const { text } = await says("refused", /^The server refuses this request[^.]*\. App Service's authentication is not on\. Whoever runs boardcast sets signIn\./);
  assert.doesNotMatch(text, /signed out|function key|in front of/i);
  assert.deepEqual(await followed(), []);
  await screenshot(page, "state-barred");
});

test("b8_fault_page_5_a redirect to another site, of which nobody knows whether it is one to sign in, is called that", async () => {
  const login = await startElsewhere();
  for (const status of [301, 302, 303, 307, 308]) {
    server = await startScripted();
    server.instead = refuse(status, { location: login });
    await open();
    const { text } = await says("disconnected", /^Who asks for the boards is sent to another address/);
    assert.match(text, /sign in, reload this page[^]*ask whoever runs this site/);
    assert.doesNotMatch(text, /signed out/i);
    assert.deepEqual(await followed(), [["Reload", `${server.origin}/api/dashboard`]]);
  }
  await screenshot(page, "state-redirected");
  // Whoever asks at an old address of the same site is answered all the same.
  server = await startScripted();
  server.instead = (response, { url }) => (url.includes("moved") ? false : refuse(308, { location: "/api/sse/dashboard?moved" })(response));
  await open();
  await server.listened();
  server.say({ ...connected, scopes: [] });
  await says("live", /^No board is known yet/);
});

test("b8_fault_page_5_what answers in place of the boards is called what it is, with what to do", async () => {
  const stopped = '<h1 id="unavailable">Error 403 - This web app is stopped.</h1>';
  const cases = [
    [showing(403, "Web App - Unavailable", stopped), "refused", /^Something in front of boardcast refuses this request, 403 “Web App - Unavailable: Error 403 - This web app is stopped”.*Whoever runs this site/],
    [showing(403, "403 - Forbidden: Access is denied.", PASSWORD.replace("password", "search")), "refused", /refuses this request, 403 “Forbidden: Access is denied”/],
    [refuse(403, {}, "Ip Forbidden"), "refused", /refuses this request, 403\. /],
    [showing(401, "401 - Unauthorized", "", { "www-authenticate": "Negotiate" }), "locked", /^This site asks for a login by Negotiate, 401 “Unauthorized”.*[Rr]eload this page/],
    [refuse(401, { "www-authenticate": "NTLM, Negotiate" }), "locked", /^This site asks for a login by NTLM or Negotiate, 401/],
    [showing(401, "You may not"), "locked", /^This site asks for a login, 401 “You may not”/],
    [showing(200, "Down &amp; out for &#8220;maintenance&#8221;"), "disconnected", /^Another page answers in place of the boards, 200 “Down & out for “maintenance””.*ask whoever runs this site/],
    [showing(200, "<b>" + "long ".repeat(200)), "disconnected", /200 “<b>long [long ]+…”\. /],
    [refuse(200, { "content-type": "text/event-stream" }, ": nothing\n"), "disconnected", /^The server answers, but its stream of changes does not come through/],
    [refuse(200, HTML, ""), "disconnected", /^The answer to who asks for the boards is empty, 200/],
    [refuse(200), "disconnected", /^The answer to who asks for the boards is empty, 200/],
    [refuse(204), "disconnected", /^The answer to who asks for the boards is empty, 204/],
    [refuse(200, { "content-type": "text/plain" }, "It works!"), "disconnected", /^Something else than boards is answered, 200/],
    [showing(404, "404 Not Found"), "disconnected", /^Nothing at this address knows of any boards, 404 “Not Found”/],
    [showing(502, "502 Bad Gateway", "<h1>502 Bad Gateway</h1>"), "disconnected", /^What stands in front of boardcast answers in its place, 502 “Bad Gateway”\. It may be/],
    [showing(503, "Service Unavailable", PASSWORD), "disconnected", /in its place, 503 “Service Unavailable”/],
    [refuse(504), "disconnected", /in its place, 504\. /],
    [showing(500, "Oops"), "disconnected", /^The server answers with an error, 500 “Oops”/],
  ];
  server = await startScripted();
  for (const [answer, word, text] of cases) {
    server.instead = answer;
    await page.goto("about:blank");
    await open("#key=any");
    const said = await says(word, text);
    assert.doesNotMatch(said.text, /signed out|function key/i);
    assert.deepEqual(await followed(), /Reload this page/i.test(said.text) ? [["Reload", `${server.origin}/api/dashboard`]] : []);
    const kept = await page.evaluate(() => [location.hash, localStorage.getItem("boardcast.key")]);
    assert.deepEqual(kept, ["#key=any", null], "fault 13: nothing of these was opened by a key");
    await screenshot(page, `state-in-place-${cases.findIndex(([other]) => other === answer)}`);
  }
});

test("b8_fault_page_5_what is signed out in the middle of a stream says so, and keeps the board", async () => {
  await openLive();
  server.instead = (response, { url }) => (url === "/login" ? signIn : refuse(302, { location: "/login" }))(response);
  server.end();
  await says("locked", /^You are signed out.* What is shown is as it was then\./);
  await screenshot(page, "state-signed-out-board");
  assert.deepEqual(Object.keys(await boardsOf(page)), [KEY]);
  server.instead = null;
  await tryAgain();
  await server.listened();
  server.say({ ...connected, resumed: true });
  await says("live", /^$/);
});

test("b8_fault_page_4_5_an address behind which there is nothing is told from a lost connection", async () => {
  server = await startScripted();
  server.instead = refuse(404);
  await open();
  await says("disconnected", /^Nothing at this address knows of any boards/);
  await screenshot(page, "state-missing");
  server.instead = refuse(500, {}, "busy");
  await tryAgain();
  const failing = await says("disconnected", /^The server answers with an error, 500\b/);
  assert.match(failing.text, /Next try in \d+ s\./);
  // The service says what is wrong and what to do; what stands in front of it may say anything.
  const error = { code: "not_yet", message: "this instance has not reached that position", remedy: "ask again in a second" };
  server.instead = refuseWith(503, { error });
  await tryAgain();
  await says("disconnected", /^The server answers with an error, 503\. This instance has not reached that position\. Ask again in a second\./);
  await screenshot(page, "state-failed");
  for (const body of [{ error: "nobody is there" }, { error: { message: 7, remedy: {} } }, null]) {
    server.instead = refuseWith(500, body);
    await tryAgain();
    const { text } = await says("disconnected", /^The server answers with an error, 500\b/);
    assert.doesNotMatch(text, /undefined|null|object|nobody/);
    server.instead = refuseWith(502, body);
    await tryAgain();
    await says("disconnected", /\b502\b/);
  }
  server.instead = refuseWith(401, { error: "unauthorised" });
  await tryAgain();
  await says("locked", /needs a function key/);
});

test("b8_fault_page_4_a team that nobody knows is named, with those that there are", async () => {
  server = await startServer({ settings: { BOARDCAST_DEMO: "on", BOARDCAST_HEARTBEAT_MS: "1000" } });
  await open("?team=Nobody");
  // A demo that has just begun does not know all of its teams, so the page asks now and then.
  await says("unknown", /^No board is known of the team Nobody\. There are:\nClinic[^]*\nMobile Apps[^]*\nWeb/);
  await screenshot(page, "state-unknown-team");
  const [link] = await page.$$eval("main a[href]", (links) => links.filter(({ textContent }) => textContent.startsWith("Web")).map(({ href }) => href));
  await page.goto(link);
  await says("live", /^$/);
  assert.deepEqual(await page.$$eval(".board h2", (heads) => heads.map((head) => head.textContent)), ["Web"]);
});

test("b8_a team that nobody knows is named beside those that are shown", async () => {
  server = await startServer({ settings: { BOARDCAST_DEMO: "on", BOARDCAST_HEARTBEAT_MS: "1000" } });
  await open("?team=%20WEB&team=Nobody&project=Fabrikam%20Fiber&project=Nowhere");
  await says("unknown", /^No board is known of the team Nobody in the project Nowhere\. There are:\nClinic[^]*\nWeb/);
  await screenshot(page, "state-unknown-beside");
  assert.deepEqual(await page.$$eval(".board h2", (heads) => heads.map((head) => head.textContent)), ["Web"]);
  const { scopes } = await (await fetch(`${server.origin}/api/snapshot`)).json();
  const { teamId, projectId } = scopes.find(({ team }) => team === "Web");
  await open(`?team=${teamId.replaceAll("-", "").toUpperCase()}&project={${projectId}}`);
  await says("live", /^$/);
});

test("b1_who is asked to wait tries again no sooner", async () => {
  server = await startScripted();
  server.instead = (response) => response.writeHead(429, { "retry-after": "40" }).end();
  await open();
  const { text } = await says("disconnected", /^The server answers with an error, 429\b/);
  assert.match(text, /Next try in (3[5-9]|40) s\./);
});

test("b8_JSON that is no list of boards is told as something else", async () => {
  server = await startScripted();
  for (const body of [{}, [], null, { scopes: 7 }]) {
    server.instead = (response) => response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
    await open();
    await says("disconnected", /^Something else than boards is answered, 200\b/);
  }
});

test("b8_an empty name in the address is told as one", async () => {
  server = await startScripted();
  await open("?team=&project=Analytical%20Engine");
  await server.listened();
  const scopes = [{ ...SCOPE, project: "Analytical Engine", team: "Mill", level: "full", dataAsOf: Date.now() }];
  server.answers.set("/api/snapshot", { scopes, level: "full", cursor: "1-0" });
  server.say({ ...connected, scopes: [] });
  await says("unknown", /^No board is known of a team whose name is left empty in the page's address in the project Analytical Engine\. There are:/);
});

test("f19_that Azure DevOps asks to wait is said, and until when: of what was never read, and of what is live all the same", async () => {
  server = await openScripted("?view=boards");
  const outage = (reason = "throttled") => ({ reason, since: null, retryAt: Date.now() + 45_000 });
  server.say({ ...connected, scopes: [], level: "none", outage: { ...outage(), since: Date.now() - 1000 } });
  await says("unavailable", /^No board can be shown: Azure DevOps asks to wait until \d\d:\d\d:\d\d\.[^]*Next try in 4\d s\./);
  await screenshot(page, "state-throttled-at-start");
  // One board is live, and another was not read yet.
  server.say({ ...connected, scopes: [SCOPE, OTHER] });
  server.say({ type: "snapshot", ...SCOPE, data: board([item(1)]) });
  server.say({ type: "snapshot", ...OTHER, level: "none", data: board([]), outage: outage() });
  await says("unavailable", /^1 of 2 boards is without numbers\./);
  const notes = () => page.$$eval(".board", (boards) => boards.map((board) => board.querySelector(".level").checkVisibility() && board.querySelector(".level").innerText));
  const [live, unread] = await notes();
  assert.equal(live, false);
  assert.match(unread, /^Nothing is known, so no numbers are shown\. Azure DevOps asks to wait until \d\d:\d\d:\d\d\.\s+Next try in 4\d s\./);
  // The one that is live stays so, whatever hooks tell meanwhile.
  server.say({ type: "degraded", ...SCOPE, from: "full", to: "full", ...outage() });
  change();
  await until("the item changed", () => page.$eval('.board [data-id="1"]', (row) => row.dataset.rev), (rev) => rev === "2");
  const [waiting] = await notes();
  assert.match(waiting, /^Azure DevOps asks to wait until \d\d:\d\d:\d\d\. What service hooks tell is shown as ever; the rest is compared later\.\s+Next try in 4\d s\./);
  await screenshot(page, "state-throttled");
  assert.equal(await page.$eval(".board", (element) => element.dataset.level), "full");
  server.say({ type: "recovered", ...SCOPE, from: "full", downForMs: 45_000 });
  await until("the note is gone", notes, ([first]) => first === false);
});

test("b8_a look for other boards that fails is said, and made again", async () => {
  server = await startScripted();
  await open("?team=Nobody");
  await server.listened();
  const error = { code: "not_yet", message: "this instance has not reached that position", remedy: "ask again in a second" };
  server.instead = (response, { url }) => (url === "/api/snapshot" ? refuseWith(503, { error })(response) : false);
  server.say({ ...connected, scopes: [] });
  const failed = await says("unknown", /^No board is known of the team Nobody\. Which there are cannot be told: the server answered 503\./);
  assert.match(failed.text, /This instance has not reached that position\. Ask again in a second\. They appear here by themselves/);
  await screenshot(page, "state-unknown-others");
  server.instead = null;
  const scopes = [{ ...SCOPE, project: "Analytical Engine", team: "Mill", level: "full", dataAsOf: Date.now() }];
  server.answers.set("/api/snapshot", { scopes, level: "full", cursor: "1-0" });
  server.say({ type: "heartbeat", cursor: "1-0" });
  await says("unknown", /^No board is known of the team Nobody\. There are:\nMill/);
  // Who has been told which there are keeps them.
  server.instead = refuse(503);
  server.say({ type: "heartbeat", cursor: "1-0" });
  await sleep(500);
  await says("unknown", /There are:\nMill/);
});

test("b8_fault_page_4_a source that refuses us is said, with what to do, until it does no longer", async () => {
  server = await openScripted();
  const remedy = "check that AZURE_DEVOPS_PAT is set, has not expired and belongs to this organisation";
  const outage = { reason: "unauthorised", since: Date.now() - 60_000, retryAt: Date.now() + 30_000, remedy };
  server.say({ ...connected, level: "none", scopes: [], outage });
  const refused = await says("unavailable", /^No board can be shown: Azure DevOps refuses the token \(since /);
  assert.match(refused.text, /check that AZURE_DEVOPS_PAT is set.*\nNext try in \d+ s\./s);
  await screenshot(page, "state-refused");
  // Heartbeats say nothing of the organisation.
  const beaten = Date.now() + 500;
  server.say({ type: "heartbeat", timestamp: beaten, cursor: "1-0" });
  server.say({ type: "cache_invalidated", keys: [], reason: "x", projectId: null, teamId: null, sprintId: null });
  await until("the page heard both", () => page.$$eval("#events li", (entries) => entries.some((entry) => /cache_invalidated/.test(entry.textContent))));
  assert.equal((await look()).word, "unavailable");
  const whole = { projectId: null, teamId: null, sprintId: null };
  server.say({ type: "degraded", ...whole, level: "none", from: "none", to: "none", reason: "server_error", since: Date.now(), retryAt: null });
  const other = await says("unavailable", /Azure DevOps answers with errors/);
  assert.doesNotMatch(other.text, /token|AZURE_DEVOPS_PAT|Next try/);
  server.say({ type: "recovered", ...whole, level: "full", from: "none", downForMs: 1 });
  await says("live", /^No board is known yet/);
});

test("b8_fault_page_4_a store that is away is said, and a heartbeat tells that it is back", async () => {
  server = await openScripted();
  server.say({ ...connected, level: "cached", scopes: [] });
  await says("unavailable", /^No board can be shown: the store does not answer\./);
  server.say({ type: "heartbeat", level: "full", cursor: "1-0" });
  await says("live", /^No board is known yet/);
  server.say({ type: "heartbeat", level: "cached", cursor: "1-0" });
  await says("unavailable", /the store does not answer/);
});

/** Sets the device's clocks ahead of what they say. While a device sleeps it may be the wall clock alone that goes on. */
const setClocks = (wallMs, monotonicMs) =>
  page.evaluate(
    (wallMs, monotonicMs) => {
      const [wall, monotonic] = [Date.now, performance.now.bind(performance)];
      Date.now = () => wall() + wallMs;
      performance.now = () => monotonic() + monotonicMs;
    },
    wallMs,
    monotonicMs,
  );

/** Waits until the page has given up its stream for another one. */
const reopens = (times) => until("the page opens another stream", server.opened, (opened) => opened === times);

test("b7_fault_page_3_a clock that jumps changes no age: the page checks, and asks a new stream", async () => {
  for (const hours of [1, -1]) {
    await openLive(10 * 60_000);
    assert.equal(await age(), "as of 10 min ago");
    await setClocks(hours * HOUR_MS, 0);
    await says("checking", /^This device or this page slept, or the clock was set/);
    assert.equal(await age(), "checking");
    if (hours > 0) await screenshot(page, "state-checking");
    await reopens(2);
    server.say({ ...connected, resumed: true });
    await says("live", /^$/);
    assert.equal(await age(), "as of 10 min ago");
    change({ dataAsOf: Date.now() - 20 * 60_000 });
    await until("events tell of ages again", age, (shown) => shown === "as of 20 min ago");
    assert.equal(server.opened(), 2);
  }
});

test("b7_fault_page_3_small steps of a clock add up, whatever is told between them, and are checked", async () => {
  for (const step of [4900, -4900]) {
    await openLive(10 * 60_000);
    await setClocks(step, 0);
    change();
    await until("the change was heard", () => page.$$eval("#events li", (entries) => entries.length), (count) => count === 3);
    assert.deepEqual([(await look()).word, server.opened()], ["live", 1]);
    await setClocks(step, 0);
    await says("checking", /^This device or this page slept, or the clock was set/);
    assert.equal(await age(), "checking");
    await reopens(2);
    server.say({ ...connected, resumed: true });
    await says("live", /^$/);
  }
});

test("b7_a device that slept believes nothing that was on its way while it slept, though its monotonic clock stood still", async () => {
  for (const buffered of [
    { type: "heartbeat", cursor: "1-0" },
    { ...connected, resumed: true },
    { type: "workitem_changed", ...SCOPE, workItemId: 1, rev: 2, changeType: "updated", title: "x", item: item(1, { rev: 2 }) },
  ]) {
    await openLive(10 * 60_000);
    await setClocks(HOUR_MS, 0);
    server.say(buffered);
    await says("checking", /slept/);
    await reopens(2);
    // What follows on the stream from before is heard by nobody.
    assert.equal((await look()).word, "checking", buffered.type);
    assert.equal(await age(), "checking");
    server.say({ ...connected, resumed: true, timestamp: Date.now() + HOUR_MS });
    await says("live", /^$/);
    assert.equal(await age(), "as of 1 h ago", buffered.type);
  }
});

test("b7_a page that was frozen lets no old heartbeat make its boards younger", async () => {
  await openLive(10 * 60_000);
  // Both clocks went on, and what came meanwhile is heard now.
  await setClocks(HOUR_MS, HOUR_MS);
  await until("the age went on", age, (shown) => shown === "as of 1 h ago");
  // In the middle of a stream it says what changed, and not what time it is.
  server.say({ ...connected, resumed: true });
  change({ dataAsOf: Date.now() - 20 * 60_000 });
  await until("both were heard", () => page.$$eval("#events li", (entries) => entries.length), (count) => count === 3);
  assert.equal(await age(), "as of 1 h ago");
  server.say({ type: "heartbeat", cursor: "1-0" });
  await reopens(2);
  assert.doesNotMatch(await age(), /min/);
  server.say({ ...connected, resumed: true, timestamp: Date.now() + HOUR_MS });
  await says("live", /^$/);
  assert.equal(await age(), "as of 1 h ago");
});

test("b1_a server with too many readers is left in peace by a device that slept, too", async () => {
  server = await openScripted();
  server.say({ type: "closing", reason: "shed", reconnectAfterMs: 3000 });
  await says("busy", /too many|as many/);
  await setClocks(HOUR_MS, 0);
  await sleep(1500);
  assert.equal(server.opened(), 1);
  await reopens(2);
  server.say({ type: "closing", reason: "shed", reconnectAfterMs: 60_000 });
  await sleep(1500);
  assert.equal(server.opened(), 2);
});

test("b2_fault_page_2_twenty planned ends of the stream show nothing", async () => {
  await openLive();
  await page.evaluate(() => {
    globalThis.seen = [];
    const note = () => globalThis.seen.push([document.body.dataset.state, getComputedStyle(document.getElementById("boards")).filter].join());
    new MutationObserver(note).observe(document.body, { attributes: true });
    new MutationObserver(note).observe(document.querySelector("[role=status]"), { childList: true, characterData: true, subtree: true });
  });
  const before = server.opened();
  const reasons = ["lifetime", "slow", "lost", "shutdown"];
  for (let end = 1; end <= 20; end += 1) {
    server.say({ type: "closing", reason: reasons[end % reasons.length], reconnectAfterMs: 5 });
    server.end();
    await until("the page opens the next stream", server.opened, (opened) => opened === before + end);
    server.say({ ...connected, resumed: true });
  }
  change({ dataAsOf: Date.now() - HOUR_MS });
  await until("the last stream is heard", age, (shown) => shown === "as of 1 h ago");
  assert.deepEqual(await page.evaluate(() => globalThis.seen), []);
  assert.equal(server.opened(), before + 20);

  // Nor does the list of events name them.
  const listed = await page.$$eval("#events li", (entries) => entries.map((entry) => /\d\d:\d\d:\d\d *(\w+)/.exec(entry.textContent)[1]));
  assert.deepEqual(listed, ["workitem_changed", "snapshot", "connected"]);
});

test("b2_a server that restarts is waited for in silence, for one and a half heartbeats", async () => {
  await openLive();
  await page.evaluate(() => {
    globalThis.seen = [];
    new MutationObserver(() => globalThis.seen.push(document.body.dataset.state)).observe(document.body, { attributes: true });
  });
  // The first of the next streams is refused, as while it is started; that is no news yet.
  server.instead = refuse(503);
  server.say({ type: "closing", reason: "shutdown", reconnectAfterMs: 5 });
  server.end();
  await until("the page was refused", () => server.refused(), (times) => times >= 2);
  server.instead = null;
  await server.listened();
  server.say({ ...connected, resumed: true, heartbeatMs: 100 });
  change({ dataAsOf: Date.now() - HOUR_MS });
  await until("the next stream is heard", age, (shown) => shown === "as of 1 h ago");
  assert.deepEqual(await page.evaluate(() => globalThis.seen), []);

  // Then what is known of it is told.
  server.instead = refuse(503);
  server.say({ type: "closing", reason: "shutdown", reconnectAfterMs: 5 });
  server.end();
  await says("disconnected", /^What stands in front of boardcast answers in its place, 503\b/);
  server.instead = null;
  await tryAgain();
  await server.listened();
  server.say({ ...connected, resumed: true, heartbeatMs: 100 });
  await says("live", /^$/);
  server.say({ type: "closing", reason: "shutdown", reconnectAfterMs: 600_000 });
  server.end();
  await says("disconnected", /^The server was stopped\b/);
});

test("b2_what waiting does not mend is said at once, also after a planned end", async () => {
  await openLive();
  server.instead = signIn;
  server.say({ type: "closing", reason: "lifetime", reconnectAfterMs: 5 });
  server.end();
  const before = performance.now();
  await says("locked", /^You are signed out/);
  assert.ok(performance.now() - before < 15_000, "it was waited for");
});

test("b5_fault_page_2_a planned end that nothing follows is told after one and a half heartbeats", async () => {
  await openLive();
  server.say({ ...connected, resumed: true, heartbeatMs: 100 });
  server.say({ type: "closing", reason: "lifetime", reconnectAfterMs: 600_000 });
  server.end();
  await says("disconnected", /^Nothing was heard from the server/);
});

test("b1_a server with too many readers is called busy, and is left in peace for as long as it asks for", async () => {
  server = await openScripted();
  server.say({ type: "closing", reason: "shed", reconnectAfterMs: 40_000 });
  const busy = await says("busy", /^The server has as many readers as it can take\./);
  assert.match(busy.text, /Next try in (3\d|40) s\./);
  await tryAgain();
  await until("time goes by", look, ({ text }) => text.includes("Next try in") && text !== busy.text);
  assert.equal(server.opened(), 1);
});

test("fault_page_10_the original scope is the server's, and is not computed from a rounded line", async () => {
  server = await openScripted();
  server.say(connected);
  const days = [{ date: "2026-11-16", working: true, ideal: 58.29, remaining: 68, completed: 0, scope: 68 }];
  const lines = (more) => ({ ...board([]), burndown: { unit: "points", days, today: [], ...more } });
  const caption = () => page.$eval(".burndown .words", (element) => element.textContent);
  server.say({ type: "snapshot", ...SCOPE, data: lines({ original: 68 }) });
  await until("the burndown is drawn", async () => (await page.$(".burndown svg")) !== null);
  assert.match(await caption(), /, of 68 planned$/);
  server.say({ type: "snapshot", ...SCOPE, data: lines({}) });
  await until("nothing is claimed", caption, (words) => !words.includes("planned"));
});

test("b7_fault_page_14_the next try is counted down, and gone when it is past", async () => {
  await openLive();
  const note = () => page.$eval(".board .level", (element) => element.innerText);
  server.say({ type: "degraded", ...SCOPE, level: "cached", from: "full", to: "cached", reason: "server_error", since: Date.now(), retryAt: Date.now() + 2500 });
  const first = await until("the board says why", note, (text) => /Next try in [123] s\./.test(text));
  assert.match(first, /Azure DevOps answers with errors \(since /);
  await until("the try is past", note, (text) => !text.includes("Next try"));
  server.say({ type: "degraded", ...SCOPE, level: "cached", from: "cached", to: "cached", reason: "unauthorised", since: Date.now(), retryAt: null });
  await until("the reason is the new one", note, (text) => /Azure DevOps refuses the token .*AZURE_DEVOPS_PAT/.test(text));
  await screenshot(page, "state-cached");
});

test("b7_why something is less than full, and when it is tried again, is told at every level", async () => {
  server = await openScripted();
  const whole = { projectId: null, teamId: null, sprintId: null };
  const wait = "Azure DevOps asks to wait";
  const outages = [
    [{ reason: "loading", remedy: wait }, "loading", /^Azure DevOps is being read for the first time .*Azure DevOps asks to wait[^]*\nNext try in \d+ s\./],
    [{ reason: "throttled" }, "unavailable", /^No board can be shown: Azure DevOps asks to wait until [^]*\nNext try in \d+ s\./],
    [{ reason: "a reason of a newer server" }, "unavailable", /a reason of a newer server .*[^]*\nNext try in \d+ s\./],
  ];
  server.say({ ...connected, scopes: [] });
  for (const [outage, word, text] of outages) {
    server.say({ type: "degraded", ...whole, level: "none", from: "none", to: "none", since: Date.now(), retryAt: Date.now() + 30_000, ...outage });
    await says(word, text);
  }
  const note = () => page.$$eval(".board .level", ([element]) => element?.innerText ?? "");
  for (const [level, more] of [["none", {}], ["cached", {}], ["mock", { mock: true }]]) {
    for (const [outage, , text] of outages) {
      const told = { since: Date.now(), retryAt: Date.now() + 30_000, ...outage };
      server.say({ type: "snapshot", ...SCOPE, data: board([item(1)]), level, ...more, dataAsOf: null, outage: told });
      const words = new RegExp(text.source.replace(/^\^(No board can be shown: )?/, "").replace("\\n", " ?"), "i");
      await until(`a board that is ${level} says ${outage.reason}`, note, (said) => words.test(said));
    }
  }
});

test("b7_fault_page_15_the header is one word, the worst of connection and levels", async () => {
  server = await openScripted();
  server.say({ ...connected, scopes: [SCOPE, OTHER] });
  server.say({ type: "snapshot", ...SCOPE, data: board([item(1)]), level: "cached" });
  server.say({ type: "snapshot", ...OTHER, data: board([]) });
  await says("cached", /^1 of 2 boards is cached\.$/);
  const outage = { reason: "timed_out", since: Date.now(), retryAt: null };
  server.say({ type: "snapshot", ...SCOPE, data: board([]), level: "none", dataAsOf: null, outage });
  server.say({ type: "snapshot", ...OTHER, data: board([item(1)]), level: "mock", mock: true, dataAsOf: null, outage });
  await says("unavailable", /^Of 2 boards 1 is without numbers, 1 is mock\.$/);
  await screenshot(page, "state-levels");
  server.instead = refuse(503);
  server.end();
  await says("disconnected", /503/);
  server.instead = null;
});

test("b7_a state is told once to those who listen, and not again each second", async () => {
  await openLive();
  await page.evaluate(() => {
    globalThis.told = [];
    const region = document.querySelector("[role=status]");
    new MutationObserver(() => globalThis.told.push(region.textContent)).observe(region, { childList: true, characterData: true, subtree: true });
  });
  server.instead = refuse(503);
  server.end();
  const counts = new Set();
  await until("the next try is counted down", look, ({ text }) => counts.add(/Next try in (\d+)/.exec(text)?.[1]).size > 3);
  // A look for the reason that is under way is answered as before.
  server.instead = (response, { url }) => (url.startsWith("/api/sse/") ? false : refuse(503)(response));
  await tryAgain();
  await server.listened();
  server.say({ ...connected, resumed: true });
  await says("live", /^$/);
  // What else speaks, as a chart whose days somebody reads, has nothing to say of it.
  const others = await page.$$eval("[role=status]:not(#words), [aria-live]", (all) => all.map(({ textContent }) => textContent));
  assert.ok(others.every((text) => text === ""), `${others}`);
  const told = (await page.evaluate(() => globalThis.told)).map((text) => text.replace(/\d+:\d+:\d+/, "…"));
  assert.deepEqual(told, [
    "The connection was lost (since …). What is shown is as it was then.",
    "What stands in front of boardcast answers in its place, 503 (since …). It may be starting, or be stopped: whoever runs this site can tell. What is shown is as it was then.",
    "The boards are live.",
  ]);
});
