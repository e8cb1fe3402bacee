//! Where Better Auth publishes its public keys: in its table, or at an address.

use std::fmt;

use http::Uri;

use super::{KeySource, KeysUnavailable};
use crate::auth::{DEFAULT_GRACE, KeySet};
use crate::clock;
use crate::fetch::{Client, Repeat};
use crate::store::AnyStore;

/// The keys of Better Auth's jwt plugin.
#[derive(Debug)]
pub enum Published {
    /// In the table `jwks` of the store.
    Table(Box<AnyStore>),
    /// As a JSON Web Key Set, at `/jwks` below Better Auth's own address.
    At(Box<Client>, Uri),
}

impl KeySource for Published {
    async fn fetch(&self) -> Result<KeySet, KeysUnavailable> {
        match self {
            Self::Table(store) => match store.public_keys().await {
                Ok(Some(rows)) => Ok(KeySet::from_rows(rows, DEFAULT_GRACE, clock::now())?),
                Ok(None) => Err(KeysUnavailable::Unreachable(
                    "the store has no such table: see jwks_table and jwks_url".to_owned(),
                )),
                Err(error) => Err(KeysUnavailable::Unreachable(error.to_string())),
            },
            Self::At(client, url) => {
                let unreachable = |what: String| KeysUnavailable::Unreachable(what);
                let question = http::Request::get(url.clone()).body(());
                let question = question.map_err(|error| unreachable(error.to_string()))?;
                let answer = client.ask(question, Repeat::Once).await;
                let answer = answer.map_err(|error| unreachable(error.to_string()))?;
                if answer.status() != http::StatusCode::OK {
                    return Err(unreachable(format!("it answers {}", answer.status().as_u16())));
                }
                Ok(KeySet::parse(answer.body())?)
            }
        }
    }
}

/// As it can be told to anybody: a URL may hold a password.
impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(store) => write!(f, "the jwks table in {}", store.name()),
            Self::At(_, url) => {
                let host = url.authority().map_or("", |authority| {
                    authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, host)| host)
                });
                write!(f, "{}://{host}{}", url.scheme_str().unwrap_or_default(), url.path())
            }
        }
    }
}
