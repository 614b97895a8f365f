//! Real Redis servers: alone, as a cluster, and behind TLS.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use boardcast::domain::entry_id::EntryId;
use boardcast::domain::metrics::threshold::AnnouncedValue;
use boardcast::domain::owner::Owner;
use boardcast::domain::record::delta::Delta;
use boardcast::domain::record::last_announced::Announced;
use boardcast::domain::stored::Stored;
use boardcast::journal::Journal as _;
use boardcast::journal::address::Address;
use boardcast::journal::redis::{RedisJournal, RedisSettings};
use redis::{AsyncConnectionConfig, FromRedisValue, Value};
use serde_json::json;

use super::app::DEADLINE;
use super::certificates::{Certified, certified};
use super::free_port;

/// Counts the organisations, so that no two tests have the same.
static ORGANISATIONS: AtomicU32 = AtomicU32::new(0);

/// An organisation key of its own, by which tests share a server.
pub fn fresh_organisation() -> String {
    format!("test-{}-{}", std::process::id(), ORGANISATIONS.fetch_add(1, Ordering::Relaxed))
}

/// Whose data that organisation key stands for in tests; `default` is who a process is that has no settings.
pub fn owner(organisation: &str) -> Owner {
    Owner::hooks_alone((organisation != "default").then_some(organisation))
}

/// The name of a key of that organisation.
pub fn key(organisation: &str, name: &str) -> String {
    format!("bc:{{{}}}:2:{name}", owner(organisation).key())
}

/// The key that says in which form an organisation's are written.
pub fn schema_key(organisation: &str) -> String {
    format!("bc:{{{}}}:schema", owner(organisation).key())
}

/// Where the server is, and where the libraries are that it may need: on the machine, or where `scripts/test` unpacks
/// it.
fn program() -> (PathBuf, Option<PathBuf>) {
    let named = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&named).map(|folder| folder.join("redis-server"));
    if let Some(program) = on_path.into_iter().find(|program| program.is_file()) {
        return (program, None);
    }
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/redis/usr");
    let program = unpacked.join("bin/redis-server");
    assert!(
        program.is_file(),
        "these tests need redis-server: run scripts/test, which brings it, or install the package redis-server"
    );
    let libraries = std::fs::read_dir(unpacked.join("lib")).ok().and_then(|folders| {
        folders.filter_map(Result::ok).map(|folder| folder.path()).find(|folder| {
            std::fs::read_dir(folder).is_ok_and(|files| {
                files.filter_map(Result::ok).any(|file| file.file_name().to_string_lossy().contains(".so"))
            })
        })
    });
    (program, libraries)
}

/// The text of an entry that has that name.
fn text<'a>(texts: &'a [String], name: &str) -> Option<&'a str> {
    texts.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| &*pair[1])
}

