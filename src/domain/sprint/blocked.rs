//! By what a work item is blocked. Azure DevOps has no such thing: teams bear a tag, processes have a field for it, and
//! others have a column of their board, so a setting says it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::sprint::facts::{FIELD_DEFAULT, TAG_DEFAULT, is_same};
use crate::domain::{Claim, Facts, Present, Text, Timestamp, WorkItem};

/// The field that says in which column of its team's board an item is.
pub const BOARD_COLUMN: &str = "System.BoardColumn";

/// A way in which an item is marked as blocked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BlockedRule {
    /// It bears this whole tag, in any case.
    Tag(Text),
    /// The field with this reference name says yes.
    Field(Text),
    /// It is in a column with this name, in any case.
    Column(Text),
}

impl BlockedRule {
    /// `tag:…`, `field:…` or `column:…`.
    fn parse(part: &str) -> Option<Self> {
        let (kind, name) = part.split_once(':')?;
        let name = name.trim();
        let field = || match name.split_once('=') {
            Some((field, value)) => is_yes(value.trim()).then(|| field.trim()),
            None => Some(name),
        };
        let rule = match kind.trim() {
            "tag" => Self::Tag(name.into()),
            // A reference name has a point, which the name for display rarely has.
            "field" => Self::Field(field().filter(|name| name.contains('.'))?.into()),
            "column" => Self::Column(name.into()),
            _ => return None,
        };
        (!name.is_empty()).then_some(rule)
    }

    fn holds(&self, item: Present<'_>) -> bool {
        let facts = &item.claim.facts;
        let has_tag = |tag: &str| item.details.tags.iter().any(|of_item| is_same(of_item, tag));
        match self {
            Self::Tag(tag) => has_tag(tag),
            Self::Column(column) => facts.board_column.as_ref().is_some_and(|own| is_same(own, column)),
            // What was kept before fields were kept by their names says of this one alone that it, or the tag, said so.
            Self::Field(field) => {
                facts.flags.contains(field)
                    || &**field == FIELD_DEFAULT && facts.blocked && !has_tag(TAG_DEFAULT)
            }
        }
    }

    /// Why an open item counts as blocked.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Tag(_) => "is open and blocked by a tag",
            Self::Field(_) => "is open and blocked by a field",
            Self::Column(_) => "is open and blocked by its column on the board",
        }
    }
}

impl fmt::Display for BlockedRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(f, "tag {tag}"),
            Self::Field(field) => write!(f, "field {field}"),
            Self::Column(column) => write!(f, "column {column}"),
        }
    }
}

/// By what an item is blocked: the first that holds is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BlockedRules(Vec<BlockedRule>);

impl Default for BlockedRules {
    fn default() -> Self {
        Self(vec![BlockedRule::Tag(TAG_DEFAULT.into()), BlockedRule::Field(FIELD_DEFAULT.into())])
    }
}

impl BlockedRules {
    /// Reads `tag:…`, `field:…` and `column:…`, comma-separated. A field may be followed by `=Yes` or `=true`.
    ///
    /// Errors: the first part that is none of these.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let rules = parts.map(|part| BlockedRule::parse(part).ok_or_else(|| part.to_owned()));
        rules.collect::<Result<Vec<_>, _>>().map(Self)
    }

    /// By what an item is blocked.
    pub fn of(&self, item: Present<'_>) -> Option<&BlockedRule> {
        self.0.iter().find(|rule| rule.holds(item))
    }

    /// Whether an earlier revision of an item was blocked; `None` where a tag decides of which nothing is kept, because the
    /// setting did not name it when the revision was read.
    pub fn held_earlier(&self, facts: &Facts) -> Option<bool> {
        let holds = |rule: &BlockedRule| match rule {
            BlockedRule::Tag(tag) => facts.bore(tag),
            BlockedRule::Field(field) => Some(facts.flags.contains(field)),
            BlockedRule::Column(column) => {
                Some(facts.board_column.as_ref().is_some_and(|own| is_same(own, column)))
            }
        };
        let mut told = Some(false);
        for held in self.0.iter().map(holds) {
            match held {
                Some(true) => return Some(true),
                Some(false) => {}
                None => told = None,
            }
        }
        told
    }

    /// Since when an item is blocked; `None` where it is not, or where nobody can tell.
    pub fn since(&self, item: &WorkItem) -> Option<Timestamp> {
        let newest = item.present();
        let is_blocked = |claim: &Claim| match std::ptr::eq(claim, newest.claim) {
            true => Some(self.of(newest).is_some()),
            false => self.held_earlier(&claim.facts),
        };
        item.since(is_blocked)
    }

    /// By what it is blocked, as it is told to readers.
    pub fn told(&self, item: Present<'_>) -> Option<Text> {
        self.of(item).map(|rule| rule.to_string().into())
    }

    /// The tags that decide.
    pub fn tags(&self) -> impl Iterator<Item = Text> {
        self.0.iter().filter_map(|rule| match rule {
            BlockedRule::Tag(tag) => Some(tag.clone()),
            BlockedRule::Field(_) | BlockedRule::Column(_) => None,
        })
    }

    /// The fields that decide, by reference name; without tags, which are always read.
    pub fn fields(&self) -> impl Iterator<Item = Text> {
        self.0.iter().filter_map(|rule| match rule {
            BlockedRule::Tag(_) => None,
            BlockedRule::Field(field) => Some(field.clone()),
            BlockedRule::Column(_) => Some(BOARD_COLUMN.into()),
        })
    }
}

