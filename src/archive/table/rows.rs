//! One table, as rows of text: how keys and long texts are written, and which answers of the service mean what.

use azure_core::error::{Error, ErrorKind};
use azure_core::{Etag, StatusCode};
use azure_data_tables::IfMatchCondition;
use azure_data_tables::clients::TableClient;
use azure_data_tables::prelude::Top;
use futures_util::StreamExt as _;
use serde_json::{Map, Value};

use crate::archive::ArchiveError;

/// How many UTF-16 units one property holds: a property has 64 KiB at most.
const PART_UNITS_MAX: usize = 32_000;

/// How many properties one text is spread over: an entity has 1 MiB at most, keys and names included.
const PARTS_MAX: usize = 15;

/// How many entities one page of an answer has at most.
const PAGE_ROWS_MAX: usize = 1_000;

/// A row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Its key within its partition.
    pub(super) key: String,
    /// What was written.
    pub(super) text: String,
    /// The version of it.
    etag: Option<Etag>,
}

/// What a write expects to find.
pub(super) enum Expected {
    /// No row.
    Absent,
    /// This row, unchanged since it was read.
    Unchanged(Row),
    /// Anything.
    Anything,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It was done.
    Done,
    /// Nothing was changed: there was not what was expected.
    Conflict,
}

/// A table of rows of text. It is made when it is first written to or read and is not there.
pub(super) struct Rows(TableClient);

/// The key that these parts make together.
///
/// The service forbids `/ \ # ?` and control characters, mangles `%`, and a quote would end the key in an address. So
/// letters, digits, `.`, `_` and `-` stand for themselves and every other byte is written as `=` and two digits: two
/// different keys never become one. The parts are joined by a `|`, which sorts after all of these.
pub(super) fn key(parts: &[&str]) -> String {
    let mut key = String::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            key.push('|');
        }
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
                key.push(char::from(byte));
            } else {
                key.push_str(&format!("={byte:02X}"));
            }
        }
    }
    key
}

impl Rows {
    pub(super) const fn of(table: TableClient) -> Self {
        Self(table)
    }

    /// Writes a row. Errors: `Refused` also for a text that no entity holds.
    pub(super) async fn write(
        &self,
        partition: &str,
        key: &str,
        text: &str,
        expected: &Expected,
    ) -> Result<Written, ArchiveError> {
        let entity = entity(partition, key, text)?;
        let written = self.try_write(partition, key, &entity, expected).await;
        let written = match written {
            Err(error) if is_missing_table(&error) => {
                self.create().await?;
                self.try_write(partition, key, &entity, expected).await
            }
            written => written,
        };
        match written {
            Ok(()) => Ok(Written::Done),
            Err(error) if is_conflict(&error, expected) => Ok(Written::Conflict),
            Err(error) => Err(told(&error)),
        }
    }

    async fn try_write(
        &self,
        partition: &str,
        key: &str,
        entity: &Map<String, Value>,
        expected: &Expected,
    ) -> Result<(), Error> {
        let client = self.0.partition_key_client(partition).entity_client(key);
        match expected {
            Expected::Absent => {
                self.0.insert::<_, Value>(entity)?.await?;
            }
            Expected::Unchanged(Row { etag: Some(etag), .. }) => {
                client.update(entity, IfMatchCondition::Etag(etag.clone()))?.await?;
            }
            // The service names the version of every row that it answers; without one nothing can be expected of it.
            Expected::Unchanged(_) | Expected::Anything => {
                client.insert_or_replace(entity)?.await?;
            }
        }
        Ok(())
    }

    /// What `pick` makes of the rows that a filter admits, or of all, in the order of their keys; at most `limit`. Rows
    /// of which it makes nothing are passed over, however many there are.
    pub(super) async fn read<T>(
        &self,
        filter: Option<String>,
        limit: usize,
        pick: impl Fn(Row) -> Option<T>,
    ) -> Result<Vec<T>, ArchiveError> {
        match self.try_read(filter.clone(), limit, &pick).await {
            Err(error) if is_missing_table(&error) => {
                self.create().await?;
                self.try_read(filter, limit, &pick).await.map_err(|error| told(&error))
            }
            rows => rows.map_err(|error| told(&error)),
        }
    }

    async fn try_read<T>(
        &self,
        filter: Option<String>,
        limit: usize,
        pick: impl Fn(Row) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let page = u32::try_from(limit.clamp(1, PAGE_ROWS_MAX)).unwrap_or(u32::MAX);
        let mut query = self.0.query().top(Top::new(page));
        if let Some(filter) = filter {
            query = query.filter(filter);
        }
        let mut pages = query.into_stream::<Map<String, Value>>();
        let mut rows = Vec::new();
        while let Some(page) = pages.next().await {
            rows.extend(page?.entities.iter().filter_map(row).filter_map(&pick));
            if rows.len() >= limit {
                rows.truncate(limit);
                break;
            }
        }
        Ok(rows)
    }

    /// Deletes a row, if it is there.
    pub(super) async fn delete(&self, partition: &str, key: &str) -> Result<(), ArchiveError> {
        match self.0.partition_key_client(partition).entity_client(key).delete().await {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == Some(StatusCode::NotFound) => Ok(()),
            Err(error) => Err(told(&error)),
        }
    }

