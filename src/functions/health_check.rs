//! `HealthCheck`: is the process alive, does it have a board to serve, and how is it doing? The first two are
//! anybody's to ask; the third names projects and numbers, so it is the operator's.
//!
//! No answer but the doctor's waits for anything outside this process: a probe that hangs with the journal says nothing
//! about it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::header::CACHE_CONTROL;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use warp::reply::Response;

use super::{Function, Request, Trigger, doctor, failed, is_read, operator, reply};
use crate::app::App;
use crate::board::filter::ScopeFilter;
use crate::board::projection::Projection;
use crate::board::snapshot::Snapshots;
use crate::devops::credentials::HookAccess;
use crate::devops::hook::DeadLetter;
use crate::domain::degradation::{Condition, Failure};
use crate::domain::level::Level;
use crate::domain::record::journal_status::JournalStatus;
use crate::domain::scope::Scope;
use crate::domain::sprint::catalogue::Catalogue;
use crate::domain::subscription::WantedHook;
use crate::domain::subscription::health::HookState;
use crate::domain::time::Timestamp;
use crate::domain::wire::view::PastProgress;
use crate::journal::EntryId;
use crate::ops::instance::Instance;
use crate::ops::prometheus;
use crate::ops::vitals::{HIT_RATE_DEFINITION, HOUR};

/// The function.
pub(super) const FUNCTION: Function = Function {
    folder: "HealthCheck",
    trigger: Trigger::Http { area: Some("health"), is_at: |path| matches!(path, ["api", "health", ..]) },
    counted_as: Some("health"),
    takes: |method, path| is_read(method) && matches!(path, ["api", "health"] | ["api", "health", _]),
    handle: |app, path, request| {
        Box::pin(async move {
            match path.get(2).copied() {
                Some("doctor") => doctor(app, &request.headers).await,
                probe => handle(app, probe, &request),
            }
        })
    },
    after_panic: || failed(StatusCode::INTERNAL_SERVER_ERROR),
};

/// Answers a probe: `live` asks nothing but this process, `ready` whether it can do its work, `metrics` and no name
/// at all how it is doing.
fn handle(app: &App, probe: Option<&str>, request: &Request) -> Response {
    let response = match probe {
        Some("live") => reply::value(StatusCode::OK, &json!({ "status": "live" })),
        Some("ready") => ready(app),
        Some("metrics") => for_operator(app, request, metrics),
        None => for_operator(app, request, |app| reply::value(StatusCode::OK, &details(app))),
        Some(_) => reply::not_found(),
    };
    reply::with_header(response, CACHE_CONTROL, "no-store")
}

/// Examines what boards depend on. Unlike the others it asks everybody, and takes as long as they do.
async fn doctor(app: &App, headers: &HeaderMap) -> Response {
    let refusal = operator::refusal(&app.config.operator_access, headers);
    let response = match refusal {
        Some(refusal) => refusal,
        None => reply::value(StatusCode::OK, &doctor::examine(app).await),
    };
    reply::with_header(response, CACHE_CONTROL, "no-store")
}

fn ready(app: &App) -> Response {
    let unfit = app.instance.journal.condition().unfit;
    let journal = match (app.instance.fold.position(), app.instance.fold.journal_status()) {
        (None, _) if is_ready(app) => "not loaded yet: boards are shown as the archive holds them",
        (None, _) => "not loaded yet",
        (_, JournalStatus::Following) if unfit.is_some() => "unfit to keep what has to last",
        (_, JournalStatus::Following) => "loaded",
        (_, JournalStatus::ReadOnly(_)) => {
            "read-only: what this instance writes is not taken; GET /api/health says why"
        }
        (_, JournalStatus::Away(_)) => "away: boards are shown as they were last known",
        (_, JournalStatus::Lost(_)) => "lost: what is known here is being put back",
        (_, JournalStatus::Outdated(_)) => "written by a newer version: update this instance",
    };
    let journal = unfit.map_or_else(|| journal.to_owned(), |why| format!("{journal}: {why}"));
    let status = if is_ready(app) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    reply::value(status, &json!({ "status": readiness(app), "journal": journal, "webhook": webhook(app) }))
}

/// Boards that are shown as they were last known are worth more than none, though the journal be away; but an instance
/// that is too old to tell what the journal holds, that cannot keep a hook, whose journal may drop what it was given, or of
/// which a task died, has to make room for others. A board that waits for its first comparison is none to show, unless
/// the archive remembers it. Where hooks are all that tells of boards, having none yet is no reason: the first one brings
/// one.
fn is_ready(app: &App) -> bool {
    let Instance { fold, owner, tasks, journal, .. } = &app.instance;
    let is_loaded = fold.position().is_some();
    let is_of_use = {
        let state = fold.read();
        let shown = app.snapshots.scopes(&state, &ScopeFilter::default());
        let waits = |scope: &Scope| state.awaits_comparison(*scope) && state.archived(*scope).is_none();
        match shown.is_empty() {
            false => !shown.iter().all(waits),
            true => is_loaded && owner.is_told_by_hooks_alone(),
        }
    };
    let status = fold.journal_status();
    is_of_use
        && journal.condition().unfit.is_none()
        && tasks.down().is_empty()
        && !matches!(status, JournalStatus::Outdated(_) | JournalStatus::ReadOnly(_))
}

