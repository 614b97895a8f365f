//! The REST API of Azure DevOps over HTTP: the adapter behind the port `AzureDevOps`.
//!
//! Projects, teams and sprints stand in paths by their GUIDs, which stay when something is renamed. Every call has a
//! deadline, and no more than a few are under way at once.

mod answers;
mod asked_fields;
mod feed;
mod gate;
mod hooks;
mod items;
mod login;
mod project;
mod team;
mod transport;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono_tz::Tz;
use futures_util::future::try_join_all;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use self::answers::{Head, Listed, Relations};
use self::asked_fields::AskedFields;
use self::transport::{Refused, Request, Transport};
use super::project::ProjectCatalogue;
use super::{AzureDevOps, CallError, FeedStart, ItemBatch, ItemHead, ProjectRef, RevisionPage, TeamRef};
use crate::domain::degradation::Failure;
use crate::domain::scope::{ProjectId, SprintId, TeamId, Text};
use crate::domain::sprint::catalogue::{Catalogue, Iteration};
use crate::domain::sprint::facts::KeptTags;
use crate::domain::sprint::work_item::{Observation, WorkItemId};
use crate::domain::time::{CivilDate, Timestamp};
use crate::platform::identity::TokenSource;
use crate::platform::outbound::RootCertificates;
use crate::platform::secret::Secret;

/// The resource that tokens of Microsoft Entra for Azure DevOps are for.
pub const RESOURCE: &str = "499b84ac-1321-427f-aa17-267ca6975798";

/// How many items one batch may ask for.
const BATCH_MAX: usize = 200;

/// How many revisions, projects or teams a page has.
const PAGE: usize = 200;

/// How the organisation is asked.
#[derive(Clone)]
pub struct ClientSettings {
    /// The address of the organisation, `https://dev.azure.com/<name>`, or of a server's collection.
    pub organisation: String,
    /// A personal access token to log in with.
    pub token: Option<Secret>,
    /// What to log in with where there is no personal access token.
    pub tokens: Option<Arc<dyn TokenSource>>,
    /// Root certificates that are trusted beside those of the machine.
    pub roots: RootCertificates,
    /// How long an answer may take, from the moment it is the call's turn to the last byte.
    pub deadline: Duration,
    /// How many calls may be under way at once.
    pub parallel_max: usize,
    /// How many bytes an answer may have.
    pub body_bytes_max: usize,
    /// For how long calls are held back at most when the organisation asks for it.
    pub pause_max: Duration,
    /// The tags of which is kept whether a revision bore them.
    pub kept_tags: KeptTags,
}

impl ClientSettings {
    /// The organisation at this address, without a token.
    pub fn new(organisation: impl Into<String>) -> Self {
        Self {
            organisation: organisation.into(),
            token: None,
            tokens: None,
            roots: RootCertificates::default(),
            // Azure DevOps throttles by holding a good answer back, for half a minute and more.
            deadline: Duration::from_secs(45),
            parallel_max: 8,
            body_bytes_max: 64 * 1024 * 1024,
            // Azure DevOps counts what an identity uses in windows of five minutes, and asks for no more than that.
            pause_max: Duration::from_mins(10),
            kept_tags: KeptTags::default(),
        }
    }
}

/// Why an organisation cannot even be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientSetupError {
    /// The address is not a URL.
    #[error("BOARDCAST_ORGANIZATION_URL is not a valid URL; write it as https://dev.azure.com/<name>")]
    Address,
    /// The token would be sent where others can read it.
    #[error(
        "BOARDCAST_ORGANIZATION_URL begins with http://, which would send the access token unencrypted; use https://"
    )]
    InTheClear,
    /// Tokens of Microsoft Entra would be sent to somebody else.
    #[error(
        "tokens of Microsoft Entra are for Azure DevOps Services alone; set AZURE_DEVOPS_PAT to log in to a server"
    )]
    NotOfServices,
    /// The token cannot be sent.
    #[error(
        "AZURE_DEVOPS_PAT is not a valid access token; generate a new one in Azure DevOps and copy all of it"
    )]
    Token,
    /// TLS cannot be set up; why.
    #[error(
        "no trusted certificates for Azure DevOps ({0}); install the package ca-certificates, or set BOARDCAST_ROOT_CERTIFICATES"
    )]
    Tls(String),
}

/// An organisation that is asked over HTTP.
pub struct RestClient {
    transport: Transport,
    fields: AskedFields,
    kept: KeptTags,
}

impl RestClient {
    /// Errors: the address is none, the token may not be sent there, or TLS cannot be set up.
    pub fn new(settings: &ClientSettings) -> Result<Self, ClientSetupError> {
        let (fields, kept) = (AskedFields::default(), settings.kept_tags.clone());
        Ok(Self { transport: Transport::new(settings)?, fields, kept })
    }

    /// Fetches a list page by page. `key` says which elements are the same: a server that ignores what was asked for
    /// sends the first page for ever, and a list that grows meanwhile repeats an element.
    async fn pages<T: DeserializeOwned, K: Ord>(
        &self,
        request: Request<'_>,
        key: impl Fn(&T) -> K,
    ) -> Result<Vec<T>, Refused> {
        let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
        let mut skip = 0;
        loop {
            let page: Listed<T> = request.clone().with("$top", PAGE).with("$skip", skip).send().await?;
            let (count, known) = (page.value.len(), seen.len());
            all.extend(page.value.into_iter().filter(|element| seen.insert(key(element))));
            if count < PAGE || seen.len() == known {
                return Ok(all);
            }
            skip += count;
        }
    }
}

