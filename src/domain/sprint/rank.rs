//! Where a work item stands in its backlog.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::domain::Text;

/// The reference names of the fields by which the published processes order a backlog, in the order in which one is
/// chosen while no team's catalogue says which counts.
pub const ORDER_FIELDS: [&str; 2] =
    ["Microsoft.VSTS.Common.StackRank", "Microsoft.VSTS.Common.BacklogPriority"];

/// The number by which a work item is ordered in its backlog, the smallest first, as exactly as it was read.
///
/// Kept, in records too, as the whole number that orders doubles as they are: so it is totally ordered, and comes back
/// as it was, which a decimal fraction does not always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rank(i64);

/// Where a work item stands in several backlogs, by the reference names of the fields that order them. There are one or two
/// as a rule, so they take no more room than that.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "BTreeMap<Text, Rank>", into = "BTreeMap<Text, Rank>")]
pub struct Ranks(Box<[(Text, Rank)]>);

impl Ranks {
    /// The rank by the field with that name.
    pub fn get(&self, field: &str) -> Option<Rank> {
        self.0.iter().find(|(name, _)| **name == *field).map(|(_, rank)| *rank)
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of the fields.
    pub(super) fn names_mut(&mut self) -> impl Iterator<Item = &mut Text> {
        self.0.iter_mut().map(|(name, _)| name)
    }
}

impl From<BTreeMap<Text, Rank>> for Ranks {
    fn from(ranks: BTreeMap<Text, Rank>) -> Self {
        Self(ranks.into_iter().collect())
    }
}

impl FromIterator<(Text, Rank)> for Ranks {
    fn from_iter<T: IntoIterator<Item = (Text, Rank)>>(ranks: T) -> Self {
        ranks.into_iter().collect::<BTreeMap<_, _>>().into()
    }
}

impl From<Ranks> for BTreeMap<Text, Rank> {
    fn from(ranks: Ranks) -> Self {
        ranks.0.into_iter().collect()
    }
}

impl<const N: usize> From<[(Text, Rank); N]> for Ranks {
    fn from(ranks: [(Text, Rank); N]) -> Self {
        BTreeMap::from(ranks).into()
    }
}

/// Above it a double holds not every whole number.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

impl Rank {
    /// The rank with that number; `None` for what is not finite.
    pub fn new(number: f64) -> Option<Self> {
        // To add nothing makes zero of minus zero, which has other bits.
        number.is_finite().then(|| Self(in_order((number + 0.0).to_bits().cast_signed())))
    }

    /// The number, as it is written; `None` for what is in a record and was never a rank.
    pub fn number(self) -> Option<Number> {
        let number = f64::from_bits(in_order(self.0).cast_unsigned());
        if number.fract() == 0.0 && number.abs() <= WHOLE_MAX {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and its magnitude was checked")]
            let whole = number as i64;
            return Some(whole.into());
        }
        Number::from_f64(number)
    }
}

/// The bits of doubles as whole numbers that are ordered alike, and back: the negative ones count downwards.
const fn in_order(bits: i64) -> i64 {
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rank(number: f64) -> Rank {
        Rank::new(number).unwrap()
    }

    proptest! {
        #[test]
        fn ranks_are_ordered_as_their_numbers_and_come_back_from_records(
            a in prop_oneof![any::<f64>(), -3e9..3e9f64],
            b in prop_oneof![any::<f64>(), -3e9..3e9f64],
        ) {
            prop_assume!(a.is_finite() && b.is_finite());
            prop_assert_eq!(Some(rank(a).cmp(&rank(b))), a.partial_cmp(&b));
            let record = serde_json::to_string(&rank(a)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Rank>(&record).unwrap(), rank(a));
            prop_assert_eq!(rank(a).number().unwrap().as_f64(), Some(a));
        }
    }

    #[test]
    fn a_rank_is_written_as_the_number_it_is() {
        for (number, text) in [
            (1_999_999_843.0, "1999999843"),
            (1_999_999_995.5, "1999999995.5"),
            (1_999_999_995.123_456_7, "1999999995.1234567"),
            (-3.0, "-3"),
            (-0.0, "0"),
            (1e18, "1e+18"),
        ] {
            assert_eq!(rank(number).number().unwrap().to_string(), text);
        }
        assert_eq!(rank(-0.0), rank(0.0));
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Rank::new(number), None);
        }
        assert_eq!(Rank(i64::MAX).number(), None);
    }
}
