//! The organisation that is asked, what it is asked with, and whose boards are kept.

use super::reading::Reading;
use super::{
    AUTHORITY_HOST, CLIENT_ID, CLIENT_SECRET, DEPLOYMENT, FEDERATED_TOKEN_FILE, IDENTITY_ENDPOINT,
    IDENTITY_HEADER, ORGANIZATION_URL, PAT, SITE_NAME, TENANT_ID,
};
use crate::devops::is_of_services;
use crate::domain::owner::Owner;
use crate::platform::identity::{Application, IdentitySettings, ManagedEndpoint};
use crate::platform::is_this_machine;
use crate::platform::secret::Secret;

/// Who gives out tokens, where nothing else is set.
const AUTHORITY_DEFAULT: &str = "https://login.microsoftonline.com";

/// How long the name of a deployment may be: it is part of every key.
const DEPLOYMENT_CHARS_MAX: usize = 60;

/// An organisation, and what it is asked with.
#[derive(Clone, Debug)]
pub struct Organization {
    /// Its address, or that of a server's collection, without a slash at the end.
    pub url: String,
    /// With what it is logged in to.
    pub login: OrganizationLogin,
}

/// With what an organisation is logged in to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrganizationLogin {
    /// With nothing.
    Anonymous,
    /// With a personal access token.
    PersonalToken(Secret),
    /// With tokens of this application's identity.
    Identity(IdentitySettings),
}

impl OrganizationLogin {
    /// Whether it is a person's: what is made with it belongs to that person.
    pub const fn is_personal(&self) -> bool {
        matches!(self, Self::PersonalToken(_))
    }

    /// What it is called, in the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Anonymous => "none",
            Self::PersonalToken(_) => "personal access token",
            Self::Identity(identity) => identity.name(),
        }
    }
}

impl<Lookup: Fn(&str) -> Option<String>> Reading<Lookup> {
    pub(super) fn organization(&mut self) -> Option<Organization> {
        let token = self.text(PAT).map(|token| Secret::new(token.trim()));
        let Some(text) = self.text(ORGANIZATION_URL) else {
            if token.is_some() {
                let remedy = "set BOARDCAST_ORGANIZATION_URL as well, or remove the token: it is used for nothing else";
                self.refuse(PAT, "", remedy);
            }
            return None;
        };
        let url = text.trim().trim_end_matches('/');
        if !is_url(url) {
            let remedy = "must be a URL such as https://dev.azure.com/contoso, without a user or token in it: a token \
                          belongs in AZURE_DEVOPS_PAT";
            self.refuse(ORGANIZATION_URL, &text, remedy);
        }
        let login = match token {
            Some(token) => OrganizationLogin::PersonalToken(token),
            None if self.takes_tokens_of_entra(url) => OrganizationLogin::Identity(self.identity()),
            None => OrganizationLogin::Anonymous,
        };
        Some(Organization { url: url.to_owned(), login })
    }

    /// Whose boards are kept. An organisation is told by its address, a deployment that has none by its name.
    pub(super) fn owner(&mut self, demo: bool, organization: Option<&Organization>) -> Owner {
        let named = self.parsed(DEPLOYMENT, |text| match text.trim() {
            name if name.chars().count() <= DEPLOYMENT_CHARS_MAX => Ok(name.to_owned()),
            _ => Err(format!("must have at most {DEPLOYMENT_CHARS_MAX} characters")),
        });
        let or_site = || named.clone().or_else(|| self.text(SITE_NAME));
        match organization {
            _ if demo => Owner::demo(or_site().as_deref()),
            Some(organization) => Owner::organization(&organization.url, named.as_deref()),
            None => Owner::hooks_alone(or_site().as_deref()),
        }
    }

