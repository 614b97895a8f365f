//! The teams that are served in a month: in every third one a setting names some of them. And what readers are told, which is
//! of their boards alone.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use boardcast::demo::simulation::item::Item;
use boardcast::demo::simulation::model::Model;
use boardcast::domain::authorise::AllowedBoards;
use serde_json::Value;

use crate::support::sse::SseReader;

/// The teams that are served, by their GUIDs.
pub struct Served {
    pub teams: BTreeSet<String>,
    /// As the setting names them, where it names any.
    named: Vec<String>,
}

impl Served {
    /// Those of a month of that seed. They are drawn for themselves: what happens in a month is the same whoever is served.
    pub fn of(seed: u64, model: &Model) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let projects = &model.organisation.projects;
        let all: Vec<(String, String)> = projects
            .iter()
            .flat_map(|of| of.teams.iter().map(|team| (of.id.to_string(), team.id.to_string())))
            .collect();
        let names_some = seed.is_multiple_of(3);
        let count = if names_some { rng.usize(1..all.len()) } else { all.len() };
        let some = rng.choose_multiple(&all, count);
        let names_project = rng.bool();
        let named = |(project, team): &&(String, String)| match names_project {
            true => format!("{project}/{team}"),
            false => team.clone(),
        };
        let named = some.iter().filter(|_| names_some).map(named).collect();
        Self { teams: some.into_iter().map(|(_, team)| team.clone()).collect(), named }
    }

    /// What `BOARDCAST_TEAMS` comes to that names them.
    pub fn allowed(&self) -> AllowedBoards {
        AllowedBoards::default().with_teams(self.named.iter().map(String::as_str)).unwrap()
    }

    /// Whether an item is one of a team that is served, or of none where all are.
    pub fn has(&self, model: &Model, item: &Item) -> bool {
        let (project, team) = item.newest().content.home;
        let team = model.organisation.projects.get(project).map(|of| of.teams[team].id.to_string());
        self.named.is_empty() || team.is_some_and(|team| self.teams.contains(&team))
    }

    /// Those of these rows or events that are of a board which is not served.
    pub fn strangers_among<'v>(&self, told: impl Iterator<Item = &'v Value>) -> Vec<String> {
        let is_of_served = |of: &&Value| match (of["teamId"].as_str(), of["projectId"].as_str()) {
            (Some(team), _) => self.teams.contains(team),
            (None, Some(_)) => self.named.is_empty(),
            (None, None) => true,
        };
        let strangers = told.filter(|of| !is_of_served(of));
        strangers.map(|of| format!("it is told of a board that is not served: {of}")).collect()
    }
}

/// The events that readers of all boards were sent.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<Vec<Value>>>);

impl Told {
    /// Takes down what an instance sends, until it dies. Its threads are those that this is called on.
    pub async fn listen_to(&self, address: SocketAddr) {
        let (told, mut reader) = (self.0.clone(), SseReader::open(address, "/api/sse/dashboard", &[]).await);
        tokio::spawn(async move {
            while let Some(block) = reader.next().await {
                told.lock().unwrap().extend(block.json());
            }
        });
    }

    /// What was told since this was asked last.
    pub fn take(&self) -> Vec<Value> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}
