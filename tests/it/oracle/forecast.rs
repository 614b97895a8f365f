//! The forecast, run by run as docs/METRICS.md says it.

const RUNS: u64 = 10_000;

/// Nothing is told of what lies further ahead.
const DAYS_MAX: u32 = 130;

pub struct Forecast {
    pub items_p85: u32,
    pub runs_done: i64,
    pub days_p50: Option<u32>,
    pub days_p85: Option<u32>,
}

/// The first 64 bits of FNV-1a.
fn fnv(text: &str) -> u64 {
    let mut hash: u64 = 14_695_981_039_346_656_037;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211);
    }
    hash
}

/// A number of the generator `SplitMix64`, from 0 on.
fn number(seed: u64, place: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(place + 1));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

pub fn run(drawn: &[u32], days_left: usize, remaining: u32, seed: &str) -> Forecast {
    let seed = fnv(seed);
    // Of each run: how many items it has by the end, and after how many days it has all that remain.
    let (mut totals, mut days) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        let (mut total, mut by_end, mut all_after) = (0_u32, 0, None);
        let mut day = 0_u32;
        loop {
            if day as usize == days_left {
                by_end = total;
            }
            if total >= remaining && all_after.is_none() && day <= DAYS_MAX {
                all_after = Some(day);
            }
            if day as usize >= days_left && (all_after.is_some() || day >= DAYS_MAX) {
                break;
            }
            let x = u128::from(number(seed, RUNS * u64::from(day) + run));
            total += drawn[(x * drawn.len() as u128 / (1_u128 << 64)) as usize];
            day += 1;
        }
        totals.push(by_end);
        days.push(all_after.unwrap_or(u32::MAX));
    }
    totals.sort_unstable();
    days.sort_unstable();
    let after = |runs: usize| Some(days[runs - 1]).filter(|day| *day != u32::MAX);
    Forecast {
        items_p85: totals[1_499],
        runs_done: totals.iter().filter(|total| **total >= remaining).count() as i64,
        days_p50: after(5_000),
        days_p85: after(8_500),
    }
}
