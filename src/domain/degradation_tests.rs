//! When a board falls back on what is known, and how it comes back.

use proptest::prelude::*;

use super::*;
use crate::domain::conditions::Conditions;
use crate::domain::scope::Scope;
use crate::domain::testing::{other_project, project};

const HOUR_MS: i64 = 60 * 60_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_epoch_ms(ms)
}

/// One source, its policy and what is known of it.
struct Source {
    condition: Condition,
    policy: Policy,
    known: Option<Timestamp>,
}

impl Source {
    fn new(known: Option<i64>) -> Self {
        Self { condition: Condition::default(), policy: Policy::default(), known: known.map(at) }
    }

    /// The level once a question failed.
    fn fail(&mut self, ms: i64, failure: Failure) -> Level {
        self.condition.observe(&self.policy, CallOutcome::Failed(failure), at(ms), self.known, 0.5);
        self.condition.level()
    }

    /// The level once a question was answered.
    fn succeed(&mut self, ms: i64) -> Level {
        self.known = Some(at(ms));
        self.condition.observe(&self.policy, CallOutcome::Success, at(ms), self.known, 0.5);
        self.condition.level()
    }

    /// The level as of a moment at which nothing was asked.
    fn tick(&mut self, ms: i64) -> Level {
        self.condition.tick(&self.policy, at(ms), self.known);
        self.condition.level()
    }

    fn permit(&mut self, ms: i64) -> Permit {
        self.condition.permit(&self.policy, at(ms))
    }

    /// One that is degraded, since 1,000 ms.
    fn degraded(known: Option<i64>) -> Self {
        let mut source = Self::new(known);
        for _ in 0..3 {
            source.fail(1_000, Failure::TimedOut);
        }
        assert!(source.condition.level() > Level::Full);
        source
    }
}

#[test]
fn f1_after_an_outage_the_next_probe_recovers() {
    for known in [Some(0), None] {
        let mut source = Source::degraded(known);
        let (mut probes, mut now) = (0, 1_000);
        loop {
            match source.permit(now) {
                Permit::Wait(until) => now = until.epoch_ms(),
                Permit::Ask => panic!("a source that is gone is only probed"),
                Permit::Probe if now < 61_000 => {
                    probes += 1;
                    assert_ne!(source.fail(now, Failure::Server), Level::Full);
                }
                Permit::Probe => break,
            }
        }
        assert!((3..10).contains(&probes), "{probes} probes in a minute");
        assert_eq!((source.succeed(now), source.permit(now)), (Level::Full, Permit::Ask));
    }
}

#[test]
fn f1_probes_are_ever_rarer_within_their_bounds() {
    assert_eq!((probe_delay_ms(0, 0.0), probe_delay_ms(0, 1.0)), (5_000, 10_000));
    assert_eq!((probe_delay_ms(3, 0.0), probe_delay_ms(3, 0.5)), (40_000, 60_000));
    for failed in [6, 31, 63, 64, u32::MAX] {
        assert_eq!((probe_delay_ms(failed, 0.0), probe_delay_ms(failed, 1.0)), (150_000, PROBE_MAX_MS));
    }
    for jitter in [f64::NAN, f64::NEG_INFINITY, -3.0] {
        assert_eq!(probe_delay_ms(0, jitter), PROBE_FIRST_MS);
    }
    assert_eq!(probe_delay_ms(0, f64::INFINITY), 2 * PROBE_FIRST_MS);
}

#[test]
fn f1_a_source_that_is_gone_is_asked_by_one_at_a_time() {
    let mut source = Source::degraded(Some(0));
    let retry_at = source.condition.retry_at().unwrap();
    assert_eq!(source.permit(2_000), Permit::Wait(retry_at));
    let retry_ms = retry_at.epoch_ms();
    assert_eq!(source.permit(retry_ms), Permit::Probe);
    let deadline = at(retry_ms + source.policy.probe_deadline_ms);
    assert_eq!(source.permit(retry_ms), Permit::Wait(deadline));
    // The one that probed may have died; another may try.
    assert_eq!(source.permit(deadline.epoch_ms()), Permit::Probe);
}

