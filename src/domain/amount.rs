//! Points and hours, exact to the hundredth.

use std::iter::Sum;
use std::ops::{Add, Sub};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount of effort or of hours, in hundredths, so that sums and their explanations add up exactly.
/// On the wire it is a plain number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hundredths(i64);

/// The greatest magnitude that is accepted, in units: far above any backlog, far below where sums overflow.
const MAGNITUDE_MAX: f64 = 1e9;

impl Hundredths {
    /// The amount nearest to `value` units, half away from zero; `None` when it is not finite or is absurd.
    pub fn from_units(value: f64) -> Option<Self> {
        if !value.is_finite() || value.abs() > MAGNITUDE_MAX {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "the magnitude was checked above")]
        let hundredths = (value * 100.0).round() as i64;
        Some(Self(hundredths))
    }

    /// The amount of so many hundredths of a unit.
    pub const fn from_hundredths(hundredths: i64) -> Self {
        Self(hundredths)
    }

    /// The amount of so many whole units.
    pub const fn whole(units: u32) -> Self {
        Self(units as i64 * 100)
    }

    /// The amount in hundredths of a unit.
    pub const fn hundredths(self) -> i64 {
        self.0
    }

    /// The amount in units.
    pub fn units(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "sums stay far below 2^53 hundredths")]
        let hundredths = self.0 as f64;
        hundredths / 100.0
    }
}

impl Add for Hundredths {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Hundredths {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Hundredths {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::default(), Add::add)
    }
}

impl Serialize for Hundredths {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 100 == 0 {
            serializer.serialize_i64(self.0 / 100)
        } else {
            serializer.serialize_f64(self.units())
        }
    }
}

impl<'de> Deserialize<'de> for Hundredths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let units = f64::deserialize(deserializer)?;
        Self::from_units(units).ok_or_else(|| serde::de::Error::custom("an amount is out of range"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_tenths_are_one() {
        let tenth = Hundredths::from_units(0.1).unwrap();
        assert_eq!(std::iter::repeat_n(tenth, 10).sum::<Hundredths>(), Hundredths::from_units(1.0).unwrap());
    }

    #[test]
    fn the_wire_has_plain_numbers_that_come_back() {
        for (units, text) in
            [(3.0, "3"), (-2.0, "-2"), (0.0, "0"), (2.5, "2.5"), (0.13, "0.13"), (0.125, "0.13")]
        {
            let amount = Hundredths::from_units(units).unwrap();
            assert_eq!(serde_json::to_string(&amount).unwrap(), text);
            assert_eq!(serde_json::from_str::<Hundredths>(text).unwrap(), amount);
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
            assert_eq!(Hundredths::from_units(value), None);
        }
    }
}
