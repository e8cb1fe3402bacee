//! What sidegate's memory does: resident bytes of a running one that remembers a million sessions, and then is asked for
//! millions that are not there.
//!
//! `cargo bench --profile dist --bench memory [-- sessions [flood]] [bodies]`, where bodies are what get-session answers.
//! The sessions are Better Auth's rows in an SQLite file; there is room for as many as are there, so that every further token
//! wants somebody's place. They are asked for over connections that stay open, in this order:
//!
//! 1. each session once, and the second half of them three more times;
//! 2. forged cookies, each another one: the right form and a wrong signature;
//! 3. genuine tokens without a session, each another one, as only who knows the secret can make them;
//! 4. a sample of the sessions again, to see how many of each half are still remembered.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a bench stops at the first thing that goes wrong"
)]

mod rig;

use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use sidegate::auth::SigningKey;
use sidegate::secret::Secret;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use self::rig::{SECRET, Server, request};

const SESSIONS: u64 = 1_000_000;
const FLOOD: u64 = 10_000_000;
const CONNECTIONS: u64 = 16;
/// Questions on the way at once on each connection.
const PIPELINED: u64 = 32;
/// Questions that open all connections, start all threads and fill the log, which nobody reads.
const WARMING: u64 = 20_000;
const SAMPLE: u64 = 20_000;

/// Makes the cookie of a number.
type Cookie = fn(&SigningKey, u64) -> String;

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse::<u64>().ok());
    let (sessions, flood) = (numbers.next().unwrap_or(SESSIONS), numbers.next().unwrap_or(FLOOD));
    let bodies = std::env::args().any(|argument| argument == "bodies");
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("bench.sqlite");
    fill(&database, sessions).await;
    let server = Server::sidegate(
        Command::new("env"),
        &database,
        &[
            "--cache-ttl=24h",
            &format!("--cache-capacity={}", sessions + WARMING),
            &format!("--get-session={bodies}"),
            "--store-timeout=20s",
        ],
    );
    let key = Arc::new(SigningKey::new(&Secret::new(SECRET.to_owned())));
    let ask = async |numbers, cookie: Cookie, status| {
        put(server.address("listen"), &key, numbers, cookie, status).await;
    };
    let beyond = sessions..sessions + flood;

    ask(0..WARMING, forged, "401").await;
    ask(beyond.end..beyond.end + WARMING, genuine, "401").await;
    let empty = tell(&server, "warm, nothing asked for but what is not there").await;
    ask(0..sessions, genuine, "200").await;
    let full = tell(&server, &format!("{sessions} sessions, each asked for once")).await;
    eprintln!("{:>40} bytes a session", (full.saturating_sub(empty) * 1024) / sessions);
    for _ in 0..3 {
        ask(sessions / 2..sessions, genuine, "200").await;
    }
    tell(&server, "the second half asked for three more times").await;
    ask(beyond.clone(), forged, "401").await;
    tell(&server, &format!("{flood} forged cookies")).await;
    ask(beyond, genuine, "401").await;
    tell(&server, &format!("{flood} genuine tokens without a session")).await;
    for (half, what) in
        [(0..sessions / 2, "asked for once"), (sessions / 2..sessions, "asked for four times")]
    {
        let sample = SAMPLE.min(half.end - half.start);
        let middle = half.start + (half.end - half.start - sample) / 2;
        let before = metric(&server, "sidegate_store_lookup_seconds_count").await;
        ask(middle..middle + sample, genuine, "200").await;
        let lost = metric(&server, "sidegate_store_lookup_seconds_count").await - before;
        eprintln!("of {sample} sessions {what}, {} are still remembered", sample.saturating_sub(lost));
    }
}

/// A token that Better Auth could have made, signed.
fn genuine(key: &SigningKey, number: u64) -> String {
    key.sign(&format!("{number:032}"))
}

