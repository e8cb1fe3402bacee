//! Which header carries which part of an identity: one table for all dialects, with presets for apps that already know
//! another proxy's names.

use http::HeaderName;

use crate::auth::IdentityField;

/// The names under which apps are told who somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderNames {
    status: HeaderName,
    assertion: HeaderName,
    freshness: HeaderName,
    /// By the number of the field; `None` for what is not told.
    fields: [Option<HeaderName>; IdentityField::ALL.len()],
}

/// Why a header cannot carry a part of an identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderNamesError {
    /// There is nothing of that name to be told.
    #[error("{0:?} is no part of an identity")]
    UnknownField(String),
    /// It would not go over the wire.
    #[error("{0:?} is no header's name")]
    NotAName(String),
    /// Some servers take it for another.
    #[error("{0} has an underscore, which proxies drop and servers take for a hyphen")]
    Underscore(HeaderName),
    /// It has a meaning of its own, to HTTP, to proxies or to sidegate.
    #[error("{0} already means something else")]
    Taken(HeaderName),
    /// Whoever reads it could not tell which of two it is.
    #[error("{0} would carry two things")]
    Twice(HeaderName),
    /// Apps rely on it.
    #[error("{0} is always told and can be renamed, not left out")]
    Indispensable(&'static str),
}

/// Tells why; clients cannot choose it, and no proxy hands it to an app.
pub(super) static REASON: HeaderName = HeaderName::from_static("x-auth-reason");
/// Tells a proxy that redirects by itself where to.
pub(super) static LOGIN: HeaderName = HeaderName::from_static("x-auth-login");

/// The cookie that such a proxy sets where it redirects. Not `Set-Cookie`, which it may hand on whatever it does.
pub(super) static LOGIN_COOKIE: HeaderName = HeaderName::from_static("x-auth-login-cookie");

const STATUS: &str = "status";
const ASSERTION: &str = "assertion";
const FRESHNESS: &str = "freshness";

/// Headers that decide about a message, a credential or its route: whoever wrote a user's name into one of them would
/// change more than a name.
const TAKEN: [&str; 24] = [
    "accept",
    "authorization",
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "location",
    "origin",
    "proxy-authorization",
    "retry-after",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
    "x-auth-login",
    "x-auth-reason",
];
const TAKEN_PREFIXES: [&str; 4] = ["x-envoy-", "x-forwarded-", "x-original-", "sec-"];

/// What oauth2-proxy tells with `--set-xauthrequest` (`pkg/middleware/headers.go`, `docs/configuration/overview.md`).
const OAUTH2_PROXY: [(&str, &str); 4] = [
    ("user_id", "x-auth-request-user"),
    ("user_email", "x-auth-request-email"),
    ("user_username", "x-auth-request-preferred-username"),
    ("user_role", "x-auth-request-groups"),
];
/// What Authelia tells (`docs/content/integration/proxies`).
const AUTHELIA: [(&str, &str); 4] = [
    ("user_id", "remote-user"),
    ("user_email", "remote-email"),
    ("user_name", "remote-name"),
    ("user_role", "remote-groups"),
];

impl HeaderNames {
    /// sidegate's own.
    #[must_use]
    pub fn sidegate() -> Self {
        Self {
            status: HeaderName::from_static("x-auth-status"),
            assertion: HeaderName::from_static("x-auth-assertion"),
            freshness: HeaderName::from_static("x-auth-freshness"),
            fields: IdentityField::ALL.map(|field| Some(HeaderName::from_static(default_name(field)))),
        }
    }

