//! What a commit of observations builds on, and the commit that is built from it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use super::{Ingest, Provenance, ReadTo};
use crate::board::projection::Projection;
use crate::domain::change::{BoardChange, changes};
use crate::domain::record::source_check::{FeedPosition, SourceCheck};
use crate::domain::scope::{Audience, CollectionId, ProjectId, Scope};
use crate::domain::sprint::people::People;
use crate::domain::sprint::teams::Teams;
use crate::domain::sprint::work_item::{Observation, WorkItem, WorkItemId};
use crate::domain::stored::Stored;
use crate::domain::time::Timestamp;
use crate::domain::wire::event::{self, Body, Cause, EVENT_BYTES_MAX, Envelope};
use crate::domain::wire::view::board_url;
use crate::journal::{Commit, RecordKey, Version};
use crate::write::commit::{Change, CommitBuilder, Conflicts};

/// How many changes of one board one commit announces one by one. Only a synchronisation makes more at once.
const CHANGES_MAX: usize = 20;

/// What a commit builds on, as the journal holds it, as far as we know.
pub(super) struct Base {
    items: BTreeMap<WorkItemId, Known>,
    pub(super) collection: Option<CollectionId>,
    collection_version: Option<Version>,
    teams: Arc<Teams>,
    people: Arc<People>,
    /// The versions of the guards of the teams of each project.
    guards: BTreeMap<ProjectId, Version>,
    /// What the organisation answered, where the commit is to say how far its feed was read.
    checked: Option<(SourceCheck, Option<Version>)>,
}

#[derive(Default)]
struct Known {
    item: Option<Arc<WorkItem>>,
    version: Option<Version>,
}

impl Base {
    /// What this instance's fold holds of these items.
    pub(super) fn folded(state: &Projection, ids: &[WorkItemId]) -> Self {
        let known = |id: &WorkItemId| match state.item(*id) {
            Some(known) => (*id, Known { item: Some(known.item), version: Some(known.version) }),
            None => (*id, Known::default()),
        };
        let mut base = Self {
            items: ids.iter().map(known).collect(),
            collection: state.collection(),
            collection_version: state.version(&RecordKey::collection()),
            teams: Arc::default(),
            people: state.people().clone(),
            guards: BTreeMap::new(),
            checked: None,
        };
        base.take_teams(state);
        base
    }

    /// Takes what the organisation answered from the fold.
    pub(super) fn take_checked(&mut self, state: &Projection) {
        self.checked = Some((state.checked().clone(), state.version(&RecordKey::feed())));
    }

    /// Whether the organisation told of every project that these concern, which no hook does.
    pub(super) fn is_told_of(&self, observations: &[Observation]) -> bool {
        let mut projects = observations.iter().map(|observation| observation.present().claim.facts.project);
        projects.all(|project| self.teams.of_project(project).next().is_some())
    }

    /// Takes what is known of teams from the fold, all of one position.
    pub(super) fn take_teams(&mut self, state: &Projection) {
        self.teams = state.teams().clone();
        // A project keeps its guard when its last team is gone.
        self.guards = state.guards_of_teams().collect();
    }

    /// Takes over the values that won, as the journal returned them. Where teams, or what the organisation answered, are
    /// known otherwise by now: the position that the fold must have passed to know them.
    pub(super) fn update(&mut self, conflicts: &Conflicts) -> Option<Version> {
        let mut unfolded = None;
        for (key, record) in conflicts {
            if *key == RecordKey::collection() {
                let value = record.as_ref().and_then(|record| std::str::from_utf8(&record.value).ok());
                self.collection = value.and_then(CollectionId::parse);
                self.collection_version = record.as_ref().map(|record| record.version);
            } else if key.is_teams_of_project() || *key == RecordKey::feed() {
                unfolded = unfolded.max(Some(record.as_ref().map_or(Version::ZERO, |record| record.version)));
            } else if let Some(id) = key.as_item() {
                let version = record.as_ref().map(|record| record.version);
                let item = record.as_ref().and_then(|record| match WorkItem::decode(&record.value) {
                    Ok(item) => Some(Arc::new(item)),
                    Err(error) => {
                        // A record that nobody can read must not stop its item for ever: it is written anew.
                        tracing::error!(%key, %error, "a record cannot be decoded and is replaced");
                        None
                    }
                });
                self.items.insert(id, Known { item, version });
            }
        }
        unfolded
    }
}

/// A commit while it is built.
#[derive(Default)]
struct Draft {
    commit: CommitBuilder,
    changes: Vec<(Timestamp, BoardChange)>,
    projects: BTreeSet<ProjectId>,
    /// Boards on which an item is of an earlier revision from now on.
    corrected: BTreeSet<Scope>,
}

