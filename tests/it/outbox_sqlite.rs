//! The outbox of a real SQLite file, in both of the ways in which SQLite writes.

use std::time::Duration;

use sidegate::auth::{IdDigest, Revocation};
use sidegate::revocation::{Channel as _, ChannelError, Outbox, Preparation};
use sidegate::store::AnyStore;

use crate::better_auth::{Database, default_names};
use crate::store_sqlite::with_ada;

const SOON: Duration = Duration::from_millis(10);
const JOURNALS: [&str; 2] = ["delete", "wal"];

/// Ada's database with an outbox, its store, and a channel that is open.
async fn opened(journal: &str) -> (Database, AnyStore, Outbox) {
    let mut database = with_ada().await;
    database.run(&format!("pragma journal_mode = {journal}")).await;
    let store = database.store();
    prepare(&store).await;
    let mut outbox = Outbox::new(&store, SOON).unwrap();
    outbox.open().await.unwrap();
    (database, store, outbox)
}

async fn prepare(store: &AnyStore) {
    let schema = default_names();
    let preparation = Preparation::of(store, &schema, true, Duration::from_secs(5)).await.unwrap().unwrap();
    preparation.apply(&preparation.install()).await.unwrap();
}

/// What is heard next.
async fn next(outbox: &mut Outbox) -> Vec<Revocation> {
    let heard = tokio::time::timeout(Duration::from_secs(10), outbox.next()).await.expect("it is heard of");
    heard.unwrap().into_iter().map(|heard| heard.what).collect()
}

fn session(id: &str) -> Revocation {
    Revocation::Session(IdDigest::of(id))
}

#[tokio::test]
async fn each_change_is_heard_of_whatever_the_journal() {
    for journal in JOURNALS {
        let (mut database, _, mut outbox) = opened(journal).await;

        database.run(r#"update "user" set "name" = 'Ada King'"#).await;
        assert_eq!(next(&mut outbox).await, [Revocation::User(IdDigest::of("usr_1"))], "{journal}");
        for _ in 0..20 {
            database.run(r#"update "session" set "token" = "token" || 'x'"#).await;
            assert_eq!(next(&mut outbox).await, [session("ses_1")], "{journal}");
        }
        database.run(r#"delete from "session""#).await;
        assert_eq!(next(&mut outbox).await, [session("ses_1")], "{journal}");
    }
}

#[tokio::test]
async fn a_database_without_an_outbox_is_not_prepared_and_says_what_to_do() {
    let database = with_ada().await;
    let mut outbox = Outbox::new(&database.store(), SOON).unwrap();

    let error = outbox.open().await.unwrap_err();

    assert!(matches!(&error, ChannelError::NotPrepared(why) if why.contains("sidegate revocation install")));
}

#[tokio::test]
async fn an_outbox_of_which_a_trigger_is_gone_is_not_prepared_until_it_is_installed_anew() {
    let (mut database, store, mut outbox) = opened("wal").await;
    database.run("drop trigger sidegate_outbox_user_update").await;

    let error = outbox.open().await.unwrap_err();
    assert!(error.to_string().contains("sidegate_outbox_user_update"), "{error}");
    prepare(&store).await;

    assert_eq!(outbox.open().await, Ok(()));
}

/// As migrations do where SQLite cannot change a table: with the old one go its triggers.
#[tokio::test]
async fn a_table_that_is_made_anew_without_its_triggers_ends_the_channel_until_they_are_there() {
    for journal in JOURNALS {
        let (mut database, store, mut outbox) = opened(journal).await;
        database
            .run(
                r#"create table "new" as select * from "session"; drop table "session"; alter table "new" rename to "session""#,
            )
            .await;

        let ended = tokio::time::timeout(Duration::from_secs(10), outbox.next()).await;
        let error = ended.expect("it is noticed").unwrap_err().to_string();
        assert!(error.contains("there is no trigger sidegate_outbox_session_"), "{journal}: {error}");
        assert!(error.contains("sidegate revocation install --outbox"), "{journal}: {error}");
        prepare(&store).await;
        outbox.open().await.unwrap();

        database.run(r#"delete from "session""#).await;
        assert_eq!(next(&mut outbox).await, [session("ses_1")], "{journal}");
    }
}

#[tokio::test]
async fn a_trigger_of_another_table_is_none_of_the_outbox_whatever_its_name() {
    let (mut database, _, mut outbox) = opened("wal").await;
    database
        .run(
            r#"drop trigger sidegate_outbox_user_update;
               create table "users" ("id" text);
               create trigger sidegate_outbox_user_update after update on "users" begin select 1; end"#,
        )
        .await;

    let error = outbox.open().await.unwrap_err();

    assert!(error.to_string().contains("there is no trigger sidegate_outbox_user_update"), "{error}");
}

/// As a plugin of Better Auth does that is added by a migration, without sidegate being told.
#[tokio::test]
async fn a_column_that_a_plugin_adds_ends_the_channel_until_a_trigger_looks_at_it() {
    for journal in JOURNALS {
        let (mut database, store, mut outbox) = opened(journal).await;
        database.run(r#"alter table "user" add column "banned" integer"#).await;

        let ended = tokio::time::timeout(Duration::from_secs(10), outbox.next()).await;
        let error = ended.expect("it is noticed").unwrap_err().to_string();
        assert!(error.contains("no trigger looks at user.banned"), "{journal}: {error}");
        prepare(&store).await;
        outbox.open().await.unwrap();

        database.run(r#"update "user" set "banned" = 1"#).await;
        assert_eq!(next(&mut outbox).await, [Revocation::User(IdDigest::of("usr_1"))], "{journal}");
    }
}
