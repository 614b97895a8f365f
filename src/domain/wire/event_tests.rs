//! One golden file for each event type and each object: the contract that clients rely on, byte for byte.
//!
//! `BOARDCAST_UPDATE_GOLDEN=1 cargo test golden` writes them anew; the difference is then read like any other change.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::domain::scope::Scope;
use crate::domain::sprint::catalogue::SprintState;
use crate::domain::sprint::rank::{ORDER_FIELDS, Rank};
use crate::domain::sprint::work_item::{EFFORT_FIELDS, History, Identity};
use crate::domain::testing::{item, project, with_details};
use crate::domain::wire::explanation::{Counted, Explanation, LeftOut};
use crate::domain::wire::view::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_epoch_ms(1_795_449_600_000 + ms)
}

fn scope() -> Scope {
    Scope {
        project: project(),
        team: TeamId::parse("66df9be7-3586-467b-9c5f-425b29afedfd"),
        sprint: SprintId::parse("a589a806-bf11-4d4f-a031-c19813331553"),
    }
}

fn envelope(subject: Subject) -> Envelope {
    Envelope {
        timestamp: at(12_345),
        subject,
        source: Some(Cause::Webhook),
        level: Level::Full,
        demo: false,
        data_as_of: Some(at(-2_000)),
        changed_at: Some(at(11_900)),
        received_at: Some(at(12_300)),
        trace_id: Some("0af7651916cd43dd8448eb211c80319c".into()),
    }
}

fn system(subject: Subject) -> Envelope {
    Envelope {
        source: Some(Cause::System),
        changed_at: None,
        received_at: None,
        trace_id: None,
        ..envelope(subject)
    }
}

fn points(units: f64) -> Hundredths {
    Hundredths::from_units(units).unwrap()
}

fn item_view() -> ItemView {
    let story = item(13, 4, |facts| {
        Arc::make_mut(&mut facts.effort).insert(EFFORT_FIELDS[0].into(), points(2.5));
        facts.remaining_work = Some(points(7.0));
        facts.state = "Active".into();
    });
    let story = with_details(&story, |details| {
        details.title = "Ümläut \"quoted\"\nsecond line </script>".into();
        details.assigned_to = Some(Identity { id: None, name: "Jamal Hartnett".into() });
        details.tags = vec!["urgent".into(), "ui".into()];
        details.parent = WorkItemId::new(7);
        details.ranks = [(ORDER_FIELDS[0].into(), Rank::new(1_999_999_995.5).unwrap())].into();
        details.url = Some("https://dev.azure.com/fabrikam/Fabrikam/_workitems/edit/13".into());
    });
    ItemView {
        state_category: Some(StateCategory::InProgress),
        state_since: Some(at(-86_400_000)),
        age_days: Some(1.5),
        ..ItemView::of(story.present())
    }
}

fn sprint() -> SprintView {
    SprintView {
        id: scope().sprint.unwrap(),
        name: "Sprint 12".into(),
        path: "Fabrikam\\Sprint 12".into(),
        start_date: CivilDate::from_ymd_opt(2026, 11, 16),
        finish_date: CivilDate::from_ymd_opt(2026, 11, 27),
        working_days: Some(10),
        days_left: Some(4),
        state: SprintState::Current,
        goal: Some(SprintGoal { id: WorkItemId::new(7).unwrap(), title: "Customers sign in".into() }),
    }
}

fn metric() -> MetricView {
    MetricView {
        value: Some(points(37.0)),
        unit: Unit::Points,
        reason: None,
        approximate: false,
        partial: None,
        detail: None,
    }
}

fn outlook() -> Outlook {
    Outlook {
        verdict: SprintVerdict::AtRisk,
        text: "37 points left with 4 working days to go, 1 points more than the ideal line has.".into(),
        partial: None,
        inputs: serde_json::json!({ "by": "ideal", "ideal": 36, "remaining": 37, "unit": "points" }),
    }
}

