//! `Snapshot`: a board as JSON, for clients that cannot hold a stream, and the directory of boards.

use std::time::Duration;

use http::StatusCode;
use http::header::{CACHE_CONTROL, ETAG, HeaderName};
use tokio::time::Instant;
use warp::reply::Response;

use super::{Function, Request, Trigger, failed, is_read, reply, tile};
use crate::app::App;
use crate::board::filter::ScopeFilter;
use crate::board::past::{AskedPast, NoPast};
use crate::board::since::Since;
use crate::domain::entry_id::EntryId;
use crate::domain::scope::{Scope, SprintId};
use crate::domain::sprint::work_item::WorkItemId;
use crate::domain::time::Timestamp;
use crate::functions::reply::ErrorBody;
use crate::ops::vitals::ReadOutcome;
use crate::write::finished::PastError;

/// How long an answer waits for this instance's fold to reach the position that `at` asks for.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long it waits for the first load while there are boards that the archive holds.
const LOAD_TIMEOUT: Duration = Duration::from_millis(500);

/// What stands before the number of a work item that is to be explained, where else a metric is named.
const ITEM: &str = "item:";

/// The function.
pub(super) const FUNCTION: Function = Function {
    folder: "Snapshot",
    trigger: Trigger::Http { area: Some("snapshot"), is_at: |path| matches!(path, ["api", "snapshot", ..]) },
    counted_as: Some("snapshot"),
    takes: |method, path| is_read(method) && matches!(path, ["api", "snapshot"]),
    handle: |app, _, request| Box::pin(handle(app, request)),
    after_panic: || failed(StatusCode::INTERNAL_SERVER_ERROR),
};

/// Answers with the directory, or with the board of the scope that is asked for.
pub async fn handle(app: &App, request: Request) -> Response {
    let began = Instant::now();
    let at = match request.query.first("at") {
        None => EntryId::ZERO,
        Some(text) => match EntryId::parse(text) {
            Some(at) => at,
            None => return malformed_position(),
        },
    };
    if !has_reached(app, at).await {
        count(app, ReadOutcome::Miss);
        loaded(app, began);
        return not_yet();
    }
    let (past, since) = match asked(app, &request) {
        Ok(asked) => asked,
        Err(malformed) => return malformed.refused(),
    };
    if tile::is_asked(&request) {
        return tile::answer(app, &request, |scope| {
            read(app, scope);
        });
    }
    let filter = request.query.scope_filter();
    if filter.is_empty() {
        if past.is_some() || since.is_some() {
            return past_of_one();
        }
        return everything(app, &filter);
    }
    let scopes = {
        let state = app.instance.fold.read();
        app.snapshots.scopes(&state, &filter)
    };
    match scopes.as_slice() {
        [] => {
            count(app, ReadOutcome::Miss);
            unknown_scope()
        }
        [scope] if past.is_some() => match past {
            Some(past) => once(app, *scope, past, request.query.first("explain")).await,
            None => unknown_scope(),
        },
        _ if past.is_some() || since.is_some() && scopes.len() > 1 => past_of_one(),
        [scope] => match (since, request.query.first("explain")) {
            (Some(since), Some(of)) => {
                read(app, *scope);
                once(app, *scope, AskedPast::Instant { at: since, sprint: None }, Some(of)).await
            }
            _ => now(app, *scope, since, &request, began),
        },
        _ => {
            let directory = app.snapshots.directory(&filter);
            reply::with_header(reply::value(StatusCode::OK, &directory), CACHE_CONTROL, "no-cache")
        }
    }
}

/// A board as it is, where one of its numbers comes from, or what happened since an instant.
fn now(app: &App, scope: Scope, since: Option<Timestamp>, request: &Request, began: Instant) -> Response {
    let outcome = read(app, scope);
    match (since, request.query.first("explain")) {
        (Some(since), _) => happened(app, scope, since, request),
        (None, Some(of)) => explanation(app, scope, of),
        (None, None) => {
            let response = board(app, scope, request);
            if response.status() == StatusCode::OK && outcome != ReadOutcome::Miss {
                loaded(app, began);
            }
            response
        }
    }
}

/// What there is, and why there is nothing.
fn everything(app: &App, filter: &ScopeFilter) -> Response {
    let mut directory = app.snapshots.directory(filter);
    let state = app.instance.fold.read();
    if state.known().next().is_none() {
        let (whole, outage) = app.instance.whole(&state);
        (directory.level, directory.outage) = (directory.level.max(whole), outage);
    }
    drop(state);
    reply::with_header(reply::value(StatusCode::OK, &directory), CACHE_CONTROL, "no-cache")
}

/// Which past is asked for, if one is, or since when it is asked what happened.
/// Errors: what is wrong with the question, and how to put it.
fn asked(app: &App, request: &Request) -> Result<(Option<AskedPast>, Option<Timestamp>), Malformed> {
    Ok(match (asked_past(request)?, asked_since(app, request)?) {
        (Some(AskedPast::Sprint(sprint)), Some(at)) => {
            (Some(AskedPast::Instant { at, sprint: Some(sprint) }), None)
        }
        asked => asked,
    })
}

