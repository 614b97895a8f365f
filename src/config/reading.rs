//! Reading one setting after another.

use std::net::IpAddr;
use std::time::Duration;

use super::{
    ALLOWED_ORIGINS, AllowedOrigins, CLIENT_ID, DEMO, DEPLOYMENT, HEARTBEAT, IDENTITY_ENDPOINT,
    IDENTITY_HEADER, LIFETIME, LOG_FILTER, OPERATOR_KEY, ORGANIZATION_URL, OperatorAccess, Organization, PAT,
    REDIS_AUTH, REMOVED, SECRET, SECRET_PREVIOUS, SETTLE, SITE_NAME, STREAMS_MAX, SYNC_CRON, SYNC_ZONE,
    SettingError, TEAM_ZONES, THRESHOLD,
};
use crate::devops::credentials::HookAccess;
use crate::domain::owner::Owner;
use crate::domain::schedule::{SyncWindow, WindowError};
use crate::domain::scope::NameOrId;
use crate::domain::sprint::zones::TeamZones;
use crate::platform::identity::IdentitySettings;
use crate::platform::secret::Secret;
use crate::stream::StreamSettings;
use crate::write::announce::DeriveSettings;

/// How many readers who were shed a standalone process holds open at least, however few streams are allowed: one tab
/// of a careless client takes several places.
const SHED_HELD_STANDALONE: usize = 1_000;

/// How long the name of a deployment may be: it is part of every key.
const DEPLOYMENT_CHARS_MAX: usize = 60;

/// What is shown in place of a value that is, or may hold, a secret.
pub(super) const REDACTED: &str = "[redacted]";

/// The settings while they are read: what is wrong is gathered, so that all of it is told at once.
pub(super) struct Reading<Lookup> {
    lookup: Lookup,
    pub(super) errors: Vec<SettingError>,
}

