//! Judges what a reader was told of levels: whoever says that a board is full has Redis and an organisation, and the
//! reader has then, or is sent at once, what is as fresh as is said.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::faults::Faults;
use super::stage::Stage;

/// How soon a reader has what its instance has, unless it is told before by a heartbeat that it does: what is said of all
/// boards together may be of a moment that the reader is only coming to.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(5);

/// A board by its project and team, of which one sprint is shown at a time.
pub fn whose(project: &Value, team: &Value) -> String {
    format!("{project} {team}")
}

/// What a reader was told of the level of a board.
struct Told {
    /// What the log said.
    is_full: bool,
    /// Whether its instance said that it is cut off from the log.
    is_cut_off: bool,
}

/// That boards are full.
#[derive(Debug)]
pub struct Claim {
    event: Value,
    /// Those that it is about.
    pub boards: BTreeSet<String>,
    at: Instant,
    /// Whether only a heartbeat tells that the reader has caught up: what it missed may be much.
    is_of_resumed: bool,
    /// Boards of which the reader had been told that they are less, and not yet that they are full.
    less: BTreeSet<String>,
}

impl Claim {
    /// Of when the boards are said to be.
    pub fn as_of(&self) -> Option<i64> {
        self.event["dataAsOf"].as_i64()
    }
}

/// Levels as one reader was told of them.
#[derive(Default)]
pub struct Levels {
    told: BTreeMap<String, Told>,
    claims: Vec<Claim>,
    /// What it was greeted with; the boards that follow at once are no worse.
    greeting: Option<Value>,
}

impl Levels {
    /// A connection begins: what was said on the last one was said by another instance, perhaps.
    pub fn connect(&mut self) {
        self.claims.clear();
        self.greeting = None;
    }

    /// The boards that are less than full, as far as the reader knows.
    pub fn less(&self) -> BTreeSet<String> {
        let is_less = |told: &Told| !told.is_full || told.is_cut_off;
        self.told.iter().filter(|(_, told)| is_less(told)).map(|(board, _)| board.clone()).collect()
    }

    /// What was claimed so long ago that it has to hold by now.
    pub fn due(&mut self, is_heartbeat: bool, at: Instant) -> Result<Vec<Claim>, String> {
        let is_due =
            |claim: &mut Claim| is_heartbeat || !claim.is_of_resumed && claim.at + CAUGHT_UP_WITHIN <= at;
        let due: Vec<Claim> = self.claims.extract_if(.., is_due).collect();
        match due.iter().find(|claim| !claim.less.is_empty()) {
            Some(claim) => Err(format!("{} and these are not full: {:?}", claim.event, claim.less)),
            None => Ok(due),
        }
    }

    /// Takes in an event about a board, or about all of them, that came from an instance at that moment.
    pub fn take(
        &mut self,
        stage: &Stage,
        event: &Value,
        has_id: bool,
        (place, at): (usize, Instant),
    ) -> Result<(), String> {
        let board = &*whose(&event["projectId"], &event["teamId"]);
        let kind = event["type"].as_str().unwrap();
        let is_full = event["level"] == "full";
        if kind != "snapshot" && kind != "connected" {
            self.greeting = None;
        }
        // What the log told may be of a time long past; the others say how it is.
        let is_of_log = has_id && matches!(kind, "degraded" | "recovered");
        let says_level = ["connected", "heartbeat", "snapshot", "degraded", "recovered"].contains(&kind);
        if says_level && is_full && !is_of_log {
            stage.check_full(place, at).map_err(|why| format!("{why}: {event}"))?;
        }
        match kind {
            "connected" => {
                let resumed = event["resumed"] == true;
                if !resumed {
                    self.told.clear();
                    self.claims.clear();
                    self.greeting = Some(event.clone());
                }
                // Whatever is still cut off is told again.
                self.told.values_mut().for_each(|told| told.is_cut_off = false);
                let scopes = event["scopes"].as_array().into_iter().flatten();
                let boards = scopes.map(|scope| whose(&scope["projectId"], &scope["teamId"])).collect();
                self.claim(boards, event, at);
            }
            "heartbeat" => self.claim(self.told.keys().cloned().collect(), event, at),
            "snapshot" => {
                if self.greeting.as_ref().is_some_and(|greeting| greeting["level"] == "full" && !is_full) {
                    return Err(format!("greeted with full, and then: {event}"));
                }
                let is_cut_off = event["outage"]["reason"] == "journal";
                self.tell(board, Told { is_full: is_full || is_cut_off, is_cut_off });
            }
            "degraded" => self.degraded(&stage.truth.faults, board, event, has_id)?,
            "recovered" => self.recovered(board, event, has_id, at)?,
            "sprint_changed" => {
                // A board of another sprint follows.
                self.told.remove(board);
            }
            _ => {}
        }
        Ok(())
    }

    fn tell(&mut self, board: &str, told: Told) {
        if told.is_full && !told.is_cut_off {
            self.claims.iter_mut().for_each(|claim| claim.less.retain(|one| one != board));
        }
        self.told.insert(board.to_owned(), told);
    }

    fn claim(&mut self, boards: BTreeSet<String>, event: &Value, at: Instant) {
        if event["level"] != "full" {
            return;
        }
        let less = self.less().intersection(&boards).cloned().collect();
        self.claims.push(Claim {
            event: event.clone(),
            boards,
            at,
            is_of_resumed: event["resumed"] == true,
            less,
        });
    }

    fn degraded(&mut self, faults: &Faults, board: &str, event: &Value, has_id: bool) -> Result<(), String> {
        let reason = event["reason"].as_str().unwrap_or_default();
        let (is_of_journal, is_waiting) = (reason == "journal", reason == "throttled");
        let is_full = event["level"] == "full";
        // An organisation that asks to wait is there: that costs a board nothing that it had.
        let has_fallen = event["from"] == "full" && event["to"] == "cached";
        let contradicts = event["level"] != event["to"] || is_full && !is_waiting || has_fallen && is_waiting;
        // That it waits is told again, by the instance alone, when it has the journal back.
        let is_told_again = !has_id && is_full && is_waiting;
        if contradicts || has_id == is_of_journal && !is_told_again {
            return Err(format!("a level that contradicts itself: {event}"));
        }
        faults.check(&event["reason"], &event["since"]).map_err(|why| format!("{why}: {event}"))?;
        let before = self.told.get(board);
        if is_told_again {
            return Ok(());
        }
        let told = match is_of_journal {
            true => Told { is_full: before.is_none_or(|told| told.is_full), is_cut_off: true },
            false => Told { is_full, is_cut_off: before.is_some_and(|told| told.is_cut_off) },
        };
        if !event["projectId"].is_null() {
            self.tell(board, told);
        }
        Ok(())
    }

    fn recovered(&mut self, board: &str, event: &Value, has_id: bool, at: Instant) -> Result<(), String> {
        // From `full`, that nobody has to wait any more.
        if event["level"] != "full" {
            return Err(format!("a level that contradicts itself: {event}"));
        }
        if event["projectId"].is_null() {
            return Ok(());
        }
        let before = self.told.get(board);
        let told = match has_id {
            true => Told { is_full: true, is_cut_off: before.is_some_and(|told| told.is_cut_off) },
            false => Told { is_full: before.is_none_or(|told| told.is_full), is_cut_off: false },
        };
        self.tell(board, told);
        if !has_id {
            self.claim(BTreeSet::from([board.to_owned()]), event, at);
        }
        Ok(())
    }
}
