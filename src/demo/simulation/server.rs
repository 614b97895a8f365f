//! Serves the REST API of a simulated organisation on a free loopback port.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::Method;
use tokio::net::TcpListener;
use warp::filters::path::FullPath;
use warp::{Filter, Reply};

use super::model::Model;
use super::organisation::NAME;
use super::rest;

/// The greatest body that is read.
const BODY_BYTES_MAX: u64 = 1024 * 1024;

const CONTENT_TYPE: &str = "application/json; charset=utf-8; api-version=7.1";

/// Listens on a free port and serves the model, whose addresses are from then on those of the server, for as long as
/// the process runs. Errors: no port is free.
pub async fn start(model: Arc<Mutex<Model>>) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let base_url = format!("http://{}/{NAME}", listener.local_addr()?);
    model.lock().unwrap_or_else(PoisonError::into_inner).base_url = base_url;
    tokio::spawn(warp::serve(routes(model)).incoming(listener).run());
    Ok(())
}

/// Answers every request by the model as it is at that moment.
pub fn routes(model: Arc<Mutex<Model>>) -> impl Filter<Extract = (impl Reply,), Error = Infallible> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let body = warp::body::content_length_limit(BODY_BYTES_MAX)
        .and(warp::body::bytes())
        .or(warp::any().map(Bytes::new))
        .unify();
    warp::method().and(warp::path::full()).and(query).and(body).map(
        move |method: Method, path: FullPath, query: String, body: Bytes| {
            let model = model.lock().unwrap_or_else(PoisonError::into_inner);
            let answer = rest::answer(&model, method.as_str(), path.as_str(), &query, &body);
            let reply = warp::reply::with_header(answer.body.to_string(), "content-type", CONTENT_TYPE);
            warp::reply::with_status(reply, answer.status)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::simulation::model::tests::organisation;

    #[tokio::test]
    async fn the_model_is_served_under_the_addresses_that_it_tells() {
        let model = Arc::new(Mutex::new(organisation(1).0));
        start(model.clone()).await.unwrap();
        let base_url = model.lock().unwrap().base_url.clone();
        // reqwest panics without one, TLS or not.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let projects = client.get(format!("{base_url}/_apis/projects?api-version=7.1")).send().await.unwrap();
        assert_eq!(projects.headers().get("content-type").unwrap(), CONTENT_TYPE);
        assert!(projects.text().await.unwrap().contains(&format!("{base_url}/_apis/projects/")));
        let batch = client.post(format!("{base_url}/_apis/wit/workitemsbatch")).body(r#"{"ids":[1,2]}"#);
        assert!(batch.send().await.unwrap().text().await.unwrap().contains(r#""count":2"#));
        let missing = client.get(format!("{base_url}/_apis/nonsense")).send().await.unwrap();
        assert_eq!(missing.status(), 404);
    }
}
