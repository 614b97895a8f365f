//! What trouble is made for: two processes with lines to one Redis, one Azurite and one organisation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use boardcast::archive::table::{PREFIX_DEFAULT, TableArchive};
use boardcast::domain::owner::Owner;

use super::tables::RefusingProxy;
use super::truth::Truth;
use crate::support::azurite::{Azurite, KEY, archive_at, connection_string_at};
use crate::support::flow::Places;
use crate::support::organisation::Server;
use crate::support::process::Process;
use crate::support::proxy::Proxy;

/// How many instances there are.
pub const INSTANCES: usize = 2;

/// The one of them whose clock is set.
pub const MISTIMED: usize = 1;

/// What was found to be wrong.
#[derive(Default)]
pub struct Findings(Mutex<Vec<String>>);

impl Findings {
    pub fn report(&self, finding: impl Into<String>) {
        self.0.lock().unwrap().push(finding.into());
    }

    pub fn note(&self, judged: Result<(), String>) {
        if let Err(finding) = judged {
            self.report(finding);
        }
    }

    pub fn any(&self) -> bool {
        !self.0.lock().unwrap().is_empty()
    }

    /// All that were reported; the first ones say what happened.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Something that is away now and then.
#[derive(Default)]
pub struct Away(Mutex<Absence>);

#[derive(Default)]
struct Absence {
    since: Option<Instant>,
    /// From when till when it was away before.
    past: Vec<(Instant, Instant)>,
}

impl Away {
    pub fn begin(&self) {
        self.0.lock().unwrap().since.get_or_insert_with(Instant::now);
    }

    pub fn end(&self) {
        let mut absence = self.0.lock().unwrap();
        if let Some(since) = absence.since.take() {
            absence.past.push((since, Instant::now()));
        }
    }

    /// Whoever is to notice begins only now.
    pub fn begin_anew(&self) {
        if self.is_away() {
            self.end();
            self.begin();
        }
    }

    fn is_away(&self) -> bool {
        self.0.lock().unwrap().since.is_some()
    }

    /// Whether it was away all the time up to `at`, for that long.
    pub fn lasted(&self, time: Duration, at: Instant) -> bool {
        let absence = self.0.lock().unwrap();
        let lasted = |since: Instant| since + time <= at;
        absence.since.is_some_and(lasted)
            || absence.past.iter().any(|(since, back)| lasted(*since) && at <= *back)
    }