#[test]
fn f2_from_cached_it_goes_back_to_full() {
    let mut source = Source::degraded(Some(0));
    assert_eq!(source.condition.level(), Level::Cached);
    assert_eq!(source.succeed(7_500), Level::Full);
    assert_eq!(source.condition, Condition::default());
}

#[test]
fn f3_a_level_is_one_sources_and_one_boards() {
    let policy = Policy::default();
    let (a, b) = (Scope::project(project()), Scope::project(other_project()));
    let mut conditions = Conditions::default();
    conditions.of(DataSource::WorkItems, a).observe(&policy, CallOutcome::Success, at(0), Some(at(0)), 0.0);
    let failed = CallOutcome::Failed(Failure::Forbidden);
    conditions.of(DataSource::Sprints, b).observe(&policy, failed, at(0), None, 0.0);
    conditions.of(DataSource::WorkItems, b).observe(&policy, failed, at(0), Some(at(0)), 0.0);
    let level = |source, scope, known| {
        conditions
            .get(source, scope)
            .map_or(Level::Full, |condition| condition.level_at(&policy, at(0), known))
    };
    assert_eq!(level(DataSource::WorkItems, a, Some(at(0))), Level::Full);
    assert_eq!(level(DataSource::Sprints, a, Some(at(0))), Level::Full);
    assert_eq!(level(DataSource::WorkItems, b, Some(at(0))), Level::Cached);
    assert_eq!(level(DataSource::Sprints, b, None), Level::None);
    assert_eq!(conditions.gone().map(|(scope, _)| scope).collect::<Vec<_>>(), [b, b]);
    let written = serde_json::to_vec(&conditions).unwrap();
    assert_eq!(serde_json::from_slice::<Conditions>(&written).unwrap(), conditions);
    conditions.tidy(|scope| scope == a);
    assert_eq!(conditions, Conditions::default(), "what never failed is not kept");
}

#[test]
fn f4_that_there_is_nothing_is_known_too() {
    // What is known is a moment, and says nothing about how much there was.
    assert_eq!(Source::degraded(Some(0)).condition.level(), Level::Cached);
    assert_eq!(Source::degraded(None).condition.level(), Level::None);
}

#[test]
fn f8_what_is_known_is_shown_until_it_is_a_day_old() {
    let mut source = Source::degraded(Some(0));
    assert_eq!(source.tick(24 * HOUR_MS - 1), Level::Cached);
    assert_eq!((source.tick(24 * HOUR_MS), source.condition.since()), (Level::None, Some(at(1_000))));
    assert_eq!(source.tick(25 * HOUR_MS), Level::None);
}

#[test]
fn f9_simulated_data_stands_in_only_where_asked_for() {
    for (mock, level) in [(false, Level::None), (true, Level::Mock)] {
        let mut source = Source::new(None);
        source.policy.mock = mock;
        assert_eq!(source.fail(0, Failure::TimedOut), level);
        let mut source = Source::new(Some(0));
        source.policy.mock = mock;
        assert_eq!(source.fail(0, Failure::Forbidden), Level::Cached);
    }
}

#[test]
fn f10_a_wrong_setting_is_not_sat_out() {
    for failure in [Failure::Unauthorised, Failure::Forbidden, Failure::Gone] {
        let mut source = Source::new(Some(0));
        assert_eq!((source.fail(1, failure), source.condition.reason()), (Level::Cached, Some(failure)));
    }
    let passing = Failure::Throttled { retry_after_ms: None };
    for failure in [Failure::TimedOut, Failure::Server, Failure::Unreadable, passing] {
        assert_eq!(Source::new(Some(0)).fail(1, failure), Level::Full);
    }
}

