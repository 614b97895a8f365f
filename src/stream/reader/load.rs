//! How long a reader waits for its first board with numbers.

use std::time::Duration;

use tokio::time::Instant;

/// The load of a dashboard, from its request until boards with numbers were handed to its socket. One that is shown boards
/// without numbers, or simulated ones, still waits.
pub(super) struct Load {
    /// When it was asked for; `None` once it is over.
    began: Option<Instant>,
    is_owed: bool,
}

impl Load {
    /// Begins now.
    pub(super) fn begin() -> Self {
        Self { began: Some(Instant::now()), is_owed: false }
    }

    /// There is nothing to wait for: the reader has its boards, or there are none.
    pub(super) fn is_over(&mut self) {
        self.began = None;
    }

    /// Boards are owed, with numbers or without.
    pub(super) fn owe(&mut self, has_numbers: bool) {
        self.is_owed |= has_numbers;
    }

    /// Everything that is owed was given: how long the load took, if that is its end.
    pub(super) fn given(&mut self) -> Option<Duration> {
        let began = self.began.take_if(|_| self.is_owed)?;
        Some(began.elapsed())
    }
}
