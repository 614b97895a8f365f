//! The managed identity against a platform that answers on loopback.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// A platform that answers one request after another, and keeps what it was asked.
struct Platform {
    endpoint: String,
    asked: Arc<Mutex<Vec<String>>>,
    answers: Arc<Mutex<Vec<(u16, String)>>>,
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
                let mut request = vec![0; 4096];
                let length = socket.read(&mut request).await.unwrap();
                asked.lock().unwrap().push(String::from_utf8_lossy(&request[..length]).into_owned());
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

    fn identity(&self) -> (ManagedIdentity, Arc<AtomicI64>) {
        let settings = IdentitySettings {
            endpoint: Some(self.endpoint.clone()),
            header: Some(Secret::new("proof")),
            client_id: Some("which".into()),
        };
        let now = Arc::new(AtomicI64::new(0));
        let read = now.clone();
        let clock: Clock = Arc::new(move || Timestamp::from_epoch_ms(read.load(Ordering::SeqCst)));
        (ManagedIdentity::new(settings, "https://storage.azure.com/", clock).unwrap(), now)
    }
}

async fn token(identity: &ManagedIdentity) -> String {
    identity.token().await.unwrap().secret.expose().to_owned()
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_renewed_before_it_ends_while_the_old_one_serves() {
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
async fn a_platform_that_gives_no_token_is_told_with_a_remedy() {
    let platform = Platform::start().await;
    let (identity, _) = platform.identity();
    platform.answer(400, "{}");
    let refused = identity.token().await.unwrap_err().to_string();
    assert!(refused.contains("AZURE_CLIENT_ID"), "{refused}");
    for (status, body) in [(500, "{}"), (200, "<html>"), (429, "")] {
        platform.answer(status, body);
        let error = identity.token().await.unwrap_err().to_string();
        let says = if status == 200 { "the response holds no token" } else { &status.to_string() };
        assert!(error.starts_with("the managed identity got no token") && error.contains(says), "{error}");
        assert!(!error.contains("AZURE_CLIENT_ID"), "nothing is to be assigned: {error}");
    }
    platform.give("late", "3600");
    assert_eq!(token(&identity).await, "late");
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
async fn fault_d5_the_header_of_the_platform_follows_no_redirect() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = elsewhere.local_addr().unwrap();
    let platform = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/token", platform.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = platform.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = socket.read(&mut request).await.unwrap();
        let answer = format!("HTTP/1.1 302 Found\r\nlocation: http://{place}/\r\ncontent-length: 0\r\n\r\n");
        socket.write_all(answer.as_bytes()).await.unwrap();
    });
    let settings =
        IdentitySettings { endpoint: Some(endpoint), header: Some(Secret::new("hunter2")), client_id: None };
    let identity =
        ManagedIdentity::new(settings, "https://redis.azure.com/", crate::platform::clock::system());
    tokio::select! {
        token = identity.as_ref().unwrap().token() => assert!(token.unwrap_err().to_string().contains("302")),
        _ = elsewhere.accept() => panic!("the header was carried elsewhere"),
    }
}
