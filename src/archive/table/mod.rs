//! The archive on Azure Table storage, over `azure_data_tables`.
//!
//! Three tables, each made when it is missing: the last values of metrics (a partition for each team, a row for each
//! metric of each sprint), finished sprints (a partition for each team) and the inbox (one partition, in the order of
//! arrival, and one for what was set aside). The name of a partition begins with whose it is. A row holds one JSON text.

mod rows;
mod transport;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::{RetryOptions, TransportOptions, Url};
use azure_data_tables::clients::TableServiceClientBuilder;
use azure_storage::{CloudLocation, StorageCredentials};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::{StreamExt as _, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use self::rows::{Expected, Row, Rows, Written, key};
use self::transport::{Access, Transport};
use super::{Archive, ArchiveError, ArchivedValue, Deposit, DepositId, FinishedSprint, of_team};
use crate::domain::owner::Owner;
use crate::domain::scope::Scope;
use crate::domain::time::Timestamp;
use crate::platform::identity::TokenSource;
use crate::platform::secret::Secret;

/// How many rows that cannot be decoded are named in the log.
const ODD_ROWS_MAX: usize = 1_000;

/// What tokens for Table storage are asked for.
pub const RESOURCE: &str = "https://storage.azure.com/";

/// What the names of our tables begin with, unless the settings say otherwise.
pub const PREFIX_DEFAULT: &str = "boardcast";

/// After how long one operation gives up. A caller that cannot wait that long gives up sooner.
const DEADLINE: Duration = Duration::from_secs(10);

/// How often values are written again because other instances wrote the same rows in between.
const CONFLICT_RETRIES_MAX: u32 = 5;

/// How many rows are written at the same time.
const WRITES_PARALLEL: usize = 8;

/// The partition of an owner's inbox, and that of what could not be taken out of it.
const WAITING: &str = "waiting";
const SET_ASIDE: &str = "set-aside";

/// What a row is called that is written to see whether it can be.
const PROBE: &str = "probe";

/// What stands in a key for a team or sprint that is not known.
const NONE: &str = "-";

/// A storage account, and what it is accessed with.
pub struct TableSettings {
    /// The address of its Table service, without a slash at the end.
    pub endpoint: String,
    /// What a request is authorised with.
    pub credential: Credential,
    /// What the names of the tables begin with: letters and digits, a letter first.
    pub prefix: String,
    /// Whose rows are read and written.
    pub owner: Owner,
}

/// What a request is authorised with.
pub enum Credential {
    /// A key of the account, in Base64.
    SharedKey {
        /// The account's name.
        account: String,
        /// The key.
        key: Secret,
    },
    /// Tokens.
    Tokens(Arc<dyn TokenSource>),
}

/// Why there can be no such archive. No message holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArchiveSetupError {
    /// The endpoint is not a URL.
    Address,
    /// The key is not Base64.
    Key,
    /// There are no certificates to know the account by.
    Tls(String),
}

impl fmt::Display for ArchiveSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str(
                "the Table endpoint in BOARDCAST_TABLES is not a valid URL; write it as \
                 https://<account>.table.core.windows.net",
            ),
            Self::Key => f.write_str(
                "the AccountKey in BOARDCAST_TABLES is not valid Base64; copy the whole connection string again",
            ),
            Self::Tls(why) => write!(f, "no trusted certificates for Table storage ({why}); install the package ca-certificates"),
        }
    }
}

impl std::error::Error for ArchiveSetupError {}

/// An archive on Table storage.
pub struct TableArchive {
    values: Rows,
    sprints: Rows,
    inbox: Rows,
    /// What the names of our partitions begin with.
    owner: String,
    /// The keys of rows that could not be decoded, as far as they were told.
    odd: Mutex<HashSet<String>>,
    /// Whether it is known that the inbox holds nothing in the first form.
    is_first_form_gone: AtomicBool,
}

impl TableArchive {
    /// The archive in that account. Nothing is asked of it yet.
    ///
    /// Errors: it cannot even be asked.
    pub fn new(settings: TableSettings) -> Result<Self, ArchiveSetupError> {
        let endpoint = Url::parse(&settings.endpoint).map_err(|_| ArchiveSetupError::Address)?;
        let access = match settings.credential {
            Credential::SharedKey { account, key } => {
                let key = BASE64_STANDARD.decode(key.expose()).map_err(|_| ArchiveSetupError::Key)?;
                Access::SharedKey { account, key }
            }
            Credential::Tokens(source) => Access::Token(source),
        };
        let transport =
            Transport::new(&endpoint, access).map_err(|error| ArchiveSetupError::Tls(error.to_string()))?;
        // The account's name serves a signature that the crate does not make.
        let location = CloudLocation::Custom { account: String::new(), uri: settings.endpoint };
        let service = TableServiceClientBuilder::with_location(location, StorageCredentials::anonymous())
            .transport(TransportOptions::new(Arc::new(transport)))
            // The caller tries again when it suits it; the crate would do so for a minute.
            .retry(RetryOptions::none())
            .build();
        let table = |name: &str| Rows::of(service.table_client(format!("{}{name}", settings.prefix)));
        let (values, sprints, inbox) = (table("values"), table("sprints"), table("inbox"));
        let is_first_form_gone = AtomicBool::new(false);
        Ok(Self {
            values,
            sprints,
            inbox,
            owner: settings.owner.key(),
            odd: Mutex::default(),
            is_first_form_gone,
        })
    }

