//! Reading one setting after another.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use super::effective::is_secret;
use super::origins::is_origin;
use super::removed::{REDIS_AUTH, REMOVED};
use super::{
    ALLOWED_HOSTS, ALLOWED_ORIGINS, AUTHORITY_HOST, AllowedHosts, AllowedOrigins, BLOCKED_BY, DEMO,
    ESCAPED_TAGS, FRAME_ANCESTORS, FUNCTION_TIMEOUT, FrameAncestors, FunctionTimeout, GOAL_TAG, GRACE_DAYS,
    HEARTBEAT, LIFETIME, LOG_FILTER, OPERATOR_KEY, ORGANIZATION_URL, OperatorAccess, PROJECTS, PUBLIC_URL,
    SECRET, SECRET_PREVIOUS, SETTLE, STALE_DAYS, STREAMS_MAX, SYNC_CRON, SYNC_ZONE, TEAM_ZONES, TEAMS,
    THRESHOLD,
};
use crate::devops::credentials::HookAccess;
use crate::domain::authorise::AllowedBoards;
use crate::domain::metrics::{GRACE_DAYS_DEFAULT, MetricSettings, STALE_WORKING_DAYS_DEFAULT};
use crate::domain::schedule::{SyncWindow, WindowError};
use crate::domain::scope::{NameOrId, Text};
use crate::domain::sprint::blocked::BlockedRules;
use crate::domain::sprint::zones::TeamZones;
use crate::platform::secret::Secret;
use crate::stream::StreamSettings;
use crate::write::announce::DeriveSettings;

/// How many readers who were shed a standalone process holds open at least, however few streams are allowed: one tab
/// of a careless client takes several places.
const SHED_HELD_STANDALONE: usize = 1_000;

/// What is said of a reference in place of a secret.
const UNRESOLVED: &str = "the platform did not replace this reference to a key vault; see that the secret exists, that the \
                          identity has the role Key Vault Secrets User, and that keyVaultReferenceIdentity names it, then restart";

/// Whether the platform left a reference where a secret was to be: everybody knows it who can guess the vault's name.
fn is_unresolved(text: &str) -> bool {
    text.trim_start().to_ascii_lowercase().starts_with("@microsoft.keyvault(")
}

/// The settings while they are read: what is wrong is gathered, so that all of it is told at once.
pub(super) struct Reading<Lookup> {
    lookup: Lookup,
    pub(super) errors: Vec<String>,
}

