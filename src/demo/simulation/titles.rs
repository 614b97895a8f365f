//! What the work of each team is called.

use serde::Deserialize;

use super::process::ItemRank;

/// The titles that a team draws from; `organisation.json` has them. Within one sprint none comes twice.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Titles {
    /// Its epic.
    pub epic: &'static str,
    /// Its feature.
    pub feature: &'static str,
    /// Its stories, each with what its tasks call it.
    stories: Vec<(&'static str, &'static str)>,
    bugs: Vec<&'static str>,
}

/// What is done for a story; `{}` stands for the story.
const TASKS: [&str; 8] = [
    "Add the API endpoint for {}",
    "Write end-to-end tests for {}",
    "Design the screens for {}",
    "Roll out {} behind a feature flag",
    "Add telemetry to {}",
    "Update the user guide for {}",
    "Review the error messages of {}",
    "Load-test {}",
];

impl Titles {
    /// The title of a story.
    pub fn story(&self, number: usize) -> &'static str {
        entry(&self.stories, number).0
    }

    /// The title of a bug.
    pub fn bug(&self, number: usize) -> &'static str {
        entry(&self.bugs, number)
    }

    /// The title of a task of a story.
    pub fn task(&self, story: usize, number: usize) -> String {
        entry(&TASKS, number).replace("{}", entry(&self.stories, story).1)
    }

    /// A title for a new item that no other item has, as long as there is one; for a task, one that goes with its
    /// parent's.
    pub fn unused(&self, level: ItemRank, parent: Option<&str>, number: usize, used: &[&str]) -> String {
        let is_free = |title: &String| !used.iter().any(|used| used.starts_with(title.as_str()));
        let story =
            parent.and_then(|parent| self.stories.iter().position(|(title, _)| parent.starts_with(title)));
        let story = story.unwrap_or(number);
        let title = |number: usize| match level {
            ItemRank::Bug => self.bug(number).to_owned(),
            ItemRank::Task => self.task(story, number),
            ItemRank::Epic | ItemRank::Feature | ItemRank::Requirement => self.story(number).to_owned(),
        };
        let mut titles = (number..number + self.stories.len()).map(&title);
        titles.find(is_free).unwrap_or_else(|| format!("{} (continued)", title(number)))
    }
}

/// The entry of a number; numbers start over.
fn entry<T: Copy + Default>(of: &[T], number: usize) -> T {
    number.checked_rem(of.len()).and_then(|at| of.get(at)).copied().unwrap_or_default()
}

/// The title after somebody made it more precise, or took that back.
pub(crate) fn reworded(level: ItemRank, title: &str) -> String {
    let addition = match level {
        ItemRank::Bug => " (intermittent)",
        ItemRank::Task => " (pairing)",
        ItemRank::Epic | ItemRank::Feature | ItemRank::Requirement => " – first version",
    };
    title.strip_suffix(addition).map_or_else(|| format!("{title}{addition}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::simulation::organisation::Organisation;

    /// The titles of each team: Web, Mobile Apps and Clinic.
    fn titles() -> Vec<&'static Titles> {
        let projects = Organisation::new(1, crate::domain::time::CivilDate::default()).projects;
        projects.iter().flat_map(|project| project.teams.iter().map(|team| team.titles)).collect()
    }

    #[test]
    fn a_team_has_no_title_twice() {
        assert_eq!(titles().len(), 3);
        for titles in titles() {
            let stories = (0..titles.stories.len()).map(|number| titles.story(number).to_owned());
            let bugs = (0..titles.bugs.len()).map(|number| titles.bug(number).to_owned());
            let tasks = (0..titles.stories.len())
                .flat_map(|story| (0..TASKS.len()).map(move |number| titles.task(story, number)));
            let all: Vec<String> = stories.chain(bugs).chain(tasks).collect();
            for (index, title) in all.iter().enumerate() {
                let alike = all.iter().skip(index + 1).find(|other| {
                    // What is reworded begins with the title that it had.
                    other.starts_with(title.as_str()) || title.starts_with(other.as_str())
                });
                assert_eq!(alike, None, "{title}");
            }
        }
    }

    #[test]
    fn a_new_title_is_one_that_nobody_has_and_goes_with_the_parent() {
        let web = titles()[0];
        let used = [web.story(3), "Check availability by address – first version"];
        assert_eq!(web.unused(ItemRank::Requirement, None, 2, &used), web.story(4));
        let task = web.unused(ItemRank::Task, Some("Show outages on a map – first version"), 1, &[]);
        assert_eq!(task, "Write end-to-end tests for the outage map");
        let all: Vec<&str> = (0..16).map(|number| web.bug(number)).collect();
        assert_eq!(web.unused(ItemRank::Bug, None, 0, &all), format!("{} (continued)", web.bug(0)));
    }

    #[test]
    fn rewording_twice_restores_a_title() {
        for level in [ItemRank::Requirement, ItemRank::Bug, ItemRank::Task] {
            let once = reworded(level, "Print a sick note");
            assert_ne!(once, "Print a sick note");
            assert_eq!(reworded(level, &once), "Print a sick note");
        }
    }
}
