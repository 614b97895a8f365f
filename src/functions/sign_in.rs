//! The variant of the package that people sign in to: the host asks nobody for a key, App Service says who asks, and
//! whoever is not signed in gets no board, should a request ever come past App Service.

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, StatusCode};
use warp::reply::Response;

use super::reply::{self, ErrorBody};
use crate::config::{BoardAccess, Config};

/// Who is signed in, as App Service tells it; it lets nobody else write this header. The Functions host takes its identity
/// from this one too, and like us where authentication is on alone. Whose name it holds is not asked: whom to let in is
/// decided in Microsoft Entra.
const PRINCIPAL: &str = "x-ms-client-principal";

/// Why a function of that folder does not answer a request; `None` where it may.
pub(super) fn refusal(config: &Config, folder: &str, headers: &HeaderMap) -> Option<Response> {
    if config.board_access != BoardAccess::SignIn || !BoardAccess::FUNCTIONS.contains(&folder) {
        return None;
    }
    if !config.has_authentication {
        return Some(reply::error(StatusCode::FORBIDDEN, AUTHENTICATION_OFF));
    }
    let is_signed_in = headers.get(PRINCIPAL).is_some_and(|principal| !principal.is_empty());
    (!is_signed_in).then(|| {
        let response = reply::error(StatusCode::UNAUTHORIZED, SIGNED_OUT);
        reply::with_header(response, WWW_AUTHENTICATE, "Bearer")
    })
}

const AUTHENTICATION_OFF: ErrorBody<'static> = ErrorBody {
    code: "authentication_off",
    message: "this app is for people who sign in, and nobody can: App Service's authentication is not on",
    remedy: "whoever runs boardcast runs scripts/provision with BOARDCAST_SIGN_IN set, or deploys the package that needs \
             function keys; docs/DEPLOY.md has both under Who may look",
};

/// The page goes by its code.
const SIGNED_OUT: ErrorBody<'static> = ErrorBody {
    code: "signed_out",
    message: "this request comes from nobody who is signed in",
    remedy: "open /api/dashboard in a browser and sign in",
};