    /// The partition of that name that is our owner's.
    fn partition(&self, parts: &[&str]) -> String {
        key(&[&[&*self.owner], parts].concat())
    }

    fn partition_of(&self, scope: Scope) -> String {
        let team = scope.team.map_or_else(|| NONE.to_owned(), |team| team.to_string());
        self.partition(&[&scope.project.to_string(), &team])
    }

    /// The rows of our owner's.
    fn ours(&self) -> String {
        format!("PartitionKey ge '{0}|' and PartitionKey lt '{0}}}'", self.owner)
    }

    /// The rows of one board: those of its partition whose key begins with its sprint and a `|`, after which `}` is next.
    fn rows_of(&self, scope: Scope) -> String {
        let (partition, sprint) = (self.partition_of(scope), key(&[&sprint_of(scope)]));
        format!("PartitionKey eq '{partition}' and RowKey ge '{sprint}|' and RowKey lt '{sprint}}}'")
    }

    /// Refuses an inbox with hooks in the first form, which did not say whose they are. They were acknowledged, so they
    /// must not be passed over.
    async fn refuse_first_form(&self) -> Result<(), ArchiveError> {
        if self.is_first_form_gone.load(Ordering::Relaxed) {
            return Ok(());
        }
        if !self.inbox.read(Some(format!("PartitionKey eq '{WAITING}'")), 1, Some).await?.is_empty() {
            return Err(ArchiveError::Refused(format!(
                "the table of the inbox holds service hooks that an older boardcast kept (partition `{WAITING}`); \
                 run that version until it has taken them, or delete these rows"
            )));
        }
        self.is_first_form_gone.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// What a row says. One that cannot be decoded stays where it is: its writer may be newer, and take it.
    fn decoded<T: DeserializeOwned>(&self, row: &Row) -> Option<T> {
        let error = match serde_json::from_str(&row.text) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let mut odd = self.odd.lock().unwrap_or_else(PoisonError::into_inner);
        // Rows are read again and again; to name each of them once is enough.
        if odd.len() < ODD_ROWS_MAX && odd.insert(row.key.clone()) {
            tracing::error!(
                row = row.key, %error,
                "cannot decode a row of the archive, skipping it; delete the row unless a newer version of boardcast wrote it"
            );
        }
        None
    }

    /// Writes a row, reads it and deletes it, in a partition of no owner, which therefore nobody else reads.
    async fn probe_of(&self, rows: &Rows) -> Result<(), ArchiveError> {
        let (partition, row) = (key(&["", PROBE, &self.owner]), uuid::Uuid::new_v4().simple().to_string());
        rows.write(&partition, &row, PROBE, &Expected::Absent).await?;
        let filter = format!("PartitionKey eq '{partition}' and RowKey eq '{row}'");
        let is_there = !rows.read(Some(filter), 1, Some).await?.is_empty();
        rows.delete(&partition, &row).await?;
        match is_there {
            true => Ok(()),
            false => Err(ArchiveError::Unavailable("what was written is not there".into())),
        }
    }

    /// Writes the values of one board that supersede what is stored.
    async fn remember_of(&self, scope: Scope, values: Vec<ArchivedValue>) -> Result<(), ArchiveError> {
        let mut left = values;
        for _ in 0..=CONFLICT_RETRIES_MAX {
            let rows = self.values.read(Some(self.rows_of(scope)), usize::MAX, Some).await?;
            let mut stored: HashMap<String, Row> =
                rows.into_iter().map(|row| (row.key.clone(), row)).collect();
            let mut due = Vec::new();
            for value in left {
                let row = stored.remove(&value_key(&value));
                let known = row.as_ref().and_then(|row| self.decoded::<ArchivedValue>(row));
                if known.is_none_or(|known| value.supersedes(&known)) {
                    due.push((value, row.map_or(Expected::Absent, Expected::Unchanged)));
                }
            }
            let writes = due.into_iter().map(|(value, expected)| self.write_value(value, expected));
            let written: Vec<_> = stream::iter(writes).buffer_unordered(WRITES_PARALLEL).collect().await;
            left = written.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
            if left.is_empty() {
                return Ok(());
            }
        }
        Err(ArchiveError::Unavailable("too many conflicting writes".into()))
    }

    /// Writes a value where there still is what was read; gives it back where there is something else by now.
    async fn write_value(
        &self,
        value: ArchivedValue,
        expected: Expected,
    ) -> Result<Option<ArchivedValue>, ArchiveError> {
        let partition = self.partition_of(value.scope);
        match self.values.write(&partition, &value_key(&value), &encoded(&value), &expected).await? {
            Written::Done => Ok(None),
            Written::Conflict => Ok(Some(value)),
        }
    }
}

#[async_trait]
impl Archive for TableArchive {
    async fn save_values(&self, values: &[ArchivedValue]) -> Result<(), ArchiveError> {
        let mut of_boards = HashMap::<Scope, Vec<ArchivedValue>>::new();
        for value in values {
            of_boards.entry(value.scope).or_default().push(value.clone());
        }
        for (scope, values) in of_boards {
            within(self.remember_of(scope, values)).await?;
        }
        Ok(())
    }

