//! Change detection: what of a merge is worth telling, to the readers of which board.
//!
//! What is announced is the difference between the item's present before and after the merge. A hook's own
//! `oldValue` is never used: it compares with a revision that we may not have shown.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use crate::domain::sprint::blocked::BOARD_COLUMN;
use crate::domain::sprint::rank::{ORDER_FIELDS, Rank};
use crate::domain::wire::event::{Body, ChangeType, OldNew};
use crate::domain::wire::view::ItemView;
use crate::domain::{ClaimKind, EFFORT_FIELDS, People, Present, Scope, Teams, Text, Timestamp, WorkItem};

/// A change of one item on one board.
#[derive(Clone, Debug)]
pub(crate) struct BoardChange {
    pub scope: Scope,
    pub body: Body,
    /// Whether the board shows the item from now on and did not before.
    pub is_new: bool,
}

/// What to announce when `before` became `after`, one change for each board concerned.
///
/// Empty where nothing changed that a reader can see: a repeated or a late revision announces nothing, nor does one that
/// changed fields or links that no board shows, though its number and its date are new. `now` dates the age of the item.
pub(crate) fn changes(
    before: Option<&WorkItem>,
    after: &WorkItem,
    teams: &Teams,
    people: &People,
    now: Timestamp,
) -> Vec<BoardChange> {
    let (was, is) = (before.map(WorkItem::present), after.present());
    if was == Some(is) {
        return Vec::new();
    }
    let old_boards = before.map(|item| teams.boards_of(item)).unwrap_or_default();
    let new_boards = teams.boards_of(after);
    let named = NamedFields::of(teams, || old_boards.iter().chain(&new_boards));
    let fields = changed_fields(was, is, &named, people);
    // Whoever knows a later revision passes over what is told of an earlier one, so that it is none is told by itself.
    let is_other = |was: Present<'_>| was.claim.facts.deleted != is.claim.facts.deleted || was.rev > is.rev;
    let is_seen = !fields.is_empty() || was.is_none_or(is_other);
    let left = old_boards.iter().filter(|scope| !new_boards.contains(scope)).map(|scope| (*scope, false));
    let shown = new_boards.iter().map(|scope| (*scope, true));
    left.chain(shown)
        .map(|(scope, shown)| (scope, shown, old_boards.contains(&scope)))
        .filter(|(_, shown, was_shown)| is_seen || shown != was_shown)
        .map(|(scope, shown, was_shown)| {
            let change_type = change_type(was, is, was_shown, shown, &fields, &named.estimates);
            let catalogue = teams.catalogue_of(scope).map(|catalogue| &**catalogue);
            let item = shown.then(|| Box::new(ItemView::shown(after, catalogue, people, now)));
            let category = |item: Option<Present<'_>>| {
                let facts = &item?.claim.facts;
                catalogue?.category_read(&facts.work_item_type, &facts.state)
            };
            let body = Body::WorkitemChanged {
                work_item_id: is.id,
                rev: is.rev,
                change_type,
                fields: fields.clone(),
                state_category: OldNew { old: category(was), new: category(Some(is)) },
                title: is.details.title.clone(),
                changed_by: is.claim.changed_by.as_ref().map(|who| people.known(who)),
                item,
                url: None,
            };
            BoardChange { scope, body, is_new: shown && !was_shown }
        })
        .collect()
}

fn change_type(
    was: Option<Present<'_>>,
    is: Present<'_>,
    was_shown: bool,
    shown: bool,
    fields: &Fields,
    estimates: &BTreeSet<Text>,
) -> ChangeType {
    let has_moved = was.is_some_and(|was| was.claim.facts.project != is.claim.facts.project);
    if is.claim.facts.deleted {
        // Of what went to another project nothing else may be known.
        return if has_moved { ChangeType::MovedOut } else { ChangeType::Deleted };
    }
    match was {
        Some(was) if was.claim.facts.deleted => return ChangeType::Restored,
        None if is.claim.kind == ClaimKind::Restored => return ChangeType::Restored,
        None if is.claim.kind == ClaimKind::Created || is.rev == 1 => return ChangeType::Created,
        None => return ChangeType::Updated,
        Some(_) => {}
    }
    if was_shown && !shown {
        ChangeType::MovedOut
    } else if shown && !was_shown {
        ChangeType::MovedIn
    } else if fields.contains_key(STATE) {
        ChangeType::State
    } else if fields.keys().any(|name| name.starts_with(SCHEDULING) || estimates.contains(name)) {
        ChangeType::Estimate
    } else if fields.contains_key(ASSIGNED_TO) {
        ChangeType::Assigned
    } else {
        ChangeType::Updated
    }
}

