//! Values in Redis, each put to the real Better Auth: sidegate must answer as it did.
//!
//! `tests/better-auth/mint.mjs` writes the vectors; nothing in them comes from sidegate. What stands in for Redis here
//! knows GET and nothing else; the real one is in `tests/e2e`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use sidegate::auth::IdentityField;
use sidegate::clock::UnixMillis;
use sidegate::store::{
    AdditionalField, AnyStore, ColumnCase, FallbackError, FieldKind, Names, Schema, SessionStore as _,
    StoreError, StoreOptions, StoreUrlError,
};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::better_auth::{default_names, named, options};
use crate::rig::{NOW, TOKEN, token};
use crate::store_sqlite::{look_up, with_ada};

const VECTORS: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/secondary-storage.json"));

/// Where sidegate answers otherwise: what it answers, why that is right, and the cases.
const DEVIATIONS: &[(&str, &str, &[&str])] = &[
    (
        "error",
        "nobody is named, or not for sure: what Better Auth never wrote lets nobody in",
        &[
            "ss-empty-user",
            "ss-user-a-text",
            "ss-session-a-text",
            "ss-token-differs",
            "ss-no-user-id",
            "ss-no-user-id-in-session",
        ],
    ),
    (
        "error",
        "JavaScript makes an Invalid Date of it, which never passes: a session without an end is not let in on doubt",
        &["ss-expires-garbage"],
    ),
    ("error", "no date that Better Auth writes: 0 milliseconds", &["ss-expires-at-zero"]),
    ("deny", "a session without an end is over", &["ss-expires-absent"]),
    (
        "error",
        "sessions were revoked, and it is not known which: Better Auth writes whole milliseconds and nothing else",
        &[
            "ss-marker-garbage",
            "ss-marker-iso",
            "ss-marker-nan",
            "ss-marker-fraction",
            "ss-marker-exponent",
            "ss-marker-hex",
            "ss-marker-infinity",
            "ss-marker-created-absent",
            "ss-marker-created-garbage",
            "ss-marker-created-null",
        ],
    ),
    ("deny", "a number that only JavaScript takes, and that Better Auth cannot write", &["ss-huge-number"]),
];

/// Half a character is told as U+FFFD: there is no other way to write it in UTF-8.
const OTHER_BODIES: [&str; 2] = ["ss-lone-high-surrogate", "ss-lone-low-surrogate"];

/// What answers GET, on a port of its own.
#[derive(Clone, Default)]
struct Entries(Arc<Mutex<HashMap<String, Reply>>>);

#[derive(Clone)]
enum Reply {
    Value(String),
    Error(String),
    /// The connection ends.
    End,
}

impl Entries {
    fn set(&self, key: &str, reply: Reply) {
        self.0.lock().unwrap().insert(key.to_owned(), reply);
    }

    fn clear(&self) {
        self.0.lock().unwrap().clear();
    }

    async fn serve(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        let entries = self.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(entries.clone().answer(BufReader::new(client)));
            }
        });
        url
    }

    async fn answer(self, mut client: BufReader<TcpStream>) {
        while let Some(words) = command(&mut client).await {
            let [name, key] = words.as_slice() else { panic!("{} words", words.len()) };
            assert_eq!(name, "GET");
            let reply = self.0.lock().unwrap().get(key).cloned();
            let text = match reply {
                None => "$-1\r\n".to_owned(),
                Some(Reply::Value(value)) => format!("${}\r\n{value}\r\n", value.len()),
                Some(Reply::Error(error)) => format!("-{error}\r\n"),
                Some(Reply::End) => return,
            };
            client.write_all(text.as_bytes()).await.unwrap();
        }
    }
}

/// The words of one command; `None` once the client is gone.
async fn command(client: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let count = number(client, "*").await?;
    let mut words = Vec::new();
    for _ in 0..count {
        let mut word = vec![0; number(client, "$").await? + 2];
        client.read_exact(&mut word).await.ok()?;
        words.push(String::from_utf8(word).unwrap().trim_end().to_owned());
    }
    Some(words)
}

async fn number(client: &mut BufReader<TcpStream>, sigil: &str) -> Option<usize> {
    let mut line = String::new();
    client.read_line(&mut line).await.ok()?;
    line.trim_end().strip_prefix(sigil)?.parse().ok()
}

/// As the deployment of the vectors would be set up, which has a field that is told and one that is not.
fn with_bodies() -> StoreOptions {
    let nick = AdditionalField { name: "nick".to_owned(), column: None, kind: FieldKind::Text };
    let names = Names {
        session_additional: vec![nick.clone()],
        user_additional: vec![nick],
        ..named("session", "user", ColumnCase::Camel)
    };
    StoreOptions { bodies: true, redis_key_prefix: String::new(), ..options(Schema::new(names)) }
}

fn open(url: &str) -> AnyStore {
    AnyStore::open(url, &with_bodies()).unwrap()
}