fn scope_change() -> ScopeChangeView {
    ScopeChangeView {
        id: WorkItemId::new(532).unwrap(),
        title: "Customer signs in".into(),
        kind: ScopeChangeKind::Added,
        amount: points(5.0),
        reason: "it was moved into the sprint",
        by: Some(Identity { id: None, name: "Jamal Hartnett".into() }),
        at: at(0),
    }
}

fn burndown_in_hours() -> Burndown {
    let day = |day, remaining| BurndownDay {
        date: CivilDate::from_ymd_opt(2026, 11, day).unwrap(),
        working: true,
        ideal: remaining,
        remaining,
        completed: None,
        scope: None,
    };
    Burndown {
        unit: Unit::Hours,
        original: Some(points(80.0)),
        days: vec![day(16, Some(points(80.0))), day(27, None)],
        today: Vec::new(),
        others: Vec::new(),
    }
}

fn burndown() -> Burndown {
    let day = |day| CivilDate::from_ymd_opt(2026, 11, day).unwrap();
    Burndown {
        unit: Unit::Points,
        original: None,
        days: vec![
            BurndownDay {
                date: day(16),
                working: true,
                ideal: Some(points(36.0)),
                remaining: Some(points(40.0)),
                completed: Some(points(0.0)),
                scope: Some(points(40.0)),
            },
            BurndownDay {
                date: day(27),
                working: true,
                ideal: Some(points(0.0)),
                remaining: None,
                completed: None,
                scope: None,
            },
        ],
        today: vec![BurndownPoint { at: at(0), remaining: points(37.0) }],
        others: vec![burndown_in_hours()],
    }
}

fn backfill() -> PastProgress {
    let mut reading = crate::domain::record::past::PastReading::new(at(-1_000), 7, at(0));
    (reading.revisions, reading.reached, reading.took_ms) = (2_140, Some(at(-685)), 83_000);
    (&reading).into()
}

fn board() -> BoardView {
    let unknown =
        MetricView { value: None, reason: Some("no capacity entered".into()), unit: Unit::Hours, ..metric() };
    BoardView {
        project: Named { id: project(), name: Some("Fabrikam".into()) },
        team: Some(Named { id: scope().team.unwrap(), name: Some("Web".into()) }),
        sprint: Some(sprint()),
        next_sprint: None,
        metrics: BTreeMap::from([("points.remaining", metric()), ("hours.capacity", unknown)]),
        states: vec![StateCount {
            name: "Active".into(),
            category: Some(StateCategory::InProgress),
            items: 1,
            points: Some(points(2.5)),
        }],
        items: Some(vec![item_view()]),
        burndown: Some(burndown()),
        outlook: Some(outlook()),
        scope_changes: vec![scope_change()],
        last_change: Some(LastChange {
            changed_at: at(11_900),
            received_at: at(12_300),
            appended_at: at(12_345),
            source: Cause::Webhook,
        }),
        history: History::Complete,
        missing: Vec::new(),
        backfill: None,
    }
}

fn scope_view() -> ScopeView {
    ScopeView {
        project_id: project(),
        project: Some("Fabrikam".into()),
        team_id: scope().team,
        team: Some("Web".into()),
        sprint_id: scope().sprint,
        sprint: Some("Sprint 12".into()),
    }
}

