//! A proxy in front of Azurite that refuses what would write, as a storage account does that is full or may only be
//! read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use warp::Filter as _;
use warp::path::FullPath;
use warp::reply::Response;

/// What writes are answered with instead of being done.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// The account takes no more.
    Full = 507,
    /// Whoever asks may only read.
    ReadOnly = 403,
}

/// A running proxy.
pub struct RefusingProxy {
    pub port: u16,
    /// The status that writes are answered with, or 0.
    refusal: Arc<AtomicU16>,
}

impl RefusingProxy {
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let refusal = Arc::<AtomicU16>::default();
        // It fails where another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let shared = refusal.clone();
        let query = warp::query::raw().or(warp::any().map(String::new)).unify();
        let request = warp::method().and(warp::path::full()).and(query);
        let request = request.and(warp::header::headers_cloned()).and(warp::body::bytes());
        let routes = request.then(move |method: Method, path: FullPath, query, headers, body| {
            let status = StatusCode::from_u16(shared.load(Ordering::SeqCst)).ok();
            let refused = status.filter(|_| method != Method::GET);
            let url = format!("http://127.0.0.1:{port}{}?{query}", path.as_str());
            let url = url.trim_end_matches('?').to_owned();
            forward(client.clone(), refused, method, url, headers, body)
        });
        let service = TowerToHyperService::new(warp::service(routes));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone()));
            }
        });
        Self { port: own, refusal }
    }

    /// From now on writes are refused, or done again.
    pub fn refuse(&self, refusal: Option<Refusal>) {
        self.refusal.store(refusal.map_or(0, |refusal| refusal as u16), Ordering::SeqCst);
    }
}

async fn forward(
    client: reqwest::Client,
    refused: Option<StatusCode>,
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answer = |status, body: Bytes| {
        let mut answer = Response::new(body.into());
        *answer.status_mut() = status;
        answer
    };
    if let Some(status) = refused {
        let text =
            r#"{"odata.error":{"code":"Refused","message":{"lang":"en-US","value":"a planned refusal"}}}"#;
        return answer(status, text.into());
    }
    let sent = client.request(method, url).headers(headers).body(body).send().await;
    let Ok(sent) = sent else { return answer(StatusCode::BAD_GATEWAY, Bytes::new()) };
    let (status, mut headers) = (sent.status(), sent.headers().clone());
    let Ok(body) = sent.bytes().await else { return answer(StatusCode::BAD_GATEWAY, Bytes::new()) };
    for name in ["transfer-encoding", "content-length", "connection"] {
        headers.remove(name);
    }
    let mut answer = answer(status, body);
    *answer.headers_mut() = headers;
    answer
}
