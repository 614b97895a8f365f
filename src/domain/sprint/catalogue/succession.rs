//! What a catalogue takes over from an earlier one of its team.

use super::{Area, Catalogue, CataloguePart};
use crate::domain::Text;

impl Catalogue {
    /// Takes over what an earlier catalogue of the team knew and this one cannot: the paths that iterations and areas
    /// were once seen under. Renaming one makes no revision of any item, so items go on bearing the old path.
    #[must_use]
    pub fn succeeding(mut self, earlier: &Self) -> Self {
        for sprint in &mut self.iterations {
            if let Some(old) = earlier.sprint(sprint.id) {
                add_missing(&mut sprint.paths, &old.paths);
            }
        }
        for area in &mut self.areas {
            // Where its id could not be read it is the one of that path.
            let is_same = |old: &&Area| match area.id {
                Some(_) => old.id == area.id,
                None => old.paths.first() == area.paths.first(),
            };
            if let Some(old) = earlier.areas.iter().find(is_same) {
                area.id = area.id.or(old.id);
                add_missing(&mut area.paths, &old.paths);
            }
        }
        self.take_unread(earlier);
        self.take_days_off(earlier);
        self
    }

    /// Takes the days off of sprints that this catalogue was not asked for: those of finished sprints come by themselves.
    fn take_days_off(&mut self, earlier: &Self) {
        for (sprint, days) in &earlier.days_off_by {
            if self.sprint(*sprint).is_some_and(|sprint| sprint.span().is_some()) {
                self.days_off_by.entry(*sprint).or_insert_with(|| days.clone());
            }
        }
        self.days_off.extend(self.days_off_by.values().flatten());
    }

    /// Takes what could not be read from an earlier catalogue, where that has it.
    fn take_unread(&mut self, earlier: &Self) {
        let unread = std::mem::take(&mut self.unread);
        for part in &unread {
            match part {
                CataloguePart::Sprints => {
                    // Of sprints that nobody knows the rest was not asked for.
                    self.iterations.clone_from(&earlier.iterations);
                    self.days_off.clone_from(&earlier.days_off);
                    self.capacities.clone_from(&earlier.capacities);
                }
                CataloguePart::Areas => {
                    self.areas.clone_from(&earlier.areas);
                    self.team_field.clone_from(&earlier.team_field);
                }
                CataloguePart::Backlogs => self.take_backlogs(earlier),
                CataloguePart::BugTypes => self.bug_types.clone_from(&earlier.bug_types),
                CataloguePart::States => self.take_states(earlier),
                CataloguePart::WorkingDays => self.weekdays.clone_from(&earlier.weekdays),
                CataloguePart::DaysOff => self.days_off.extend(&earlier.days_off),
                CataloguePart::Capacities => {
                    for (sprint, members) in &earlier.capacities {
                        self.capacities.entry(*sprint).or_insert_with(|| members.clone());
                    }
                }
            }
        }
        self.unread = unread.intersection(&earlier.unread).copied().collect();
        self.failed = self.failed.filter(|_| self.lacks_sprints_or_areas());
    }

    fn take_backlogs(&mut self, earlier: &Self) {
        self.requirement_types.clone_from(&earlier.requirement_types);
        self.task_types.clone_from(&earlier.task_types);
        self.bugs_behaviour = earlier.bugs_behaviour;
        self.effort_field.clone_from(&earlier.effort_field);
        self.types_without_effort.clone_from(&earlier.types_without_effort);
        self.remaining_work_field.clone_from(&earlier.remaining_work_field);
        self.take_states(earlier);
    }

    fn take_states(&mut self, earlier: &Self) {
        for (of, states) in &earlier.states {
            let own = self.states.entry(of.clone()).or_default();
            for (name, category) in states {
                own.entry(name.clone()).or_insert(*category);
            }
        }
    }
}

fn add_missing(paths: &mut Vec<Text>, earlier: &[Text]) {
    for path in earlier {
        if !paths.contains(path) {
            paths.push(path.clone());
        }
    }
}
