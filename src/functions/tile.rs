//! One number of a board as a picture, for pages that can show nothing else, such as those of a wiki.

use http::StatusCode;
use http::header::{CACHE_CONTROL, ETAG, HeaderName};
use warp::reply::Response;

use super::{Request, dashboard, reply};
use crate::app::App;
use crate::domain::Scope;
use crate::domain::wire::tile::{Tile, svg, svg_of_words};

/// What the picture may do where it is opened by itself: show its own style, and nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors *";

/// Whether a tile is asked for.
pub(super) fn is_asked(request: &Request) -> bool {
    ["tile", "format"].iter().any(|name| request.query.first(name).is_some())
}

/// A metric of a board as a picture, and what is wrong with the question, too: who looks sees no other answer. The board that is
/// shown is handed to `watched`.
pub(super) fn answer(app: &App, request: &Request, watched: impl FnOnce(Scope)) -> Response {
    if request.query.first("format") != Some("svg") {
        return picture(
            request,
            StatusCode::BAD_REQUEST,
            &svg_of_words("`format` is not svg", "write format=svg beside tile"),
        );
    }
    let Some(metric) = request.query.first("tile") else {
        return picture(
            request,
            StatusCode::BAD_REQUEST,
            &svg_of_words("no metric is named", "write tile=points.remaining"),
        );
    };
    if ["day", "sprint", "since", "explain"].iter().any(|name| request.query.first(name).is_some()) {
        let words = svg_of_words("a picture is of now", "leave out day, sprint and since");
        return picture(request, StatusCode::BAD_REQUEST, &words);
    }
    let filter = request.query.scope_filter();
    let scopes = {
        let state = app.instance.fold.read();
        app.snapshots.scopes(&state, &filter)
    };
    let scope = match scopes.as_slice() {
        _ if filter.is_empty() => return picture(request, StatusCode::BAD_REQUEST, &which_board()),
        [scope] => *scope,
        [] => {
            let words = svg_of_words("no such board", "check its project and its team");
            return picture(request, StatusCode::NOT_FOUND, &words);
        }
        _ => return picture(request, StatusCode::BAD_REQUEST, &which_board()),
    };
    watched(scope);
    let board = app.snapshots.view(scope);
    let Some((id, metric)) = board.metrics.get_key_value(metric) else {
        let words = svg_of_words("no such metric", "its id is none of METRICS.md");
        return picture(request, StatusCode::NOT_FOUND, &words);
    };
    let (level, data_as_of) = {
        let state = app.instance.fold.read();
        (state.level_here(scope), state.data_as_of(scope))
    };
    let names = [board.team.as_ref().and_then(|team| team.name.as_deref()), board.project.name.as_deref()];
    let whose: Vec<&str> = names.into_iter().flatten().collect();
    let tile = Tile { id, metric, whose: &whose.join(" · "), level, data_as_of, demo: app.instance.demo };
    picture(request, StatusCode::OK, &svg(&tile))
}

fn which_board() -> String {
    svg_of_words("which board?", "name its project and its team")
}

fn picture(request: &Request, status: StatusCode, svg: &str) -> Response {
    let etag = dashboard::etag(svg, "");
    let response = match status == StatusCode::OK && reply::matches(&request.headers, &etag) {
        true => reply::not_modified(),
        false => reply::bytes(status, "image/svg+xml; charset=utf-8", svg.to_owned()),
    };
    let headers = [
        (ETAG, etag.as_str()),
        (CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("content-security-policy"), CONTENT_SECURITY_POLICY),
    ];
    headers.into_iter().fold(response, |response, (name, value)| reply::with_header(response, name, value))
}