/// A server, which ends with the test process whatever becomes of that.
pub struct RedisServer {
    /// A shell that waits for its input to end and then kills the server: a process that is killed itself cannot.
    keeper: Child,
    pid: u32,
    pub port: u16,
    folder: PathBuf,
    options: Vec<(String, String)>,
    /// By which address the tests ask it past the journal: for a server that speaks TLS, a socket of the machine.
    way_in: String,
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl RedisServer {
    /// A server that writes what it is told to disk each second, with those further options.
    pub fn start(options: &[(&str, &str)]) -> Self {
        let port = free_port();
        let mut all = vec![("port", port.to_string()), ("appendonly", "yes".into())];
        all.extend(options.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Self::start_on(port, all, format!("redis://127.0.0.1:{port}"))
    }

    fn start_on(port: u16, options: Vec<(&str, String)>, way_in: String) -> Self {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("redis-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let options: Vec<_> = options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let (keeper, pid) = run(&folder, &options);
        let server = Self { keeper, pid, port, folder, options, way_in };
        server.wait_until_it_listens();
        server
    }

    /// One server for all tests that keep to an organisation of their own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<RedisServer> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]))
    }

    fn wait_until_it_listens(&self) {
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(begin.elapsed() < DEADLINE, "redis-server does not listen: {}", log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it as a lost machine does, but for what the kernel still writes.
    pub fn kill(&mut self) {
        let _ = Command::new("kill").args(["-9", &self.pid.to_string()]).stderr(Stdio::null()).status();
        if let Some(mut input) = self.keeper.stdin.take() {
            let _ = input.write_all(b"keep\n");
        }
        let _ = self.keeper.wait();
    }

    /// Starts it again, on the same port and with what it has on disk.
    pub fn restart(&mut self) {
        (self.keeper, self.pid) = run(&self.folder, &self.options);
        self.wait_until_it_listens();
    }

    /// A copy of what it has on disk, taken while it is dead. It is gone with the folder.
    pub fn copy_of_data(&self) -> PathBuf {
        let copy = self.folder.join("copy");
        copy_files(&self.folder.join(AOF_FOLDER), &copy);
        copy
    }

    /// Puts such a copy back, while it is dead.
    pub fn put_back(&self, copy: &Path) {
        let _ = std::fs::remove_dir_all(self.folder.join(AOF_FOLDER));
        copy_files(copy, &self.folder.join(AOF_FOLDER));
    }

    /// The log of an organisation: each entry with its event, if it has one.
    pub async fn log(&self, organisation: &str) -> Vec<(EntryId, Option<String>)> {
        self.log_at(&key(organisation, "log")).await
    }

    /// The log under that key.
    pub async fn log_at(&self, key: &str) -> Vec<(EntryId, Option<String>)> {
        let event = |texts: &[String]| text(texts, "event").map(str::to_owned);
        self.entries(key).await.iter().map(|(id, texts)| (*id, event(texts))).collect()
    }

    /// What entries without an event say of metrics, as texts of a type of their own: what was put back into a log.
    pub async fn restated(&self, organisation: &str) -> BTreeMap<EntryId, Vec<String>> {
        let mut restated = BTreeMap::<_, Vec<_>>::new();
        for (id, texts) in self.entries(&key(organisation, "log")).await {
            let delta = text(&texts, "delta").filter(|_| text(&texts, "event").is_none());
            let Some(delta) = delta.map(|delta| Delta::decode(delta.as_bytes()).unwrap()) else { continue };
            for record in delta.announced {
                let Announced::Metric { metric, value: said, .. } = record.statement else { continue };
                let value = match said {
                    AnnouncedValue::Number(value) => Some(value),
                    AnnouncedValue::NoNumberYet | AnnouncedValue::NumberGone => None,
                };
                let text = json!({ "type": "restated", "metric": metric, "value": value });
                restated.entry(id).or_default().push(text.to_string());
            }
        }
        restated
    }

    async fn entries(&self, key: &str) -> Vec<(EntryId, Vec<String>)> {
        let entries: Vec<(String, Vec<String>)> = self.command(&["XRANGE", key, "-", "+"]).await;
        entries.into_iter().map(|(id, texts)| (EntryId::parse(&id).unwrap(), texts)).collect()
    }

    /// Sends a command past the journal.
    pub async fn command<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let client = redis::Client::open(self.way_in.as_str()).unwrap();
        // A whole log is a long answer, and the machine may be busy.
        let config = AsyncConnectionConfig::new()
            .set_response_timeout(Some(DEADLINE))
            .set_connection_timeout(Some(DEADLINE));
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await.unwrap();
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(*word);
        }
        loop {
            match command.query_async(&mut connection).await {
                // It listens before it has read what it has on disk.
                Err(error) if error.code() == Some("LOADING") => {
                    tokio::time::sleep(Duration::from_millis(5)).await
                }
                answer => return answer.unwrap(),
            }
        }
    }
}

/// Where a server keeps its append-only files, in its folder.
const AOF_FOLDER: &str = "appendonlydir";

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// What the keeper does. It is told to keep the folder, or its input ends because the tests did.
const KEEPER: &str = r#""$@" >log 2>&1 & pid=$!; echo $pid
read word; kill -9 $pid 2>/dev/null; wait $pid 2>/dev/null; [ "$word" = keep ] || rm -rf "$PWD" "$SOCKET""#;

/// Starts a server in that folder. Returns its keeper and its process id.
fn run(folder: &Path, options: &[(String, String)]) -> (Child, u32) {
    let (program, libraries) = program();
    let socket = options.iter().find(|(name, _)| name == "unixsocket").map_or("", |(_, path)| path);
    let mut script = Command::new("sh");
    script
        .env("SOCKET", socket)
        .args(["-c", KEEPER, "sh"])
        .arg(program)
        .args(["--bind", "127.0.0.1", "--dir", ".", "--save", ""])
        .args(options.iter().flat_map(|(name, value)| [format!("--{name}"), value.clone()]))
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    if let Some(libraries) = libraries {
        script.env("LD_LIBRARY_PATH", libraries);
    }
    let mut keeper = script.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (keeper, line.trim().parse().unwrap())
}

/// The settings of a journal that is tended and checked so often that tests need not wait for it.
pub fn settings(url: &str, organisation: &str) -> RedisSettings {
    RedisSettings {
        check_every: Duration::from_millis(100),
        tend_every: Duration::from_millis(50),
        // Tests share two processors with a compiler; a bound is a bound whichever it is.
        timeout: Duration::from_secs(2),
        ..RedisSettings::new(Address::parse(url).unwrap(), owner(organisation))
    }
}

pub fn journal(settings: RedisSettings) -> Arc<RedisJournal> {
    let journal = Arc::new(RedisJournal::new(settings, boardcast::platform::clock::system()).unwrap());
    let running = journal.clone();
    tokio::spawn(async move { running.run().await });
    journal
}

/// Three masters that share the slots.
pub struct RedisCluster {
    pub nodes: Vec<RedisServer>,
}

impl RedisCluster {
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<RedisCluster> = OnceLock::new();
        SHARED.get_or_init(|| {
            // The first test that comes is inside a runtime of its own, which must not wait for another.
            std::thread::spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(Self::start())
            })
            .join()
            .unwrap()
        })
    }

    async fn start() -> Self {
        let node = |_| {
            let bus = free_port().to_string();
            RedisServer::start(&[("cluster-enabled", "yes"), ("cluster-port", &bus)])
        };
        let nodes: Vec<_> = (0..3).map(node).collect();
        for (index, (node, slots)) in
            nodes.iter().zip([("0", "5460"), ("5461", "10922"), ("10923", "16383")]).enumerate()
        {
            let () = node.command(&["CLUSTER", "ADDSLOTSRANGE", slots.0, slots.1]).await;
            let () = node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]).await;
        }
        for other in &nodes[1..] {
            let bus = other.options.iter().find(|(name, _)| name == "cluster-port").unwrap().1.clone();
            let () = nodes[0].command(&["CLUSTER", "MEET", "127.0.0.1", &other.port.to_string(), &bus]).await;
        }
        let begin = Instant::now();
        for node in &nodes {
            loop {
                let info: String = node.command(&["CLUSTER", "INFO"]).await;
                if info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3") {
                    break;
                }
                assert!(begin.elapsed() < DEADLINE, "the cluster does not come together: {info}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Self { nodes }
    }

    pub fn url(&self) -> String {
        let nodes: Vec<_> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis://{}", nodes.join(","))
    }

    /// The node that has `key`.
    pub async fn holder(&self, key: &str) -> &RedisServer {
        let slot: u16 = self.nodes[0].command(&["CLUSTER", "KEYSLOT", key]).await;
        let node = [5_460, 10_922, 16_383].iter().position(|last| slot <= *last).unwrap();
        &self.nodes[node]
    }
}

