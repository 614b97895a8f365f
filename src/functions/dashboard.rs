//! `Dashboard`: the page. It holds no data, so anybody may load it; the data asks for a key.

use http::StatusCode;
use http::header::{CACHE_CONTROL, ETAG, HeaderName};
use warp::reply::Response;

use super::{Function, Request, Trigger, failed, is_read, reply};

struct File {
    name: &'static str,
    media_type: &'static str,
    content: &'static str,
}

const INDEX: &str = "index.html";

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const FILES: [File; 13] = [
    File {
        name: INDEX,
        media_type: "text/html; charset=utf-8",
        content: include_str!("../../web/index.html"),
    },
    File { name: "page.css", media_type: STYLE, content: include_str!("../../web/page.css") },
    File { name: "page.js", media_type: SCRIPT, content: include_str!("../../web/page.js") },
    File { name: "api.js", media_type: SCRIPT, content: include_str!("../../web/api.js") },
    File { name: "boards.js", media_type: SCRIPT, content: include_str!("../../web/boards.js") },
    File { name: "burndown.js", media_type: SCRIPT, content: include_str!("../../web/burndown.js") },
    File { name: "clock.js", media_type: SCRIPT, content: include_str!("../../web/clock.js") },
    File { name: "explain.js", media_type: SCRIPT, content: include_str!("../../web/explain.js") },
    File { name: "refusal.js", media_type: SCRIPT, content: include_str!("../../web/refusal.js") },
    File { name: "status.js", media_type: SCRIPT, content: include_str!("../../web/status.js") },
    File { name: "stream.js", media_type: SCRIPT, content: include_str!("../../web/stream.js") },
    File { name: "text.js", media_type: SCRIPT, content: include_str!("../../web/text.js") },
    File { name: "view.js", media_type: SCRIPT, content: include_str!("../../web/view.js") },
];

/// Nothing is loaded from elsewhere, and nobody may put the page into a frame of theirs.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     base-uri 'self'; form-action 'none'; frame-ancestors 'self'";

/// The function.
pub(super) const FUNCTION: Function = Function {
    folder: "Dashboard",
    trigger: Trigger::Http {
        area: Some("dashboard"),
        is_at: |path| matches!(path, ["api", "dashboard", ..]),
    },
    counted_as: Some("dashboard"),
    takes: |method, path| is_read(method) && matches!(path, ["api", "dashboard"] | ["api", "dashboard", _]),
    handle: |_, path, request| Box::pin(async move { handle(path.get(2).copied(), &request) }),
    after_panic: || failed(StatusCode::INTERNAL_SERVER_ERROR),
};

/// Answers with a file of the page.
fn handle(name: Option<&str>, request: &Request) -> Response {
    let Some(file) = FILES.iter().find(|file| file.name == name.unwrap_or(INDEX)) else {
        return reply::not_found();
    };
    let etag = etag(file.content);
    let mut response = match reply::matches(&request.headers, &etag) {
        true => reply::not_modified(),
        false => reply::bytes(StatusCode::OK, file.media_type, file.content),
    };
    for (name, value) in [
        (ETAG, etag.as_str()),
        (CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("content-security-policy"), CONTENT_SECURITY_POLICY),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
    ] {
        response = reply::with_header(response, name, value);
    }
    response
}

/// FNV-1a of the content: it only has to differ when the content does.
fn etag(content: &str) -> String {
    let hash = content.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("\"{hash:016x}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_the_page_names_is_there() {
        let index = FILES.iter().find(|file| file.name == INDEX).unwrap().content;
        for file in FILES.iter().filter(|file| file.name != INDEX) {
            assert!(index.contains(&format!("\"{}\"", file.name)), "{} is named by nobody", file.name);
        }
        assert!(index.contains("<base href=\"/api/dashboard/\">"));
        assert!(!index.contains("http://") && !index.contains("https://"), "the page loads from elsewhere");
    }

    #[test]
    fn every_module_that_a_script_names_is_there() {
        for file in FILES.iter().filter(|file| file.name.ends_with(".js")) {
            for (_, rest) in file
                .content
                .match_indices(" from \"./")
                .map(|(at, found)| file.content.split_at(at + found.len()))
            {
                let named = rest.split('"').next().unwrap();
                assert!(FILES.iter().any(|other| other.name == named), "{} names {named}", file.name);
            }
        }
    }

    #[test]
    fn an_entity_tag_follows_the_content() {
        assert_eq!(etag("a"), etag("a"));
        assert_ne!(etag("a"), etag("b"));
    }
}
