//! Where a deployment is, and who it is to others, as far as its settings say it: what a command has to name that mends
//! something. What they do not say stands in angle brackets.

mod organisation;

use reqwest::Url;

use super::{Config, OrganizationLogin};
use crate::platform::is_this_machine;

/// The schedule of the timer that a deployment has by default.
const SCHEDULE: &str = "0 */15 12-23 * * 1-5";

/// Where a deployment is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    is_standalone: bool,
    group: Option<String>,
    app: Option<String>,
    /// The address of the organisation.
    organization: Option<String>,
    /// The client id of the user-assigned identity, or of the application.
    client: Option<String>,
    is_person: bool,
    redis: Option<String>,
    tables: Option<String>,
}

/// A word as a shell takes it for itself. What stands in angle brackets is yet to be replaced.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=,%+<>".contains(c);
    match !text.is_empty() && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

/// The host of an address.
fn host(address: &str) -> Option<String> {
    Url::parse(address).ok()?.host_str().map(str::to_owned)
}

impl Config {
    /// Where this deployment is.
    pub fn place(&self) -> Place {
        let organization = self.organization.as_ref();
        Place {
            is_standalone: !self.under_host,
            group: self.host.resource_group.clone(),
            app: self.host.site.clone(),
            organization: organization.map(|organization| organization.url.clone()),
            client: self.host.client.clone(),
            is_person: organization.is_some_and(|of| !matches!(of.login, OrganizationLogin::Identity(_))),
            redis: self
                .redis
                .as_ref()
                .and_then(|redis| redis.address.nodes.first())
                .map(|(host, _)| host.clone()),
            tables: self.tables.as_ref().and_then(|tables| host(&tables.endpoint)),
        }
    }
}

impl Place {
    /// The same of an app that is reached at that address: a name that the platform gave is that of the app, and what is not
    /// on this machine is one.
    #[must_use]
    pub fn at(self, address: &str) -> Self {
        let name = host(address).and_then(|host| {
            let name = host.strip_suffix(".azurewebsites.net")?.to_owned();
            // One with a dot has the region in it, and behind the name something that makes it unique.
            (!name.contains('.')).then_some(name)
        });
        let is_here = host(address).is_some_and(|host| is_this_machine(&host));
        Self { app: self.app.or(name), is_standalone: self.is_standalone && is_here, ..self }
    }

    /// That of a command, whose settings are those of the shell that it runs in.
    pub fn of_shell() -> Self {
        Self { is_standalone: true, ..Self::default() }
    }

    fn group(&self) -> String {
        self.group.as_deref().map_or_else(|| "<group>".into(), quoted)
    }

    fn name(&self) -> String {
        self.app.as_deref().map_or_else(|| "<app>".into(), quoted)
    }

    fn app(&self) -> String {
        format!("--resource-group {} --name {}", self.group(), self.name())
    }

    fn group_and_app(&self) -> String {
        format!("{} {}", self.group(), self.name())
    }

    /// Sets settings.
    pub fn set(&self, settings: &[(&str, &str)]) -> String {
        let words = settings.iter().map(|(name, value)| match value.starts_with("$(") {
            true => format!("{name}=\"{value}\""),
            false => format!("{name}={}", quoted(value)),
        });
        let words = words.collect::<Vec<_>>().join(" ");
        match self.is_standalone {
            true => format!("export {words}"),
            false => format!("az functionapp config appsettings set {} --settings {words}", self.app()),
        }
    }

    /// Removes a setting.
    pub fn remove(&self, name: &str) -> String {
        match self.is_standalone {
            true => format!("unset {}", quoted(name)),
            false => {
                format!(
                    "az functionapp config appsettings delete {} --setting-names {}",
                    self.app(),
                    quoted(name)
                )
            }
        }
    }

    /// Sets the timer's schedule to the one that a deployment has by default.
    pub fn set_schedule(&self) -> String {
        self.set(&[("SYNC_SCHEDULE", SCHEDULE)])
    }

    /// Lists a setting.
    pub fn list_setting(&self, name: &str) -> String {
        format!("az functionapp config appsettings list {} --query \"[?name=='{name}']\"", self.app())
    }

    /// Makes the secrets where they are absent, and has the app read them.
    pub fn make_secrets(&self) -> String {
        match self.is_standalone {
            true => "export BOARDCAST_WEBHOOK_SECRET=\"$(openssl rand -hex 32)\"".into(),
            false => format!("scripts/secrets <vault> && scripts/refresh {}", self.group_and_app()),
        }
    }

    /// Has the app read its secrets again.
    pub fn refresh(&self) -> String {
        if self.is_standalone {
            return "export BOARDCAST_WEBHOOK_SECRET=<the secret that subscriptions have>".into();
        }
        format!("scripts/refresh {}", self.group_and_app())
    }