impl Ingest {
    /// One entry for each change of each board, and at least one; the last carries what the fold needs. `None` when
    /// nothing is new.
    pub(super) fn commit_of(
        &self,
        base: &Base,
        observations: &[Observation],
        provenance: &Provenance,
        read_to: Option<ReadTo<'_>>,
    ) -> Option<Commit> {
        let mut draft = Draft::default();
        for observation in observations {
            self.draft(&mut draft, base, observation, provenance);
        }
        let Draft { mut commit, changes, projects, corrected } = draft;
        if let (Some(read_to), Some((checked, version))) = (read_to, &base.checked)
            && let Some(checked) = read_on(checked, read_to)
        {
            commit.put(Change::Checked(Box::new(checked)), *version);
        }
        let Some(first) = projects.first() else { return commit.build(Audience::Everyone) };
        let audience = Audience::Scope(Scope::project(*first));
        for project in projects {
            commit.check(RecordKey::teams_of_project(project), base.guards.get(&project).copied());
        }
        self.learn_collection(&mut commit, base, observations, provenance);
        self.announce(&mut commit, changes, &corrected, provenance);
        commit.build(audience)
    }

    /// Where an organisation tells of projects, a hook of one of them decides which collection is ours, and corrects
    /// what was taken before; where nobody does, the first hook decides, in the same step that puts its item there.
    fn learn_collection(
        &self,
        commit: &mut CommitBuilder,
        base: &Base,
        observations: &[Observation],
        provenance: &Provenance,
    ) {
        let Some(collection) = provenance.collection.filter(|told| Some(*told) != base.collection) else {
            return;
        };
        let is_ours = if self.instance.owner.is_told_by_hooks_alone() {
            base.collection.is_none()
        } else {
            base.is_told_of(observations)
        };
        if is_ours {
            commit.put(Change::Collection(collection), base.collection_version);
        }
    }

    /// Whether an item's project, as it is observed, is served.
    pub(super) fn serves(&self, observation: &Observation) -> bool {
        let present = observation.present();
        let name = Some(&*present.details.project_name).filter(|name| !name.is_empty());
        self.instance.allowed.allows_project(present.claim.facts.project, name)
    }

    /// Whether a project is served that items were in.
    fn serves_project(&self, base: &Base, project: ProjectId) -> bool {
        let name = base.teams.of_project(project).next().map(|team| &*team.project_name);
        self.instance.allowed.allows_project(project, name)
    }

    /// What of an observation may be kept: of an item that is in a project that is not served, that it is there, where it
    /// was in one that is, as far as is known or as is told.
    fn admitted(
        &self,
        base: &Base,
        known: Option<&WorkItem>,
        observation: &Observation,
    ) -> Option<Observation> {
        match self.serves(observation) {
            // Of simulated items there is no page.
            true if self.instance.demo => Some(observation.clone().unlinked()),
            true => Some(observation.clone()),
            false => match known {
                Some(known) => known.gone_with(observation),
                None => observation.left_behind(|project| self.serves_project(base, project)),
            },
        }
    }

    fn draft(&self, draft: &mut Draft, base: &Base, observation: &Observation, provenance: &Provenance) {
        let none = Known::default();
        let known = base.items.get(&observation.id).unwrap_or(&none);
        let Some(observation) = self.admitted(base, known.item.as_deref(), observation) else { return };
        let observation = observation.bounded(|| base.teams.estimate_fields());
        let (merged, told) = match &known.item {
            Some(item) => item.join(&observation),
            None => (observation.clone(), observation),
        };
        if known.item.as_deref() == Some(&merged) {
            return;
        }
        let present = merged.present().claim;
        draft.projects.insert(present.facts.project);
        draft.projects.extend(known.item.as_ref().map(|item| item.present().claim.facts.project));
        let mut announced =
            changes(known.item.as_deref(), &merged, &base.teams, &base.people, (self.instance.clock)());
        if known.item.is_none() && provenance.source != Cause::Webhook {
            // What the organisation has is no news but to those who are shown it: nobody did anything just now.
            announced.retain(|change| change.scope.team.is_none() || base.teams.serves(change.scope));
        }
        if known.item.as_ref().is_some_and(|item| item.present().rev > merged.present().rev) {
            draft.corrected.extend(announced.iter().map(|change| change.scope));
        }
        draft.changes.extend(announced.into_iter().map(|change| (present.changed_at, change)));
        let change = Change::item(merged, told);
        draft.commit.put(change, known.version);
    }

