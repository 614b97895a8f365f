//! What a server says of itself, and what of it an operator should know: pure, so that each case is a test.

use std::collections::HashMap;
use std::time::Duration;

/// The oldest version that everything works with: scripts that write after reading the clock, and exact ids.
const VERSION_MIN: (u32, u32) = (7, 0);

/// By how much the server's clock may differ from ours. Ids are dated by the server's, and ages are told by ours.
const CLOCK_DIFFERENCE_MAX: Duration = Duration::from_secs(5);

/// What of a server's own words makes it unfit to keep what has to last, as a sentence with a remedy. A policy that drops
/// keys with an expiry alone does not: of ours these are leases, lists and reports, which are had again.
pub(super) fn unfit(info: &str) -> Option<String> {
    let policy = *facts(info).get("maxmemory_policy")?;
    policy.starts_with("allkeys-").then(|| {
        format!(
            "Redis drops any key when its memory is full ({policy}), boards included; set `maxmemory-policy noeviction`"
        )
    })
}

/// What the server does not say of itself.
pub(super) fn untold(info: &str, server_epoch_s: Option<i64>) -> Vec<&'static str> {
    let facts = facts(info);
    let asked = [
        ("its version", facts.contains_key("redis_version")),
        ("whether it writes to disk", facts.contains_key("aof_enabled")),
        ("whether it has a replica", facts.contains_key("connected_slaves")),
        ("its eviction policy", facts.contains_key("maxmemory_policy")),
        ("its clock", server_epoch_s.is_some()),
    ];
    asked.into_iter().filter(|(_, is_told)| !is_told).map(|(what, _)| what).collect()
}

fn facts(info: &str) -> HashMap<&str, &str> {
    info.lines().filter_map(|line| line.trim().split_once(':')).collect()
}

/// What should be known, as sentences with a remedy. A section that could not be asked for is no finding.
pub(super) fn findings(info: &str, server_epoch_s: Option<i64>, our_epoch_s: i64) -> Vec<String> {
    let facts = facts(info);
    let fact = |name: &str| facts.get(name).copied();
    let mut findings = Vec::new();
    if let Some(text) = fact("redis_version")
        && version(text).is_some_and(|version| version < VERSION_MIN)
    {
        let (major, minor) = VERSION_MIN;
        findings.push(format!("Redis is {text}; use {major}.{minor} or later"));
    }
    let is_on = |name: &str| fact(name).map(|value| value != "0");
    if is_on("aof_enabled") == Some(false) && is_on("connected_slaves") == Some(false) {
        findings.push(
            "Redis neither writes what it is told to disk nor has a replica: its end loses the boards' history; \
             set `appendonly yes`, or give it a replica"
                .into(),
        );
    }
    findings.extend(unfit(info));
    let difference = server_epoch_s.map(|theirs| Duration::from_secs(theirs.abs_diff(our_epoch_s)));
    if let Some(difference) = difference.filter(|difference| *difference > CLOCK_DIFFERENCE_MAX) {
        let ahead = if server_epoch_s > Some(our_epoch_s) { "ahead of" } else { "behind" };
        findings.push(format!(
            "the clock of Redis is {} s {ahead} ours; have both set by a time server",
            difference.as_secs()
        ));
    }
    findings
}

fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\naof_enabled:1\r\nconnected_slaves:0\r\nmaxmemory_policy:noeviction\r\n";

    fn of(find: &str, replace: &str) -> Vec<String> {
        assert!(GOOD.contains(find));
        findings(&GOOD.replace(find, replace), Some(1_000), 1_004)
    }

    #[test]
    fn a_server_that_is_as_it_should_be_gives_no_cause() {
        assert!(of("", "").is_empty());
        assert!(findings("", None, 0).is_empty(), "what cannot be asked for is not held against it");
    }

    #[test]
    fn what_a_server_keeps_back_is_named_as_not_told() {
        assert_eq!(untold(GOOD, Some(1)), Vec::<&str>::new());
        let managed = GOOD.replace("maxmemory_policy:noeviction", "").replace("aof_enabled:1", "");
        assert_eq!(untold(&managed, None), ["whether it writes to disk", "its eviction policy", "its clock"]);
    }

    #[test]
    fn each_cause_is_told_with_its_remedy() {
        let one = |found: Vec<String>, remedy: &str| {
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(remedy), "{found:?}");
        };
        one(of("7.0.15", "6.2.14"), "use 7.0 or later");
        one(of("aof_enabled:1", "aof_enabled:0"), "appendonly yes");
        assert!(of("aof_enabled:1\r\nconnected_slaves:0", "aof_enabled:0\r\nconnected_slaves:1").is_empty());
        one(of("noeviction", "allkeys-lru"), "maxmemory-policy noeviction");
        assert!(of("noeviction", "volatile-lru").is_empty());
        assert!(unfit(&GOOD.replace("noeviction", "allkeys-random")).is_some() && unfit(GOOD).is_none());
        one(findings(GOOD, Some(1_000), 1_006), "6 s behind ours");
        one(findings(GOOD, Some(1_006), 1_000), "6 s ahead of ours");
    }
}
