//! The identity against a platform, or a Microsoft Entra, that answers on loopback.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const STORAGE: &str = "https://storage.azure.com/";

/// A platform that answers one request after another, and keeps what it was asked.
struct Platform {
    endpoint: String,
    asked: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<Vec<(u16, String)>>>,
}

/// A request, with its body.
async fn request(socket: &mut TcpStream) -> String {
    let (mut request, mut chunk) = (String::new(), [0; 4096]);
    loop {
        let length = socket.read(&mut chunk).await.unwrap();
        request.push_str(&String::from_utf8_lossy(&chunk[..length]));
        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
        let said = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= said.map_or(0, |length| length.parse().unwrap()) {
            return request;
        }
    }
}

impl Platform {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/msi/token", listener.local_addr().unwrap());
        let (asked, answers) =
            (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<Vec<(u16, String)>>>::default());
        let platform = Self { endpoint, asked: asked.clone(), answers: answers.clone() };
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let request = request(&mut socket).await;
                asked.lock().unwrap().push(request);
                let (status, body) = answers.lock().unwrap().remove(0);
                let head =
                    format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}", body.len());
                socket.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).await.unwrap();
            }
        });
        platform
    }

    fn answer(&self, status: u16, body: &str) {
        self.answers.lock().unwrap().push((status, body.to_owned()));
    }

    fn give(&self, token: &str, ends: &str) {
        self.answer(
            200,
            &format!(r#"{{"access_token":"{token}","expires_on":{ends},"token_type":"Bearer"}}"#),
        );
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn last_asked(&self) -> String {
        self.asked.lock().unwrap().last().unwrap().clone()
    }

    fn identity(&self) -> (EntraIdentity, Arc<AtomicI64>) {
        of(IdentitySettings::Managed(ManagedEndpoint {
            endpoint: Some(self.endpoint.clone()),
            header: Some(Secret::new("proof")),
            client_id: Some("which".into()),
        }))
    }

    fn application(&self) -> Application {
        let authority = Url::parse(&self.endpoint).unwrap().join("/").unwrap();
        Application { authority, tenant: "contoso.example".into(), client_id: "which".into() }
    }

    fn with_secret(&self) -> (EntraIdentity, Arc<AtomicI64>) {
        let (application, secret) = (self.application(), Secret::new("hunter2+/"));
        of(IdentitySettings::ClientSecret { application, secret })
    }

    fn refuse(&self, description: &str) {
        let body = serde_json::json!({ "error": "invalid_client", "error_description": description });
        self.answer(401, &body.to_string());
    }
}

/// An identity, and what its clock reads, in milliseconds.
fn of(settings: IdentitySettings) -> (EntraIdentity, Arc<AtomicI64>) {
    let now = Arc::new(AtomicI64::new(0));
    let read = now.clone();
    let clock: Clock = Arc::new(move || Timestamp::from_epoch_ms(read.load(Ordering::SeqCst)));
    (EntraIdentity::new(settings, STORAGE, &RootCertificates::default(), clock).unwrap(), now)
}

async fn token(identity: &EntraIdentity) -> String {
    identity.token().await.unwrap().secret.expose().to_owned()
}

async fn failure(identity: &EntraIdentity, now: &AtomicI64) -> String {
    // What failed a moment ago would be told again.
    now.fetch_add(FAILED_FOR_MS, Ordering::SeqCst);
    identity.token().await.unwrap_err().to_string()
}

#[tokio::test]
async fn l2_a_token_is_asked_for_once_and_renewed_before_it_ends_while_the_old_one_serves() {
    let platform = Platform::start().await;
    let (identity, now) = platform.identity();
    platform.give("first", "\"3600\"");
    let (one, other) = tokio::join!(token(&identity), token(&identity));
    assert_eq!((one.as_str(), other.as_str(), platform.asked()), ("first", "first", 1));
    let asked = platform.asked.lock().unwrap()[0].to_ascii_lowercase();
    let path =
        "get /msi/token?api-version=2019-08-01&resource=https%3a%2f%2fstorage.azure.com%2f&client_id=which";
    assert!(asked.starts_with(path) && asked.contains("x-identity-header: proof"), "{asked}");
    now.store(3_600_000 - RENEW_BEFORE_MS + 1, Ordering::SeqCst);
    platform.give("second", "7200");
    assert_eq!(token(&identity).await, "first", "nobody waits for the renewal");
    let renewed = async {
        while token(&identity).await != "second" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, renewed).await.expect("it is never renewed");
    assert_eq!(platform.asked(), 2);
    now.store(7_200_000, Ordering::SeqCst);
    platform.give("third", "10800");
    assert_eq!(token(&identity).await, "third", "a token that ended is not used");
}

#[tokio::test]
async fn l2_fifty_who_need_a_token_are_one_request_whether_it_is_given_or_not() {
    let platform = Platform::start().await;
    let (identity, now) = platform.identity();
    let all = || futures_util::future::join_all((0..50).map(|_| identity.token()));
    platform.answer(500, "");
    assert!(all().await.iter().all(|given| given.as_ref().is_err_and(|error| !error.is_refusal())));
    assert_eq!(platform.asked(), 1, "who waited for a request that failed makes another one");
    now.store(FAILED_FOR_MS, Ordering::SeqCst);
    platform.give("given", "\"3600\"");
    assert!(all().await.iter().all(|given| given.as_ref().is_ok_and(|t| t.secret.expose() == "given")));
    assert_eq!(platform.asked(), 2);
}

#[tokio::test]
async fn l2_a_renewal_that_fails_is_tried_again_after_a_while_and_not_by_everybody() {
    let platform = Platform::start().await;
    let (identity, now) = platform.identity();
    platform.give("first", "3600");
    assert_eq!(token(&identity).await, "first");
    now.store(3_600_000 - RENEW_BEFORE_MS + 1, Ordering::SeqCst);
    platform.answer(500, "");
    let asked = async |count: usize| {
        let asked = async {
            while platform.asked() < count || identity.0.asking.try_lock().is_err() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(DEADLINE, asked).await.expect("nobody asks");
    };
    assert_eq!(token(&identity).await, "first");
    asked(2).await;
    for _ in 0..20 {
        assert_eq!(token(&identity).await, "first");
        tokio::task::yield_now().await;
    }
    assert_eq!(platform.asked(), 2);
    now.fetch_add(RENEW_AGAIN_MS, Ordering::SeqCst);
    platform.give("second", "7200");
    assert_eq!(token(&identity).await, "first");
    asked(3).await;
    assert_eq!(token(&identity).await, "second");
}

#[tokio::test]
async fn l3_a_token_that_is_refused_is_replaced_once_for_all_and_not_again_soon() {
    let platform = Platform::start().await;
    let (identity, now) = platform.identity();
    platform.give("first", "3600");
    let first = identity.token().await.unwrap();
    platform.give("second", "3600");
    let all = futures_util::future::join_all((0..50).map(|_| identity.instead_of(&first))).await;
    let second = all[0].clone().unwrap().unwrap();
    assert!(all.iter().all(|other| other.as_ref().unwrap().as_ref().unwrap().secret == second.secret));
    assert_eq!((second.secret.expose(), platform.asked()), ("second", 2));
    assert_eq!(token(&identity).await, "second");
    now.store(REPLACED_FOR_MS - 1, Ordering::SeqCst);
    assert!(identity.instead_of(&second).await.unwrap().is_none(), "every token is refused");
    assert_eq!(platform.asked(), 2);
    now.store(REPLACED_FOR_MS, Ordering::SeqCst);
    platform.give("second", "3600");
    assert!(identity.instead_of(&second).await.unwrap().is_none(), "the platform has no other");
    assert_eq!(platform.asked(), 3);
}

#[tokio::test]
async fn l4_a_platform_that_gives_no_token_is_told_with_a_remedy() {
    let platform = Platform::start().await;
    let (identity, now) = platform.identity();
    let unknown =
        "No User Assigned or Delegated Managed Identity found for specified ClientId, and not proof";
    for (body, says) in [
        ("{}".to_owned(), "400 Bad Request; assign"),
        (
            r#"{"error":"invalid_request","error_description":"Identity not found"}"#.into(),
            ": Identity not found; assign",
        ),
        (format!(r#"{{"statusCode":400,"message":"{unknown}"}}"#), "ClientId, and not [redacted]; assign"),
    ] {
        platform.answer(400, &body);
        let refused = failure(&identity, &now).await;
        assert!(refused.contains("AZURE_CLIENT_ID") && refused.contains(says), "{refused}");
        assert!(!refused.contains("proof"), "{refused}");
    }
    for (status, body) in
        [(500, "{}"), (200, "<html>"), (429, ""), (410, ""), (200, r#"{"access_token":"","expires_in":9}"#)]
    {
        platform.answer(status, body);
        let error = failure(&identity, &now).await;
        let says = if status == 200 { "the response holds no token" } else { &status.to_string() };
        assert!(error.starts_with("the managed identity got no token") && error.contains(says), "{error}");
        assert!(!error.contains("AZURE_CLIENT_ID"), "nothing is to be assigned: {error}");
    }
    now.fetch_add(FAILED_FOR_MS, Ordering::SeqCst);
    platform.give("late", "3600");
    assert_eq!(token(&identity).await, "late");
}

#[tokio::test]
async fn l1_an_application_proves_who_it_is_by_its_secret() {
    let platform = Platform::start().await;
    let (identity, now) = platform.with_secret();
    now.store(5_000, Ordering::SeqCst);
    platform.answer(
        200,
        r#"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"given"}"#,
    );
    let given = identity.token().await.unwrap();
    assert_eq!((given.secret.expose(), given.ends.epoch_ms()), ("given", 3_604_000));
    let asked = platform.last_asked();
    let (head, body) = asked.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /contoso.example/oauth2/v2.0/token HTTP/1.1"), "{head}");
    assert!(head.contains("content-type: application/x-www-form-urlencoded"), "{head}");
    assert_eq!(
        body,
        "grant_type=client_credentials&client_id=which&scope=https%3A%2F%2Fstorage.azure.com%2F.default\
         &client_secret=hunter2%2B%2F"
    );
}

#[tokio::test]
async fn l1_an_application_proves_who_it_is_by_the_token_that_lies_in_a_file_now() {
    let platform = Platform::start().await;
    let file = std::env::temp_dir().join(format!("boardcast-federated-{}", std::process::id()));
    let (application, path) = (platform.application(), file.clone());
    let (identity, now) = of(IdentitySettings::FederatedToken { application, file: path });
    let absent = failure(&identity, &now).await;
    assert!(
        absent.starts_with("the application with AZURE_FEDERATED_TOKEN_FILE got no token: cannot read"),
        "{absent}"
    );
    assert!(absent.contains(&*file.to_string_lossy()) && identity.token().await.unwrap_err().is_refusal());
    std::fs::write(&file, "\n").unwrap();
    assert!(failure(&identity, &now).await.contains("it is empty"));
    for assertion in ["one", "other"] {
        std::fs::write(&file, format!("{assertion}.b.c\n")).unwrap();
        now.fetch_add(3_600_000, Ordering::SeqCst);
        platform.answer(200, &format!(r#"{{"expires_in":"3599","access_token":"by {assertion}"}}"#));
        assert_eq!(token(&identity).await, format!("by {assertion}"));
        let kind = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
        let asked = platform.last_asked();
        assert!(asked.ends_with(&format!("&{kind}&client_assertion={assertion}.b.c")), "{asked}");
        assert!(!asked.contains("client_secret"), "{asked}");
    }
    now.fetch_add(3_600_000, Ordering::SeqCst);
    platform.refuse("AADSTS700213: No matching federated identity record found for presented assertion subject 'other.b.c'.");
    let refused = failure(&identity, &now).await;
    assert!(refused.contains("add a federated credential") && !refused.contains("other.b.c"), "{refused}");
    std::fs::remove_file(file).unwrap();
}

#[tokio::test]
async fn l4_each_refusal_of_entra_names_what_grants_a_token() {
    let platform = Platform::start().await;
    let (identity, now) = platform.with_secret();
    for (code, says) in [
        (7_000_215, "copy the value of a client secret"),
        (7_000_222, "the client secret has expired"),
        (700_016, "has a service principal there"),
        (7_000_229, "has a service principal there"),
        (90_002, "set AZURE_TENANT_ID"),
        (900_023, "set AZURE_TENANT_ID"),
        (700_211, "add a federated credential"),
        (700_024, "the clocks are right"),
        (7_000_112, "the application is disabled"),
        (53_003, "Conditional Access"),
        (500_011, "the directory does not know this service"),
        (1, "check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"),
    ] {
        platform.refuse(&format!(
            "AADSTS{code}: Not so with hunter2+/ or hunter2%2B%2F. Trace ID: 1 Correlation ID: 2"
        ));
        let error = failure(&identity, &now).await;
        let begin = format!(
            "the application with AZURE_CLIENT_SECRET got no token: 401 Unauthorized: AADSTS{code}: Not so"
        );
        assert!(error.starts_with(&begin) && error.contains(says), "{error}");
        assert!(!error.contains("hunter2") && !error.contains("Trace ID"), "{error}");
        assert!(identity.token().await.unwrap_err().is_refusal());
    }
    platform.answer(400, r#"{"error":"invalid_scope"}"#);
    assert!(failure(&identity, &now).await.contains("400 Bad Request: invalid_scope; look the number up"));
    for (status, body, says) in [
        (
            503,
            r#"{"error":"temporarily_unavailable","error_description":"AADSTS90033: Busy."}"#,
            "AADSTS90033: Busy",
        ),
        (400, r#"{"error":"temporarily_unavailable"}"#, "temporarily_unavailable"),
        (403, "<html>A proxy wants something.</html>", "no answer of Microsoft Entra"),
        (200, "{}", "the response holds no token"),
    ] {
        platform.answer(status, body);
        let error = failure(&identity, &now).await;
        assert!(error.contains(says) && !error.contains("check AZURE_TENANT_ID"), "{error}");
        assert!(!identity.token().await.unwrap_err().is_refusal(), "{error}");
    }
}

#[test]
fn a_token_names_the_object_of_its_identity_or_nothing() {
    let object_id =
        |text: &str| Token { secret: Secret::new(text), ends: Timestamp::from_epoch_ms(0) }.object_id();
    let with = |claims: &str| format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims));
    // Its encoding has the two characters by which the alphabets differ, and would need padding.
    let claims = r#"{"aud":"https://redis.azure.com","x":"??>>","oid":"3f2c"}"#;
    assert_eq!(object_id(&with(claims)).as_deref(), Some("3f2c"));
    for text in
        ["", "opaque", "a.b.c", "a.!.c", &with("[]"), &with(r#"{"sub":"3f2c"}"#), &with(r#"{"oid":""}"#)]
    {
        assert_eq!(object_id(text), None, "{text}");
    }
}

#[tokio::test]
async fn l5_neither_the_header_of_the_platform_nor_a_secret_follows_a_redirect() {
    for with_secret in [false, true] {
        let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = elsewhere.local_addr().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (asked, answers) = Default::default();
        let endpoint = format!("http://{}/token", listener.local_addr().unwrap());
        let platform = Platform { endpoint, asked, answers };
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            request(&mut socket).await;
            // Of the two that keep the method and the body this is the one that is not for good.
            let answer = format!("HTTP/1.1 307 x\r\nlocation: http://{place}/\r\ncontent-length: 0\r\n\r\n");
            socket.write_all(answer.as_bytes()).await.unwrap();
        });
        let (identity, _) = if with_secret { platform.with_secret() } else { platform.identity() };
        tokio::select! {
            token = identity.token() => assert!(token.unwrap_err().to_string().contains("307")),
            _ = elsewhere.accept() => panic!("a secret was carried elsewhere"),
        }
    }
}
