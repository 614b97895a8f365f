// A board on the screen. Only what changed is touched.

import { boardAddress, pageAddress } from "./api.js";
import { paintAttention } from "./attention.js";
import { ageWords, nameOf, nothingWords, outlookWords } from "./board-words.js";
import { clockOfTeam, timesOf } from "./chart-data.js";
import { BurndownChart } from "./chart.js";
import { Digest } from "./digest.js";
import { patch } from "./draw.js";
import { asked, clone, fill, made, whyButton } from "./elements.js";
import { isWanted } from "./page-options.js";
import { boardOf, isNow, momentWords, moments, refusedWords, reviewWords } from "./past.js";
import { Rows, WAYS } from "./rows.js";
import { chainWords, paintCapacity, paintScope } from "./sections.js";
import { client, isHeard } from "./live.js";
import { boardWords } from "./status.js";
import { Ticker } from "./ticker.js";
import { Tiles, stampOf } from "./tiles.js";
import { count, day, days, nextTry, setText, zone } from "./text.js";
import { VelocityBars } from "./velocity.js";

/** So often a chart's line of now moves by itself. */
const NOW_MS = 30_000;
/** What could not be shown because nothing answered is asked for again as soon as the server is heard, else so often. */
const AGAIN_MS = 10_000;
const UNANSWERED = ["offline", "unreachable", "gateway"];

/** What is scrolled where it has more lines than fit, and what it is called for who does not see it. */
const SCROLLED = { digest: "Since the last stand-up", ticker: "What happens", scope: "Scope" };

let boardsMade = 0;

export class BoardView {
  #element = clone("board");
  #rows;
  #tiles;
  #ticker;
  #digest;
  #sections = new Map();
  #chart;
  #velocity;
  #drawnAt = 0;
  #moments;
  /** The board as it was at the moment that somebody looks at; `null` while that is now. */
  #then = null;
  /** That moment, as it is chosen; empty for now. */
  #moment = "";
  #asked = 0;
  /** The moment that is to be shown as soon as somebody answers, and when it was asked for last. */
  #owed = null;
  #wasHeard = false;
  /** The name of the choice between the ways to arrange the items: that of no other board. */
  #way = `by-${(boardsMade += 1)}`;

