import type { ReactNode } from "react";

import type { Board, Client, ConnectionState, Item, MetricId, MetricOf, Options, View, Wanted, Which } from "./index.js";

/** Opens the stream for all components below it. */
export function BoardcastProvider(props: Options & { client?: Client; children?: ReactNode }): ReactNode;
/** What `select` reads of the state. It has to return the same value for the same state. */
export function useBoardcast<T = View>(select?: (view: View) => T): T;
export function useClient(): Client | null;
export function useConnection(): ConnectionState;
export function useBoards(): readonly Board[];
export function useBoard(wanted?: Wanted): Board | undefined;
export function useMetric<Id extends MetricId | (string & {})>(wanted: Wanted | undefined, id: Id): MetricOf<Id> | undefined;
export function useItems(wanted: Wanted | undefined, which?: Which): readonly Item[];
