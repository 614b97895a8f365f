//! A team's catalogue, put together from what half a dozen calls say of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use chrono_tz::Tz;
use futures_util::future::try_join_all;

use super::answers::{
    BacklogConfiguration, Capacities, DaysOff, IterationAnswer, Listed, MappedStates, MemberCapacity,
    TeamDaysOff, TeamFieldValue, TeamFieldValues, TeamSettings,
};
use super::project::{States, category, states_of};
use super::transport::{Refused, Request, Transport};
use crate::devops::fields::{TEXT_CHARS_MAX, amount, cut, identity, may_be_effort, may_be_estimate};
use crate::devops::project::ProjectCatalogue;
use crate::devops::{CallError, ProjectRef, TeamRef};
use crate::domain::amount::Hundredths;
use crate::domain::degradation::Failure;
use crate::domain::scope::{AreaId, SprintId, Text};
use crate::domain::sprint::blocked::BlockedRules;
use crate::domain::sprint::calendar::Span;
use crate::domain::sprint::catalogue::{Area, Catalogue, CataloguePart, Iteration, Member};
use crate::domain::sprint::work_item::{Identity, REMAINING_WORK};
use crate::domain::time::{CivilDate, Timestamp};

/// The field by which teams own items. It can be another one on a server, and then areas say nothing about teams; no
/// revision that is kept of an item has that field.
const AREA_PATH: &str = "System.AreaPath";

/// The route of a team's days off in a sprint.
const DAYS_OFF: &str = "*/*/_apis/work/teamsettings/iterations/*/teamdaysoff";

/// The days off of sprints; one of which they cannot be read is not among them.
pub(super) async fn days_off(
    transport: &Transport,
    (project, team): (&ProjectRef, &TeamRef),
    sprints: &[Iteration],
) -> Result<BTreeMap<SprintId, BTreeSet<CivilDate>>, Refused> {
    let dated = sprints.iter().filter_map(|sprint| Some((sprint.id, sprint.span()?)));
    let read = dated.map(async |(id, span)| {
        let request = transport.request(DAYS_OFF, &[&project.id, &team.id, &id]);
        match request.send::<TeamDaysOff>().await {
            Ok(off) => Ok(Some((id, days(off.days_off, span)))),
            Err(Refused { error, .. }) if error.failure.is_of_one_call() => {
                tracing::warn!(
                    project = %project.name, team = %team.name, sprint = %id, %error,
                    "the days off of a finished sprint cannot be read; its days count as working days"
                );
                Ok(None)
            }
            Err(refused) => Err(refused),
        }
    });
    Ok(try_join_all(read).await?.into_iter().flatten().collect())
}

/// The states of each type and what they mean.
type StatesOfTypes = BTreeMap<Text, States>;

/// What is known of a team as of `now`, and of what its project's teams share. A call that fails costs what it brings.
///
/// Errors: a call was refused in a way that says something of the others, or nothing was answered that makes a board.
pub(super) async fn catalogue(
    transport: &Transport,
    project: &ProjectRef,
    shared: &ProjectCatalogue,
    team: &TeamRef,
    zone: Tz,
    now: Timestamp,
) -> Result<Catalogue, Refused> {
    let asked = Asked { transport, project, team, unread: Mutex::default() };
    let (iterations, areas, backlogs, settings) = tokio::try_join!(
        asked.part(CataloguePart::Sprints, asked.iterations()),
        asked.part(CataloguePart::Areas, asked.areas(shared)),
        asked.part(
            CataloguePart::Backlogs,
            asked.request("*/*/_apis/work/backlogconfiguration").send::<BacklogConfiguration>()
        ),
        asked.part(
            CataloguePart::WorkingDays,
            asked.request("*/*/_apis/work/teamsettings").send::<TeamSettings>()
        ),
    )?;
    if let (None, None, None, Some(error)) = (&iterations, &areas, &backlogs, asked.first_error()) {
        return Err(Refused { error, type_key: String::new() });
    }
    let (areas, team_field) = areas.unwrap_or_default();
    let backlogs = backlogs.unwrap_or_default();
    let states = asked.states(&backlogs, shared).await?;
    let effort_field = backlogs.field("Effort").filter(|name| may_be_effort(name));
    let working_days = settings.map(|settings| settings.working_days).unwrap_or_default();
    let mut catalogue = Catalogue {
        project: project.id,
        project_name: project.name.clone(),
        team: team.id,
        team_name: team.name.clone(),
        zone,
        iterations: iterations.unwrap_or_default(),
        areas,
        team_field,
        requirement_types: backlogs.requirement_backlog.types(),
        task_types: backlogs.task_backlog.types(),
        bug_types: shared.bug_types.clone(),
        bugs_behaviour: backlogs.bugs_behavior,
        types_without_effort: effort_field
            .as_ref()
            .map(|field| shared.types_without(field))
            .unwrap_or_default(),
        effort_field,
        blocked_by: BlockedRules::default(),
        remaining_work_field: backlogs
            .field("RemainingWork")
            .filter(|name| &**name != REMAINING_WORK && may_be_estimate(name)),
        order_field: backlogs.field("Order"),
        states,
        weekdays: working_days.iter().filter_map(|day| day.parse().ok()).collect(),
        days_off: BTreeSet::new(),
        days_off_by: BTreeMap::new(),
        capacities: BTreeMap::new(),
        unread: BTreeSet::new(),
        failed: None,
    };
    asked.add_capacities(&mut catalogue, now).await?;
    let unread = asked.unread.into_inner().unwrap_or_else(PoisonError::into_inner);
    let failed = [CataloguePart::Sprints, CataloguePart::Areas].iter().find_map(|part| unread.get(part));
    catalogue.failed = failed.map(|error| error.failure);
    catalogue.unread = unread.into_keys().chain(shared.unread.iter().copied()).collect();
    Ok(catalogue)
}

