//! The metrics of boards for Prometheus: whoever turns them on scrapes what the boards show, and nothing else.

use std::collections::BTreeMap;

use boardcast::demo::simulation::item::Item;
use boardcast::demo::stand_in::stand_in;
use boardcast::domain::authorise::AllowedBoards;
use boardcast::domain::degradation::Failure;
use serde_json::Value;

use crate::health_check::Samples;
use crate::support::app::{Builder, TestApp};
use crate::support::organisation::SimulatedFailure;
use crate::support::source::{Organization, boards};

/// A sample: the names of project, team and metric, and the value.
type Sample = ((String, String, String), f64);

/// A metric has no value where they cannot be read.
const CAPACITIES: &str = "GET work/teamsettings/iterations/*/capacities";

fn unescaped(label: &str) -> String {
    let (mut text, mut chars) = (String::new(), label.chars());
    while let Some(c) = chars.next() {
        text.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some(escaped @ ('\\' | '"')) => escaped,
                other => panic!("`\\{other:?}` is no escape: {label}"),
            },
            '"' | '\n' => panic!("{c:?} is not escaped: {label}"),
            other => other,
        });
    }
    text
}

/// The metrics of boards in a scrape, which has to be one that Prometheus takes.
async fn scraped(app: &TestApp) -> BTreeMap<(String, String, String), f64> {
    let answer = app.get("/api/health/metrics").await;
    assert_eq!(answer.status, 200);
    let lines = answer.text().lines().filter_map(|line| line.strip_prefix("boardcast_board_metric{"));
    let parsed = |line: &str| -> Sample {
        let (labels, value) = line.rsplit_once("} ").expect("labels and a value");
        let rest = labels.strip_prefix("project=\"").expect("a project");
        let (project, rest) = rest.split_once("\",team=\"").expect("a team");
        let (team, rest) = rest.split_once("\",metric=\"").expect("a metric");
        let metric = rest.strip_suffix('"').expect("a quoted metric");
        let names = [project, team, metric].map(unescaped);
        (names.into(), value.parse().expect("a number"))
    };
    let samples: Vec<Sample> = lines.map(parsed).collect();
    let (count, samples) = (samples.len(), samples.into_iter().collect::<BTreeMap<_, _>>());
    assert_eq!(samples.len(), count, "a series comes twice");
    samples
}

/// What the boards show that have numbers: values alone.
async fn shown(app: &TestApp) -> BTreeMap<(String, String, String), f64> {
    let mut shown = BTreeMap::new();
    for board in boards(app).await.into_values() {
        let name = |of: &str| board[of]["name"].as_str().unwrap_or_default().to_owned();
        for (metric, view) in board["metrics"].as_object().unwrap() {
            if let Some(value) = view["value"].as_f64() {
                shown.insert((name("project"), name("team"), metric.clone()), value);
            }
        }
    }
    shown
}

fn asked(organization: &Organization) -> Builder {
    organization.builder().setting("BOARDCAST_BOARD_METRICS", "on")
}

async fn until_full(organization: &Organization, app: &TestApp, count: usize) {
    let are_full = async || {
        let boards = boards(app).await;
        (boards.len() >= count && boards.values().all(|board| board["level"] == "full")).then_some(())
    };
    organization.until(are_full).await;
    app.quiet().await;
}

#[tokio::test]
async fn o7_the_metrics_of_boards_are_scraped_as_they_are_shown_where_they_are_turned_on() {
    let organization = Organization::with(|model| {
        model.organisation.projects[0].teams[0].name = "We\"b\\\",team=\"x";
    })
    .await;
    organization.fail_on(CAPACITIES, SimulatedFailure::Unavailable).await;
    let app = asked(&organization).start().await;
    until_full(&organization, &app, 3).await;
    let shown = shown(&app).await;
    let has_null = async || {
        let is_null =
            |board: Value| board["metrics"].as_object().unwrap().values().any(|view| view["value"].is_null());
        boards(&app).await.into_values().any(is_null)
    };
    assert!(has_null().await, "every metric has a value: nothing can be left out");
    let of_web = shown.keys().filter(|(_, team, _)| team == "We\"b\\\",team=\"x").count();
    assert!(of_web > 10, "{of_web} metrics of a team with such a name");
    assert_eq!(scraped(&app).await, shown);
    let whole = app.get("/api/health/metrics").await;
    assert!(whole.text().contains("\nboardcast_board_metrics_left_out 0\n"));
}

#[tokio::test]
async fn o7_unless_they_are_turned_on_no_metrics_of_boards_are_scraped() {
    let organization = Organization::start().await;
    let app = organization.app().await;
    assert!(!shown(&app).await.is_empty());
    let text = app.get("/api/health/metrics").await.text().to_owned();
    Samples::parse(&text);
    assert!(!text.lines().any(|line| line.starts_with("boardcast_board_metric")), "{text}");
}

#[tokio::test]
async fn o7_of_what_is_not_served_no_metrics_are_scraped() {
    let organization = Organization::start().await;
    let allowed = AllowedBoards::default().with_teams(["Fabrikam Fiber/Web"]).unwrap();
    let app = asked(&organization).config(|config| config.allowed = allowed).start().await;
    until_full(&organization, &app, 1).await;
    // An item of another team makes the board of its project known, which is not served where teams are named.
    let other = organization.model(|model| {
        let of_mobile = |item: &&Item| item.newest().content.home == (0, 1) && !item.newest().deleted;
        model.items.values().find(of_mobile).unwrap().id
    });
    app.hook(&organization.edit(other, |content| content.title = "Not ours".into())).await;
    app.quiet().await;
    let boards = app.app.instance.fold.read().known().count();
    assert_eq!(boards, 2, "there is nothing that could be told");
    let scraped = scraped(&app).await;
    assert!(scraped.len() > 10, "{scraped:?}");
    assert!(scraped.keys().all(|(project, team, _)| project == "Fabrikam Fiber" && team == "Web"));
    Samples::parse(app.get("/api/health/metrics").await.text());
}

#[tokio::test]
async fn o7_simulated_boards_that_stand_in_are_not_scraped() {
    let organization = Organization::start().await;
    *organization.way.refused.lock().unwrap() = Some(Failure::Unauthorised);
    let app = asked(&organization).setting("BOARDCAST_MOCK", "on").start().await;
    app.app.snapshots.set_stand_in(stand_in(organization.clock.clock()));
    let stands_in = async || (app.get("/api/snapshot").await.json()["mock"] == true).then_some(());
    organization.until(stands_in).await;
    assert!(!shown(&app).await.is_empty(), "nothing stands in");
    assert_eq!(scraped(&app).await, BTreeMap::new());
}