/// The verdict, and the body that goes with `allow`.
async fn ask(store: &AnyStore, text: &str) -> (&'static str, Option<String>) {
    match store.find(&token(text)).await {
        Err(error) => {
            assert!(matches!(error, StoreError::Malformed(_)), "{error}");
            assert!(!error.to_string().contains(text), "{error}");
            ("error", None)
        }
        Ok(None) => ("deny", None),
        Ok(Some(session)) => match Arc::new(session).active_at(NOW) {
            None => ("deny", None),
            Some(active) => {
                let body = active.body().unwrap().json();
                ("allow", Some(String::from_utf8(body.to_vec()).unwrap()))
            }
        },
    }
}

#[tokio::test]
async fn every_value_is_judged_and_told_as_better_auth_does() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let mut deviations: BTreeMap<_, _> = DEVIATIONS
        .iter()
        .flat_map(|(verdict, _, names)| names.iter().map(move |name| (*name, *verdict)))
        .collect();
    let entries = Entries::default();
    let store = open(&entries.serve().await);

    let mut wrong = Vec::new();
    for case in vectors["cases"].as_array().unwrap() {
        entries.clear();
        for (key, value) in case["entries"].as_object().unwrap() {
            entries.set(key, Reply::Value(value.as_str().unwrap().to_owned()));
        }
        let name = case["name"].as_str().unwrap();
        let theirs = (case["verdict"].as_str().unwrap(), case["body"].as_str().map(str::to_owned));
        let (verdict, body) = ask(&store, case["token"].as_str().unwrap()).await;
        match deviations.remove(name) {
            Some(ours) if verdict == ours && verdict != theirs.0 => {}
            None if verdict == theirs.0 && (body == theirs.1) != OTHER_BODIES.contains(&name) => {}
            Some(_) | None => wrong.push(format!("{name}: {verdict} {body:?}, Better Auth {theirs:?}")),
        }
    }

    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(deviations.is_empty(), "{deviations:?} are those of no case");
}

