//! `Dashboard`: the page. It holds no data, so anybody may load it; the data asks for a key.

use std::io::Write as _;
use std::sync::LazyLock;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderName, VARY};
use http::{HeaderMap, StatusCode};
use warp::reply::Response;

use super::{Function, Request, Trigger, failed, is_read, reply};
use crate::app::App;

struct File {
    path: &'static str,
    media_type: &'static str,
    content: &'static str,
}

impl File {
    /// What it is asked for by.
    fn name(&self) -> &'static str {
        self.path.rsplit_once('/').map_or(self.path, |(_, name)| name)
    }
}

const INDEX: &str = "index.html";

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";

/// A file of the repository, served by the last part of its path.
macro_rules! file {
    ($path:literal, $media_type:expr) => {
        File { path: $path, media_type: $media_type, content: include_str!(concat!("../../", $path)) }
    };
}

/// The page, the modules of the package `boardcast-client` that it is made with, and the contract for programs.
const FILES: &[File] = &[
    file!("web/index.html", "text/html; charset=utf-8"),
    file!("web/chart.css", STYLE),
    file!("web/page.css", STYLE),
    file!("web/wall.css", STYLE),
    file!("web/api.js", SCRIPT),
    file!("web/attention.js", SCRIPT),
    file!("web/board-words.js", SCRIPT),
    file!("web/boards-page.js", SCRIPT),
    file!("web/chart-data.js", SCRIPT),
    file!("web/chart-frame.js", SCRIPT),
    file!("web/chart-layout.js", SCRIPT),
    file!("web/chart-nodes.js", SCRIPT),
    file!("web/chart-reader.js", SCRIPT),
    file!("web/chart-table.js", SCRIPT),
    file!("web/chart.js", SCRIPT),
    file!("web/digest.js", SCRIPT),
    file!("web/draw.js", SCRIPT),
    file!("web/elements.js", SCRIPT),
    file!("web/embed.js", SCRIPT),
    file!("web/explain.js", SCRIPT),
    file!("web/kept.js", SCRIPT),
    file!("web/live.js", SCRIPT),
    file!("web/page-options.js", SCRIPT),
    file!("web/page.js", SCRIPT),
    file!("web/past.js", SCRIPT),
    file!("web/quiet.js", SCRIPT),
    file!("web/refusal.js", SCRIPT),
    file!("web/rotation.js", SCRIPT),
    file!("web/rows.js", SCRIPT),
    file!("web/sections.js", SCRIPT),
    file!("web/standing.js", SCRIPT),
    file!("web/standup.js", SCRIPT),
    file!("web/status.js", SCRIPT),
    file!("web/sw.js", SCRIPT),
    file!("web/teams.js", SCRIPT),
    file!("web/text.js", SCRIPT),
    file!("web/ticker-words.js", SCRIPT),
    file!("web/ticker.js", SCRIPT),
    file!("web/tiles.js", SCRIPT),
    file!("web/titles.js", SCRIPT),
    file!("web/velocity.js", SCRIPT),
    file!("web/version.js", SCRIPT),
    file!("web/view.js", SCRIPT),
    file!("web/wall-dom.js", SCRIPT),
    file!("web/wall-model.js", SCRIPT),
    file!("web/wall-night.js", SCRIPT),
    file!("web/wall-options.js", SCRIPT),
    file!("web/wall-parts.js", SCRIPT),
    file!("web/wall-show.js", SCRIPT),
    file!("web/wall.js", SCRIPT),
    file!("client/boardcast.js", SCRIPT),
    file!("client/client.js", SCRIPT),
    file!("client/clock.js", SCRIPT),
    file!("client/dashboard-sse-client.js", SCRIPT),
    file!("client/filter.js", SCRIPT),
    file!("client/http.js", SCRIPT),
    file!("client/hub.js", SCRIPT),
    file!("client/index.js", SCRIPT),
    file!("client/openers.js", SCRIPT),
    file!("client/poll.js", SCRIPT),
    file!("client/reducer.js", SCRIPT),
    file!("client/selectors.js", SCRIPT),
    file!("client/shared.js", SCRIPT),
    file!("client/source.js", SCRIPT),
    file!("client/sse.js", SCRIPT),
    file!("client/storage.js", SCRIPT),
    file!("client/stream.js", SCRIPT),
    file!("client/worker.js", SCRIPT),
    file!("docs/api/asyncapi.json", JSON),
    file!("docs/api/openapi.json", JSON),
    file!("docs/api/schema.json", JSON),
];

/// Nothing is loaded from elsewhere; who may put the page into a frame of theirs, which a setting says, follows.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     base-uri 'self'; form-action 'none'; frame-ancestors";

/// The function.
pub(super) const FUNCTION: Function = Function {
    folder: "Dashboard",
    trigger: Trigger::Http {
        area: Some("dashboard"),
        is_at: |path| matches!(path, ["api", "dashboard", ..]),
    },
    counted_as: Some("dashboard"),
    takes: |method, path| is_read(method) && matches!(path, ["api", "dashboard"] | ["api", "dashboard", _]),
    handle: |app, path, request| Box::pin(async move { handle(app, path.get(2).copied(), &request) }),
    after_panic: || failed(StatusCode::INTERNAL_SERVER_ERROR),
};

