//! The tracing subscriber: JSON under the Functions host, lines for people in a terminal. Always standard output:
//! the host takes every line on standard error for an error.

use std::io::{self, IsTerminal as _};
use std::panic::PanicHookInfo;

use tracing_subscriber::EnvFilter;

/// What the crates of Azure may log, whatever the filter says: at `debug` they log the headers of requests
/// (RUSTSEC-2026-0275). No secret is among those, because our transport adds it later; this holds should that change.
const CAPPED: [&str; 3] = ["azure_core=info", "azure_data_tables=info", "azure_storage=info"];

/// Installs the subscriber for this process, and has panics logged by it.
///
/// Errors: the filter is none, or a subscriber is installed already.
pub fn init(under_host: bool, filter: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut filter = EnvFilter::try_new(filter)?;
    for capped in CAPPED {
        filter = filter.add_directive(capped.parse()?);
    }
    // Colours are for people; a file or a pipe gets plain text.
    let colours = io::stdout().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stdout).with_ansi(colours);
    if under_host { builder.json().flatten_event(true).try_init() } else { builder.try_init() }?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Tells the log where a panic happened; the hook of the standard library writes to standard error instead.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map_or_else(String::new, ToString::to_string);
    // A message that was put together may hold what somebody sent, or a secret; one that stands in the code cannot.
    let why = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("left out, it may hold data");
    tracing::error!(location, why, "panic");
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A log that can be looked at.
    #[derive(Clone, Default)]
    pub(in crate::ops) struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        pub(in crate::ops) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_panic_is_logged_with_its_place_and_without_data() {
        let written = Written::default();
        let writer = written.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        // Where there is one subscriber alone, a panic in the thread of another test, which has none, turns the event off
        // for all threads.
        let _other = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish());
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(log_panic));
        tracing::subscriber::with_default(subscriber, || {
            assert!(std::panic::catch_unwind(|| panic!("a literal")).is_err());
            let data = "hunter2";
            assert!(std::panic::catch_unwind(|| panic!("no {data}")).is_err());
        });
        std::panic::set_hook(before);
        let text = written.text();
        let lines: Vec<_> = text.lines().collect();
        let place = |line: &str| line.contains("ERROR") && line.contains(&format!("location=\"{}:", file!()));
        assert!(lines.len() == 2 && lines.iter().all(|line| place(line)), "{text}");
        assert!(lines[0].contains("why=\"a literal\"") && !text.contains("hunter2"), "{text}");
    }
}
