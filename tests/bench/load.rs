//! What a cached allow costs: sidegate beside an empty hyper answer with the same response headers, in one run.
//!
//! Run by `tests/bench/load [rounds]`. Both servers are processes pinned to core 0 with one worker; the load comes from
//! core 1. Rounds alternate between them, and what is compared is the CPU time that the kernel booked for each process
//! (`/proc/PID/task/*/schedstat`), not elapsed time: on a shared machine only the ratio within a run means anything.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a bench stops at the first thing that goes wrong"
)]

mod rig;

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sidegate::auth::SigningKey;
use sidegate::secret::Secret;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use self::rig::{SECRET, Server, request};

const TOKEN: &str = "Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo";
const CONNECTIONS: usize = 32;
const REQUESTS_A_ROUND: usize = 40_000;
const ROUNDS: usize = 21;
/// First argument of this program when it is the server to compare with.
const EMPTY: &str = "empty-answer";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = |threads| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap()
    };
    match arguments.split_first() {
        Some((first, headers)) if first == EMPTY => runtime(1).block_on(serve_empty(headers)),
        first => {
            let rounds = first.map_or(ROUNDS, |(rounds, _)| rounds.parse().unwrap());
            pin_ourselves_to("1");
            runtime(1).block_on(compare(rounds));
        }
    }
}

async fn compare(rounds: usize) {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("bench.sqlite");
    fill(&database).await;
    let request = request(&SigningKey::new(&Secret::new(SECRET.to_owned())).sign(TOKEN));

    let sidegate = Server::sidegate(pinned_to("0"), &database, &["--workers=1", "--cache-ttl=1h"]);
    let answer = one_answer(sidegate.address("listen"), &request).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("x-auth-user-id: "), "no allow: {answer}");
    let headers = answer.lines().skip(1).filter(|line| {
        !line.is_empty() && !line.starts_with("date:") && !line.starts_with("content-length:")
    });
    let empty = Server::start(pinned_to("0").arg(std::env::current_exe().unwrap()).arg(EMPTY).args(headers));
    let twin = one_answer(empty.address("listen"), &request).await;
    assert_eq!(twin.len(), answer.len(), "the answers differ:\n{answer}\n{twin}");

    // Warm both up, then alternate.
    let mut costs = Vec::new();
    for round in 0..=rounds {
        let ours = cost(&sidegate, &request, answer.len()).await;
        let theirs = cost(&empty, &request, answer.len()).await;
        if round > 0 {
            costs.push((ours, theirs));
        }
    }
    let ours = Spread::of(costs.iter().map(|(ours, _)| *ours));
    let theirs = Spread::of(costs.iter().map(|(_, theirs)| *theirs));
    let ratio = Spread::of(costs.iter().map(|(ours, theirs)| ours / theirs));
    eprintln!(
        "{rounds} rounds of {REQUESTS_A_ROUND} requests of {} bytes on {CONNECTIONS} connections, CPU per request",
        request.len()
    );
    eprintln!("  sidegate, cached allow      {ours} us");
    eprintln!("  hyper, same answer, no work {theirs} us");
    eprintln!("  ratio, round by round       {ratio}");
}

/// Median, quartiles and extremes.
struct Spread(Vec<f64>);

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    fn at(&self, quarter: usize) -> f64 {
        let index = (self.0.len() - 1) * quarter / 4;
        self.0.get(index).copied().unwrap()
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [least, lower, median, upper, most] = [0, 1, 2, 3, 4].map(|quarter| self.at(quarter));
        write!(f, "{median:6.2}  (quartiles {lower:.2} to {upper:.2}, extremes {least:.2} to {most:.2})")
    }
}

/// CPU microseconds that one request of a round cost a server.
#[expect(clippy::cast_precision_loss, reason = "a round is seconds, not days")]
async fn cost(server: &Server, request: &str, answer_bytes: usize) -> f64 {
    let before = cpu_time(server.pid());
    let tasks: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (request, address) = (request.to_owned(), server.address("listen"));
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut answer = vec![0; answer_bytes];
                for _ in 0..REQUESTS_A_ROUND / CONNECTIONS {
                    stream.write_all(request.as_bytes()).await.unwrap();
                    stream.read_exact(&mut answer).await.unwrap();
                }
                assert!(answer.starts_with(b"HTTP/1.1 200 "));
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let spent = cpu_time(server.pid()).saturating_sub(before);
    spent.as_nanos() as f64 / 1000.0 / REQUESTS_A_ROUND as f64
}

/// Time that all threads of a process spent on a CPU.
fn cpu_time(pid: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let spent = threads.map(|thread| {
        let stat = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
        stat.split(' ').next().unwrap().parse::<u64>().unwrap()
    });
    Duration::from_nanos(spent.sum())
}

/// Becomes a program that runs on that core alone, with every thread that it will ever have. taskset is in util-linux.
fn pinned_to(core: &str) -> Command {
    let mut taskset = Command::new("taskset");
    taskset.args(["--cpu-list", core]);
    taskset
}

fn pin_ourselves_to(core: &str) {
    let pid = std::process::id().to_string();
    let done =
        Command::new("taskset").args(["--cpu-list", "--pid", core, &pid]).stdout(Stdio::null()).status();
    assert!(done.unwrap().success(), "taskset could not pin this process to core {core}");
}

async fn one_answer(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "the connection ended early");
    }
    String::from_utf8(answer).unwrap()
}

async fn fill(database: &std::path::Path) {
    let mut connection =
        SqliteConnectOptions::new().filename(database).create_if_missing(true).connect().await.unwrap();
    let tables = r#"
        create table "user" ("id" text primary key, "name" text, "email" text);
        create table "session" ("id" text primary key, "expiresAt" date, "token" text unique, "userId" text);
        insert into "user" values ('Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo', 'Ada Lovelace', 'ada.lovelace@example.com');
    "#;
    sqlx::raw_sql(tables).execute(&mut connection).await.unwrap();
    let session = r#"insert into "session" values ('yLw0cHdB9sJgAeUfIoZk3vQ8mN1pXrT6', '2999-01-01T00:00:00.000Z', ?1,
        'Zk3vQ8mN1pXrT6yLw0cHdB9sJgAeUfIo')"#;
    sqlx::query(session).bind(TOKEN).execute(&mut connection).await.unwrap();
}

/// hyper with nothing behind it: answers every request with 200 and these headers, made once.
async fn serve_empty(lines: &[String]) {
    let headers: HeaderMap = lines
        .iter()
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap())
        })
        .collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    eprintln!(r#"{{"listen":"{}"}}"#, listener.local_addr().unwrap());
    let names: &'static [(HeaderName, HeaderValue)] =
        Box::leak(headers.into_iter().map(|(n, v)| (n.unwrap(), v)).collect());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let answer = service_fn(move |_| async move {
            let mut answer = Response::new(Full::<Bytes>::default());
            answer.headers_mut().reserve(names.len());
            for (name, value) in names {
                answer.headers_mut().insert(name, value.clone());
            }
            Ok::<_, std::convert::Infallible>(answer)
        });
        tokio::spawn(async move {
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}