type Fields = BTreeMap<Text, OldNew<Value>>;

/// The field of the published processes that says that an item is blocked; the tag `Blocked` is told under its name too.
const BLOCKED: &str = "Microsoft.VSTS.CMMI.Blocked";

const STATE: &str = "System.State";
const ASSIGNED_TO: &str = "System.AssignedTo";
const SCHEDULING: &str = "Microsoft.VSTS.Scheduling.";

/// The fields of the items on some boards that are what their processes say.
#[derive(Default)]
struct NamedFields {
    /// Those in which items are estimated.
    estimates: BTreeSet<Text>,
    /// Those by which backlogs are ordered.
    orders: BTreeSet<Text>,
    /// Those that say whether an item is blocked.
    marks: BTreeSet<Text>,
}

impl NamedFields {
    fn of<'a, Boards: Iterator<Item = &'a Scope>>(teams: &Teams, boards: impl Fn() -> Boards) -> Self {
        let texts = |names: &[&str]| names.iter().map(|name| Text::from(*name)).collect::<Vec<_>>();
        let catalogues = || boards().map(|scope| teams.catalogue_of(*scope));
        let estimates = catalogues().flatten();
        let estimates =
            estimates.flat_map(|of| [&of.effort_field, &of.remaining_work_field].into_iter().flatten());
        let orders = catalogues().map(|catalogue| catalogue?.order_field.clone());
        Self {
            estimates: texts(&EFFORT_FIELDS).into_iter().chain(estimates.cloned()).collect(),
            marks: catalogues().flatten().flat_map(|of| of.blocked_by.fields()).collect(),
            orders: orders
                .flat_map(|named| named.map_or_else(|| texts(&ORDER_FIELDS), |of| vec![of]))
                .collect(),
        }
    }
}

/// The fields that an item shows on a board and that differ, by reference name.
fn changed_fields(was: Option<Present<'_>>, is: Present<'_>, named: &NamedFields, people: &People) -> Fields {
    let mut fields = Fields::new();
    let mut compare = |name: &str, field: &dyn Fn(Present<'_>) -> Value| {
        let (old, new) = (was.map_or(Value::Null, field), field(is));
        if old != new {
            fields.insert(name.into(), OldNew { old, new });
        }
    };
    compare("System.WorkItemType", &|item| text(&item.claim.facts.work_item_type));
    compare(STATE, &|item| text(&item.claim.facts.state));
    compare("System.Title", &|item| text(&item.details.title));
    if !is_same_person(was, is) {
        compare(ASSIGNED_TO, &|item| json(&item.details.assigned_to.as_ref().map(|who| people.known(who))));
    }
    compare("System.IterationPath", &|item| text(&item.claim.facts.iteration_path));
    compare("System.AreaPath", &|item| text(&item.claim.facts.area_path));
    compare("System.TeamProject", &|item| text(&item.details.project_name));
    compare("System.Tags", &|item| match item.details.tags.join("; ") {
        tags if tags.is_empty() => Value::Null,
        tags => Value::String(tags),
    });
    compare("System.Parent", &|item| json(&item.details.parent));
    for name in &named.estimates {
        compare(name, &|item| json(&item.claim.facts.effort.get(name)));
    }
    for name in &named.orders {
        compare(name, &|item| json(&item.rank_by(name).and_then(Rank::number)));
    }
    compare("Microsoft.VSTS.Scheduling.RemainingWork", &|item| json(&item.claim.facts.remaining_work));
    for name in named.marks.iter().filter(|name| &***name != BLOCKED) {
        compare(name, &|item| match &**name {
            BOARD_COLUMN => json(&item.claim.facts.board_column),
            name => yes(item.claim.facts.flags.contains(name)),
        });
    }
    compare(BLOCKED, &|item| yes(item.claim.facts.blocked));
    fields
}

/// Whether an item is assigned to whom it was. Hooks of resource version 1.0 tell names alone, the REST API ids as well:
/// where one of the two has no id, the names decide.
fn is_same_person(was: Option<Present<'_>>, is: Present<'_>) -> bool {
    match (was.and_then(|was| was.details.assigned_to.as_ref()), &is.details.assigned_to) {
        (Some(old), Some(new)) => {
            old.name == new.name && (old.id == new.id || old.id.is_none() || new.id.is_none())
        }
        _ => false,
    }
}

fn yes(flag: bool) -> Value {
    if flag { Value::String("Yes".into()) } else { Value::Null }
}

fn text(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::String(text.into()) }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

#[cfg(test)]
#[path = "change_tests.rs"]
mod tests;