    /// Whether it was there all the time up to `at`, for that long.
    pub fn was_there(&self, time: Duration, at: Instant) -> bool {
        let absence = self.0.lock().unwrap();
        absence.since.is_none_or(|since| at <= since)
            && absence.past.iter().all(|(since, back)| at <= *since || *back + time <= at)
    }
}

/// An instance, as it is and as it was told to be.
pub struct Instance {
    process: tokio::sync::Mutex<Option<Process>>,
    /// How many processes it has been.
    pub lives: AtomicUsize,
    /// Its line to Redis.
    pub line: Proxy,
    /// How long it has had no Redis to read and write.
    pub without_redis: Away,
    /// The revisions that this process has answered for, and when: they are on its boards.
    pub answered: Mutex<BTreeMap<u32, (u32, Instant)>>,
    settings: Vec<(&'static str, String)>,
    log: Mutex<Vec<String>>,
}

/// How long after an instance lost its Redis, or everybody the organisation, no board of it may say that it is full:
/// far more than it takes to notice, because the machine may be busy.
const REDIS_NOTICED_AFTER: Duration = Duration::from_secs(15);
const ORGANISATION_NOTICED_AFTER: Duration = Duration::from_secs(40);

/// How long everybody must have had Redis by then, in which alone can be said that the organisation is away.
const SAID_WITHIN: Duration = Duration::from_secs(20);

/// Everything together.
pub struct Stage {
    pub truth: Truth,
    pub findings: Findings,
    pub instances: Vec<Instance>,
    pub places: Places,
    pub azurite_line: Proxy,
    pub tables: RefusingProxy,
    pub organisation: tokio::sync::Mutex<Server>,
    pub organisation_away: Away,
    /// Whether Redis is left in peace, so that nothing else than the organisation is away.
    pub redis_rests: AtomicBool,
    pub owner: Owner,
    clock: PathBuf,
    /// How often what was done.
    counts: Mutex<BTreeMap<String, usize>>,
    pub azurite: tokio::sync::Mutex<Azurite>,
    /// The tables, past all that is done to the line to them.
    pub archive: Arc<TableArchive>,
}

/// The library that sets the clock of a process, where the machine has it or where `scripts/test` unpacks it.
fn faketime() -> PathBuf {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/faketime/usr/lib");
    let folders = [PathBuf::from("/usr/lib"), unpacked];
    let places = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
    let mut libraries = places.map(|place| place.unwrap().path().join("faketime/libfaketimeMT.so.1"));
    libraries.find(|library| library.is_file()).expect(
        "this test needs libfaketime: run scripts/test, which brings it, or install the package libfaketime",
    )
}

/// The zone that is so many hours ahead of UTC.
fn zone(hours: i64) -> String {
    // In these names the sign says how far Greenwich is ahead.
    format!("Etc/GMT{:+}", -hours)
}

impl Stage {
    pub async fn begin(seed: u64, behind_ms: i64, is_compared: bool, redis_port: u16) -> Self {
        let truth = Truth::new(seed, behind_ms, is_compared);
        let organisation = Server::start(truth.model.clone()).await.unwrap();
        let azurite = Azurite::start_on_disk().await;
        let tables = RefusingProxy::to(azurite.port()).await;
        let azurite_line = Proxy::to(tables.port).await;
        let clock = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
            "clock-{}-{}",
            std::process::id(),
            azurite.port()
        ));
        std::fs::write(&clock, "+0").unwrap();
        let mut common = vec![
            ("BOARDCAST_TABLES", connection_string_at(azurite_line.address.port())),
            ("BOARDCAST_SYNC_ZONE", zone(truth.zone_hours)),
            ("BOARDCAST_SYNC_CRON", "* * * * *".into()),
            ("BOARDCAST_CHECK_MS", "2000".into()),
            ("BOARDCAST_SETTLE_MS", "300".into()),
            ("BOARDCAST_HEARTBEAT_MS", "1000".into()),
            // In the end the whole log is compared with what readers were sent.
            ("BOARDCAST_LOG_ENTRIES_MAX", "1000000".into()),
        ];
        let mut owner = Owner::hooks_alone(None);
        if is_compared {
            owner = Owner::organization(&organisation.base_url(), None);
            common.push(("BOARDCAST_ORGANIZATION_URL", organisation.base_url()));
        }
        let (mut instances, mut addresses) = (Vec::new(), Vec::new());
        for number in 0..INSTANCES {
            let line = Proxy::to(redis_port).await;
            let mut settings = common.clone();
            settings.push(("BOARDCAST_REDIS_URL", format!("redis://{}", line.address)));
            if number == MISTIMED {
                settings.push(("LD_PRELOAD", faketime().to_str().unwrap().to_owned()));
                settings.push(("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap().to_owned()));
                settings.push(("FAKETIME_CACHE_DURATION", "1".into()));
                settings.push(("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()));
            }
            let instance = Instance {
                process: tokio::sync::Mutex::default(),
                lives: AtomicUsize::default(),
                line,
                without_redis: Away::default(),
                answered: Mutex::default(),
                settings,
                log: Mutex::default(),
            };
            addresses.push(instance.start().await);
            instances.push(instance);
        }
        Self {
            truth,
            findings: Findings::default(),
            instances,
            places: Places::of(addresses),
            azurite_line,
            tables,
            organisation: tokio::sync::Mutex::new(organisation),
            organisation_away: Away::default(),
            redis_rests: AtomicBool::default(),
            owner: owner.clone(),
            clock,
            counts: Mutex::default(),
            archive: archive_at(azurite.port(), PREFIX_DEFAULT, KEY, owner.clone()),
            azurite: tokio::sync::Mutex::new(azurite),
        }
    }

    pub fn count(&self, what: impl Into<String>) {
        *self.counts.lock().unwrap().entry(what.into()).or_default() += 1;
    }

    pub fn counted(&self) -> BTreeMap<String, usize> {
        self.counts.lock().unwrap().clone()
    }

    /// Judges whether an instance might say at that moment that a board is full.
    pub fn check_full(&self, number: usize, at: Instant) -> Result<(), String> {
        let instance = &self.instances[number % INSTANCES];
        if instance.without_redis.lasted(REDIS_NOTICED_AFTER, at) {
            return Err(format!("instance {number} says full, {REDIS_NOTICED_AFTER:?} after it lost Redis"));
        }
        let all = || self.instances.iter().all(|one| one.without_redis.was_there(SAID_WITHIN, at));
        if self.organisation_away.lasted(ORGANISATION_NOTICED_AFTER, at) && all() {
            return Err(format!(
                "instance {number} says full, {ORGANISATION_NOTICED_AFTER:?} after it lost the organisation"
            ));
        }
        Ok(())
    }

    /// Kills a process, and starts another in its place a while later.
    pub async fn kill_and_start(&self, number: usize, pause: Duration) {
        let instance = &self.instances[number];
        instance.kill().await;
        tokio::time::sleep(pause).await;
        self.places.set(number, instance.start().await);
    }

    /// Sets the clock of one instance so much ahead, or back.
    pub fn set_clock(&self, offset_s: i64) {
        self.truth.note_clock(offset_s * 1_000);
        // It is read in one piece.
        let next = self.clock.with_extension("next");
        std::fs::write(&next, format!("{offset_s:+}")).unwrap();
        std::fs::rename(&next, &self.clock).unwrap();
    }

    /// What each process has logged, to a file for each life, in the folder of the build.
    pub async fn keep_logs(&self) -> PathBuf {
        let folder = self.clock.with_extension("logs");
        std::fs::create_dir_all(&folder).unwrap();
        for (number, instance) in self.instances.iter().enumerate() {
            instance.note_log().await;
            for (life, log) in instance.log.lock().unwrap().iter().enumerate() {
                std::fs::write(folder.join(format!("instance-{number}-life-{life}.log")), log).unwrap();
            }
        }
        folder
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.clock);
    }
}

impl Instance {
    async fn start(&self) -> std::net::SocketAddr {
        let settings: Vec<_> = self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let process = Process::start(&settings).await;
        let address = process.address;
        *self.process.lock().await = Some(process);
        self.without_redis.begin_anew();
        self.lives.fetch_add(1, Ordering::SeqCst);
        address
    }

    async fn note_log(&self) {
        if let Some(process) = &*self.process.lock().await {
            self.log.lock().unwrap().push(process.log());
        }
    }

    async fn kill(&self) {
        self.note_log().await;
        // Whoever asks meanwhile asks nobody, or somebody else.
        self.lives.fetch_add(1, Ordering::SeqCst);
        if let Some(mut process) = self.process.lock().await.take() {
            process.kill().await;
        }
        self.answered.lock().unwrap().clear();
    }
}
