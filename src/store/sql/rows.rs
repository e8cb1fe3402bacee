//! What a row of an answer says.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::flavour::{Askable, Flavour, Row};
use crate::auth::{Fields, KeyRow, SessionRecord};
use crate::clock::UnixMillis;
use crate::store::StoreError;
use crate::store::columns::ColumnRow;
use crate::store::plan::{Keys, Lookup};
use crate::store::row::{self, Reading};

/// What a lookup found.
pub(super) struct Found {
    pub(super) token: String,
    pub(super) record: SessionRecord,
}

/// A key of the jwt plugin.
pub(super) fn key<F: Flavour>(row: &Row<F>, keys: &Keys, zone: &TimeZone) -> Result<KeyRow, StoreError> {
    let malformed = |what: String| StoreError::Malformed(format!("jwks: {what}"));
    let text = |index: usize| F::Db::text(row, index).map_err(|error| malformed(error.to_string()));
    let present = |index: usize, what: &str| text(index)?.ok_or_else(|| malformed(format!("{what} is null")));
    let expiry = 2 + usize::from(keys.has_algorithm);
    Ok(KeyRow {
        kid: present(0, "id")?,
        public_key: present(1, "publicKey")?,
        algorithm: if keys.has_algorithm { text(2)? } else { None },
        expires_at: if keys.has_expiry {
            let at = F::instant(row, expiry, zone);
            at.map_err(|what| malformed(format!("expiresAt {what}")))?
        } else {
            None
        },
    })
}

/// A session with its user. A date without a zone is one of `zone`.
pub(super) fn session<F: Flavour>(
    row: &Row<F>,
    lookup: &Lookup,
    zone: &TimeZone,
) -> Result<Found, StoreError> {
    let malformed =
        |table: &str, name: &str, what: &str| StoreError::Malformed(format!("{table}.{name} {what}"));
    let mut index = 0;
    let mut fields = |table: &str, asked: &[(String, Reading)]| {
        let mut fields = Fields::with_capacity(asked.len());
        for (name, reading) in asked {
            let value = match reading {
                // Null, as Better Auth has it, where it cannot be read. The expiry is read once more below: there
                // that is doubt.
                Reading::Date => row::date(F::instant(row, index, zone).unwrap_or(None)),
                Reading::Text | Reading::Number | Reading::Boolean | Reading::Json | Reading::JsonText => {
                    F::value(row, index, *reading).map_err(|what| malformed(table, name, &what))?
                }
            };
            fields.insert(name.clone(), value);
            index += 1;
        }
        Ok::<_, StoreError>(fields)
    };
    let mut session = fields("session", &lookup.session)?;
    let user = fields("user", &lookup.user)?;
    let expiry = lookup.session.iter().position(|(name, _)| name == "expiresAt").unwrap_or_default();
    let expires_at =
        F::instant(row, expiry, zone).map_err(|what| malformed("session", "expiresAt", &what))?;
    session.insert("expiresAt".to_owned(), row::date(expires_at));
    let organization_role = if lookup.has_organization_role {
        F::Db::text(row, index).map_err(|error| malformed("member", "role", &error.to_string()))?
    } else {
        None
    };
    for (table, fields) in [("session", &session), ("user", &user)] {
        if !fields.get("id").is_some_and(Value::is_string) {
            return Err(malformed(table, "id", "is null"));
        }
    }
    let Some(Value::String(token)) = session.get("token") else {
        return Err(malformed("session", "token", "is no text"));
    };
    Ok(Found {
        token: token.clone(),
        record: SessionRecord {
            // Better Auth compares a missing date as 0.
            expires_at: expires_at.unwrap_or(UnixMillis::EPOCH),
            session,
            user,
            organization_role,
        },
    })
}

/// What is told of a column; a null is an empty text.
pub(super) fn column<F: Flavour>(row: &Row<F>) -> Result<ColumnRow, sqlx::Error> {
    let text = |index: usize| F::Db::text(row, index).map(Option::unwrap_or_default);
    Ok([text(0)?, text(1)?, text(2)?, text(3)?, text(4)?])
}
