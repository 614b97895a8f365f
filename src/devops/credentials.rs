//! The shared secret of the service hooks. Azure DevOps does not sign its deliveries; it offers Basic
//! authentication or a header of one's own, and both are compared in constant time.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use subtle::ConstantTimeEq;

use crate::platform::secret::Secret;

/// The header that may carry the secret instead of Basic authentication's password.
const SECRET_HEADER: &str = "x-boardcast-secret";

/// Who may post hooks.
#[derive(Clone, Debug)]
pub enum HookAccess {
    /// Anybody: the server runs standalone on loopback and no secret is set.
    Open,
    /// Nobody: under the Functions host a missing secret must not mean that everybody may write to the board.
    Closed,
    /// Senders that know one of these: two, so that a secret can be replaced without losing a delivery.
    Secrets(Vec<Secret>),
}

/// What a request's credentials are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Let in.
    Authentic,
    /// No or a wrong secret.
    Denied,
    /// No secret is set, so nobody can be let in.
    NotConfigured,
}

impl HookAccess {
    /// One of the secrets, for a sender of our own; `None` where none is needed, or none is set.
    pub fn any_secret(&self) -> Option<&Secret> {
        match self {
            Self::Open | Self::Closed => None,
            Self::Secrets(secrets) => secrets.first(),
        }
    }

    /// Judges the credentials in `headers`. The user name of Basic authentication does not matter.
    pub fn judge(&self, headers: &HeaderMap) -> Verdict {
        let secrets = match self {
            Self::Open => return Verdict::Authentic,
            Self::Closed => return Verdict::NotConfigured,
            Self::Secrets(secrets) => secrets,
        };
        let header = headers.get(SECRET_HEADER).map(|value| value.as_bytes().to_vec());
        let offered = [basic_password(headers), header];
        let mut matched = subtle::Choice::from(0);
        // Every pair is compared, so that the time taken tells nothing about which one matched.
        for offer in offered.iter().flatten() {
            for secret in secrets {
                matched |= offer.as_slice().ct_eq(secret.expose().as_bytes());
            }
        }
        if matched.into() { Verdict::Authentic } else { Verdict::Denied }
    }
}

fn basic_password(headers: &HeaderMap) -> Option<Vec<u8>> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, encoded) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(encoded.trim_ascii()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    decoded.get(colon + 1..).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(header: &'static str, value: &str) -> Verdict {
        let access = HookAccess::Secrets(vec![Secret::new("now"), Secret::new("before")]);
        access.judge(&HeaderMap::from_iter([(header.parse().unwrap(), value.parse().unwrap())]))
    }

    fn basic(credentials: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(credentials))
    }

    #[test]
    fn w1_either_secret_opens_by_either_way() {
        assert_eq!(judge("authorization", &basic("hook:now")), Verdict::Authentic);
        assert_eq!(judge("authorization", &basic(":before")), Verdict::Authentic);
        assert_eq!(judge("authorization", &basic("hook:now").replace("Basic", "bAsIc")), Verdict::Authentic);
        assert_eq!(judge("x-boardcast-secret", "now"), Verdict::Authentic);
        assert_eq!(judge("x-boardcast-secret", "before"), Verdict::Authentic);
    }

    #[test]
    fn w1_anything_else_is_denied() {
        for (header, value) in [
            ("authorization", basic("hook:no")),
            ("authorization", basic("hook:now2")),
            ("authorization", basic("now")),
            ("authorization", basic("hook:")),
            ("authorization", "Basic".into()),
            ("authorization", "Basic ????".into()),
            ("authorization", "Bearer now".into()),
            ("authorization", String::new()),
            ("x-boardcast-secret", String::new()),
            ("x-boardcast-secret", "NOW".into()),
            ("x-other", "now".into()),
        ] {
            assert_eq!(judge(header, &value), Verdict::Denied, "{header}: {value}");
        }
    }

    #[test]
    fn without_a_secret_it_is_all_or_nobody() {
        assert_eq!(HookAccess::Open.judge(&HeaderMap::new()), Verdict::Authentic);
        assert_eq!(HookAccess::Closed.judge(&HeaderMap::new()), Verdict::NotConfigured);
    }
}
