//! How boardcast logs in to Azure DevOps, from its settings to the header of a call.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use boardcast::app::Adapters;
use boardcast::config::Config;
use boardcast::demo::simulation::model::Model;
use boardcast::devops::AzureDevOps;
use boardcast::domain::degradation::Failure;
use serde_json::{Value, json};

use crate::support::certificates::{Certified, certified};
use crate::support::entra::{Entra, OBJECT_ID, bearer};
use crate::support::eventually;
use crate::support::organisation::{Answer, Server, SimulatedFailure};
use crate::support::process::Process;

const PAT: &str = "hunter2hunter2hunter2";

/// Everything by which boardcast could log in.
struct Ways {
    entra: Entra,
    server: Server,
    file: PathBuf,
}

impl Ways {
    async fn start() -> Self {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let file = std::env::temp_dir().join(format!("boardcast-assertion-{}-{count}", std::process::id()));
        std::fs::write(&file, "hunter2.hunter2.hunter2\n").unwrap();
        let model = Model::new(1, boardcast::platform::clock::system());
        let server = Server::start(Arc::new(Mutex::new(model))).await.unwrap();
        Self { entra: Entra::start().await, server, file }
    }

    /// The settings of all ways but those that are left out.
    fn settings_without(&self, left_out: &[&str]) -> Vec<(&'static str, String)> {
        let all = [
            ("BOARDCAST_ORGANIZATION_URL", self.server.base_url()),
            ("AZURE_DEVOPS_PAT", PAT.to_owned()),
            ("AZURE_TENANT_ID", "contoso.example".to_owned()),
            ("AZURE_CLIENT_ID", "11111111-0000-4000-8000-000000000001".to_owned()),
            ("AZURE_CLIENT_SECRET", "hunter2+hunter2".to_owned()),
            ("AZURE_AUTHORITY_HOST", self.entra.authority()),
            ("AZURE_FEDERATED_TOKEN_FILE", self.file.to_str().unwrap().to_owned()),
            ("IDENTITY_ENDPOINT", self.entra.endpoint()),
            ("IDENTITY_HEADER", "hunter2-header".to_owned()),
        ];
        all.into_iter().filter(|(name, _)| !left_out.contains(name)).collect()
    }

    fn without(&self, left_out: &[&str]) -> Arc<dyn AzureDevOps> {
        azure(&self.settings_without(left_out)).unwrap()
    }
}