/// Which past is asked for, if one is.
/// Errors: what is wrong with the question, and how to put it.
fn asked_past(request: &Request) -> Result<Option<AskedPast>, Malformed> {
    let asked = (request.query.first("day"), request.query.first("sprint"));
    let explained = request.query.first("explain");
    let is_past = asked != (None, None) || request.query.first("since").is_some();
    if is_past && explained.is_some_and(|of| of.starts_with(ITEM)) {
        return Err(Malformed(
            "why an item is on a board or not is told of the board as it is now",
            "leave out `explain`, or `day`, `sprint` and `since`",
        ));
    }
    match asked {
        (None, None) => Ok(None),
        (Some(day), None) => match day.parse() {
            Ok(day) => Ok(Some(AskedPast::Day(day))),
            Err(_) => Err(Malformed("`day` is not a date", "write it as day=2026-11-16")),
        },
        (None, Some(sprint)) => match SprintId::parse(sprint) {
            Some(sprint) => Ok(Some(AskedPast::Sprint(sprint))),
            None => Err(Malformed(
                "`sprint` is not the id of a sprint",
                "take the `id` of a board's `sprint`, or of a row of `velocity.completed`",
            )),
        },
        (Some(_), Some(_)) => {
            Err(Malformed("`day` and `sprint` ask for two boards at once", "leave one of them out"))
        }
    }
}

/// Since when it is asked what happened, if it is.
/// Errors: what is wrong with the question, and how to put it.
fn asked_since(app: &App, request: &Request) -> Result<Option<Timestamp>, Malformed> {
    let Some(text) = request.query.first("since") else { return Ok(None) };
    let has = |name| request.query.first(name).is_some();
    if has("day") || has("sprint") && !has("explain") {
        return Err(Malformed(
            "`since` is of the board as it is now",
            "leave out `since`, or `day` and `sprint`; a `sprint` may be beside it where `explain` is",
        ));
    }
    // A plus that was not escaped comes as a blank.
    let dated = || Timestamp::parse(text).or_else(|| Timestamp::parse(&text.replace(' ', "+")));
    let since = text.parse().ok().map(Timestamp::from_epoch_ms).or_else(dated);
    let remedy = "write it as since=2026-11-16T09:30:00Z or in milliseconds since 1970, up to now";
    match since {
        None => Err(Malformed("`since` is no instant", remedy)),
        Some(since) if since > (app.instance.clock)() => Err(Malformed("`since` is yet to come", remedy)),
        Some(since) => Ok(Some(since)),
    }
}

/// What happened on a board since an instant.
fn happened(app: &App, scope: Scope, since: Timestamp, request: &Request) -> Response {
    match app.snapshots.since(scope, since, |etag| reply::matches(&request.headers, etag)) {
        Ok(Since { answer, etag }) => {
            let response = answer.map(|answer| reply::value(StatusCode::OK, &answer));
            let response = response.unwrap_or_else(reply::not_modified);
            reply::with_header(reply::with_header(response, ETAG, &etag), CACHE_CONTROL, "no-cache")
        }
        Err(why) => no_past(why),
    }
}

/// A board as it once was, or where one of its numbers came from.
async fn once(app: &App, scope: Scope, past: AskedPast, explained: Option<&str>) -> Response {
    let told = match explained {
        None => app.finished.past(scope, past).await.map(Some),
        Some(metric) => app.finished.explain(scope, past, metric).await,
    };
    match told {
        Ok(Some(told)) => reply::with_header(reply::value(StatusCode::OK, &told), CACHE_CONTROL, "no-cache"),
        Ok(None) => unknown_metric(),
        Err(PastError::NoPast(why)) => no_past(why),
        Err(PastError::ArchiveAway) => archive_away(),
    }
}

/// A question for the past that cannot be answered: what is wrong with it, and how to put it.
struct Malformed(&'static str, &'static str);

impl Malformed {
    fn refused(self) -> Response {
        let Self(message, remedy) = self;
        reply::error(StatusCode::BAD_REQUEST, ErrorBody { code: "malformed_past", message, remedy })
    }
}

fn past_of_one() -> Response {
    Malformed(
        "`day`, `sprint` and `since` ask for the past of one board",
        "name its project and its team beside them",
    )
    .refused()
}

fn archive_away() -> Response {
    let error = ErrorBody {
        code: "archive_away",
        message: "the archive does not tell whether that sprint was frozen",
        remedy: "ask again in a minute; the log says what is wrong with the storage account",
    };
    let response = reply::error(StatusCode::SERVICE_UNAVAILABLE, error);
    reply::with_header(response, http::header::RETRY_AFTER, "60")
}

