// What is kept across a reload: the boards with the position that they are of, and whose they are.

import { initial, keyOf } from "./reducer.js";

const FORM = 1;
const CACHE = "boardcast-boards";

/** The boards that are whole, with the position up to which they were told. */
function toSaved(state, position) {
  const isWhole = ({ key }) => !state.loads[key] && !state.awaited.includes(key);
  const boards = Object.values(state.boards).filter(isWhole).map((board) => ({ ...board, items: [...board.items.values()] }));
  return { form: FORM, position, demo: state.demo, boards };
}

/** The state that was saved, or `null` where that is none that can be read. */
function fromSaved(saved) {
  if (saved?.form !== FORM || typeof saved.position !== "string" || !Array.isArray(saved.boards)) return null;
  const boards = saved.boards.map((board) => [keyOf(board), { ...board, items: new Map(board.items.map((item) => [item.id, item])) }]);
  return { state: { ...initial(), demo: saved.demo === true, boards: Object.fromEntries(boards) }, position: saved.position };
}

/** Keeps what is saved in a browser's `sessionStorage` or `localStorage`, or in anything with their two methods. */
export function webStorage(area) {
  return {
    async load(name) {
      return fromSaved(JSON.parse(area.getItem(`boardcast:${name}`)));
    },
    async save(name, state, position) {
      area.setItem(`boardcast:${name}`, JSON.stringify(toSaved(state, position)));
    },
  };
}

/** Keeps what is saved in a browser's cache, where there is room for large boards. Needs a secure context, as loopback is. */
export function cacheStorage(caches = globalThis.caches) {
  const address = (name) => `/?${new URLSearchParams({ boardcast: name })}`;
  return {
    async load(name) {
      const found = await (await caches.open(CACHE)).match(address(name));
      return fromSaved(found ? await found.json() : null);
    },
    async save(name, state, position) {
      await (await caches.open(CACHE)).put(address(name), new Response(JSON.stringify(toSaved(state, position))));
    },
  };
}
