//! Answers as all dialects give them: headers, the table of their names, the small JSON body of a denial.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::Full;

use super::Answer;
use crate::auth::{Grant, IdentityField};

static STATUS: HeaderName = HeaderName::from_static("x-auth-status");
static USER_ID: HeaderName = HeaderName::from_static("x-auth-user-id");
static SESSION_ID: HeaderName = HeaderName::from_static("x-auth-session-id");
static SESSION_EXPIRES: HeaderName = HeaderName::from_static("x-auth-session-expires");
static IMPERSONATED_BY: HeaderName = HeaderName::from_static("x-auth-impersonated-by");
static USER_ROLE: HeaderName = HeaderName::from_static("x-auth-user-role");
static ORGANIZATION_ID: HeaderName = HeaderName::from_static("x-auth-organization-id");
static ORGANIZATION_ROLE: HeaderName = HeaderName::from_static("x-auth-organization-role");
static TEAM_ID: HeaderName = HeaderName::from_static("x-auth-team-id");
static USER_ANONYMOUS: HeaderName = HeaderName::from_static("x-auth-user-anonymous");
static USER_EMAIL_VERIFIED: HeaderName = HeaderName::from_static("x-auth-user-email-verified");
static USER_TWO_FACTOR: HeaderName = HeaderName::from_static("x-auth-user-two-factor");
static USER_EMAIL: HeaderName = HeaderName::from_static("x-auth-user-email");
static USER_USERNAME: HeaderName = HeaderName::from_static("x-auth-user-username");
static USER_PHONE: HeaderName = HeaderName::from_static("x-auth-user-phone");
static USER_PHONE_VERIFIED: HeaderName = HeaderName::from_static("x-auth-user-phone-verified");
static USER_NAME: HeaderName = HeaderName::from_static("x-auth-user-name");
pub(super) static REASON: HeaderName = HeaderName::from_static("x-auth-reason");

/// Room for every header of an allowing answer without growing: `HeaderMap` makes it twelve.
const HEADERS: usize = 8;

/// Which header carries a field.
fn name_of(field: IdentityField) -> &'static HeaderName {
    match field {
        IdentityField::UserId => &USER_ID,
        IdentityField::SessionId => &SESSION_ID,
        IdentityField::SessionExpires => &SESSION_EXPIRES,
        IdentityField::ImpersonatedBy => &IMPERSONATED_BY,
        IdentityField::UserRole => &USER_ROLE,
        IdentityField::OrganizationId => &ORGANIZATION_ID,
        IdentityField::OrganizationRole => &ORGANIZATION_ROLE,
        IdentityField::TeamId => &TEAM_ID,
        IdentityField::UserAnonymous => &USER_ANONYMOUS,
        IdentityField::UserEmailVerified => &USER_EMAIL_VERIFIED,
        IdentityField::UserTwoFactor => &USER_TWO_FACTOR,
        IdentityField::UserEmail => &USER_EMAIL,
        IdentityField::UserUsername => &USER_USERNAME,
        IdentityField::UserPhone => &USER_PHONE,
        IdentityField::UserPhoneVerified => &USER_PHONE_VERIFIED,
        IdentityField::UserName => &USER_NAME,
    }
}

/// 200 with the identity and no body: Envoy takes nothing else for a pass.
pub(super) fn allow(grant: &Grant) -> Answer {
    let mut answer = empty(StatusCode::OK);
    let headers = answer.headers_mut();
    headers.insert(&STATUS, HeaderValue::from_static("user"));
    for (field, value) in grant.identity().fields() {
        headers.insert(name_of(field), value.clone());
    }
    answer
}

/// A denial: `error` says what to do, `reason` is the stable code of why.
pub(super) fn deny(status: StatusCode, error: &str, reason: &'static str) -> Answer {
    let body = format!(r#"{{"error":"{error}","reason":"{reason}"}}"#);
    let mut answer = empty(status);
    *answer.body_mut() = Full::new(Bytes::from(body));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(&REASON, HeaderValue::from_static(reason));
    answer
}

/// 503: the store cannot be asked, and a second later it may be.
pub(super) fn unavailable() -> Answer {
    let mut answer = deny(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "store_unavailable");
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

/// 404: no dialect is spoken at that path.
#[must_use]
pub fn not_found() -> Answer {
    deny(StatusCode::NOT_FOUND, "not_found", "no_such_endpoint")
}

pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = status;
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    *answer.headers_mut() = headers;
    answer
}
