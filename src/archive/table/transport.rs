//! How the crates of Azure reach a table: over our own client, with a signature or a token that they never see.
//!
//! `azure_core` 0.21 logs every request with its `authorization` header (RUSTSEC-2026-0275). Here its credentials are
//! anonymous, and what authorises a request is put on when that request has left it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::headers::{HeaderName, HeaderValue, Headers};
use azure_core::{Body, HttpClient, Method, Request, Response, StatusCode, Url};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::stream;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::platform::identity::TokenSource;

/// How long a connection may take to be made.
const CONNECT_DEADLINE: Duration = Duration::from_secs(3);

/// How many bytes of an answer are read: twice what one page of entities has at most.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What makes a request ours.
#[derive(Clone)]
pub(super) enum Access {
    /// A signature with the key of the storage account.
    SharedKey {
        /// The account's name.
        account: String,
        /// Its key.
        key: Vec<u8>,
    },
    /// A token of Microsoft Entra.
    Token(Arc<dyn TokenSource>),
}

/// The way to one storage account.
pub(super) struct Transport {
    http: reqwest::Client,
    access: Access,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport { .. }")
    }
}

impl Transport {
    /// Errors: there are no certificates to know the account by.
    pub(super) fn new(endpoint: &Url, access: Access) -> Result<Self, reqwest::Error> {
        // It is already installed when this is not the first client of the process.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_DEADLINE);
        if endpoint.scheme() == "http" {
            // Only Azurite is spoken to without TLS: the certificates of the machine are neither needed nor missed
            // then, and no proxy stands in between.
            builder = builder.tls_certs_only([]).no_proxy();
        }
        Ok(Self { http: builder.build()?, access })
    }

    async fn authorisation(&self, method: &str, url: &Url, headers: &Headers) -> azure_core::Result<String> {
        match &self.access {
            Access::SharedKey { account, key } => shared_key(account, key, method, url, headers),
            Access::Token(source) => match source.token().await {
                Ok(token) => Ok(format!("Bearer {}", token.secret.expose())),
                Err(error) => Err(Error::message(ErrorKind::Io, error.to_string())),
            },
        }
    }
}

#[async_trait]
impl HttpClient for Transport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<Response> {
        let url = as_the_service_reads_it(request.url());
        // Proxies know PATCH and not MERGE; to the service they are one.
        let method = if *request.method() == Method::Merge { "PATCH" } else { request.method().as_ref() };
        let Body::Bytes(body) = request.body() else {
            return Err(Error::message(ErrorKind::Other, "a request body of unknown length"));
        };
        let authorisation = self.authorisation(method, &url, request.headers()).await?;
        let verb = reqwest::Method::from_bytes(method.as_bytes())
            .map_err(|_| Error::message(ErrorKind::Other, "an unknown HTTP method"))?;
        let creates_table = method == "POST" && url.path().ends_with("/Tables");
        let mut sent = self.http.request(verb, url);
        for (name, value) in request.headers().iter() {
            match (name.as_str(), value.as_str()) {
                // The client says how long the body is.
                ("content-length", _) => {}
                // The full form repeats type and address in every row. To create a table the crate needs it.
                ("accept", value) if value.contains("fullmetadata") && !creates_table => {
                    sent = sent.header("accept", "application/json;odata=minimalmetadata");
                }
                (name, value) => sent = sent.header(name, value),
            }
        }
        let answer = sent.header("authorization", authorisation).body(body.clone()).send().await;
        read(answer.map_err(lost)?).await
    }
}

async fn read(mut answer: reqwest::Response) -> azure_core::Result<Response> {
    let status = StatusCode::try_from(answer.status().as_u16())
        .map_err(|_| Error::message(ErrorKind::DataConversion, "the response has an invalid status"))?;
    let header = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
        let value = value.to_str().ok()?.to_owned();
        Some((HeaderName::from(name.as_str().to_owned()), HeaderValue::from(value)))
    };
    let headers: HashMap<_, _> = answer.headers().iter().filter_map(header).collect();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(lost)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Error::message(ErrorKind::DataConversion, "the response is too large"));
        }
        body.extend_from_slice(&chunk);
    }
    let body = stream::once(async move { Ok(Bytes::from(body)) });
    Ok(Response::new(status, Headers::from(headers), Box::pin(body)))
}

/// The address in the one form that every part of the service reads alike. `url` leaves `|` as it is and writes a blank
/// in a query as `+`; the service signs the former as `%7C`, and of the latter not every version takes it for a blank.
fn as_the_service_reads_it(url: &Url) -> Url {
    let mut url = url.clone();
    if url.path().contains('|') {
        let path = url.path().replace('|', "%7C");
        url.set_path(&path);
    }
    if let Some(query) = url.query().filter(|query| query.contains('+')) {
        let query = query.replace('+', "%20");
        url.set_query(Some(&query));
    }
    url
}

/// The header `Authorization` of the scheme `SharedKey`, as the Table service defines it.
fn shared_key(
    account: &str,
    key: &[u8],
    method: &str,
    url: &Url,
    headers: &Headers,
) -> azure_core::Result<String> {
    let header = |name: &'static str| headers.get_optional_str(&HeaderName::from_static(name)).unwrap_or("");
    let signed = format!(
        "{method}\n{}\n{}\n{}\n/{account}{}",
        header("content-md5"),
        header("content-type"),
        header("x-ms-date"),
        url.path(),
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .map_err(|_| Error::message(ErrorKind::Credential, "the account key cannot be used for signing"))?;
    mac.update(signed.as_bytes());
    Ok(format!("SharedKey {account}:{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
}

/// What is told of a request that was lost on its way: the causes, without the address.
#[expect(clippy::needless_pass_by_value, reason = "it stands in for a closure of `map_err`")]
fn lost(error: reqwest::Error) -> Error {
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    Error::message(ErrorKind::Io, causes.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_key_signs_the_path_as_it_is_sent_and_nothing_of_the_query() {
        let key = BASE64_STANDARD
            .decode("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K")
            .unwrap();
        let url = Url::parse("http://127.0.0.1/a/t(PartitionKey='p|q',RowKey='r')?$top=1+2").unwrap();
        let url = as_the_service_reads_it(&url);
        assert_eq!(url.as_str(), "http://127.0.0.1/a/t(PartitionKey='p%7Cq',RowKey='r')?$top=1%202");
        let mut headers = Headers::new();
        headers.insert("x-ms-date", "Wed, 25 Nov 2026 00:00:00 GMT");
        let signed = shared_key("a", &key, "GET", &url, &headers).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(b"GET\n\n\nWed, 25 Nov 2026 00:00:00 GMT\n/a/a/t(PartitionKey='p%7Cq',RowKey='r')");
        assert_eq!(signed, format!("SharedKey a:{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())));
    }

    #[test]
    fn a_transport_prints_no_secret() {
        let access = Access::SharedKey { account: "a".into(), key: b"hunter2".to_vec() };
        let transport = Transport::new(&Url::parse("http://127.0.0.1/").unwrap(), access).unwrap();
        assert_eq!(format!("{transport:?}"), "Transport { .. }");
    }
}
