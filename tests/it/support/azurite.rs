//! Azurite, which answers as Table storage does: one for all tests of a run, on a free port of loopback.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use boardcast::archive::table::{Credential, TableArchive, TableSettings};
use boardcast::domain::owner::Owner;
use boardcast::platform::secret::Secret;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use super::app::DEADLINE;
use super::{free_port, http};

/// The account and key that every Azurite has; they stand in its documentation.
pub const ACCOUNT: &str = "devstoreaccount1";
pub const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A running Azurite.
pub struct Azurite {
    port: u16,
    /// Where it keeps what it has; nowhere, where that is to end with it.
    folder: Option<PathBuf>,
    /// It ends with its standard input, which closes when this is dropped or this process dies.
    child: Child,
}

impl Azurite {
    /// Starts one of its own, for a test that ends it.
    pub async fn start() -> Self {
        Self::begin(free_port(), None).await
    }

    /// Starts one of its own that has written what it acknowledged, as the service has, so that it may die.
    #[allow(dead_code, reason = "only in tests/it")]
    pub async fn start_on_disk() -> Self {
        let port = free_port();
        let name = format!("azurite-{}-{port}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        Self::begin(port, Some(folder)).await
    }

    async fn begin(port: u16, folder: Option<PathBuf>) -> Self {
        let child = run(port, folder.as_deref());
        let azurite = Self { port, folder, child };
        azurite.listens().await;
        azurite
    }

    async fn listens(&self) {
        tokio::time::timeout(DEADLINE, async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .expect("Azurite does not listen");
    }

    /// Starts it again after it was killed, on the same port and with what it has on disk.
    #[allow(dead_code, reason = "only in tests/it")]
    pub async fn restart(&mut self) {
        self.child = run(self.port, self.folder.as_deref());
        self.listens().await;
    }

    /// The one that the tests of this run share.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Azurite> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// The port of the Table service.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The connection string of its account.
    pub fn connection_string(&self) -> String {
        connection_string_at(self.port)
    }

    /// The name of tables that nobody else has.
    pub fn fresh_prefix() -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    /// An archive in tables with that prefix.
    pub fn archive(&self, prefix: &str) -> Arc<TableArchive> {
        self.archive_of(prefix, Owner::hooks_alone(None))
    }

    /// The same, signed with that key.
    pub fn archive_with(&self, prefix: &str, key: &str) -> Arc<TableArchive> {
        archive_at(self.port, prefix, key, Owner::hooks_alone(None))
    }

    /// The same of that owner.
    pub fn archive_of(&self, prefix: &str, owner: Owner) -> Arc<TableArchive> {
        archive_at(self.port, prefix, KEY, owner)
    }

    /// Writes a row past the archive.
    pub async fn plant(&self, table: &str, partition: &str, row: &str, text: &str) {
        use hmac::Mac as _;
        let now = chrono::DateTime::from_timestamp_millis(boardcast::platform::clock::system()().epoch_ms())
            .unwrap();
        let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let path = format!("/{ACCOUNT}/{table}");
        let key = BASE64_STANDARD.decode(KEY).unwrap();
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("POST\n\napplication/json\n{date}\n/{ACCOUNT}{path}").as_bytes());
        let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        let entity = json!({ "PartitionKey": partition, "RowKey": row, "Json0": text }).to_string();
        let headers = [
            ("authorization", &*format!("SharedKey {ACCOUNT}:{signature}")),
            ("content-type", "application/json"),
            ("x-ms-date", &date),
            ("accept", "application/json;odata=nometadata"),
            ("x-ms-version", "2019-02-02"),
        ];
        let request = http::request("POST", &path, &headers, entity.as_bytes());
        let answer = http::exchange(([127, 0, 0, 1], self.port).into(), &request).await;
        assert!([201, 204].contains(&answer.status), "{answer:?}");
    }

    /// Ends it, as an outage does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn run(port: u16, data: Option<&Path>) -> Child {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/azurite");
    assert!(
        folder.join("node_modules/azurite").is_dir(),
        "Azurite is missing, and what is tested against it is never skipped: \
         install Node.js 20 or later and run `npm ci --ignore-scripts` in tests/azurite"
    );
    let mut command = Command::new("node");
    command.arg("serve.cjs").args(["--disableTelemetry", "--silent", "--tablePort", &port.to_string()]);
    match data {
        Some(data) => command.arg("--location").arg(data),
        None => command.arg("--inMemoryPersistence"),
    };
    command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::null());
    command.spawn().expect("Node.js is missing: install version 20 or later")
}

fn endpoint(port: u16) -> String {
    format!("http://127.0.0.1:{port}/{ACCOUNT}")
}

/// The connection string of the account behind a port: Azurite's own, or that of a line to it.
pub fn connection_string_at(port: u16) -> String {
    format!("AccountName={ACCOUNT};AccountKey={KEY};TableEndpoint={}", endpoint(port))
}

/// An archive in tables with that prefix behind a port.
pub fn archive_at(port: u16, prefix: &str, key: &str, owner: Owner) -> Arc<TableArchive> {
    let credential = Credential::SharedKey { account: ACCOUNT.into(), key: Secret::new(key) };
    let settings = TableSettings { endpoint: endpoint(port), credential, prefix: prefix.into(), owner };
    Arc::new(TableArchive::new(settings).unwrap())
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}
