//! Whose data something is.

use sha2::{Digest as _, Sha256};

/// How many bytes of its hash tell an owner from others of the same name.
const HASH_BYTES: usize = 5;

/// What the identity of a deployment begins with that is told by service hooks alone.
const HOOKS: &str = "hooks";

/// Whose data something is: a real organisation's, a deployment's that is told by service hooks alone, or a
/// simulation's. It is part of every key, partition and lease, so what two owners keep in one store never meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    identity: String,
    slug: String,
}

impl Owner {
    /// An organisation, by its whole address: two servers may each have a `DefaultCollection`. A deployment that is
    /// named keeps data of its own; without a name all deployments of the organisation share theirs.
    pub fn organization(url: &str, deployment: Option<&str>) -> Self {
        let url = url.trim_end_matches('/').to_lowercase();
        let place = url.split_once("://").map_or(&*url, |(_, place)| place);
        let name = match place.split_once('/') {
            Some((_, path)) => path,
            None => place.split(['.', ':']).next().unwrap_or_default(),
        };
        Self::new(format!("organization {url}"), name, deployment)
    }

    /// A deployment that knows its organisation by service hooks alone.
    pub fn hooks_alone(deployment: Option<&str>) -> Self {
        Self::new(HOOKS.into(), deployment.unwrap_or("default"), deployment)
    }

    /// A simulated organisation.
    pub fn demo(deployment: Option<&str>) -> Self {
        Self::new("demo".into(), "demo", deployment)
    }

    fn new(identity: String, name: &str, deployment: Option<&str>) -> Self {
        let identity = match deployment {
            Some(deployment) => format!("{identity} deployment {}", deployment.to_lowercase()),
            None => identity,
        };
        // What is left out must not end a key's hash tag, nor mean anything in the key of a table's row.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        Self { slug: name.to_lowercase().replace(|c: char| !is_plain(c), "-"), identity }
    }

    /// Whether nothing is known of it but what service hooks tell.
    pub fn is_told_by_hooks_alone(&self) -> bool {
        self.identity.starts_with(HOOKS)
    }

    /// Who it is, in full.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Letters, digits, `-`, `_` and `.` that name this owner and no other: a readable part, and a hash of the whole.
    pub fn key(&self) -> String {
        let hash = Sha256::digest(&self.identity);
        let hash: String = hash.iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{hash}", self.slug)
    }

    /// The readable part alone, by which the first form of the store told owners apart.
    pub fn slug(&self) -> &str {
        &self.slug
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c12_each_owner_has_a_key_of_its_own_that_begins_with_its_name() {
        let organization = |url| Owner::organization(url, None);
        let owners = [
            organization("https://dev.azure.com/Contoso"),
            organization("https://contoso.visualstudio.com"),
            organization("http://one.example:1/contoso"),
            organization("http://one.example:2/contoso"),
            organization("https://tfs.example:8080/tfs/Default{}Collection"),
            organization("https://dev.azure.com/ü"),
            organization("https://dev.azure.com/ö"),
            Owner::organization("https://dev.azure.com/Contoso", Some("staging")),
            Owner::hooks_alone(None),
            Owner::hooks_alone(Some("default")),
            Owner::hooks_alone(Some("staging")),
            Owner::demo(None),
            Owner::demo(Some("staging")),
        ];
        let keys: std::collections::BTreeSet<String> = owners.iter().map(Owner::key).collect();
        assert_eq!(keys.len(), owners.len(), "{keys:?}");
        assert!(keys.iter().all(|key| key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))));
        assert_eq!(
            owners.each_ref().map(Owner::slug)[..5],
            ["contoso", "contoso", "contoso", "contoso", "tfs-default--collection"]
        );
        assert_eq!(owners[0], organization("https://dev.azure.com/contoso/"));
        assert!(owners[0].key().starts_with("contoso-"));
    }
}
