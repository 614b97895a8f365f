//! What a log entry tells the fold: everything that its commit changed, so that other instances need no other read.

use serde::{Deserialize, Serialize};

use super::scope::CollectionId;
use super::work_item::{Observation, WorkItemId};

/// The content of a commit's last entry. Its id is the version of every record that the commit wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// The keys of the records that were written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
    /// What was merged into items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub observations: Vec<Observation>,
    /// Items whose record was deleted because they left the board's horizon.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<WorkItemId>,
    /// The collection whose hooks are taken from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection: Option<CollectionId>,
    /// The journal's epoch, in the entry that begins a log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
}

impl Delta {
    /// The entry's bytes.
    pub fn encode(&self) -> Vec<u8> {
        // Strings, numbers and maps with string keys cannot fail to serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads an entry's bytes. Errors when a defect or a newer schema wrote something else.
    pub fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::item;
    use super::*;

    #[test]
    fn a_delta_comes_back_as_it_was() {
        let delta = Delta {
            writes: vec!["item/13".into()],
            observations: vec![item(13, 2, |_| {})],
            dropped: vec![WorkItemId::new(7).unwrap()],
            collection: CollectionId::parse("c12d0eb8-e382-443b-9f9c-c52cba5014c2"),
            epoch: Some("e".into()),
        };
        assert_eq!(Delta::decode(&delta.encode()).unwrap(), delta);
        assert_eq!(Delta::decode(b"{}").unwrap(), Delta::default());
    }
}