impl<Lookup: Fn(&str) -> Option<String>> Reading<Lookup> {
    pub(super) const fn new(lookup: Lookup) -> Self {
        Self { lookup, errors: Vec::new() }
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.trim().is_empty())
    }

    /// Notes that a setting cannot be used. What is, or may hold, a secret is not shown.
    pub(super) fn refuse(&mut self, name: &str, value: &str, remedy: impl AsRef<str>) {
        let may_hold_a_secret = match name {
            name if is_secret(name) => true,
            // An address to clone from may hold a token.
            ORGANIZATION_URL | AUTHORITY_HOST => value.contains('@'),
            // So may one that was copied from a subscription, as the code of a function.
            PUBLIC_URL => value.contains(['@', '?']),
            // Where a way to log in was expected, somebody may have put a password.
            REDIS_AUTH => !matches!(value.trim(), "password" | "managed_identity"),
            _ => false,
        };
        let shown = if may_hold_a_secret { "[redacted]" } else { value };
        let error = format!("{name}={shown}: {}", remedy.as_ref());
        // What several parts need is read for each of them.
        if !self.errors.contains(&error) {
            self.errors.push(error);
        }
    }

    /// Refuses what used to be a setting and is still set.
    pub(super) fn refuse_removed(&mut self) {
        for (name, now) in REMOVED {
            if let Some(value) = self.text(name) {
                self.refuse(name, &value, format!("no longer a setting: {now}; remove it"));
            }
        }
    }

    /// What `parse` makes of a setting. One that it refuses, with a remedy, counts as not set.
    pub(super) fn parsed<Parsed, Remedy: AsRef<str>>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<Parsed, Remedy>,
    ) -> Option<Parsed> {
        let text = self.text(name)?;
        parse(&text).map_err(|remedy| self.refuse(name, &text, remedy)).ok()
    }

    pub(super) fn number<N: TryFrom<u64>>(&mut self, name: &str, range: RangeInclusive<u64>) -> Option<N> {
        self.parsed(name, |text| {
            let number = text.trim().parse().ok().filter(|number| range.contains(number));
            let number = number.and_then(|number| N::try_from(number).ok());
            number.ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()))
        })
    }

    pub(super) fn ms(&mut self, name: &str, range: RangeInclusive<u64>, default: u64) -> Duration {
        Duration::from_millis(self.number(name, range).unwrap_or(default))
    }

    pub(super) fn on_off(&mut self, name: &str) -> Option<bool> {
        self.parsed(name, |text| match text.trim() {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err("must be `on` or `off`"),
        })
    }

    /// The boards that are served. Which teams there are only an organisation says, be it a simulated one.
    pub(super) fn allowed(&mut self, has_organization: bool) -> AllowedBoards {
        let projects = self.parsed(PROJECTS, |text| {
            Ok::<_, &str>(parts(text)?.into_iter().filter_map(NameOrId::parse).collect())
        });
        let of_projects = AllowedBoards::projects(projects.unwrap_or_default());
        let of_teams = self.parsed(TEAMS, |text| {
            if !has_organization {
                let remedy =
                    "set BOARDCAST_ORGANIZATION_URL as well, or remove it: service hooks name no teams";
                return Err(remedy.to_owned());
            }
            let wrong = |part| format!("`{part}` names no team; write it like Web or Fabrikam Fiber/Web");
            of_projects.clone().with_teams(parts(text)?).map_err(wrong)
        });
        of_teams.unwrap_or(of_projects)
    }

    pub(super) fn demo(&mut self, under_host: bool, has_organization: bool) -> bool {
        let demo = self.on_off(DEMO);
        if demo == Some(true) && has_organization {
            let remedy = "the demo cannot run while BOARDCAST_ORGANIZATION_URL is set; remove one of the two";
            self.refuse(DEMO, "on", remedy);
        }
        demo.unwrap_or(!under_host && !has_organization)
    }

    pub(super) fn team_zones(&mut self, window: &SyncWindow) -> TeamZones {
        let zones = self.parsed(TEAM_ZONES, |text| {
            TeamZones::parse(text, window.zone()).map_err(|part| {
                format!("`{part}` is not a team and an IANA time zone; write it like Web=Europe/Berlin")
            })
        });
        zones.unwrap_or_else(|| TeamZones::all_in(window.zone()))
    }

    pub(super) fn blocked_by(&mut self) -> BlockedRules {
        let rules = self.parsed(BLOCKED_BY, |text| {
            BlockedRules::parse(text).map_err(|part| {
                format!(
                    "`{part}` is nothing that can mark a work item; write it like tag:Blocked, \
                     field:Microsoft.VSTS.CMMI.Blocked (a field that is yes or no, by its reference name) or column:Blocked"
                )
            })
        });
        rules.unwrap_or_default()
    }

    pub(super) fn metric_settings(&mut self) -> MetricSettings {
        MetricSettings {
            stale_working_days: self.number(STALE_DAYS, 1..=250).unwrap_or(STALE_WORKING_DAYS_DEFAULT),
            grace_days: self.number(GRACE_DAYS, 0..=30).unwrap_or(GRACE_DAYS_DEFAULT),
            escaped_tags: self.tags(ESCAPED_TAGS),
            goal_tag: self
                .text(GOAL_TAG)
                .map_or_else(MetricSettings::goal_tag_default, |tag| tag.trim().into()),
        }
    }

    /// The tags, comma-separated, that a setting names.
    fn tags(&self, setting: &str) -> Arc<[Text]> {
        let text = self.text(setting).unwrap_or_default();
        text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(Text::from).collect()
    }

    pub(super) fn derive_settings(&mut self) -> DeriveSettings {
        let default = DeriveSettings::default();
        let fraction = self.parsed(THRESHOLD, |text| {
            let fraction = text.trim().parse().ok().filter(|fraction| (0.0..=1.0).contains(fraction));
            fraction.ok_or("must be a number from 0 to 1, such as 0.05")
        });
        let settle = self.ms(SETTLE, 100..=3_600_000, 10_000);
        DeriveSettings { fraction: fraction.unwrap_or(default.fraction), settle, ..default }
    }

    pub(super) fn function_timeout(&mut self, under_host: bool) -> FunctionTimeout {
        if !under_host {
            return FunctionTimeout::Never;
        }
        let parse = |text: &str| {
            let timeout = FunctionTimeout::parse(text.trim());
            timeout.ok_or("must be a time such as 00:10:00, or -1 for none")
        };
        self.parsed(FUNCTION_TIMEOUT, parse).unwrap_or(FunctionTimeout::Unknown)
    }

    pub(super) fn stream_settings(
        &mut self,
        under_host: bool,
        function_timeout: FunctionTimeout,
    ) -> StreamSettings {
        let (heartbeat, coalesce, lifetime, max) = if under_host {
            (30_000, StreamSettings::COALESCE_UNDER_HOST, 1_200_000, 1_000)
        } else {
            (15_000, StreamSettings::COALESCE_STANDALONE, 0, 10_000)
        };
        let lifetime = self.ms(LIFETIME, 0..=86_400_000, lifetime);
        let max = self.number(STREAMS_MAX, 1..=1_000_000).unwrap_or(max);
        StreamSettings {
            heartbeat: self.ms(HEARTBEAT, 1_000..=200_000, heartbeat),
            coalesce,
            lifetime: match (lifetime.is_zero(), function_timeout.limit()) {
                (true, limit) => limit,
                (false, limit) => Some(limit.map_or(lifetime, |limit| limit.min(lifetime))),
            },
            max,
            shed: StreamSettings::SHED,
            // Each stream that is held open costs the host as much as one that is of use. A standalone process pays
            // a socket and a timer.
            shed_held_max: if under_host { max.div_ceil(20) } else { max.max(SHED_HELD_STANDALONE) },
        }
    }

    pub(super) fn operator_access(&mut self, under_host: bool) -> OperatorAccess {
        let parse = |text: &str| if is_unresolved(text) { Err(UNRESOLVED) } else { Ok(Secret::new(text)) };
        match self.parsed(OPERATOR_KEY, parse) {
            Some(key) => OperatorAccess::Key(key),
            None if under_host => OperatorAccess::Closed,
            None => OperatorAccess::Open,
        }
    }

    pub(super) fn allowed_origins(&mut self, under_host: bool) -> AllowedOrigins {
        if under_host {
            return AllowedOrigins::Platform;
        }
        let origins = self.parsed(ALLOWED_ORIGINS, |text| {
            let origins: Vec<_> = text.split(',').map(|origin| origin.trim().to_owned()).collect();
            match origins.iter().find(|origin| !is_origin(origin)) {
                _ if text.trim() == "*" => Ok(AllowedOrigins::Any),
                None => Ok(AllowedOrigins::These(origins)),
                Some(origin) => Err(format!(
                    "`{origin}` is not an origin; write scheme and host without a path, such as https://wall.example, or `*` alone"
                )),
            }
        });
        origins.unwrap_or_else(|| AllowedOrigins::These(Vec::new()))
    }

    pub(super) fn frame_ancestors(&mut self) -> FrameAncestors {
        let ancestors = self.parsed(FRAME_ANCESTORS, |text| {
            FrameAncestors::parse(text).map_err(|part| {
                format!(
                    "`{part}` is not an origin; write 'none' alone, or 'self' and origins such as https://wiki.example, \
                     with the quotes and with blanks between them"
                )
            })
        });
        ancestors.unwrap_or_default()
    }

    pub(super) fn allowed_hosts(&mut self, under_host: bool) -> AllowedHosts {
        if under_host {
            return AllowedHosts::Any;
        }
        let hosts = self.parsed(ALLOWED_HOSTS, |text| {
            let names =
                text.split(',').map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty());
            let names: Vec<_> = names.collect();
            match names.iter().find(|name| name.contains(['/', ':', '*', ' '])) {
                None => Ok(names),
                Some(name) => Err(format!(
                    "`{name}` is not a host name; write it without scheme and port, such as board.example"
                )),
            }
        });
        AllowedHosts::These(hosts.unwrap_or_default())
    }

    pub(super) fn sync_window(&mut self) -> SyncWindow {
        let (default_cron, default_zone) = (SyncWindow::DEFAULT_CRON, SyncWindow::DEFAULT_ZONE);
        let cron = self.text(SYNC_CRON).unwrap_or_else(|| default_cron.into());
        let zone = self.text(SYNC_ZONE).unwrap_or_else(|| default_zone.into());
        let window = SyncWindow::parse(&cron, &zone).map_err(|error| match error {
            WindowError::Cron(why) => {
                let remedy =
                    format!("must be a cron expression of five fields such as `{default_cron}` ({why})");
                self.refuse(SYNC_CRON, &cron, remedy);
            }
            WindowError::Zone => {
                self.refuse(SYNC_ZONE, &zone, format!("must be an IANA time zone such as {default_zone}"));
            }
        });
        window.unwrap_or_default()
    }

    pub(super) fn secret(&mut self, name: &str) -> Option<Secret> {
        self.parsed(name, |text| match text.chars().count() {
            _ if is_unresolved(text) => Err(UNRESOLVED),
            // Azure DevOps takes no longer passwords, so a longer one can never match.
            0..=256 => Ok(Secret::new(text)),
            _ => Err("must have at most 256 characters; Azure DevOps sends no longer password"),
        })
    }

    pub(super) fn hook_access(&mut self, under_host: bool) -> HookAccess {
        let (current, previous) = (self.secret(SECRET), self.secret(SECRET_PREVIOUS));
        if current.is_none() && previous.is_some() {
            let remedy = "set BOARDCAST_WEBHOOK_SECRET as well, or remove this one: it is only accepted beside the                           current secret";
            self.refuse(SECRET_PREVIOUS, "", remedy);
        }
        let secrets: Vec<_> = current.into_iter().chain(previous).collect();
        match (secrets.is_empty(), under_host) {
            (false, _) => HookAccess::Secrets(secrets),
            (true, true) => HookAccess::Closed,
            (true, false) => HookAccess::Open,
        }
    }

    pub(super) fn log_filter(&mut self) -> String {
        let filter = self.parsed(LOG_FILTER, |text| {
            EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| {
                format!("must be a tracing filter such as `info` or `boardcast=debug,warn` ({error})")
            })
        });
        filter.unwrap_or_else(|| "info".into())
    }
}

/// The parts of a list that are not blank. Errors: there are none. An empty list means all, which is not what somebody wanted
/// who wrote something.
fn parts(text: &str) -> Result<Vec<&str>, &'static str> {
    let parts: Vec<_> = text.split(',').filter(|part| !part.trim().is_empty()).collect();
    if parts.is_empty() { Err("must name something; remove it to mean all") } else { Ok(parts) }
}
