//! Settings of builds from before.

/// Names that used to be settings, and what holds now. One that is still set is refused: the operator who set it expects
/// something else.
pub(super) const REMOVED: &[(&str, &str)] = &[
    (
        "BOARDCAST_COALESCE_MS",
        "events are now always written together within 20 ms, or 100 ms under the Functions host",
    ),
    (
        "BOARDCAST_SHED_MS",
        "a reader over the limit is now always told to come back after 15 s, give or take a third",
    ),
    ("BOARDCAST_WRITE_TIMEOUT_MS", "a connection that accepts no data is now always closed after 20 s"),
    ("BOARDCAST_IDLE_TIMEOUT_MS", "an idle connection is now always kept open for 15 minutes"),
    ("BOARDCAST_STREAMS_PER_KEY_MAX", "the only limit on streams is now BOARDCAST_STREAMS_MAX"),
    ("BOARDCAST_STREAMS_PER_SCOPE_MAX", "the only limit on streams is now BOARDCAST_STREAMS_MAX"),
    (
        "BOARDCAST_HOOKS_IN_FLIGHT_MAX",
        "the limit on hooks that are handled at the same time is now always 64",
    ),
    ("BOARDCAST_CALL_TIMEOUT_MS", "the timeout for a call to Azure DevOps is now always 45 s"),
    ("BOARDCAST_REDIS_TIMEOUT_MS", "the timeout for a command to Redis is now always 500 ms"),
    ("BOARDCAST_SYNC_DEADLINE_MS", "the time limit of a synchronisation is now always 240 s"),
    (
        "BOARDCAST_LOG_HOURS_MAX",
        "log entries are now always kept for 48 hours, up to BOARDCAST_LOG_ENTRIES_MAX",
    ),
    (
        REDIS_AUTH,
        "the login now always follows from BOARDCAST_REDIS_URL: its password if it has one, otherwise the managed \
         identity for rediss:// and no login for redis://",
    ),
];

pub(super) const REDIS_AUTH: &str = "BOARDCAST_REDIS_AUTH";
