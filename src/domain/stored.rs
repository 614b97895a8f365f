//! How values are written to the journal and read from it.

use serde::Serialize;
use serde::de::DeserializeOwned;

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
