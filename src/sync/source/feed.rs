//! The feed of revisions: what changed anywhere in the organisation since it was read last. It makes all boards as fresh
//! as its last page for one call. What happened before the boards began is read by itself (`past`).

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use super::Source;
use super::compare::{BoardError, of_items};
use super::lists::Look;
use crate::devops::{CallError, FeedStart, ProjectRef, RevisionPage};
use crate::domain::degradation::Failure;
use crate::domain::record::source_check::FeedPosition;
use crate::domain::scope::{ProjectId, Text};
use crate::domain::sprint::work_item::{Observation, WorkItemId};
use crate::domain::time::Timestamp;
use crate::domain::wire::event::Cause;
use crate::journal::JournalError;
use crate::write::commit::CommitError;
use crate::write::ingest::{Provenance, ReadTo};

/// By how much the clocks of the organisation and of an instance may differ, in milliseconds: from so long before boards
/// began the feed is read.
const CLOCKS_APART_MS: i64 = 10 * 60_000;

/// From how long before its end the feed is read again where it does not know the position any more, in milliseconds.
const OVERLAP_MS: i64 = 60 * 60_000;

/// How many items of a page go into one commit.
const ITEMS_PER_COMMIT: usize = 50;

impl Source {
    /// Reads the feed to its end, and keeps what it tells; returns how many items it told of, when its end was asked for, and
    /// whether it went on where it was left: an organisation that does not know its own token may not know either what it
    /// told before.
    pub(super) async fn read_feed(
        &self,
        given: &[ProjectRef],
        began: Timestamp,
        cause: Cause,
    ) -> Result<(u32, Timestamp, bool), BoardError> {
        let (mut changed, mut again_from, mut goes_on) = (0, None, true);
        let (mut was_last, mut listed) = (false, None::<Arc<Vec<ProjectRef>>>);
        loop {
            let projects = listed.as_deref().map_or(given, Vec::as_slice);
            let known = self.instance.fold.read().checked().feed.clone();
            let from = match (again_from.take(), &known) {
                (Some(at), _) => FeedStart::At(at),
                (None, Some(known)) => FeedStart::After(known.token.clone()),
                (None, None) => FeedStart::At(earlier(began, CLOCKS_APART_MS)),
            };
            let asked_at = (self.instance.clock)();
            let (page, newer) = match (self.page(&from, projects).await, &known) {
                (Ok(told), _) => told,
                (Err(error), Some(known))
                    if error.status == Some(400) && matches!(from, FeedStart::After(_)) =>
                {
                    tracing::warn!(%error, "the organisation does not know how far its feed was read; some of it is read again");
                    goes_on = false;
                    again_from = Some(earlier(known.read_to_end.unwrap_or(known.live_from), OVERLAP_MS));
                    continue;
                }
                (Err(error), _) => return of_items(Err(error)),
            };
            // What was left out of this page by the older list would be left out of the next one, too.
            listed = newer.or(listed);
            let projects = listed.as_deref().map_or(given, Vec::as_slice);
            let position = of_items(position(&page, known.as_ref(), began))?;
            changed += self.keep_page(projects, &page, &position, cause).await?;
            // A cache on the way may tell the page before this one again, or an answer that nobody got when it was asked for
            // first: that it was the last says nothing now. What is told after it is believed, even if it is something: a
            // server may begin with what the page before ended with. That the past ends claims nothing of now.
            let claims_nothing = known.is_none_or(|known| known.read_to_end.is_none());
            if page.is_last && (claims_nothing || !page.tells_something() || was_last) {
                return Ok((changed, asked_at, goes_on));
            }
            was_last |= page.is_last;
        }
    }

    /// A page of the feed. Where it names a project that is not listed, the list is read again first: it may be a new one,
    /// or one with a new name. What is still unknown then may not be seen by us. Returns that list, too.
    pub(super) async fn page(
        &self,
        from: &FeedStart,
        projects: &[ProjectRef],
    ) -> Result<(RevisionPage, Option<Arc<Vec<ProjectRef>>>), CallError> {
        let fields = self.named_fields();
        let page = self.azure.revision_page(from, projects, &fields).await?;
        match self.look_for(&page.strangers).await? {
            Some(listed) => Ok((self.azure.revision_page(from, &listed, &fields).await?, Some(listed))),
            None => Ok((page, None)),
        }
    }

