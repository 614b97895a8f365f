//! Who may look at boards: whoever has a function key or, in the other variant of the package, whoever is signed in.

use std::process::Command;

use crate::package::Tree;
use crate::support::hooks::{FABRIKAM, updated};
use crate::support::host::{Builder, Host, TimerOutcome, TimerTick, root};
use crate::support::sse::SseReader;

/// What App Service writes into the request of somebody who is signed in, by a name that no log may show.
const PRINCIPAL: [(&str, &str); 3] = [
    ("x-ms-client-principal", "eyJhdXRoX3R5cCI6ImFhZCIsIm5hbWUiOiJHcmFjZSJ9"),
    ("x-ms-client-principal-name", "grace@contoso.example"),
    ("x-ms-token-aad-id-token", "eyJhbGciOiJub25lIn0.e30.c2lnbmVk"),
];

const BOARD: &str = "/api/snapshot?project=Fabrikam";
const STREAM: &str = "/api/sse/dashboard?project=Fabrikam";

/// The variant that people sign in to, where App Service says this of its authentication.
fn sign_in(name: &str, enabled: Option<&str>) -> (Tree, Builder) {
    let tree = Tree::new(name);
    let builder =
        Host::builder().app(&tree.stage_for_sign_in()).setting("BOARDCAST_WEBHOOK_SECRET", "s3cret");
    let builder = match enabled {
        Some(enabled) => builder.setting("WEBSITE_AUTH_ENABLED", enabled),
        None => builder,
    };
    (tree, builder)
}

/// Tells of a work item, as Azure DevOps does.
async fn hook(host: &Host) {
    let headers = [("x-functions-key", host.key()), ("x-boardcast-secret", "s3cret")];
    let body = updated(1, 1, "New").to_string();
    let path = "/api/webhooks/azure-devops/workitem.updated";
    assert_eq!(host.ask("POST", path, &headers, body.as_bytes()).await.status(), 200);
}

/// Waits until a board can be read with these headers.
async fn reads(host: &Host, headers: &[(&str, &str)]) {
    hook(host).await;
    let mut reader = SseReader::open(host.address, STREAM, headers).await;
    reader.next_of("connected").await;
    let board = host.ask("GET", &format!("/api/snapshot?project={FABRIKAM}"), headers, b"").await;
    assert_eq!((board.status(), &board.json()["items"][0]["id"]), (200, &1.into()));
}

/// Nobody's name and no token came to a log.
async fn keeps_names_to_itself(host: &Host) {
    let logs = [host.handler_log(), host.handler_errors()].concat();
    for (_, value) in PRINCIPAL {
        assert!(!logs.contains(value), "{value} is in the log:\n{logs}");
    }
}

#[tokio::test]
async fn a1_with_function_keys_it_is_of_no_matter_who_says_to_be_signed_in() {
    for enabled in ["True", "False"] {
        let settings = [("BOARDCAST_WEBHOOK_SECRET", "s3cret"), ("WEBSITE_AUTH_ENABLED", enabled)];
        let builder =
            settings.into_iter().fold(Host::builder(), |host, (name, value)| host.setting(name, value));
        let host = builder.setting("BOARDCAST_LOG", "trace").start().await;
        for path in [BOARD, STREAM] {
            let refused = host.ask("GET", path, &PRINCIPAL, b"").await;
            assert_eq!((refused.status(), refused.body.len()), (401, 0), "the host's own answer: {path}");
        }
        reads(&host, &[("x-functions-key", host.key())]).await;
        let both: Vec<_> = PRINCIPAL.into_iter().chain([("x-functions-key", host.key())]).collect();
        assert_eq!(host.ask("GET", "/api/snapshot", &both, b"").await.status(), 200);
        keeps_names_to_itself(&host).await;
    }
}

