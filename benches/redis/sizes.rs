//! What lies in Redis and in the tables for an organisation of 10,000 items, how large it is, and what an idle instance
//! asks of Redis.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use boardcast::archive::{ArchivedValue, Deposit, FinishedSprint};
use boardcast::board::projection::Projection;
use boardcast::domain::amount::Hundredths;
use boardcast::domain::record::archived_board::About;
use boardcast::domain::record::last_announced::Announced;
use boardcast::domain::scope::Scope;
use boardcast::domain::time::Timestamp;
use boardcast::domain::wire::event::Cause;
use boardcast::journal::{Journal as _, LogRetention, Store};
use serde::Serialize;

use super::figures::{DURABLE, field, table, thousands};
use super::organisation::{self, REVISIONS};
use super::support::hooks::provenance;
use super::support::process::Process;
use super::support::redis::RedisServer;
use super::support::team::TestInstance;

const ITEMS: u32 = 10_000;
const WRITERS: u32 = 16;
const ORGANISATION: &str = "default";

/// How long an instance gets to record the first values of its boards, and how long it is watched in idleness then.
const QUIET: Duration = Duration::from_secs(25);
const WATCHED: Duration = Duration::from_secs(60);

pub async fn run() {
    let server = RedisServer::start(DURABLE);
    let journal = organisation::journal(&server, ORGANISATION).await;
    let instance =
        TestInstance::over(&Store::of(journal.clone()), boardcast::platform::clock::system()).await;
    for catalogue in organisation::catalogues() {
        instance.learn(catalogue).await;
    }
    live(&instance).await;
    let url = server.url();
    let process = Process::start(&[("BOARDCAST_REDIS_URL", &url)]).await;
    tokio::time::sleep(QUIET).await;
    instance.settled().await;
    rows_of_tables(&instance);
    drop(instance);
    drop(journal);
    keys(&server).await;
    idle(&server, "one instance, no reader").await;
    let more = Process::start(&[("BOARDCAST_REDIS_URL", &url)]).await;
    tokio::time::sleep(QUIET).await;
    idle(&server, "two instances, no reader").await;
    drop((process, more));
}

