//! The tests that look at boardcast from outside, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "tests fail by panicking, and their helpers are seen by tests only"
)]

mod access;
mod archive_contract;
mod as_it_was;
mod board_metrics;
mod bounds;
mod budget;
mod chaos;
mod client;
mod command_line;
mod comparison;
mod contract;
mod dashboard;
mod deploy_scripts;
mod derive;
mod details;
mod discovery;
mod doctor;
mod eviction;
mod explained;
mod failures;
mod feed;
mod field;
mod functions_host;
mod health_check;
mod hooks_command;
mod identity;
mod inbox;
mod infra;
mod instances;
mod journal;
mod journal_contract;
mod journal_identity;
mod journal_redis;
mod keeping;
mod last_known;
mod lists;
mod load;
mod narrowed;
mod oracle;
mod outage;
mod package;
mod past;
mod payloads;
mod pipelines;
mod processes;
mod refutation;
mod release;
mod remembered;
mod requests;
mod resume;
mod sign_in;
mod snapshot;
mod source;
mod sse_stream;
mod standing_in;
mod stored;
mod stream_clients;
mod stream_limits;
mod subscriptions;
mod support;
mod sync_timer;
mod throttled;
mod tidy;
mod watched;
mod work_item_webhook;
mod works;
mod writes;
