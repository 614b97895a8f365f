//! The goal of a sprint. Azure DevOps has no place for one: it is the title of a work item of the sprint that bears a tag.

use std::cmp::Ordering;

use serde::Serialize;
use serde_json::Number;

use crate::domain::{Text, WorkItemId};

/// The goal of a sprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SprintGoal {
    pub id: WorkItemId,
    pub title: Text,
}

impl SprintGoal {
    /// Of several items that bear the tag the first in the backlog; those without a place there come last, by number.
    pub(crate) fn first_of<'i>(
        items: impl Iterator<Item = (WorkItemId, &'i Text, Option<&'i Number>)>,
    ) -> Option<Self> {
        let rank = |rank: Option<&Number>| rank.and_then(Number::as_f64).unwrap_or(f64::INFINITY);
        let order = |(id, rank): (WorkItemId, f64), (other, beside): (WorkItemId, f64)| {
            rank.partial_cmp(&beside).unwrap_or(Ordering::Equal).then(id.cmp(&other))
        };
        let first = items.min_by(|one, other| order((one.0, rank(one.2)), (other.0, rank(other.2))));
        first.map(|(id, title, _)| Self { id, title: title.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_the_first_in_the_backlog_is_the_goal() {
        let goal = |items: &[(u32, Option<f64>)]| {
            let title = Text::from("Customers sign in");
            let items: Vec<(u32, Option<Number>)> =
                items.iter().map(|(id, rank)| (*id, rank.and_then(Number::from_f64))).collect();
            let items = items.iter().map(|(id, rank)| (WorkItemId::new(*id).unwrap(), &title, rank.as_ref()));
            SprintGoal::first_of(items).map(|goal| goal.id.number())
        };
        assert_eq!(goal(&[]), None);
        assert_eq!(goal(&[(3, None), (2, None)]), Some(2));
        assert_eq!(goal(&[(2, None), (3, Some(9.5))]), Some(3));
        assert_eq!(goal(&[(2, Some(9.5)), (3, Some(-1.0)), (4, Some(-1.0))]), Some(3));
    }
}