impl Drop for Ways {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

/// The organisation of those settings, as the executable would ask it.
fn azure(settings: &[(&str, String)]) -> Result<Arc<dyn AzureDevOps>, String> {
    let lookup =
        |name: &str| settings.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    let config = Config::from_lookup(lookup)?;
    let adapters = Adapters::configured(&config).map_err(|error| error.to_string())?;
    Ok(adapters.azure.unwrap())
}

fn is_login(text: &str, header: &str) -> bool {
    text.contains(&header.split_once(' ').unwrap().1.replace('.', "%2E")) || text.contains(header)
}

#[tokio::test]
async fn l1_each_way_to_log_in_is_taken_where_none_before_it_is_named() {
    let ways = Ways::start().await;
    let (pat, secret, file) = ("AZURE_DEVOPS_PAT", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE");
    let resource = "499b84ac-1321-427f-aa17-267ca6975798";
    let client = "11111111-0000-4000-8000-000000000001";

    assert_eq!(ways.without(&[]).projects().await.unwrap().len(), 2);
    use base64::Engine as _;
    let basic = format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(format!(":{PAT}")));
    assert_eq!((ways.server.logins(), ways.entra.asked().len()), (vec![basic.clone()], 0));

    let scope = format!("scope={resource}%2F.default");
    for (left_out, asked) in [
        (
            vec![pat],
            vec!["POST /contoso.example/oauth2/v2.0/token ", &scope, "client_secret=hunter2%2Bhunter2"],
        ),
        (
            vec![pat, secret],
            vec![
                "POST /contoso.example/oauth2/v2.0/token ",
                &scope,
                "&client_assertion=hunter2.hunter2.hunter2",
            ],
        ),
        (
            vec![pat, secret, file],
            vec![
                &*format!("GET /msi/token?api-version=2019-08-01&resource={resource}&client_id={client} "),
                "x-identity-header: hunter2-header",
            ],
        ),
        (
            vec![pat, secret, file, "AZURE_CLIENT_ID"],
            vec![&*format!("GET /msi/token?api-version=2019-08-01&resource={resource} ")],
        ),
    ] {
        let azure = ways.without(&left_out);
        let before = ways.entra.asked().len();
        assert_eq!(azure.projects().await.unwrap().len(), 2);
        assert_eq!(azure.projects().await.unwrap().len(), 2);
        let requests = ways.entra.asked();
        assert_eq!(requests.len(), before + 1, "one token serves");
        let (last, logins) = (requests.last().unwrap(), ways.server.logins());
        assert!(asked.iter().all(|part| last.contains(part)), "{left_out:?}: {last}");
        assert_eq!(logins.last(), Some(&bearer(requests.len())), "{left_out:?}");
        assert!(!logins.iter().skip(1).any(|login| *login == basic));
    }
}

#[tokio::test]
async fn l3_a_token_that_azure_devops_refuses_is_renewed_once_and_a_personal_one_never() {
    let redirect = |status| {
        let headers = vec![("location", "https://spsprodeus1.vssps.example/_signin".to_owned())];
        SimulatedFailure::Instead(Answer { status, headers, body: json!("<html>") })
    };
    let denied = SimulatedFailure::Instead(Answer { status: 401, headers: Vec::new(), body: json!("") });
    for refusal in [denied, SimulatedFailure::SignIn, redirect(302)] {
        let ways = Ways::start().await;
        let azure = ways.without(&["AZURE_DEVOPS_PAT"]);
        ways.server.fail_next(refusal.clone());
        assert_eq!(azure.projects().await.unwrap().len(), 2);
        assert_eq!(ways.server.logins(), [bearer(1), bearer(2)]);
        let personal = ways.without(&[]);
        ways.server.fail_next(refusal);
        assert_eq!(personal.projects().await.unwrap_err().failure, Failure::Unauthorised);
        assert_eq!((ways.server.logins().len(), ways.entra.asked().len()), (3, 2));
    }
    let ways = Ways::start().await;
    let azure = ways.without(&["AZURE_DEVOPS_PAT"]);
    assert_eq!(azure.projects().await.unwrap().len(), 2);
    // It is revoked: of all who find out one asks for the next.
    ways.server.admit_only(&[&bearer(2)]);
    let calls = futures_util::future::join_all((0..50).map(|_| azure.projects())).await;
    assert!(calls.iter().all(|projects| projects.as_ref().is_ok_and(|projects| projects.len() == 2)));
    assert_eq!(ways.entra.asked().len(), 2);
    // What is no matter of the token costs none, and what a proxy wants neither.
    for status in [403, 404, 407, 500] {
        let answer = Answer { status, headers: Vec::new(), body: json!({ "message": "VS403: no" }) };
        ways.server.fail_next(SimulatedFailure::Instead(answer));
        azure.projects().await.unwrap_err();
    }
    assert_eq!(ways.entra.asked().len(), 2);
}

#[tokio::test]
async fn s10_what_is_asked_again_with_another_token_waits_for_as_long_as_the_refusal_asks() {
    let ways = Ways::start().await;
    let azure = ways.without(&["AZURE_DEVOPS_PAT"]);
    let headers = vec![("retry-after", "1".to_owned())];
    ways.server.fail_next(SimulatedFailure::Instead(Answer { status: 401, headers, body: json!("") }));
    let began = Instant::now();
    assert_eq!(azure.projects().await.unwrap().len(), 2);
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn l4_an_identity_that_may_not_is_told_what_grants_it() {
    let ways = Ways::start().await;
    let azure = ways.without(&["AZURE_DEVOPS_PAT"]);
    ways.server.admit_only(&[]);
    let unknown = "has to be a user of this organisation (Organization settings, Users, access level Basic)";
    for asked in [2, 2, 2] {
        let error = azure.projects().await.unwrap_err();
        assert_eq!((error.failure, error.status), (Failure::Unauthorised, Some(401)));
        let parts = ["TF400813", OBJECT_ID, unknown];
        assert!(parts.iter().all(|part| error.message.contains(part)), "{error}");
        assert_eq!(ways.entra.asked().len(), asked, "no token helps, so none is asked for again and again");
    }
    ways.server.admit_only(&[&bearer(2)]);
    for (said, remedy) in [
        ("TF401019: it does not exist or you do not have permissions", "such as Readers"),
        ("TF400813: The user is not authorized", unknown),
    ] {
        let answer = Answer { status: 403, headers: Vec::new(), body: json!({ "message": said }) };
        ways.server.fail_next(SimulatedFailure::Instead(answer));
        let error = azure.projects().await.unwrap_err();
        assert_eq!(error.failure, Failure::Forbidden);
        assert!(error.message.contains(said) && error.message.contains(remedy), "{error}");
    }
    let ways = Ways::start().await;
    let azure = ways.without(&["AZURE_DEVOPS_PAT"]);
    ways.entra.refuse(401, "AADSTS7000222: The provided client secret keys for app are expired.");
    let error = azure.projects().await.unwrap_err();
    assert_eq!((error.failure, error.status, error.call), (Failure::Unauthorised, None, "_apis/projects"));
    assert!(error.message.starts_with("the application with AZURE_CLIENT_SECRET got no token: "), "{error}");
    assert!(error.message.contains("create a new one") && ways.server.logins().is_empty(), "{error}");
    ways.entra.refuse(503, "AADSTS90033: A transient error has occurred.");
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    assert_eq!(azure.projects().await.unwrap_err().failure, Failure::TimedOut);
}

/// The executable, whose organisation refuses its identity: readers are told, and nobody is told a secret.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l5_f13_readers_and_operators_are_told_what_refuses_the_identity_and_never_a_secret() {
    let mut ways = Ways::start().await;
    let settings = ways.settings_without(&["AZURE_DEVOPS_PAT"]);
    let settings: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let settings = [settings, vec![("BOARDCAST_LOG", "trace"), ("BOARDCAST_CHECK_MS", "1000")]].concat();
    ways.server.admit_only(&[]);
    let process = Process::start(&settings).await;
    let mut directory = Value::Null;
    eventually("readers are not told that the identity is refused", async || {
        directory = process.get("/api/snapshot").await.json();
        directory["outage"]["reason"] == "unauthorised"
    })
    .await;
    assert_eq!(directory["level"], "none");
    let remedy = directory["outage"]["remedy"].as_str().unwrap();
    assert!(remedy.contains("AZURE_DEVOPS_PAT") && remedy.contains("identity"), "{remedy}");
    let health = String::from_utf8(process.get("/api/health").await.body).unwrap();
    let metrics = String::from_utf8(process.get("/api/health/metrics").await.body).unwrap();
    // It becomes a user of the organisation, so the next probe finds all well.
    ways.server.admit_only(&[&bearer(1), &bearer(2), &bearer(3)]);
    eventually("boards do not come", async || process.get("/api/snapshot").await.json()["level"] == "full")
        .await;
    ways.server.close().await;
    let log = process.log();
    let told = ["login=\"client secret\"", "TF400813", OBJECT_ID, "access level Basic"];
    assert!(told.iter().all(|part| log.contains(part)), "{log}");
    let all = [log, health, metrics, directory.to_string()];
    let header = bearer(1);
    for text in &all {
        assert!(!text.contains("hunter2") && !is_login(text, &header), "{text}");
        assert!(!text.contains(header.rsplit('.').next().unwrap()), "{text}");
    }
}

/// An Azure DevOps Server behind a root certificate of its own, which answers that there are no projects; what it was
/// asked, and that root.
fn server_with_its_own_root() -> (u16, Arc<Mutex<String>>, String) {
    let Certified { root, leaf, key } = certified(&["localhost"]);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key.into())
        .unwrap();
    let (config, asked) = (Arc::new(config), Arc::<Mutex<String>>::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, kept) = (listener.local_addr().unwrap().port(), asked.clone());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, socket.unwrap());
            let mut request = [0; 8_192];
            // Whoever does not know the root says nothing.
            let Ok(length) = stream.read(&mut request) else { continue };
            kept.lock().unwrap().push_str(&String::from_utf8_lossy(&request[..length]));
            let body = r#"{"count":0,"value":[]}"#;
            let head =
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ";
            let _ = stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    (port, asked, root.pem())
}

