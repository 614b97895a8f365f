//! What many items have alike is kept once: their types, states, paths, people, tags and estimates.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use crate::domain::sprint::facts::{Facts, SharedFacts};
use crate::domain::{Hundredths, Text};

/// How many values there are at least before it is looked which of them nobody has any more.
const TIDY_MIN: usize = 1_024;

/// Values of which each is kept once.
#[derive(Debug)]
struct Pool<T: ?Sized> {
    values: HashSet<Arc<T>>,
    /// With how many of them it is looked which nobody has any more.
    tidy_at: usize,
}

impl<T: ?Sized> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self { values: self.values.clone(), ..*self }
    }
}

impl<T: ?Sized> Default for Pool<T> {
    fn default() -> Self {
        Self { values: HashSet::new(), tidy_at: TIDY_MIN }
    }
}

impl<T: ?Sized + Eq + Hash> Pool<T> {
    /// Whether that very copy is the one that is kept.
    fn has(&self, value: &Arc<T>) -> bool {
        self.values.get(value).is_some_and(|kept| Arc::ptr_eq(kept, value))
    }

    /// Whether a copy of that is kept.
    fn knows(&self, value: &T) -> bool {
        self.values.contains(value)
    }

    /// Makes of it the copy that is kept.
    fn keep_once(&mut self, value: &mut Arc<T>) {
        if let Some(kept) = self.values.get(value) {
            value.clone_from(kept);
            return;
        }
        if self.values.len() >= self.tidy_at {
            self.values.retain(|kept| Arc::strong_count(kept) > 1);
            self.tidy_at = (self.values.len() * 2).max(TIDY_MIN);
        }
        self.values.insert(value.clone());
    }
}

/// What items have alike.
#[derive(Clone, Debug, Default)]
pub struct Interner {
    texts: Pool<str>,
    numbers: Pool<BTreeMap<Text, Hundredths>>,
    flags: Pool<BTreeSet<Text>>,
    facts: Pool<Facts>,
}

impl Interner {
    /// Whether these very copies are the ones that are kept.
    pub fn has<'a>(&self, mut texts: impl Iterator<Item = &'a Text>) -> bool {
        texts.all(|text| self.texts.has(text))
    }

    /// The same of facts.
    pub fn has_facts(&self, facts: &SharedFacts) -> bool {
        self.facts.has(&facts.0)
    }

    /// Keeps a text once.
    pub fn text(&mut self, text: &mut Text) {
        self.texts.keep_once(text);
    }

    /// Keeps facts once, and what they have alike with others.
    pub fn facts(&mut self, shared: &mut SharedFacts) {
        if !self.facts.knows(shared) {
            let facts = &mut **shared;
            let texts = [
                &mut facts.work_item_type,
                &mut facts.state,
                &mut facts.iteration_path,
                &mut facts.area_path,
            ];
            texts.into_iter().chain(&mut facts.board_column).for_each(|text| self.texts.keep_once(text));
            self.numbers.keep_once(&mut facts.effort);
            self.flags.keep_once(&mut facts.flags);
        }
        self.facts.keep_once(&mut shared.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_any_more_is_dropped() {
        let mut interner = Interner::default();
        let mut kept: Vec<Text> = Vec::new();
        for number in 0..5 * TIDY_MIN {
            let mut text = Text::from(format!("text {number}"));
            interner.text(&mut text);
            if number % 100 == 0 {
                kept.push(text);
            }
        }
        assert!(interner.texts.values.len() < 2 * TIDY_MIN, "{}", interner.texts.values.len());
        assert!(interner.has(kept.iter()), "what somebody has stays");
    }
}