struct Asked<'a> {
    transport: &'a Transport,
    project: &'a ProjectRef,
    team: &'a TeamRef,
    /// What could not be read, and why.
    unread: Mutex<BTreeMap<CataloguePart, CallError>>,
}

impl Asked<'_> {
    /// A call about the team, or about its project where the route has one `*`.
    fn request(&self, route: &'static str) -> Request<'_> {
        self.transport.request(route, &[&self.project.id, &self.team.id])
    }

    /// The answer that brings that part; `None` where the call fails in a way that says nothing of the others.
    async fn part<T>(
        &self,
        part: CataloguePart,
        answer: impl Future<Output = Result<T, Refused>>,
    ) -> Result<Option<T>, Refused> {
        let error = match answer.await {
            Ok(answer) => return Ok(Some(answer)),
            Err(Refused { error, .. }) if error.failure.is_of_one_call() => error,
            Err(refused) => return Err(refused),
        };
        tracing::warn!(
            project = %self.project.name, team = %self.team.name, ?part, %error,
            "a part of what is known of a team cannot be read; what rests on it has no value"
        );
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).insert(part, error);
        Ok(None)
    }

    fn first_error(&self) -> Option<CallError> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).values().next().cloned()
    }

    async fn iterations(&self) -> Result<Vec<Iteration>, Refused> {
        let request = self.request("*/*/_apis/work/teamsettings/iterations");
        let listed = match request.send::<Listed<IterationAnswer>>().await {
            Ok(listed) => listed.value,
            // It is a 404, and means that the team has no sprint.
            Err(refused) if refused.type_key.starts_with("CurrentIterationDoesNotExist") => Vec::new(),
            Err(refused) => return Err(refused),
        };
        Ok(listed.into_iter().map(iteration).collect())
    }

    /// The areas; none, and the name of the field, where the team selects its items by another one than the area path.
    async fn areas(&self, shared: &ProjectCatalogue) -> Result<(Vec<Area>, Option<Text>), Refused> {
        let values = self.request("*/*/_apis/work/teamsettings/teamfieldvalues").send().await?;
        let (areas, field) = areas(values, &shared.areas);
        if let Some(field) = &field {
            let remedy = Failure::TeamField.remedy();
            tracing::warn!(project = %self.project.name, team = %self.team.name, %field, remedy, "a team selects its work items by a field other than the area path; its board shows none");
        }
        Ok((areas, field))
    }

    /// The states of every type: what the map says, and above it what the type itself says, because the map lacks the
    /// category `Removed`. A type that is on a backlog and that the project was not seen to have is asked for by itself.
    async fn states(
        &self,
        backlogs: &BacklogConfiguration,
        shared: &ProjectCatalogue,
    ) -> Result<StatesOfTypes, Refused> {
        let levels = [&backlogs.requirement_backlog, &backlogs.task_backlog].into_iter();
        let levels = levels.chain(backlogs.portfolio_backlogs.iter().flatten());
        let on_backlogs = levels.flat_map(|backlog| backlog.types());
        let mut states = mapped_states(backlogs);
        let types: BTreeSet<Text> = on_backlogs
            .chain(shared.bug_types.iter().chain(states.keys()).cloned())
            .filter(|of| !shared.types.contains_key(of))
            .collect();
        let own = types.iter().map(async |of| {
            let states = states_of(self.transport, self.project.id, of);
            Ok::<_, Refused>((of, self.part(CataloguePart::States, states).await?))
        });
        for (of, own) in try_join_all(own).await? {
            states.entry(of.clone()).or_default().extend(own.into_iter().flatten());
        }
        for (of, known) in &shared.types {
            let known = known.states.iter().flatten().map(|(name, category)| (name.clone(), *category));
            states.entry(of.clone()).or_default().extend(known);
        }
        Ok(states)
    }

    /// Adds the days off and the capacities of the sprint that is under way and of the next one.
    async fn add_capacities(&self, catalogue: &mut Catalogue, now: Timestamp) -> Result<(), Refused> {
        let sprints = [catalogue.current_sprint(now), catalogue.next_sprint(now)];
        let sprints = sprints.into_iter().flatten().filter_map(|sprint| Some((sprint.id, sprint.span()?)));
        for (id, days_off, members) in try_join_all(sprints.map(|(id, span)| self.sprint(id, span))).await? {
            if let Some(days_off) = days_off {
                catalogue.days_off.extend(&days_off);
                catalogue.days_off_by.insert(id, days_off);
            }
            catalogue.capacities.extend(members.map(|members| (id, members)));
        }
        Ok(())
    }

    /// The days off and the members of a sprint.
    async fn sprint(
        &self,
        id: SprintId,
        span: Span,
    ) -> Result<(SprintId, Option<BTreeSet<CivilDate>>, Option<Vec<Member>>), Refused> {
        let request = |route| self.transport.request(route, &[&self.project.id, &self.team.id, &id]);
        let capacities = request("*/*/_apis/work/teamsettings/iterations/*/capacities").send::<Capacities>();
        let off = request(DAYS_OFF).send::<TeamDaysOff>();
        let (capacities, off) = tokio::try_join!(
            self.part(CataloguePart::Capacities, capacities),
            self.part(CataloguePart::DaysOff, off),
        )?;
        let members = |answer: Capacities| {
            answer.team_members.into_iter().filter_map(|member| of_member(member, span)).collect()
        };
        Ok((id, off.map(|off| days(off.days_off, span)), capacities.map(members)))
    }
}