    /// The list of projects where it has one of these names, which the one that the caller goes by lacks; it is read again
    /// where that was not yet done for one of them. What is still unknown then may not be seen by us, and is no reason to
    /// look again.
    pub(super) async fn look_for(
        &self,
        names: &BTreeSet<Text>,
    ) -> Result<Option<Arc<Vec<ProjectRef>>>, CallError> {
        if names.is_subset(&self.strangers.lock().unwrap_or_else(PoisonError::into_inner)) {
            let is_named = |project: &ProjectRef| {
                let name = project.name.to_lowercase();
                names.iter().any(|stranger| stranger.to_lowercase() == name)
            };
            let known = self.lists.projects_as_known().map(|(listed, _)| listed);
            return Ok(known.filter(|listed| listed.iter().any(is_named)));
        }
        tracing::info!(projects = ?names, "there are projects that are not listed; the list is read again");
        self.has_met_a_stranger.store(true, Ordering::SeqCst);
        let (listed, _) = self.lists.projects(Look { again: true, is_known: true }).await?;
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner).extend(names.iter().cloned());
        Ok(Some(listed))
    }

    /// The fields that the processes of known teams name: they are read beside those that always are.
    pub(super) fn named_fields(&self) -> BTreeSet<Text> {
        let state = self.instance.fold.read();
        let catalogues = state.teams().all();
        catalogues
            .flat_map(|of| {
                let named = [&of.effort_field, &of.remaining_work_field, &of.order_field];
                named.into_iter().flatten().cloned().chain(of.blocked_by.fields())
            })
            .collect()
    }

    /// Keeps what a page tells, and with the last of it how far the feed was read.
    async fn keep_page(
        &self,
        projects: &[ProjectRef],
        page: &RevisionPage,
        position: &FeedPosition,
        cause: Cause,
    ) -> Result<u32, BoardError> {
        for id in &page.unreadable {
            tracing::warn!(work_item = %id, "a revision of a work item cannot be read, and is left out");
        }
        let (told, ahead) = self.of_interest(page, position);
        let presents = self.presents(projects, page, &ahead).await?;
        let provenance = self.provenance(cause);
        self.keep_told(&presents, &provenance).await?;
        self.keep_read(&told, &provenance, ReadTo::Now(position)).await?;
        Ok(u32::try_from(ahead.len()).unwrap_or(u32::MAX))
    }

    /// Keeps what was told beside the feed.
    pub(super) async fn keep_told(
        &self,
        told: &[Observation],
        provenance: &Provenance,
    ) -> Result<(), CommitError> {
        for observations in told.chunks(ITEMS_PER_COMMIT) {
            self.keep_all(observations, provenance, None).await?;
        }
        Ok(())
    }

    /// Keeps what was read, and with the last of it how far.
    pub(super) async fn keep_read(
        &self,
        told: &[Observation],
        provenance: &Provenance,
        read_to: ReadTo<'_>,
    ) -> Result<(), CommitError> {
        let mut commits = told.chunks(ITEMS_PER_COMMIT).peekable();
        while let Some(observations) = commits.next() {
            let read_to = Some(read_to).filter(|_| commits.peek().is_none());
            self.keep_all(observations, provenance, read_to).await?;
        }
        if told.is_empty() {
            self.keep_all(&[], provenance, Some(read_to)).await?;
        }
        Ok(())
    }

    /// Keeps these in one commit, and how far the feed was read. One that the journal refuses for what it is must not stop
    /// the feed for all boards: then each is kept by itself, and that one is not.
    async fn keep_all(
        &self,
        observations: &[Observation],
        provenance: &Provenance,
        read_to: Option<ReadTo<'_>>,
    ) -> Result<(), CommitError> {
        match self.ingest.observe_read(observations, provenance, read_to).await {
            Err(CommitError::Journal(JournalError::Refused(_))) => {}
            kept => return kept.map(|_| ()),
        }
        for observation in observations {
            match self.ingest.observe(observation, provenance).await {
                Err(CommitError::Journal(JournalError::Refused(why))) => tracing::error!(
                    work_item = %observation.id, why,
                    "what the feed tells of a work item is left out because the journal refuses it; please report this as a defect of boardcast"
                ),
                kept => drop(kept?),
            }
        }
        self.ingest.observe_read(&[], provenance, read_to).await.map(|_| ())
    }

    /// What is kept of a page: of items that are known all, of others what is not of the past that is being read. And the
    /// items of which it tells a newer revision than is known.
    fn of_interest(
        &self,
        page: &RevisionPage,
        position: &FeedPosition,
    ) -> (Vec<Observation>, Vec<(ProjectId, WorkItemId)>) {
        let state = self.instance.fold.read();
        let mut doubts = self.doubts.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut told, mut ahead) = (Vec::new(), Vec::new());
        for item in &page.items {
            let (known, present) = (state.item(item.id), item.present());
            if let Some(known) = &known {
                doubts.read(item, &known.item);
            }
            let is_past = position.read_to_end.is_none() && present.claim.changed_at < position.live_from;
            if known.is_none() && is_past {
                continue;
            }
            if position.read_to_end.is_some() {
                self.note_untold(known.as_ref().map(|known| &*known.item), item);
            }
            if known.is_none_or(|known| known.item.present().rev < present.rev) {
                ahead.push((present.claim.facts.project, item.id));
            }
            told.push(item.clone());
        }
        (told, ahead)
    }

    /// The items that changed, as they are: where the feed does not name the parents of items, it cannot tell that one has
    /// none.
    async fn presents(
        &self,
        projects: &[ProjectRef],
        page: &RevisionPage,
        ahead: &[(ProjectId, WorkItemId)],
    ) -> Result<Vec<Observation>, BoardError> {
        let names_parents = self.feed_names_parents.fetch_or(page.names_parents, Ordering::SeqCst);
        let Some((project, _)) = ahead.first().filter(|_| !names_parents && !page.names_parents) else {
            return Ok(Vec::new());
        };
        let ids: Vec<WorkItemId> = ahead.iter().map(|(_, id)| *id).collect();
        let fields = self.named_fields();
        let batch = of_items(self.azure.items(*project, projects, &ids, &fields, None).await)?;
        Ok(batch.items.into_iter().filter(|item| self.is_listed(projects, item)).collect())
    }
}

