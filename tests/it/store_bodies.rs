//! The body of get-session from the rows of an SQL store: byte for byte what the real Better Auth answers.
//!
//! `tests/better-auth/bodies.mjs` makes the tables by Better Auth's own migrations and asks it.

use std::sync::Arc;

use serde_json::Value;
use sidegate::clock::UnixMillis;
use sidegate::store::{
    AdditionalField, AnyStore, ColumnCase, FieldKind, Names, Schema, SessionStore as _, SqlName, StoreOptions,
};

use crate::better_auth::{Database, named, options};
use crate::rig::token;

const BODIES: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/get-session-body.json"));

fn additional(fields: &Value) -> Vec<AdditionalField> {
    let field = |field: &Value| AdditionalField {
        name: field["name"].as_str().unwrap().to_owned(),
        column: field["column"].as_str().map(|column| SqlName::new(column).unwrap()),
        kind: match field["type"].as_str().unwrap() {
            "string" => FieldKind::Text,
            "number" => FieldKind::Number,
            "boolean" => FieldKind::Boolean,
            "date" => FieldKind::Date,
            "json" => FieldKind::Json,
            "string[]" => FieldKind::List,
            other => panic!("{other}"),
        },
    };
    fields.as_array().unwrap().iter().map(field).collect()
}

#[tokio::test]
async fn bodies_are_those_of_better_auth() {
    let vectors: Value = serde_json::from_str(BODIES).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() >= 10);
    for case in cases {
        let mut database = Database::with("").await;
        for sql in ["tables", "rows"].iter().flat_map(|part| case[*part].as_array().unwrap()) {
            database.run(sql.as_str().unwrap()).await;
        }
        let schema = Schema::new(Names {
            session_additional: additional(&case["additional"]["session"]),
            user_additional: additional(&case["additional"]["user"]),
            ..named("session", "user", ColumnCase::Camel)
        });
        let all = StoreOptions { bodies: true, ..options(schema) };
        let store = AnyStore::open(&database.url(), &all).unwrap();

        let found = store.find(&token(case["token"].as_str().unwrap())).await.unwrap().unwrap();

        let body = Arc::new(found).active_at(UnixMillis::EPOCH).unwrap().body().unwrap().json();
        let expected = case["body"].as_str().unwrap();
        assert_eq!(std::str::from_utf8(&body).unwrap(), expected, "{}", case["name"]);
    }
}

#[tokio::test]
async fn a_body_is_read_only_where_it_is_asked_for() {
    let database = crate::store_sqlite::with_ada().await;

    let session = database.store().find(&token(crate::rig::TOKEN)).await.unwrap().unwrap();

    assert!(Arc::new(session).active_at(UnixMillis::EPOCH).unwrap().body().is_none());
}

#[tokio::test]
async fn an_additional_field_that_is_not_there_is_an_error_where_it_would_be_told() {
    let database = crate::store_sqlite::with_ada().await;
    let plan = AdditionalField { name: "plan".to_owned(), column: None, kind: FieldKind::Text };
    let names = Names { user_additional: vec![plan], ..named("session", "user", ColumnCase::Camel) };
    let code = async |bodies: bool| {
        let options = StoreOptions { bodies, ..options(Schema::new(names.clone())) };
        let store = AnyStore::open(&database.url(), &options).unwrap();
        store.probe().await.err().map(|error| error.code())
    };

    assert_eq!((code(true).await, code(false).await), (Some("refused"), None));
}
