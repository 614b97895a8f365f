//! What keeps the boards: the journal, by what its server says of itself and by what became of what was written; and the
//! tables, which are tried.

use super::{ANSWER_MAX, in_time};
use crate::app::App;
use crate::config::Place;
use crate::domain::record::journal_status::JournalStatus;
use crate::ops::finding::Finding;

pub(super) fn journal(app: &App, place: &Place) -> Vec<Finding> {
    const CHECK: &str = "journal.server";
    let condition = app.instance.journal.condition();
    let kind = condition.kind;
    let mut findings = Vec::new();
    for says in &condition.findings {
        let is_unfit = condition.unfit.as_ref() == Some(says);
        let make = if is_unfit { Finding::fault } else { Finding::warning };
        findings.push(make(CHECK, says.clone(), remedy(says, place)));
    }
    for says in app.instances.refusals() {
        let remedy = remedy(&says, place);
        findings.push(Finding::fault("journal.writes", says, remedy));
    }
    if !condition.untold.is_empty() {
        let says = format!("the server does not tell {}", condition.untold.join(", "));
        findings.push(Finding::unknown(CHECK, says, place.show_redis()));
    }
    let ping = || match kind {
        "memory" => place.show_log(),
        _ => place.redis_cli("ping"),
    };
    findings.push(match (app.instance.fold.position(), app.instance.fold.journal_status()) {
        (Some(_), JournalStatus::Following) => Finding::ok("journal", format!("{kind}: loaded and followed")),
        (Some(_), status) => Finding::fault("journal", format!("{kind}: {status:?}"), ping()),
        (None, _) => Finding::fault("journal", format!("{kind}: it was never loaded"), ping()),
    });
    findings
}

/// The command for what the journal says in words, which name the word of Redis that is at fault.
fn remedy(says: &str, place: &Place) -> String {
    let is_of = |words: &[&str]| words.iter().any(|word| says.contains(word));
    if is_of(&["maxmemory-policy"]) {
        place.keep_everything()
    } else if is_of(&["appendonly"]) {
        place.redis_cli("config set appendonly yes")
    } else if is_of(&["clock of Redis"]) {
        "timedatectl set-ntp true".into()
    } else if is_of(&["BOARDCAST_REDIS_URL to keep it"]) {
        place.set(&[("BOARDCAST_REDIS_URL", "rediss://<name>.<region>.redis.azure.net:10000")])
    } else if is_of(&["NOPERM", "NOAUTH", "WRONGPASS", "may not run all commands", "Authentication"]) {
        place.grant_redis()
    } else if is_of(&["OOM", "its memory is full"]) {
        place.redis_cli("info memory")
    } else {
        place.redis_cli("info server")
    }
}

/// Whether the tables can be written, read and deleted from.
pub(super) async fn tables(app: &App, place: &Place) -> Finding {
    const CHECK: &str = "tables";
    let Some(inbox) = &app.inbox else {
        return Finding::warning(
            CHECK,
            "there is no archive: while Redis is away hooks are refused, and Azure DevOps repeats them for three minutes",
            place.set(&[("BOARDCAST_TABLES", "https://<account>.table.core.windows.net")]),
        );
    };
    let late =
        |words: String| Finding::unknown(CHECK, format!("the tables gave {words}"), place.ask_tables());
    match in_time(ANSWER_MAX, inbox.probe(), late).await {
        Ok(Ok(())) => Finding::ok(CHECK, "the tables can be written, read and deleted from"),
        Ok(Err(error)) => {
            let remedy = if error.is_refusal() { place.grant_tables() } else { place.ask_tables() };
            Finding::fault(CHECK, error.to_string(), remedy)
        }
        Err(late) => late,
    }
}
