//! A layer of faults over any journal: a commit can be delayed, fail before it runs, or run and lose its reply, and
//! readings can take their time; all of it can be away, or be written by a newer version.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use boardcast::journal::{
    Commit, CommitOutcome, Entry, EntryId, Journal, JournalCondition, JournalError, Leases, LoadedRecords,
    RecordKey, Store, Versioned,
};
use tokio::sync::{Notify, watch};

/// What happens to one operation.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    Delay(Duration),
    FailBefore,
    FailAfter,
}

/// A journal of which commits go wrong as planned, and reads go wrong while it is down.
pub struct FaultyJournal {
    inner: Arc<dyn Journal>,
    leases: Arc<dyn Leases>,
    commits: Mutex<VecDeque<Fault>>,
    /// What every operation fails with, those that wait among them.
    failing: watch::Sender<Option<JournalError>>,
    read_delay: Mutex<Duration>,
    /// Items with this number or a greater one are refused.
    refused_from: AtomicU32,
    /// Those with this number or a greater one cannot be taken now.
    untaken_from: AtomicU32,
    /// The next one who follows the log dies of it.
    panics: AtomicBool,
    /// What runs in the background dies of it.
    background_panics: Notify,
    readings: AtomicUsize,
    /// How many readings for readers who come back are under way, and how many were at most.
    replays: AtomicUsize,
    replays_most: AtomicUsize,
    /// What the next load answers.
    load: Mutex<Option<LoadedRecords>>,
}

impl FaultyJournal {
    pub fn over(store: &Store) -> Arc<Self> {
        Arc::new(Self {
            inner: store.journal.clone(),
            leases: store.leases.clone(),
            commits: Mutex::default(),
            failing: watch::Sender::new(None),
            read_delay: Mutex::default(),
            refused_from: AtomicU32::new(u32::MAX),
            untaken_from: AtomicU32::new(u32::MAX),
            panics: AtomicBool::new(false),
            background_panics: Notify::new(),
            readings: AtomicUsize::default(),
            replays: AtomicUsize::default(),
            replays_most: AtomicUsize::default(),
            load: Mutex::default(),
        })
    }

    /// The store of which this is the journal, and which grants the leases.
    pub fn in_front_of(self: &Arc<Self>, store: Store) -> Store {
        Store { journal: self.clone(), leases: self.clone(), ..store }
    }

    /// Plans faults for the commits to come, one each.
    pub fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.commits.lock().unwrap().extend(faults);
    }

    /// Everything fails until it is up again.
    pub fn set_down(&self, down: bool) {
        self.failing.send_replace(down.then(unavailable));
    }

    /// From now on a commit of an item with that number or a greater one is refused.
    pub fn refuse_items_from(&self, number: u32) {
        self.refused_from.store(number, Ordering::SeqCst);
    }

    /// From now on a commit of an item with that number or a greater one is not taken.
    pub fn take_no_items_from(&self, number: u32) {
        self.untaken_from.store(number, Ordering::SeqCst);
    }

    /// Whoever follows the log next dies of it.
    pub fn plan_panic(&self) {
        self.panics.store(true, Ordering::SeqCst);
    }

    /// What runs in the background dies.
    pub fn panic_in_the_background(&self) {
        self.background_panics.notify_one();
    }

    /// The next load answers this, as one may that others wrote into.
    pub fn plan_load(&self, loaded: LoadedRecords) {
        *self.load.lock().unwrap() = Some(loaded);
    }

    /// From now on each reading of records takes that long.
    pub fn set_read_delay(&self, delay: Duration) {
        *self.read_delay.lock().unwrap() = delay;
    }

    /// How often records were read.
    pub fn readings(&self) -> usize {
        self.readings.load(Ordering::SeqCst)
    }

    /// How many readings for readers who come back were under way at most.
    pub fn replays_most(&self) -> usize {
        self.replays_most.load(Ordering::SeqCst)
    }

    /// A newer version writes the journal, or no longer.
    pub fn set_newer(&self, newer: bool) {
        self.failing.send_replace(newer.then(|| JournalError::Newer { found: "2".into(), known: 1 }));
    }

    fn check(&self) -> Result<(), JournalError> {
        self.failing.borrow().clone().map_or(Ok(()), Err)
    }
}

fn unavailable() -> JournalError {
    JournalError::Unavailable("a planned fault".into())
}

#[async_trait]
impl Journal for FaultyJournal {
    async fn load(&self) -> Result<LoadedRecords, JournalError> {
        self.check()?;
        let planned = self.load.lock().unwrap().take();
        match planned {
            Some(loaded) => Ok(loaded),
            None => self.inner.load().await,
        }
    }