/// Whether a text says yes, as a field of a list of values does.
pub fn is_yes(text: &str) -> bool {
    ["yes", "true"].iter().any(|yes| text.eq_ignore_ascii_case(yes))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::Rev;
    use crate::domain::sprint::facts::KeptTags;
    use crate::domain::sprint::work_item::Details;
    use crate::domain::testing::{item, with_details};

    fn told(rules: &str, item: &WorkItem) -> Option<Text> {
        BlockedRules::parse(rules).unwrap().told(item.present())
    }

    #[test]
    fn the_first_rule_that_holds_is_told() {
        let item = item(1, 1, |facts| {
            facts.board_column = Some("Waits for the customer".into());
            facts.flags = Arc::new([Text::from("Custom.Stuck")].into());
        });
        let column = "column waits FOR the customer";
        assert_eq!(told("tag:Blocked, column:waits FOR the customer", &item).as_deref(), Some(column));
        let rules = "field:Custom.Stuck=Yes,column:Waits for the customer";
        assert_eq!(told(rules, &item).as_deref(), Some("field Custom.Stuck"));
        assert_eq!(told("field:Custom.Other,tag:Stuck,column:Doing", &item), None);
    }

    #[test]
    fn what_is_no_rule_is_named() {
        for wrong in
            ["Blocked", "tag:", "label:Blocked", "field:Blocked", "field:Custom.Stuck=On hold", "column: "]
        {
            let text = format!("tag:Blocked,{wrong}");
            assert_eq!(BlockedRules::parse(&text), Err(wrong.trim().to_owned()), "{wrong}");
        }
    }

    #[test]
    fn without_a_setting_it_is_the_tag_or_the_field_of_the_published_processes() {
        let text = "tag:Blocked,field:Microsoft.VSTS.CMMI.Blocked=Yes";
        assert_eq!(BlockedRules::parse(text), Ok(BlockedRules::default()));
        // A record from before fields were kept by their names.
        let item = item(1, 1, |facts| facts.blocked = true);
        let told = BlockedRules::default().told(item.present());
        assert_eq!(told.as_deref(), Some("field Microsoft.VSTS.CMMI.Blocked"));
    }

    /// An item with these revisions, each made at its number in seconds, in a state and blocked or not.
    fn lived(revisions: &[(Rev, &str, bool)]) -> WorkItem {
        let one = |(rev, state, blocked): &(Rev, &str, bool)| {
            let change = |facts: &mut Facts| {
                facts.state = (*state).into();
                facts.blocked = *blocked;
            };
            let tags = |details: &mut Details| details.tags.extend(blocked.then(|| "Blocked".into()));
            with_details(&item(13, *rev, change), tags)
        };
        revisions.iter().map(one).reduce(|one, other| one.merge(&other)).unwrap()
    }

    #[test]
    fn a_block_is_as_old_as_the_last_revision_that_began_it() {
        let since = |revisions: &[(Rev, &str, bool)], rules: &str| {
            let since = BlockedRules::parse(rules).unwrap().since(&lived(revisions));
            since.map(|at| at.epoch_ms() / 1_000)
        };
        let blocked = [(1, "New", true), (2, "New", false), (3, "New", true), (4, "Active", true)];
        assert_eq!(since(&blocked, "tag:Blocked"), Some(3));
        assert_eq!(since(&blocked[..3], "tag:Blocked"), Some(3));
        assert_eq!(since(&blocked[..2], "tag:Blocked"), None, "it is blocked no longer");
        assert_eq!(since(&blocked[..1], "tag:Blocked"), Some(1), "it was made so");
        assert_eq!(since(&blocked[2..], "tag:Blocked"), None, "a revision is missing that may tell");
        // Of earlier revisions no other tag is kept than the default one.
        let own = with_details(&lived(&blocked[2..]), |details| details.tags = vec!["Stuck".into()]);
        let own = lived(&[(3, "New", false)]).merge(&own);
        assert_eq!(BlockedRules::parse("tag:Stuck").unwrap().since(&own), None);
    }

    #[test]
    fn an_earlier_revision_was_blocked_by_a_tag_of_ones_own_where_that_was_named_when_it_was_read() {
        let kept = KeptTags::new([Text::from("Waiting"), "Blocked".into()]);
        let read = |tags: &[&str], kept: &KeptTags| {
            let tags: Vec<Text> = tags.iter().map(|tag| Text::from(*tag)).collect();
            let flags = kept.flags(&tags).collect();
            item(1, 1, |facts| facts.flags = Arc::new(flags))
        };
        let held = |rules: &str, item: &WorkItem| {
            BlockedRules::parse(rules).unwrap().held_earlier(&item.present().claim.facts)
        };
        assert_eq!(held("tag:WAITING", &read(&["waiting", "ui"], &kept)), Some(true));
        assert_eq!(held("tag:Waiting", &read(&["ui"], &kept)), Some(false));
        assert_eq!(held("tag:Waiting", &read(&["Waiting"], &KeptTags::default())), None, "nobody asked then");
        assert_eq!(held("tag:Other", &read(&["Other"], &kept)), None);
        assert_eq!(
            held("tag:Other,tag:Waiting", &read(&["Waiting"], &kept)),
            Some(true),
            "whatever the other"
        );
        assert_eq!(read(&["Blocked"], &kept).present().claim.facts.flags.len(), 1, "that one is always kept");
    }
}
