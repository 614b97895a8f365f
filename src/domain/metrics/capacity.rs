//! What each member of a team can still work in the sprint, and how much of its work is theirs.

use serde::Serialize;
use serde_json::{Value as Json, json};

use super::ids;
use super::need;
use super::tally::{MemberHours, Tallies};
use crate::domain::{Hundredths, Identity, Member, Text};

/// Somebody who has capacity in the sprint, or work.
#[derive(Serialize)]
struct Person<'t> {
    name: &'t str,
    activities: &'t [Text],
    /// What they can still work; `null` where no capacity is entered for them.
    hours: Option<Hundredths>,
    /// What their open tasks still need; `null` where that is not known.
    remaining: Option<Hundredths>,
    /// Whether that is more than they can work; never where either is not known.
    over: bool,
    #[serde(skip)]
    id: Option<&'t str>,
}

/// The members with their capacities, whoever else has work, and the work that is nobody's.
pub(super) fn detail(tallies: &Tallies<'_>) -> Option<Json> {
    // Which tasks are the team's, and of the sprint, rests on what a board's items rest on.
    let of_items = [need::AREA_PATH, need::AREAS, need::BACKLOGS, need::LEVELS];
    let is_known =
        of_items.iter().all(|need| (need.is_met)(tallies)) && tallies.summed(ids::HOURS_REMAINING).is_ok();
    let told = |hours| is_known.then_some(hours);
    let mut people: Vec<Person<'_>> = tallies
        .member_hours()
        .into_iter()
        .map(|MemberHours { member, hours, .. }| {
            let Member { id, name, activities, .. } = member;
            let none = told(Hundredths::default());
            Person { name, activities, hours: Some(hours), remaining: none, over: false, id: id.as_deref() }
        })
        .collect();
    // Whoever is told with an id first: a name alone then is one of those that are there.
    let mut assigned: Vec<(&Identity, Hundredths)> = tallies.assigned_hours().collect();
    assigned.sort_by_key(|(who, _)| (who.id.is_none(), &who.name, &who.id));
    for (who, hours) in assigned {
        match place_of(&people, who).and_then(|place| people.get_mut(place)) {
            Some(person) => person.remaining = person.remaining.map(|others| others + hours),
            None => people.push(Person {
                name: &who.name,
                activities: &[],
                hours: None,
                remaining: told(hours),
                over: false,
                id: who.id.as_deref(),
            }),
        }
    }
    for person in &mut people {
        person.over = person.hours.zip(person.remaining).is_some_and(|(hours, remaining)| remaining > hours);
    }
    Some(json!({ "members": people, "unassigned": told(tallies.unassigned_hours()) }))
}

/// Who of them somebody is: by id, or by the name where that is all that is known of one of both, and nobody else has it.
fn place_of(people: &[Person<'_>], who: &Identity) -> Option<usize> {
    let id = who.id.as_deref();
    if let Some(place) = people.iter().position(|person| id.is_some() && person.id == id) {
        return Some(place);
    }
    let is_alike = |person: &Person<'_>| *person.name == *who.name && (id.is_none() || person.id.is_none());
    let mut alike = people.iter().enumerate().filter(|(_, person)| is_alike(person)).map(|(place, _)| place);
    let first = alike.next()?;
    alike.next().is_none().then_some(first)
}
