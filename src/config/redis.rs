//! Where the shared store is, and with what it is logged in to.

use std::time::Duration;

use super::reading::{Reading, is_this_machine};
use super::{REDIS_AUTH, REDIS_TIMEOUT, REDIS_URL};
use crate::journal::address::Address;
use crate::platform::identity::IdentitySettings;

/// A shared store.
#[derive(Clone, Debug)]
pub struct Redis {
    /// Where it is.
    pub address: Address,
    /// With what it is logged in to.
    pub access: RedisAccess,
    /// After how long a command gives up.
    pub timeout: Duration,
}

/// With what a store is logged in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisAccess {
    /// The password of its address, if there is one.
    Password,
    /// The managed identity of this application.
    Identity(IdentitySettings),
}

impl<Lookup: Fn(&str) -> Option<String>> Reading<Lookup> {
    pub(super) fn redis(&mut self) -> Option<Redis> {
        let timeout = self.ms(REDIS_TIMEOUT, 50..=10_000, 500);
        let auth = self.text(REDIS_AUTH).unwrap_or_else(|| "password".into());
        let access = match auth.trim() {
            "password" => RedisAccess::Password,
            "managed_identity" => RedisAccess::Identity(self.identity()),
            _ => {
                self.refuse(REDIS_AUTH, &auth, "say `password` or `managed_identity`");
                return None;
            }
        };
        let Some(url) = self.text(REDIS_URL) else {
            if access != RedisAccess::Password {
                self.refuse(REDIS_AUTH, &auth, format!("set {REDIS_URL} too: which Redis is meant?"));
            }
            return None;
        };
        let address = Address::parse(&url).and_then(|address| match access {
            RedisAccess::Identity(_) => fit_for_tokens(address),
            RedisAccess::Password => Ok(address),
        });
        match address {
            Ok(address) => Some(Redis { address, access, timeout }),
            Err(remedy) => {
                // It may hold a password.
                self.refuse(REDIS_URL, "[redacted]", remedy);
                None
            }
        }
    }
}

fn fit_for_tokens(address: Address) -> Result<Address, &'static str> {
    if address.password.is_some() {
        return Err("leave the password out, or set BOARDCAST_REDIS_AUTH=password: tokens take its place");
    }
    if !(address.is_encrypted || address.nodes.iter().all(|(host, _)| is_this_machine(host))) {
        return Err("begin it with rediss://, because tokens are sent there");
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::super::{CLIENT_ID, Config};
    use super::*;

    fn redis(url: &str, auth: &str) -> Result<Option<Redis>, String> {
        let settings = [(REDIS_URL, url), (REDIS_AUTH, auth), (CLIENT_ID, "c")];
        let lookup = |name: &str| {
            settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Config::from_lookup(lookup).map(|config| config.redis).map_err(|errors| errors.to_string())
    }

    #[test]
    fn c15_redis_is_anywhere_and_its_password_is_never_told() {
        assert!(redis("", "").unwrap().is_none() && redis("", "password").unwrap().is_none());
        let read = redis("rediss://me:hunter2@x.northeurope.redis.azure.net:10000", "").unwrap();
        assert!(!format!("{read:?}").contains("hunter2"));
        let read = read.unwrap();
        assert_eq!(read.address.nodes, [("x.northeurope.redis.azure.net".to_owned(), 10_000)]);
        assert_eq!((read.timeout, read.access), (Duration::from_millis(500), RedisAccess::Password));
        let error = redis("http://:hunter2@host", "password").unwrap_err();
        assert_eq!(error, "BOARDCAST_REDIS_URL=[redacted]: begin it with redis://, or rediss:// for TLS");
    }

    #[test]
    fn c15_tokens_of_the_managed_identity_take_the_place_of_a_password_and_are_sent_over_tls_alone() {
        let access = |url: &str| redis(url, "managed_identity").map(|read| read.unwrap().access);
        let identity = IdentitySettings { client_id: Some("c".into()), ..IdentitySettings::default() };
        for url in [
            "rediss://x.northeurope.redis.azure.net:10000",
            "rediss://me@x.northeurope.redis.azure.net:10000",
            "redis://localhost",
            "redis://127.0.0.1:1,[::1]:2",
        ] {
            assert_eq!(access(url), Ok(RedisAccess::Identity(identity.clone())), "{url}");
        }
        for (url, remedy) in [
            ("rediss://me:hunter2@host", "leave the password out"),
            ("rediss://:hunter2@host", "leave the password out"),
            ("redis://10.0.0.1", "begin it with rediss://"),
            ("redis://localhost,host", "begin it with rediss://"),
        ] {
            let error = access(url).unwrap_err();
            assert!(error.starts_with(&format!("BOARDCAST_REDIS_URL=[redacted]: {remedy}")), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let error = redis("", "managed_identity").unwrap_err();
        assert!(
            error.starts_with("BOARDCAST_REDIS_AUTH=managed_identity: set BOARDCAST_REDIS_URL"),
            "{error}"
        );
        let error = redis("redis://localhost", "entra").unwrap_err();
        assert_eq!(error, "BOARDCAST_REDIS_AUTH=entra: say `password` or `managed_identity`");
    }
}
