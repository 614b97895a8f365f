//! What the teams of a project share, put together from three calls; and from one more for each type where a server
//! does not list the states of types.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::try_join_all;

use super::answers::{FieldReference, Listed, Node, StateAnswer, TypeAnswer, TypeCategory};
use super::transport::{Refused, Transport};
use crate::devops::ProjectRef;
use crate::devops::fields::may_be_effort;
use crate::devops::project::{ProjectCatalogue, WorkItemType};
use crate::domain::scope::{ProjectId, Text};
use crate::domain::sprint::catalogue::{CataloguePart, StateCategory};

/// The category of types that bugs are of. The Basic process has none.
pub(super) const BUG_CATEGORY: &str = "Microsoft.BugCategory";

/// The category of types that are on no backlog and no board.
const HIDDEN_CATEGORY: &str = "Microsoft.HiddenCategory";

/// The fields in which boards keep where an item stands on them begin so. A type has three of them for each board.
const OF_BOARDS: &str = "WEF_";

/// How deep the tree of areas can be.
const AREA_DEPTH_MAX: u32 = 14;

/// The states of a type and what they mean.
pub(super) type States = BTreeMap<Text, StateCategory>;

/// What the teams of a project share. A call that fails costs what it brings.
///
/// Errors: a call was refused in a way that says something of the others.
pub(super) async fn catalogue(
    transport: &Transport,
    project: &ProjectRef,
) -> Result<ProjectCatalogue, Refused> {
    let (areas, categories, types) = tokio::try_join!(
        optional(
            project,
            "areas are known by their paths alone",
            transport
                .request("*/_apis/wit/classificationnodes/areas", &[&project.id])
                .with("$depth", AREA_DEPTH_MAX)
                .send::<Node>(),
        ),
        optional(
            project,
            "which types are bugs is not known",
            transport.request("*/_apis/wit/workitemtypecategories", &[&project.id]).send::<Listed<_>>(),
        ),
        optional(
            project,
            "the states of each type are asked for by themselves",
            transport.request("*/_apis/wit/workitemtypes", &[&project.id]).send::<Listed<TypeAnswer>>(),
        ),
    )?;
    let mut unread = BTreeSet::new();
    if categories.is_none() {
        unread.insert(CataloguePart::BugTypes);
    }
    let is_partial = areas.is_none() || categories.is_none() || types.is_none();
    let categories = categories.map(|listed| listed.value).unwrap_or_default();
    let mut found = ProjectCatalogue {
        name: project.name.clone(),
        areas: areas.map(|root| root.ids_by_path()).unwrap_or_default(),
        bug_types: bug_types(&categories),
        types: types.into_iter().flat_map(|listed| listed.value).map(of_type).collect(),
        unread,
        is_partial,
    };
    add_states(transport, project, &categories, &mut found).await?;
    Ok(found)
}

/// Asks for the states of each type of which they were not listed.
async fn add_states(
    transport: &Transport,
    project: &ProjectRef,
    categories: &[TypeCategory],
    found: &mut ProjectCatalogue,
) -> Result<(), Refused> {
    let shown = categories.iter().filter(|category| category.reference_name != HIDDEN_CATEGORY);
    let named = shown.flat_map(|category| category.work_item_types.iter().flatten());
    let untold: BTreeSet<Text> = named
        .map(|of| &of.name)
        .chain(found.types.keys())
        .filter(|name| found.types.get(*name).is_none_or(|of| of.states.is_none()))
        .cloned()
        .collect();
    let asked = untold.into_iter().map(async |of| {
        let because = "those of its states that are on no backlog are not known";
        let states = optional(project, because, states_of(transport, project.id, &of)).await?;
        Ok::<_, Refused>((of, states))
    });
    for (of, states) in try_join_all(asked).await? {
        if states.is_none() {
            found.unread.insert(CataloguePart::States);
            found.is_partial = true;
        }
        found.types.entry(of).or_default().states = states;
    }
    Ok(())
}

/// The states of one type.
///
/// Errors: the call failed.
pub(super) async fn states_of(
    transport: &Transport,
    project: ProjectId,
    work_item_type: &Text,
) -> Result<States, Refused> {
    // Types have no GUID, so they are asked for by name.
    let request = transport.request("*/_apis/wit/workitemtypes/*/states", &[&project, work_item_type]);
    match request.send::<Listed<StateAnswer>>().await {
        Ok(states) => Ok(known(states.value)),
        // A type can be on a backlog and be switched off.
        Err(refused) if refused.type_key.starts_with("WorkItemType") => Ok(States::new()),
        Err(refused) => Err(refused),
    }
}

/// The answer, or `None` where the call fails in a way that says nothing of the others.
async fn optional<T>(
    project: &ProjectRef,
    consequence: &'static str,
    answer: impl Future<Output = Result<T, Refused>>,
) -> Result<Option<T>, Refused> {
    match answer.await {
        Ok(answer) => Ok(Some(answer)),
        Err(Refused { error, .. }) if error.failure.is_of_one_call() => {
            tracing::warn!(project = %project.name, %error, "a part of a project cannot be read; {consequence}");
            Ok(None)
        }
        Err(refused) => Err(refused),
    }
}

fn of_type(answer: TypeAnswer) -> (Text, WorkItemType) {
    // No type is without any state or field: an empty list is of a server that does not tell them here.
    let states = answer.states.filter(|states| !states.is_empty()).map(known);
    let fields = answer.fields.filter(|fields| !fields.is_empty());
    (answer.name, WorkItemType { states, fields: fields.map(estimates) })
}

/// The names of those fields that may hold an estimate.
fn estimates(fields: Vec<FieldReference>) -> BTreeSet<Text> {
    let names = fields.into_iter().map(|field| field.reference_name);
    names.filter(|name| may_be_effort(name) && !name.starts_with(OF_BOARDS)).collect()
}

fn known(states: Vec<StateAnswer>) -> States {
    states.into_iter().filter_map(|state| Some((state.name, category(&state.category)?))).collect()
}

/// A category by its name; `None` for one that is not known, whose states then count as not started.
pub(super) fn category(name: &str) -> Option<StateCategory> {
    serde_json::from_value(name.into()).ok()
}

fn bug_types(categories: &[TypeCategory]) -> BTreeSet<Text> {
    let bugs = categories.iter().filter(|category| category.reference_name == BUG_CATEGORY);
    bugs.flat_map(|category| category.work_item_types.iter().flatten()).map(|of| of.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bug_category_has_bugs_and_it_may_be_missing() {
        let category = |name: &str| {
            let text = format!(r#"{{"referenceName":"{name}","workItemTypes":[{{"name":"Defect"}}]}}"#);
            serde_json::from_str(&text).unwrap()
        };
        let bugs = |names: &[&str]| {
            let categories: Vec<TypeCategory> = names.iter().map(|name| category(name)).collect();
            bug_types(&categories).into_iter().collect::<Vec<_>>()
        };
        assert_eq!(bugs(&["Microsoft.TaskCategory", BUG_CATEGORY]), [Text::from("Defect")]);
        assert!(bugs(&["Microsoft.TaskCategory"]).is_empty());
    }
}
