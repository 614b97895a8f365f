//! An application that proves to Microsoft Entra who it is: the grant `client_credentials` of OAuth 2.0.

use std::io::Read as _;
use std::path::Path;

use http::header::{ACCEPT, CONTENT_TYPE};

use super::Application;
use super::answer::{NoToken, Refused, exchange, is_refusal, refused};
use crate::platform::secret::Secret;

/// How many bytes of a federated token are read.
const TOKEN_BYTES_MAX: u64 = 64 * 1024;

/// How an application proves who it is.
#[derive(Clone, Copy)]
pub(super) enum Proof<'a> {
    /// By a secret that it shares with Entra.
    Secret(&'a Secret),
    /// By a token of somebody whom it trusts.
    Assertion(&'a Secret),
}

impl Proof<'_> {
    const fn secret(&self) -> &Secret {
        match self {
            Self::Secret(secret) | Self::Assertion(secret) => secret,
        }
    }
}

/// The token that lies in a file. Whoever writes it does so again and again, so it is read whenever it is needed.
pub(super) async fn token_of(file: &Path) -> Result<Secret, NoToken> {
    let path = file.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        std::fs::File::open(path)?.take(TOKEN_BYTES_MAX).read_to_string(&mut text)?;
        Ok::<_, std::io::Error>(text)
    });
    let error = match read.await.map_err(std::io::Error::other) {
        Ok(Ok(text)) if text.trim().is_empty() => "it is empty".to_owned(),
        Ok(Ok(text)) => return Ok(Secret::new(text.trim())),
        Ok(Err(error)) | Err(error) => error.to_string(),
    };
    let file = file.display();
    Err(NoToken::refused(format!(
        "cannot read {file}: {error}; let AZURE_FEDERATED_TOKEN_FILE name the file that the platform writes the token to"
    )))
}

/// Asks Entra for a token for `resource`; what it answers.
pub(super) async fn ask(
    http: &reqwest::Client,
    application: &Application,
    proof: Proof<'_>,
    resource: &str,
) -> Result<Vec<u8>, NoToken> {
    let Application { authority, tenant, client_id } = application;
    let mut url = authority.clone();
    // It is an address of http or https, and those have segments.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend([tenant, "oauth2", "v2.0", "token"]);
    }
    let host = authority.host_str().unwrap_or_default();
    let no_response =
        format!("no response from {host}; if it lasts, check AZURE_AUTHORITY_HOST and the network");
    let request = http.post(url).header(ACCEPT, "application/json");
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let (status, body) = exchange(request.body(form(client_id, proof, resource)), &no_response).await?;
    if status.is_success() {
        return Ok(body);
    }
    let refused = refused(&body, &[proof.secret()]);
    if refused.error.is_empty() {
        let text = format!(
            "{status} from {host}, which is no answer of Microsoft Entra; check AZURE_AUTHORITY_HOST and that \
                            no proxy answers in its place"
        );
        return Err(NoToken::for_now(text));
    }
    let said = format!("{status}: {}", refused.said);
    if is_refusal(status) && refused.error != "temporarily_unavailable" {
        return Err(NoToken::refused(format!("{said}; {}", remedy(&refused, proof))));
    }
    Err(NoToken::for_now(said))
}

/// What Entra is sent.
fn form(client_id: &str, proof: Proof<'_>, resource: &str) -> String {
    let scope = format!("{}/.default", resource.trim_end_matches('/'));
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials").append_pair("client_id", client_id);
    form.append_pair("scope", &scope);
    match proof {
        Proof::Secret(secret) => form.append_pair("client_secret", secret.expose()),
        Proof::Assertion(token) => {
            let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
            form.append_pair("client_assertion_type", kind).append_pair("client_assertion", token.expose())
        }
    };
    form.finish()
}

/// What an operator can do about a refusal. The numbers are those of Entra; one that is not known here may be looked up.
fn remedy(refused: &Refused, proof: Proof<'_>) -> &'static str {
    match refused.code {
        Some(7_000_215) => {
            "copy the value of a client secret of this application into AZURE_CLIENT_SECRET, not the secret's ID"
        }
        Some(7_000_222) => {
            "the client secret has expired: create a new one and put its value into AZURE_CLIENT_SECRET"
        }
        Some(700_016 | 7_000_229) => {
            "set AZURE_CLIENT_ID to the application's client ID and AZURE_TENANT_ID to its directory, and see that the \
             application has a service principal there"
        }
        Some(90_002 | 900_023) => {
            "set AZURE_TENANT_ID to the directory (tenant) ID that the organisation is connected to"
        }
        Some(70_021 | 700_211..=700_213) => {
            "add a federated credential to the application that has this issuer, subject and audience exactly"
        }
        Some(700_024) => {
            "the token in AZURE_FEDERATED_TOKEN_FILE is not valid now: see that the platform still renews that file, and \
             that the clocks are right"
        }
        Some(7_000_112) => "the application is disabled: enable sign-in for it in Microsoft Entra",
        Some(53_003 | 530_003) => {
            "a Conditional Access policy for workload identities blocks it: exclude the service principal or allow this \
             network"
        }
        Some(500_011) => {
            "the directory does not know this service: set AZURE_TENANT_ID to the one that the organisation is connected to"
        }
        _ => match (refused.error.as_str(), proof) {
            ("invalid_client" | "unauthorized_client", Proof::Secret(_)) => {
                "check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET"
            }
            ("invalid_client" | "unauthorized_client", Proof::Assertion(_)) => {
                "check AZURE_TENANT_ID and AZURE_CLIENT_ID, and the application's federated credentials"
            }
            _ => "look the number up at https://login.microsoftonline.com/error",
        },
    }
}
