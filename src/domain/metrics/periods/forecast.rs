//! The forecast: what a team is likely to complete, by what it completed on the working days before.
//!
//! Monte Carlo: a run draws, for each working day to come, one of the days before, and adds up what was completed on those.
//! Ten thousand runs give a distribution. Source: Daniel Vacanti, "Actionable Agile Metrics for Predictability".
//!
//! The draws are the numbers of a generator that is seeded by the board and the day, so that every instance, asked however
//! often, says the same.

use crate::domain::{CivilDate, SprintId, TeamId};

/// How many working days before today are drawn from.
pub(crate) const DAYS_DRAWN_FROM: usize = 60;

/// From how many of them, and of items completed on them, on there is a forecast.
pub(crate) const DAYS_MIN: usize = 10;
pub(crate) const ITEMS_MIN: u32 = 5;

/// How many runs there are.
pub(crate) const RUNS: u32 = 10_000;

/// Beyond how many working days from today "when" is no longer told: half a year of them.
pub(crate) const DAYS_AHEAD_MAX: u32 = 130;

/// What a forecast is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForecastInputs<'a> {
    /// How many items were completed on each of the days that are drawn from; not empty.
    pub(crate) completed: &'a [u32],
    /// How many working days are left of the sprint, today among them.
    pub(crate) days_left: u32,
    /// How many items are not completed yet.
    pub(crate) remaining: u32,
    /// The seed of the draws.
    pub(crate) seed: u64,
}

/// A forecast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forecast {
    /// As many items, or more, are completed by the end of the sprint in 85 of 100 runs.
    pub(crate) items_p85: u32,
    /// In how many of the runs all that remain are completed by the end of the sprint.
    pub(crate) runs_done: u32,
    /// After how many working days, today among them, all that remain are completed in half of the runs; `None` where that
    /// is later than is told.
    pub(crate) days_p50: Option<u32>,
    /// The same in 85 of 100 runs.
    pub(crate) days_p85: Option<u32>,
}

