//! Where the shared store is, and how it is logged in to.

use super::REDIS_URL;
use super::reading::Reading;
use crate::journal::address::Address;
use crate::platform::identity::IdentitySettings;

/// A shared store.
#[derive(Clone, Debug)]
pub struct Redis {
    /// Where it is.
    pub address: Address,
    /// The identity to log in with; `None` logs in with the password of the address, or not at all without one.
    pub identity: Option<IdentitySettings>,
}

impl<Lookup: Fn(&str) -> Option<String>> Reading<Lookup> {
    /// The way to log in follows from the address. Tokens go over TLS alone, so only `rediss://` means the identity.
    pub(super) fn redis(&mut self) -> Option<Redis> {
        let address = self.parsed(REDIS_URL, Address::parse)?;
        let is_by_identity = address.password.is_none() && address.is_encrypted;
        Some(Redis { address, identity: is_by_identity.then(|| self.identity()) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CLIENT_ID, Config};
    use super::*;
    use crate::platform::identity::ManagedEndpoint;

    fn redis(url: &str) -> Result<Option<Redis>, String> {
        let settings = [(REDIS_URL, url), (CLIENT_ID, "c")];
        let lookup = |name: &str| {
            settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Config::from_lookup(lookup).map(|config| config.redis)
    }

    #[test]
    fn c15_redis_is_anywhere_and_its_password_is_never_told() {
        assert!(redis("").unwrap().is_none());
        let read = redis("rediss://me:hunter2@x.northeurope.redis.azure.net:10000").unwrap();
        assert!(!format!("{read:?}").contains("hunter2"));
        let read = read.unwrap();
        assert_eq!(read.address.nodes, [("x.northeurope.redis.azure.net".to_owned(), 10_000)]);
        assert_eq!(read.identity, None);
        let error = redis("http://:hunter2@host").unwrap_err();
        assert_eq!(
            error,
            "BOARDCAST_REDIS_URL=[redacted]: must begin with redis://, or with rediss:// for TLS"
        );
    }

    #[test]
    fn c15_without_a_password_the_managed_identity_logs_in_and_its_tokens_go_over_tls_alone() {
        let by = |url: &str| redis(url).unwrap().unwrap().identity;
        let endpoint = ManagedEndpoint { client_id: Some("c".into()), ..ManagedEndpoint::default() };
        let identity = IdentitySettings::Managed(endpoint);
        for url in
            ["rediss://x.northeurope.redis.azure.net:10000", "rediss://me@x.redis.azure.net", "rediss://a,b"]
        {
            assert_eq!(by(url).as_ref(), Some(&identity), "{url}");
        }
        for url in
            ["redis://localhost", "redis://me@10.0.0.1", "redis://:p@a", "rediss://:p@a", "rediss://me:p@a"]
        {
            assert_eq!(by(url), None, "{url}");
        }
    }
}
