//! The clock, which is handed to what needs the time. Nothing else reads it.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::domain::time::Timestamp;

/// Tells the time. Tests hand in one that they turn themselves.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The machine's clock.
pub fn system() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_epoch_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_machine_knows_that_it_is_later_than_2025() {
        assert!(super::system()().epoch_ms() > 1_735_689_600_000);
    }
}