    /// Announces changes in their order; as one those of a board that changed a great deal at once, and those of one that
    /// was corrected: whoever knows a later revision of an item passes over its change to an earlier one.
    fn announce(
        &self,
        commit: &mut CommitBuilder,
        changes: Vec<(Timestamp, BoardChange)>,
        corrected: &BTreeSet<Scope>,
        provenance: &Provenance,
    ) {
        let mut of_board = BTreeMap::<Scope, usize>::new();
        for (_, change) in &changes {
            *of_board.entry(change.scope).or_default() += 1;
        }
        let is_bulk = |scope: &Scope| {
            corrected.contains(scope) || of_board.get(scope).is_some_and(|count| *count > CHANGES_MAX)
        };
        let (bulk, single): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|(_, change)| is_bulk(&change.scope));
        for (changed_at, BoardChange { scope, body, .. }) in single {
            commit.announce(scope, self.encode(scope, body, changed_at, provenance));
        }
        let mut by_board = BTreeMap::<Scope, (Timestamp, Vec<BoardChange>)>::new();
        for (changed_at, change) in bulk {
            let (newest, of_board) = by_board.entry(change.scope).or_default();
            *newest = changed_at.max(*newest);
            of_board.push(change);
        }
        for (scope, (newest, changes)) in by_board {
            commit.announce(scope, self.encode(scope, many(changes), newest, provenance));
        }
    }

    fn encode(&self, scope: Scope, body: Body, changed_at: Timestamp, provenance: &Provenance) -> Bytes {
        let instance = &self.instance;
        let state = instance.fold.read();
        let envelope = state.envelope(scope, (instance.clock)(), provenance.source, instance.demo);
        let checked = state.checked().compared_at(scope);
        let has_source = checked.is_some() || state.awaits_comparison(scope);
        drop(state);
        let envelope = Envelope {
            // Where hooks alone feed a board, what is shown is as of its newest change, and this may be it.
            data_as_of: envelope.data_as_of.max(Some(changed_at).filter(|_| !has_source)),
            changed_at: Some(changed_at),
            received_at: Some(provenance.received_at),
            trace_id: provenance.trace_id.clone(),
            ..envelope
        };
        encode_bounded(&envelope, body, scope)
    }
}

/// What is known of the organisation once its feed was read so far; `None` where that is known.
fn read_on(checked: &SourceCheck, read_to: ReadTo<'_>) -> Option<SourceCheck> {
    let read = match (read_to, &checked.feed) {
        (ReadTo::Past(reading), _) => SourceCheck { past: Some(reading.clone()), ..checked.clone() },
        // Where to read on is all that a page tells.
        (ReadTo::Now(feed), Some(known)) => {
            let feed = Some(FeedPosition { token: feed.token.clone(), ..known.clone() });
            SourceCheck { feed, ..checked.clone() }
        }
        (ReadTo::Now(feed), None) => SourceCheck { feed: Some(feed.clone()), ..checked.clone() },
    };
    (*checked != read).then_some(read)
}

/// How many numbers of items an event without its contents lists of each kind at most. Whoever reads it fetches the board.
const LISTED_MAX: usize = 1_000;

/// Encodes an event about a board; one that would be too large tells readers to fetch the board instead.
pub(in crate::write) fn encode_bounded(envelope: &Envelope, body: Body, scope: Scope) -> Bytes {
    let json = event::encode(envelope, &body);
    if json.len() <= EVENT_BYTES_MAX { json } else { event::encode(envelope, &without_contents(body, scope)) }
}

/// Many changes of one board as one event.
fn many(changes: Vec<BoardChange>) -> Body {
    let (mut data, mut added, mut removed, mut changed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for change in changes {
        if let Body::WorkitemChanged { work_item_id, item, .. } = change.body {
            let list = match (&item, change.is_new) {
                (None, _) => &mut removed,
                (Some(_), true) => &mut added,
                (Some(_), false) => &mut changed,
            };
            list.push(work_item_id);
            data.extend(item.map(|item| *item));
        }
    }
    Body::WorkitemsUpdated { data: Some(data), url: None, added, removed, changed }
}

/// The same event for readers who then fetch the board, because its contents are too large for an event.
fn without_contents(body: Body, scope: Scope) -> Body {
    match body {
        Body::WorkitemChanged {
            work_item_id, rev, change_type, state_category, title, changed_by, ..
        } => Body::WorkitemChanged {
            work_item_id,
            rev,
            change_type,
            fields: BTreeMap::new(),
            state_category,
            title,
            changed_by,
            item: None,
            url: Some(board_url(scope, None)),
        },
        Body::WorkitemsUpdated { mut added, mut removed, mut changed, .. } => {
            for listed in [&mut added, &mut removed, &mut changed] {
                listed.truncate(LISTED_MAX);
            }
            Body::WorkitemsUpdated { data: None, url: Some(board_url(scope, None)), added, removed, changed }
        }
        other => other,
    }
}
