//! Addresses, and what an answer is a sign of.

use super::*;
use crate::platform::outbound::RootCertificates;
use crate::platform::secret::Secret;

fn settings(organisation: &str) -> ClientSettings {
    ClientSettings { token: Some(Secret::new("hunter2")), ..ClientSettings::new(organisation) }
}

fn url_of(organisation: &str, route: &'static str, arguments: &[Argument<'_>]) -> String {
    Transport::new(&ClientSettings::new(organisation)).unwrap().request(route, arguments).url.to_string()
}

fn answer(status: u16, kind: Option<&str>) -> Answer {
    let kind = kind.map(|kind| (CONTENT_TYPE, kind.parse().unwrap()));
    let status = StatusCode::from_u16(status).unwrap();
    let mut answer = Response::new(Vec::new());
    *answer.status_mut() = status;
    answer.headers_mut().extend(kind);
    answer
}

#[test]
fn each_star_of_a_route_is_one_argument_and_never_more_than_one_segment() {
    let asked =
        url_of("http://127.0.0.1:1/northwind", "*/_apis/wit/workitemtypes/*/states", &[&7, &"A/B ?#%"]);
    assert_eq!(asked, "http://127.0.0.1:1/northwind/7/_apis/wit/workitemtypes/A%2FB%20%3F%23%25/states");
}

#[test]
fn an_address_may_have_a_slash_at_its_end_and_loses_what_is_no_address() {
    for organisation in [
        "http://127.0.0.1:1/northwind",
        " http://127.0.0.1:1/northwind/ ",
        "http://nancy:hunter2@127.0.0.1:1/northwind?a=b#c",
    ] {
        assert_eq!(
            url_of(organisation, "_apis/projects", &[]),
            "http://127.0.0.1:1/northwind/_apis/projects"
        );
    }
    let collection = "http://127.0.0.1:1/tfs/DefaultCollection";
    assert_eq!(url_of(collection, "_apis/projects", &[]), format!("{collection}/_apis/projects"));
    for nonsense in ["", "northwind", "dev.azure.com/northwind", "ftp://a/b", "mailto:a@b", "https://"] {
        assert_eq!(
            Transport::new(&ClientSettings::new(nonsense)).err(),
            Some(ClientSetupError::Address),
            "{nonsense}"
        );
    }
}

#[test]
fn a_token_goes_where_nobody_else_can_read_it() {
    let refused = |organisation: &str| Transport::new(&settings(organisation)).err();
    assert_eq!(refused("http://devops.example.com/northwind"), Some(ClientSetupError::InTheClear));
    assert_eq!(refused("http://127.0.0.1.example.com/northwind"), Some(ClientSetupError::InTheClear));
    for here in ["http://127.0.0.1:8/a", "http://[::1]:8/a", "http://localhost:8/a"] {
        assert_eq!(refused(here), None, "{here}");
    }
    assert_eq!(Transport::new(&ClientSettings::new("http://devops.example.com/northwind")).err(), None);
}

#[test]
fn tls_is_set_up_with_the_one_provider_and_more_than_once() {
    for _ in 0..2 {
        let url = site("https://dev.azure.com/northwind").unwrap();
        // Without certificates on the machine there is an error, which says so.
        if let Err(error) = http_client(&url, &RootCertificates::default()).build() {
            assert!(told(&error).contains("certificates"), "{error:?}");
        }
    }
}

#[test]
fn f10_each_status_is_a_sign_of_one_failure() {
    let throttled = Failure::Throttled { retry_after_ms: None };
    let json = Some("application/json; charset=utf-8; api-version=7.1");
    let page = Some("text/html; charset=utf-8");
    for (status, kind, expected) in [
        (200, json, None),
        (200, page, None),
        (203, json, None),
        (203, page, Some(Failure::Unauthorised)),
        (301, None, Some(Failure::Gone)),
        (302, page, Some(Failure::Unauthorised)),
        (400, json, Some(Failure::Unreadable)),
        (401, None, Some(Failure::Unauthorised)),
        (403, json, Some(Failure::Forbidden)),
        (404, json, Some(Failure::Gone)),
        (407, page, Some(Failure::Unauthorised)),
        (408, None, Some(Failure::TimedOut)),
        (410, json, Some(Failure::Gone)),
        (429, json, Some(throttled)),
        (500, json, Some(Failure::Server)),
        (503, page, Some(Failure::Server)),
    ] {
        assert_eq!(failure(&answer(status, kind)), expected, "{status}");
    }
}

#[test]
fn what_the_organisation_says_is_kept_on_one_line_and_cut() {
    assert_eq!(cut("a\r\nb\u{7}"), "a  b ");
    assert_eq!(cut(&"ü".repeat(10_000)).chars().count(), MESSAGE_CHARS_MAX);
}

#[test]
fn w13_what_is_removed_is_answered_with_nothing_and_what_is_asked_for_is_not() {
    let judged = |answer: &Answer, is_removal| {
        judge::<Option<Value>>(answer, is_removal).map_err(|of| of.error.failure)
    };
    let json = Some("application/json; charset=utf-8");
    for (status, kind) in [(200, None), (200, json), (200, Some("text/plain")), (204, None), (204, json)] {
        assert_eq!(judged(&answer(status, kind), true), Ok(None), "{status} {kind:?}");
    }
    for kind in [None, json, Some("text/html")] {
        assert_eq!(judged(&answer(200, kind), false), Err(Failure::Unreadable), "{kind:?}");
    }
    let mut page = answer(200, Some("text/html"));
    *page.body_mut() = b"<html>".to_vec();
    assert_eq!(judged(&page, true), Err(Failure::Unreadable), "a page is no removal");
    assert_eq!(judged(&answer(403, None), true), Err(Failure::Forbidden));
}
