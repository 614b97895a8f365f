//! How figures are taken and shown.

use std::time::Duration;

use super::support::redis::RedisServer;

/// The options of a server that is as durable as the documentation asks for.
pub const DURABLE: &[(&str, &str)] = &[("appendonly", "yes"), ("appendfsync", "everysec")];

/// What the figures depend on.
pub async fn machine() -> String {
    let cores = std::thread::available_parallelism().unwrap();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default().to_owned();
    let server = RedisServer::start(&[]);
    let info: String = server.command(&["INFO", "server"]).await;
    let version = field(&info, "redis_version");
    let now = boardcast::platform::clock::system()().epoch_ms();
    let day = chrono::DateTime::from_timestamp_millis(now).unwrap().date_naive();
    format!("{day}, {cores} cores, load average {load} at the start, Redis {version}")
}

/// A field of Redis' `INFO`.
pub fn field(info: &str, name: &str) -> String {
    let value = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("no {name} in {info}")).trim().to_owned()
}

/// The processor time that a server has used.
pub async fn cpu_of_redis(server: &RedisServer) -> Duration {
    let info: String = server.command(&["INFO", "cpu"]).await;
    let of = |name| Duration::from_secs_f64(field(&info, name).parse().unwrap());
    of("used_cpu_user") + of("used_cpu_sys")
}

/// The processor time that a process has used: `utime` and `stime`, in ticks of 10 ms.
pub fn cpu_of_process(pid: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name, in parentheses, may hold blanks; the state follows it.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11..=12].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// Of sorted values the one below which that share lies.
pub fn percentile<T: Copy>(sorted: &[T], share: f64) -> T {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list"
    )]
    let at = (sorted.len() as f64 * share) as usize;
    sorted[at.min(sorted.len() - 1)]
}

pub fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 10.0 { format!("{ms:.2}") } else { format!("{ms:.0}") }
}

/// A number with its thousands apart.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Prints a table as Markdown has it.
pub fn table(title: &str, head: &[&str], rows: &[Vec<String>]) {
    println!("\n{title}\n\n| {} |\n|{}", head.join(" | "), "---|".repeat(head.len()));
    rows.iter().for_each(|row| println!("| {} |", row.join(" | ")));
}
