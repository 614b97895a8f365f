//! The journal on a Redis that is logged in to with tokens of a managed identity: each user's password is a token.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use boardcast::domain::scope::Audience;
use boardcast::journal::address::Address;
use boardcast::journal::redis::{RedisJournal, RedisSettings};
use boardcast::journal::{Commit, CommitOutcome, EntryId, Journal, JournalError, NewEntry, RecordKey};

use crate::support::app::DEADLINE;
use crate::support::eventually;
use crate::support::platform::{Platform, token};
use crate::support::process::Process;
use crate::support::redis::{self, RedisCluster, RedisServer, TlsServer, fresh_organisation, settings};

/// The life of a token that no test sees the end of.
const LONG: Duration = Duration::from_hours(1);

/// An object id that no other test has, by which tests share a server.
fn fresh_object_id() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("3f2c-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// One of the kinds of server, and a user of it whose passwords are tokens.
struct Guarded {
    nodes: Vec<&'static RedisServer>,
    settings: RedisSettings,
    user: String,
}

impl Guarded {
    async fn new(nodes: Vec<&'static RedisServer>, settings: RedisSettings) -> Self {
        let guarded = Self { nodes, settings, user: fresh_object_id() };
        guarded.set(&["on", "~*", "&*", "+@all"]).await;
        guarded
    }

    async fn alone() -> Self {
        let server = RedisServer::shared();
        Self::new(vec![server], settings(&server.url(), &fresh_organisation())).await
    }

    async fn cluster() -> Self {
        let cluster = RedisCluster::shared();
        let settings = settings(&cluster.url(), &fresh_organisation());
        Self::new(cluster.nodes.iter().collect(), settings).await
    }

    async fn tls() -> Self {
        let tls = TlsServer::shared();
        let settings = settings(&tls.url(""), &fresh_organisation());
        let settings = RedisSettings { root_certificate: Some(tls.root.clone()), ..settings };
        Self::new(vec![&tls.server], settings).await
    }

    /// Changes the user on every node.
    async fn set(&self, rules: &[&str]) {
        for node in &self.nodes {
            let () = node.command(&[&["ACL", "SETUSER", &self.user], rules].concat()).await;
        }
    }

    async fn take(&self, token: &str) {
        self.set(&[&format!(">{token}")]).await;
    }

    async fn take_no_more(&self, token: &str) {
        self.set(&[&format!("<{token}")]).await;
    }

    fn journal(&self, platform: &Platform) -> Arc<RedisJournal> {
        redis::journal(RedisSettings { tokens: Some(Arc::new(platform.identity())), ..self.settings.clone() })
    }

    /// The user's connections to all nodes.
    async fn connections(&self) -> BTreeSet<(u16, u64)> {
        let mut connections = BTreeSet::new();
        for node in &self.nodes {
            let list: String = node.command(&["CLIENT", "LIST"]).await;
            let user = format!(" user={} ", self.user);
            for line in list.lines().filter(|line| line.contains(&user)) {
                let id = line.strip_prefix("id=").and_then(|rest| rest.split(' ').next());
                connections.insert((node.port, id.unwrap().parse().unwrap()));
            }
        }
        connections
    }
}

fn write(key: &str) -> Commit {
    let entry = NewEntry { audience: Audience::Everyone, event: None, delta: None };
    Commit { checks: vec![], writes: vec![(RecordKey::from(key), Some("1".into()))], entries: vec![entry] }
}

async fn committed(journal: &dyn Journal, key: &str) -> Result<EntryId, JournalError> {
    match journal.commit(write(key)).await? {
        CommitOutcome::Committed(ids) => Ok(*ids.last().unwrap()),
        CommitOutcome::Conflict(conflicts) => panic!("a conflict: {conflicts:?}"),
    }
}

/// The text of the error that a journal is left with, once it has tried.
async fn refusal(journal: &RedisJournal) -> String {
    match tokio::time::timeout(DEADLINE, journal.load()).await.unwrap() {
        Err(JournalError::Unavailable(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// Tokens follow each other under a steady flow of commits, and each is taken no more as soon as its successor serves.
async fn no_commit_fails_while_tokens_follow_each_other(guarded: Guarded) {
    let tokens: Vec<_> = (1..=4).map(|n| token(&guarded.user, &format!("token {n}"))).collect();
    let (life, renew_before) = (Duration::from_secs(4), Duration::from_millis(3_500));
    let platform = Platform::start().await;
    guarded.take(&tokens[0]).await;
    platform.give(&tokens[0], life);
    let settings = RedisSettings { renew_before, ..guarded.settings.clone() };
    let guarded = Guarded { settings, ..guarded };
    let journal = guarded.journal(&platform);
    let begin = committed(&*journal, "begin").await.unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let (journal, is_over) = (journal.clone(), is_over.clone());
            tokio::spawn(async move {
                let mut ids = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    ids.push(committed(&*journal, &format!("item/{writer}")).await?);
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                Ok::<_, JournalError>(ids)
            })
        })
        .collect();
    for pair in tokens.windows(2) {
        let before = guarded.connections().await;
        guarded.take(&pair[1]).await;
        platform.give(&pair[1], life);
        eventually("the connections with the old token are closed, and there are new ones", async || {
            let now = guarded.connections().await;
            !now.is_empty() && now.is_disjoint(&before)
        })
        .await;
        guarded.take_no_more(&pair[0]).await;
    }
    is_over.store(true, Ordering::Relaxed);
    let mut expected = Vec::new();
    for writer in writers {
        expected.extend(writer.await.unwrap().expect("a commit failed"));
    }
    expected.sort();
    println!("{} commits, {} tokens given", expected.len(), platform.given());
    let (mut position, mut found) = (begin, Vec::new());
    while found.len() < expected.len() {
        let entries = tokio::time::timeout(DEADLINE, journal.tail(position, 500)).await.unwrap().unwrap();
        position = entries.last().unwrap().id;
        found.extend(entries.into_iter().map(|entry| entry.id));
    }
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c15_no_commit_fails_while_tokens_follow_each_other_on_one_server() {
    no_commit_fails_while_tokens_follow_each_other(Guarded::alone().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c15_no_commit_fails_while_tokens_follow_each_other_in_a_cluster() {
    no_commit_fails_while_tokens_follow_each_other(Guarded::cluster().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c15_no_commit_fails_while_tokens_follow_each_other_over_tls() {
    no_commit_fails_while_tokens_follow_each_other(Guarded::tls().await).await;
}

#[tokio::test]
async fn c15_the_user_is_the_tokens_object_or_the_one_that_the_url_names() {
    let guarded = Guarded::alone().await;
    let platform = Platform::start().await;
    guarded.take("opaque").await;
    platform.give("opaque", LONG);
    let why = refusal(&guarded.journal(&platform)).await;
    assert!(why.contains("the user in BOARDCAST_REDIS_URL") && !why.contains("opaque"), "{why}");
    let url = guarded.nodes[0].url().replace("://", &format!("://{}@", guarded.user));
    let address = Address::parse(&url).unwrap();
    let named = Guarded { settings: RedisSettings { address, ..guarded.settings.clone() }, ..guarded };
    let settings = RedisSettings { tokens: Some(Arc::new(platform.identity())), ..named.settings.clone() };
    let journal = Arc::new(RedisJournal::new(settings, boardcast::platform::clock::system()).unwrap());
    let kept = journal.clone();
    let running = tokio::spawn(async move { kept.run().await });
    committed(&*journal, "a").await.unwrap();
    running.abort();
    drop(journal);
    eventually("its connections are closed when it is dropped", async || {
        named.connections().await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn c15_a_process_whose_redis_has_tls_and_no_password_uses_its_managed_identity() {
    let guarded = Guarded::tls().await;
    let platform = Platform::start().await;
    let token = token(&guarded.user, "of the process");
    guarded.take(&token).await;
    platform.give(&token, LONG);
    let (url, endpoint) = (TlsServer::shared().url(""), platform.endpoint());
    // The process trusts the machine's certificates, and this variable says where they are.
    let root = format!("{}/root-of-{}.pem", env!("CARGO_TARGET_TMPDIR"), std::process::id());
    std::fs::write(&root, &TlsServer::shared().root).unwrap();
    let process = Process::start(&[
        ("BOARDCAST_REDIS_URL", &url),
        ("IDENTITY_ENDPOINT", &endpoint),
        ("SSL_CERT_FILE", &root),
    ])
    .await;
    eventually("it is ready", async || process.get("/api/health/ready").await.status == 200).await;
    assert!(!guarded.connections().await.is_empty());
    assert_eq!(process.get("/api/health").await.json()["journal"]["kind"], "redis");
}

#[tokio::test]
async fn a_platform_that_is_away_at_the_start_is_told_and_asked_again() {
    let guarded = Guarded::alone().await;
    let platform = Platform::away();
    let journal = guarded.journal(&platform);
    let why = refusal(&journal).await;
    assert!(why.starts_with("the managed identity got no token: no response"), "{why}");
    let token = token(&guarded.user, "late");
    guarded.take(&token).await;
    platform.give(&token, LONG);
    platform.come().await;
    eventually("a commit is taken", async || committed(&*journal, "a").await.is_ok()).await;
}

#[tokio::test]
async fn a_platform_that_has_no_later_token_is_asked_again_while_the_old_one_serves() {
    let guarded = Guarded::alone().await;
    let platform = Platform::start().await;
    let tokens = [token(&guarded.user, "first"), token(&guarded.user, "second")];
    guarded.take(&tokens[0]).await;
    guarded.take(&tokens[1]).await;
    platform.give(&tokens[0], Duration::from_secs(8));
    // It is time for the next token at once.
    let settings = RedisSettings { renew_before: Duration::from_secs(20), ..guarded.settings.clone() };
    let guarded = Guarded { settings, ..guarded };
    let journal = guarded.journal(&platform);
    committed(&*journal, "a").await.unwrap();
    let before = guarded.connections().await;
    let given = platform.given();
    eventually("it is asked again", async || platform.given() > given + 2).await;
    assert_eq!(guarded.connections().await, before, "the same token opens no other connection");
    platform.give(&tokens[1], LONG);
    eventually("the next token is used", async || guarded.connections().await.is_disjoint(&before)).await;
    committed(&*journal, "a").await.unwrap();
}

#[tokio::test]
async fn c14_a_token_that_is_not_taken_is_told_with_its_remedy_and_never_shown() {
    for guarded in [Guarded::alone().await, Guarded::cluster().await, Guarded::tls().await] {
        let platform = Platform::start().await;
        let token = token(&guarded.user, "hunter2");
        guarded.take("another").await;
        platform.give(&token, LONG);
        let journal = guarded.journal(&platform);
        let why = refusal(&journal).await;
        assert!(why.contains("give the managed identity an access policy of this Redis"), "{why}");
        assert!(!token.split('.').any(|part| why.contains(part)), "{why}");
        guarded.take(&token).await;
        eventually("a commit is taken", async || committed(&*journal, "a").await.is_ok()).await;
    }
}
