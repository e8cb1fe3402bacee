//! What `POST /revoke` and other replicas say, and channels that tell of a part of what happens.

use std::sync::Arc;
use std::time::Duration;

use sidegate::auth::{IdDigest, Revocation, TokenDigest};
use sidegate::cache::{Generations, Hearing};
use sidegate::clock::UnixMillis;
use sidegate::metrics::Metrics;
use sidegate::revocation::{
    Channel, ChannelError, Extent, Heard, Notice, NoticeError, Opened, keep_open, listen,
};
use tokio::sync::mpsc;

use crate::rig::TOKEN;

/// `printf usr_1 | sha256sum`
const USR_1: &str = "ac9852aff2e92a734c6c3f72ac9270f1d0661639b6080ee5e964182d0181a7a1";

fn read(body: &str) -> Result<Notice, NoticeError> {
    Notice::read(body.as_bytes())
}

#[test]
fn each_kind_is_read_by_itself_and_in_lists() {
    let body = format!(
        r#"{{"token_digest":["{USR_1}"],"session_id":"ses_1","user_id":["usr_1","usr_2"],"everything":false,"at":7}}"#
    );
    let what = vec![
        Revocation::Token(TokenDigest::from_hex(USR_1).unwrap()),
        Revocation::Session(IdDigest::of("ses_1")),
        Revocation::User(IdDigest::from_hex(USR_1).unwrap()),
        Revocation::User(IdDigest::of("usr_2")),
    ];
    assert_eq!(read(&body), Ok(Notice { what, at: Some(UnixMillis::new(7)) }));
    assert_eq!(read(r#"{"everything":true}"#), Ok(Notice { what: vec![Revocation::Everything], at: None }));
}

#[test]
fn a_thousand_are_read_and_one_more_is_not() {
    let list = |length| vec![r#""a""#; length].join(",");
    assert_eq!(read(&format!(r#"{{"user_id":[{}]}}"#, list(1000))).map(|notice| notice.what.len()), Ok(1000));
    let over = format!(r#"{{"session_id":[{}],"user_id":[{}]}}"#, list(500), list(501));
    assert_eq!(read(&over), Err(NoticeError::TooMany));
}

#[test]
fn no_complaint_quotes_what_may_be_a_token() {
    for body in [
        format!(r#"{{"{TOKEN}":1}}"#),
        format!(r#"{{"token_digest":"{TOKEN}"}}"#),
        format!(r#"{{"user_id":"a","at":"{TOKEN}"}}"#),
        TOKEN.to_owned(),
    ] {
        let error = read(&body).unwrap_err();
        assert!(!error.to_string().contains(TOKEN), "{error}");
    }
}

#[test]
fn replicas_understand_each_other() {
    let body =
        format!(r#"{{"token_digest":"{USR_1}","session_id":"s","user_id":"u","everything":true,"at":7}}"#);
    let notice = read(&body).unwrap();
    let expected: Vec<_> = notice.what.iter().map(|what| Heard { what: *what, at: notice.at }).collect();

    let mut heard = Notice::of_message(notice.to_message().as_bytes());

    let order = |heard: &Heard| heard.what.code();
    heard.sort_by_key(order);
    let mut sorted = expected;
    sorted.sort_by_key(order);
    assert_eq!(heard, sorted);
}

#[test]
fn a_message_names_nobody() {
    let notice = read(r#"{"session_id":"ses_of_ada","user_id":"usr_ada"}"#).unwrap();
    let message = notice.to_message();
    assert!(!message.contains("ses_of_ada") && !message.contains("usr_ada"), "{message}");
}

#[test]
fn what_no_replica_of_this_version_says_stands_for_everything() {
    for message in ["", "[]", "{}", r#"{"tokens":["ab"]}"#, r#"{"members":[]}"#, r#"{"users":[],"at":"x"}"#] {
        let heard = Notice::of_message(message.as_bytes());
        assert_eq!(heard, [Heard { what: Revocation::Everything, at: None }], "{message}");
    }
}

/// Opens and breaks as it is told.
struct Told(mpsc::Receiver<Result<(), ChannelError>>);

impl Channel for Told {
    fn code(&self) -> &'static str {
        "told"
    }

    async fn open(&mut self) -> Result<(), ChannelError> {
        self.0.recv().await.expect("the test goes on")
    }

    async fn next(&mut self) -> Result<Vec<Heard>, ChannelError> {
        self.0.recv().await.expect("the test goes on").map(|()| Vec::new())
    }
}

/// Waits for a condition of `generations`: it changes in another task.
async fn until(generations: &Generations, condition: impl Fn(&Generations) -> bool) {
    let waited = async {
        while !condition(generations) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waited).await.expect("it comes about");
}

#[tokio::test]
async fn a_part_that_is_heard_makes_no_answer_last_longer_and_one_that_is_lost_makes_all_last_shorter() {
    let generations = Arc::new(Generations::default());
    let (tell, told) = mpsc::channel(1);
    let channel = keep_open(Told(told), Extent::Part, Arc::clone(&generations), Metrics::new().revocations());
    let keeping = tokio::spawn(channel);
    let broken = || Err(ChannelError::Broken("gone".to_owned()));

    until(&generations, |generations| generations.hearing() == Hearing::Lost).await;
    // However often it fails to open, it is one part that is lost.
    for _ in 0..3 {
        tell.send(broken()).await.unwrap();
    }
    let before = generations.now();
    tell.send(Ok(())).await.unwrap();
    until(&generations, |generations| generations.hearing() == Hearing::None).await;
    assert!(generations.now() > before, "what was missed is not believed");

    generations.begin_to_hear();
    assert_eq!(generations.hearing(), Hearing::Now);
    tell.send(broken()).await.unwrap();
    until(&generations, |generations| generations.hearing() == Hearing::Lost).await;
    generations.lose();
    generations.begin_to_hear();
    assert_eq!(generations.hearing(), Hearing::Lost, "the part is still lost");
    tell.send(Ok(())).await.unwrap();
    until(&generations, |generations| generations.hearing() == Hearing::Now).await;
    keeping.abort();
}

#[tokio::test]
async fn a_channel_that_is_open_already_is_not_opened_a_second_time() {
    let generations = Arc::new(Generations::default());
    let (tell, told) = mpsc::channel(1);
    let broken = || Err(ChannelError::Broken("gone".to_owned()));
    tell.send(broken()).await.unwrap();
    let (channel, _) = Opened::open(Told(told)).await.err().expect("it cannot be opened yet");
    tell.send(Ok(())).await.unwrap();
    let channel = Opened::open(channel).await.ok().expect("it can be opened now");

    let metrics = Metrics::new().revocations();
    let listening = tokio::spawn(listen(channel, Arc::clone(&generations), metrics));

    // Nobody answers to another attempt.
    until(&generations, |generations| generations.hearing() == Hearing::Now).await;
    tell.send(broken()).await.unwrap();
    until(&generations, |generations| generations.hearing() == Hearing::Lost).await;
    tell.send(Ok(())).await.unwrap();
    until(&generations, |generations| generations.hearing() == Hearing::Now).await;
    listening.abort();
}
