// In which order teams are shown, and on a wall for how long: the worst first, and longer. Pure.

/** The worst first. */
const VERDICTS = ["behind", "at_risk", "unknown", "on_track"];
const SHARES = { behind: 2, at_risk: 1.5 };

/**
 * The boards in the order in which they are shown: what is not true or not known, then by how the sprint stands; of those that
 * stand alike by how much is lacking, then by how much is blocked, then by name.
 */
export function worstFirst(boards) {
  return boards
    .map((board, index) => ({ board, badness: [...badnessOf(board), -index] }))
    .sort((one, other) => compared(other.badness, one.badness))
    .map(({ board }) => board);
}

/** How a board stands, as roughly as whoever looks would say that it is another: not every point of a chance makes it one. */
export function standsAs(board) {
  const [rank, lack, blocked] = badnessOf(board);
  return [rank, Math.floor(10 * lack), blocked].join();
}

/** How bad a board is, the weightiest first. */
function badnessOf(board) {
  const rank = rankOf(board);
  // What its sprint is said to lack is invented, or not up to date.
  if (rank < 0) return [-rank, 0, 0];
  return [-rank, lackOf(board.outlook?.inputs ?? {}), board.metrics?.["items.blocked"]?.value ?? 0];
}

/** What a sprint lacks: the chance that it is not completed, or how much of it is left that should not be. */
function lackOf({ by, runs, runsDone, remaining, ideal, scope }) {
  const lack = { forecast: 1 - runsDone / runs, ideal: (remaining - ideal) / scope, done: -1 }[by];
  return Number.isFinite(lack) ? lack : 0;
}

function compared(one, other) {
  const at = one.findIndex((value, index) => value !== other[index]);
  return at < 0 ? 0 : one[at] - other[at];
}

function rankOf({ mock, level, outlook }) {
  if (mock || level === "none") return -2;
  if (level !== "full") return -1;
  const rank = VERDICTS.indexOf(outlook?.verdict ?? "unknown");
  return rank < 0 ? VERDICTS.indexOf("unknown") : rank;
}

/** How many times as long as others a board is shown. */
export function shareOf({ outlook }) {
  return SHARES[outlook?.verdict] ?? 1;
}

/** Goes from team to team: each is shown once before the first is shown again. */
export class Rotation {
  #round = [];
  #at = 0;

  /** Takes in which boards there are: what is shown stays, the worst come next. Says whether another is shown. */
  update(boards) {
    const before = this.key;
    const all = worstFirst(boards).map(({ key }) => key);
    const shown = this.#round.slice(0, this.#at).filter((key) => all.includes(key));
    const now = all.filter((key) => key === before);
    const rest = all.filter((key) => key !== before && !shown.includes(key));
    this.#round = [...shown, ...now, ...rest];
    this.#at = shown.length < this.#round.length ? shown.length : 0;
    return this.key !== before;
  }

  /** The key of the board that is shown; `undefined` where there is none. */
  get key() {
    return this.#round[this.#at];
  }

  /** Which of how many is shown. */
  get place() {
    return { index: this.#at, of: this.#round.length };
  }

  /** Goes on by one, or back; at the end of a round the worst is the first again. */
  step(by, boards) {
    const count = this.#round.length;
    if (count === 0) return;
    this.#at += by;
    if (this.#at < 0) this.#at = count - 1;
    if (this.#at < count) return;
    this.#round = worstFirst(boards).map(({ key }) => key);
    this.#at = 0;
  }
}