    /// Exports a secret of the key vault as a setting of whoever runs the command.
    pub fn export_secret(setting: &str, secret: &str) -> String {
        format!(
            "export {setting}=\"$(az keyvault secret show --vault-name <vault> --name {secret} --query value --output tsv)\""
        )
    }

    /// Deploys this version.
    pub fn deploy(&self) -> String {
        if self.is_standalone {
            return "git pull && cargo build --release".into();
        }
        format!("scripts/deploy {}", self.group_and_app())
    }

    /// Shows how the app is, as the platform sees it; starts one that is a process of its own.
    pub fn show_app(&self) -> String {
        if self.is_standalone {
            return "boardcast".into();
        }
        format!("az functionapp show {} --query '{{state:state,host:defaultHostName}}'", self.app())
    }

    /// Shows what went wrong of late, by the log.
    pub fn show_log(&self) -> String {
        if self.is_standalone {
            return "BOARDCAST_LOG=debug boardcast".into();
        }
        let group = self.group();
        format!(
            "az monitor app-insights query --resource-group {group} --apps \"$(az monitor app-insights component show \
             --resource-group {group} --query '[0].appId' --output tsv)\" --offset 1h --analytics-query \
             'traces | where severityLevel >= 2 | top 20 by timestamp'"
        )
    }

    /// Makes a key that opens the webhook alone.
    pub fn make_function_key(&self) -> String {
        format!(
            "az functionapp function keys set {} --function-name WorkItemWebhook --key-name hooks",
            self.app()
        )
    }

    /// Reads that key.
    pub fn function_key(&self) -> String {
        format!(
            "$(az functionapp function keys list {} --function-name WorkItemWebhook --query hooks --output tsv)",
            self.app()
        )
    }

    /// Exports that key as a setting of whoever runs the command, and makes it before.
    pub fn export_function_key(&self) -> String {
        format!("{} && export BOARDCAST_WEBHOOK_KEY=\"{}\"", self.make_function_key(), self.function_key())
    }

    /// Has the app look after its subscriptions.
    pub fn set_public_address(&self) -> String {
        let app = self.app.as_deref().unwrap_or("<app>");
        match self.is_standalone {
            true => {
                self.set(&[("BOARDCAST_PUBLIC_URL", "<https address under which Azure DevOps reaches it>")])
            }
            false => self.set(&[
                ("BOARDCAST_PUBLIC_URL", &format!("https://{app}.azurewebsites.net")),
                ("BOARDCAST_WEBHOOK_KEY", &self.function_key()),
            ]),
        }
    }

    /// The object id of the identity in Microsoft Entra.
    fn object_id(&self) -> String {
        match &self.client {
            Some(client) => format!("$(az ad sp show --id {} --query id --output tsv)", quoted(client)),
            None => {
                format!("$(az functionapp identity show {} --query principalId --output tsv)", self.app())
            }
        }
    }

    /// Says what identity the app has.
    pub fn show_identity(&self) -> String {
        match &self.client {
            Some(client) => format!("az ad sp show --id {}", quoted(client)),
            None => format!("az functionapp identity assign {}", self.app()),
        }
    }

    /// Lets the identity read and write tables.
    pub fn grant_tables(&self) -> String {
        let account =
            self.tables.as_deref().and_then(|host| host.split_once('.')).map(|(account, _)| account);
        let scope = match account {
            Some(account) => {
                format!("\"$(az storage account show --name {account} --query id --output tsv)\"")
            }
            None => "<id of the storage account>".into(),
        };
        format!(
            "az role assignment create --role 'Storage Table Data Contributor' --assignee-object-id \"{}\" \
             --assignee-principal-type ServicePrincipal --scope {scope}",
            self.object_id()
        )
    }

    /// Asks the tables for anything, to see who answers.
    pub fn ask_tables(&self) -> String {
        let host = self.tables.as_deref().unwrap_or("<account>.table.core.windows.net");
        format!("curl -sS -m 30 -o /dev/null -w '%{{http_code}} %{{time_total}}s\\n' https://{host}/")
    }

    /// Asks Redis something, or tells it.
    pub fn redis_cli(&self, command: &str) -> String {
        format!("redis-cli -u \"$BOARDCAST_REDIS_URL\" {command}")
    }

    /// The name of the managed Redis, where it is one.
    fn managed_redis(&self) -> Option<&str> {
        let (name, rest) = self.redis.as_deref()?.split_once('.')?;
        rest.ends_with("redis.azure.net").then_some(name)
    }

    /// Has Redis drop nothing of its own accord.
    pub fn keep_everything(&self) -> String {
        match self.managed_redis() {
            Some(name) => format!(
                "az redisenterprise database update --resource-group {} --cluster-name {name} --eviction-policy NoEviction",
                self.group()
            ),
            None => self.redis_cli("config set maxmemory-policy noeviction"),
        }
    }