/// One event of each type.
fn events() -> Vec<(Envelope, Body)> {
    let board_subject = Subject::Scope(scope());
    vec![
        (
            Envelope::connection(at(0), Level::Full, Some(at(-2_000))),
            Body::Connected {
                connection_id: "k3f9".into(),
                server_version: "0.1.0",
                versions: &[1],
                heartbeat_ms: 15_000,
                resumed: false,
                gap: false,
                cursor: "1795449599990-0".into(),
                scopes: vec![scope_view()],
                url: None,
                outage: None,
            },
        ),
        (
            system(board_subject),
            Body::Snapshot { data: Box::new(board()), outage: None, url: None, etag: None },
        ),
        (
            Envelope { source: Some(Cause::Timer), ..system(board_subject) },
            Body::WorkitemsUpdated {
                data: Some(vec![item_view()]),
                url: None,
                added: vec![WorkItemId::new(13).unwrap()],
                removed: vec![WorkItemId::new(7).unwrap()],
                changed: vec![],
            },
        ),
        (
            envelope(Subject::Scope(Scope::project(project()))),
            Body::WorkitemChanged {
                work_item_id: WorkItemId::new(13).unwrap(),
                rev: 4,
                change_type: ChangeType::State,
                fields: BTreeMap::from([(
                    "System.State".into(),
                    OldNew { old: json!("New"), new: json!("Active") },
                )]),
                state_category: OldNew {
                    old: Some(StateCategory::Proposed),
                    new: Some(StateCategory::InProgress),
                },
                title: item_view().title,
                changed_by: Some(Identity {
                    id: Some("8c8c7d32-6b1b-47f4-b2e9-30b4775ab5ad".into()),
                    name: "Raisa Pokrovskaya".into(),
                }),
                item: Some(Box::new(item_view())),
                url: None,
            },
        ),
        (
            envelope(board_subject),
            Body::MetricChanged {
                metric: "points.remaining",
                value: Some(points(34.0)),
                previous: Some(points(37.0)),
                change_percent: Some(points(8.1)),
                unit: Unit::Points,
                reason: MetricReason::Threshold,
                threshold: 0.05,
                detail: None,
                url: None,
            },
        ),
        (system(board_subject), Body::OutlookChanged { outlook: outlook() }),
        (
            system(board_subject),
            Body::CacheInvalidated {
                keys: vec![
                    format!("workitems-{}-{}", project(), scope().sprint.unwrap()),
                    format!("sprint-{}", scope().sprint.unwrap()),
                    format!("kpis-{}-{}", project(), scope().sprint.unwrap()),
                ],
                reason: "work item changed".into(),
            },
        ),
        (
            system(board_subject),
            Body::SprintChanged {
                from: None,
                to: scope().sprint,
                start_date: sprint().start_date,
                finish_date: sprint().finish_date,
            },
        ),
        (
            Envelope { level: Level::Cached, ..system(board_subject) },
            Body::Degraded {
                from: Level::Full,
                to: Level::Cached,
                reason: "Azure DevOps does not answer".into(),
                since: at(0),
                retry_at: Some(at(5_000)),
                remedy: None,
            },
        ),
        (system(board_subject), Body::Recovered { from: Level::Cached, down_for_ms: 61_000 }),
        (
            Envelope { source: Some(Cause::Timer), ..system(Subject::Organization) },
            Body::SyncCompleted {
                scopes: 3,
                changed: 2,
                failed: vec![project()],
                duration_ms: 840,
                next: Some(at(900_000)),
                backfill: Some(backfill()),
            },
        ),
        (
            system(Subject::Scope(Scope::project(project()))),
            Body::WebhookHealth {
                subscription: "7d0b3cd3-8f5f-4f1c-8f0a-9f1b6d2f3c11".into(),
                event_type: "workitem.updated",
                status: "probation",
                missed: None,
            },
        ),
        (
            Envelope::connection(at(15_000), Level::Full, Some(at(-2_000))),
            Body::Heartbeat { cursor: "1795449612345-0".into() },
        ),
        (
            Envelope::connection(at(15_000), Level::Full, Some(at(-2_000))),
            Body::Closing { reason: ClosingReason::Lifetime, reconnect_after_ms: 2_740 },
        ),
    ]
}

fn golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/events/{name}.json"));
    if option_env!("BOARDCAST_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, format!("{actual}\n")).unwrap();
    }
    let expected =
        std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no golden file {}", path.display()));
    assert_eq!(actual, expected.trim_end(), "{name} differs from its golden file");
}

