//! The HTTP client: what it bounds, what it repeats, what it says of failures.

use std::time::Duration;

use http::{Method, Request, StatusCode};
use sidegate::fetch::{Bounds, Client, FetchError, Repeat, Roots};

use crate::rig::HOUR;
use crate::service::{Act, Service, client, json};

fn question(url: &str) -> Request<()> {
    Request::get(url).body(()).unwrap()
}

#[tokio::test]
async fn an_answer_of_any_status_is_an_answer() {
    let service = Service::saying(json("418 I'm a teapot", "", "{}")).await;

    let answer = client(HOUR).ask(question(&service.base), Repeat::Once).await.unwrap();

    assert_eq!((answer.status(), answer.body().as_ref()), (StatusCode::IM_A_TEAPOT, &b"{}"[..]));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let service = Service::saying(json("302 Found", "location: /elsewhere\r\n", "")).await;

    let answer = client(HOUR).ask(question(&service.base), Repeat::Once).await.unwrap();

    assert_eq!((answer.status(), service.asked().len()), (StatusCode::FOUND, 1));
}

#[tokio::test]
async fn connections_are_kept() {
    let service = Service::saying(json("200 OK", "", "null")).await;
    let client = client(HOUR);

    for _ in 0..3 {
        client.ask(question(&service.base), Repeat::Never).await.unwrap();
    }

    assert_eq!((service.asked().len(), service.connections()), (3, 1));
}

#[tokio::test]
async fn a_question_on_a_connection_that_breaks_is_put_once_more() {
    let service =
        Service::acting(|nth| if nth == 0 { Act::Close } else { Act::Say(json("200 OK", "", "null")) }).await;

    let answer = client(HOUR).ask(question(&service.base), Repeat::Once).await.unwrap();

    assert_eq!((answer.body().as_ref(), service.asked().len()), (&b"null"[..], 2));
}

#[tokio::test]
async fn a_question_on_connections_that_all_break_is_given_up() {
    let service = Service::acting(|_| Act::Close).await;

    let error = client(HOUR).ask(question(&service.base), Repeat::Once).await.unwrap_err();

    assert!(matches!(error, FetchError::BrokenOff(_)), "{error}");
    assert_eq!(service.asked().len(), 2);
}

#[tokio::test]
async fn what_counts_each_time_is_not_put_twice() {
    let service = Service::acting(|_| Act::Close).await;

    let error = client(HOUR).ask(question(&service.base), Repeat::Never).await.unwrap_err();

    assert!(matches!(error, FetchError::BrokenOff(_)), "{error}");
    assert_eq!(service.asked().len(), 1);
}

#[tokio::test]
async fn what_changes_something_is_not_put_twice() {
    let service = Service::acting(|_| Act::Close).await;
    let mut question = question(&service.base);
    *question.method_mut() = Method::POST;

    let error = client(HOUR).ask(question, Repeat::Once).await.unwrap_err();

    assert!(matches!(error, FetchError::BrokenOff(_)), "{error}");
    assert_eq!(service.asked().len(), 1);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_a_timeout() {
    let service = Service::acting(|_| Act::Hang).await;

    let error =
        client(Duration::from_millis(20)).ask(question(&service.base), Repeat::Once).await.unwrap_err();

    assert!(matches!(error, FetchError::Timeout(_)), "{error}");
}

#[tokio::test]
async fn more_questions_than_connections_wait_and_then_give_up() {
    let service = Service::acting(|_| Act::Hang).await;
    let bounds = Bounds {
        connections: 1,
        connect_timeout: Duration::from_millis(20),
        timeout: Duration::from_hours(1),
    };
    let client = Client::new(bounds, &Roots::mozilla());
    let first = tokio::spawn({
        let (client, question) = (client.clone(), question(&service.base));
        async move { client.ask(question, Repeat::Once).await }
    });
    while client.busy() == 0 {
        tokio::task::yield_now().await;
    }

    let error = client.ask(question(&service.base), Repeat::Once).await.unwrap_err();

    assert!(matches!(error, FetchError::Busy(_)), "{error}");
    first.abort();
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut_off() {
    let long = json("200 OK", "", &"x".repeat((1 << 20) + 1));
    let service = Service::saying(long).await;

    let error = client(HOUR).ask(question(&service.base), Repeat::Once).await.unwrap_err();

    assert!(matches!(error, FetchError::TooLong(_)), "{error}");
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_told_without_what_was_asked() {
    let base = Service::acting(|_| Act::Close).await.base.clone();
    let url = base.replace("http://", "http://somebody:password@") + "?token=secret";

    let error = client(HOUR).ask(question(&url), Repeat::Once).await.unwrap_err();

    assert!(matches!(error, FetchError::Unreachable(_)), "{error}");
    let told = format!("{error} {error:?}");
    assert!(!told.contains("password") && !told.contains("secret"), "{told}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told_as_that() {
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", plain.local_addr().unwrap());
    let answering = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        let (mut connection, _) = plain.accept().await.unwrap();
        connection.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });

    let error = client(HOUR).ask(question(&url), Repeat::Once).await.unwrap_err();

    assert!(matches!(error, FetchError::Tls(_)), "{error}");
    answering.await.unwrap();
}

#[test]
fn a_file_that_adds_no_authority_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.pem");
    std::fs::write(&empty, "no certificate\n").unwrap();

    let errors = [&empty, &directory.path().join("missing.pem")]
        .map(|path| Roots::mozilla().with_file(path).unwrap_err().to_string());

    assert_eq!(errors[0], "it holds no certificate");
    assert!(errors[1].contains("No such file"), "{}", errors[1]);
}