#[tokio::test]
async fn l6_a_server_is_known_by_the_root_certificate_that_a_setting_adds() {
    let (port, asked, root) = server_with_its_own_root();
    let file = |name: &str, text: &str| {
        let path = std::env::temp_dir().join(format!("boardcast-{name}-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let collection = format!("https://localhost:{port}/tfs/DefaultCollection");
    let settings = |roots: Option<&str>| {
        let mut settings =
            vec![("BOARDCAST_ORGANIZATION_URL", collection.clone()), ("AZURE_DEVOPS_PAT", PAT.to_owned())];
        settings.extend(roots.map(|path| ("BOARDCAST_ROOT_CERTIFICATES", path.to_owned())));
        settings
    };
    let root = file("root", &root);
    let azure_devops = azure(&settings(Some(&root))).unwrap();
    assert_eq!(azure_devops.projects().await.unwrap(), []);
    let request = asked.lock().unwrap().clone();
    assert!(request.starts_with("GET /tfs/DefaultCollection/_apis/projects?"), "{request}");
    assert!(request.contains("authorization: Basic "), "{request}");

    // Without it nothing is sent: a machine without any certificates says so at start, and another one when it asks.
    asked.lock().unwrap().clear();
    match azure(&settings(None)) {
        Err(error) => assert!(error.contains("BOARDCAST_ROOT_CERTIFICATES"), "{error}"),
        Ok(azure_devops) => {
            let error = azure_devops.projects().await.unwrap_err();
            assert!(error.message.contains("certificate"), "{error}");
            assert!(error.message.contains("BOARDCAST_ROOT_CERTIFICATES"), "{error}");
        }
    }
    assert_eq!(*asked.lock().unwrap(), "");

    let nonsense = file("nonsense", "hunter2");
    for (path, says) in
        [(nonsense.as_str(), "must hold certificates in PEM"), ("/nowhere/root.pem", "cannot be read")]
    {
        let error = azure(&settings(Some(path))).err().unwrap();
        assert!(error.starts_with(&format!("BOARDCAST_ROOT_CERTIFICATES={path}: {says}")), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    for path in [root, nonsense] {
        std::fs::remove_file(path).unwrap();
    }
}
