import type { ReactNode } from "react";

import type { Board, Client, ConnectionState, Item, MetricId, MetricOf, Options, View, Wanted, Which } from "./index.js";

/** The options of `connect`, each as a prop, which counts first, or in `options`. */
export interface BoardcastProviderProps extends Omit<Options, "key"> {
  /** Only here may be a `key`: React keeps the prop of that name for itself. */
  options?: Options;
  client?: Client;
  children?: ReactNode;
}

/** Opens the stream for all components below it. */
export function BoardcastProvider(props: BoardcastProviderProps): ReactNode;
/** What `select` reads of the state. It has to return the same value for the same state. */
export function useBoardcast<T = View>(select?: (view: View) => T): T;
/** `null` before the first component was there. */
export function useClient(): Client | null;
export function useConnection(): ConnectionState;
export function useBoards(): readonly Board[];
export function useBoard(wanted?: Wanted): Board | undefined;
export function useMetric<Id extends MetricId | (string & {})>(wanted: Wanted | undefined, id: Id): MetricOf<Id> | undefined;
export function useItems(wanted: Wanted | undefined, which?: Which): readonly Item[];
