//! What a revision says of what numbers ask, by the team's own process.

use crate::domain::sprint::facts::NotKept;
use crate::domain::{Catalogue, Facts, Hundredths};

/// Whether it was one of the team's: by its project and its area.
pub(super) fn is_of_team(facts: &Facts, catalogue: &Catalogue) -> bool {
    facts.project == catalogue.project && catalogue.is_own_area(&facts.area_path)
}

/// The effort by the field that the team's process uses.
pub(super) fn effort(facts: &Facts, catalogue: &Catalogue) -> Result<Option<Hundredths>, NotKept> {
    catalogue.effort_field.as_ref().map_or(Ok(None), |field| facts.number(field))
}

/// The hours that an item still needs, by the field that the team's process uses.
pub(super) fn remaining_work(facts: &Facts, catalogue: &Catalogue) -> Result<Option<Hundredths>, NotKept> {
    catalogue.remaining_work_field.as_ref().map_or(Ok(facts.remaining_work), |field| facts.number(field))
}
