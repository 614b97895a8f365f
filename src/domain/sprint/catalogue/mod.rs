//! What is known of a team: its sprints, its areas, its process and its calendar.
//!
//! A work item says in which state, iteration and area it is. What that means, whether the item is a requirement of
//! this team in this sprint and whether it is done, the catalogue says.

mod succession;

use std::collections::{BTreeMap, BTreeSet};

use chrono::Weekday;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::domain::degradation::Failure;
use crate::domain::{
    AreaId, BlockedRules, Calendar, CivilDate, Hundredths, ProjectId, Span, SprintId, Stored, TeamId,
    TeamKey, Text, Timestamp,
};

/// The category of a state, which every process maps its states to. Boards count by category, never by the name
/// of a state. Source: Azure DevOps, "About workflow states and state categories".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum StateCategory {
    /// Not started.
    Proposed,
    /// Being worked on.
    InProgress,
    /// Implemented, not verified; the Agile tools treat it as in progress.
    Resolved,
    /// Done.
    Completed,
    /// Taken off the backlog; counts in nothing.
    Removed,
}

/// Where a sprint lies relative to today in the team's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SprintState {
    /// Its last day is over.
    Past,
    /// Its dates contain today.
    Current,
    /// Its first day is yet to come.
    Future,
}

/// An iteration that the team has chosen: a sprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iteration {
    /// The iteration's GUID.
    pub id: SprintId,
    /// Every path it was seen under, the present one first. Renaming it makes no revision of any item, so items may
    /// bear an old one.
    pub paths: Vec<Text>,
    /// Its name.
    pub name: Text,
    /// First day.
    pub start: Option<CivilDate>,
    /// Last day.
    pub finish: Option<CivilDate>,
}

impl Iteration {
    /// Its days; `None` while it has no dates, or has them the wrong way round.
    pub fn span(&self) -> Option<Span> {
        Span::new(self.start?, self.finish?)
    }

    /// Whether an item with this iteration path is in it: the path is the iteration's or lies under it.
    pub fn contains(&self, path: &str) -> bool {
        self.paths.iter().any(|own| is_at_or_under(path, own))
    }
}

/// An area of the team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area {
    /// The area's GUID, where it is known: a team's settings name areas by their path alone.
    pub id: Option<AreaId>,
    /// Every path it was seen under, the present one first.
    pub paths: Vec<Text>,
    /// Whether what lies under it is the team's as well.
    pub include_children: bool,
}

/// What the team does with bugs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BugsBehaviour {
    /// They are on no backlog of the team.
    #[default]
    Off,
    /// They are planned like requirements.
    AsRequirements,
    /// They are planned like tasks.
    AsTasks,
}

/// The backlog level of a work item type. A type is on one level at most, so nothing is counted twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BacklogLevel {
    /// Stories, product backlog items, requirements; and bugs, where they are treated like those.
    Requirement,
    /// Tasks; and bugs, where they are treated like those.
    Task,
}

/// What a member of the team can do in a sprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The identity's id; what was read by earlier versions has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Text>,
    /// Who.
    pub name: Text,
    /// What the member does in the sprint, such as `Development`; nothing where that is not said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub activities: Vec<Text>,
    /// Hours on a working day, over all activities.
    pub per_day: Hundredths,
    /// The days that the member alone has off.
    #[serde(default)]
    pub days_off: BTreeSet<CivilDate>,
}

/// A part of what is known of a team that Azure DevOps tells by a call of its own. Where that call fails the part is
/// missing, and so is what rests on it; the rest of the board is as ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CataloguePart {
    /// The sprints: without them nobody knows what is on the board.
    Sprints,
    /// The areas: without them nobody knows which items are the team's.
    Areas,
    /// What is on which backlog, the states on the map, and the names of fields.
    Backlogs,
    /// The types of the bug category.
    BugTypes,
    /// Of some type its states, with those in the category Removed, which nothing else tells.
    States,
    /// The working week.
    WorkingDays,
    /// The days the whole team has off.
    DaysOff,
    /// What the members can do.
    Capacities,
}

