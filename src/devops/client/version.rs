//! Which version of the API is asked for: the service and each Azure DevOps Server know it up to a version of their own,
//! and a server that does not know the one asked for names the one that it knows.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// The version that is asked for first. Later ones are previews, and some of those are refused.
const NEWEST: Version = Version { major: 7, minor: 1 };

/// The oldest version whose answers are understood: that of Azure DevOps Server 2019.
const OLDEST: Version = Version { major: 5, minor: 0 };

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    major: u32,
    minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The versions that an organisation is asked with.
pub(super) struct Versions(Mutex<Asked>);

struct Asked {
    newest: Version,
    /// The routes that are previews in that version, which a server answers only when they are asked for as such.
    previews: BTreeSet<&'static str>,
}

impl Versions {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Asked { newest: NEWEST, previews: BTreeSet::new() }))
    }

    /// The version to ask with on a route.
    pub(super) fn of(&self, route: &'static str) -> String {
        let asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let preview = if asked.previews.contains(route) { "-preview" } else { "" };
        format!("{}{preview}", asked.newest)
    }

    /// Takes in what a server said that refused a call; says whether to ask it again. `version` is what it was asked with.
    pub(super) fn learn(&self, route: &'static str, version: &str, type_key: &str, message: &str) -> bool {
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_preview(type_key) {
            asked.previews.insert(route);
        } else if is_out_of_range(type_key)
            && let Some(known) = newest_below(asked.newest, message)
        {
            tracing::info!(version = %known, "the server knows the API up to this version, and is asked with it");
            *asked = Asked { newest: known, previews: BTreeSet::new() };
        } else if !is_out_of_range(type_key) {
            return false;
        }
        drop(asked);
        // Another call may have learnt it meanwhile.
        self.of(route) != version
    }
}

/// Whether a refusal is of the version that was asked for.
pub(super) fn is_of_version(type_key: &str) -> bool {
    is_preview(type_key) || is_out_of_range(type_key)
}

fn is_preview(type_key: &str) -> bool {
    type_key.starts_with("VssInvalidPreviewVersion")
}

fn is_out_of_range(type_key: &str) -> bool {
    type_key.starts_with("VssVersionOutOfRange")
}

/// The newest version that a text names and that is older than `than`; `None` where it names none that is understood. The
/// text is in the language of the server, and names the version that was asked for as well.
fn newest_below(than: Version, text: &str) -> Option<Version> {
    let words = text.split(|c: char| !(c.is_ascii_digit() || c == '.'));
    let version = |word: &str| {
        let (major, minor) = word.trim_matches('.').split_once('.')?;
        Some(Version { major: major.parse().ok()?, minor: minor.parse().ok()? })
    };
    words.filter_map(version).filter(|version| (OLDEST..than).contains(version)).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fault_f4_the_version_that_a_server_names_is_found_in_what_it_says() {
        let found = |text: &str| newest_below(NEWEST, text).map(|version| version.to_string());
        let says = |version: &str| {
            format!(
                "The requested REST API version of 7.1 is out of range for this server. The latest REST API version \
                 this server supports is {version}."
            )
        };
        for version in ["7.0", "6.0", "5.1", "5.0"] {
            assert_eq!(found(&says(version)).as_deref(), Some(version));
        }
        let german = "Die REST-API-Version 7.1 liegt außerhalb des Bereichs. Unterstützt wird höchstens 6.0.";
        assert_eq!(found(german).as_deref(), Some("6.0"));
        for too_old in [&says("4.1"), &says("7.1"), &says("none"), ""] {
            assert_eq!(found(too_old), None, "{too_old}");
        }
    }
}