    /// Lets the identity run all commands.
    pub fn grant_redis(&self) -> String {
        match self.managed_redis() {
            Some(name) => format!(
                "az redisenterprise database access-policy-assignment create --resource-group {} --cluster-name {name} \
                 --database-name default --access-policy-assignment-name boardcast --access-policy-name default --object-id \"{}\"",
                self.group(),
                self.object_id()
            ),
            None => self.redis_cli(
                "acl setuser <user of BOARDCAST_REDIS_URL> '~bc:*' +@read +@write +@scripting +time +info",
            ),
        }
    }

    /// Says what a managed Redis does not say itself.
    pub fn show_redis(&self) -> String {
        let name = self.managed_redis().unwrap_or("<name>");
        format!(
            "az redisenterprise database show --resource-group {} --cluster-name {name} --query \
             '{{policy:evictionPolicy,persistence:persistence,version:redisVersion}}'",
            self.group()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(settings: &[(&str, &str)]) -> Place {
        let of =
            |name: &str| settings.iter().find(|(of, _)| *of == name).map(|(_, value)| (*value).to_owned());
        Config::from_lookup(of).unwrap().place()
    }

    const DEPLOYED: [(&str, &str); 7] = [
        ("FUNCTIONS_CUSTOMHANDLER_PORT", "1"),
        ("WEBSITE_SITE_NAME", "func-boardcast-x"),
        ("WEBSITE_RESOURCE_GROUP", "rg of boards"),
        ("BOARDCAST_ORGANIZATION_URL", "https://dev.azure.com/contoso"),
        ("AZURE_CLIENT_ID", "11111111-2222-3333-4444-555555555555"),
        ("BOARDCAST_REDIS_URL", "rediss://redis-x.westeurope.redis.azure.net:10000"),
        ("BOARDCAST_TABLES", "https://stboardcastx.table.core.windows.net"),
    ];

    #[test]
    fn what_the_platform_says_stands_in_the_commands() {
        let place = place(&DEPLOYED);
        assert_eq!(
            place.set(&[("BOARDCAST_TEAMS", "Web Team,Mobile")]),
            "az functionapp config appsettings set --resource-group 'rg of boards' --name func-boardcast-x --settings \
             BOARDCAST_TEAMS='Web Team,Mobile'"
        );
        let all = [
            place.grant_hooks("6ce954b1-ce1f-45d1-b94d-e6bf2464ba2c"),
            place.admit("6ce954b1-ce1f-45d1-b94d-e6bf2464ba2c"),
            place.grant_tables(),
            place.grant_redis(),
            place.show_redis(),
            place.keep_everything(),
            place.set_public_address(),
            place.show_log(),
            place.set_schedule(),
            place.deploy(),
        ];
        for command in all {
            assert!(!command.contains('<'), "nothing is left to be filled in: {command}");
        }
        assert!(
            place.grant_hooks("p").contains("vssps.dev.azure.com/contoso/"),
            "{}",
            place.grant_hooks("p")
        );
        assert!(place.grant_redis().contains("--cluster-name redis-x "), "{}", place.grant_redis());
        assert!(place.grant_tables().contains("--name stboardcastx "), "{}", place.grant_tables());
    }

    #[test]
    fn what_nobody_says_stands_in_angle_brackets() {
        assert!(!Place::of_shell().at("https://func-x.azurewebsites.net").is_standalone);
        assert!(Place::of_shell().at("http://127.0.0.1:7071").is_standalone);
        let unknown = Place::default();
        assert_eq!(
            unknown.remove("WEBSITE_TIME_ZONE"),
            "az functionapp config appsettings delete --resource-group <group> --name <app> --setting-names WEBSITE_TIME_ZONE"
        );
        assert_eq!(
            unknown.clone().at("https://func-x.azurewebsites.net").deploy(),
            "scripts/deploy <group> func-x"
        );
        for address in
            ["https://func-x-abc.westeurope-01.azurewebsites.net", "https://boards.contoso.example", "?"]
        {
            assert_eq!(unknown.clone().at(address).deploy(), "scripts/deploy <group> <app>", "{address}");
        }
    }

    #[test]
    fn a_process_of_ones_own_has_its_settings_from_the_shell() {
        let place =
            place(&[("BOARDCAST_ORGANIZATION_URL", "https://contoso.visualstudio.com/DefaultCollection")]);
        assert_eq!(place.set(&[("BOARDCAST_TEAMS", "it's")]), r"export BOARDCAST_TEAMS='it'\''s'");
        assert_eq!(place.remove("BOARDCAST_SECRT"), "unset BOARDCAST_SECRT");
        assert_eq!(place.organization_name(), "contoso");
        let person = tests::place(&[
            ("BOARDCAST_ORGANIZATION_URL", "https://dev.azure.com/contoso"),
            ("AZURE_DEVOPS_PAT", "hunter2"),
        ]);
        assert!(
            !person.grant_hooks("p").contains("hunter2")
                && person.admit("p").starts_with("export AZURE_DEVOPS_PAT=")
        );
    }
}
