//! Which items a number counts, and which it leaves out, by the rule that says so of each.

use super::digest::Digest;
use super::frame::Moment;
use super::rules::{Contribution, Exclusion, ItemRule, Outcome};
use super::tally::Tallies;
use crate::domain::WorkItem;
use crate::domain::wire::explanation::{Counted, LeftOut};

/// The items that a rule counts, and those that it leaves out of what it concerns.
pub(super) fn sort_out(
    rule: ItemRule,
    concerns: fn(&Digest, &Moment<'_>) -> bool,
    tallies: &Tallies<'_>,
    digests: &[(Digest, &WorkItem)],
) -> (Vec<Counted>, Vec<LeftOut>) {
    let judged = digests.iter().filter_map(|(digest, item)| {
        let outcome = rule(digest, &tallies.moment);
        // Every number leaves out most of what the team ever did.
        let is_no_concern =
            matches!(outcome, Err(Exclusion::LeftOut(_))) && !concerns(digest, &tallies.moment);
        (!is_no_concern).then_some((*item, outcome))
    });
    sorted(judged)
}

/// The items that are counted and those that are left out, by what a rule says of each.
pub(super) fn sorted<'i>(
    judged: impl Iterator<Item = (&'i WorkItem, Outcome)>,
) -> (Vec<Counted>, Vec<LeftOut>) {
    let (mut counted, mut left_out) = (Vec::new(), Vec::new());
    for (item, outcome) in judged {
        let (id, title) = (item.id, item.present().details.title.clone());
        match outcome {
            Ok(Contribution { amount, why }) => counted.push(Counted { id, title, amount, why: why.into() }),
            Err(Exclusion::LeftOut(rule) | Exclusion::Unknown(rule)) => {
                left_out.push(LeftOut { id, title, rule: rule.into() });
            }
        }
    }
    (counted, left_out)
}