/// The files compressed, in their order: once, since they never change.
static COMPRESSED: LazyLock<Vec<Bytes>> =
    LazyLock::new(|| FILES.iter().map(|file| gzip(content(file))).collect());

const SERVICE_WORKER: &str = "sw.js";

/// The service worker, which begins with a line that differs where any file does: a browser installs it anew when its
/// bytes are others, and only then keeps the files anew.
static WORKER: LazyLock<String> = LazyLock::new(|| {
    let all: String = FILES.iter().map(|file| etag(file.content, "")).collect();
    let worker = FILES.iter().find(|file| file.name() == SERVICE_WORKER).map_or("", |file| file.content);
    format!("const EDITION = {};\n{worker}", etag(&all, ""))
});

/// What is served of a file.
fn content(file: &File) -> &'static str {
    if file.name() == SERVICE_WORKER { WORKER.as_str() } else { file.content }
}

/// Answers with a file of the page.
fn handle(app: &App, name: Option<&str>, request: &Request) -> Response {
    let wanted = name.unwrap_or(INDEX);
    let Some((index, file)) = FILES.iter().enumerate().find(|(_, file)| file.name() == wanted) else {
        return reply::not_found();
    };
    let compressed = takes_gzip(&request.headers).then(|| COMPRESSED.get(index)).flatten();
    // Another encoding is another representation, with a tag of its own (RFC 9110 §8.8.3.3).
    let etag = etag(content(file), if compressed.is_some() { "-gzip" } else { "" });
    let mut response = match reply::matches(&request.headers, &etag) {
        true => reply::not_modified(),
        false => match compressed {
            Some(bytes) => {
                let response = reply::bytes(StatusCode::OK, file.media_type, bytes.clone());
                reply::with_header(response, CONTENT_ENCODING, "gzip")
            }
            None => reply::bytes(StatusCode::OK, file.media_type, content(file)),
        },
    };
    let policy = format!("{CONTENT_SECURITY_POLICY} {}", app.config.frame_ancestors.sources());
    for (name, value) in [
        (ETAG, etag.as_str()),
        (VARY, "Accept-Encoding"),
        // The page's own address is above that of its files.
        (HeaderName::from_static("service-worker-allowed"), "/api/dashboard"),
        (CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("content-security-policy"), policy.as_str()),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
    ] {
        response = reply::with_header(response, name, value);
    }
    response
}

/// Whether a client takes gzip; one that gives it the weight 0 does not.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().trim_start_matches("q=").parse::<f32>().unwrap_or(1.0);
        name.trim().eq_ignore_ascii_case("gzip") && weight > 0.0
    })
}

fn gzip(content: &str) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail; a file that could not be compressed would be an empty one, which a test sees.
    let _ = encoder.write_all(content.as_bytes());
    encoder.finish().unwrap_or_default().into()
}

/// FNV-1a of the content: it only has to differ when the content does.
pub(super) fn etag(content: &str, encoding: &str) -> String {
    let hash = content.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("\"{hash:016x}{encoding}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files that a file names, each in quotes: relative ones as modules do it, and those of the page itself.
    fn named(file: &File) -> impl Iterator<Item = &'static str> {
        let quoted =
            file.content.split('"').skip(1).step_by(2).map(|part| part.strip_prefix("./").unwrap_or(part));
        quoted.filter(|part| part.ends_with(".js") || part.ends_with(".css"))
    }

    #[test]
    fn every_file_that_is_named_is_there_and_every_file_is_named() {
        let mut found: Vec<&str> = vec![INDEX];
        for file in FILES {
            for named in named(file).filter(|_| file.media_type != JSON) {
                assert!(FILES.iter().any(|other| other.name() == named), "{} names {named}", file.path);
                found.push(named);
            }
        }
        for file in FILES.iter().filter(|file| file.media_type != JSON) {
            assert!(found.contains(&file.name()), "{} is named by nobody", file.path);
        }
    }

    #[test]
    fn what_is_served_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = FILES.iter().map(File::name).collect();
        assert_eq!(names.len(), FILES.len());
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere() {
        let index = FILES.iter().find(|file| file.name() == INDEX).unwrap().content;
        assert!(index.contains("<base href=\"/api/dashboard/\">"));
        assert!(!index.contains("http://") && !index.contains("https://"));
    }

    #[test]
    fn gzip_is_sent_to_whoever_takes_it() {
        let takes =
            |value: &str| takes_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, value.parse().unwrap())]));
        assert!(takes("gzip") && takes("br, GZIP;q=0.5") && takes("deflate,gzip ; q=1"));
        assert!(!takes("br") && !takes("gzip;q=0") && !takes("") && !takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn an_entity_tag_follows_the_content() {
        assert_eq!(etag("a", ""), etag("a", ""));
        assert_ne!(etag("a", ""), etag("b", ""));
        assert_ne!(etag("a", ""), etag("a", "-gzip"));
    }
}
