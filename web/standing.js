// How everything stands, for whoever shows it: what `pageStatus` says of the connection, of the boards, and of those that the
// page's address asks for and that there are none of.

import { filter, keepKey, refusedBy, thoseThereAre } from "./api.js";
import { boards, loading } from "./boardcast.js";
import { plain } from "./filter.js";
import { pageStatus } from "./status.js";
import { follow } from "./version.js";

export class Standing {
  #client;
  #changed;
  #connection = { is: "opening" };
  /** Which other boards there are: `null` until that is known. */
  #others = filter().size > 0 ? null : [];

  /** `changed` is called whenever something else is to be said. */
  constructor(client, changed) {
    this.#client = client;
    this.#changed = changed;
    client.on("event", (event) => this.#hear(event));
    client.on("state", (state) => this.#stand(state));
  }

  /** How the connection stands, in a word of `pageStatus`. */
  get is() {
    return this.#connection.is;
  }

  /** Whether what is shown may be out of date, because the server is not heard. */
  get isOld() {
    const { is } = this.#connection;
    return this.#client.isInDoubt() || (is !== "live" && (is !== "opening" || this.#boards().length > 0));
  }

  /** The boards that there are, where those that were asked for are not among them. */
  get others() {
    return Array.isArray(this.#others) ? this.#others : [];
  }

  /** What `pageStatus` says, of some of the boards where only these are looked at. */
  status(of = this.#boards()) {
    const state = this.#client.getState();
    const all = this.#boards();
    return pageStatus({
      connection: this.#connection,
      isInDoubt: this.#client.isInDoubt(),
      boards: of,
      loading: loading(state),
      organisation: state.organisation,
      isStoreAway: state.isStoreAway,
      others: this.#others,
      asked: all.length > 0 ? this.#unmatched() : filter(),
    });
  }

  #boards() {
    return boards(this.#client.getState());
  }

  #hear(event) {
    // What opened a stream is no worse than what was kept before.
    if (event.type === "connected") {
      keepKey();
      follow(event.serverVersion);
    }
    const isMissed = loading(this.#client.getState()) === 0 && this.#unmatched().size > 0;
    if (isMissed && (["connected", "heartbeat"].includes(event.type) || this.#others === null)) this.#lookForOthers();
  }

  async #stand(state) {
    const told = await connectionOf(state);
    // An answer that had to be asked about is old when another came meanwhile.
    if (this.#client.state !== state) return;
    this.#connection = told;
    this.#changed();
  }

  /** What of the page's own filter is the name or the id of no board's project or team. */
  #unmatched() {
    const all = this.#boards();
    const isOf = (noun, value) => (board) => [board[noun]?.id, board[noun]?.name].some((known) => known != null && plain(known) === plain(value));
    return new URLSearchParams([...filter()].filter(([noun, value]) => !all.some(isOf(noun, value))));
  }

  async #lookForOthers() {
    try {
      this.#others = await thoseThereAre(this.#client);
    } catch (error) {
      // Who was told which there are keeps them.
      if (!Array.isArray(this.#others)) this.#others = error;
    }
    this.#changed();
  }
}

/** How the connection stands, by `is` of `pageStatus`, with what a refusal tells. */
async function connectionOf({ reason, answer, since, nextTryAt, polling }) {
  const more = { since, retryAt: nextTryAt, polling };
  if (reason !== "refused") return { is: reason === "shed" ? "busy" : reason, ...more };
  const { refusal, answered, said, login } = await refusedBy(answer);
  return { is: refusal, answered, said, login, ...more };
}