    /// Those of `header_preset`; `None` if there is no such preset. What the other proxy does not tell keeps its name.
    #[must_use]
    pub fn preset(name: &str) -> Option<Self> {
        let renamed: &[(&str, &'static str)] = match name {
            "sidegate" => &[],
            "oauth2-proxy" => &OAUTH2_PROXY,
            "authelia" => &AUTHELIA,
            _ => return None,
        };
        let mut names = Self::sidegate();
        for (field, slot) in IdentityField::ALL.into_iter().zip(&mut names.fields) {
            if let Some((_, header)) = renamed.iter().find(|(code, _)| *code == field.code()) {
                *slot = Some(HeaderName::from_static(header));
            }
        }
        Some(names)
    }

    /// The same with other names for some: each a field's code and the header that carries it, or nothing to leave it
    /// untold.
    ///
    /// # Errors
    /// If there is no such field, or the header cannot carry it.
    pub fn with<'a>(
        mut self,
        renamed: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, HeaderNamesError> {
        for (code, header) in renamed {
            let name = if header.is_empty() { None } else { Some(name(header)?) };
            match code {
                STATUS => self.status = name.ok_or(HeaderNamesError::Indispensable(STATUS))?,
                ASSERTION => self.assertion = name.ok_or(HeaderNamesError::Indispensable(ASSERTION))?,
                FRESHNESS => self.freshness = name.ok_or(HeaderNamesError::Indispensable(FRESHNESS))?,
                _ => {
                    let fields = IdentityField::ALL.into_iter().zip(&mut self.fields);
                    let mut slots = fields.filter(|(field, _)| field.code() == code);
                    let (_, slot) =
                        slots.next().ok_or_else(|| HeaderNamesError::UnknownField(code.to_owned()))?;
                    *slot = name;
                }
            }
        }
        let all: Vec<_> = self.all().collect();
        match all.iter().enumerate().find(|(index, name)| all.iter().take(*index).any(|other| other == *name))
        {
            Some((_, name)) => Err(HeaderNamesError::Twice((*name).clone())),
            None => Ok(self),
        }
    }

    /// Which header carries a field; `None` if it is not told.
    #[must_use]
    pub fn of(&self, field: IdentityField) -> Option<&HeaderName> {
        self.fields.get(field as usize).and_then(Option::as_ref)
    }

    /// Which header tells whether anybody is signed in at all.
    #[must_use]
    pub fn status(&self) -> &HeaderName {
        &self.status
    }

    /// Which header carries the signed proof of an identity.
    #[must_use]
    pub fn assertion(&self) -> &HeaderName {
        &self.assertion
    }

    /// Which header tells that an identity is only known from before.
    #[must_use]
    pub fn freshness(&self) -> &HeaderName {
        &self.freshness
    }

    /// Every header that an app may take for sidegate's word.
    pub fn all(&self) -> impl Iterator<Item = &HeaderName> {
        [&self.status, &self.assertion, &self.freshness].into_iter().chain(self.fields.iter().flatten())
    }

    /// Each header's name as it is by default, with what it is here; `None` if it is not told.
    pub fn changes(&self) -> impl Iterator<Item = (&'static str, Option<&HeaderName>)> {
        let own = [
            ("x-auth-status", Some(&self.status)),
            ("x-auth-assertion", Some(&self.assertion)),
            ("x-auth-freshness", Some(&self.freshness)),
        ];
        let fields = IdentityField::ALL.into_iter().map(|field| (default_name(field), self.of(field)));
        own.into_iter().chain(fields)
    }
}

const fn default_name(field: IdentityField) -> &'static str {
    match field {
        IdentityField::UserId => "x-auth-user-id",
        IdentityField::SessionId => "x-auth-session-id",
        IdentityField::SessionExpires => "x-auth-session-expires",
        IdentityField::ImpersonatedBy => "x-auth-impersonated-by",
        IdentityField::UserRole => "x-auth-user-role",
        IdentityField::OrganizationId => "x-auth-organization-id",
        IdentityField::OrganizationRole => "x-auth-organization-role",
        IdentityField::TeamId => "x-auth-team-id",
        IdentityField::UserAnonymous => "x-auth-user-anonymous",
        IdentityField::UserEmailVerified => "x-auth-user-email-verified",
        IdentityField::UserTwoFactor => "x-auth-user-two-factor",
        IdentityField::UserEmail => "x-auth-user-email",
        IdentityField::UserUsername => "x-auth-user-username",
        IdentityField::UserPhone => "x-auth-user-phone",
        IdentityField::UserPhoneVerified => "x-auth-user-phone-verified",
        IdentityField::UserName => "x-auth-user-name",
    }
}

fn name(text: &str) -> Result<HeaderName, HeaderNamesError> {
    let name = HeaderName::try_from(text).map_err(|_| HeaderNamesError::NotAName(text.to_owned()))?;
    let text = name.as_str();
    if text.contains('_') {
        return Err(HeaderNamesError::Underscore(name));
    }
    if TAKEN.contains(&text) || TAKEN_PREFIXES.iter().any(|prefix| text.starts_with(prefix)) {
        return Err(HeaderNamesError::Taken(name));
    }
    Ok(name)
}