    /// Deletes a row if it still is what was read.
    pub(super) async fn delete_unchanged(&self, partition: &str, row: &Row) -> Result<Written, ArchiveError> {
        let client = self.0.partition_key_client(partition).entity_client(&row.key);
        let condition = row.etag.clone().map_or(IfMatchCondition::Any, IfMatchCondition::Etag);
        match client.delete().if_match(condition).await {
            Ok(_) => Ok(Written::Done),
            Err(error) if is_conflict(&error, &Expected::Unchanged(row.clone())) => Ok(Written::Conflict),
            Err(error) => Err(told(&error)),
        }
    }

    async fn create(&self) -> Result<(), ArchiveError> {
        match self.0.create().await {
            Ok(_) => Ok(()),
            // Another instance was faster.
            Err(error) if status(&error) == Some(StatusCode::Conflict) => Ok(()),
            Err(error) => Err(told(&error)),
        }
    }
}

fn entity(partition: &str, key: &str, text: &str) -> Result<Map<String, Value>, ArchiveError> {
    let parts = split(text);
    if parts.len() > PARTS_MAX {
        return Err(ArchiveError::Refused(format!("{} bytes exceed the size of a row", text.len())));
    }
    let keys = [("PartitionKey".to_owned(), partition), ("RowKey".to_owned(), key)];
    let parts = parts.into_iter().enumerate().map(|(index, part)| (part_name(index), part));
    Ok(keys.into_iter().chain(parts).map(|(name, value)| (name, value.into())).collect())
}

fn part_name(index: usize) -> String {
    format!("Json{index}")
}

/// The text in parts of which each fits into a property.
fn split(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut begin, mut units) = (0, 0);
    for (at, char) in text.char_indices() {
        if units + char.len_utf16() > PART_UNITS_MAX {
            parts.extend(text.get(begin..at));
            (begin, units) = (at, 0);
        }
        units += char.len_utf16();
    }
    parts.extend(text.get(begin..));
    parts
}

/// An entity that has a row key is a row; there is none without.
fn row(entity: &Map<String, Value>) -> Option<Row> {
    let text_of = |name: &str| entity.get(name).and_then(Value::as_str);
    let text = (0..PARTS_MAX).map_while(|index| text_of(&part_name(index))).collect();
    let etag = text_of("odata.etag").map(|etag| Etag::from(etag.to_owned()));
    Some(Row { key: text_of("RowKey")?.to_owned(), text, etag })
}

fn status(error: &Error) -> Option<StatusCode> {
    match error.kind() {
        ErrorKind::HttpResponse { status, .. } => Some(*status),
        _ => None,
    }
}

fn error_code(error: &Error) -> Option<&str> {
    match error.kind() {
        ErrorKind::HttpResponse { error_code, .. } => error_code.as_deref(),
        _ => None,
    }
}

fn is_missing_table(error: &Error) -> bool {
    error_code(error) == Some("TableNotFound")
}

/// Whether there was something else than expected: a row where there was to be none, or another than was read. One that
/// was read and is gone since is another, too.
fn is_conflict(error: &Error, expected: &Expected) -> bool {
    match expected {
        Expected::Absent => status(error) == Some(StatusCode::Conflict),
        Expected::Unchanged(_) => {
            matches!(status(error), Some(StatusCode::PreconditionFailed | StatusCode::NotFound))
        }
        Expected::Anything => false,
    }
}

/// What is told of a failure: status and code, never an address or a body, which may hold what was signed.
fn told(error: &Error) -> ArchiveError {
    let Some(status) = status(error) else {
        return match error.kind() {
            ErrorKind::Io => ArchiveError::Unavailable(error.to_string()),
            _ => ArchiveError::Refused(format!("unexpected response ({})", error.kind())),
        };
    };
    let why = format!("{} {}", u16::from(status), error_code(error).unwrap_or_default());
    let is_passing = status.is_server_error()
        || matches!(status, StatusCode::RequestTimeout | StatusCode::TooManyRequests | StatusCode::Conflict);
    if is_passing { ArchiveError::Unavailable(why) } else { ArchiveError::Refused(why) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d13_a_key_has_no_character_that_is_forbidden_or_means_something_in_an_address() {
        let odd = "Fabrikam\\Sprint 1/a#b?c%d'e|f\u{7}ü=";
        let written = key(&[odd, "points.total"]);
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-=".contains(c);
        assert!(
            written.chars().all(|c| plain(c) || c == '|') && written.matches('|').count() == 1,
            "{written}"
        );
        assert_eq!(key(&["a b", "c"]), "a=20b|c");
        // Nothing becomes equal by being written.
        let parts = ["a|b", "a=7Cb", "a", "b", "=", "=3D", ""];
        let all = parts.iter().flat_map(|first| parts.map(|second| key(&[first, second])));
        let distinct: std::collections::BTreeSet<String> = all.collect();
        assert_eq!(distinct.len(), parts.len() * parts.len());
    }

    #[test]
    fn a_long_text_is_spread_over_properties_and_comes_back() {
        for text in ["", "{}", &"x".repeat(32_000), &"𝄞ü".repeat(40_000)] {
            let written = entity("p", "r", text).unwrap();
            let fits =
                |(_, value): (&String, &Value)| value.as_str().unwrap().encode_utf16().count() <= 32_000;
            assert!(written.iter().all(fits), "{}", text.len());
            assert_eq!(row(&written).unwrap().text, text);
        }
        assert!(matches!(entity("p", "r", &"x".repeat(500_000)), Err(ArchiveError::Refused(_))));
    }
}
