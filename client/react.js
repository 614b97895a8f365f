// React hooks: each component is drawn anew only when what it reads changed.

"use client";

import { createContext, createElement, useCallback, useContext, useEffect, useMemo, useRef, useSyncExternalStore } from "react";

import { OPENING } from "./client.js";
import { board as boardOf, boards as boardsOf, connect, initial, items as itemsOf } from "./index.js";

/** A client is closed a moment after nobody uses it any more: StrictMode takes each component away and brings it back. */
const LINGER_MS = 1000;

const clients = new Map();
const NOTHING = { connection: OPENING, ...initial() };
const Context = createContext(null);

/** Opens the stream for all components below it. Takes the options of `connect`; two with the same plain options share a client. */
export function BoardcastProvider({ children, client, ...options }) {
  const store = useStore(options, client);
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

/** The client itself, or `null` before the first component was there. */
export function useClient() {
  return useContext(Context)?.client() ?? null;
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

/** A store whose client begins with the first component that reads it, and is shared by those with the same options. */
function useStore(options, client) {
  const name = JSON.stringify(options, (_, value) => (typeof value === "function" ? String(value) : value));
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });
  return useMemo(() => {
    if (client) return { client: () => client, getState: client.getState, subscribe: client.subscribe };
    return {
      client: () => clients.get(name)?.client ?? null,
      getState: () => clients.get(name)?.client.getState() ?? NOTHING,
      subscribe(listener) {
        let shared = clients.get(name);
        if (!shared) clients.set(name, (shared = { client: connect(latest.current), users: 0, closing: null }));
        clearTimeout(shared.closing);
        shared.users += 1;
        const off = shared.client.subscribe(listener);
        return () => {
          off();
          shared.users -= 1;
          if (shared.users > 0) return;
          shared.closing = setTimeout(() => {
            shared.client.close();
            if (clients.get(name) === shared) clients.delete(name);
          }, LINGER_MS);
        };
      },
    };
  }, [name, client]);
}
