//! Under which names a server answers.

use crate::platform::is_this_machine;

/// For which hosts requests are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedHosts {
    /// For any: the Functions host puts its own in place of the one that was asked for.
    Any,
    /// For this machine, and by these names, in lower case.
    These(Vec<String>),
}

impl AllowedHosts {
    /// Whether requests are answered for a host, perhaps with a port.
    pub fn admit(&self, host: &str) -> bool {
        let Self::These(names) = self else { return true };
        let without_port = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        let name = without_port.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        is_this_machine(&name) || names.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_in_every_form_and_other_names_only_where_they_are_set() {
        let hosts = AllowedHosts::These(vec!["board.example".to_owned()]);
        for host in [
            "localhost",
            "LOCALHOST:7071",
            "localhost.",
            "127.0.0.1:80",
            "127.8.8.8",
            "[::1]:7071",
            "board.example",
            "Board.Example:443",
        ] {
            assert!(hosts.admit(host), "{host}");
        }
        for host in [
            "",
            "x",
            "localhost.evil.example",
            "evil.example:7071",
            "10.0.0.1",
            "board.example.evil",
            "[::1].evil",
        ] {
            assert!(!hosts.admit(host), "{host}");
        }
    }
}
