//! What an opened cookie must hold to be a session, and the order in which Better Auth tells it.
//!
//! Source: better-auth 1.7.25 `cookies/cache.ts` over `@better-auth/core/db`, `sessionSchema` and `userSchema`: fields
//! of the schema first and in its order, then all others as they came.

use serde_json::Value;

use super::date::{Revived, revive};
use super::{Opened, Snapshot, Unusable, instant, json};
use crate::auth::session::Fields;
use crate::clock::UnixMillis;

/// A cookie's content whose form is right, not compared with anything yet.
pub(super) struct Payload {
    /// Of the session.
    pub(super) token: String,
    /// Empty where there is none.
    pub(super) version: String,
    pub(super) snapshot: Snapshot,
}

impl Payload {
    /// Reads what was signed. `now` is when a session or user without its dates was made.
    pub(super) fn read(opened: Opened, now: UnixMillis) -> Result<Self, Unusable> {
        let Opened { mut content, fresh_until } = opened;
        let mut session = Record::of(&mut content, "session")?;
        session.text("session.id")?;
        session.dates(["session.createdAt", "session.updatedAt"], now)?;
        session.user_id()?;
        let expires_at = session.date("session.expiresAt")?.ok_or(Unusable::Field("session.expiresAt"))?;
        let token = session.text("session.token")?;
        session.nullable_text("session.ipAddress")?;
        session.nullable_text("session.userAgent")?;

        let mut user = Record::of(&mut content, "user")?;
        user.text("user.id")?;
        user.dates(["user.createdAt", "user.updatedAt"], now)?;
        user.email()?;
        user.truth("user.emailVerified")?;
        user.text("user.name")?;
        user.nullable_text("user.image")?;

        let updated_at =
            content.get("updatedAt").and_then(Value::as_f64).ok_or(Unusable::Field("updatedAt"))?;
        let version = match content.get("version") {
            None => String::new(),
            Some(version) => plain_text(version).ok_or(Unusable::Field("version"))?.to_owned(),
        };
        let snapshot = Snapshot {
            session: session.finish(),
            user: user.finish(),
            expires_at,
            fresh_until,
            updated_at: instant(updated_at),
        };
        Ok(Self { token, version, snapshot })
    }
}

/// An object on its way from the order in which it was written to that in which it is told.
struct Record {
    rest: Fields,
    told: Fields,
}

impl Record {
    fn of(content: &mut Fields, name: &'static str) -> Result<Self, Unusable> {
        match content.get_mut(name) {
            Some(Value::Object(fields)) => Ok(Self { rest: std::mem::take(fields), told: Fields::new() }),
            _ => Err(Unusable::Field(name)),
        }
    }

    /// The fields in their new order.
    fn finish(mut self) -> Fields {
        self.told.extend(self.rest);
        json::indices_first(&mut self.told);
        self.told
    }

    fn take(&mut self, path: &'static str) -> Option<Value> {
        self.rest.shift_remove(name(path))
    }

    fn tell(&mut self, path: &'static str, value: impl Into<Value>) {
        self.told.insert(name(path).to_owned(), value.into());
    }

    fn text(&mut self, path: &'static str) -> Result<String, Unusable> {
        let value = self.take(path).ok_or(Unusable::Field(path))?;
        let text = plain_text(&value).ok_or(Unusable::Field(path))?.to_owned();
        self.tell(path, value);
        Ok(text)
    }

    fn nullable_text(&mut self, path: &'static str) -> Result<(), Unusable> {
        let Some(value) = self.take(path) else { return Ok(()) };
        if !value.is_null() && plain_text(&value).is_none() {
            return Err(Unusable::Field(path));
        }
        self.tell(path, value);
        Ok(())
    }

    /// A date, or `None` if there is no such field.
    fn date(&mut self, path: &'static str) -> Result<Option<UnixMillis>, Unusable> {
        let Some(value) = self.take(path) else { return Ok(None) };
        let Some(Revived::Date(at)) = value.as_str().map(revive) else { return Err(Unusable::Field(path)) };
        self.tell(path, value);
        Ok(Some(at))
    }

    /// When it was made and when it was changed; at once, where nothing is said.
    fn dates(&mut self, paths: [&'static str; 2], now: UnixMillis) -> Result<(), Unusable> {
        for path in paths {
            if self.date(path)?.is_none() {
                self.tell(path, now.to_string());
            }
        }
        Ok(())
    }

    /// Databases may count their users: then it is the number's text.
    fn user_id(&mut self) -> Result<(), Unusable> {
        let text = match self.take("session.userId") {
            Some(Value::String(text)) if revive(&text) == Revived::Text => Some(text),
            Some(Value::Number(number)) => Some(json::number_text(&number)),
            Some(value @ (Value::Bool(_) | Value::Null)) => Some(json::stringify(&value)),
            Some(Value::String(_) | Value::Array(_) | Value::Object(_)) | None => None,
        };
        self.tell("session.userId", text.ok_or(Unusable::Field("session.userId"))?);
        Ok(())
    }

    fn email(&mut self) -> Result<(), Unusable> {
        let email = self.text("user.email")?;
        self.tell("user.email", email.to_lowercase());
        Ok(())
    }

    /// False, where nothing is said.
    fn truth(&mut self, path: &'static str) -> Result<(), Unusable> {
        let truth = self.take(path).unwrap_or(Value::Bool(false));
        self.tell(path, truth.as_bool().ok_or(Unusable::Field(path))?);
        Ok(())
    }
}

/// A field's own name.
fn name(path: &'static str) -> &'static str {
    path.rsplit_once('.').map_or(path, |(_, name)| name)
}

/// A string that is no date.
fn plain_text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| revive(text) == Revived::Text)
}
