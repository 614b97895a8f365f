//! The state that comes of replaying the log up to a position.

mod apply;
mod archived;
mod level;
mod load;
mod simulated;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use self::archived::ArchivedBoards;
pub use self::load::TAIL_ENTRIES;
use self::simulated::SimulatedBoards;
use crate::domain::sprint::interner::Interner;
use crate::domain::wire::event::{Cause, Envelope, Subject};
use crate::domain::wire::view::{LastChange, PastProgress};
use crate::domain::{
    Announced, CollectionId, People, ProjectId, Scope, SourceCheck, TeamKey, Teams, Text, Timestamp, Todo,
    WorkItem, WorkItemId,
};
use crate::journal::{EntryId, RecordKey, Version};

/// The state that comes of replaying the log up to a position.
#[derive(Clone, Default)]
pub struct Projection {
    position: EntryId,
    epoch: Option<String>,
    collection: Option<CollectionId>,
    items: HashMap<WorkItemId, KnownItem>,
    /// What items have alike.
    interner: Interner,
    boards: BTreeMap<Scope, Board>,
    project_names: HashMap<ProjectId, Text>,
    teams: Arc<Teams>,
    people: Arc<People>,
    /// The items that are or ever were a team's.
    of_team: BTreeMap<TeamKey, BTreeSet<WorkItemId>>,
    /// The versions of the records of teams, of their projects' and of their current sprints.
    versions: HashMap<RecordKey, Version>,
    announced: BTreeMap<Scope, BTreeMap<Text, LastAnnounced>>,
    checked: SourceCheck,
    /// What is to be fetched, with the versions of its records.
    todo: BTreeMap<Option<WorkItemId>, (Todo, Version)>,
    /// Since when this instance is cut off from the journal: no part of the log, but of what may be claimed of it.
    pub(in crate::board) cut_off: Option<Timestamp>,
    /// What the archive holds of boards: no part of it either.
    pub(in crate::board) archived: ArchivedBoards,
    /// What may stand in where nothing is known: nor this.
    pub(in crate::board) simulated: SimulatedBoards,
}

/// An item with its record's version.
#[derive(Clone)]
pub struct KnownItem {
    /// The item.
    pub item: Arc<WorkItem>,
    /// The version of its record.
    pub version: Version,
}

/// What was said last, with its record's version.
#[derive(Clone, Debug)]
pub struct LastAnnounced {
    /// What was said.
    pub statement: Announced,
    /// The position of the log of which it is true; `ZERO` for what the archive kept of another log.
    pub at: EntryId,
    /// The version of its record.
    pub version: Version,
}

/// What is known of a scope beside its items.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// The items it shows.
    pub items: BTreeSet<WorkItemId>,
    /// The entry by which it became known, or began to be served; `ZERO` when that was before this instance began to
    /// fold.
    pub since: EntryId,
    /// The last entry that touched it.
    pub touched: EntryId,
    /// The last entry that changed what it shows: an item, or what is known of the team.
    pub changed: EntryId,
    /// Whether it is a team's current board.
    pub is_served: bool,
    /// The newest change that any of its items ever had.
    pub changed_at: Option<Timestamp>,
    /// How the newest change came here that was told since the boards were loaded: no record says it.
    pub last_change: Option<LastChange>,
}

impl Board {
    fn is_shown(&self, scope: Scope) -> bool {
        self.is_served || scope.team.is_none() && !self.items.is_empty()
    }
}

impl Projection {
    /// The position: every entry up to it is in, and none after it.
    pub const fn position(&self) -> EntryId {
        self.position
    }

    /// The journal's epoch.
    pub fn epoch(&self) -> Option<&str> {
        self.epoch.as_deref()
    }

    /// The collection whose hooks are taken.
    pub const fn collection(&self) -> Option<CollectionId> {
        self.collection
    }

    /// An item with its record's version.
    pub fn item(&self, id: WorkItemId) -> Option<KnownItem> {
        self.items.get(&id).cloned()
    }

    /// Every item, deleted ones too, in no order.
    pub fn items(&self) -> impl Iterator<Item = &KnownItem> {
        self.items.values()
    }

    /// How many items are known, deleted ones among them.
    pub fn items_len(&self) -> usize {
        self.items.len()
    }

    /// The boards that are served: each team's current one, and a project's while it shows an item that is no team's.
    pub fn boards(&self) -> impl Iterator<Item = (Scope, &Board)> {
        self.scopes().filter(|(scope, board)| board.is_shown(*scope))
    }

    /// Every scope that ever had an item or was served.
    pub fn scopes(&self) -> impl Iterator<Item = (Scope, &Board)> {
        self.boards.iter().map(|(scope, board)| (*scope, board))
    }

