//! What the tests share: an application on a free port, a client that writes raw HTTP, a reader of event streams,
//! payloads of service hooks, a layer of faults over any journal, real Redis servers, and several instances over one of them.

pub mod app;
pub mod archive;
pub mod azurite;
pub mod faults;
pub mod fleet;
pub mod flow;
pub mod hooks;
pub mod host;
pub mod http;
pub mod outages;
pub mod platform;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod sse;
pub mod team;
pub mod verdict;
pub mod witness;
pub mod writes;