#[async_trait]
impl AzureDevOps for RestClient {
    fn is_scarce(&self) -> bool {
        self.transport.gate.is_scarce()
    }

    async fn asked_to_wait(&self) -> Duration {
        self.transport.gate.asked().await
    }

    fn hold_calls(&self, pause: Duration) {
        self.transport.gate.hold_for(pause);
    }

    async fn projects(&self) -> Result<Vec<ProjectRef>, CallError> {
        let request = self.transport.request("_apis/projects", &[]);
        Ok(self.pages(request, |project: &ProjectRef| project.id).await?)
    }

    async fn teams(&self, project: ProjectId) -> Result<Vec<TeamRef>, CallError> {
        let request = self.transport.request("_apis/projects/*/teams", &[&project]);
        Ok(self.pages(request, |team: &TeamRef| team.id).await?)
    }

    async fn project(&self, project: &ProjectRef) -> Result<ProjectCatalogue, CallError> {
        Ok(project::catalogue(&self.transport, project).await?)
    }

    async fn catalogue(
        &self,
        project: &ProjectRef,
        shared: &ProjectCatalogue,
        team: &TeamRef,
        zone: Tz,
        now: Timestamp,
    ) -> Result<Catalogue, CallError> {
        Ok(team::catalogue(&self.transport, project, shared, team, zone, now).await?)
    }

    async fn days_off(
        &self,
        project: &ProjectRef,
        team: &TeamRef,
        sprints: &[Iteration],
    ) -> Result<BTreeMap<SprintId, BTreeSet<CivilDate>>, CallError> {
        Ok(team::days_off(&self.transport, (project, team), sprints).await?)
    }

    async fn sprint_items(
        &self,
        project: ProjectId,
        team: TeamId,
        sprint: SprintId,
    ) -> Result<Vec<WorkItemId>, CallError> {
        let route = "*/*/_apis/work/teamsettings/iterations/*/workitems";
        let relations: Relations = self.transport.request(route, &[&project, &team, &sprint]).send().await?;
        Ok(relations.ids().into_iter().collect())
    }

    async fn heads(&self, ids: &[WorkItemId]) -> Result<Vec<ItemHead>, CallError> {
        let batch = |ids: &[WorkItemId]| {
            let fields =
                ["System.Id", "System.Rev", "System.ChangedDate", "System.AreaPath", "System.IterationPath"];
            let body = json!({ "ids": ids, "fields": fields, "errorPolicy": "omit" });
            self.transport.request("_apis/wit/workitemsbatch", &[]).posting(&body).send()
        };
        let batches: Vec<Listed<Option<Head>>> = try_join_all(ids.chunks(BATCH_MAX).map(batch)).await?;
        Ok(batches.into_iter().flat_map(|batch| batch.value).flatten().filter_map(Head::known).collect())
    }

    async fn revision_page(
        &self,
        from: &FeedStart,
        known: &[ProjectRef],
        fields: &BTreeSet<Text>,
    ) -> Result<RevisionPage, CallError> {
        loop {
            let asked = self.fields.with(fields);
            match feed::page(&self.transport, from, known, &asked, &self.kept).await {
                Err(refused) if self.fields.learn(&asked, &refused) => {}
                page => return Ok(page?),
            }
        }
    }

    async fn items(
        &self,
        project: ProjectId,
        known: &[ProjectRef],
        ids: &[WorkItemId],
        fields: &BTreeSet<Text>,
        as_of: Option<Timestamp>,
    ) -> Result<ItemBatch, CallError> {
        let as_of = as_of.map(|as_of| as_of.to_string());
        let batches: Vec<Listed<Option<Value>>> = loop {
            let asked = self.fields.with(fields);
            let batch = |ids: &[WorkItemId]| {
                let mut body = json!({ "ids": ids, "fields": asked, "errorPolicy": "omit", "asOf": as_of });
                if let (None, Some(body)) = (&as_of, body.as_object_mut()) {
                    body.remove("asOf");
                }
                self.transport.request("_apis/wit/workitemsbatch", &[]).posting(&body).send()
            };
            match try_join_all(ids.chunks(BATCH_MAX).map(batch)).await {
                Err(refused) if self.fields.learn(&asked, &refused) => {}
                batches => break batches?,
            }
        };
        let home =
            items::Home { organisation: self.transport.organisation(), project, known, kept: &self.kept };
        Ok(items::batch(batches.into_iter().flat_map(|batch| batch.value).flatten(), &home))
    }

    async fn revisions(
        &self,
        project: ProjectId,
        known: &[ProjectRef],
        id: WorkItemId,
    ) -> Result<Option<Observation>, CallError> {
        // Without a project in the path, because the item may have moved to another one.
        let route = "_apis/wit/workitems/*/revisions";
        let rows = match self.pages(self.transport.request(route, &[&id]), items::number).await {
            Ok(rows) => rows,
            // A 404 that says anything else is of a wrong address.
            Err(Refused { error, type_key })
                if error.failure == Failure::Gone && type_key.starts_with("WorkItem") =>
            {
                return Ok(None);
            }
            Err(refused) => return Err(refused.into()),
        };
        let home =
            items::Home { organisation: self.transport.organisation(), project, known, kept: &self.kept };
        let observation = items::observation(id, &rows, &home).ok_or_else(|| CallError {
            failure: Failure::Unreadable,
            call: route,
            status: None,
            message: format!("work item {id} has no readable revision"),
        })?;
        Ok(Some(observation))
    }
}
