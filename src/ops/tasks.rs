//! Tasks that live as long as the process. One that dies is counted, logged and started again: nothing that was
//! acknowledged may wait for a task that is no more, and nobody may take this instance for one that works meanwhile.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::ops::vitals::Vitals;

/// How long after its death a task is started again, at first and at most; each death doubles it.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A task that lived for this long begins with the shortest pause again.
const STABLE: Duration = Duration::from_mins(1);

/// The tasks of this process.
#[derive(Debug, Default)]
pub struct Tasks {
    down: Mutex<BTreeSet<&'static str>>,
}

impl Tasks {
    /// The names of those that died and were not started again yet.
    pub fn down(&self) -> Vec<&'static str> {
        self.lock().iter().copied().collect()
    }

    /// Runs what `start` makes, under that name, for as long as the process; anew where it panicked. One that ends by
    /// itself has done what it was for.
    pub fn supervise<T: Future<Output = ()> + Send + 'static>(
        self: &Arc<Self>,
        vitals: &Arc<Vitals>,
        name: &'static str,
        start: impl Fn() -> T + Send + 'static,
    ) {
        let (tasks, vitals) = (self.clone(), vitals.clone());
        tokio::spawn(async move {
            let mut pause = PAUSE_FIRST;
            loop {
                let began = Instant::now();
                match tokio::spawn(start()).await {
                    Err(error) if error.is_panic() => {}
                    // It is done, or the runtime ends.
                    _ => return,
                }
                tasks.lock().insert(name);
                vitals.task_deaths.add(1);
                tracing::error!(
                    task = name,
                    "a task died of a defect and is started again; please report it with the panic logged before"
                );
                if began.elapsed() > STABLE {
                    pause = PAUSE_FIRST;
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
                tasks.lock().remove(name);
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        self.down.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn fault_c2_a_task_that_dies_again_and_again_is_down_for_ever_longer_and_one_that_is_done_is_not() {
        let (tasks, vitals) = (Arc::<Tasks>::default(), Arc::<Vitals>::default());
        tasks.supervise(&vitals, "done", || async {});
        tasks.supervise(&vitals, "dying", || async { panic!("a planned panic") });
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!((tasks.down(), vitals.task_deaths.value()), (vec!["dying"], 1));
        // After 0.1, 0.3, 0.7, 1.5, 3.1 and 6.3 s, and so on.
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert_eq!((tasks.down(), vitals.task_deaths.value()), (vec!["dying"], 7));
        tokio::time::sleep(Duration::from_hours(1)).await;
        let deaths = vitals.task_deaths.value();
        assert!((120..=130).contains(&deaths), "{deaths}: every 30 s at the end");
    }
}