/// A server that speaks TLS only, has a certificate of its own root's, and wants a password.
pub struct TlsServer {
    pub server: RedisServer,
    /// The one root that its certificate is from, in PEM.
    pub root: Vec<u8>,
}

pub const TLS_PASSWORD: &str = "p@ss:word/1";

impl TlsServer {
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<TlsServer> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    fn start() -> Self {
        let Certified { root, leaf, key } = certified(&["localhost", "127.0.0.1"]);
        let port = free_port();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("redis-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::File::create(&path).unwrap().write_all(text.as_bytes()).unwrap();
            path.to_str().unwrap().to_owned()
        };
        // A socket's path must be short, shorter than the one of a build's folder may be.
        let socket = std::env::temp_dir().join(format!("redis-{}-{port}.sock", std::process::id()));
        let socket = socket.to_str().unwrap().to_owned();
        let options = vec![
            ("port", "0".to_owned()),
            ("tls-port", port.to_string()),
            ("tls-cert-file", file("leaf.pem", &leaf.pem())),
            ("tls-key-file", file("leaf.key", &key.serialize_pem())),
            ("tls-ca-cert-file", file("root.pem", &root.pem())),
            ("tls-auth-clients", "no".to_owned()),
            ("requirepass", TLS_PASSWORD.to_owned()),
            ("unixsocket", socket.clone()),
        ];
        let way_in = format!("redis+unix://{socket}?pass={}", escaped(TLS_PASSWORD));
        let server = RedisServer::start_on(port, options, way_in);
        let root = root.pem().into_bytes();
        let _ = std::fs::remove_dir_all(folder);
        Self { server, root }
    }

    /// Its address with that password.
    pub fn url(&self, password: &str) -> String {
        format!("rediss://:{}@localhost:{}", escaped(password), self.server.port)
    }
}

fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Forgets the entries after `last` in a log, as a store does that was restored from an older copy. The stream itself
/// is made anew, because a stream remembers the greatest id that it ever had.
pub async fn set_back(server: &RedisServer, log: &str, last: &str) {
    let kept: Vec<(String, Vec<Value>)> = server.command(&["XRANGE", log, "-", last]).await;
    let () = server.command(&["DEL", log]).await;
    for (id, texts) in kept {
        let texts: Vec<String> =
            texts.iter().map(|text| String::from_redis_value_ref(text).unwrap()).collect();
        let mut words = vec!["XADD", log, &id];
        words.extend(texts.iter().map(String::as_str));
        let _: String = server.command(&words).await;
    }
}
