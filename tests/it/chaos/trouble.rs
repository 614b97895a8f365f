//! Trouble: one kind of it after the other in each part, several parts at once. Each ends by itself.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::stage::{INSTANCES, Instance, Stage};
use super::tables::Refusal;
use crate::support::organisation::SimulatedFailure;
use crate::support::proxy::Proxy;
use crate::support::redis::RedisServer;

/// Until when trouble is made, and by what chance.
pub struct Trouble<'a> {
    pub stage: &'a Stage,
    pub until: Instant,
    pub rng: fastrand::Rng,
}

/// How far a clock is set, in seconds, ahead or back.
const OFFSETS_S: [i64; 7] = [2, 5, 10, 30, 60, 600, 3_600];

impl Trouble<'_> {
    fn is_over(&self) -> bool {
        Instant::now() >= self.until || self.stage.findings.any()
    }

    fn ms(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.rng.u64(range))
    }

    /// Mostly short, sometimes so long that what is away has to be noticed.
    fn time(&mut self) -> Duration {
        let long = self.rng.u8(0..5) == 0;
        if long { self.ms(12_000..25_000) } else { self.ms(300..6_000) }
    }

    /// Waits that long, or until there was trouble enough.
    async fn wait(&self, time: Duration) {
        sleep_until((Instant::now() + time).min(self.until)).await;
    }

    /// Calm for a while; whether there is still time for trouble.
    async fn calm(&mut self, range: std::ops::Range<u64>) -> bool {
        let calm = self.ms(range);
        self.wait(calm).await;
        !self.is_over()
    }

    pub async fn of_redis(mut self, server: &mut RedisServer) {
        let stage = self.stage;
        while self.calm(1_000..7_000).await {
            if stage.redis_rests.load(Ordering::SeqCst) {
                continue;
            }
            let time = self.time();
            let all: Vec<&Instance> = stage.instances.iter().collect();
            let one = vec![&stage.instances[self.rng.usize(0..INSTANCES)]];
            let whom = if self.rng.bool() { all.clone() } else { one };
            let is_away = |away: bool, whom: &[&Instance]| {
                for instance in whom {
                    if away { instance.without_redis.begin() } else { instance.without_redis.end() }
                }
            };
            match self.rng.u8(0..7) {
                0 => {
                    stage.count("Redis killed");
                    tokio::task::block_in_place(|| server.kill());
                    is_away(true, &all);
                    self.wait(time).await;
                    is_away(false, &all);
                    tokio::task::block_in_place(|| server.restart());
                }
                1 => {
                    stage.count("Redis filled");
                    let () = server.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
                    is_away(true, &all);
                    self.wait(time).await;
                    is_away(false, &all);
                    let () = server.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
                }
                2 => {
                    stage.count("Redis read-only");
                    let () = server.command(&["REPLICAOF", "127.0.0.1", "1"]).await;
                    is_away(true, &all);
                    self.wait(time).await;
                    is_away(false, &all);
                    let () = server.command(&["REPLICAOF", "NO", "ONE"]).await;
                }
                3 => {
                    stage.count("Redis slow");
                    let delay = self.ms(5..150);
                    whom.iter().for_each(|instance| instance.line.delay(delay));
                    self.wait(time).await;
                    whom.iter().for_each(|instance| instance.line.restore());
                }
                kind @ (4 | 5) => {
                    stage.count(if kind == 4 { "Redis cut off" } else { "Redis stalled" });
                    let act = if kind == 4 { Proxy::cut } else { Proxy::stall };
                    whom.iter().for_each(|instance| act(&instance.line));
                    is_away(true, &whom);
                    self.wait(time).await;
                    is_away(false, &whom);
                    whom.iter().for_each(|instance| instance.line.restore());
                }
                _ => {
                    stage.count("connections to Redis lost without a sign");
                    whom.iter().for_each(|instance| instance.line.forget_connections());
                }
            }
        }
    }

    pub async fn of_tables(mut self) {
        let stage = self.stage;
        while self.calm(1_000..7_000).await {
            let (time, delay) = (self.time(), self.ms(50..1_500));
            match self.rng.u8(0..6) {
                5 => {
                    stage.count("Azurite killed");
                    stage.azurite.lock().await.kill();
                    self.wait(time).await;
                    stage.azurite.lock().await.restart().await;
                    continue;
                }
                0 => {
                    stage.count("Azurite cut off");
                    stage.azurite_line.cut();
                }
                1 => {
                    stage.count("Azurite stalled");
                    stage.azurite_line.stall();
                }
                2 => {
                    stage.count("Azurite slow");
                    stage.azurite_line.delay(delay);
                }
                3 => {
                    stage.count("Azurite filled");
                    stage.tables.refuse(Some(Refusal::Full));
                }
                _ => {
                    stage.count("Azurite read-only");
                    stage.tables.refuse(Some(Refusal::ReadOnly));
                }
            }
            self.wait(time).await;
            stage.azurite_line.restore();
            stage.tables.refuse(None);
        }
    }

    pub async fn of_the_organisation(mut self) {
        let stage = self.stage;
        while stage.truth.is_compared && self.calm(1_000..6_000).await {
            match self.rng.u8(0..8) {
                0 | 1 => {
                    stage.count("organisation unreachable");
                    stage.organisation.lock().await.close().await;
                    stage.truth.faults.begin_silence();
                    stage.organisation_away.begin();
                    // Sometimes so long that nothing else than its absence can be what boards say.
                    let is_long = self.rng.u8(0..5) == 0;
                    let time = if is_long { self.ms(75_000..90_000) } else { self.time() };
                    stage.redis_rests.store(is_long, Ordering::SeqCst);
                    self.wait(time).await;
                    stage.redis_rests.store(false, Ordering::SeqCst);
                    stage.organisation_away.end();
                    stage.organisation.lock().await.reopen().await.unwrap();
                    stage.truth.faults.end();
                }
                2 => self.of_every_call().await,
                _ => self.of_some_calls().await,
            }
        }
        stage.organisation.lock().await.mend();
        stage.truth.faults.end();
    }

    fn failure(&mut self, retry_after_s: u32) -> SimulatedFailure {
        match self.rng.u8(0..4) {
            0 => SimulatedFailure::TooManyRequests(retry_after_s),
            1 => SimulatedFailure::Unavailable,
            2 => SimulatedFailure::Slow(self.ms(200..3_000)),
            _ => SimulatedFailure::SignIn,
        }
    }

    /// It answers, and every answer is a failure, for so long that levels have to say so.
    async fn of_every_call(&mut self) {
        let stage = self.stage;
        stage.count("organisation failing");
        let retry_after_s = self.rng.u32(5..20);
        let failure = self.failure(retry_after_s);
        let is_gone = matches!(failure, SimulatedFailure::Unavailable | SimulatedFailure::SignIn);
        stage.truth.faults.begin(&failure);
        stage.organisation.lock().await.fail_on("*", failure);
        if is_gone {
            stage.organisation_away.begin();
        }
        let is_long = is_gone && self.rng.bool();
        let time = if is_long { self.ms(75_000..90_000) } else { self.ms(30_000..60_000) };
        stage.redis_rests.store(is_long, Ordering::SeqCst);
        self.wait(time).await;
        stage.redis_rests.store(false, Ordering::SeqCst);
        stage.organisation_away.end();
        stage.organisation.lock().await.mend();
        stage.truth.faults.end();
    }

    /// A call fails, or all calls on a route; one in four times for so long that levels may fall by it.
    async fn of_some_calls(&mut self) {
        let stage = self.stage;
        stage.count("organisation failing in parts");
        let server = stage.organisation.lock().await;
        let routes: Vec<String> = server.calls_by_route().into_keys().collect();
        let route = self.rng.choice(routes);
        let is_long = self.rng.u8(0..4) == 0;
        let retry_after_s = if is_long { self.rng.u32(5..20) } else { 1 };
        let failure = self.failure(retry_after_s);
        let time = if is_long { self.ms(30_000..60_000) } else { self.ms(200..5_000) };
        stage.truth.faults.begin(&failure);
        match &route {
            Some(route) if is_long || self.rng.bool() => {
                server.fail_on(route, failure);
                self.wait(time).await;
                server.mend();
                stage.truth.faults.end();
            }
            Some(route) => (0..self.rng.u8(1..6)).for_each(|_| server.fail_next_on(route, failure.clone())),
            None => server.fail_next(failure),
        }
    }

    pub async fn of_instances(mut self) {
        while self.calm(3_000..20_000).await {
            self.stage.count("instance killed");
            let (number, pause) = (self.rng.usize(0..INSTANCES), self.ms(0..2_000));
            self.stage.kill_and_start(number, pause).await;
        }
    }

    pub async fn of_clocks(mut self) {
        while self.calm(1_000..10_000).await {
            self.stage.count("clock set");
            let offset = *self.rng.choice(&OFFSETS_S).unwrap();
            self.stage.set_clock(if self.rng.bool() { offset } else { -offset });
            let time = self.time();
            self.wait(time).await;
            self.stage.set_clock(0);
        }
    }
}