    /// Whether an organisation is logged in to with this application's identity, where no personal token is named. A server
    /// of one's own knows no Entra, and its address may be a misspelt one: a token would open the organisation to whoever
    /// is there. This machine may forward calls, so an identity that is named is meant for it.
    fn takes_tokens_of_entra(&self, url: &str) -> bool {
        let named = [CLIENT_SECRET, FEDERATED_TOKEN_FILE, IDENTITY_ENDPOINT];
        let url = reqwest::Url::parse(url).ok();
        url.as_ref().and_then(reqwest::Url::host_str).is_some_and(|host| {
            is_of_services(host)
                || is_this_machine(host) && named.iter().any(|name| self.text(name).is_some())
        })
    }

    /// By what Microsoft Entra knows this application: the first that is named, else what the platform gives it.
    pub(super) fn identity(&mut self) -> IdentitySettings {
        let secret = self.text(CLIENT_SECRET).map(|secret| Secret::new(secret.trim()));
        if let Some(secret) = secret
            && let Some(application) = self.application(CLIENT_SECRET)
        {
            return IdentitySettings::ClientSecret { application, secret };
        }
        if let Some(file) = self.text(FEDERATED_TOKEN_FILE)
            && let Some(application) = self.application(FEDERATED_TOKEN_FILE)
        {
            return IdentitySettings::FederatedToken { application, file: file.trim().into() };
        }
        IdentitySettings::Managed(ManagedEndpoint {
            endpoint: self.text(IDENTITY_ENDPOINT),
            header: self.text(IDENTITY_HEADER).map(Secret::new),
            client_id: self.text(CLIENT_ID),
        })
    }

    /// The application that `credential` is of.
    fn application(&mut self, credential: &str) -> Option<Application> {
        let authority = self.parsed(AUTHORITY_HOST, authority);
        let authority = authority.or_else(|| reqwest::Url::parse(AUTHORITY_DEFAULT).ok());
        let of = |name| Some(self.text(name)?.trim().to_owned());
        if let (Some(authority), Some(tenant), Some(client_id)) = (authority, of(TENANT_ID), of(CLIENT_ID)) {
            return Some(Application { authority, tenant, client_id });
        }
        let remedy = "set AZURE_TENANT_ID and AZURE_CLIENT_ID as well, or remove it to log in with the managed identity";
        let value = self.text(credential).unwrap_or_default();
        self.refuse(credential, &value, remedy);
        None
    }
}

/// Where tokens are given out. Secrets go there, so nobody else may read them on the way.
fn authority(text: &str) -> Result<reqwest::Url, &'static str> {
    let is_plain = is_url(text.trim()) && !text.contains(['?', '#']);
    let url = reqwest::Url::parse(text.trim()).ok().filter(|_| is_plain);
    let is_safe = |url: &reqwest::Url| url.scheme() == "https" || url.host_str().is_some_and(is_this_machine);
    url.filter(is_safe)
        .ok_or("must be a URL that begins with https://, such as https://login.microsoftonline.com")
}

