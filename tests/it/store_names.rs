//! Tables and columns of any name: what a setting names is what is asked, and nothing else can be made of it.

use std::collections::BTreeMap;

use sidegate::store::{AnyStore, ColumnCase, Names, Schema, SqlName, SqlNameError, StoreUrlError};

use crate::better_auth::{Database, default_names, named, names, options};
use crate::rig::TOKEN;
use crate::store_sqlite::{ada, look_up, with_ada};

fn columns(named: &[(&str, &str)]) -> BTreeMap<String, SqlName> {
    named.iter().map(|(field, column)| ((*field).to_owned(), SqlName::new(column).unwrap())).collect()
}

/// The one row of Ada's session under these names, each as SQL writes it.
async fn ada_in(
    session: &str,
    user: &str,
    [id, token, user_id, expires_at]: [&str; 4],
    [uid, email, name]: [&str; 3],
) -> Database {
    let mut database = Database::with("").await;
    let sql = format!(
        "create table {user} ({uid} text, {email} text, {name} text);
         create table {session} ({id} text, {token} text, {user_id} text, {expires_at} date);
         insert into {user} values ('usr_1', 'ada@example.com', 'Ada Lovelace');
         insert into {session} values ('ses_1', '{TOKEN}', 'usr_1', 1769083200123);"
    );
    database.run(&sql).await;
    database
}

const CAMEL: ([&str; 4], [&str; 3]) = (["id", "token", "userId", "expiresAt"], ["id", "email", "name"]);

#[tokio::test]
async fn plural_tables_are_read_under_their_names() {
    let database = ada_in("sessions", "users", CAMEL.0, CAMEL.1).await;

    let store = database.store_with(names("sessions", "users", ColumnCase::Camel));

    assert_eq!(look_up(&store, TOKEN).await, Ok(Some(ada())));
}

#[tokio::test]
async fn snake_case_columns_are_read_where_the_setting_says_so() {
    let columns = ["id", "token", "user_id", "expires_at"];
    let database = ada_in("\"session\"", "\"user\"", columns, CAMEL.1).await;

    let store = database.store_with(names("session", "user", ColumnCase::Snake));

    assert_eq!(look_up(&store, TOKEN).await, Ok(Some(ada())));
}

#[tokio::test]
async fn renamed_columns_are_read_under_their_names() {
    let database =
        ada_in("auth_sessions", "people", ["sid", "secret", "person", "ends"], ["pid", "mail", "label"])
            .await;

    let schema = Schema::new(Names {
        session_fields: columns(&[
            ("id", "sid"),
            ("token", "secret"),
            ("userId", "person"),
            ("expiresAt", "ends"),
        ]),
        user_fields: columns(&[("id", "pid"), ("email", "mail"), ("name", "label")]),
        ..named("auth_sessions", "people", ColumnCase::Camel)
    });

    assert_eq!(look_up(&database.store_with(schema), TOKEN).await, Ok(Some(ada())));
}

#[tokio::test]
async fn a_column_that_is_named_wins_over_the_case_of_the_others() {
    let database = ada_in("\"session\"", "\"user\"", ["id", "token", "userId", "expires_at"], CAMEL.1).await;

    let session_fields = columns(&[("userId", "userId")]);
    let schema = Schema::new(Names { session_fields, ..named("session", "user", ColumnCase::Snake) });

    assert_eq!(look_up(&database.store_with(schema), TOKEN).await, Ok(Some(ada())));
}

#[tokio::test]
async fn a_table_is_found_in_the_database_that_is_named_before_it() {
    let database = with_ada().await;

    let store = database.store_with(names("main.session", "main.user", ColumnCase::Camel));

    assert_eq!(look_up(&store, TOKEN).await, Ok(Some(ada())));
}

#[tokio::test]
async fn names_of_any_characters_are_names_and_no_sql() {
    let tables = ["ses\"sion", "\"; drop table \"user\"; --"];
    let nasty = ["a\"b", "select", "x' or '1'='1", "gr\u{f6}\u{df}e \u{1F511}"];
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let [session, user] = tables.map(quoted);
    let [id, token, user_id, expires_at] = nasty.map(quoted);
    let database = ada_in(&session, &user, [&id, &token, &user_id, &expires_at], CAMEL.1).await;

    let session_fields =
        columns(&[("id", nasty[0]), ("token", nasty[1]), ("userId", nasty[2]), ("expiresAt", nasty[3])]);
    let schema = Schema::new(Names { session_fields, ..named(tables[0], tables[1], ColumnCase::Camel) });

    assert_eq!(look_up(&database.store_with(schema), TOKEN).await, Ok(Some(ada())));
}

/// SQLite takes a quoted name that it does not know for a text, unless a table stands before it.
#[tokio::test]
async fn a_column_that_is_not_there_is_an_error() {
    let database = with_ada().await;

    let session_fields = columns(&[("token", "tocken")]);
    let schema = Schema::new(Names { session_fields, ..named("session", "user", ColumnCase::Camel) });

    assert_eq!(look_up(&database.store_with(schema), "tocken").await, Err("refused"));
}

#[tokio::test]
async fn serial_ids_are_told_as_text() {
    let mut database = Database::with("").await;
    database
        .run(
            r#"create table "user" ("id" integer primary key, "email" text, "name" text);
               create table "session" ("id" integer primary key, "token" text, "userId" integer, "expiresAt" date);
               insert into "user" values (7, 'ada@example.com', 'Ada');
               insert into "session" values (42, 'x', 7, 1769083200123);"#,
        )
        .await;

    let found = look_up(&database.store(), "x").await;

    assert_eq!(found, Ok(Some(["7", "ada@example.com", "Ada", "42"].map(str::to_owned).to_vec())));
}

#[test]
fn a_name_that_no_database_takes_is_refused() {
    let errors = ["", &"x".repeat(65), "a\0b", "a\nb"].map(|name| SqlName::new(name).err());

    let expected = [SqlNameError::Empty, SqlNameError::TooLong, SqlNameError::Control, SqlNameError::Control];
    assert_eq!(errors, expected.map(Some));
}

#[test]
fn a_path_with_an_empty_part_is_refused() {
    for text in ["", ".", "auth.", ".session", "a..b"] {
        assert_eq!(SqlName::path(text).err(), Some(SqlNameError::Empty), "{text:?}");
    }
}

#[test]
fn a_url_that_names_no_store_is_refused() {
    for url in ["", "sqlite", "oracle://a/b", "SQLITE:/a", "/auth.db", "file:/auth.db"] {
        let error = AnyStore::open(url, &options(default_names())).err();

        assert!(matches!(error, Some(StoreUrlError::Scheme(_))), "{url:?}: {error:?}");
    }
}

#[test]
fn the_refusal_of_a_url_tells_no_password() {
    for url in [
        "hunter2",
        "postgres://ada:hunter2@host:port/db",
        "mysql://ada:hunter2@[/db",
        "oracle://ada:hunter2@host/db",
    ] {
        let error = AnyStore::open(url, &options(default_names())).unwrap_err();

        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}