fn iteration(answer: IterationAnswer) -> Iteration {
    let dates = answer.attributes.unwrap_or_default();
    Iteration {
        id: answer.id,
        paths: answer.path.into_iter().collect(),
        name: answer.name,
        start: dates.start_date.map(|day| day.0),
        finish: dates.finish_date.map(|day| day.0),
    }
}

fn areas(values: TeamFieldValues, ids: &BTreeMap<String, AreaId>) -> (Vec<Area>, Option<Text>) {
    if &*values.field.reference_name != AREA_PATH {
        return (Vec::new(), Some(values.field.reference_name));
    }
    let area = |value: TeamFieldValue| Area {
        id: ids.get(&*value.value).copied(),
        paths: vec![value.value],
        include_children: value.include_children,
    };
    (values.values.into_iter().flatten().map(area).collect(), None)
}

fn mapped_states(backlogs: &BacklogConfiguration) -> StatesOfTypes {
    let of_type = |mapped: &MappedStates| {
        let states = mapped.states.iter().flatten();
        let states = states.filter_map(|(name, meaning)| Some((name.clone(), category(meaning)?)));
        (mapped.work_item_type_name.clone(), states.collect())
    };
    backlogs.work_item_type_mapped_states.iter().flatten().map(of_type).collect()
}

fn of_member(answer: MemberCapacity, span: Span) -> Option<Member> {
    let Identity { id, name } = identity(&answer.team_member)?;
    let mut activities = Vec::new();
    let mut per_day = Hundredths::default();
    for activity in answer.activities.into_iter().flatten() {
        per_day = per_day + activity.capacity_per_day.and_then(|hours| amount(&hours)).unwrap_or_default();
        let named = activity.name.filter(|name| !name.trim().is_empty());
        activities.extend(named.map(|name| Text::from(cut(name.trim(), TEXT_CHARS_MAX))));
    }
    Some(Member { id, name, activities, per_day, days_off: days(answer.days_off, span) })
}

/// The days of these ranges that lie in the sprint: a mistyped year must not make a million of them.
fn days(off: Option<Vec<DaysOff>>, span: Span) -> BTreeSet<CivilDate> {
    let within = |off: DaysOff| Span::new(off.start.0.max(span.first()), off.end.0.min(span.last()));
    off.into_iter().flatten().filter_map(within).flat_map(Span::days).collect()
}

#[cfg(test)]
#[path = "team_tests.rs"]
mod tests;
