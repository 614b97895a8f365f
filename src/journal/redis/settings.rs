//! What the journal on Redis needs to know.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::owner::Owner;
use crate::journal::address::Address;
use crate::journal::{LogRetention, REPLY_TIMEOUT};
use crate::platform::identity::TokenSource;

/// What the journal needs to know.
#[derive(Clone)]
pub struct RedisSettings {
    /// Where the store is.
    pub address: Address,
    /// Whose journal it is; part of every key.
    pub owner: Owner,
    /// How much of the log is kept.
    pub retention: LogRetention,
    /// How long a command may take, the wait for a connection included.
    pub timeout: Duration,
    /// After how long without entries a tail looks whether the log is still there.
    pub check_every: Duration,
    /// How often entries are dropped by age and the server is looked at.
    pub tend_every: Duration,
    /// A root certificate to trust instead of the machine's, in PEM.
    pub root_certificate: Option<Vec<u8>>,
    /// What to log in with instead of the address's password. The user is the address's, or else the object that the
    /// token names.
    pub tokens: Option<Arc<dyn TokenSource>>,
    /// How long before the end of its token a connection is replaced by one with the next token.
    pub renew_before: Duration,
}

impl RedisSettings {
    /// A store that was emptied is filled again soon after this. One script a second, of about 20 µs, for each instance.
    pub const CHECK_EVERY_DEFAULT: Duration = Duration::from_secs(1);

    /// The defaults for a store and an owner.
    pub const fn new(address: Address, owner: Owner) -> Self {
        Self {
            address,
            owner,
            retention: LogRetention::DEFAULT,
            timeout: REPLY_TIMEOUT,
            check_every: Self::CHECK_EVERY_DEFAULT,
            tend_every: Duration::from_secs(60),
            root_certificate: None,
            tokens: None,
            // Some time for a platform that fails or has no later token yet: the server closes a connection whose token ended.
            renew_before: Duration::from_mins(5),
        }
    }
}
