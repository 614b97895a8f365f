//! How each entry of the log changes what is known.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Board, KnownItem, LastAnnounced, Projection};
use crate::domain::wire::view::LastChange;
use crate::domain::{
    Announced, AnnouncedRecord, Audience, Catalogue, CurrentSprint, Delta, ProjectId, Scope, SourceCheck,
    Stored, TeamKey, Text, Timestamp, WorkItem, WorkItemId,
};
use crate::journal::{Entry, EntryId, RecordKey, Version};

impl Board {
    fn change(&mut self, version: Version) {
        self.changed = self.changed.max(version);
        self.touched = self.touched.max(version);
    }
}

impl Projection {
    /// Folds the entries of whole commits. Undecodable entries are passed over and returned by id.
    pub fn apply(&mut self, entries: &[Entry]) -> Vec<EntryId> {
        let mut undecodable = Vec::new();
        for entry in entries {
            if let Some(delta) = &entry.content.delta {
                match Delta::decode(delta) {
                    Ok(delta) => self.fold(entry.id, delta),
                    Err(_) => undecodable.push(entry.id),
                }
            }
        }
        // After all of that, because a board begins with the commit of its first item.
        for entry in entries {
            if let (Audience::Scope(scope), Some(event)) = (entry.content.audience, &entry.content.event)
                && let Some(board) = self.boards.get_mut(&scope)
            {
                board.touched = board.touched.max(entry.id);
                board.last_change = LastChange::of_event(event).or(board.last_change);
            }
        }
        self.position = entries.last().map_or(self.position, |last| last.id);
        undecodable
    }

    /// Takes in what an entry's commit changed. The order is that in which each step needs the ones before.
    pub(super) fn fold(&mut self, id: EntryId, delta: Delta) {
        if delta.epoch.is_some() {
            self.epoch = delta.epoch;
        }
        if delta.collection.is_some() {
            self.collection = delta.collection;
        }
        for key in &delta.writes {
            let key = RecordKey::from(key.as_str());
            if key.as_item().is_none() && !key.is_announced() && !key.is_todo() {
                self.versions.insert(key, id);
            }
        }
        for team in &delta.forgotten {
            // Their records are deleted, and what is absent has no version.
            self.versions.remove(&RecordKey::team(*team));
            self.versions.remove(&RecordKey::current_sprint(*team));
        }
        self.learn(delta.catalogues, delta.sprints, &delta.forgotten, id);
        for observation in delta.observations {
            self.meet(&observation);
            let item = match self.items.get(&observation.id) {
                Some(known) => known.item.merge(&observation),
                None => observation,
            };
            self.place(item, id);
        }
        for item in delta.dropped {
            self.drop_item(item, id);
        }
        for scope in delta.left {
            self.announced.remove(&scope);
            self.boards.retain(|known, board| *known != scope || board.is_served || !board.items.is_empty());
        }
        for record in delta.announced {
            self.announce(record, id);
        }
        for todo in delta.noted {
            self.todo.insert(todo.item, (todo, id));
        }
        for item in delta.settled {
            self.todo.remove(&item);
        }
        if let Some(checked) = delta.checked {
            self.check(checked, id);
        }
    }

    /// Takes in what the organisation answered. A board that may claim more by it, or less, is another one.
    fn check(&mut self, checked: SourceCheck, id: EntryId) {
        let before = std::mem::replace(&mut self.checked, checked);
        for (scope, board) in self.boards.iter_mut().filter(|(_, board)| board.is_served) {
            let claim = |check: &SourceCheck| {
                let of_team =
                    TeamKey::of(*scope).and_then(|team| check.team(team)).cloned().unwrap_or_default();
                (check.awaits_comparison(*scope), of_team.items, of_team.unreadable, of_team.past)
            };
            if claim(&before) != claim(&self.checked) {
                board.change(id);
            }
        }
    }

