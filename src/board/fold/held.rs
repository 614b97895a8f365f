//! The fold while somebody reads it. A thread that holds it and asks for it once more waits for ever if the relay began
//! to wait in between, which happens too seldom to be found: so builds with debug assertions, the tests' among them,
//! panic at once, whether the relay waits or not.

use std::cell::Cell;
use std::ops::Deref;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use crate::board::projection::Projection;

thread_local! {
    static IS_HELD: Cell<bool> = const { Cell::new(false) };
}

/// What is known now. The relay waits for as long as it is held.
pub struct HeldFold<'a>(RwLockReadGuard<'a, Projection>);

impl<'a> HeldFold<'a> {
    pub(super) fn of(state: &'a RwLock<Projection>) -> Self {
        refuse_second();
        let held = Self(state.read().unwrap_or_else(PoisonError::into_inner));
        IS_HELD.set(true);
        held
    }
}

impl Deref for HeldFold<'_> {
    type Target = Projection;

    fn deref(&self) -> &Projection {
        &self.0
    }
}

impl Drop for HeldFold<'_> {
    fn drop(&mut self) {
        IS_HELD.set(false);
    }
}

/// Panics, in builds with debug assertions, where this thread already holds a fold.
pub(super) fn refuse_second() {
    debug_assert!(!IS_HELD.get(), "this thread already holds the fold; let go of it first");
}

#[cfg(test)]
mod tests {
    use crate::board::fold::Fold;

    #[test]
    fn fault_c3_a_thread_that_asks_for_what_it_holds_is_told() {
        let fold = Fold::default();
        drop(fold.read());
        let first = fold.read();
        let second = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(fold.read())));
        assert!(second.is_err());
        drop(first);
        drop(fold.read());
    }
}
