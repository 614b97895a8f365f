//! The commands that mend something in Azure DevOps.

use reqwest::Url;

use super::{Place, quoted};
use crate::devops::is_of_services;

/// What Azure DevOps is called among the resources of Microsoft Entra.
const AZURE_DEVOPS: &str = "499b84ac-1321-427f-aa17-267ca6975798";

/// The security namespace of service hooks: to view their subscriptions is 1, to edit them 2, and to delete them 4.
const SERVICE_HOOKS: &str = "cb594ebe-87dd-4fc9-ac2c-6a10a4c92046";

impl Place {
    fn organization(&self) -> String {
        quoted(self.organization.as_deref().unwrap_or("https://dev.azure.com/<organisation>"))
    }

    /// The name of the organisation, by which other services of Azure DevOps know it.
    pub(super) fn organization_name(&self) -> String {
        let url = self.organization.as_deref().and_then(|url| Url::parse(url).ok());
        let name = url.filter(|url| url.host_str().is_some_and(is_of_services)).and_then(|url| {
            match url.host_str()?.strip_suffix(".visualstudio.com") {
                Some(name) => Some(name.to_owned()),
                None => url.path_segments()?.next().filter(|name| !name.is_empty()).map(str::to_owned),
            }
        });
        name.unwrap_or_else(|| "<organisation>".into())
    }

    /// The identity as Azure DevOps describes it: it is asked for by the object id, which is no description itself.
    fn subject(&self) -> String {
        if self.is_person {
            return "<e-mail address of the owner of the token>".into();
        }
        format!(
            "$(az rest --method post --resource {AZURE_DEVOPS} --url \
             'https://vssps.dev.azure.com/{}/_apis/graph/serviceprincipals?api-version=7.1-preview.1' --body \
             \"{{\\\"originId\\\":\\\"{}\\\"}}\" --query descriptor --output tsv)",
            self.organization_name(),
            self.object_id()
        )
    }

    /// Lets the identity look after the subscriptions of a project.
    pub fn grant_hooks(&self, project: &str) -> String {
        format!(
            "az devops security permission update --organization {} --namespace-id {SERVICE_HOOKS} --subject \"{}\" --token \
             PublisherSecurity/{project} --allow-bit 7",
            self.organization(),
            self.subject()
        )
    }

    /// Makes the identity a user of the organisation who may read a project, and work items in full.
    pub fn admit(&self, project: &str) -> String {
        if self.is_person {
            return self.renew_token();
        }
        format!(
            "az rest --method post --resource {AZURE_DEVOPS} --url \
             'https://vsaex.dev.azure.com/{}/_apis/serviceprincipalentitlements?api-version=7.1-preview.1' --body \
             \"{{\\\"accessLevel\\\":{{\\\"accountLicenseType\\\":\\\"express\\\"}},\\\"servicePrincipal\\\":{{\\\"origin\\\":\\\"aad\\\",\
             \\\"originId\\\":\\\"{}\\\",\\\"subjectKind\\\":\\\"servicePrincipal\\\"}},\\\"projectEntitlements\\\":[{{\\\"group\\\":\
             {{\\\"groupType\\\":\\\"projectReader\\\"}},\\\"projectRef\\\":{{\\\"id\\\":\\\"{project}\\\"}}}}]}}\"",
            self.organization_name(),
            self.object_id()
        )
    }

    /// Sets another personal token.
    fn renew_token(&self) -> String {
        self.set(&[("AZURE_DEVOPS_PAT", "<new token with the scopes vso.project and vso.work>")])
    }

    /// Asks the organisation which projects there are, as whoever runs the command.
    pub fn list_projects(&self) -> String {
        format!(
            "az devops project list --organization {} --query 'value[].name' --output tsv",
            self.organization()
        )
    }

    /// Asks the organisation for anything, to see who answers and how soon.
    pub fn ask_organization(&self) -> String {
        format!(
            "curl -sS -m 30 -o /dev/null -w '%{{http_code}} %{{time_total}}s\\n' {}/_apis/projects",
            self.organization()
        )
    }

    /// Asks Microsoft how Azure DevOps does.
    pub fn ask_status() -> String {
        "curl -sS -m 30 'https://status.dev.azure.com/_apis/status/health?api-version=7.1-preview.1'".into()
    }

    /// Writes out by which fields a project selects the work items of teams.
    pub fn export_process(&self, project: &str) -> String {
        format!(
            "witadmin exportprocessconfig /collection:{} /p:{project} /f:ProcessConfiguration.xml",
            self.organization()
        )
    }
}
