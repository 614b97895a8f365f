// What happens on a board, as people say it: who, what, from where to where. The newest first.

import { made } from "./elements.js";
import { age, amount, person, setText } from "./text.js";
import { wordsOf } from "./ticker-words.js";

const SHOWN = 12;

export class Ticker {
  #list = made("ol", "ticks");
  #nothing = made("p", "facts", "Nothing yet since this page was opened.");
  #told = [];

  constructor(section) {
    // It has its place from the start: what happens first pushes nothing away.
    section.hidden = false;
    section.append(made("h3", "", "What happens"), this.#nothing, this.#list);
  }

  /** Takes in a `workitem_changed`. */
  tell(event) {
    const words = wordsOf(event, { number: (value) => amount(value), person: (name) => person({ name }) });
    if (!words) return;
    const when = made("time", "facts");
    when.dateTime = new Date(event.timestamp).toISOString();
    const { who, did, id, title, details } = words;
    const what = [made("bdi", "who", who ?? "Somebody"), ` ${did} #${id} `, made("bdi", "", title), details.length > 0 ? `: ${details.join(", ")}` : "", " ", when];
    this.#list.prepend(made("li", "tick", what));
    this.#told.unshift({ when, at: event.changedAt ?? event.timestamp });
    while (this.#told.length > SHOWN) {
      this.#told.pop();
      this.#list.lastElementChild.remove();
    }
    this.#nothing.remove();
    this.tick();
  }

  /** Lets the ages grow. */
  tick() {
    for (const { when, at } of this.#told) setText(when, `· ${agoWords(age(at))}`);
  }
}

function agoWords(words) {
  return /\d/.test(words) ? `${words} ago` : words;
}
