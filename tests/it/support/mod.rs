//! What the tests share: an application on a free port, a client that writes raw HTTP, a reader of event streams,
//! payloads of service hooks, a layer of faults over any journal, and real Redis servers.

pub mod app;
pub mod archive;
pub mod azurite;
pub mod faults;
pub mod hooks;
pub mod host;
pub mod http;
pub mod platform;
pub mod process;
pub mod redis;
pub mod sse;
pub mod team;
pub mod writes;
