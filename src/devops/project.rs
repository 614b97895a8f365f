//! What the teams of a project share: the process it follows, and its tree of areas.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::scope::{AreaId, Text};
use crate::domain::sprint::catalogue::{Area, Catalogue, CataloguePart, StateCategory};

/// What all teams of a project share. It is read once for all of them, and changes seldom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectCatalogue {
    /// The project's name: every path of an area begins with it.
    pub name: Text,
    /// The GUID of each area by its path, as items bear it. Empty where the tree cannot be read.
    pub areas: BTreeMap<String, AreaId>,
    /// The types of the bug category.
    pub bug_types: BTreeSet<Text>,
    /// The work item types by their names.
    pub types: BTreeMap<Text, WorkItemType>,
    /// What could not be read and makes a part of what is known of each team.
    pub unread: BTreeSet<CataloguePart>,
    /// Whether anything could not be read, so that it is asked for again soon.
    pub is_partial: bool,
}

/// A work item type as the project has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkItemType {
    /// The category of each state; `None` where it was not told.
    pub states: Option<BTreeMap<Text, StateCategory>>,
    /// The reference names of its fields that may hold an estimate; `None` where they were not told.
    pub fields: Option<BTreeSet<Text>>,
}

impl WorkItemType {
    /// Whether it is known that the type lacks a field.
    fn lacks(&self, field: &str) -> bool {
        self.fields.as_ref().is_some_and(|fields| !fields.contains(field))
    }
}

impl ProjectCatalogue {
    /// The types that are known to lack a field.
    pub(crate) fn types_without(&self, field: &str) -> BTreeSet<Text> {
        self.types.iter().filter(|(_, of)| of.lacks(field)).map(|(name, _)| name.clone()).collect()
    }

    /// Takes from what was known before what could not be read this time: a type that lacks the field of effort goes on
    /// lacking it. Paths are those of the project's name, so areas are taken under that name alone.
    #[must_use]
    pub(crate) fn succeeding(mut self, earlier: &Self) -> Self {
        if !self.is_partial {
            return self;
        }
        if self.areas.is_empty() && self.name == earlier.name {
            self.areas.clone_from(&earlier.areas);
        }
        for (name, known) in &earlier.types {
            let of = self.types.entry(name.clone()).or_default();
            of.states = of.states.take().or_else(|| known.states.clone());
            of.fields = of.fields.take().or_else(|| known.fields.clone());
        }
        self
    }

    /// Whether a catalogue rests on what is no longer so here: one of its areas bears another name now.
    pub(crate) fn has_renamed_an_area_of(&self, catalogue: &Catalogue) -> bool {
        let paths = |id: AreaId| self.areas.iter().filter(move |(_, of)| **of == id).map(|(path, _)| path);
        catalogue.areas.iter().any(|area| {
            let Area { id: Some(id), paths: known, .. } = area else { return false };
            paths(*id).any(|path| known.first().is_some_and(|known| **known != **path))
        })
    }

    /// Names the areas of a catalogue by the GUIDs that their paths have here.
    pub(crate) fn name_areas_of(&self, catalogue: &mut Catalogue) {
        for area in &mut catalogue.areas {
            area.id = area.paths.first().and_then(|path| self.areas.get(&**path)).copied();
        }
    }
}