fn readiness(app: &App) -> &'static str {
    match is_ready(app) {
        // Every process would have boards of its own, and a hook reach the readers of one.
        true if app.is_alone_under_the_host() => "degraded: no shared journal, set BOARDCAST_REDIS_URL",
        true => "ready",
        false => "not ready",
    }
}

fn webhook(app: &App) -> &'static str {
    match app.config.hook_access {
        HookAccess::Closed => "closed: set BOARDCAST_WEBHOOK_SECRET",
        HookAccess::Open | HookAccess::Secrets(_) => "open",
    }
}

fn for_operator(app: &App, request: &Request, answer: impl FnOnce(&App) -> Response) -> Response {
    operator::refusal(&app.config.operator_access, &request.headers).unwrap_or_else(|| answer(app))
}

fn metrics(app: &App) -> Response {
    let (reasons, endpoints) = (DeadLetter::ALL.map(DeadLetter::as_str), super::endpoints());
    let boards = app.config.board_metrics.then(|| app.snapshots.numbers(prometheus::BOARDS_MAX));
    let text = prometheus::text(&app.instances, is_ready(app), &reasons, endpoints, boards.as_ref());
    reply::bytes(StatusCode::OK, prometheus::MEDIA_TYPE, text)
}

/// The four numbers at the top are those that a dashboard of a hundred lines can do something with; the rest is for
/// finding a cause.
fn details(app: &App) -> Value {
    let (vitals, now) = (&*app.instance.vitals, (app.instance.clock)());
    let (level, boards, epoch) = boards(app);
    let seen = app.instances.seen();
    let requests = super::endpoints().map(|endpoint| (endpoint, vitals.requests.of(endpoint).quantiles()));
    let rates = json!({
        "rate5m": vitals.reads.rate(now, Duration::from_mins(5)),
        "rate1h": vitals.reads.rate(now, HOUR),
        "definition": HIT_RATE_DEFINITION,
    });
    let details = json!({
        "sseConnections": vitals.streams.value(),
        "cacheHitRate": vitals.reads.rate(now, HOUR),
        "avgApiResponseTime": vitals.requests.recent_mean_ms(),
        "lastDataUpdate": vitals.last_data_update.value(),
        "instance": app.instance.id,
        "version": env!("CARGO_PKG_VERSION"),
        "uptimeMs": now.ms_since(app.instances.started_at),
        "status": readiness(app),
        "webhook": webhook(app),
        "level": level,
        "boards": boards,
        "source": source(app),
        "updates": {
            "data": vitals.last_data_update.value(),
            "hook": vitals.last_hook.value(),
            "sync": vitals.last_sync.value(),
        },
        "collection": app.instance.fold.read().collection(),
        "journal": journal(app, epoch),
        "tasks": { "down": app.instance.tasks.down() },
        // As it was last seen: no answer of ours waits for the archive.
        "inbox": {
            "oldestRowMs": vitals.inbox_oldest.value().map(|received| now.ms_since(received)),
        },
        "todo": todo(app, now),
        "subscriptions": subscriptions(app),
        "streams": { "open": vitals.streams.value() },
        "hooks": {
            "deadLetters": vitals.dead_letters.by_reason(&DeadLetter::ALL.map(DeadLetter::as_str)),
            "recentDeadLetters": vitals.dead_letters.last(),
        },
        "reads": joined(json!(vitals.reads.total()), rates),
        "lists": vitals.list_reads.total(),
        "requests": requests.collect::<BTreeMap<_, _>>(),
        "delivery": vitals.delivery.quantiles(),
        "targets": vitals.figures(now),
        "instances": seen.instances,
        "total": seen.total,
        "instancesHeardAt": seen.heard_at,
    });
    let Value::Object(mut details) = details else { return details };
    vitals.add_to_details(&mut details);
    details.into()
}

fn journal(app: &App, epoch: Option<String>) -> Value {
    let (vitals, condition) = (&*app.instance.vitals, app.instance.journal.condition());
    json!({
        "kind": condition.kind,
        "findings": condition.findings.into_iter().chain(app.instances.refusals()).collect::<Vec<_>>(),
        "reachesBackTo": condition.oldest.map(EntryId::appended_at),
        "entries": condition.entries,
        "position": app.instance.fold.position().map(|position| position.to_string()),
        "epoch": epoch,
        "lagMs": vitals.journal_lag_ms(app.instance.fold.position()),
    })
}

