//! Defects that were there once, each with what brought it to light.

use std::future::Future as _;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::time::Duration;

use sidegate::auth::{IdentityField, Session, TokenDigest};
use sidegate::cache::{Ages, SessionCache, Wanted};
use sidegate::clock::UnixMillis;
use sidegate::gate::Gate;
use sidegate::store::StoreError;

use crate::better_auth::Database;
use crate::commands::{Place, Serving, assert_all_in, told};

use crate::rig::{
    HOUR, NOW, TOKEN, WIRE, asking_store, cache, grant, later, record, request, rules, session_cookie,
    session_until, waits, word,
};
use crate::store_sqlite::{ada, look_up, with_ada};

/// Longer than anything here takes, and shorter than anybody waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// A task that is spawned on a runtime that has shut down is dropped at once; its flight was closed under the lock
/// that had just opened it.
#[test]
fn a_lookup_begun_while_the_runtime_shuts_down_does_not_hang() {
    let (done, finished) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        let day = Duration::from_hours(24);
        let cache = SessionCache::new(10, Ages::plain(day, day), Arc::default());
        drop(runtime);
        let _entered = handle.enter();
        let lookup = || async { Ok::<Option<Session>, StoreError>(None) };
        let mut load =
            Box::pin(cache.load(TokenDigest::of("x"), Wanted::default(), || UnixMillis::new(1), lookup));
        let _ = load.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        done.send(()).unwrap();
    });
    finished.recv_timeout(PATIENCE).expect("the lookup hangs");
}

/// Events were written by whoever caused them: once nobody read standard error any more, each worker stood still.
#[test]
fn a_log_that_nobody_reads_does_not_hold_up_answers() {
    let place = Place::new();
    let serving = Serving::start_unread(place.sidegate(&["serve", "--workers=1"]), place.path());
    let mut gate = serving.connect_gate();
    let mut answers = BufReader::new(gate.try_clone().unwrap());
    // More events than the pipe and the queue before it hold together.
    for _ in 0..8000 {
        gate.write_all(QUESTION).unwrap();
        assert_eq!(read_head(&mut answers), "HTTP/1.1 401 Unauthorized");
    }
    let mut admin = serving.connect_admin();
    admin.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut page = String::new();
    admin.read_to_string(&mut page).unwrap();
    assert_all_in(&page, &["HTTP/1.0 200 OK", "sidegate_log_events_lost_total"]);
    assert!(
        !page.contains("sidegate_log_events_lost_total 0\n"),
        "no event was lost: the pipe took them all"
    );
}

/// The open file lived on without a name: signed-out sessions passed for ever, and new ones never.
#[tokio::test]
async fn a_database_that_took_the_place_of_another_is_the_one_that_is_asked() {
    let before = with_ada().await;
    let store = before.store();
    assert_eq!(look_up(&store, TOKEN).await, Ok(Some(ada())));

    let after = Database::of_better_auth().await;
    std::fs::rename(after.path(), before.path()).unwrap();

    assert_eq!(look_up(&store, TOKEN).await, Ok(None));
}

/// Only names were kept from making an answer's head longer than nginx takes.
#[test]
fn an_address_that_is_too_long_for_a_header_is_left_out() {
    let mut record = record(NOW);
    record.user.insert("email".to_owned(), format!("{}@example.com", "x".repeat(1024)).into());
    assert!(grant(&record).identity().get(IdentityField::UserEmail).is_none());
}

/// TOML reads `0o660` as the number 432, whose digits were then read as octal: a socket for everybody but its owner.
#[test]
fn a_mode_in_tomls_own_octal_is_that_mode() {
    let config = crate::settings::load(&[], &[], "listen_mode = 0o660").unwrap();
    assert_eq!(config.listen_mode, 0o660);
}