/// The seed of a board on a day: the first 64 bits of FNV-1a over team, sprint and date as text.
pub(crate) fn seed(team: TeamId, sprint: SprintId, day: CivilDate) -> u64 {
    let text = format!("{team}/{sprint}/{day}");
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Runs the forecast.
pub(crate) fn run(inputs: &ForecastInputs<'_>) -> Forecast {
    let mut totals = vec![0_u32; RUNS as usize];
    let (half, most) = (share_of_runs(50), share_of_runs(85));
    let mut at_end = (inputs.days_left == 0).then(|| totals.clone());
    let (mut days_p50, mut days_p85) = (None, None);
    for day in 0..=DAYS_AHEAD_MAX.max(inputs.days_left) {
        let done = count_done(&totals, inputs.remaining);
        days_p50 = days_p50.or((done >= half && day <= DAYS_AHEAD_MAX).then_some(day));
        days_p85 = days_p85.or((done >= most && day <= DAYS_AHEAD_MAX).then_some(day));
        if day == inputs.days_left {
            at_end = Some(totals.clone());
        }
        if day >= inputs.days_left && days_p85.is_some() {
            break;
        }
        draw(&mut totals, inputs, day);
    }
    let mut at_end = at_end.unwrap_or_default();
    let runs_done = count_done(&at_end, inputs.remaining);
    // The smallest number that at least 15 of 100 runs do not exceed.
    let rank = share_of_runs(15) as usize;
    let items_p85 = match at_end.is_empty() {
        true => 0,
        false => *at_end.select_nth_unstable(rank - 1).1,
    };
    Forecast { items_p85, runs_done, days_p50, days_p85 }
}

pub(crate) const fn share_of_runs(percent: u32) -> u32 {
    RUNS * percent / 100
}

#[expect(clippy::cast_possible_truncation, reason = "there are ten thousand runs")]
fn count_done(totals: &[u32], remaining: u32) -> u32 {
    totals.iter().filter(|total| **total >= remaining).count() as u32
}

/// Adds to each run's total what was completed on the day that it draws.
fn draw(totals: &mut [u32], inputs: &ForecastInputs<'_>, day: u32) {
    let days = inputs.completed.len() as u128;
    for (run, total) in totals.iter_mut().enumerate() {
        let number = nth(inputs.seed, u64::from(day) * u64::from(RUNS) + run as u64);
        #[expect(clippy::cast_possible_truncation, reason = "it is below the number of days")]
        let index = ((u128::from(number) * days) >> 64) as usize;
        *total = total.saturating_add(inputs.completed.get(index).copied().unwrap_or_default());
    }
}

/// The number at that place, from 0 on, of what the generator `SplitMix64` makes of a seed. Source: Steele, Lea and Flood,
/// "Fast Splittable Pseudorandom Number Generators", 2014.
const fn nth(seed: u64, place: u64) -> u64 {
    let state = seed.wrapping_add(place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast(completed: &[u32], days_left: u32, remaining: u32) -> Forecast {
        run(&ForecastInputs { completed, days_left, remaining, seed: 42 })
    }

    #[test]
    fn the_generator_makes_the_published_numbers() {
        // The first outputs of the authors' own implementation for the seed 1234567.
        let numbers: Vec<u64> = (0..3).map(|place| nth(1_234_567, place)).collect();
        assert_eq!(
            numbers,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn a_team_that_always_does_the_same_leaves_nothing_to_chance() {
        let all = |runs_done| Forecast { items_p85: 10, runs_done, days_p50: Some(5), days_p85: Some(5) };
        assert_eq!(forecast(&[2, 2, 2], 5, 10), all(RUNS));
        assert_eq!(forecast(&[2, 2, 2], 5, 9), all(RUNS));
        let late = Forecast { days_p50: Some(6), days_p85: Some(6), ..all(0) };
        assert_eq!(forecast(&[2, 2, 2], 5, 11), late);
    }

    #[test]
    fn nothing_left_is_done_today() {
        let done = Forecast { items_p85: 0, runs_done: RUNS, days_p50: Some(0), days_p85: Some(0) };
        assert_eq!(forecast(&[0, 1], 0, 0), done);
        assert_eq!(forecast(&[0, 1], 0, 1).runs_done, 0);
    }

    #[test]
    fn a_team_that_completes_nothing_never_ends() {
        let never = Forecast { items_p85: 0, runs_done: 0, days_p50: None, days_p85: None };
        assert_eq!(forecast(&[0, 0, 0], 3, 1), never);
    }

    /// With a fair coin a day, four days give 0 to 4 items by the binomial distribution: 1/16, 4/16, 6/16, 4/16, 1/16.
    #[test]
    fn the_share_of_runs_is_the_probability() {
        let Forecast { items_p85, runs_done, days_p50, days_p85 } = forecast(&[0, 1], 4, 2);
        // P(2 or more) = 11/16.
        assert!(runs_done.abs_diff(6_875) < 150, "{runs_done}");
        // P(0) = 6 %, P(at most 1) = 31 %.
        assert_eq!(items_p85, 1);
        // Two successes: P(within 3 days) = 1/2, within 4 69 %, 5 81 %, 6 89 %.
        assert!(matches!(days_p50, Some(3 | 4)), "{days_p50:?}");
        assert_eq!(days_p85, Some(6));
    }

    #[test]
    fn another_day_draws_others() {
        let ids = |day: &str| {
            let team = TeamId::parse("c589a806-bf11-4d4f-a031-c19813331553").unwrap();
            let sprint = SprintId::parse("a589a806-bf11-4d4f-a031-c19813331553").unwrap();
            seed(team, sprint, day.parse().unwrap())
        };
        assert_eq!(ids("2026-11-18"), ids("2026-11-18"));
        assert_ne!(ids("2026-11-18"), ids("2026-11-19"));
    }
}
