//! Where answers carry an assertion: with whom every caller is told of, under the header that the settings name.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use prost::Message as _;
use sidegate::auth::{Decision, Denial, Grant};
use sidegate::dialect::{Answer, Dialect, HeaderNames, Terms, check_response};

use crate::rig::{self, NOW, request};

const ASSERTION: HeaderValue = HeaderValue::from_static("header.payload.signature");
const PROXIES: [Dialect; 6] =
    [Dialect::Nginx, Dialect::Traefik, Dialect::Caddy, Dialect::Haproxy, Dialect::Envoy, Dialect::EnvoyGrpc];

fn proven() -> Grant {
    let mut grant = rig::grant(&rig::record(NOW));
    grant.prove(ASSERTION);
    grant
}

fn answer(dialect: Dialect, grant: Grant, terms: &Terms) -> Answer {
    dialect.encode(&request(&HeaderMap::new()), &Decision::Allow(grant), terms)
}

#[test]
fn every_caller_is_told_beside_the_plain_headers() {
    for dialect in PROXIES {
        let answer = answer(dialect, proven(), &rig::terms(None));

        assert_eq!(answer.headers().get("x-auth-assertion"), Some(&ASSERTION), "{dialect:?}");
        assert_eq!(answer.headers()["x-auth-user-id"], "usr_1", "{dialect:?}");
    }
}

#[test]
fn without_one_there_is_no_header() {
    for dialect in PROXIES {
        let answer = answer(dialect, rig::grant(&rig::record(NOW)), &rig::terms(None));

        assert_eq!(answer.headers().get("x-auth-assertion"), None, "{dialect:?}");
    }
}

#[test]
fn the_header_is_the_one_that_the_settings_name_in_every_preset() {
    for preset in ["sidegate", "oauth2-proxy", "authelia"] {
        let names = HeaderNames::preset(preset).unwrap();
        let told = answer(Dialect::Nginx, proven(), &Terms { names: names.clone(), login: None });
        assert_eq!(told.headers().get("x-auth-assertion"), Some(&ASSERTION), "{preset}");

        let names = names.with([("assertion", "X-Proof")]).unwrap();
        let told = answer(Dialect::Nginx, proven(), &Terms { names, login: None });
        assert_eq!(told.headers().get("x-proof"), Some(&ASSERTION), "{preset}");
        assert_eq!(told.headers().get("x-auth-assertion"), None, "{preset}");
    }
}

#[test]
fn envoy_removes_the_clients_own_where_there_is_none_and_only_there() {
    let removed = |grant| {
        let answer = answer(Dialect::Envoy, grant, &rig::terms(None));
        let names = answer.headers()["x-envoy-auth-headers-to-remove"].to_str().unwrap().to_owned();
        let names: Vec<_> = names.split(',').collect();
        (names.contains(&"x-auth-assertion"), names.contains(&"x_auth_assertion"))
    };

    assert_eq!(removed(proven()), (false, true));
    assert_eq!(removed(rig::grant(&rig::record(NOW))), (true, true));
}

#[test]
fn envoys_message_sets_it_and_does_not_name_it_for_removal() {
    let terms = rig::terms(None);
    let decision = Decision::Allow(proven());
    let answer = Dialect::EnvoyGrpc.encode(&request(&HeaderMap::new()), &decision, &terms);
    let answer = Response::from_parts(answer.into_parts().0, Bytes::new());

    let message = check_response(&answer, Some(&decision), &terms.names).encode_to_vec();

    let holds = |text: &str| message.windows(text.len()).filter(|part| part == &text.as_bytes()).count();
    assert_eq!(
        (holds("header.payload.signature"), holds("x-auth-assertion"), holds("x_auth_assertion")),
        (1, 1, 1)
    );
}

#[test]
fn neither_a_denial_nor_better_auths_own_answer_carries_one() {
    let told = Dialect::GetSession.encode(
        &request(&HeaderMap::new()),
        &Decision::Allow(proven()),
        &rig::terms(None),
    );
    assert_eq!((told.status(), told.headers().get("x-auth-assertion")), (StatusCode::OK, None));
    for denial in [
        Decision::Unauthenticated(Denial::NoSession),
        Decision::Forbidden(Denial::Banned),
        Decision::Unavailable,
    ] {
        for dialect in PROXIES {
            let told = dialect.encode(&request(&HeaderMap::new()), &denial, &rig::terms(None));
            assert_eq!(told.headers().get("x-auth-assertion"), None, "{dialect:?}");
        }
    }
}