impl<Lookup: Fn(&str) -> Option<String>> Reading<Lookup> {
    pub(super) const fn new(lookup: Lookup) -> Self {
        Self { lookup, errors: Vec::new() }
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.trim().is_empty())
    }

    pub(super) fn refuse(&mut self, name: &'static str, value: &str, remedy: impl Into<String>) {
        self.errors.push(SettingError { name, value: value.into(), remedy: remedy.into() });
    }

    /// Refuses what used to be a setting and is still set.
    pub(super) fn refuse_removed(&mut self) {
        for (name, now) in REMOVED.iter().copied() {
            let Some(value) = self.text(name) else { continue };
            // Where a way to log in was expected, somebody may have put a password.
            let is_plain = name != REDIS_AUTH || matches!(value.trim(), "password" | "managed_identity");
            let shown = if is_plain { value.as_str() } else { REDACTED };
            self.refuse(name, shown, format!("no longer a setting: {now}; remove it"));
        }
    }

    pub(super) fn number(&mut self, name: &'static str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let text = self.text(name)?;
        let number = text.trim().parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            self.refuse(
                name,
                &text,
                format!("must be a whole number from {} to {}", range.start(), range.end()),
            );
        }
        number
    }

    pub(super) fn ms(
        &mut self,
        name: &'static str,
        range: std::ops::RangeInclusive<u64>,
        default: u64,
    ) -> Duration {
        Duration::from_millis(self.number(name, range).unwrap_or(default))
    }

    pub(super) fn count(
        &mut self,
        name: &'static str,
        range: std::ops::RangeInclusive<u64>,
        default: usize,
    ) -> usize {
        self.number(name, range).and_then(|count| usize::try_from(count).ok()).unwrap_or(default)
    }

    pub(super) fn small(
        &mut self,
        name: &'static str,
        range: std::ops::RangeInclusive<u64>,
        default: u32,
    ) -> u32 {
        self.number(name, range).and_then(|number| u32::try_from(number).ok()).unwrap_or(default)
    }

    pub(super) fn organization(&mut self) -> Option<Organization> {
        let token = self.text(PAT).map(|token| Secret::new(token.trim().to_owned()));
        let Some(text) = self.text(ORGANIZATION_URL) else {
            if token.is_some() {
                self.refuse(
                    PAT,
                    REDACTED,
                    format!(
                        "set {ORGANIZATION_URL} as well, or remove the token: it is used for nothing else"
                    ),
                );
            }
            return None;
        };
        let url = text.trim().trim_end_matches('/');
        if !is_url(url) {
            // An address to clone from may hold a token.
            let shown = if url.contains('@') { REDACTED } else { &text };
            self.refuse(ORGANIZATION_URL, shown, "must be a URL such as https://dev.azure.com/contoso");
        }
        Some(Organization { url: url.to_owned(), token })
    }

    /// Whose boards are kept. An organisation is told by its address, a deployment that has none by its name.
    pub(super) fn owner(&mut self, demo: bool, organization: Option<&Organization>) -> Owner {
        let named = self.text(DEPLOYMENT).map(|name| name.trim().to_owned());
        if let Some(name) = named.as_ref().filter(|name| name.chars().count() > DEPLOYMENT_CHARS_MAX) {
            self.refuse(DEPLOYMENT, name, format!("must have at most {DEPLOYMENT_CHARS_MAX} characters"));
        }
        let or_site = || named.clone().or_else(|| self.text(SITE_NAME));
        match organization {
            _ if demo => Owner::demo(or_site().as_deref()),
            Some(organization) => Owner::organization(&organization.url, named.as_deref()),
            None => Owner::hooks_alone(or_site().as_deref()),
        }
    }

    /// Where the platform gives out tokens of the managed identity, as it says itself.
    pub(super) fn identity(&self) -> IdentitySettings {
        IdentitySettings {
            endpoint: self.text(IDENTITY_ENDPOINT),
            header: self.text(IDENTITY_HEADER).map(Secret::new),
            client_id: self.text(CLIENT_ID),
        }
    }

    pub(super) fn demo(&mut self, under_host: bool, has_organization: bool) -> bool {
        match self.on_off(DEMO) {
            Some(true) if has_organization => {
                let remedy =
                    format!("the demo cannot run while {ORGANIZATION_URL} is set; remove one of the two");
                self.refuse(DEMO, "on", remedy);
                false
            }
            Some(demo) => demo,
            None => !under_host && !has_organization,
        }
    }

    pub(super) fn team_zones(&mut self, window: &SyncWindow) -> TeamZones {
        let text = self.text(TEAM_ZONES).unwrap_or_default();
        TeamZones::parse(&text, window.zone()).unwrap_or_else(|part| {
            let remedy =
                format!("`{part}` is not a team and an IANA time zone; write it like Web=Europe/Berlin");
            self.refuse(TEAM_ZONES, &text, remedy);
            TeamZones::all_in(window.zone())
        })
    }

    pub(super) fn derive_settings(&mut self) -> DeriveSettings {
        let default = DeriveSettings::default();
        let text = self.text(THRESHOLD);
        let fraction = text.as_ref().map(|text| text.trim().parse::<f64>().ok());
        let fraction = match fraction {
            None => default.fraction,
            Some(Some(fraction)) if (0.0..=1.0).contains(&fraction) => fraction,
            Some(_) => {
                self.refuse(
                    THRESHOLD,
                    &text.unwrap_or_default(),
                    "must be a number from 0 to 1, such as 0.05",
                );
                default.fraction
            }
        };
        DeriveSettings { fraction, settle: self.ms(SETTLE, 100..=3_600_000, 10_000), ..default }
    }

    pub(super) fn stream_settings(&mut self, under_host: bool) -> StreamSettings {
        let or = |standalone: u64, host: u64| if under_host { host } else { standalone };
        let lifetime = self.ms(LIFETIME, 0..=86_400_000, or(0, 1_200_000));
        let max = self.count(STREAMS_MAX, 1..=1_000_000, if under_host { 1_000 } else { 10_000 });
        StreamSettings {
            heartbeat: self.ms(HEARTBEAT, 1_000..=200_000, or(15_000, 30_000)),
            coalesce: if under_host {
                StreamSettings::COALESCE_UNDER_HOST
            } else {
                StreamSettings::COALESCE_STANDALONE
            },
            lifetime: (!lifetime.is_zero()).then_some(lifetime),
            max,
            shed: StreamSettings::SHED,
            // Each stream that is held open costs the host as much as one that is of use. A standalone process pays
            // a socket and a timer.
            shed_held_max: if under_host { max.div_ceil(20) } else { max.max(SHED_HELD_STANDALONE) },
        }
    }

    pub(super) fn operator_access(&mut self, under_host: bool) -> OperatorAccess {
        match (self.text(OPERATOR_KEY), under_host) {
            (Some(key), _) => OperatorAccess::Key(Secret::new(key)),
            (None, true) => OperatorAccess::Closed,
            (None, false) => OperatorAccess::Open,
        }
    }

    pub(super) fn allowed_origins(&mut self, under_host: bool) -> AllowedOrigins {
        let Some(text) = self.text(ALLOWED_ORIGINS).filter(|_| !under_host) else {
            return if under_host { AllowedOrigins::Platform } else { AllowedOrigins::These(Vec::new()) };
        };
        if text.trim() == "*" {
            return AllowedOrigins::Any;
        }
        let origins: Vec<_> = text.split(',').map(|origin| origin.trim().to_owned()).collect();
        if let Some(origin) = origins.iter().find(|origin| !is_origin(origin)) {
            let remedy = format!(
                "`{origin}` is not an origin; write scheme and host without a path, such as https://wall.example, or `*` alone"
            );
            self.refuse(ALLOWED_ORIGINS, &text, remedy);
        }
        AllowedOrigins::These(origins)
    }

    pub(super) fn sync_window(&mut self) -> SyncWindow {
        let cron = self.text(SYNC_CRON).unwrap_or_else(|| SyncWindow::DEFAULT_CRON.into());
        let zone = self.text(SYNC_ZONE).unwrap_or_else(|| SyncWindow::DEFAULT_ZONE.into());
        match SyncWindow::parse(&cron, &zone) {
            Ok(window) => window,
            Err(WindowError::Cron(why)) => {
                self.refuse(
                    SYNC_CRON,
                    &cron,
                    format!(
                        "must be a cron expression of five fields such as `{}` ({why})",
                        SyncWindow::DEFAULT_CRON
                    ),
                );
                SyncWindow::default()
            }
            Err(WindowError::Zone) => {
                self.refuse(
                    SYNC_ZONE,
                    &zone,
                    format!("must be an IANA time zone such as {}", SyncWindow::DEFAULT_ZONE),
                );
                SyncWindow::default()
            }
        }
    }

    pub(super) fn on_off(&mut self, name: &'static str) -> Option<bool> {
        let text = self.text(name)?;
        match text.trim() {
            "on" => Some(true),
            "off" => Some(false),
            _ => {
                self.refuse(name, &text, "must be `on` or `off`");
                None
            }
        }
    }

    pub(super) fn list(&self, name: &str) -> Vec<NameOrId> {
        self.text(name).unwrap_or_default().split(',').filter_map(NameOrId::parse).collect()
    }

    fn secret(&mut self, name: &'static str) -> Option<Secret> {
        let text = self.text(name)?;
        // Azure DevOps takes passwords of at most 256 characters, so a longer one can never match.
        if text.chars().count() > 256 {
            self.refuse(
                name,
                REDACTED,
                "must have at most 256 characters; Azure DevOps sends no longer password",
            );
            return None;
        }
        Some(Secret::new(text))
    }

    pub(super) fn hook_access(&mut self, under_host: bool) -> HookAccess {
        let (current, previous) = (self.secret(SECRET), self.secret(SECRET_PREVIOUS));
        if current.is_none() && previous.is_some() {
            self.refuse(
                SECRET_PREVIOUS,
                REDACTED,
                format!(
                    "set {SECRET} as well, or remove this one: it is only accepted beside the current secret"
                ),
            );
        }
        let secrets: Vec<_> = current.into_iter().chain(previous).collect();
        match (secrets.is_empty(), under_host) {
            (false, _) => HookAccess::Secrets(secrets),
            (true, true) => HookAccess::Closed,
            (true, false) => HookAccess::Open,
        }
    }

    pub(super) fn log_filter(&mut self) -> String {
        let text = self.text(LOG_FILTER).unwrap_or_else(|| "info".into());
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&text) {
            self.refuse(
                LOG_FILTER,
                &text,
                format!("must be a tracing filter such as `info` or `boardcast=debug,warn` ({error})"),
            );
        }
        text
    }
}

fn is_url(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Scheme, host and perhaps a port: what a browser sends as `Origin`, which has neither path nor final slash.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#', ' ', '*']))
}

/// Whether a host is this machine, which nothing that is sent to it leaves.
pub(super) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
