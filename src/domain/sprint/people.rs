//! Who is who. Hooks of resource version 1.0 name people without their ids, which the REST API and newer hooks tell. A
//! person is one person to readers, however an item came: who is named without an id has the one that is known for the name.

use std::collections::HashMap;

use crate::domain::{Identity, Text, WorkItem};

/// The ids of the people that items name. What is stored of an item stays as it was told; this is asked when it is shown.
#[derive(Clone, Debug, Default)]
pub struct People {
    /// `None` where several have the same name: then nobody can tell who is meant.
    ids: HashMap<Text, Option<Text>>,
}

impl People {
    /// Whether an item names somebody with an id in a way that is not known yet.
    pub fn is_news(&self, item: &WorkItem) -> bool {
        named(item).any(|(name, id)| !matches!(self.ids.get(name), Some(known) if known.as_ref().is_none_or(|known| known == id)))
    }

    /// Learns whom an item names.
    pub fn meet(&mut self, item: &WorkItem) {
        for (name, id) in named(item) {
            let known = self.ids.entry(name.clone()).or_insert_with(|| Some(id.clone()));
            if known.as_ref() != Some(id) {
                *known = None;
            }
        }
    }

    /// A person, with the id that is known.
    pub fn known(&self, who: &Identity) -> Identity {
        let id = || self.ids.get(&who.name).cloned().flatten();
        Identity { id: who.id.clone().or_else(id), name: who.name.clone() }
    }
}

/// Those that an item names with their ids.
fn named(item: &WorkItem) -> impl Iterator<Item = (&Text, &Text)> {
    let assigned = item.present().details.assigned_to.as_ref();
    let people =
        assigned.into_iter().chain(item.revisions().filter_map(|(_, claim)| claim.changed_by.as_ref()));
    people.filter_map(|who| Some((&who.name, who.id.as_ref()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::{item, with_details};

    fn who(id: Option<&str>, name: &str) -> Identity {
        Identity { id: id.map(Into::into), name: name.into() }
    }

    fn assigned_to(id: &str, name: &str) -> WorkItem {
        with_details(&item(13, 1, |_| {}), |details| details.assigned_to = Some(who(Some(id), name)))
    }

    #[test]
    fn fault_f9_a_name_that_several_have_is_nobodys() {
        let mut people = People::default();
        for (id, is_news, expected) in [
            ("a", true, Some("a")),
            ("a", false, Some("a")),
            ("b", true, None),
            ("a", false, None),
            ("c", false, None),
        ] {
            let item = assigned_to(id, "Mia");
            assert_eq!(people.is_news(&item), is_news, "{id}");
            people.meet(&item);
            assert_eq!(people.known(&who(None, "Mia")), who(expected, "Mia"));
            assert_eq!(people.known(&who(Some("c"), "Mia")), who(Some("c"), "Mia"));
        }
        assert_eq!(people.known(&who(None, "Ben")), who(None, "Ben"));
    }
}