fn no_past(why: NoPast) -> Response {
    let (message, remedy) = match why {
        NoPast::WithoutTeam => ("a board without a team has no past", "name a project and one of its teams"),
        NoPast::BetweenSprints => (
            "the team is between two sprints",
            "ask once its next sprint has begun, or for one that is over, by `sprint`",
        ),
        NoPast::UnknownSprint => (
            "the team has no sprint with that id and with dates",
            "take the `id` of a board's `sprint`, or of a row of `velocity.completed`",
        ),
        NoPast::Unknown => (
            "that was before the past that is known",
            "`backfill` and the health page say from when on it is known",
        ),
        NoPast::BeingRead => (
            "the team's past is still being read",
            "ask again once `backfill` is gone from the board, or for the board as it is now",
        ),
        NoPast::Future => {
            ("that is yet to come", "ask for a day up to today, or for a sprint that has begun")
        }
    };
    reply::error(StatusCode::NOT_FOUND, ErrorBody { code: "no_past", message, remedy })
}

/// Whether there is something to answer with: this instance has reached the position, or nothing in particular is asked
/// for and it has boards to show that the archive holds.
async fn has_reached(app: &App, at: EntryId) -> bool {
    let is_shown = || at == EntryId::ZERO && app.instance.fold.read().shown().next().is_some();
    let limit = if is_shown() { LOAD_TIMEOUT } else { TIMEOUT };
    tokio::time::timeout(limit, app.instance.fold.passed(at)).await.is_ok() || is_shown()
}

/// Takes note that a board is read: how fresh it is, and that somebody watches it. That nothing changed is an answer about
/// it, too; a directory shows no board.
fn read(app: &App, scope: Scope) -> ReadOutcome {
    let now = (app.instance.clock)();
    app.instance.watched.read(scope, now);
    let outcome = {
        let state = app.instance.fold.read();
        ReadOutcome::of_board(state.level_here(scope), state.compared_at(scope), now)
    };
    count(app, outcome);
    outcome
}

/// Takes note of how long a client waited for a board: until it is answered whole and with numbers, or not at all.
fn loaded(app: &App, began: Instant) {
    app.instance.vitals.loaded((app.instance.clock)(), began.elapsed());
}

fn count(app: &App, outcome: ReadOutcome) {
    app.instance.vitals.reads.record((app.instance.clock)(), outcome);
}

fn board(app: &App, scope: Scope, request: &Request) -> Response {
    let board = app.snapshots.board(scope, |etag| reply::matches(&request.headers, etag));
    let response = match board.json {
        None => reply::not_modified(),
        Some(json) => reply::json(StatusCode::OK, json),
    };
    let response = reply::with_header(response, ETAG, &board.etag);
    let response = reply::with_header(response, CACHE_CONTROL, "no-cache");
    match board.data_as_of {
        Some(at) => reply::with_header(response, DATA_AS_OF, &ms(at)),
        None => response,
    }
}

/// Where a number comes from, or why an item is on the board or not.
fn explanation(app: &App, scope: Scope, of: &str) -> Response {
    if let Some(number) = of.strip_prefix(ITEM) {
        return match number.parse().ok().and_then(WorkItemId::new) {
            Some(item) => reply::value(StatusCode::OK, &app.snapshots.explain_item(scope, item)),
            None => malformed_item(),
        };
    }
    match app.snapshots.explain(scope, of) {
        Some(explanation) => reply::value(StatusCode::OK, &explanation),
        None => unknown_metric(),
    }
}

/// The age of the data, also on 304: nothing changed, but it may have been checked.
const DATA_AS_OF: HeaderName = HeaderName::from_static("x-boardcast-data-as-of");

fn ms(at: Timestamp) -> String {
    at.epoch_ms().to_string()
}

fn unknown_scope() -> Response {
    let error = ErrorBody {
        code: "unknown_scope",
        message: "no board with that project and team is known",
        remedy: "GET /api/snapshot lists the boards; one appears with its first work item",
    };
    reply::error(StatusCode::NOT_FOUND, error)
}

fn unknown_metric() -> Response {
    let error = ErrorBody {
        code: "unknown_metric",
        message: "that board has no metric with that id",
        remedy: "the board's `metrics` are named by their ids; a board without a sprint explains none",
    };
    reply::error(StatusCode::NOT_FOUND, error)
}

fn malformed_item() -> Response {
    let error = ErrorBody {
        code: "malformed_item",
        message: "`explain=item:` is not followed by the number of a work item",
        remedy: "write it as explain=item:17",
    };
    reply::error(StatusCode::BAD_REQUEST, error)
}

fn malformed_position() -> Response {
    let error = ErrorBody {
        code: "malformed_position",
        message: "`at` is not the id of an event",
        remedy: "take the `url` of an event as it is, or leave `at` out",
    };
    reply::error(StatusCode::BAD_REQUEST, error)
}

fn not_yet() -> Response {
    let error = ErrorBody {
        code: "not_yet",
        message: "this instance has not reached that position",
        remedy: "ask again in a second",
    };
    let response = reply::error(StatusCode::SERVICE_UNAVAILABLE, error);
    reply::with_header(response, http::header::RETRY_AFTER, "1")
}