#[test]
fn golden_events() {
    let events = events();
    assert_eq!(events.iter().map(|(_, body)| body.type_name()).collect::<Vec<_>>(), TYPE_NAMES);
    for (envelope, body) in events {
        let json = encode(&envelope, &body);
        assert_eq!(type_of(&json), Some(body.type_name()));
        assert_eq!(received_at_of(&json), envelope.received_at);
        golden(body.type_name(), std::str::from_utf8(&json).unwrap());
    }
}

#[test]
fn golden_objects() {
    let directory = Directory {
        scopes: vec![DirectoryRow {
            scope: scope_view(),
            level: Level::Full,
            mock: false,
            data_as_of: Some(at(0)),
            url: format!("/api/snapshot?project={}", project()),
        }],
        level: Level::Full,
        mock: false,
        outage: None,
        cursor: "1795449599990-0".into(),
    };
    let explanation = Explanation {
        metric: "points.remaining".into(),
        value: Some(points(37.0)),
        unit: Unit::Points,
        definition: "Effort of the items in scope that are not completed.",
        source: "Azure DevOps, sprint burndown",
        reason: None,
        partial: None,
        inputs: BTreeMap::from([("points.total", json!(40)), ("points.completed", json!(3))]),
        counted: vec![Counted {
            id: WorkItemId::new(13).unwrap(),
            title: "A title".into(),
            amount: points(2.5),
            why: "in the sprint, InProgress".into(),
        }],
        left_out: vec![LeftOut {
            id: WorkItemId::new(7).unwrap(),
            title: "Another".into(),
            rule: "Removed".into(),
        }],
        history: History::Partial,
    };
    let between = BoardView {
        sprint: None,
        next_sprint: Some(Some(NextSprint {
            name: "Sprint 13".into(),
            start_date: sprint().finish_date.unwrap(),
        })),
        burndown: None,
        outlook: None,
        scope_changes: Vec::new(),
        items: None,
        backfill: Some(backfill()),
        ..board()
    };
    for (name, json) in [
        ("object.board", serde_json::to_string(&board())),
        ("object.board-between-sprints", serde_json::to_string(&between)),
        ("object.sprint", serde_json::to_string(&sprint())),
        ("object.metric", serde_json::to_string(&metric())),
        ("object.item", serde_json::to_string(&item_view())),
        ("object.burndown", serde_json::to_string(&burndown())),
        ("object.directory", serde_json::to_string(&directory)),
        ("object.explanation", serde_json::to_string(&explanation)),
    ] {
        golden(name, &json.unwrap());
    }
}

#[test]
fn demo_and_mock_are_said_only_when_so() {
    let body = Body::Heartbeat { cursor: "1-0".into() };
    let plain = Envelope::connection(at(0), Level::Full, None);
    let text = |envelope: &Envelope| String::from_utf8(encode(envelope, &body).to_vec()).unwrap();
    assert!(!text(&plain).contains("demo") && !text(&plain).contains("mock\":"));
    let marked = Envelope { demo: true, level: Level::Mock, ..plain };
    assert!(text(&marked).contains(r#""demo":true,"mock":true"#));
}

#[test]
fn an_event_is_one_line_whatever_a_title_holds() {
    for (envelope, body) in events() {
        let json = encode(&envelope, &body);
        assert!(!json.iter().any(|byte| matches!(byte, b'\n' | b'\r')), "{}", body.type_name());
    }
}

#[test]
fn fault_f7_nothing_in_an_event_looks_like_the_end_of_a_line() {
    let text = "a\u{85}b\u{2028}c\u{2029}d\u{b}\u{c}\u{1c}\u{1d}\u{1e}\r\ne";
    let json = one_line(serde_json::to_string(text).unwrap());
    // What Python's `str.splitlines` ends a line at.
    assert!(!json.contains(|c: char| c.is_control() || "\u{85}\u{2028}\u{2029}".contains(c)), "{json}");
    assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
}
