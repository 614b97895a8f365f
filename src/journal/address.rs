//! Where a shared store is, and as whom it is asked.

use percent_encoding::percent_decode_str;

use crate::platform::is_this_machine;
use crate::platform::secret::Secret;

/// The port of Redis. Azure Managed Redis has 10000.
const PORT_DEFAULT: u16 = 6379;

/// One node, or several of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Host and port of each node that is named. More than one means a cluster, which tells of further nodes itself.
    pub nodes: Vec<(String, u16)>,
    /// Whether TLS is spoken.
    pub is_encrypted: bool,
    /// As whom; the store's default user otherwise.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Secret>,
}

impl Address {
    /// Reads `redis://`, or `rediss://` for TLS, then `user:password@` if need be, and a host with a port or several of
    /// them, comma-separated. A node that is named twice makes a cluster of which one node is known.
    ///
    /// Errors: what is wrong, in words that repeat nothing of the text, because it may hold a password.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let (is_encrypted, rest) = match (text.strip_prefix("redis://"), text.strip_prefix("rediss://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err("must begin with redis://, or with rediss:// for TLS"),
        };
        // A password may hold `@` unescaped; a host may not.
        let (credentials, hosts) = match rest.rsplit_once('@') {
            Some((credentials, hosts)) => (Some(credentials), hosts),
            None => (None, rest),
        };
        let (user, password) = match credentials.map(|text| text.split_once(':').unwrap_or((text, ""))) {
            Some((user, password)) => (decoded(user)?, decoded(password)?),
            None => (None, None),
        };
        // A cluster has only database 0, and so has Azure Managed Redis.
        let hosts = hosts.strip_suffix("/0").or_else(|| hosts.strip_suffix('/')).unwrap_or(hosts);
        let nodes: Vec<_> = hosts.split(',').map(node).collect::<Result<_, _>>()?;
        Ok(Self { nodes, is_encrypted, user, password: password.map(Secret::new) })
    }

    /// Whether a password goes over a network that others may listen to.
    pub fn sends_a_password_in_the_open(&self) -> bool {
        !self.is_encrypted
            && self.password.is_some()
            && !self.nodes.iter().all(|(host, _)| is_this_machine(host))
    }
}

fn decoded(text: &str) -> Result<Option<String>, &'static str> {
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| "its user or password is not valid percent-encoded UTF-8")?;
    Ok((!decoded.is_empty()).then(|| decoded.into_owned()))
}

fn node(text: &str) -> Result<(String, u16), &'static str> {
    let text = text.trim();
    let (host, port) = match text.rsplit_once(':') {
        // The colons of an IPv6 address without brackets are not followed by a port.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().map_err(|_| "each port must be a number up to 65535")?)
        }
        _ => (text, PORT_DEFAULT),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || host.contains(['/', '?', '#', ' ', '[', ']']) {
        return Err(
            "must name a host, such as redis://localhost:6379, and nothing after it: only database 0 is used, and no options",
        );
    }
    Ok((host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(text: &str) -> Vec<(String, u16)> {
        Address::parse(text).unwrap().nodes
    }

    #[test]
    fn fault_d5_a_password_in_the_open_is_noticed() {
        let is_open = |text| Address::parse(text).unwrap().sends_a_password_in_the_open();
        assert!(is_open("redis://:p@redis.example") && is_open("redis://:p@127.0.0.1,10.0.0.7"));
        for safe in ["redis://:p@localhost", "redis://:p@127.0.0.1,[::1]", "rediss://:p@a", "redis://a"] {
            assert!(!is_open(safe), "{safe}");
        }
    }

    #[test]
    fn one_node_or_several() {
        let one = Address::parse(" redis://localhost ").unwrap();
        assert_eq!((one.nodes, one.is_encrypted), (vec![("localhost".into(), 6379)], false));
        assert_eq!((one.user, one.password), (None, None));
        assert_eq!(nodes("rediss://x.redis.azure.net:10000/0"), [("x.redis.azure.net".into(), 10_000)]);
        let three = [("a".into(), 1), ("b".into(), 6379), ("::1".into(), 3)];
        assert_eq!(nodes("redis://a:1, b,[::1]:3"), three);
        assert!(Address::parse("rediss://a").unwrap().is_encrypted);
    }

    #[test]
    fn c14_a_password_is_taken_in_any_form_and_never_told() {
        let address = Address::parse("rediss://me:p%40:s@s@host:1").unwrap();
        assert_eq!(address.user.as_deref(), Some("me"));
        assert_eq!(address.password.as_ref().map(Secret::expose), Some("p@:s@s"));
        assert!(!format!("{address:?}").contains("p@"));
        assert_eq!(Address::parse("redis://:hunter2@h").unwrap().user, None);
        for wrong in ["host", "http://hunter2@h", "redis://", "redis://:hunter2@h:x", "redis://:hunter2@h/3"]
        {
            let error = Address::parse(wrong).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