#[tokio::test]
async fn a2_where_people_sign_in_nobody_gets_a_board_while_they_cannot() {
    for (name, enabled) in [("auth-unset", None), ("auth-false", Some("False")), ("auth-one", Some("1"))] {
        let (_tree, builder) = sign_in(name, enabled);
        let host = builder.start().await;
        let with_key: Vec<_> = PRINCIPAL.into_iter().chain([("x-functions-key", host.key())]).collect();
        for headers in [&[][..], &PRINCIPAL, &with_key] {
            for path in [BOARD, STREAM, "/API/Snapshot/", "/api/snapshot?explain=velocity"] {
                let refused = host.ask("GET", path, headers, b"").await;
                assert_eq!(refused.status(), 403, "{name} {path}");
                let error = refused.json()["error"].clone();
                assert_eq!(error["code"], "authentication_off");
                assert!(error["remedy"].as_str().unwrap().contains("BOARDCAST_SIGN_IN"), "{error}");
            }
        }
        assert_eq!(host.ask("HEAD", "/api/snapshot", &PRINCIPAL, b"").await.status(), 403);
        assert!(host.handler_log().contains("WEBSITE_AUTH_ENABLED is not True"), "{}", host.handler_log());
    }
}

#[tokio::test]
async fn a2_where_people_sign_in_whoever_is_signed_in_may_look_without_a_key() {
    // As the host reads it.
    for (name, enabled) in [("auth-true", "True"), ("auth-lower", "true")] {
        let (_tree, builder) = sign_in(name, Some(enabled));
        let host = builder.setting("BOARDCAST_LOG", "trace").start().await;
        let nobody = [("x-ms-client-principal", ""), ("x-ms-client-principal-name", "grace@contoso.example")];
        for headers in [&[][..], &nobody, &[("x-functions-key", host.key())]] {
            for path in [BOARD, STREAM] {
                let refused = host.ask("GET", path, headers, b"").await;
                assert_eq!(
                    (refused.status(), &refused.json()["error"]["code"]),
                    (401, &"signed_out".into()),
                    "{path}"
                );
                assert!(refused.head.header("www-authenticate").is_some(), "{:?}", refused.head);
            }
        }
        reads(&host, &PRINCIPAL).await;
        keeps_names_to_itself(&host).await;
    }
}

#[tokio::test]
async fn a2_where_people_sign_in_everything_but_the_boards_is_as_with_keys() {
    let (_tree, builder) = sign_in("others", None);
    let host = builder.start().await;
    for path in ["/api/health/live", "/api/dashboard", "/api/dashboard/page.js"] {
        assert_eq!(host.get(path).await.status(), 200, "{path}");
    }
    let path = "/api/webhooks/azure-devops/workitem.updated";
    let secret = ("x-boardcast-secret", "s3cret");
    let keyless = host.ask("POST", path, &[secret, PRINCIPAL[0]], b"{}").await;
    assert_eq!((keyless.status(), keyless.body.len()), (401, 0), "the host asks for its key");
    assert_eq!(host.ask("POST", path, &[("x-functions-key", host.key())], b"{}").await.status(), 401);
    hook(&host).await;
    let outcome = host.fire_timer(TimerTick { past_due: false, due: None }).await;
    assert!(matches!(outcome, TimerOutcome::Succeeded { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a3_a_package_that_is_a_mixture_of_both_variants_does_not_start() {
    for folder in ["Snapshot", "SseStream"] {
        let tree = Tree::new(&format!("mixture-{folder}"));
        let app = tree.stage_for_sign_in();
        let whole = root().join(folder).join("function.json");
        std::fs::copy(whole, app.join(folder).join("function.json")).unwrap();
        let Err(said) = Host::builder().app(&app).try_start().await else {
            panic!("a mixture starts: {folder}")
        };
        assert!(said.contains("The handler ended with 1"), "{said}");
        let open = if folder == "Snapshot" { "SseStream" } else { "Snapshot" };
        assert!(said.contains(&format!("{open}/function.json has the authLevel anonymous")), "{said}");
        assert!(said.contains("dist/boardcast-sign-in"), "{said}");
    }
}

#[test]
fn a3_under_the_host_a_package_that_does_not_say_who_may_look_is_refused_and_standalone_there_is_none() {
    let run = |settings: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_boardcast"));
        command.arg("config").current_dir("/").env_clear().envs(settings.iter().copied()).output().unwrap()
    };
    let refused = run(&[("FUNCTIONS_CUSTOMHANDLER_PORT", "45339")]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("Snapshot/function.json is neither beside the executable nor"), "{said}");
    assert!(run(&[("WEBSITE_AUTH_ENABLED", "False")]).status.success());
}
