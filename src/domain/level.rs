//! How fresh the data of a board is.

use serde::{Deserialize, Serialize};

/// The freshness level of what a payload says. The order is from best to worst, so the worst of several is their maximum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Live: the source answers, or hooks alone feed the board and nothing is missing.
    #[default]
    Full,
    /// The source is gone; what is shown is the last that was known, with its age.
    Cached,
    /// The source is gone and nothing is known; simulated data stands in because `BOARDCAST_MOCK` asks for it.
    Mock,
    /// The source is gone, nothing is known, and there are no numbers to show.
    None,
}

impl Level {
    /// The word used on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Cached => "cached",
            Self::Mock => "mock",
            Self::None => "none",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_level_is_the_maximum() {
        assert_eq!([Level::Full, Level::None, Level::Cached].into_iter().max(), Some(Level::None));
    }

    #[test]
    fn the_wire_has_the_four_words() {
        for level in [Level::Full, Level::Cached, Level::Mock, Level::None] {
            assert_eq!(serde_json::to_string(&level).unwrap(), format!("\"{}\"", level.as_str()));
        }
    }
}