/// The same, signed by somebody who does not know the secret.
fn forged(_: &SigningKey, number: u64) -> String {
    format!("{number:032}.{:043}=", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// Puts a question for each number, and expects the same status of all, and answers of one length.
async fn put(
    address: SocketAddr,
    key: &Arc<SigningKey>,
    numbers: Range<u64>,
    cookie: Cookie,
    status: &'static str,
) {
    let length = answer_bytes(address, &request(&cookie(key, numbers.start))).await;
    let share = (numbers.end - numbers.start).div_ceil(CONNECTIONS);
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|connection| {
            let begin = (numbers.start + connection * share).min(numbers.end);
            let mine = begin..(begin + share).min(numbers.end);
            let key = Arc::clone(key);
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let start = format!("HTTP/1.1 {status} ");
                let mut next = mine.start;
                while next < mine.end {
                    let batch = next..(next + PIPELINED).min(mine.end);
                    next = batch.end;
                    let count = usize::try_from(batch.end - batch.start).unwrap();
                    let questions: String = batch.map(|number| request(&cookie(&key, number))).collect();
                    stream.write_all(questions.as_bytes()).await.unwrap();
                    let mut answers = vec![0; length * count];
                    stream.read_exact(&mut answers).await.unwrap();
                    for answer in answers.chunks_exact(length) {
                        let text = String::from_utf8_lossy(answer);
                        assert!(text.starts_with(&start), "expected {status}: {text}");
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// How long the answer to that is.
async fn answer_bytes(address: SocketAddr, request: &str) -> usize {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&answer).to_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.split("content-length: ").nth(1).unwrap();
            let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
            if body.len() == length {
                return answer.len();
            }
        }
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "the connection ended early");
    }
}

/// The sum of a metric's series.
async fn metric(server: &Server, name: &str) -> u64 {
    let mut stream = TcpStream::connect(server.address("admin_listen")).await.unwrap();
    let question = "GET /metrics HTTP/1.1\r\nHost: sidegate\r\nConnection: close\r\n\r\n";
    stream.write_all(question.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let series = answer.lines().filter(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with('{') || rest.starts_with(' '))
    });
    series.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

/// Prints the resident memory, in KiB, and what is remembered.
async fn tell(server: &Server, after: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let resident: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    let entries = metric(server, "sidegate_cache_entries").await;
    eprintln!(
        "{:7.1} MiB, {entries:7} entries: {after}",
        f64::from(u32::try_from(resident).unwrap()) / 1024.0
    );
    resident
}

/// Better Auth's tables with so many users, a session each: ids and tokens of 32 characters, an ordinary name, address and
/// browser.
async fn fill(database: &Path, sessions: u64) {
    let mut connection =
        SqliteConnectOptions::new().filename(database).create_if_missing(true).connect().await.unwrap();
    // Thrown away when it ends: nothing has to survive a crash.
    let tables = r#"
        pragma journal_mode = off; pragma synchronous = off;
        create table "user" ("id" text not null primary key, "name" text not null, "email" text not null unique,
            "emailVerified" integer not null, "image" text, "createdAt" date not null, "updatedAt" date not null);
        create table "session" ("id" text not null primary key, "expiresAt" date not null, "token" text not null unique,
            "createdAt" date not null, "updatedAt" date not null, "ipAddress" text, "userAgent" text,
            "userId" text not null references "user" ("id") on delete cascade);
    "#;
    sqlx::raw_sql(tables).execute(&mut connection).await.unwrap();
    let count = i64::try_from(sessions).unwrap();
    let user = r#"with recursive numbers(n) as (select 0 union all select n + 1 from numbers where n + 1 < ?1)
        insert into "user" select printf('%032d', n), printf('Somebody Number %07d', n),
        printf('somebody.%07d@example.com', n), 0, null, '2026-01-15T12:00:00.123Z', '2026-01-15T12:00:00.123Z' from numbers"#;
    let session = r#"with recursive numbers(n) as (select 0 union all select n + 1 from numbers where n + 1 < ?1)
        insert into "session" select printf('%032d', n), '2999-01-01T00:00:00.123Z', printf('%032d', n),
        '2026-01-15T12:00:00.123Z', '2026-01-15T12:00:00.123Z', '203.0.113.7',
        'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
        printf('%032d', n) from numbers"#;
    for statement in [user, session] {
        sqlx::query(statement).bind(count).execute(&mut connection).await.unwrap();
    }
}