    /// Takes in what is now known of teams, in which sprints they are, and which are no more.
    fn learn(
        &mut self,
        catalogues: Vec<Catalogue>,
        sprints: Vec<CurrentSprint>,
        forgotten: &[TeamKey],
        id: EntryId,
    ) {
        if catalogues.is_empty() && sprints.is_empty() && forgotten.is_empty() {
            return;
        }
        let mut projects: BTreeSet<ProjectId> =
            catalogues.iter().map(|catalogue| catalogue.project).collect();
        projects.extend(forgotten.iter().map(|team| team.project));
        let teams = Arc::make_mut(&mut self.teams);
        forgotten.iter().for_each(|team| teams.forget(*team));
        catalogues.into_iter().for_each(|catalogue| teams.learn(Arc::new(catalogue)));
        sprints.into_iter().for_each(|current| teams.set_current(current));
        if !projects.is_empty() {
            self.place_anew(&projects, id);
        }
        self.serve_current(id);
    }

    /// Puts every item of these projects where it belongs now that their teams are known otherwise.
    fn place_anew(&mut self, projects: &BTreeSet<ProjectId>, id: EntryId) {
        for (_, board) in self.boards.iter_mut().filter(|(scope, _)| projects.contains(&scope.project)) {
            board.items.clear();
            board.change(id);
        }
        self.of_team.retain(|team, _| !projects.contains(&team.project));
        let items: Vec<KnownItem> = self.items.values().cloned().collect();
        for known in items {
            self.remember_teams(&known.item);
            let present = known.item.present().claim;
            if projects.contains(&present.facts.project) {
                self.show(&known.item, present.changed_at, id);
            }
        }
    }

    /// Sees to it that every team's board of its current sprint is there, with items or without.
    pub(super) fn serve_current(&mut self, id: EntryId) {
        let served: Vec<Scope> =
            self.teams.all().map(|catalogue| self.teams.served_scope(catalogue.key())).collect();
        for scope in served {
            let board = self.boards.entry(scope).or_default();
            if !board.is_served {
                board.is_served = true;
                board.since = id;
                board.change(id);
            }
        }
        for (scope, board) in &mut self.boards {
            board.is_served &= self.teams.serves(*scope);
        }
    }

    fn remember_teams(&mut self, item: &WorkItem) {
        for team in self.teams.ever_of(item) {
            self.of_team.entry(team).or_default().insert(item.id);
        }
    }

    /// Learns whom an item names.
    pub(super) fn meet(&mut self, item: &WorkItem) {
        if self.people.is_news(item) {
            Arc::make_mut(&mut self.people).meet(item);
        }
    }

    /// Puts an item where it now belongs, and takes it from where it was.
    pub(super) fn place(&mut self, mut item: WorkItem, version: Version) {
        item.keep_once(&mut self.interner);
        let present = item.present();
        if !present.details.project_name.is_empty() {
            self.project_names.insert(present.claim.facts.project, present.details.project_name.clone());
        }
        if let Some(known) = self.items.get(&item.id).cloned() {
            self.take_off_boards(&known.item, version);
        }
        self.show(&item, present.claim.changed_at, version);
        self.remember_teams(&item);
        self.items.insert(item.id, KnownItem { item: Arc::new(item), version });
    }

    fn show(&mut self, item: &WorkItem, changed_at: Timestamp, version: Version) {
        for scope in self.teams.boards_of(item) {
            let board =
                self.boards.entry(scope).or_insert_with(|| Board { since: version, ..Board::default() });
            board.items.insert(item.id);
            board.change(version);
            board.changed_at = board.changed_at.max(Some(changed_at));
        }
    }

    fn drop_item(&mut self, id: WorkItemId, version: Version) {
        if let Some(known) = self.items.remove(&id) {
            self.take_off_boards(&known.item, version);
            for items in self.of_team.values_mut() {
                items.remove(&id);
            }
        }
    }

    fn take_off_boards(&mut self, item: &WorkItem, version: Version) {
        for scope in self.teams.boards_of(item) {
            if let Some(board) = self.boards.get_mut(&scope) {
                board.items.remove(&item.id);
                board.change(version);
            }
        }
    }

    pub(super) fn announce(&mut self, record: AnnouncedRecord, version: Version) {
        let name = Text::from(record.statement.name());
        if matches!(record.statement, Announced::Level { .. })
            && let Some(board) = self.boards.get_mut(&record.scope)
        {
            // Numbers that were held back while the board was less than full are due when it is full again.
            board.change(version);
        }
        let of_board = self.announced.entry(record.scope).or_default();
        of_board.insert(name, LastAnnounced { statement: record.statement, at: record.at, version });
    }
}
