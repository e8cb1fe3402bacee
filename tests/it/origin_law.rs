//! What holds for every list of origins and every request: nobody passes without one of the two headers being right, and a longer
//! list never keeps anybody out.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::origin::{asked, cookie_and, rules, sent};
use crate::rig::laws;

const SITES: [&str; 3] = ["same-origin", "same-site", "none"];

/// An origin as browsers write it: lower case, and no port that is the scheme's own (RFC 6454 §6.1).
fn origin() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        "[a-c]{1,2}(\\.[a-c]{1,2}){0,2}\\.example\\.(com|org)",
        select(vec!["localhost", "127.0.0.1", "[::1]", "example.com"]).prop_map(str::to_owned),
    ];
    let port = select(vec!["", ":8080", ":3000"]);
    (select(vec!["http", "https"]), host, port)
        .prop_map(|(scheme, host, port)| format!("{scheme}://{host}{port}"))
}

/// Anything that a header can hold, and much that looks like an origin.
fn anything() -> impl Strategy<Value = String> {
    prop_oneof![
        origin(),
        (origin(), "[ -~]{0,6}").prop_map(|(origin, more)| format!("{origin}{more}").trim().to_owned()),
        ("[ -~]{0,6}", origin()).prop_map(|(before, origin)| format!("{before}{origin}").trim().to_owned()),
        select(vec!["null", "", "https://", "*", "https://*.example.com"]).prop_map(str::to_owned),
    ]
}

fn site() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(select(vec!["same-origin", "same-site", "none", "cross-site", "", "x"]))
}

fn sites() -> impl Strategy<Value = String> {
    vec(select(SITES.to_vec()), 0..3).prop_map(|sites| sites.join(","))
}

fn list() -> impl Strategy<Value = Vec<String>> {
    let below = select(vec!["https://*.example.com", "https://*.b.example.org:8080", "http://*.example.com"]);
    vec(prop_oneof![3 => origin(), 1 => below.prop_map(str::to_owned)], 0..4)
}

fn headers(origin: Option<&str>, site: Option<&str>) -> HeaderMap {
    let pairs = [("origin", origin), ("sec-fetch-site", site)];
    let there: Vec<_> = pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    cookie_and(&there)
}

/// Whether the list has that very text, or one with `*.` that stands for the labels before it.
fn is_named(list: &[String], origin: &str) -> bool {
    list.iter().any(|allowed| match allowed.split_once("*.") {
        None => allowed == origin,
        Some((scheme, parent)) => origin
            .strip_prefix(scheme)
            .and_then(|rest| rest.strip_suffix(&format!(".{parent}")))
            .is_some_and(|labels| !labels.is_empty()),
    })
}

proptest! {
    #![proptest_config(laws())]

    #[test]
    fn an_origin_of_a_browser_passes_where_the_list_names_it_and_nowhere_else(
        list in list(), origin in origin(),
    ) {
        let answer = sent(&rules(&list.join(","), ""), Method::POST, &headers(Some(&origin), None));

        prop_assert_eq!(answer == "lookup", is_named(&list, &origin), "{:?} {}", list, origin);
    }

    #[test]
    fn an_origin_that_is_not_in_the_list_never_passes_without_an_allowed_word_of_the_browser(
        list in list(), sites in sites(), origin in prop::option::of(anything()), site in site(),
    ) {
        let answer =
            sent(&rules(&list.join(","), &sites), Method::POST, &headers(origin.as_deref(), site));

        let is_named = origin.as_deref().is_some_and(|origin| {
            // Of what only looks like one, letters' case and the scheme's own port make no difference.
            let lower = origin.to_ascii_lowercase();
            let plain = match lower.split_once("://") {
                Some(("https", _)) => lower.strip_suffix(":443"),
                Some(("http", _)) => lower.strip_suffix(":80"),
                _ => None,
            };
            is_named(&list, plain.unwrap_or(&lower))
        });
        let is_taken = site.is_some_and(|site| !site.is_empty() && sites.split(',').any(|one| one == site));
        if answer == "lookup" {
            prop_assert!(is_named || is_taken, "{:?} {:?} {:?} {:?}", list, sites, origin, site);
        } else {
            prop_assert_eq!(answer, "cross_origin");
        }
    }

    #[test]
    fn a_longer_list_never_keeps_anybody_out(
        list in list(), more in origin(), sites in sites(), another in select(SITES.to_vec()),
        origin in prop::option::of(anything()), site in site(),
    ) {
        let headers = headers(origin.as_deref(), site);
        let before = sent(&rules(&list.join(","), &sites), Method::POST, &headers);

        let longer = [list, vec![more]].concat().join(",");
        let wider = if sites.is_empty() { another.to_owned() } else { format!("{sites},{another}") };
        let after = sent(&rules(&longer, &wider), Method::POST, &headers);

        prop_assert!(before == "cross_origin" || after == "lookup", "{} {}", longer, wider);
    }

    #[test]
    fn nobody_passes_by_a_header_that_is_there_twice(
        list in list(), sites in sites(), first in anything(), second in anything(), site in site(),
        name in select(vec!["origin", "sec-fetch-site"]),
    ) {
        let mut headers = headers(None, site.filter(|_| name == "origin"));
        for value in [first, second] {
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(&value).unwrap());
        }

        prop_assert_eq!(sent(&rules(&list.join(","), &sites), Method::POST, &headers), "cross_origin");
    }

    #[test]
    fn what_changes_nothing_passes_whatever_it_says(
        list in list(), origin in prop::option::of(anything()), site in site(),
        method in select(vec![Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE]),
    ) {
        let headers = headers(origin.as_deref(), site);
        let request = sidegate::auth::CheckRequest { method, ..crate::rig::request(&headers) };

        prop_assert_eq!(asked(&rules(&list.join(","), ""), &request), "lookup");
    }
}
