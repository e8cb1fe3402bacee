//! The jwt plugin's keys, in a real SQLite file with the tables of Better Auth's migrations.

use sidegate::auth::KeyRow;
use sidegate::clock::UnixMillis;

use crate::better_auth::Database;

/// The output of Better Auth 1.7.25's `getMigrations` for SQLite with the jwt plugin.
const JWKS: &str = r#"create table "jwks" ("id" text not null primary key, "publicKey" text not null,
    "privateKey" text not null, "createdAt" date not null, "expiresAt" date, "alg" text, "crv" text)"#;
/// Before 1.7.0.
const OLD_JWKS: &str = r#"create table "jwks" ("id" text not null primary key, "publicKey" text not null,
    "privateKey" text not null, "createdAt" date not null)"#;

#[tokio::test]
async fn keys_are_read_newest_first_with_all_that_the_table_says() {
    let mut database = Database::of_better_auth().await;
    database.run(JWKS).await;
    database
        .run(
            r#"insert into "jwks" values
               ('old', '{"kty":"OKP"}', 'x', '2026-01-01T00:00:00.000Z', '2026-02-01T00:00:00.000Z', 'EdDSA', null),
               ('new', '{"kty":"EC"}', 'x', '2026-02-01T00:00:00.000Z', null, null, null)"#,
        )
        .await;

    let keys = database.store().public_keys().await.unwrap().unwrap();

    let new = KeyRow {
        kid: "new".to_owned(),
        public_key: r#"{"kty":"EC"}"#.to_owned(),
        algorithm: None,
        expires_at: None,
    };
    let old = KeyRow {
        kid: "old".to_owned(),
        public_key: r#"{"kty":"OKP"}"#.to_owned(),
        algorithm: Some("EdDSA".to_owned()),
        // new Date('2026-02-01T00:00:00.000Z').getTime()
        expires_at: Some(UnixMillis::new(1_769_904_000_000)),
    };
    assert_eq!(keys, [new, old]);
}

#[tokio::test]
async fn keys_of_a_table_from_before_algorithms_are_read() {
    let mut database = Database::of_better_auth().await;
    database.run(OLD_JWKS).await;
    database.run(r#"insert into "jwks" values ('k', '{}', 'x', '2026-01-01T00:00:00.000Z')"#).await;

    let keys = database.store().public_keys().await.unwrap().unwrap();

    assert_eq!(keys.iter().map(|key| (key.kid.as_str(), &key.algorithm)).collect::<Vec<_>>(), [("k", &None)]);
}

#[tokio::test]
async fn a_store_without_the_table_has_no_keys_to_tell() {
    assert_eq!(Database::of_better_auth().await.store().public_keys().await.unwrap(), None);
}

#[tokio::test]
async fn keys_are_told_where_there_are_no_sessions() {
    let database = Database::with(JWKS).await;

    assert_eq!(database.store().public_keys().await.unwrap(), Some(Vec::new()));
}

#[tokio::test]
async fn no_more_than_a_hundred_keys_are_read() {
    let mut database = Database::of_better_auth().await;
    database.run(JWKS).await;
    database
        .run(
            r#"insert into "jwks" ("id", "publicKey", "privateKey", "createdAt")
               with recursive n(k) as (select 100 union all select k + 1 from n where k < 399)
               select k, '{}', 'x', '2026-01-01T00:00:00.' || k || 'Z' from n"#,
        )
        .await;

    let keys = database.store().public_keys().await.unwrap().unwrap();

    assert_eq!((keys.len(), keys[0].kid.as_str()), (100, "399"));
}

#[tokio::test]
async fn a_key_whose_expiry_is_no_date_is_an_error() {
    let mut database = Database::of_better_auth().await;
    database.run(JWKS).await;
    database.run(r#"insert into "jwks" values ('k', '{}', 'x', '2026-01-01', 'soon', null, null)"#).await;

    assert_eq!(database.store().public_keys().await.unwrap_err().code(), "malformed");
}