/// `listen` took any file in the socket's place for a dead process's socket, and replaced it.
#[test]
fn a_file_in_the_sockets_place_is_left_alone() {
    let place = Place::new();
    let file = place.path().join("precious");
    std::fs::write(&file, "data").unwrap();
    let (code, text) =
        place.run(&["serve", &format!("--listen=unix:{}", file.display()), "--admin-listen=127.0.0.1:0"]);
    assert_eq!(code, 1);
    assert_all_in(&text, &["cannot listen on", "no socket"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "data");
}

/// At its end sidegate removed whatever stood under its socket's name by then.
#[test]
fn the_socket_of_a_successor_is_left_alone() {
    let place = Place::new();
    let first = Serving::start(place.sidegate(&["serve"]), place.path());
    for name in ["gate", "admin"] {
        std::fs::remove_file(place.path().join(name)).unwrap();
    }
    let second = Serving::start(place.sidegate(&["serve"]), place.path());
    first.end("TERM");
    assert_eq!(read_head(&mut BufReader::new(ask(second.connect_gate()))), "HTTP/1.1 401 Unauthorized");
}

/// Whoever joined a lookup was given what the store had said before they came: with `cache_ttl = "0s"`, a session passed
/// for as long after its end as a slow store took to answer.
#[tokio::test]
async fn an_answer_that_others_asked_for_earlier_counts_no_longer_than_a_remembered_one() {
    let (store, mut questions) = asking_store();
    let ages = Ages::plain(Duration::ZERO, Duration::ZERO);
    let gate = Gate::new(rules(), cache(ages), store, PATIENCE);
    let headers = session_cookie(WIRE);
    let request = request(&headers);
    let mut first = pin!(gate.check(&request, || NOW));
    assert!(waits(&mut first).await);
    let said_before = questions.next().await;
    let after = UnixMillis::new(NOW.get() + 1);
    let mut second = pin!(gate.check(&request, || after));
    assert!(waits(&mut second).await);

    said_before.answer(Ok(Some(session_until(later(HOUR)))));

    assert_eq!(word(&first.await.decision), "allow");
    assert!(waits(&mut second).await, "it was told what was true before it came");
    questions.next().await.answer(Ok(None));
    assert_eq!(word(&second.await.decision), "no_session");
}

/// A variable that is no text was passed over, and the next best secret taken.
#[test]
fn a_secret_that_is_no_text_is_an_error_and_not_passed_over() {
    let place = Place::new();
    let mut command = place.sidegate(&["check"]);
    command
        .env("BETTER_AUTH_SECRET", std::ffi::OsString::from_vec(b"secret\xff".to_vec()))
        .env("AUTH_SECRET", "x");
    let (code, text) = told(&command.output().unwrap());
    assert_eq!(code, 78);
    assert_all_in(&text, &["BETTER_AUTH_SECRET is not UTF-8"]);
}

/// sqlx warned of a parameter that it did not know, and quoted its value.
#[test]
fn a_parameter_of_the_store_url_that_means_nothing_is_told_by_name_alone() {
    let place = Place::new();
    let store = "--store=postgres://u@127.0.0.1:1/db?pasword=hunter2&sslmode=disable";
    let (_, text) = place.run(&["check", store, "--store-connect-timeout=100ms"]);
    assert_all_in(&text, &["the parameter pasword"]);
    assert!(!text.contains("hunter2") && !text.contains("the parameter sslmode"), "{text}");
}

/// Strangers, who are only told that they are, could take all places and leave none for the proxy.
#[test]
fn peers_that_are_not_trusted_have_places_of_their_own_and_few() {
    let place = Place::new();
    // On a UNIX socket, `loopback` trusts nobody.
    let command = place.sidegate(&["serve", "--trusted-proxies=loopback", "--connections-max=1"]);
    let serving = Serving::start(command, place.path());
    let strangers: Vec<_> = (0..64).map(|_| ask(serving.connect_gate())).collect();
    for mut stranger in strangers {
        assert_eq!(read_head(&mut BufReader::new(&mut stranger)), "HTTP/1.1 403 Forbidden");
    }
}

const QUESTION: &[u8] =
    b"GET /auth/nginx HTTP/1.1\r\nHost: s\r\nX-Original-URL: http://a/\r\nX-Original-Method: GET\r\n\r\n";

fn ask(mut stream: UnixStream) -> UnixStream {
    stream.write_all(QUESTION).unwrap();
    stream
}

/// Reads one answer and gives its first line.
fn read_head(answers: &mut impl BufRead) -> String {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let length = lines.iter().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    answers.read_exact(&mut body).unwrap();
    lines.swap_remove(0)
}
