//! Who is the operator: whoever has the operator's key.

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use subtle::ConstantTimeEq;
use warp::reply::Response;

use super::reply::{self, ErrorBody};
use crate::config::OperatorAccess;

/// The header that may carry the operator's key instead of `Authorization`.
const KEY_HEADER: &str = "x-boardcast-key";

/// What whoever is not the operator is answered; `None` for the operator.
pub(super) fn refusal(access: &OperatorAccess, headers: &HeaderMap) -> Option<Response> {
    let key = match access {
        OperatorAccess::Open => return None,
        OperatorAccess::Closed => {
            return Some(denied("set BOARDCAST_OPERATOR_KEY; without it, live and ready alone are answered"));
        }
        OperatorAccess::Key(key) => key.expose(),
    };
    let offered = [bearer_token(headers), headers.get(KEY_HEADER).map(|key| key.as_bytes())];
    let compared = offered.into_iter().flatten().map(|offer| offer.ct_eq(key.as_bytes()));
    let matched = compared.fold(subtle::Choice::from(0), |matched, is_equal| matched | is_equal);
    let is_operator: bool = matched.into();
    (!is_operator)
        .then(|| denied("give BOARDCAST_OPERATOR_KEY as `Authorization: Bearer` or in X-Boardcast-Key"))
}

fn bearer_token(headers: &HeaderMap) -> Option<&[u8]> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn denied(remedy: &str) -> Response {
    let error = ErrorBody { code: "unauthorised", message: "this is for the operator alone", remedy };
    reply::with_header(reply::error(StatusCode::UNAUTHORIZED, error), WWW_AUTHENTICATE, "Bearer")
}