/// Where the feed was read to with a page. Errors: it does not say so, or there is more and it would be the same again.
fn position(
    page: &RevisionPage,
    known: Option<&FeedPosition>,
    began: Timestamp,
) -> Result<FeedPosition, CallError> {
    let token = token_after(page, known.map(|known| &known.token))?;
    let live_from = known.map_or_else(|| earlier(began, CLOCKS_APART_MS), |known| known.live_from);
    Ok(FeedPosition { token, live_from, read_to_end: known.and_then(|known| known.read_to_end) })
}

/// Where to read on after a page that was read from `before`. Errors as above.
pub(super) fn token_after(page: &RevisionPage, before: Option<&Text>) -> Result<Text, CallError> {
    let unreadable = |message: &str| CallError {
        failure: Failure::Unreadable,
        call: "_apis/wit/reporting/workitemrevisions",
        status: None,
        message: message.into(),
    };
    let token = page.token.clone().or_else(|| before.cloned().filter(|_| page.is_last));
    let token =
        token.ok_or_else(|| unreadable("a page of revisions does not say where the next one begins"))?;
    if !page.is_last && Some(&token) == before {
        return Err(unreadable("a page of revisions is followed by itself"));
    }
    Ok(token)
}

fn earlier(than: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_epoch_ms(than.epoch_ms().saturating_sub(ms))
}