/// What is known of a team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// The project.
    pub project: ProjectId,
    /// Its name.
    pub project_name: Text,
    /// The team.
    pub team: TeamId,
    /// Its name.
    pub team_name: Text,
    /// The zone in which its days begin and end.
    pub zone: Tz,
    /// Its sprints, in any order.
    pub iterations: Vec<Iteration>,
    /// Its areas.
    pub areas: Vec<Area>,
    /// The reference name of the field by which it selects its items, where that is not the area path: then which are its
    /// own is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_field: Option<Text>,
    /// The types of the requirement backlog.
    pub requirement_types: BTreeSet<Text>,
    /// The types of the task backlog.
    pub task_types: BTreeSet<Text>,
    /// The types of the bug category; none in the Basic process.
    pub bug_types: BTreeSet<Text>,
    /// What the team does with bugs.
    pub bugs_behaviour: BugsBehaviour,
    /// The reference name of the field that holds effort.
    pub effort_field: Option<Text>,
    /// The reference name of the field that holds the hours that a task still needs, where it is not the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_work_field: Option<Text>,
    /// The reference name of the field that orders the backlog. `None` where nobody said, as in a record from before it
    /// was asked for: then those of the published processes count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_field: Option<Text>,
    /// Types that lack the field of effort, and so cannot be estimated.
    #[serde(default)]
    pub types_without_effort: BTreeSet<Text>,
    /// By what items are blocked, which is a setting of ours as the zone is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub blocked_by: BlockedRules,
    /// The category of each state, by type. One name can be in different categories for different types.
    pub states: BTreeMap<Text, BTreeMap<Text, StateCategory>>,
    /// The working week.
    pub weekdays: Vec<Weekday>,
    /// Days the whole team has off, of the sprints that they were read of.
    pub days_off: BTreeSet<CivilDate>,
    /// The same by the sprint that they were read of: that under way, the next one, and those finished last. Sprints may
    /// share days, and what one of them does not have off another may. Empty in a record from before they were told apart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub days_off_by: BTreeMap<SprintId, BTreeSet<CivilDate>>,
    /// What each member can do, by sprint.
    pub capacities: BTreeMap<SprintId, Vec<Member>>,
    /// What could not be read.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unread: BTreeSet<CataloguePart>,
    /// Why its sprints or areas are among that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failure>,
}

impl Stored for Catalogue {}

impl Catalogue {
    /// Which team this is of.
    pub const fn key(&self) -> TeamKey {
        TeamKey { project: self.project, team: self.team }
    }

