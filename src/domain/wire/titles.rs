//! What numbers are called where people read them, by the id that programs know them by.

/// The names, in the order of the ids.
const TITLES: [(&str, &str); 50] = [
    ("age.max", "Oldest item in progress"),
    ("blocked.hours", "Hours blocked"),
    ("bugs.closed", "Bugs closed"),
    ("bugs.escaped", "Bugs found after a release"),
    ("bugs.open", "Bugs open"),
    ("bugs.opened", "Bugs opened"),
    ("bugs.reopened", "Bugs reopened"),
    ("bugs.total", "Bugs in all"),
    ("burndown.average", "Points completed per day"),
    ("cycle.p50", "Cycle time, 50 of 100 items"),
    ("cycle.p85", "Cycle time, 85 of 100 items"),
    ("cycle.p95", "Cycle time, 95 of 100 items"),
    ("forecast.items.p85", "Items done by the end, 85 % likely"),
    ("forecast.probability", "Chance to complete all"),
    ("forecast.when.p50", "All done in, 50 % likely"),
    ("forecast.when.p85", "All done in, 85 % likely"),
    ("hours.capacity", "Capacity"),
    ("hours.remaining", "Hours remaining"),
    ("items.aging", "Items in progress for long"),
    ("items.blocked", "Blocked"),
    ("items.carried_over", "Items carried over"),
    ("items.completed", "Items completed"),
    ("items.remaining", "Items remaining"),
    ("items.stale", "Items that nobody changes"),
    ("items.total", "Items in all"),
    ("items.unestimated", "Unestimated"),
    ("items.wip", "Work in progress"),
    ("lead.p50", "Lead time, 50 of 100 items"),
    ("lead.p85", "Lead time, 85 of 100 items"),
    ("lead.p95", "Lead time, 95 of 100 items"),
    ("percent.complete", "Complete"),
    ("percent.escaped", "Share of bugs found after a release"),
    ("percent.of_original", "Completed of what was planned"),
    ("percent.say_do", "Planned and done, last sprint"),
    ("points.completed", "Points completed"),
    ("points.original", "Points planned"),
    ("points.remaining", "Points remaining"),
    ("points.total", "Points in all"),
    ("scope.added", "Scope added"),
    ("scope.net", "Scope growth"),
    ("scope.reestimated", "Scope estimated anew"),
    ("scope.removed", "Scope removed"),
    ("sprint.days_left", "Working days left"),
    ("throughput.day", "Items completed per day"),
    ("throughput.week", "Items completed in a week"),
    ("velocity.average", "Average velocity"),
    ("velocity.completed", "Completed, last sprint"),
    ("velocity.incomplete", "Not completed, last sprint"),
    ("velocity.late", "Completed late, last sprint"),
    ("velocity.planned", "Planned, last sprint"),
];

/// What a number is called; `None` of one that has no name.
pub(crate) fn title_of(id: &str) -> Option<&'static str> {
    let place = TITLES.binary_search_by_key(&id, |(id, _)| id).ok()?;
    TITLES.get(place).map(|(_, title)| *title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::metrics::METRICS;

    #[test]
    fn every_number_has_the_name_that_the_page_gives_it() {
        let page = include_str!("../../../web/titles.js");
        for (id, title) in TITLES {
            assert!(page.contains(&format!("\n  \"{id}\": \"{title}\",\n")), "{id}");
        }
        for metric in METRICS {
            assert!(title_of(metric.id).is_some(), "{}", metric.id);
        }
        assert_eq!(title_of("no.number"), None);
    }
}
