//! Lookups in a real SQLite file with Better Auth's tables.

use std::sync::Arc;
use std::time::Duration;

use sidegate::auth::IdentityField;
use sidegate::clock::UnixMillis;
use sidegate::store::{AnyStore, SessionStore, StoreError, StoreOptions};

use crate::better_auth::{Database, Expiry, default_names, options};
use crate::rig::{NOW, TOKEN, token};

const FUTURE: &str = "2026-01-22T12:00:00.123Z";
/// `new Date(FUTURE).getTime()`
const FUTURE_MILLIS: i64 = 1_769_083_200_123;

/// Better Auth's tables with Ada, signed in with `TOKEN`.
pub(crate) async fn with_ada() -> Database {
    let mut database = Database::of_better_auth().await;
    database.add_user("usr_1", "ada@example.com", "Ada Lovelace").await;
    database.add_session("ses_1", TOKEN, "usr_1", &Expiry::Text(FUTURE.to_owned())).await;
    database
}

/// The fields of the session found, an error's code, or nothing.
pub(crate) async fn look_up(store: &AnyStore, text: &str) -> Result<Option<Vec<String>>, &'static str> {
    let found = store.find(&token(text)).await.map_err(|error| error.code())?;
    Ok(found.map(|session| {
        let active = Arc::new(session).active_at(UnixMillis::EPOCH).unwrap();
        let told = [
            IdentityField::UserId,
            IdentityField::UserEmail,
            IdentityField::UserName,
            IdentityField::SessionId,
        ];
        let values = told.into_iter().filter_map(|field| active.identity().get(field));
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    }))
}

pub(crate) fn ada() -> Vec<String> {
    ["usr_1", "ada@example.com", "Ada Lovelace", "ses_1"].map(str::to_owned).to_vec()
}

#[tokio::test]
async fn a_session_is_found_with_its_user() {
    let database = with_ada().await;

    assert_eq!(look_up(&database.store(), TOKEN).await, Ok(Some(ada())));
}

#[tokio::test]
async fn a_session_that_was_written_after_the_first_lookup_is_found() {
    let mut database = with_ada().await;
    let store = database.store();
    assert_eq!(look_up(&store, "later").await, Ok(None));

    database.add_session("ses_2", "later", "usr_1", &Expiry::Integer(FUTURE_MILLIS)).await;

    assert!(look_up(&store, "later").await.unwrap().is_some());
}