    /// The team's calendar.
    pub fn calendar(&self) -> Calendar<'_> {
        Calendar { zone: self.zone, weekdays: &self.weekdays, days_off: &self.days_off }
    }

    /// The sprint whose days contain this instant's day; of several the one that starts last.
    pub fn current_sprint(&self, at: Timestamp) -> Option<&Iteration> {
        let today = self.calendar().day_of(at);
        let current = self.dated().filter(|(span, _)| span.contains(today));
        current.max_by_key(|(span, sprint)| (span.first(), sprint.id)).map(|(_, sprint)| sprint)
    }

    /// The sprint that starts next after this instant's day.
    pub fn next_sprint(&self, at: Timestamp) -> Option<&Iteration> {
        let today = self.calendar().day_of(at);
        let coming = self.dated().filter(|(span, _)| span.first() > today);
        coming.min_by_key(|(span, sprint)| (span.first(), sprint.id)).map(|(_, sprint)| sprint)
    }

    /// The sprints that are over on this instant's day, with their days; that which ended last comes first.
    pub fn past_sprints(&self, at: Timestamp) -> impl Iterator<Item = (Span, &Iteration)> {
        let today = self.calendar().day_of(at);
        let mut over: Vec<_> = self.dated().filter(|(span, _)| span.last() < today).collect();
        over.sort_unstable_by_key(|(span, sprint)| std::cmp::Reverse((span.last(), span.first(), sprint.id)));
        over.into_iter()
    }

    /// The same team with the days off of these sprints, which are wholly known.
    #[must_use]
    pub fn with_days_off<'a>(
        mut self,
        of: impl IntoIterator<Item = (SprintId, &'a BTreeSet<CivilDate>)>,
    ) -> Self {
        for (sprint, days) in of {
            let Some(span) = self.sprint(sprint).and_then(Iteration::span) else { continue };
            self.days_off.retain(|day| !span.contains(*day));
            let within = days.iter().filter(|day| span.contains(**day));
            self.days_off_by.insert(sprint, within.copied().collect());
        }
        self.days_off.extend(self.days_off_by.values().flatten());
        self
    }

    /// The first day from which on days off are known: that of the earliest sprint that they were read of. `None` in a record
    /// from before they were told apart by sprint.
    pub fn days_off_known_from(&self) -> Option<CivilDate> {
        let read = self.dated().filter(|(_, sprint)| self.days_off_by.contains_key(&sprint.id));
        read.map(|(span, _)| span.first()).min()
    }

    /// Where a sprint lies relative to this instant's day; `None` while it has no dates.
    pub fn sprint_state(&self, sprint: &Iteration, at: Timestamp) -> Option<SprintState> {
        let (span, today) = (sprint.span()?, self.calendar().day_of(at));
        match (today < span.first(), today > span.last()) {
            (true, _) => Some(SprintState::Future),
            (_, true) => Some(SprintState::Past),
            _ => Some(SprintState::Current),
        }
    }

    /// The sprint that an item with this iteration path is in: the one whose path is the longest, where sprints lie
    /// within each other.
    pub fn sprint_of(&self, path: &str) -> Option<&Iteration> {
        let depth = |sprint: &&Iteration| {
            sprint.paths.iter().filter(|own| is_at_or_under(path, own)).map(|own| own.len()).max()
        };
        self.iterations.iter().filter(|sprint| sprint.contains(path)).max_by_key(depth)
    }

    /// The sprint with this id.
    pub fn sprint(&self, id: SprintId) -> Option<&Iteration> {
        self.iterations.iter().find(|sprint| sprint.id == id)
    }

    fn lacks_sprints_or_areas(&self) -> bool {
        [CataloguePart::Sprints, CataloguePart::Areas].iter().any(|part| self.unread.contains(part))
    }

    /// Why nobody can tell which items are on the team's board; `None` where that is known.
    pub fn without_items(&self) -> Option<Failure> {
        let unread = || self.lacks_sprints_or_areas().then(|| self.failed.unwrap_or(Failure::Unreadable));
        self.team_field.as_ref().map(|_| Failure::TeamField).or_else(unread)
    }

    /// Whether it is known which items are the team's, and which of their types are on which backlog.
    pub fn knows_levels(&self) -> bool {
        let are_bugs_known =
            !self.unread.contains(&CataloguePart::BugTypes) || self.bugs_behaviour == BugsBehaviour::Off;
        are_bugs_known && !self.unread.contains(&CataloguePart::Backlogs) && self.without_items().is_none()
    }

    /// Whether it is known on which days the team works.
    pub fn knows_working_days(&self) -> bool {
        !self.unread.contains(&CataloguePart::WorkingDays) && !self.unread.contains(&CataloguePart::DaysOff)
    }

    pub(crate) fn dated(&self) -> impl Iterator<Item = (Span, &Iteration)> {
        self.iterations.iter().filter_map(|sprint| Some((sprint.span()?, sprint)))
    }

    /// Whether an area is the team's.
    pub fn is_own_area(&self, path: &str) -> bool {
        self.areas.iter().any(|area| match area.include_children {
            true => area.paths.iter().any(|own| is_at_or_under(path, own)),
            false => area.paths.iter().any(|own| path == &**own),
        })
    }

    /// The backlog level of a type; `None` for what is on neither, such as epics.
    pub fn level_of(&self, work_item_type: &str) -> Option<BacklogLevel> {
        let bugs = |behaviour| self.bugs_behaviour == behaviour && self.bug_types.contains(work_item_type);
        if self.requirement_types.contains(work_item_type) || bugs(BugsBehaviour::AsRequirements) {
            Some(BacklogLevel::Requirement)
        } else if self.task_types.contains(work_item_type) || bugs(BugsBehaviour::AsTasks) {
            Some(BacklogLevel::Task)
        } else {
            None
        }
    }

    /// The category of a type's state. A state that nothing is known of counts as not started.
    pub fn category_of(&self, work_item_type: &str, state: &str) -> StateCategory {
        self.known_category(work_item_type, state).unwrap_or(StateCategory::Proposed)
    }

    /// The same; `None` for a state that nothing is known of because it could not be read.
    pub fn category_read(&self, work_item_type: &str, state: &str) -> Option<StateCategory> {
        let known = self.known_category(work_item_type, state);
        let unread = [CataloguePart::States, CataloguePart::Backlogs];
        let is_read = !unread.iter().any(|part| self.unread.contains(part));
        known.or(is_read.then_some(StateCategory::Proposed))
    }

    /// The same, or `None` for a state that nothing is known of, so that it can be listed.
    pub fn known_category(&self, work_item_type: &str, state: &str) -> Option<StateCategory> {
        self.states.get(work_item_type)?.get(state).copied()
    }
}

fn is_default(rules: &BlockedRules) -> bool {
    *rules == BlockedRules::default()
}

/// Whether a path is `root` or lies under it. `Web\Sprint 10` does not lie under `Web\Sprint 1`.
fn is_at_or_under(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
}

#[cfg(test)]
pub(crate) mod tests;
