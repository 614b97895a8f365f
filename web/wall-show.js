// The wall while it is no quiet hour: it listens, shows one team after the other, and draws anew only what changed.

import { ageWords } from "./board-words.js";
import { timesOf } from "./chart-data.js";
import { boards, keyOf, loading } from "./boardcast.js";
import { BurndownChart } from "./chart.js";
import { client } from "./live.js";
import { Standing } from "./standing.js";
import { boardWords } from "./status.js";
import { duration, initials, nextTry, setText } from "./text.js";
import { wordsOf } from "./ticker-words.js";
import { node } from "./wall-dom.js";
import { boardModel, teamNames } from "./wall-model.js";
import { keepAwake, shiftPixels } from "./wall-night.js";
import { PARTS, fit } from "./wall-parts.js";
import { Rotation, shareOf } from "./rotation.js";

const BOARD_PARTS = ["head", "outlook", "numbers", "chart", "nothing", "needs", "changes"];
/** Of each board so many changes are kept. */
const CHANGES_KEPT = 10;
/** So long the first team is waited for until all are there, of which one may be worse. */
const PATIENCE_MS = 3000;
/** So often the chart's *now* goes on where nothing changes. */
const NOW_MS = 300_000;
/** Of what is wrong so much is large. */
const LOUD_SENTENCES = 2;
/** So many faults of the wall's address are told, as one may be given in every part of it. */
const FAULTS_MAX = 2;
/** So many teams are named above a board. */
const NAMES_MAX = 6;
/** What pauses and goes on, and what steps: keys of keyboards and of remote controls. */
const PAUSE_KEYS = [" ", "Enter", "MediaPlayPause", "Pause"];
const STEP_KEYS = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, MediaTrackNext: 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1, MediaTrackPrevious: -1 };

/** Shows the wall. Returns what ends it: then nothing is asked of the server any more. */
export function show(options) {
  const wall = new Wall(options);
  return () => wall.end();
}

class Wall {
  #options;
  #parts = new Map();
  #drawn = new Map();
  /** What tells the time, and of what. */
  #ages = new Map();
  #root;
  #progress = node("div", "w-progress");
  #rotation = new Rotation();
  #chart = new BurndownChart({ tools: false });
  /** What is charted, and when it was. */
  #charted = { of: [], at: -Infinity };
  #turn = null;
  #isPaused = false;
  #changes = new Map();
  #standing = new Standing(client, () => this.#look());
  #startedAt = performance.now();
  #isDue = false;
  #ending = new AbortController();
  #ends = [];

