// Which boards are asked for: `{projects, teams}`, each a list of names or ids. An empty list means all.

import { DIRECTORY } from "./reducer.js";

/** The filter of what somebody wrote: a name, an id, a list of them, or nothing. */
export function filterOf({ project = [], team = [] } = {}) {
  return { projects: [project].flat(), teams: [team].flat() };
}

/** A filter as the parameters of an address. */
export function queryOf({ projects, teams }, more = {}) {
  const pairs = [...projects.map((value) => ["project", value]), ...teams.map((value) => ["team", value]), ...Object.entries(more)];
  return new URLSearchParams(pairs);
}

/** Where the boards that a filter asks for are listed. */
export function directoryUrl(filter) {
  const query = String(queryOf(filter));
  return query ? `${DIRECTORY}?${query}` : DIRECTORY;
}

/** The narrowest filter that asks for all that two ask for. */
export function union(one, other) {
  const both = (list, more) => (list.length === 0 || more.length === 0 ? [] : [...new Set([...list, ...more])].sort());
  return { projects: both(one.projects, other.projects), teams: both(one.teams, other.teams) };
}

/** Whether a board is asked for, by names and ids as the service compares them. */
export function admits({ projects, teams }, { projectId, project, teamId, team }) {
  const isOf = (id, name) => (wanted) => [id, name].some((known) => known != null && plain(known) === plain(wanted));
  const isTeam = teamId === null ? (wanted) => plain(wanted) === "-" : isOf(teamId, team);
  return (projects.length === 0 || projects.some(isOf(projectId, project))) && (teams.length === 0 || teams.some(isTeam));
}

const GUID = /^\{?([\da-f]{8})-?([\da-f]{4})-?([\da-f]{4})-?([\da-f]{4})-?([\da-f]{12})\}?$/;

/** A name or an id without what makes no difference. */
export function plain(text) {
  return text.trim().toLowerCase().replace(GUID, "$1-$2-$3-$4-$5");
}
