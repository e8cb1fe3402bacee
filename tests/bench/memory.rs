//! What a remembered session takes: resident memory of a full cache, divided.
//!
//! `cargo bench --profile dist --bench memory [-- sessions] [bodies]`, where bodies are what get-session answers.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a bench stops at the first thing that goes wrong"
)]

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use sidegate::auth::{Session, SessionRecord, TokenDigest};
use sidegate::cache::{Ages, SessionCache, Wanted};
use sidegate::clock::UnixMillis;

const SESSIONS: u64 = 1_000_000;

fn main() {
    let sessions = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(SESSIONS);
    let bodies = std::env::args().any(|argument| argument == "bodies");
    let now = || UnixMillis::new(1_768_478_400_123);
    let day = Duration::from_hours(24);
    let cache = SessionCache::new(sessions, Ages::plain(day, day), Arc::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let before = resident_kib();
    for number in 0..sessions {
        let token = TokenDigest::of(&number.to_string());
        let lookup = move || async move { Ok(Some(session(&record(number), bodies))) };
        assert!(runtime.block_on(cache.load(token, Wanted::default(), now, lookup)).is_ok());
    }
    let taken = (resident_kib() - before) * 1024;
    eprintln!("{sessions} sessions take {} MiB, {} bytes each", taken >> 20, taken / sessions);
    assert!(cache.get(&TokenDigest::of("0"), now()).is_some());
}

fn session(record: &SessionRecord, bodies: bool) -> Session {
    let session = Session::new(record);
    if bodies { session.with_body(record.body()) } else { session }
}

/// As long as Better Auth's own: ids and tokens of 32 characters, an ordinary name, address and browser.
fn record(number: u64) -> SessionRecord {
    const AT: &str = "2026-01-15T12:00:00.123Z";
    const BROWSER: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                           Chrome/140.0.0.0 Safari/537.36";
    let id = format!("{number:032}");
    let session = json!({
        "expiresAt": "2026-01-22T12:00:00.123Z", "token": id, "createdAt": AT, "updatedAt": AT,
        "ipAddress": "203.0.113.7", "userAgent": BROWSER, "userId": id, "id": id,
    });
    let user = json!({
        "name": format!("Somebody Number {number:07}"), "email": format!("somebody.{number:07}@example.com"),
        "emailVerified": false, "image": null, "createdAt": AT, "updatedAt": AT, "id": id,
    });
    SessionRecord {
        expires_at: UnixMillis::new(1_769_083_200_123),
        session: session.as_object().unwrap().clone(),
        user: user.as_object().unwrap().clone(),
        organization_role: None,
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
