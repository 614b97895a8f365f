//! The served API over real sockets.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::demo::simulation::model::tests::organisation;

async fn started() -> Server {
    Server::start(Arc::new(Mutex::new(organisation(1).0))).await.unwrap()
}

/// Sends a request on a connection of its own; the whole answer.
async fn send(server: &Server, method: &str, target: &str, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(server.address).await?;
    let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{length}Connection: close\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn the_model_is_served_and_calls_are_counted() {
    let server = started().await;
    let answer = send(&server, "GET", "/fabrikam/_apis/projects?api-version=7.1", "").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(&format!("{}/_apis/projects/", server.base_url())), "{answer}");
    let batch =
        send(&server, "POST", "/fabrikam/_apis/wit/workitemsbatch", r#"{"ids":[1,2]}"#).await.unwrap();
    assert!(batch.contains(r#""count":2"#), "{batch}");
    for id in [1, 2] {
        send(&server, "GET", &format!("/fabrikam/_apis/wit/workitems/{id}"), "").await.unwrap();
    }
    assert_eq!(server.calls(), 4);
    assert_eq!(server.calls_by_route().get("GET wit/workitems/*"), Some(&2));
    assert_eq!(server.model().lock().unwrap().base_url, server.base_url());
}

#[tokio::test]
async fn a_planned_failure_meets_one_call() {
    let server = started().await;
    let call = async || send(&server, "GET", "/fabrikam/_apis/projects", "").await.unwrap();
    server.fail_next(SimulatedFailure::TooManyRequests(7));
    server.fail_next(SimulatedFailure::SignIn);
    server.fail_next(SimulatedFailure::Slow(Duration::from_millis(50)));
    let blocked = call().await;
    assert!(blocked.starts_with("HTTP/1.1 429") && blocked.contains("retry-after: 7"), "{blocked}");
    let sign_in = call().await;
    assert!(sign_in.starts_with("HTTP/1.1 203") && sign_in.contains("<html>"), "{sign_in}");
    let slow = call().await;
    assert!(slow.starts_with("HTTP/1.1 200") && slow.contains("retry-after: 1"), "{slow}");
    assert!(!call().await.contains("retry-after"));
}

#[tokio::test]
async fn a_failure_can_be_planned_for_one_route_and_be_any_answer() {
    let server = started().await;
    let answer =
        Answer { status: 418, headers: Vec::new(), body: Value::String("short and stout".to_owned()) };
    server.fail_next_on("GET wit/workitems/*", SimulatedFailure::Instead(answer));
    let call = async |target: &str| send(&server, "GET", target, "").await.unwrap();
    assert!(call("/fabrikam/_apis/projects").await.starts_with("HTTP/1.1 200"));
    let instead = call("/fabrikam/_apis/wit/workitems/1").await;
    assert!(instead.starts_with("HTTP/1.1 418") && instead.contains("short and stout"), "{instead}");
    assert!(call("/fabrikam/_apis/wit/workitems/1").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_closed_server_is_unreachable_until_it_is_reopened_on_the_same_port() {
    let mut server = started().await;
    let mut open = TcpStream::connect(server.address).await.unwrap();
    send(&server, "GET", "/fabrikam/_apis/projects", "").await.unwrap();
    server.close().await;
    assert!(send(&server, "GET", "/fabrikam/_apis/projects", "").await.is_err());
    // What was connected is not any more.
    assert!(matches!(open.read(&mut [0; 1]).await, Ok(0) | Err(_)));
    server.reopen().await.unwrap();
    let answer = send(&server, "GET", "/fabrikam/_apis/projects", "").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(server.calls(), 2);
}
