//! Where the archive's tables are, and with what they are accessed.

use std::collections::HashMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::TABLES;
use super::reading::Reading;
use crate::platform::identity::IdentitySettings;
use crate::platform::secret::Secret;

/// Every Azurite that listens at its default address; account and key stand in its documentation.
const AZURITE: &str = "AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/\
     K1SZFPTOtr/KBHBeksoGMGw==;TableEndpoint=http://127.0.0.1:10002/devstoreaccount1";

/// A storage account's Table service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    /// Its address, without a slash at the end.
    pub endpoint: String,
    /// With what it is accessed.
    pub access: TableAccess,
}

/// With what tables are accessed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableAccess {
    /// A key of the account.
    Key {
        /// The account's name.
        account: String,
        /// The key, in Base64.
        key: Secret,
    },
    /// The identity of this application.
    Identity(IdentitySettings),
}

impl<Lookup: Fn(&str) -> Option<String>> Reading<Lookup> {
    pub(super) fn tables(&mut self) -> Option<Tables> {
        let (endpoint, key) = self.parsed(TABLES, |text| match text.trim() {
            url if url.contains("://") && !url.contains(';') && !url.contains("Endpoint=") => {
                of_endpoint(url).map(|endpoint| (endpoint, None))
            }
            connection_string => of_connection_string(connection_string)
                .map(|Tables { endpoint, access }| (endpoint, Some(access))),
        })?;
        let access = key.unwrap_or_else(|| TableAccess::Identity(self.identity()));
        Some(Tables { endpoint, access })
    }
}

fn of_endpoint(text: &str) -> Result<String, &'static str> {
    let endpoint = text.trim_end_matches('/').to_owned();
    if endpoint.contains(['?', '@']) {
        return Err(
            "must be the endpoint alone, such as https://contoso.table.core.windows.net: it is accessed with the \
             managed identity, and shared access signatures are not supported",
        );
    }
    if !(endpoint.starts_with("https://") || is_on_this_machine(&endpoint)) {
        return Err("must begin with https://, because a token is sent to this endpoint");
    }
    Ok(endpoint)
}

/// Whether nothing that is sent there leaves this machine.
fn is_on_this_machine(endpoint: &str) -> bool {
    let authority = endpoint.strip_prefix("http://").and_then(|rest| rest.split('/').next());
    let host = authority.map(|authority| authority.rsplit_once(':').map_or(authority, |(host, _)| host));
    host.is_some_and(|host| {
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

fn of_connection_string(text: &str) -> Result<Tables, &'static str> {
    // A key ends with equals signs of its own, so only the first one parts name and value.
    let parts = text.split(';').filter_map(|part| part.split_once('='));
    let parts: HashMap<String, &str> =
        parts.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim())).collect();
    let part = |name: &str| parts.get(name).copied().filter(|value| !value.is_empty());
    if part("usedevelopmentstorage").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return of_connection_string(AZURITE);
    }
    let (Some(account), Some(key)) = (part("accountname"), part("accountkey")) else {
        return Err("must be a connection string with AccountName and AccountKey, a Table endpoint such as \
             https://contoso.table.core.windows.net, or UseDevelopmentStorage=true");
    };
    if BASE64_STANDARD.decode(key).is_err() {
        return Err("its AccountKey is not valid Base64; copy the whole connection string again");
    }
    let endpoint = part("tableendpoint").map(str::to_owned).unwrap_or_else(|| {
        let protocol = part("defaultendpointsprotocol").unwrap_or("https");
        let suffix = part("endpointsuffix").unwrap_or("core.windows.net");
        format!("{protocol}://{account}.table.{suffix}")
    });
    if !(endpoint.starts_with("https://") || endpoint.starts_with("http://")) {
        return Err("its TableEndpoint is not a valid URL; it must begin with https:// or http://");
    }
    let access = TableAccess::Key { account: account.into(), key: Secret::new(key) };
    Ok(Tables { endpoint: endpoint.trim_end_matches('/').into(), access })
}

#[cfg(test)]
mod tests {
    use super::super::{CLIENT_ID, Config, IDENTITY_HEADER};
    use super::*;

    fn tables(text: &str) -> Result<Option<Tables>, String> {
        let settings = [(TABLES, text), (CLIENT_ID, "c"), (IDENTITY_HEADER, "hunter2")];
        let lookup = |name: &str| {
            settings.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Config::from_lookup(lookup).map(|config| config.tables)
    }

    #[test]
    fn a_connection_string_names_an_account_and_its_key() {
        let text = "DefaultEndpointsProtocol=https;AccountName=contoso;AccountKey=aHVudGVyMg==;EndpointSuffix=core.windows.net";
        let read = tables(text).unwrap().unwrap();
        assert_eq!(read.endpoint, "https://contoso.table.core.windows.net");
        let access = TableAccess::Key { account: "contoso".into(), key: Secret::new("aHVudGVyMg==") };
        assert_eq!(read.access, access);
        assert!(!format!("{read:?}").contains("aHVudGVyMg"));
        let read =
            tables("AccountName=a;AccountKey=YQ==;TableEndpoint=http://azurite:10002/a/").unwrap().unwrap();
        assert_eq!(read.endpoint, "http://azurite:10002/a");
        let azurite = tables("UseDevelopmentStorage=true").unwrap().unwrap();
        assert_eq!(azurite.endpoint, "http://127.0.0.1:10002/devstoreaccount1");
        assert_eq!(tables(" "), Ok(None));
    }

    #[test]
    fn an_endpoint_is_accessed_with_the_managed_identity() {
        let read = tables("https://contoso.table.core.windows.net/").unwrap().unwrap();
        assert_eq!(read.endpoint, "https://contoso.table.core.windows.net");
        let TableAccess::Identity(IdentitySettings::Managed(identity)) = &read.access else {
            panic!("{read:?}")
        };
        assert_eq!((identity.client_id.as_deref(), &identity.endpoint), (Some("c"), &None));
        assert!(!format!("{read:?}").contains("hunter2"));
        assert!(tables("http://127.0.0.1:10002/devstoreaccount1").is_ok());
    }

    #[test]
    fn what_cannot_be_used_is_told_by_name_and_remedy_and_never_shown() {
        for text in [
            "hunter2",
            "AccountName=a;AccountKey=",
            "AccountKey=hunter2",
            "http://contoso.table.core.windows.net",
            "https://contoso.table.core.windows.net/?sv=1&sig=hunter2",
            "https://user:hunter2@contoso.table.core.windows.net",
            "AccountName=a;AccountKey=hunter2;",
            "AccountName=a;AccountKey=aHVudGVyMg==;TableEndpoint=contoso",
        ] {
            let error = tables(text).unwrap_err();
            assert!(
                error.starts_with("BOARDCAST_TABLES=[redacted]: ") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }
}