    /// What is known of a scope, if it ever had an item or was served.
    pub fn board(&self, scope: Scope) -> Option<&Board> {
        self.boards.get(&scope)
    }

    /// Whether a scope's board is served.
    pub fn is_served(&self, scope: Scope) -> bool {
        self.board(scope).is_some_and(|board| board.is_shown(scope))
    }

    /// The items of a scope, by number.
    pub fn items_of(&self, scope: Scope) -> Vec<Arc<WorkItem>> {
        let ids = self.board(scope).into_iter().flat_map(|board| &board.items);
        ids.filter_map(|id| Some(self.items.get(id)?.item.clone())).collect()
    }

    /// The items that are or ever were a team's, by number, with their versions.
    pub fn items_of_team(&self, team: TeamKey) -> impl Iterator<Item = &KnownItem> {
        self.of_team.get(&team).into_iter().flatten().filter_map(|id| self.items.get(id))
    }

    /// What is known of the teams.
    pub const fn teams(&self) -> &Arc<Teams> {
        &self.teams
    }

    /// The people that items name.
    pub const fn people(&self) -> &Arc<People> {
        &self.people
    }

    /// The version of a record that is neither an item nor something said.
    pub fn version(&self, key: &RecordKey) -> Option<Version> {
        self.versions.get(key).copied()
    }

    /// The guards of the teams of all projects that have or had any, with their versions.
    pub fn guards_of_teams(&self) -> impl Iterator<Item = (ProjectId, Version)> {
        self.versions.iter().filter_map(|(key, version)| Some((key.as_teams_of_project()?, *version)))
    }

    /// What was last announced of a board under a name.
    pub fn last_announced(&self, scope: Scope, name: &str) -> Option<&LastAnnounced> {
        self.announced.get(&scope)?.get(name)
    }

    /// Everything that was last said about a board, by name.
    pub fn announced_of(&self, scope: Scope) -> impl Iterator<Item = (&str, &LastAnnounced)> {
        self.announced.get(&scope).into_iter().flatten().map(|(name, last)| (&**name, last))
    }

    /// Everything that was last said, by board and name.
    pub fn all_announced(&self) -> impl Iterator<Item = (Scope, &str, &LastAnnounced)> {
        let of_board = |scope| self.announced_of(scope).map(move |(name, last)| (scope, name, last));
        self.announced.keys().copied().flat_map(of_board)
    }

    /// Whether anything was ever said of any board.
    pub fn is_anything_announced(&self) -> bool {
        !self.announced.is_empty()
    }

    /// Whether what was last said of a board comes from another log, and its source was not compared with it since: what
    /// is known of it may be a part of what was known then.
    pub fn awaits_source(&self, scope: Scope) -> bool {
        self.announced_of(scope).any(|(_, last)| last.at == EntryId::ZERO)
            && self.checked.compared_at(scope).is_none()
    }

    /// What hooks told of without its details, with the versions of its records; by item.
    pub fn todo(&self) -> impl Iterator<Item = (Todo, Version)> {
        self.todo.values().copied()
    }

    /// The same of one item; without one, of what only a comparison finds.
    pub fn todo_of(&self, item: Option<WorkItemId>) -> Option<(Todo, Version)> {
        self.todo.get(&item).copied()
    }

    /// What the organisation answered.
    pub const fn checked(&self) -> &SourceCheck {
        &self.checked
    }

    /// How far the past of a board's team is read, unless it is known.
    pub fn past_progress(&self, scope: Scope) -> Option<PastProgress> {
        let reading = self.checked.past.as_ref()?;
        let is_known = TeamKey::of(scope).and_then(|team| self.checked.past_of(team)).is_some();
        (scope.sprint.is_some() && !is_known).then(|| reading.into())
    }

    /// The envelope of an event about a board, with the level and the age that the board has.
    pub fn envelope(&self, scope: Scope, now: Timestamp, source: Cause, demo: bool) -> Envelope {
        Envelope {
            subject: Subject::Scope(scope),
            source: Some(source),
            demo,
            ..Envelope::connection(now, self.level(scope), self.data_as_of(scope))
        }
    }

    /// A project's name, for display.
    pub fn project_name(&self, project: ProjectId) -> Option<&Text> {
        let of_team = self.teams.of_project(project).next().map(|catalogue| &catalogue.project_name);
        let archived = || self.archived.values().find(|board| board.scope.project == project);
        let told = of_team.or_else(|| self.project_names.get(&project));
        told.or_else(|| archived()?.about.project.as_ref()).or_else(|| self.checked.closed.get(&project))
    }

    /// A team's name, for display.
    pub fn team_name(&self, scope: Scope) -> Option<&Text> {
        let of_team = self.teams.catalogue_of(scope).map(|catalogue| &catalogue.team_name);
        of_team.or_else(|| self.archived(scope)?.team_name())
    }
}
