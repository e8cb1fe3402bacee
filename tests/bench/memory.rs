//! What a remembered session takes: resident memory of a full cache, divided.
//!
//! `cargo bench --profile dist --bench memory [-- sessions]`

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a bench stops at the first thing that goes wrong"
)]

use std::time::Duration;

use sidegate::auth::{Session, SessionRecord, TokenDigest};
use sidegate::cache::{Ages, SessionCache};
use sidegate::clock::UnixMillis;

const SESSIONS: u64 = 1_000_000;

fn main() {
    let sessions = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(SESSIONS);
    let now = || UnixMillis::new(1_768_478_400_123);
    let day = Duration::from_hours(24);
    let cache = SessionCache::new(sessions, Ages { session: day, absence: day });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let before = resident_kib();
    for number in 0..sessions {
        let token = TokenDigest::of(&number.to_string());
        let lookup = async move { Ok(Some(Session::new(&record(number)))) };
        assert!(runtime.block_on(cache.load(token, now, lookup)).is_ok());
    }
    let taken = (resident_kib() - before) * 1024;
    eprintln!("{sessions} sessions take {} MiB, {} bytes each", taken >> 20, taken / sessions);
    assert!(cache.get(&TokenDigest::of("0"), now()).is_some());
}

/// As long as Better Auth's own: ids of 32 characters, an ordinary name and address.
fn record(number: u64) -> SessionRecord {
    let id = format!("{number:032}");
    let text = |(name, value): (&str, String)| (name.to_owned(), value.into());
    let email = format!("somebody.{number:07}@example.com");
    let name = format!("Somebody Number {number:07}");
    SessionRecord {
        expires_at: UnixMillis::new(1_769_083_200_123),
        session: [("id", id.clone())].map(text).into_iter().collect(),
        user: [("id", id), ("email", email), ("name", name)].map(text).into_iter().collect(),
        organization_role: None,
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