/// What hooks told of without its details and is still to be fetched.
fn todo(app: &App, now: Timestamp) -> Value {
    let state = app.instance.fold.read();
    let oldest = state.todo().map(|(todo, _)| todo.received_at).min();
    json!({ "waiting": state.todo().count(), "oldestMs": oldest.map(|received| now.ms_since(received)) })
}

/// How the subscriptions of service hooks do, by the names of their projects.
fn subscriptions(app: &App) -> Value {
    let state = app.instance.fold.read();
    let row = |(wanted, known): (WantedHook, &HookState)| {
        json!({
            "project": state.project_name(wanted.project),
            "projectId": wanted.project,
            "event": wanted.event.event_type(),
            "id": known.id,
            "status": known.status,
            "since": known.since,
            "missed": known.hole.or(known.missed),
            "backfilled": known.hole.is_none(),
        })
    };
    json!({
        "watched": app.source.as_ref().is_some_and(|source| source.looks_after_hooks()),
        "trouble": app.source.as_ref().and_then(|source| source.trouble_with_hooks()),
        "hooks": state.checked().hooks.all().map(row).collect::<Vec<_>>(),
    })
}

/// The worst level of all boards, each board with the time of its last change, and the journal's epoch.
fn boards(app: &App) -> (Level, Vec<Value>, Option<String>) {
    let (is_ready, of_source) = (is_ready(app), source_level(app));
    let state = app.instance.fold.read();
    let scopes = app.snapshots.scopes(&state, &ScopeFilter::default());
    let worst = Snapshots::summary(&state, &scopes).0.max(of_source);
    let level = if scopes.is_empty() && !is_ready { Level::None } else { worst };
    let rows = scopes.iter().map(|scope| (*scope, state.board(*scope))).map(|(scope, board)| {
        json!({
            "project": scope.project,
            "team": scope.team,
            "sprint": scope.sprint,
            "level": state.level_here(scope),
            "dataAsOf": state.data_as_of(scope),
            "items": board.map_or(0, |board| board.items.len()),
            "updatedAt": board.map(|board| board.touched.ms),
            "changedAt": board.and_then(|board| board.changed_at),
        })
    });
    (level, rows.collect(), state.epoch().map(str::to_owned))
}

/// The level of the organisation by what is known now, as the boards tell it.
fn source_level(app: &App) -> Level {
    let known = || app.instance.vitals.source_level.value();
    app.source.as_ref().map_or_else(known, |source| source.levels().worst())
}

/// The organisation: its level, what of it is not known, and when the feed of its revisions was last read to its end.
fn source(app: &App) -> Value {
    let level = source_level(app);
    let state = app.instance.fold.read();
    let mut unknown = BTreeSet::new();
    for team in state.teams().all() {
        for known in state.items_of_team(team.key()) {
            let facts = &known.item.present().claim.facts;
            if !facts.deleted
                && team.level_of(&facts.work_item_type).is_some()
                && team.known_category(&facts.work_item_type, &facts.state).is_none()
            {
                unknown.insert(format!("{}: {}", facts.work_item_type, facts.state));
            }
        }
    }
    json!({
        "configured": app.source.is_some(),
        "level": level,
        "outage": state.whole(level).1,
        "gone": gone(&state),
        "unread": unread(&state),
        "unknownStates": unknown,
        "unknownTeams": app.source.as_ref().map(|source| source.unknown_teams()).unwrap_or_default(),
        "knownFrom": state.checked().all_teams().filter_map(|(_, check)| check.past).map(|past| past.from).max(),
        "backfill": state.checked().past.as_ref().map(PastProgress::from),
        "feedReadToEnd": state.checked().feed.as_ref().and_then(|feed| feed.read_to_end),
    })
}

/// What could not be read of teams that have a board, by the names of project and team.
fn unread(state: &Projection) -> Vec<Value> {
    let lacking = state.teams().all().filter(|team| !team.unread.is_empty());
    let row = |team: &Catalogue| json!({ "project": team.project_name, "team": team.team_name, "parts": team.unread });
    lacking.map(|team| row(team)).collect()
}

/// What of the organisation does not answer, by the names of project and team.
fn gone(state: &Projection) -> Vec<Value> {
    let row = |(scope, condition): (Scope, &Condition)| {
        json!({
            "project": state.project_name(scope.project),
            "projectId": scope.project,
            "team": state.team_name(scope),
            "teamId": scope.team,
            "reason": condition.reason().map(Failure::as_str),
            "remedy": condition.reason().map(Failure::remedy),
            "since": condition.since(),
            "retryAt": condition.retry_at(),
        })
    };
    state.checked().parts.gone().map(row).collect()
}

/// The members of two objects as one.
fn joined(mut one: Value, mut other: Value) -> Value {
    if let (Some(members), Some(more)) = (one.as_object_mut(), other.as_object_mut()) {
        members.append(more);
    }
    one
}