/// Lets each item have its life, one hook after the other.
async fn live(instance: &TestInstance) {
    let writers = (0..WRITERS).map(|writer| {
        let ingest = instance.ingest.clone();
        tokio::spawn(async move {
            for number in (1..=ITEMS).filter(|number| number % WRITERS == writer) {
                for rev in 1..=REVISIONS {
                    let observation = organisation::observation(number, rev);
                    // A busy machine may exceed the budget of a hook.
                    while ingest.observe(&observation, &provenance()).await.is_err() {}
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

async fn keys(server: &RedisServer) {
    let names: Vec<String> = server.command(&["KEYS", "*"]).await;
    let mut rows = Vec::new();
    let mut total = 0;
    for name in BTreeMap::from_iter(names.into_iter().map(|name| (name, ()))).into_keys() {
        let kind: String = server.command(&["TYPE", &name]).await;
        let bytes: Option<u64> = server.command(&["MEMORY", "USAGE", &name, "SAMPLES", "0"]).await;
        // It may have ended since it was listed.
        let Some(bytes) = bytes else { continue };
        let length = match kind.as_str() {
            "hash" => Some("HLEN"),
            "stream" => Some("XLEN"),
            _ => None,
        };
        let count: u64 = match length {
            Some(command) => server.command(&[command, &name]).await,
            None => 1,
        };
        let expires: i64 = server.command(&["PTTL", &name]).await;
        total += bytes;
        rows.push(vec![
            format!("`{name}`"),
            kind,
            thousands(count),
            thousands(bytes),
            thousands(bytes / count.max(1)),
            if expires < 0 { "never".into() } else { format!("within {} s", expires / 1000 + 1) },
        ]);
    }
    let info: String = server.command(&["INFO", "memory"]).await;
    let persistence: String = server.command(&["INFO", "persistence"]).await;
    let number: u64 = server.command(&["DBSIZE"]).await;
    let title = format!(
        "{} items of {REVISIONS} revisions, {} teams, the log full: DBSIZE {number}, {} bytes in all, used_memory {}, \
         append-only file {} bytes",
        thousands(ITEMS.into()),
        organisation::catalogues().len(),
        thousands(total),
        field(&info, "used_memory_human"),
        thousands(field(&persistence, "aof_current_size").parse().unwrap()),
    );
    table(&title, &["key", "type", "holds", "bytes", "bytes each", "expires"], &rows);
    records(server).await;
}

/// What kinds of records there are beside items.
async fn records(server: &RedisServer) {
    let all: BTreeMap<String, String> =
        server.command(&["HGETALL", &format!("bc:{{{ORGANISATION}}}:1:records")]).await;
    let mut kinds = BTreeMap::<&str, (u64, u64)>::new();
    for (key, value) in &all {
        let (count, bytes) = kinds.entry(key.split('/').next().unwrap()).or_default();
        *count += 1;
        *bytes += (key.len() + value.len()) as u64;
    }
    let row = |(kind, (count, bytes)): (&&str, &(u64, u64))| {
        vec![format!("`{kind}`"), thousands(*count), thousands(*bytes), thousands(bytes / count)]
    };
    let rows: Vec<_> = kinds.iter().map(row).collect();
    table("Records beside items: key and value", &["kind", "records", "bytes", "bytes each"], &rows);
}

/// Counts what Redis is asked for while nothing happens.
async fn idle(server: &RedisServer, what: &str) {
    let calls = async || {
        let info: String = server.command(&["INFO", "commandstats"]).await;
        let of = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name.to_owned(), rest.split(',').next()?.parse::<u64>().ok()?))
        };
        info.lines().filter_map(of).collect::<BTreeMap<String, u64>>()
    };
    let before = calls().await;
    tokio::time::sleep(WATCHED).await;
    let after = calls().await;
    let per_second =
        |count: u64| format!("{:.2}", u32::try_from(count).map(f64::from).unwrap() / WATCHED.as_secs_f64());
    let more = |name: &str| after[name] - before.get(name).copied().unwrap_or(0);
    let mut rows: Vec<_> = after
        .keys()
        .filter(|name| more(name) > 0 && name.as_str() != "info")
        .map(|name| vec![format!("`{name}`"), per_second(more(name))])
        .collect();
    // The others are run by scripts, within one command of an instance.
    let from_instances = ["evalsha", "xread", "xrevrange", "hscan"];
    let sum: u64 =
        after.keys().filter(|name| from_instances.contains(&name.as_str())).map(|name| more(name)).sum();
    rows.push(vec!["sent by instances, in all".into(), per_second(sum)]);
    table(&format!("Commands a second in idleness: {what}"), &["command", "a second"], &rows);
}

/// A row as Table storage counts it: four bytes, two for each character of the keys, and of each property eight, its
/// name and its text with two bytes a character, and four.
fn entity_bytes(partition: usize, key: usize, text: usize) -> usize {
    4 + 2 * (partition + key) + 8 + 2 * "Json0".len() + 2 * text + 4
}

fn length(value: &impl Serialize) -> usize {
    serde_json::to_string(value).unwrap().chars().count()
}

fn about(state: &Projection, scope: Scope) -> About {
    let team = state.teams().catalogue_of(scope).map(|team| &**team);
    About::of(scope, state.project_name(scope.project), team)
}

fn rows_of_tables(instance: &TestInstance) {
    let state = instance.instance.fold.read();
    let ids = |scope: &Scope| scope.to_string().chars().filter(|c| *c != '/').count();
    let values: Vec<ArchivedValue> = state
        .all_announced()
        .filter_map(|(scope, _, said)| match &said.statement {
            Announced::Metric { metric, value, unit, .. } => Some(ArchivedValue {
                scope,
                metric: metric.clone(),
                value: *value,
                unit: *unit,
                position: said.version,
                epoch: state.epoch().unwrap_or_default().into(),
                as_of: said.version.appended_at(),
                about: Some(about(&state, scope)),
            }),
            _ => None,
        })
        .collect();
    let bytes: usize = values
        .iter()
        .map(|value| entity_bytes(ids(&value.scope), value.metric.len() + 2, length(value)))
        .sum();
    let boards = values.iter().map(|value| value.scope).collect::<std::collections::BTreeSet<_>>();
    let board = *boards.first().unwrap();
    let sprint = FinishedSprint {
        scope: board,
        frozen_at: Timestamp::from_epoch_ms(1_795_608_000_000),
        definition: 1,
        board: serde_json::json!({ "metrics": {}, "scopeChanges": [] }),
    };
    let deposit = Deposit {
        observation: organisation::observation(7, 2),
        received_at: Timestamp::from_epoch_ms(1_795_608_000_000),
        collection: None,
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
        epoch: Some("4bf92f35-77b3-4da6-a3ce-929d0e0e4736".into()),
    };
    let rows = [
        ("`boardcastvalues`", values.len(), bytes / values.len()),
        ("`boardcastsprints`", 0, entity_bytes(73, 36, length(&sprint))),
        ("`boardcastinbox`", 0, entity_bytes("contoso-0123456789|waiting".len(), 48, length(&deposit))),
    ];
    let rows: Vec<_> = rows
        .iter()
        .map(|(table, count, each)| {
            vec![(*table).to_owned(), thousands(*count as u64), thousands(*each as u64)]
        })
        .collect();
    let title =
        format!("Rows of tables, {} boards with {} metrics each", boards.len(), values.len() / boards.len());
    table(&title, &["table", "rows", "bytes each"], &rows);
}