    async fn read(&self, keys: &[RecordKey]) -> Result<Vec<Option<Versioned>>, JournalError> {
        self.check()?;
        self.readings.fetch_add(1, Ordering::SeqCst);
        let delay = *self.read_delay.lock().unwrap();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        self.inner.read(keys).await
    }

    async fn commit(&self, commit: Commit) -> Result<CommitOutcome, JournalError> {
        self.check()?;
        let refused_from = self.refused_from.load(Ordering::SeqCst);
        let newest = commit.writes.iter().filter_map(|(key, _)| key.as_item()).max();
        let is_from = |number: u32| newest.is_some_and(|item| item.number() >= number);
        if is_from(refused_from) {
            return Err(JournalError::Refused("a planned refusal"));
        }
        if is_from(self.untaken_from.load(Ordering::SeqCst)) {
            return Err(unavailable());
        }
        let fault = self.commits.lock().unwrap().pop_front();
        match fault {
            Some(Fault::FailBefore) => return Err(unavailable()),
            Some(Fault::Delay(time)) => tokio::time::sleep(time).await,
            Some(Fault::FailAfter) | None => {}
        }
        let outcome = self.inner.commit(commit).await;
        if matches!(fault, Some(Fault::FailAfter)) { Err(unavailable()) } else { outcome }
    }

    async fn tail(&self, after: EntryId, limit: usize) -> Result<Vec<Entry>, JournalError> {
        assert!(!self.panics.swap(false, Ordering::SeqCst), "a planned panic");
        let mut failing = self.failing.subscribe();
        tokio::select! {
            biased;
            failing = failing.wait_for(Option::is_some) => Err(failing.unwrap().clone().unwrap()),
            entries = self.inner.tail(after, limit) => entries,
        }
    }

    async fn missed(&self, after: EntryId, bytes_max: usize) -> Result<Vec<Entry>, JournalError> {
        self.check()?;
        self.replays_most.fetch_max(self.replays.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let delay = *self.read_delay.lock().unwrap();
        tokio::time::sleep(delay).await;
        let missed = self.inner.missed(after, bytes_max).await;
        self.replays.fetch_sub(1, Ordering::SeqCst);
        missed
    }

    async fn run(&self) {
        tokio::select! {
            () = self.background_panics.notified() => panic!("a planned panic"),
            () = self.inner.run() => {}
        }
    }

    async fn entry_before(&self, entries: usize) -> Result<EntryId, JournalError> {
        self.check()?;
        self.inner.entry_before(entries).await
    }

    async fn holds(&self, cursor: EntryId) -> Result<bool, JournalError> {
        self.check()?;
        self.inner.holds(cursor).await
    }

    fn is_shared(&self) -> bool {
        self.inner.is_shared()
    }

    fn clock_ahead_ms(&self) -> Option<i64> {
        self.inner.clock_ahead_ms()
    }

    fn condition(&self) -> JournalCondition {
        self.inner.condition()
    }
}

#[async_trait]
impl Leases for FaultyJournal {
    async fn lease(&self, name: &str, holder: &str, duration: Duration) -> Result<bool, JournalError> {
        self.check()?;
        self.leases.lease(name, holder, duration).await
    }
}

#[tokio::test]
async fn each_fault_does_what_it_says() {
    use boardcast::domain::scope::Audience;
    use boardcast::journal::{LogRetention, NewEntry, memory::MemoryJournal};

    let memory = Arc::new(MemoryJournal::new(boardcast::platform::clock::system(), LogRetention::DEFAULT));
    let faulty = FaultyJournal::over(&Store::of(memory.clone()));
    let commit = || Commit {
        entries: vec![NewEntry { audience: Audience::Everyone, event: None, delta: None }],
        ..Commit::default()
    };
    let entries = async || memory.load().await.unwrap().position;
    let begin = entries().await;
    faulty.plan([Fault::FailBefore, Fault::FailAfter, Fault::Delay(Duration::ZERO)]);
    assert!(faulty.commit(commit()).await.is_err());
    assert_eq!(entries().await, begin);
    assert!(faulty.commit(commit()).await.is_err());
    let after = entries().await;
    assert!(after > begin);
    assert!(faulty.commit(commit()).await.is_ok());
    faulty.set_read_delay(Duration::from_hours(1));
    assert!(tokio::time::timeout(Duration::from_millis(1), faulty.read(&[])).await.is_err());
    faulty.set_read_delay(Duration::ZERO);
    assert!(faulty.read(&[]).await.is_ok());
    faulty.set_down(true);
    assert!(faulty.load().await.is_err() && faulty.commit(commit()).await.is_err());
}
