//! A server in the place of Better Auth: it answers with the bytes that a test gives it, and keeps what it was asked.
//! The answers in these tests are those of better-auth 1.7.25.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sidegate::auth::CookieName;
use sidegate::fetch::{Bounds, Client, Roots};
use sidegate::store::BetterAuth;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::rig::{COOKIE_NAME, TOKEN};

/// A server on a port of its own, until it is dropped.
pub(crate) struct Service {
    pub(crate) base: String,
    asked: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

/// What it does when asked for the nth time, from 0 on.
pub(crate) enum Act {
    /// Answers with these bytes, and keeps the connection.
    Say(String),
    /// Takes the question and closes the connection.
    Close,
    /// Takes the question and says nothing.
    Hang,
}

impl Service {
    pub(crate) async fn acting(act: impl Fn(usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/api/auth", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (heard, act) = (Arc::clone(&asked), Arc::new(act));
        let connections = Arc::new(AtomicUsize::new(0));
        let opened = Arc::clone(&connections);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                opened.fetch_add(1, Ordering::SeqCst);
                connections.spawn(converse(connection, Arc::clone(&heard), Arc::clone(&act)));
            }
        });
        Self { base, asked, connections, task }
    }

    pub(crate) async fn saying(answer: String) -> Self {
        Self::acting(move |_| Act::Say(answer.clone())).await
    }

    /// Everything that it was asked, heads as they came.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// How many connections were made to it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn better_auth(&self) -> BetterAuth {
        better_auth(&self.base, Duration::from_mins(1))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn better_auth(base: &str, timeout: Duration) -> BetterAuth {
    let cookie = CookieName::new(COOKIE_NAME).unwrap();
    BetterAuth::new(&base.parse().unwrap(), cookie, true, client(timeout)).unwrap()
}

pub(crate) fn client(timeout: Duration) -> Client {
    Client::new(Bounds { connections: 4, connect_timeout: timeout, timeout }, &Roots::mozilla())
}

async fn converse(
    mut connection: TcpStream,
    heard: Arc<Mutex<Vec<String>>>,
    act: Arc<impl Fn(usize) -> Act>,
) {
    let mut question = Vec::new();
    let mut byte = [0];
    while connection.read_exact(&mut byte).await.is_ok() {
        question.extend(byte);
        if !question.ends_with(b"\r\n\r\n") {
            continue;
        }
        let nth = {
            let mut heard = heard.lock().unwrap();
            heard.push(String::from_utf8(std::mem::take(&mut question)).unwrap());
            heard.len() - 1
        };
        match act(nth) {
            Act::Say(answer) => connection.write_all(answer.as_bytes()).await.unwrap(),
            Act::Close => return,
            Act::Hang => std::future::pending().await,
        }
    }
}

/// An answer with a JSON body.
pub(crate) fn json(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Better Auth's answer for the session of `TOKEN`.
pub(crate) fn session_until(expires_at: &str) -> String {
    format!(
        r#"{{"session":{{"expiresAt":"{expires_at}","token":"{TOKEN}","createdAt":"2026-01-15T00:00:00.123Z","updatedAt":"2026-01-15T00:00:00.123Z","ipAddress":"203.0.113.7","userAgent":"curl/8","userId":"usr_1","id":"ses_1"}},"user":{{"name":"Ada Lovelace","email":"ada@example.com","emailVerified":true,"image":null,"createdAt":"2025-12-16T12:00:00.123Z","updatedAt":"2025-12-16T12:00:00.123Z","id":"usr_1"}}}}"#
    )
}
