//! The managed identity, asked of the platform.

use reqwest::Url;

use super::ManagedEndpoint;
use super::answer::{NoToken, exchange, is_refusal, refused};

/// Where a virtual machine asks for tokens, and a container that knows no better.
const INSTANCE_METADATA: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// What is said where the endpoint does not answer: on a machine of its own nobody does.
const NO_RESPONSE: &str = "no response from the identity endpoint; if this machine has no managed identity, put a token \
                           into AZURE_DEVOPS_PAT, a password into BOARDCAST_REDIS_URL and an account key into \
                           BOARDCAST_TABLES, or set AZURE_CLIENT_SECRET";

/// What is said where it knows no such identity.
const NOT_ASSIGNED: &str = "assign a managed identity to this application, and set AZURE_CLIENT_ID to its client ID if it is \
                            user-assigned";

/// A client that asks the platform: it is on this machine or on its link, so no proxy and no certificate has anything to
/// do with it. The header is a secret of this machine, which no redirect may carry elsewhere.
pub(super) fn http_client() -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let none = reqwest::redirect::Policy::none();
    reqwest::Client::builder().no_proxy().tls_certs_only([]).redirect(none)
}

/// Asks the platform for a token for `resource`; what it answers.
pub(super) async fn ask(
    http: &reqwest::Client,
    settings: &ManagedEndpoint,
    resource: &str,
) -> Result<Vec<u8>, NoToken> {
    let ManagedEndpoint { endpoint, header, client_id } = settings;
    let (address, version) = match endpoint {
        Some(endpoint) => (endpoint.as_str(), "2019-08-01"),
        None => (INSTANCE_METADATA, "2018-02-01"),
    };
    let mut query = vec![("api-version", version), ("resource", resource)];
    query.extend(client_id.as_deref().map(|client_id| ("client_id", client_id)));
    let url = Url::parse_with_params(address, query).map_err(|_| {
        NoToken::refused("IDENTITY_ENDPOINT is not a valid URL; leave it as the platform sets it")
    })?;
    let mut request = http.get(url).header("metadata", "true");
    if let Some(header) = header {
        request = request.header("x-identity-header", header.expose());
    }
    let (status, body) = exchange(request, NO_RESPONSE).await?;
    if status.is_success() {
        return Ok(body);
    }
    let secrets: Vec<_> = header.iter().collect();
    let said = refused(&body, &secrets).said;
    let told = if said.is_empty() { status.to_string() } else { format!("{status}: {said}") };
    Err(match is_refusal(status) {
        true => NoToken::refused(format!("{told}; {NOT_ASSIGNED}")),
        false => NoToken::for_now(told),
    })
}