  constructor(options) {
    this.#options = options;
    this.#build();
    this.#ends.push(client.subscribe(() => this.#look()), client.on("event", (event) => this.#hear(event)), keepAwake());
    if (options.isShifted) this.#ends.push(shiftPixels(this.#root));
    const { signal } = this.#ending;
    addEventListener("keydown", (event) => this.#press(event), { signal });
    addEventListener("resize", () => fit(this.#root), { signal });
    addEventListener("hashchange", () => client.tryNow({ force: true }), { signal });
    document.fonts?.ready.then(() => fit(this.#root));
    const timer = setInterval(() => this.#tick(), 1000);
    this.#ends.push(() => clearInterval(timer), () => client.close());
    // A screen that is loaded anew while nothing answers shows what was last known, and not an error of the browser.
    navigator.serviceWorker?.register("sw.js", { scope: "/api/dashboard" }).catch((error) => console.warn("the page cannot be kept", error));
    this.#draw();
  }

  end() {
    this.#ending.abort();
    this.#turn?.cancel();
    for (const end of this.#ends) end();
  }

  #build() {
    for (const name of [...BOARD_PARTS, "band", "empty"]) this.#parts.set(name, node("section", `w-part w-${name}`));
    const part = (name) => this.#parts.get(name);
    part("band").setAttribute("role", "status");
    this.#progress.setAttribute("aria-hidden", "true");
    const middle = node("div", "w-middle", part("chart"), part("nothing"), part("needs"));
    this.#root = node("main", "w", part("head"), part("band"), part("empty"), part("outlook"), part("numbers"), middle, part("changes"));
    document.body.replaceChildren(this.#progress, this.#root, node("div", "w-water"));
  }

  #hear(event) {
    if (wordsOf(event) === null) return;
    const key = keyOf(event);
    const at = event.changedAt ?? event.timestamp;
    this.#changes.set(key, [{ event, at }, ...(this.#changes.get(key) ?? [])].slice(0, CHANGES_KEPT));
  }

  /** Draws with the next frame what is another by then. */
  #look() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => this.#isDue && this.#draw());
  }

  #tick() {
    if (this.#isDue) this.#draw();
    if (this.#tellTimes()) fit(this.#root);
    this.#paintChart();
    this.#stand();
  }

  #draw() {
    this.#isDue = false;
    if (this.#ending.signal.aborted) return;
    const state = client.getState();
    const all = boards(state);
    const isEarly = this.#rotation.key === undefined && loading(state) > 0 && performance.now() - this.#startedAt < PATIENCE_MS;
    const isAnother = this.#rotation.update(isEarly ? [] : all);
    // Where teams come or go the pieces of the line are others, and the turn begins anew.
    if (isAnother || this.#rotation.place.of !== this.#progress.childElementCount) this.#begin();
    else this.#segments();
    this.#paint();
  }

  /** The board that is shown. */
  #board() {
    return client.getState().boards[this.#rotation.key];
  }

  #paint() {
    const board = this.#board();
    const model = board
      ? boardModel(board, { isOld: this.#standing.isOld, changes: this.#changes.get(board.key) ?? [], person: (name) => this.#person(name) })
      : {};
    const drawn = BOARD_PARTS.map((name) => this.#part(name, model[name] ?? null));
    if (drawn.some(Boolean)) this.#mark(board, model.outlook);
    this.#paintChart();
    this.#stand(drawn.some(Boolean));
  }

  /** Charts what is not charted already. */
  #paintChart() {
    const board = this.#board();
    if (!board?.burndown) return;
    const isInDoubt = client.isInDoubt();
    // What has not changed is the same object.
    const of = [board.key, board.burndown, board.metrics, board.scopeChanges, isInDoubt, client.since];
    const isSame = of.every((part, index) => part === this.#charted.of[index]);
    if (isSame && performance.now() - this.#charted.at < NOW_MS) return;
    this.#charted = { of, at: performance.now() };
    this.#chart.update(board, ...timesOf(board, client));
  }

  /** Says how everything stands; then everything has to fit. */
  #stand(isDrawn = false) {
    const board = this.#board();
    const status = this.#standing.status(board ? [board] : []);
    const { word, retryAt } = status;
    if (document.body.dataset.state !== word) document.body.dataset.state = word;
    const isBand = this.#part("band", board ? this.#bandOf(board, status) : null);
    const names = word === "unknown" ? teamNames(this.#standing.others) : [];
    const faults = this.#faults();
    const isEmpty = this.#part("empty", board ? null : { word, text: [status.text, faults].filter(Boolean).join(" "), names, retryAt });
    const line = this.#root.querySelector(".w-head .w-word");
    if (line) setText(line, this.#isPaused ? `${word} · paused` : word);
    const named = board ? (board.team?.name ?? board.project.name ?? "") : "";
    const title = [named, word === "live" ? "" : word, "boardcast"].filter(Boolean).join(" · ");
    if (document.title !== title) document.title = title;
    if (!isDrawn && !isBand && !isEmpty) return;
    this.#tellTimes();
    fit(this.#root);
  }

  /** What is said above everything else: why what is shown may not be true, and what is wrong with the wall's address. */
  #bandOf(board, { word, text, retryAt }) {
    const level = boardWords(board);
    const isLevel = ["cached", "mock", "unavailable"].includes(word) && level !== "";
    const parts = [];
    // While other boards are being read this one is what it is.
    if (isLevel) parts.push(...loud(level));
    else if (text !== "" && (word !== "loading" || this.#standing.isOld)) parts.push(...(["live", "loading", "checking"].includes(word) ? [quiet(text)] : loud(text)));
    if (!isLevel && level !== "") parts.push(quiet(level));
    const names = word === "unknown" ? teamNames(this.#standing.others).slice(0, NAMES_MAX) : [];
    if (names.length > 0) parts.push(quiet(`${names.join(", ")}.`));
    if (this.#options.faults.length > 0) parts.push(quiet(`In this wall’s address: ${this.#faults()}`));
    return parts.length === 0 ? null : { word, parts, retryAt: isLevel ? board.retryAt : retryAt };
  }

  /** What is wrong with the wall's address; the rest is told when these are mended. */
  #faults() {
    const { faults } = this.#options;
    const more = faults.length > FAULTS_MAX ? [`And ${faults.length - FAULTS_MAX} more.`] : [];
    return [...faults.slice(0, FAULTS_MAX), ...more].join(" ");
  }

  /** Draws a part where its data is another. Says whether it was. */
  #part(name, model) {
    const json = JSON.stringify(model);
    if (this.#drawn.get(name) === json) return false;
    this.#drawn.set(name, json);
    const element = this.#parts.get(name);
    for (const old of this.#ages.keys()) if (element.contains(old)) this.#ages.delete(old);
    element.hidden = model === null;
    element.replaceChildren(...(model === null ? [] : PARTS[name](model, this.#ages, this.#chart)));
    return true;
  }

  /** What of the whole picture follows the board: what it is a demo or a mock of, and how it stands. */
  #mark(board, outlook) {
    const { dataset } = this.#root;
    dataset.scope = board?.key ?? "";
    dataset.level = board ? (board.mock ? "mock" : board.level) : "";
    dataset.verdict = outlook?.verdict ?? "";
    const water = board?.mock ? "mock" : board?.demo ? "demo" : null;
    if (water) document.body.dataset.water = water;
    else delete document.body.dataset.water;
  }

  /** Lets ages grow. Says whether one of a change is of another length, so that its line has room for another title. */
  #tellTimes() {
    const board = this.#board();
    const now = client.now();
    const words = {
      asOf: () => (board ? ageWords(board) : ""),
      ago: (at) => (now - at < 1000 ? "now" : `${duration(now - at)} ago`),
      for: (at) => duration(Math.max(0, now - at)),
      next: (at) => nextTry(at),
      clock: () => new Date().toLocaleTimeString(navigator.languages, { timeStyle: "short" }),
    };
    let isOther = false;
    for (const [element, { at, kind }] of this.#ages) {
      const said = words[kind](at);
      isOther ||= kind === "ago" && said.length !== element.textContent.length;
      setText(element, said);
    }
    this.#root.classList.toggle("w-old", this.#standing.isOld);
    return isOther;
  }

  #person(name) {
    return this.#options.isInitials ? initials(name) : name;
  }

  /** As many pieces of the line as there are teams, the one that is shown running. */
  #segments() {
    const { index, of } = this.#rotation.place;
    if (this.#progress.hidden !== of < 2) this.#progress.hidden = of < 2;
    if (this.#progress.childElementCount !== of) {
      this.#progress.replaceChildren(...Array.from({ length: of }, () => node("span", "", node("i"))));
    }
    [...this.#progress.children].forEach((piece, place) => piece.classList.toggle("w-past", place < index));
  }

  /** Begins to show a team for as long as it is due. */
  #begin() {
    this.#turn?.cancel();
    this.#turn = null;
    this.#segments();
    const { index, of } = this.#rotation.place;
    const board = this.#board();
    if (of < 2 || !board) return;
    const duration = this.#options.ms * shareOf(board);
    // A step a second is enough for the eye, and costs a television nothing.
    const easing = `steps(${Math.max(1, Math.round(duration / 1000))})`;
    const line = this.#progress.children[index].firstElementChild;
    this.#turn = line.animate([{ transform: "scaleX(0)" }, { transform: "scaleX(1)" }], { duration, easing });
    if (this.#isPaused) this.#turn.pause();
    const turn = this.#turn;
    turn.onfinish = () => turn === this.#turn && this.#step(1);
  }

  #step(by) {
    this.#rotation.step(by, boards(client.getState()));
    this.#begin();
    this.#paint();
  }

  #press(event) {
    if (PAUSE_KEYS.includes(event.key)) this.#pause();
    else if (STEP_KEYS[event.key]) this.#step(STEP_KEYS[event.key]);
    else return;
    event.preventDefault();
  }

  #pause() {
    this.#isPaused = !this.#isPaused;
    if (this.#isPaused) this.#turn?.pause();
    else this.#turn?.play();
    this.#stand();
  }
}

function quiet(text) {
  return { text, isLoud: false };
}

/** What it is, and since when, is for everybody; what to do about it for whoever steps closer. */
function loud(text) {
  const sentences = text.split(/(?<=[.…]) /);
  const parts = [{ text: sentences.slice(0, LOUD_SENTENCES).join(" "), isLoud: true }];
  if (sentences.length > LOUD_SENTENCES) parts.push(quiet(sentences.slice(LOUD_SENTENCES).join(" ")));
  return parts;
}