fn is_url(text: &str) -> bool {
    reqwest::Url::parse(text).is_ok_and(|url| {
        let is_plain = url.username().is_empty() && url.password().is_none();
        is_plain && matches!(url.scheme(), "http" | "https") && url.has_host()
    })
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    const SERVICES: &str = "https://dev.azure.com/contoso";
    const TENANT: (&str, &str) = (TENANT_ID, "contoso.onmicrosoft.com");
    const CLIENT: (&str, &str) = (CLIENT_ID, "c");
    const SECRET: (&str, &str) = (CLIENT_SECRET, "hunter2");
    const FILE: (&str, &str) = (FEDERATED_TOKEN_FILE, "/var/run/secrets/token");

    fn login(url: &str, settings: &[(&str, &str)]) -> Result<OrganizationLogin, String> {
        let lookup = |name: &str| {
            let named = settings.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
            named.or((name == ORGANIZATION_URL).then_some(url)).map(str::to_owned)
        };
        Config::from_lookup(lookup).map(|config| config.organization.unwrap().login)
    }

    #[test]
    fn l1_the_first_way_to_log_in_that_is_named_is_taken() {
        let name = |settings: &[_]| login(SERVICES, settings).unwrap().name();
        let all =
            [(PAT, "hunter2"), TENANT, CLIENT, SECRET, FILE, (IDENTITY_ENDPOINT, "http://127.0.0.1:1/")];
        let ways = ["personal access token", "client secret", "federated token", "managed identity"];
        let without =
            |names: &[&str]| all.into_iter().filter(|(name, _)| !names.contains(name)).collect::<Vec<_>>();
        assert_eq!(name(&all), ways[0]);
        assert_eq!(name(&without(&[PAT])), ways[1]);
        assert_eq!(name(&without(&[PAT, CLIENT_SECRET])), ways[2]);
        assert_eq!(name(&without(&[PAT, CLIENT_SECRET, FEDERATED_TOKEN_FILE])), ways[3]);
        assert_eq!(name(&[]), ways[3]);
        let managed = |settings: &[_]| match login(SERVICES, settings).unwrap() {
            OrganizationLogin::Identity(IdentitySettings::Managed(endpoint)) => endpoint,
            other => panic!("{other:?}"),
        };
        assert_eq!(managed(&[]), ManagedEndpoint::default());
        assert_eq!(managed(&[CLIENT]).client_id.as_deref(), Some("c"));
    }

    #[test]
    fn l5_tokens_of_entra_go_to_azure_devops_services_and_to_nobody_else() {
        let with_secret = [TENANT, CLIENT, SECRET];
        for (url, way) in [
            ("https://contoso.visualstudio.com", "client secret"),
            ("https://dev.azure.com/contoso", "client secret"),
            ("http://127.0.0.1:8080/contoso", "client secret"),
            ("https://tfs.contoso.example/tfs/DefaultCollection", "none"),
            ("https://dev.azure.com.contoso.example/contoso", "none"),
            ("https://notvisualstudio.com", "none"),
        ] {
            assert_eq!(login(url, &with_secret).unwrap().name(), way, "{url}");
        }
        assert_eq!(login("http://127.0.0.1:8080/contoso", &[TENANT, CLIENT]).unwrap().name(), "none");
        let token = login("https://tfs.contoso.example/tfs/DefaultCollection", &[(PAT, "t")]).unwrap();
        assert_eq!(token, OrganizationLogin::PersonalToken(Secret::new("t")));
    }

    #[test]
    fn l5_an_application_is_named_whole_and_its_secret_never_told() {
        for (settings, name) in [
            (vec![SECRET], "AZURE_CLIENT_SECRET=[redacted]: "),
            (vec![SECRET, TENANT], "AZURE_CLIENT_SECRET=[redacted]: "),
            (vec![FILE, CLIENT], "AZURE_FEDERATED_TOKEN_FILE=/var/run/secrets/token: "),
        ] {
            let errors = login(SERVICES, &settings).unwrap_err();
            assert!(errors.starts_with(name) && errors.contains("AZURE_TENANT_ID"), "{errors}");
            assert!(!errors.contains("hunter2") && errors.lines().count() == 1, "{errors}");
        }
        for authority in
            ["login.microsoftonline.com", "http://login.example", "https://me:hunter2@login.example"]
        {
            let settings = [TENANT, CLIENT, SECRET, (AUTHORITY_HOST, authority)];
            let errors = login(SERVICES, &settings).unwrap_err();
            assert!(errors.contains("AZURE_AUTHORITY_HOST=") && !errors.contains("hunter2"), "{errors}");
        }
        let whole = login(SERVICES, &[TENANT, CLIENT, SECRET]).unwrap();
        assert!(!format!("{whole:?}").contains("hunter2"));
        // Nobody logs in with it, so nobody is told how to.
        assert!(login(SERVICES, &[(PAT, "t"), SECRET]).is_ok());
    }
}
