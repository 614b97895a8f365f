// React hooks: each component is drawn anew only when what it reads changed.

"use client";

import { createContext, createElement, useCallback, useContext, useInsertionEffect, useMemo, useRef, useSyncExternalStore } from "react";

import { OPENING } from "./client.js";
import { board as boardOf, boards as boardsOf, connect, initial, items as itemsOf } from "./index.js";

/** A client is closed a moment after nobody uses it any more: StrictMode takes each component away and brings it back. */
const LINGER_MS = 1000;

const clients = new Map();
const NOTHING = { connection: OPENING, ...initial() };
const Context = createContext(null);

/**
 * Opens the stream for all components below it. Takes the options of `connect` as props, or as `options`: only there a `key` is
 * handed on, since React keeps the prop of that name for itself. Props count before `options`.
 */
export function BoardcastProvider({ children, client, options, ...props }) {
  const store = useStore({ ...options, ...given(props) }, client);
  return createElement(Context.Provider, { value: store }, children);
}

/** What is read of the state by `select`, which has to return the same value for the same state. */
export function useBoardcast(select = whole) {
  const store = useContext(Context);
  if (!store) throw new Error("useBoardcast and the other hooks need a <BoardcastProvider> above them");
  const read = useRef(null);
  const get = useCallback(() => {
    const state = store.getState();
    const last = read.current;
    if (last?.state === state && last.select === select) return last.value;
    const value = select(state);
    const kept = last && isAlike(last.value, value) ? last.value : value;
    read.current = { state, select, value: kept };
    return kept;
  }, [store, select]);
  return useSyncExternalStore(store.subscribe, get, () => select(NOTHING));
}

/** The client itself; `null` before the first component was there. A component that reads nothing else opens the stream as well. */
export function useClient() {
  const store = useContext(Context);
  return useSyncExternalStore(store?.subscribe ?? never, store?.client ?? nobody, nobody);
}

/** How the connection stands. */
export function useConnection() {
  return useBoardcast(connectionOf);
}

/** The boards that are shown. */
export function useBoards() {
  return useBoardcast(boardsOf);
}

/** The first board of a team and a project, each by name or id; `undefined` where there is none. */
export function useBoard({ project, team } = {}) {
  return useBoardcast(useCallback((state) => boardOf(state, { project, team }), [project, team]));
}

/** A number of a board: `{ value, unit }`; `undefined` where there is none. It is the same object until it moves. */
export function useMetric(scope, id) {
  const { project, team } = scope ?? {};
  return useBoardcast(useCallback((state) => boardOf(state, { project, team })?.metrics[id], [project, team, id]));
}

/** The items of a board that are of a category, a type or an assignee. The same list until one of them changes. */
export function useItems(scope, { category, type, assignee, blocked } = {}) {
  const { project, team } = scope ?? {};
  const select = (state) => {
    const board = boardOf(state, { project, team });
    return board ? itemsOf(board, { category, type, assignee, blocked }) : NONE;
  };
  return useBoardcast(useCallback(select, [project, team, category, type, assignee, blocked]));
}

const NONE = [];

function whole(state) {
  return state;
}

function connectionOf({ connection }) {
  return connection;
}

/** Two lists of the same things are one. */
function isAlike(one, other) {
  return Array.isArray(one) && Array.isArray(other) && one.length === other.length && one.every((value, index) => value === other[index]);
}

function never() {
  return nobody;
}

function nobody() {
  return null;
}

/** Options without those that are `undefined`, by name, so that those which say the same are the same. */
function given(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined).sort(([one], [other]) => (one < other ? -1 : 1)));
}

/**
 * A store whose client begins with the first component that reads it. Providers whose options are plain values, and are the
 * same, share one. A function may know a key that is nobody else's, so whoever gives one has a client alone, and keeps it for as
 * long as the plain values are the same: functions may be others each time they are given.
 */
function useStore(options, client) {
  const all = given(options);
  const name = nameOf(all);
  const isShared = isPlain(all);
  const store = useMemo(() => (client ? storeOfClient(client) : storeOf(isShared ? clients : new Map(), name, all)), [name, isShared, client]);
  // Before any component subscribes, and only for the client of these options: one that is left is asked with its own until the end.
  useInsertionEffect(() => {
    store.newest = all;
  });
  return store;
}

function storeOfClient(client) {
  return { client: () => client, getState: client.getState, subscribe: client.subscribe };
}

function storeOf(open, name, options) {
  const store = {
    newest: options,
    client: () => open.get(name)?.client ?? null,
    getState: () => open.get(name)?.client.getState() ?? NOTHING,
    subscribe(listener) {
      let kept = open.get(name);
      if (!kept) open.set(name, (kept = { client: connect(lasting(store)), users: 0, closing: null }));
      clearTimeout(kept.closing);
      kept.users += 1;
      const off = kept.client.subscribe(listener);
      return () => {
        off();
        kept.users -= 1;
        if (kept.users > 0) return;
        kept.closing = setTimeout(() => {
          kept.client.close();
          if (open.get(name) === kept) open.delete(name);
        }, LINGER_MS);
      };
    },
  };
  return store;
}

/** The options for a client that outlives them: functions, and those of a storage, are the newest ones whenever they are called. */
function lasting(store) {
  const all = { ...store.newest };
  for (const [name, value] of Object.entries(all)) {
    if (typeof value === "function") all[name] = newestOf(() => store.newest[name]);
  }
  if (all.storage) {
    const call = (method) => (...parameters) => store.newest.storage[method](...parameters);
    all.storage = { load: call("load"), save: call("save") };
  }
  return all;
}

/** A function that stands for others, one of which may be a class. */
function newestOf(read) {
  return function (...parameters) {
    const newest = read();
    return new.target ? new newest(...parameters) : newest(...parameters);
  };
}

/** What tells options of one provider apart: plain values by what they are, other objects by which they are, functions not at all. */
function nameOf(options) {
  const named = Object.entries(options).map(([name, value]) => {
    const isReplaced = typeof value === "function" || (name === "storage" && value !== null);
    return [name, isReplaced ? "…" : isPlain(value) ? value : numberOf(value)];
  });
  return JSON.stringify(named);
}

function isPlain(value) {
  if (typeof value !== "object" || value === null) return typeof value !== "function";
  const isRecord = [Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(value));
  return isRecord && Object.values(value).every(isPlain);
}

const numbers = new WeakMap();
let numbered = 0;

/** The number of an object, which is no other's. */
function numberOf(object) {
  if (!numbers.has(object)) numbers.set(object, (numbered += 1));
  return numbers.get(object);
}