/// The value of `ss-valid`.
fn live() -> Reply {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    Reply::Value(vectors["cases"][0]["entries"][TOKEN].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn half_a_character_leaves_the_rest_of_a_name_as_it_is() {
    let entries = Entries::default();
    let store = open(&entries.serve().await);
    let Reply::Value(value) = live() else { unreachable!() };
    entries.set(TOKEN, Reply::Value(value.replace("Ada", r"A\ud83d \uDE80\u00e9\ud83d\ude80\\ud83d\t")));

    let session = store.find(&token(TOKEN)).await.unwrap().unwrap();
    let active = Arc::new(session).active_at(NOW).unwrap();

    let name = active.identity().get(IdentityField::UserName).unwrap().to_str().unwrap();
    // U+FFFD twice, é, the rocket, what only looks like an escape, and a tab.
    assert_eq!(name, r"A%EF%BF%BD %EF%BF%BD%C3%A9%F0%9F%9A%80\ud83d%09 Lovelace");
}

#[tokio::test]
async fn the_sign_in_is_the_one_that_better_auth_wrote() {
    let entries = Entries::default();
    let store = open(&entries.serve().await);
    let Reply::Value(value) = live() else { unreachable!() };
    let mut value: Value = serde_json::from_str(&value).unwrap();
    let at = UnixMillis::parse_iso(value["session"]["createdAt"].as_str().unwrap());
    assert!(at.is_some());
    for (written, known) in [
        (value["session"]["createdAt"].clone(), at),
        (at.map(UnixMillis::get).into(), at),
        (Value::Null, None),
        ("yesterday".into(), None),
    ] {
        value["session"]["createdAt"] = written;
        entries.set(TOKEN, Reply::Value(value.to_string()));

        let session = store.find(&token(TOKEN)).await.unwrap().unwrap();

        assert_eq!(session.signed_in_at(), known, "{}", value["session"]["createdAt"]);
    }
}

#[tokio::test]
async fn a_value_of_more_than_a_mebibyte_is_not_read() {
    let entries = Entries::default();
    let store = open(&entries.serve().await);
    entries.set(TOKEN, Reply::Value(" ".repeat((1 << 20) + 1)));

    assert_eq!(ask(&store, TOKEN).await.0, "error");
}

#[tokio::test]
async fn each_error_of_the_server_has_its_code_and_never_tells_the_token() {
    let entries = Entries::default();
    let store = open(&entries.serve().await);
    for (error, code) in [
        ("LOADING Redis is loading the dataset in memory", "unreachable"),
        ("CLUSTERDOWN The cluster is down", "unreachable"),
        ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "unreachable"),
        ("NOAUTH Authentication required.", "unreachable"),
        ("TRYAGAIN Multiple keys request during rehashing of slot", "unreachable"),
        ("NOPERM this user has no permissions to run the 'get' command", "refused"),
        ("MOVED 3999 127.0.0.1:6381", "refused"),
        ("ASK 3999 127.0.0.1:6381", "refused"),
        ("ERR something new", "refused"),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", "malformed"),
        (&format!("ERR unknown command 'GET', with args beginning with: '{TOKEN}' "), "refused"),
        (&format!("ERR unknown command 'GET', with args beginning with: '{}' ", &TOKEN[..30]), "refused"),
        (&format!("ERR a proxy quotes {TOKEN}"), "refused"),
    ] {
        entries.set(TOKEN, Reply::Error(error.to_owned()));

        let told = store.find(&token(TOKEN)).await.unwrap_err();

        assert_eq!(told.code(), code, "{error}");
        assert!(!told.to_string().contains(&TOKEN[..8]), "{told}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_is_made_again_once_a_lookup() {
    let entries = Entries::default();
    let store = open(&entries.serve().await);
    entries.set(TOKEN, Reply::End);
    assert_eq!(store.find(&token(TOKEN)).await.unwrap_err().code(), "unreachable");

    entries.set(TOKEN, live());
    assert_eq!(ask(&store, TOKEN).await.0, "allow");
}

#[tokio::test]
async fn the_fallback_is_asked_where_there_is_no_entry_and_nowhere_else() {
    let entries = Entries::default();
    let database = with_ada().await;
    let redis = AnyStore::open(&entries.serve().await, &options(default_names())).unwrap();
    let store = redis.with_fallback(database.store()).unwrap();
    let key = format!("better-auth:{TOKEN}");

    assert!(look_up(&store, TOKEN).await.unwrap().is_some(), "there is no entry");
    for denial in ["no JSON", "null", "false"] {
        entries.set(&key, Reply::Value(denial.to_owned()));
        assert_eq!(look_up(&store, TOKEN).await, Ok(None), "{denial}");
    }
    for (reply, code) in [
        (Reply::Value("{}".to_owned()), "malformed"),
        (Reply::Error("NOPERM no".to_owned()), "refused"),
        (Reply::End, "unreachable"),
    ] {
        entries.set(&key, reply);
        assert_eq!(look_up(&store, TOKEN).await, Err(code));
    }
    entries.set(&key, live());
    entries
        .set("better-auth:revoked-sessions-before-usr_0000000000000000000000000001", marker("9999999999999"));
    assert_eq!(look_up(&store, TOKEN).await, Ok(None), "the marker denies");
}

fn marker(millis: &str) -> Reply {
    Reply::Value(millis.to_owned())
}

#[tokio::test]
async fn only_redis_takes_a_fallback_and_only_one_that_is_not_redis() {
    let open = |url: &str| AnyStore::open(url, &options(default_names())).unwrap();
    let [redis, sqlite] = ["redis://127.0.0.1:1", "sqlite:/nowhere.db"];

    assert!(matches!(open(redis).with_fallback(open(redis)), Err(FallbackError::RedisTwice)));
    assert!(matches!(open(sqlite).with_fallback(open(redis)), Err(FallbackError::NothingLeftOpen)));
    assert_eq!(open(redis).with_fallback(open(sqlite)).unwrap().name(), "Redis over SQLite");
}

#[tokio::test]
async fn parameters_that_mean_nothing_are_told_of_both_stores() {
    let open = |url: &str| AnyStore::open(url, &options(default_names())).unwrap();
    let redis = open("redis://127.0.0.1:1?ssl_ca_certs=/x&protocol=resp2&db=1");
    let store = redis.with_fallback(open("postgres://h/app?sslmod=require")).unwrap();

    let ignored: Vec<_> = store.ignored_parameters().collect();
    assert_eq!(ignored, ["ssl_ca_certs", "protocol", "db", "sslmod"]);
}

#[tokio::test]
async fn a_url_of_redis_is_told_neither_in_errors_nor_in_debug_output() {
    for url in [
        "redis://u:hunter2@",
        "redis://u:hunter2@h/x",
        "redis://u:hunter2@h:99999",
        "redis://u:hunter2@h?protocol=hunter2",
        "rediss://u:hunter2@h#insecure",
        "redis-cluster://u:hunter2@h,",
        "redis-cluster:u:hunter2",
        "redis+unix://hunter2",
        "unix:hunter2?pass=hunter2",
    ] {
        match AnyStore::open(url, &options(default_names())) {
            Err(StoreUrlError::Malformed(why)) => assert!(!why.contains("hunter2"), "{url}: {why}"),
            Err(StoreUrlError::Scheme(scheme)) => panic!("{url}: {scheme}"),
            Ok(store) => assert!(!format!("{store:?}").contains("hunter2"), "{url} was taken"),
        }
    }
    let store = AnyStore::open("redis://u:hunter2@h", &options(default_names())).unwrap();
    assert!(!format!("{store:?}").contains("hunter2"));
}
