//! `functionTimeout` of the Functions host, which what takes long has to keep clear of.

use std::time::Duration;

/// When the Functions host kills a process that is still answering a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionTimeout {
    /// There is no host, or it never does.
    Never,
    /// Nobody said; the plan has a default, which is ten minutes or less on some.
    Unknown,
    /// After that time.
    After(Duration),
}

impl FunctionTimeout {
    /// The name of the setting.
    pub const SETTING: &str = super::FUNCTION_TIMEOUT;

    /// Reads it as the host writes it: `-1`, or hours, minutes and seconds, perhaps with days in front.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == "-1" {
            return Some(Self::Never);
        }
        let (days, time) = text.split_once('.').unwrap_or(("0", text));
        let numbers: Vec<u64> = time.split(':').map(|number| number.parse().ok()).collect::<Option<_>>()?;
        let [hours, minutes, seconds] = numbers.as_slice() else { return None };
        let is_time = *hours < 24 && *minutes < 60 && *seconds < 60;
        let hours = days.parse::<u64>().ok().filter(|days| *days < 1_000)? * 24 + hours;
        let time = Duration::from_secs((hours * 60 + minutes) * 60 + seconds);
        (is_time && !time.is_zero()).then_some(Self::After(time))
    }

    /// Three quarters of it, if it is known: the greatest time that anything may take, give or take a tenth.
    pub fn limit(self) -> Option<Duration> {
        match self {
            Self::After(timeout) => Some(timeout.mul_f64(0.75)),
            Self::Never | Self::Unknown => None,
        }
    }

    /// That time, or the limit where it is less.
    pub(super) fn cap(self, time: Duration) -> Duration {
        self.limit().map_or(time, |limit| time.min(limit))
    }
}
