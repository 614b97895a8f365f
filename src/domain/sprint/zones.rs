//! In which zones the days of teams begin and end. Azure DevOps knows no time zone of a team, so a setting says it.

use std::collections::{BTreeMap, HashMap};

use chrono_tz::Tz;

use crate::domain::scope::TeamId;

/// The zones of teams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamZones {
    default: Tz,
    /// By name in lower case, or by id.
    named: HashMap<String, Tz>,
}

impl TeamZones {
    /// Every team in one zone.
    pub fn all_in(default: Tz) -> Self {
        Self { default, named: HashMap::new() }
    }

    /// Reads `team=zone,…`, a team by its name in any case or by its id; the others are in the zone `default`.
    ///
    /// Errors: the first part that names no team, or no IANA zone.
    pub fn parse(text: &str, default: Tz) -> Result<Self, String> {
        let mut zones = Self::all_in(default);
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let named = part.rsplit_once('=').map(|(team, zone)| (team.trim(), zone.trim()));
            match named.filter(|(team, _)| !team.is_empty()).map(|(team, zone)| (team, zone.parse())) {
                Some((team, Ok(zone))) => zones.named.insert(team.to_lowercase(), zone),
                _ => return Err(part.into()),
            };
        }
        Ok(zones)
    }

    /// Those that are named, as they are told apart, with their zones, in order.
    pub fn named(&self) -> BTreeMap<&str, Tz> {
        self.named.iter().map(|(team, zone)| (team.as_str(), *zone)).collect()
    }

    /// The zone of a team.
    pub fn of(&self, id: TeamId, name: &str) -> Tz {
        let named = self.named.get(&name.to_lowercase()).or_else(|| self.named.get(&id.to_string()));
        named.copied().unwrap_or(self.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_is_named_by_name_or_by_id() {
        let id = TeamId::parse("c589a806-bf11-4d4f-a031-c19813331553").unwrap();
        let text = format!(" Web Team = Europe/Berlin, {id}=Asia/Tokyo,");
        let zones = TeamZones::parse(&text, Tz::America__New_York).unwrap();
        let other = TeamId::parse("d589a806-bf11-4d4f-a031-c19813331553").unwrap();
        assert_eq!(zones.of(other, "web team"), Tz::Europe__Berlin);
        assert_eq!(zones.of(id, "Mobile"), Tz::Asia__Tokyo);
        assert_eq!(zones.of(other, "Mobile"), Tz::America__New_York);
        assert_eq!(TeamZones::parse("", Tz::UTC), Ok(TeamZones::all_in(Tz::UTC)));
    }

    #[test]
    fn the_part_that_cannot_be_used_is_named() {
        for (text, part) in [("Web=Mars", "Web=Mars"), ("Web", "Web"), ("A=UTC, =UTC", "=UTC")] {
            assert_eq!(TeamZones::parse(text, Tz::UTC), Err(part.to_owned()));
        }
    }
}
