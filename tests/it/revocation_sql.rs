//! The SQL that has PostgreSQL tell of revocations: names of any kind are quoted in it, and none can end what it stands in.
//! That it does what it should is shown end to end, on PostgreSQL itself.

use std::time::Duration;

use sidegate::revocation::Preparation;
use sidegate::store::{AnyStore, ColumnCase, Schema, SqlName};

use crate::better_auth::{default_names, named, names, options};

/// As the most bytes of a name that PostgreSQL keeps (`NAMEDATALEN` - 1).
const NAME_MAX: usize = 63;

fn install(schema: &Schema) -> String {
    statements(schema).0
}

/// Those that prepare it and those that undo them, as a script has them. In a runtime, which a store's pool wants.
fn statements(schema: &Schema) -> (String, String) {
    let store = AnyStore::open("postgres://nobody@127.0.0.1:1/nowhere", &options(schema.clone())).unwrap();
    let preparation =
        Preparation::new(store.driver().unwrap(), schema, false, Duration::from_secs(1)).unwrap();
    (preparation.install().join(";\n"), preparation.uninstall().join(";\n"))
}

/// Names of functions that a script makes, between their quotes.
fn functions(script: &str) -> Vec<String> {
    let made = script.lines().filter_map(|line| line.strip_prefix("CREATE OR REPLACE FUNCTION "));
    made.map(|rest| rest.split_once("() RETURNS").unwrap().0.to_owned()).collect()
}

#[tokio::test]
async fn tables_and_columns_are_named_as_the_settings_name_them() {
    let script = install(&names("auth_sessions", "People", ColumnCase::Snake));

    for text in [
        r#"ON "auth_sessions" "#,
        r#"ON "People" "#,
        r#"NEW."expires_at""#,
        r#"OLD."token""#,
        r#"OLD."user_id""#,
    ] {
        assert!(script.contains(text), "{text} in {script}");
    }
    assert!(!script.contains("expiresAt"), "{script}");
}

#[tokio::test]
async fn a_table_of_a_schema_has_its_function_beside_it() {
    let script = install(&names("auth.session", "auth.user", ColumnCase::Camel));

    assert_eq!(
        functions(&script),
        [r#""auth"."sidegate_tell_user""#, r#""auth"."sidegate_tell_session""#, r#""sidegate_tell_member""#]
    );
    assert!(script.contains(r#"ON "auth"."session" "#));
}

#[tokio::test]
async fn quotes_in_names_are_doubled() {
    let mut names = named("se\"ss", "user", ColumnCase::Camel);
    names.session_fields.insert("token".to_owned(), SqlName::new("to\"ken").unwrap());

    let script = install(&Schema::new(names));

    assert!(script.contains(r#"ON "se""ss" "#), "{script}");
    assert!(script.contains(r#"OLD."to""ken""#), "{script}");
    assert!(functions(&script).contains(&r#""sidegate_tell_se""ss""#.to_owned()), "{script}");
}

/// PostgreSQL ends a dollar-quoted text at the first place where its tag stands again.
#[tokio::test]
async fn no_name_can_end_the_text_of_a_function() {
    let tags = ["$sidegate$", "$sidegate1$"];
    let mut names = named("session", "user", ColumnCase::Camel);
    names.session_fields.insert("token".to_owned(), SqlName::new(&tags.concat()).unwrap());

    let script = install(&Schema::new(names));

    let start = script.find(r#"FUNCTION "sidegate_tell_session""#).unwrap();
    let (head, body) = script[start..].split_once(" AS ").unwrap();
    assert!(head.ends_with("pg_catalog"), "{head}");
    let tag = &body[..=body[1..].find('$').unwrap() + 1];
    assert!(!tags.contains(&tag), "{tag}");
    let end = body[tag.len()..].find(tag).unwrap();
    assert!(body[..end + tag.len()].contains("RETURN NULL;\nEND\n"), "it ends early: {body}");
}

#[tokio::test]
async fn functions_of_long_names_are_not_taken_for_one_another() {
    let long = |end: &str| format!("{}{end}", "s".repeat(59));
    let script = install(&names(&long("one"), &long("two"), ColumnCase::Camel));

    let functions = functions(&script);

    assert_ne!(functions[0], functions[1]);
    assert!(functions.iter().all(|name| name.trim_matches('"').len() <= NAME_MAX), "{functions:?}");
}

#[tokio::test]
async fn what_is_made_is_what_is_removed() {
    let (install, uninstall) = statements(&default_names());

    let made = functions(&install);
    assert_eq!(made.len(), 3);
    for function in made {
        assert!(uninstall.contains(&format!("DROP FUNCTION IF EXISTS {function}()")), "{uninstall}");
    }
    assert_eq!(
        install.matches("CREATE TRIGGER ").count(),
        uninstall.matches("DROP TRIGGER IF EXISTS ").count()
    );
}
