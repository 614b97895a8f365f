//! The steps between a hook and its readers after which a process may die. A build for tests can be told to die at one
//! of them; in every other build to pass one is nothing.

/// A step that was just done, and what is still to be done after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failpoint {
    /// A hook was read whole; nothing is kept yet.
    HookRead,
    /// What a hook tells is committed; it is not answered yet.
    Committed,
    /// An answer was written whole; other instances may not have read what was committed.
    Answered,
    /// The relay has read entries of the log; no reader was sent them.
    Relayed,
    /// A change is on this instance's board; no number was derived from it here.
    Folded,
    /// Numbers were announced; the archive has no copy.
    Announced,
    /// A hook lies in the inbox; it is not answered yet.
    Deposited,
    /// A hook from the inbox was ingested; it lies there still.
    Drained,
    /// A comparison with the organisation is committed; nobody was answered.
    Checked,
}

/// Notes that a step was done.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) const fn reached(_: Failpoint) {}

#[cfg(feature = "failpoints")]
pub(crate) use planned::reached;

#[cfg(feature = "failpoints")]
mod planned {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use crate::ops::failpoints::Failpoint;

    /// At which step to die, and on which pass.
    static PLAN: LazyLock<Option<(String, u32)>> = LazyLock::new(|| {
        #[expect(clippy::disallowed_methods, reason = "it is no setting: no build that ships knows it")]
        let plan = std::env::var("BOARDCAST_DIE_AT").ok()?;
        let (step, times) = plan.split_once(':')?;
        Some((step.to_owned(), times.parse().ok()?))
    });

    static PASSED: AtomicU32 = AtomicU32::new(0);

    /// Notes that a step was done, and ends the process there and then if it was told to.
    pub(crate) fn reached(step: Failpoint) {
        let Some((planned, times)) = &*PLAN else { return };
        if format!("{step:?}") == *planned && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *times {
            std::process::abort();
        }
    }
}