  /** `isAlone` is of a board that has the page for itself, and tells more. */
  constructor(isAlone) {
    const wanted = new URLSearchParams(location.search);
    this.isAlone = isAlone;
    const by = Object.hasOwn(WAYS, wanted.get("by")) ? wanted.get("by") : "state";
    this.#rows = new Rows(this.#find(".groups"), by);
    this.#tiles = new Tiles(this.#find(".overview .tiles"), this.#find(".more dl"));
    this.#find(".now").addEventListener("click", () => this.#step(""));
    this.#find(".jump").addEventListener("click", () => this.#find(".tools").focus());
    this.#chart = new BurndownChart({ tools: isAlone, choice: chosen(), onChoice: (choice) => {
      keepChoice(choice);
      this.#caption();
    } });
    this.#find(".burndown").prepend(this.#chart.element);
    this.#element.classList.toggle("alone", isAlone);
    this.#find(".tools").hidden = !isAlone;
    if (isAlone) this.#furnish(by, wanted);
    // Of several each is a place that who does not see them may go to.
    else this.#element.setAttribute("role", "region");
  }

  get element() {
    return this.#element;
  }

  /** Paints everything of the board that is not painted already. */
  whole(board) {
    this.board = board;
    if (board.lastChange) {
      const { changedAt, receivedAt, appendedAt } = board.lastChange;
      this.#chain({ changedAt, receivedAt, timestamp: appendedAt });
    }
    if (this.#then === null) this.#paint(board);
    else this.#stand(board);
    this.#wish();
  }

  /** Paints what an event changed, and how true and how old all of it is. */
  change(board, before) {
    this.board = board;
    if (this.#then !== null) return;
    if (board.items !== before.items) this.#rows.change(board, before);
    if (board.metrics !== before.metrics || board.items !== before.items) {
      this.#tiles.change(board, before);
      if (board.metrics["sprint.days_left"] !== before.metrics["sprint.days_left"]) paintSprint(this.#find(".sprint"), board);
    }
    if (board.outlook !== before.outlook || board.backfill !== before.backfill) paintOutlook(this.#find(".outlook"), board);
    if (["burndown", "metrics", "scopeChanges"].some((part) => board[part] !== before[part])) this.#paintCharts(board);
    this.#paintSections(board);
    this.#stand(board);
  }

  /** Takes in what happened to an item of the board, for people to read. */
  tell(event, paintedAt) {
    this.#ticker?.tell(event, paintedAt);
    this.#chain({ ...event, paintedAt });
  }

  /** The board that is shown and can be asked. */
  get shown() {
    return this.#then ?? this.board;
  }

  /** Which moment of the past is shown, in words; empty while that is now. */
  get past() {
    return this.#then ? `as of the end of ${this.#then.then}` : "";
  }

  /** Lets the age of what is shown grow, and the time until the next try shrink. */
  tick() {
    const board = this.shown;
    setText(this.#find(".age"), this.past || ageWords(board));
    setText(this.#find(".level .next"), nextTry(board.retryAt));
    this.#tiles.tick(board);
    setText(this.#find(".burndown .stamp"), stampOf(board));
    if (performance.now() - this.#drawnAt > NOW_MS) this.#paintCharts(board);
    this.#ticker?.tick();
  }

  /** Asks again for what nobody answered, and for what is due. Called once a second. */
  renew() {
    const isBack = isHeard() && !this.#wasHeard;
    this.#wasHeard = isHeard();
    this.#digest?.renew(this.#wasHeard);
    if (this.#owed && (isBack || (this.#wasHeard && performance.now() - this.#owed.at > AGAIN_MS))) this.#go(this.#owed.moment);
  }

  /** How long the newest change took, step by step. */
  #chain(steps) {
    const words = chainWords(steps);
    if (words && this.#sections.has("chain")) setText(this.#sections.get("chain"), words);
  }

  /** What a board that has the page for itself has besides. */
  #furnish(by, wanted) {
    for (const name of ["review", "digest", "ticker", "scope", "pace", "capacity"]) {
      const section = made("section", `section ${name}`);
      section.hidden = true;
      if (SCROLLED[name]) {
        // By the keys as well.
        section.tabIndex = 0;
        section.setAttribute("aria-label", SCROLLED[name]);
      }
      this.#sections.set(name, section);
    }
    this.#ticker = new Ticker(this.#sections.get("ticker"));
    this.#velocity = new VelocityBars();
    this.#sections.get("pace").append(made("h3"), this.#velocity.element);
    this.#digest = new Digest(this.#sections.get("digest"));
    const chain = made("p", "chain facts");
    this.#sections.set("chain", chain);
    const sections = this.#find(".sections");
    sections.append(...this.#sections.values());
    this.#find(".overview").append(this.#sections.get("ticker"));
    sections.hidden = false;
    this.#moments = made("select", "moments");
    this.#moments.setAttribute("aria-label", "Which moment is shown");
    this.#moments.addEventListener("change", () => this.#step(this.#moments.value));
    addEventListener("popstate", () => {
      const moment = momentOfAddress();
      // What else was chosen stays, and so it does in the address.
      history.replaceState(history.state, "", pageAddress(kept) + location.hash);
      keepMoment(moment);
      if (moment !== this.#moment) this.#go(moment);
    });
    this.#find(".tools").prepend(this.#moments);
    for (const [way, words] of Object.entries(WAYS)) this.#find(".by").append(this.#wayTo(way, words, by));
    const find = this.#find(".find");
    find.value = wanted.get("find") ?? "";
    const look = () => {
      this.#rows.find(find.value);
      keep("find", find.value);
    };
    find.addEventListener("input", look);
    if (find.value !== "") this.#rows.find(find.value);
    document.addEventListener("keydown", (event) => {
      const isTyping = event.target.matches("input, select, textarea, [contenteditable]");
      if (event.key !== "/" || this.#element.hidden || isTyping || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      find.focus();
    });
  }

  #wayTo(way, words, by) {
    const choice = made("input");
    [choice.type, choice.name, choice.value, choice.checked] = ["radio", this.#way, way, way === by];
    choice.addEventListener("change", () => {
      this.#rows.arrange(way);
      keep("by", way === "state" ? "" : way);
    });
    return made("label", "", [choice, words]);
  }

  /** Goes to a moment that somebody chose, from where the browser leads back. */
  #step(moment) {
    if (this.#moment !== moment) history.pushState(history.state, "");
    this.#go(moment);
  }

  /** Goes to a moment of the past, or back to now. */
  async #go(moment) {
    const question = (this.#asked += 1);
    this.#owed = null;
    keepMoment(moment);
    const bar = this.#find(".then");
    if (moment === "") {
      [this.#then, this.#moment] = [null, ""];
      this.#element.classList.remove("past");
      this.#paint(this.board);
      this.#moments.value = "";
      // The button that was pressed goes.
      if (!bar.hidden) this.#moments.focus();
      bar.hidden = true;
      return;
    }
    let words;
    try {
      const then = await boardOf(this.board, moment);
      if (question !== this.#asked) return;
      if (isNow(this.board, then)) return void this.#go("");
      [this.#then, this.#moment] = [then, moment];
      words = momentWords(then);
      this.#element.classList.add("past");
      this.#paint(then);
      fill(this.#moments, moments(this.board, then));
      this.#moments.value = moment;
    } catch (error) {
      if (question !== this.#asked) return;
      const isOwed = UNANSWERED.includes(error.refusal) || (!isHeard() && !error.code);
      // What is shown stays, and so does what says which moment that is. The address asks until somebody has answered.
      if (isOwed) this.#owed = { moment, at: performance.now() };
      else keepMoment(this.#moment);
      this.#moments.value = this.#moment;
      words = refusedWords(moment, error, isOwed ? ["it is asked for again as soon as the server is heard"] : []);
    }
    bar.hidden = false;
    setText(bar.querySelector(".now"), this.#then ? "Back to now" : "Close");
    setText(bar.querySelector(".moment"), words);
  }

  /** Shows the moment that the page's address asks for, once there is a board to ask. */
  #wish() {
    if (!this.isAlone || this.#asked > 0 || !this.board.team) return;
    this.#asked = 1;
    const moment = momentOfAddress();
    if (moment) this.#go(moment);
  }

  #paint(board) {
    const { project, team } = board;
    const element = this.#element;
    element.dataset.scope = board.key;
    element.toggleAttribute("data-demo", board.demo);
    const heading = this.#find("h2");
    const name = nameOf(team ?? project);
    if (this.isAlone) setText(heading, name);
    else fill(heading, [linkOf(board, name)]);
    heading.id = `board-${board.key}`;
    element.setAttribute("aria-labelledby", heading.id);
    setText(this.#find(".more summary"), `All numbers of ${name}`);
    paintSprint(this.#find(".sprint"), board);
    const goal = this.#find(".goal");
    goal.hidden = !board.sprint?.goal;
    setText(goal, board.sprint?.goal ? `Goal: ${board.sprint.goal.title}` : "");
    const nothing = this.#find(".nothing");
    nothing.hidden = !team || board.sprint !== null;
    setText(nothing, nothing.hidden ? "" : nothingWords(board));
    paintOutlook(this.#find(".outlook"), board);
    this.#rows.whole(board);
    this.#tiles.whole(board);
    this.#find(".more").hidden = this.#find(".more dl").childElementCount === 0;
    this.#paintCharts(board);
    this.#paintSections(board);
    this.#stand(board);
  }

  #paintSections(board) {
    paintAttention(this.#find(".attention"), board);
    if (!this.isAlone) return;
    paintScope(this.#sections.get("scope"), board);
    paintCapacity(this.#sections.get("capacity"), board);
    this.#digest.follow(board);
    const review = this.#sections.get("review");
    fill(review, reviewWords(board));
    review.hidden = review.childElementCount === 0;
    this.#moments.hidden = !board.team;
    if (this.#then === null && board.team) fill(this.#moments, moments(board));
  }

  /** Says what level and how old the board is. */
  #stand(board) {
    this.#element.dataset.level = board.mock ? "mock" : board.level;
    const note = this.#find(".level");
    const words = boardWords(board);
    note.hidden = words === "";
    setText(note.querySelector(".reason"), words);
    this.tick();
  }

  #find(selector) {
    return this.#element.querySelector(selector);
  }

  #paintCharts(board) {
    this.#drawnAt = performance.now();
    this.#chart.update(board, ...(this.#then ? [null] : timesOf(board, client)));
    this.#find(".burndown").hidden = !board.burndown;
    this.#caption();
    if (!this.#velocity) return;
    this.#velocity.update(board);
    const pace = this.#sections.get("pace");
    fill(pace.firstChild, [...asked("Velocity", "velocity.average", board, "Velocity, the average").childNodes]);
    pace.hidden = this.#velocity.element.hidden;
  }

  #caption() {
    patch(this.#find(".burndown .words"), this.#chart.caption);
  }
}

/** How the chart was last looked at, by the page's address. */
export function chosen() {
  const wanted = new URLSearchParams(location.search);
  const is = (name) => isWanted(wanted, name);
  return { unit: wanted.get("unit"), burnup: is("burnup"), hidesDaysOff: is("workdays"), table: is("table") };
}

function keepChoice({ unit, burnup, hidesDaysOff, table }) {
  keep("unit", unit ?? "");
  for (const [name, is] of Object.entries({ burnup, workdays: hidesDaysOff, table })) keep(name, is ? "1" : "");
}

const MOMENTS = ["day", "sprint"];

function momentOfAddress() {
  const wanted = new URLSearchParams(location.search);
  const name = MOMENTS.find((each) => wanted.get(each));
  return name ? `${name}=${wanted.get(name)}` : "";
}

function keepMoment(moment) {
  for (const name of MOMENTS) keep(name, moment.startsWith(`${name}=`) ? moment.slice(name.length + 1) : "");
}

/** What the address asks for. */
let kept = location.search;

/** Keeps a choice in the page's address, so that the address can be given away. */
function keep(name, value) {
  const wanted = new URLSearchParams(location.search);
  if (value === "") wanted.delete(name);
  else wanted.set(name, value);
  kept = wanted.size > 0 ? `?${wanted}` : "";
  if (kept !== location.search) history.replaceState(history.state, "", pageAddress(kept) + location.hash);
}

/** Whether the sprint will be completed in time, in a line that is hidden where nobody tells. */
export function paintOutlook(line, board) {
  const { outlook = null, burndown = null, team, project } = board;
  line.hidden = outlook === null;
  if (!outlook) return;
  const { verdict, sign, word, text } = outlookWords(board);
  Object.assign(line.dataset, { verdict, sign });
  const rests = { forecast: "forecast.probability", ideal: `${burndown?.unit ?? "points"}.remaining`, done: "items.completed" }[outlook.inputs?.by];
  const name = `${word}: whether it will be completed in time`;
  fill(line, rests ? [new Text(`${word}: ${text} `), whyButton(rests, name, { team: nameOf(team ?? project) })] : [new Text(`${word}: ${text}`)]);
}

/** A link to the page of one board alone. */
export function linkOf({ project, team }, text) {
  const anchor = made("a", "", text);
  anchor.href = boardAddress(nameOf(project), team && nameOf(team));
  return anchor;
}

/** How a sprint stands, in a line: whose it is, its days, and how many are left, which asks. */
export function paintSprint(line, board) {
  const parts = sprintWords(board).flatMap((part, index) => (index > 0 ? ["\u00a0· ", part] : [part]));
  fill(line, [...made("p", "", parts).childNodes]);
}

function sprintWords({ project, team, sprint, nextSprint, metrics, burndown, review }) {
  if (!team) return ["What service hooks told of this project"];
  const words = [nameOf(project)];
  if (sprint) {
    words.push(sprint.name);
    if (sprint.startDate && sprint.finishDate) words.push(days(sprint.startDate, sprint.finishDate));
    if (review) return [...words, "over", ...(sprint.workingDays === null ? [] : [count(sprint.workingDays, "working day")])];
    const number = metrics["sprint.days_left"];
    const left = number?.value ?? sprint.daysLeft;
    const text = `${sprint.workingDays === null ? "" : `${left} of `}${count(sprint.workingDays ?? left, "working day")} left`;
    if (left !== null) words.push(number ? whyButton("sprint.days_left", "Working days left", { text, team: nameOf(team) }) : text);
    const clock = clockOfTeam(burndown);
    if (clock) words.push(`days of ${zone(clock.ahead)}`);
  } else {
    words.push("no sprint now");
    if (nextSprint) words.push(`${nextSprint.name} begins on ${day(nextSprint.startDate)}`);
  }
  return words;
}