    async fn saved_values(&self) -> Result<Vec<ArchivedValue>, ArchiveError> {
        within(self.values.read(Some(self.ours()), usize::MAX, |row| self.decoded(&row))).await
    }

    async fn drop_values(&self, before: Timestamp) -> Result<usize, ArchiveError> {
        let is_old = |row: Row| {
            let value = self.decoded::<ArchivedValue>(&row)?;
            (value.as_of < before).then(|| (self.partition_of(value.scope), row))
        };
        let old = within(self.values.read(Some(self.ours()), usize::MAX, is_old)).await?;
        let mut dropped = 0;
        for (partition, row) in old {
            dropped +=
                usize::from(within(self.values.delete_unchanged(&partition, &row)).await? == Written::Done);
        }
        Ok(dropped)
    }

    async fn keep_sprint(&self, sprint: &FinishedSprint) -> Result<(), ArchiveError> {
        let (team, id) = of_team(sprint.scope)?;
        let (partition, text) = (self.partition_of(team.scope(None)), encoded(sprint));
        within(self.sprints.write(&partition, &key(&[&id]), &text, &Expected::Absent)).await?;
        Ok(())
    }

    async fn finished_sprint(&self, scope: Scope) -> Result<Option<FinishedSprint>, ArchiveError> {
        let (team, id) = of_team(scope)?;
        let partition = self.partition_of(team.scope(None));
        let filter = format!("PartitionKey eq '{partition}' and RowKey eq '{}'", key(&[&id]));
        let rows = within(self.sprints.read(Some(filter), 1, |row| self.decoded(&row))).await?;
        Ok(rows.into_iter().next())
    }

    async fn deposit(&self, deposit: &Deposit) -> Result<DepositId, ArchiveError> {
        let id = DepositId::new(deposit.received_at);
        let waiting = self.partition(&[WAITING]);
        within(self.inbox.write(&waiting, id.as_str(), &encoded(deposit), &Expected::Anything)).await?;
        Ok(id)
    }

    async fn waiting(
        &self,
        after: Option<&DepositId>,
        limit: usize,
    ) -> Result<Vec<(DepositId, Deposit)>, ArchiveError> {
        within(self.refuse_first_form()).await?;
        let after = after.map_or_else(String::new, |after| format!(" and RowKey gt '{}'", after.as_str()));
        let filter = format!("PartitionKey eq '{}'{after}", self.partition(&[WAITING]));
        let deposit = |row: Row| self.decoded(&row).map(|deposit| (DepositId(row.key), deposit));
        within(self.inbox.read(Some(filter), limit, deposit)).await
    }

    async fn remove(&self, id: &DepositId) -> Result<(), ArchiveError> {
        within(self.inbox.delete(&self.partition(&[WAITING]), id.as_str())).await
    }

    async fn set_aside(&self, id: &DepositId, deposit: &Deposit) -> Result<(), ArchiveError> {
        let aside = self.partition(&[SET_ASIDE]);
        within(self.inbox.write(&aside, id.as_str(), &encoded(deposit), &Expected::Anything)).await?;
        self.remove(id).await
    }

    async fn probe(&self) -> Result<(), ArchiveError> {
        for rows in [&self.values, &self.sprints, &self.inbox] {
            within(self.probe_of(rows)).await?;
        }
        Ok(())
    }
}

async fn within<T>(operation: impl Future<Output = Result<T, ArchiveError>>) -> Result<T, ArchiveError> {
    let late = || Err(ArchiveError::Unavailable(format!("no response within {} ms", DEADLINE.as_millis())));
    timeout(DEADLINE, operation).await.unwrap_or_else(|_| late())
}

fn sprint_of(scope: Scope) -> String {
    scope.sprint.map_or_else(|| NONE.to_owned(), |sprint| sprint.to_string())
}

fn value_key(value: &ArchivedValue) -> String {
    key(&[&sprint_of(value.scope), &value.metric])
}

fn encoded(value: &impl Serialize) -> String {
    // Strings, numbers and maps with string keys cannot fail to serialise.
    serde_json::to_string(value).unwrap_or_default()
}