#[tokio::test]
async fn a_session_that_was_deleted_is_gone_at_once() {
    let mut database = with_ada().await;
    let store = database.store();
    assert_eq!(look_up(&store, TOKEN).await, Ok(Some(ada())));

    database.run(r#"delete from "session""#).await;

    assert_eq!(look_up(&store, TOKEN).await, Ok(None));
}

#[tokio::test]
async fn a_session_that_is_still_in_the_write_ahead_log_is_found() {
    let mut database = Database::of_better_auth().await;
    database.run("pragma journal_mode = wal; pragma wal_autocheckpoint = 0").await;
    database.add_user("usr_1", "ada@example.com", "Ada Lovelace").await;
    database.add_session("ses_1", TOKEN, "usr_1", &Expiry::Text(FUTURE.to_owned())).await;

    assert_eq!(look_up(&database.store(), TOKEN).await, Ok(Some(ada())));
}

#[tokio::test]
async fn a_session_without_its_user_is_none() {
    let mut database = with_ada().await;

    database.run(r#"delete from "user""#).await;

    assert_eq!(look_up(&database.store(), TOKEN).await, Ok(None));
}

#[tokio::test]
async fn whatever_a_token_holds_it_is_a_text_and_no_part_of_the_question() {
    let database = with_ada().await;
    let store = database.store();
    let tokens = [
        "' or '1'='1",
        "\" or \"1\"=\"1",
        "'; drop table session; --",
        "%",
        "_",
        "*",
        "?",
        "?1",
        "\\",
        "\0",
        &format!("{TOKEN}\0"),
        &format!("{TOKEN}%"),
        &format!("{TOKEN} "),
        &TOKEN.to_lowercase(),
        "gr\u{f6}\u{df}e",
        "\u{1F511}",
        "\r\n",
    ]
    .map(str::to_owned);
    for token in tokens {
        assert_eq!(look_up(&store, &token).await, Ok(None), "{token:?}");
    }
}

#[tokio::test]
async fn a_token_of_any_characters_is_found_if_it_is_stored() {
    let mut database = with_ada().await;
    let store = database.store();
    for (index, token) in
        ["it's \"quoted\"", "100%", "gr\u{f6}\u{df}e \u{1F511}", "a\\b", "x".repeat(20_000).as_str()]
            .into_iter()
            .enumerate()
    {
        database.add_session(&format!("odd_{index}"), token, "usr_1", &Expiry::Integer(FUTURE_MILLIS)).await;

        assert!(look_up(&store, token).await.unwrap().is_some(), "{token:?}");
    }
}

/// What `new Date(…)` makes of each, computed by Node 20 with TZ=UTC; NULL compares as 0.
#[tokio::test]
async fn every_form_of_expiry_is_the_instant_that_better_auth_takes_it_for() {
    let text = |text: &str| Expiry::Text(text.to_owned());
    let expiries = [
        (text(FUTURE), FUTURE_MILLIS),
        (text("2026-01-22T13:00:00.123+01:00"), FUTURE_MILLIS),
        (text("2026-01-22T06:30:00.123-05:30"), FUTURE_MILLIS),
        (text("2026-01-22T12:00:00.123999Z"), FUTURE_MILLIS),
        (text("2026-01-22 12:00:00"), 1_769_083_200_000),
        (text("2026-01-22"), 1_769_040_000_000),
        (text("1969-12-31T23:59:59.999Z"), -1),
        (text("9999-12-31T23:59:59.999Z"), 253_402_300_799_999),
        (Expiry::Integer(FUTURE_MILLIS), FUTURE_MILLIS),
        (Expiry::Real(1_769_083_200_123.75), FUTURE_MILLIS),
        (Expiry::Integer(1_769_083_200), 1_769_083_200),
        (Expiry::Integer(0), 0),
        (Expiry::Null, 0),
    ];
    let mut database = with_ada().await;
    let store = database.store();
    for (index, (expiry, millis)) in expiries.iter().enumerate() {
        let text = format!("token {index}");
        database.add_session(&text, &text, "usr_1", expiry).await;

        let session = store.find(&token(&text)).await.unwrap().unwrap();

        assert_eq!(session.expires_at(), UnixMillis::new(*millis), "{expiry:?}");
    }
}

#[tokio::test]
async fn an_expiry_that_is_no_date_is_an_error() {
    let mut database = with_ada().await;
    let store = database.store();
    let texts = ["", " ", "garbage", "infinity", "2026-13-01T00:00:00.000Z", "2026-01-22T12:00:00.123Zx"];
    for (index, text) in texts.into_iter().enumerate() {
        let token = format!("token {index}");
        database.add_session(&token, &token, "usr_1", &Expiry::Text(text.to_owned())).await;

        assert_eq!(look_up(&store, &token).await, Err("malformed"), "{text:?}");
    }
}

#[tokio::test]
async fn an_expiry_of_bytes_is_an_error() {
    let mut database = with_ada().await;

    database.run(r#"update "session" set "expiresAt" = x'00ff'"#).await;

    assert_eq!(look_up(&database.store(), TOKEN).await, Err("malformed"));
}

#[tokio::test]
async fn a_user_without_name_or_address_is_found_without_them() {
    let database = Database::with(
        r#"create table "user" ("id" text, "name" text, "email" text);
           create table "session" ("id" text, "expiresAt" date, "token" text, "userId" text);
           insert into "user" values ('usr_1', null, null);
           insert into "session" values ('ses_1', 1769083200123, 'x', 'usr_1');"#,
    )
    .await;
    let found = look_up(&database.store(), "x").await;

    assert_eq!(found, Ok(Some(vec!["usr_1".to_owned(), "ses_1".to_owned()])));
}

#[tokio::test]
async fn a_session_without_an_id_is_an_error() {
    let database = Database::with(
        r#"create table "user" ("id" text, "name" text, "email" text);
           create table "session" ("id" text, "expiresAt" date, "token" text, "userId" text);
           insert into "user" values ('usr_1', null, null);
           insert into "session" values (null, 1769083200123, 'x', 'usr_1');"#,
    )
    .await;

    assert_eq!(look_up(&database.store(), "x").await, Err("malformed"));
}

#[tokio::test]
async fn a_missing_table_is_an_error() {
    let mut database = with_ada().await;

    database.run(r#"drop table "session""#).await;

    assert_eq!(look_up(&database.store(), TOKEN).await, Err("refused"));
}

#[tokio::test]
async fn a_missing_file_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/none.db", directory.path().display());

    let store = AnyStore::open(&url, &options(default_names())).unwrap();

    assert_eq!(look_up(&store, TOKEN).await, Err("unreachable"));
}

#[tokio::test]
async fn a_missing_file_is_not_made_whatever_the_url_asks_for() {
    let directory = tempfile::tempdir().unwrap();
    for mode in ["", "?mode=rwc", "?mode=memory", "?mode=rw"] {
        let url = format!("sqlite:{}/none.db{mode}", directory.path().display());
        let store = AnyStore::open(&url, &options(default_names())).unwrap();

        look_up(&store, TOKEN).await.unwrap_err();

        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "{mode}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("no.db");
    std::fs::write(
        &path,
        "not a database, whatever its name may say, and long enough to hold a header".repeat(20),
    )
    .unwrap();

    let store = AnyStore::open(&format!("sqlite:{}", path.display()), &options(default_names())).unwrap();

    assert!(look_up(&store, TOKEN).await.is_err());
}

#[tokio::test]
async fn a_locked_database_is_doubt_and_not_absence() {
    let mut database = with_ada().await;
    let hasty = StoreOptions { timeout: Duration::from_millis(20), ..options(default_names()) };
    let store = AnyStore::open(&database.url(), &hasty).unwrap();

    database.run("begin exclusive").await;

    assert!(look_up(&store, TOKEN).await.is_err());
}

#[tokio::test]
async fn a_database_is_read_again_once_it_is_unlocked() {
    let mut database = with_ada().await;
    let hasty = StoreOptions { timeout: Duration::from_millis(20), ..options(default_names()) };
    let refused = AnyStore::open(&database.url(), &hasty).unwrap();
    database.run("begin exclusive").await;
    look_up(&refused, TOKEN).await.unwrap_err();

    database.run("commit").await;

    // On a slow machine 20 ms may be too short for an honest answer: only a lasting refusal is wrong.
    let mut answer = look_up(&refused, TOKEN).await;
    while answer == Err("timeout") {
        answer = look_up(&refused, TOKEN).await;
    }
    assert_eq!(answer, Ok(Some(ada())));
}

#[tokio::test]
async fn lookups_change_not_a_byte_and_leave_nothing_beside_the_file() {
    let database = with_ada().await;
    let before = std::fs::read(database.path()).unwrap();
    let store = AnyStore::open(&format!("{}?mode=rwc", database.url()), &options(default_names())).unwrap();

    look_up(&store, TOKEN).await.unwrap();
    store.probe().await.unwrap();
    store.diagnose().await.unwrap();

    let files = std::fs::read_dir(database.path().parent().unwrap()).unwrap().count();
    assert_eq!((std::fs::read(database.path()).unwrap() == before, files), (true, 1));
}

#[tokio::test]
async fn no_error_tells_the_token() {
    let mut database = with_ada().await;
    // SQLite tells the name of a missing table, which this time is the token itself.
    let misnamed = crate::better_auth::names(TOKEN, "user", sidegate::store::ColumnCase::Camel);
    let mut errors = vec![database.store_with(misnamed).find(&token(TOKEN)).await.err().unwrap()];
    database.run(&format!(r#"update "session" set "expiresAt" = '{TOKEN}'"#)).await;
    errors.push(database.store().find(&token(TOKEN)).await.err().unwrap());

    let told: Vec<_> = errors.iter().map(|error: &StoreError| format!("{error} {error:?}")).collect();

    assert!(told.iter().all(|text| !text.contains(TOKEN)), "{told:?}");
}

#[tokio::test]
async fn a_probe_finds_nothing_wrong_with_better_auths_tables() {
    let store = with_ada().await;

    let found = (store.store().probe().await.is_ok(), store.store().diagnose().await.is_ok());

    assert_eq!(found, (true, true));
}

#[tokio::test]
async fn a_probe_tells_what_a_lookup_would_meet() {
    let mut database = with_ada().await;
    database.run(r#"alter table "session" drop column "expiresAt""#).await;
    let store = database.store();

    let codes = [store.probe().await.unwrap_err().code(), store.diagnose().await.unwrap_err().code()];

    assert_eq!(codes, ["refused", "refused"]);
}

#[tokio::test]
async fn the_last_millisecond_of_a_stored_session_is_its_last() {
    let mut database = with_ada().await;
    database.add_session("now", "now", "usr_1", &Expiry::Integer(NOW.get())).await;

    let session = Arc::new(database.store().find(&token("now")).await.unwrap().unwrap());

    let after = UnixMillis::new(NOW.get() + 1);
    assert_eq!((session.is_active_at(NOW), session.is_active_at(after)), (true, false));
}
