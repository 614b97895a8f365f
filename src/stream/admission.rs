//! Who gets a stream: readers over the limit of the instance are shed, and some of those are held open.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::StreamSettings;

/// Counts an admitted stream for as long as it lives.
pub(super) type Ticket = OwnedSemaphorePermit;

/// Counts a shed stream for as long as it is held open.
pub(super) type Held = OwnedSemaphorePermit;

/// Counts the streams of this instance.
pub(super) struct Admission {
    open: Arc<Semaphore>,
    held: Arc<Semaphore>,
}

/// What becomes of a reader.
pub(super) enum Verdict {
    /// It gets its stream, and is counted until the ticket is dropped.
    Admitted(Ticket),
    /// It is shed; with a ticket it is held open until it is to come back.
    Shed(Option<Held>),
}

impl Admission {
    pub(super) fn new(settings: &StreamSettings) -> Self {
        let permits = |max: usize| Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS)));
        Self { open: permits(settings.max), held: permits(settings.shed_held_max) }
    }

    /// Judges a reader who comes.
    pub(super) fn judge(&self) -> Verdict {
        match self.open.clone().try_acquire_owned() {
            Ok(ticket) => Verdict::Admitted(ticket),
            Err(_) => Verdict::Shed(self.held.clone().try_acquire_owned().ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn admission(max: usize, shed_held_max: usize) -> Admission {
        Admission::new(&StreamSettings {
            heartbeat: Duration::from_secs(15),
            coalesce: Duration::ZERO,
            lifetime: None,
            max,
            shed: Duration::from_secs(10),
            shed_held_max,
        })
    }

    fn admitted(verdict: Verdict) -> Option<Ticket> {
        match verdict {
            Verdict::Admitted(ticket) => Some(ticket),
            Verdict::Shed(_) => None,
        }
    }

    #[test]
    fn e13_the_limit_holds_and_a_stream_that_ends_makes_room() {
        let admission = admission(2, 9);
        let first = admitted(admission.judge()).unwrap();
        let _second = admitted(admission.judge()).unwrap();
        assert!(admitted(admission.judge()).is_none());
        drop(first);
        assert!(admitted(admission.judge()).is_some());
    }

    #[test]
    fn e13_only_so_many_of_the_shed_are_held() {
        let admission = admission(1, 2);
        let _open = admitted(admission.judge()).unwrap();
        let shed = || match admission.judge() {
            Verdict::Shed(held) => held,
            Verdict::Admitted(_) => panic!("admitted"),
        };
        let (one, two) = (shed(), shed());
        assert!(one.is_some() && two.is_some() && shed().is_none());
        drop(one);
        assert!(shed().is_some());
    }
}
