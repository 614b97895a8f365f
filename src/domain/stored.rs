//! How values are written to the journal and read from it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

/// A value that the journal stores, as JSON.
pub trait Stored: Serialize + DeserializeOwned {
    /// Its bytes in the journal.
    fn encode(&self) -> Vec<u8> {
        // Strings, numbers, enums and maps with string keys cannot fail to serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads such bytes. Errors when a defect or a newer schema wrote something else.
    fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

/// A hash of all that a value says, the same in every version and on every machine: by it one is told from another.
pub(crate) fn hash_of(value: &impl Serialize) -> u64 {
    // Texts, numbers and maps with texts as keys, whose encoding cannot fail.
    let hash = Sha256::digest(serde_json::to_vec(value).unwrap_or_default());
    hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Whether a field of a record holds what it holds where it is left out.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