#[test]
fn f10_to_be_throttled_slows_down_and_degrades_nothing() {
    let mut source = Source::new(Some(0));
    for ms in 0..100 {
        assert_eq!(source.fail(ms, Failure::Throttled { retry_after_ms: Some(60_000) }), Level::Full);
    }
    assert_eq!(source.permit(100), Permit::Wait(at(60_099)));
    assert_eq!(source.succeed(200), Level::Full);
    assert_eq!(source.permit(60_098), Permit::Wait(at(60_099)), "an answer does not end the pause");
    assert_eq!(source.permit(60_099), Permit::Ask);
    // Without a word on how long, and while the source is gone.
    let mut source = Source::degraded(Some(0));
    source.fail(20_000, Failure::Throttled { retry_after_ms: None });
    assert_eq!((source.condition.level(), source.condition.retry_at()), (Level::Cached, Some(at(27_500))));
}

#[test]
fn f19_that_a_source_asks_to_wait_is_told_whatever_is_known_and_whatever_failed_before() {
    let throttled = Failure::Throttled { retry_after_ms: Some(60_000) };
    // Nothing was read yet.
    let mut source = Source::new(None);
    assert_eq!((source.fail(1_000, throttled), source.condition.reason()), (Level::None, Some(throttled)));
    assert_eq!(source.condition.since(), Some(at(1_000)));
    assert_eq!(
        (source.condition.retry_at(), source.condition.next_try(at(1_000))),
        (Some(at(61_000)), Some(at(61_000)))
    );
    assert_eq!((source.permit(60_999), source.permit(61_000)), (Permit::Wait(at(61_000)), Permit::Probe));
    assert_eq!(source.fail(61_000, throttled), Level::None);
    assert_eq!(source.permit(120_999), Permit::Wait(at(121_000)), "it asked again");
    assert_eq!((source.succeed(121_000), source.condition.reason()), (Level::Full, None));
    // All was read before.
    let mut source = Source::new(Some(0));
    assert_eq!((source.fail(1_000, throttled), source.condition.reason()), (Level::Full, None));
    assert_eq!(source.condition.asked_to_wait(at(60_999)), Some(at(61_000)));
    assert_eq!(source.condition.asked_to_wait(at(61_000)), None);
    // It failed otherwise before, and does after.
    let mut source = Source::degraded(Some(0));
    assert_eq!((source.fail(20_000, throttled), source.condition.reason()), (Level::Cached, Some(throttled)));
    assert_eq!((source.condition.retry_at(), source.condition.since()), (Some(at(80_000)), Some(at(1_000))));
    assert_eq!(source.permit(80_000), Permit::Probe);
    source.fail(80_000, Failure::Server);
    assert_eq!(source.condition.reason(), Some(Failure::Server));
}

#[test]
fn f12_a_few_failures_are_sat_out_and_those_under_way_change_nothing() {
    let mut source = Source::new(Some(0));
    assert_eq!(
        (source.fail(1, Failure::TimedOut), source.fail(2, Failure::Server)),
        (Level::Full, Level::Full)
    );
    assert_eq!(source.succeed(3), Level::Full);
    assert_eq!(
        (source.fail(4, Failure::Server), source.fail(5, Failure::Unreadable)),
        (Level::Full, Level::Full)
    );
    assert_eq!(source.fail(6, Failure::TimedOut), Level::Cached);
    let (reason, since, retry_at) =
        (source.condition.reason(), source.condition.since(), source.condition.retry_at());
    // A hundred questions were under way: their failures neither change what is announced nor put off the probe.
    for ms in 7..107 {
        assert_eq!(source.fail(ms, Failure::Server), Level::Cached);
    }
    assert_eq!((source.condition.reason(), source.condition.since()), (reason, since));
    assert_eq!(source.condition.retry_at(), retry_at);
}

