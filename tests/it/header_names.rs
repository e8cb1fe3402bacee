//! The names of identity headers. oauth2-proxy's are those of its `--set-xauthrequest`, Authelia's those of its proxy
//! integrations.

use http::HeaderName;
use http::request::Parts;
use sidegate::auth::{Decision, IdentityField};
use sidegate::dialect::{Dialect, HeaderNames, HeaderNamesError, Terms};

use crate::rig::{self, NOW};

fn question(headers: &[(&str, &str)]) -> Parts {
    let question = http::Request::get("/auth/nginx")
        .header("x-original-url", "https://app.example.com/")
        .header("x-original-method", "GET");
    let question = headers.iter().fold(question, |question, (name, value)| question.header(*name, *value));
    question.body(()).unwrap().into_parts().0
}

/// The headers of an answer to Ada, under these names.
fn told(names: HeaderNames) -> Vec<(String, String)> {
    let (terms, question) = (Terms { names, login: None }, question(&[]));
    let request = Dialect::Nginx.decode(&question, &terms).unwrap();
    let answer = Dialect::Nginx.encode(&request, &Decision::Allow(rig::grant(&rig::record(NOW))), &terms);
    let pairs = answer.headers().iter().filter(|(name, _)| *name != "cache-control");
    let mut told: Vec<_> =
        pairs.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    told.sort_unstable();
    told
}

fn names(told: &[(String, String)]) -> Vec<&str> {
    told.iter().map(|(name, _)| name.as_str()).collect()
}

fn custom(pairs: &[(&str, &str)]) -> Result<HeaderNames, HeaderNamesError> {
    HeaderNames::sidegate().with(pairs.iter().copied())
}

#[test]
fn oauth2_proxys_names_carry_the_same_identity() {
    let told = told(HeaderNames::preset("oauth2-proxy").unwrap());

    let expected = [
        "x-auth-request-email",
        "x-auth-request-user",
        "x-auth-session-expires",
        "x-auth-session-id",
        "x-auth-status",
        "x-auth-user-name",
    ];
    assert_eq!(names(&told), expected);
    assert_eq!(told[1].1, "usr_1");
}

#[test]
fn authelias_names_carry_the_same_identity() {
    let told = told(HeaderNames::preset("authelia").unwrap());

    let expected = [
        "remote-email",
        "remote-name",
        "remote-user",
        "x-auth-session-expires",
        "x-auth-session-id",
        "x-auth-status",
    ];
    assert_eq!(names(&told), expected);
    assert_eq!(told[0].1, "ada@example.com");
}

#[test]
fn a_name_of_ones_own_takes_a_presets_place_and_an_empty_one_leaves_it_out() {
    let preset = HeaderNames::preset("authelia").unwrap();

    let told =
        told(preset.with([("user_id", "X-User"), ("user_name", ""), ("status", "X-Signed-In")]).unwrap());

    let expected = ["remote-email", "x-auth-session-expires", "x-auth-session-id", "x-signed-in", "x-user"];
    assert_eq!(names(&told), expected);
}

#[test]
fn every_field_can_be_renamed() {
    for field in IdentityField::ALL {
        let names = custom(&[(field.code(), "x-own")]).unwrap();

        assert_eq!(names.of(field), Some(&HeaderName::from_static("x-own")), "{field:?}");
    }
}

#[test]
fn a_header_that_cannot_carry_it_is_refused() {
    let taken = [
        "Cookie",
        "Host",
        "Authorization",
        "X-Forwarded-For",
        "X-Original-URL",
        "X-Auth-Reason",
        "Connection",
    ];
    for header in taken {
        assert!(matches!(custom(&[("user_id", header)]), Err(HeaderNamesError::Taken(_))), "{header}");
    }
    assert!(matches!(custom(&[("user_id", "x_user")]), Err(HeaderNamesError::Underscore(_))));
    assert!(matches!(custom(&[("user_id", "x user")]), Err(HeaderNamesError::NotAName(_))));
    assert!(matches!(custom(&[("userid", "x-user")]), Err(HeaderNamesError::UnknownField(_))));
    assert!(matches!(custom(&[("status", "")]), Err(HeaderNamesError::Indispensable(_))));
    assert!(matches!(custom(&[("user_id", "x-auth-user-email")]), Err(HeaderNamesError::Twice(_))));
    assert!(matches!(custom(&[("user_id", "x-a"), ("team_id", "X-A")]), Err(HeaderNamesError::Twice(_))));
}

#[test]
fn whatever_carries_an_identity_is_refused_twice_and_under_a_twin_name() {
    let refusal = |names: &HeaderNames, headers: &[(&str, &str)]| {
        let terms = Terms { names: names.clone(), login: None };
        Dialect::Nginx.decode(&question(headers), &terms).err().map(|refusal| refusal.code())
    };
    let (own, authelia) = (HeaderNames::sidegate(), HeaderNames::preset("authelia").unwrap());
    let twice = [("remote-user", "a"), ("remote-user", "b")];
    let twin = [("remote_user", "a")];

    assert_eq!([refusal(&own, &twice), refusal(&own, &twin)], [None, None]);
    assert_eq!(
        [refusal(&authelia, &twice), refusal(&authelia, &twin)],
        [Some("duplicate_header"), Some("twin_header")]
    );
    assert_eq!(refusal(&authelia, &[("x_auth_user_id", "a")]), Some("twin_header"));
}