#[test]
fn f13_readers_are_told_why_since_when_and_when_next() {
    let mut source = Source::new(Some(0));
    assert_eq!(source.fail(1_000, Failure::Unauthorised), Level::Cached);
    let condition = source.condition;
    assert_eq!((condition.since(), condition.retry_at()), (Some(at(1_000)), Some(at(8_500))));
    assert_eq!(condition.reason().map(Failure::as_str), Some("unauthorised"));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask,
    Tick,
    Observe(CallOutcome),
}

fn a_step() -> impl Strategy<Value = Step> {
    let failures = prop_oneof![
        Just(Failure::Unauthorised),
        Just(Failure::Forbidden),
        Just(Failure::Gone),
        Just(Failure::TimedOut),
        Just(Failure::Server),
        Just(Failure::Unreadable),
        proptest::option::of(0..400_000_u32).prop_map(|retry_after_ms| Failure::Throttled { retry_after_ms }),
    ];
    prop_oneof![
        Just(Step::Ask),
        Just(Step::Tick),
        Just(Step::Observe(CallOutcome::Success)),
        failures.prop_map(|failure| Step::Observe(CallOutcome::Failed(failure))),
    ]
}

proptest! {
    #[test]
    fn f1_f13_what_is_not_full_has_its_reason_and_a_probe_that_succeeds_ends_it(
        steps in proptest::collection::vec((a_step(), 0..20 * HOUR_MS, 0.0_f64..1.0), 0..60),
        mock in any::<bool>(),
    ) {
        let policy = Policy { mock, ..Policy::default() };
        let (mut condition, mut now, mut known) = (Condition::default(), 0, None);
        for (step, ms, jitter) in steps {
            now += if ms % 3 == 0 { ms } else { ms % 10_000 };
            match step {
                Step::Ask => {
                    if let Permit::Wait(until) = condition.permit(&policy, at(now)) {
                        prop_assert!(until > at(now));
                    }
                }
                Step::Tick => condition.tick(&policy, at(now), known),
                Step::Observe(outcome) => {
                    if outcome == CallOutcome::Success {
                        known = Some(at(now));
                    }
                    condition.observe(&policy, outcome, at(now), known, jitter);
                }
            }
            let after = condition.level();
            let is_less = after != Level::Full;
            prop_assert_eq!(condition.since().is_some(), is_less);
            prop_assert_eq!(condition.reason().is_some(), is_less);
            prop_assert_eq!(condition.retry_at().is_some(), is_less);
            prop_assert!(mock || after != Level::Mock);
        }
        // However it stands: the next probe is near, and if it succeeds everything is well.
        for _ in 0..3 {
            match condition.permit(&policy, at(now)) {
                Permit::Wait(until) => {
                    prop_assert!(until.ms_since(at(now)) <= 400_000);
                    now = until.epoch_ms();
                }
                Permit::Ask | Permit::Probe => break,
            }
        }
        condition.observe(&policy, CallOutcome::Success, at(now), Some(at(now)), 0.0);
        prop_assert_eq!((condition.level(), condition.reason()), (Level::Full, None));
    }
}

#[test]
fn fault_c1_what_a_wrong_clock_put_off_is_tried_at_once() {
    let (policy, ahead) = (Policy::default(), 3_600_000);
    let mut condition = Condition::default();
    condition.observe(&policy, CallOutcome::Failed(Failure::Unauthorised), at(ahead), None, 0.5);
    assert_eq!(condition.next_try(at(ahead)), condition.retry_at());
    assert_eq!(condition.next_try(at(0)), Some(at(0)));
    assert_eq!(condition.permit(&policy, at(0)), Permit::Probe);
    // What is put off by no more than it may be is waited for.
    condition.observe(&policy, CallOutcome::Failed(Failure::Unauthorised), at(0), None, 0.5);
    let due = condition.retry_at().unwrap();
    assert_eq!((condition.next_try(at(1)), condition.permit(&policy, at(1))), (Some(due), Permit::Wait(due)));
}
