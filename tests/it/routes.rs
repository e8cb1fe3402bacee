//! Routes: the most specific one counts, two equally specific ones are refused, and no second reading of a path walks
//! around them. That patterns match what FastAPI routes is checked against FastAPI itself in `tests/e2e/test_routes.py`.

use http::{HeaderMap, Method};
use sidegate::auth::{
    Ambiguous, CheckRequest, HostPattern, Methods, Pattern, PatternError, Policy, Route, Routes, Scheme,
};

/// A route as a line: methods, host if any, path.
fn route(line: &str) -> Route {
    let (methods, place) = line.split_once(' ').unwrap();
    let (host, path) = place.split_at(place.find('/').unwrap());
    let methods = match methods {
        "*" => Methods::All,
        list => Methods::These(list.split(',').map(|name| name.parse().unwrap()).collect()),
    };
    let host = (!host.is_empty()).then(|| HostPattern::without_port(host).unwrap());
    Route { host, methods, path: Pattern::new(path).unwrap(), policy: Policy::default() }
}

fn routes(lines: &[&str]) -> Routes {
    Routes::new(lines.iter().map(|line| route(line)).collect()).unwrap()
}

/// The route of a request and its twins, as lines; `None` if it is refused.
fn found(routes: &Routes, request: &str) -> Option<(String, String)> {
    let (method, place) = request.split_once(' ').unwrap();
    let (host, target) = place.split_at(place.find('/').unwrap());
    let host = if host.is_empty() { "app.example.com" } else { host };
    found_at(routes, method, host.as_bytes(), target).ok()
}

fn found_at(routes: &Routes, method: &str, host: &[u8], target: &str) -> Result<(String, String), Ambiguous> {
    let headers = HeaderMap::new();
    let request = CheckRequest {
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        scheme: Some(Scheme::Https),
        host,
        target: target.as_bytes(),
        headers: &headers,
    };
    let found = routes.find(&request)?;
    let told = |route: Option<&Route>| route.map_or("-".to_owned(), ToString::to_string);
    let twins: Vec<_> = found.twins.into_iter().flatten().map(|twin| told(Some(twin))).collect();
    Ok((told(found.route), if twins.is_empty() { "-".to_owned() } else { twins.join(" and ") }))
}

fn first(routes: &Routes, request: &str) -> String {
    found(routes, request).unwrap_or_else(|| panic!("{request} is refused")).0
}

#[test]
fn the_most_specific_path_counts_whatever_the_order() {
    let mut lines = [
        "* /{*rest}",
        "* /users/{id}",
        "* /users/me",
        "* /users/{id:int}",
        "* /users/{id:uuid}",
        "* /users/{name}.json",
        "* /users/v{x}.json",
        "* /users/{id}/posts/{post}",
        "* /users/me/posts/latest",
        "* /files/{path:path}",
        "* /files/public/{path:path}",
    ];
    for _ in 0..lines.len() {
        lines.rotate_left(1);
        let routes = routes(&lines);
        for (path, expected) in [
            ("/", "* /{*rest}"),
            ("/other", "* /{*rest}"),
            ("/users/me", "* /users/me"),
            ("/users/12", "* /users/{id:int}"),
            ("/users/1x", "* /users/{id}"),
            ("/users/9f1cd9e2-3c4b-4a5d-8e6f-7a8b9c0d1e2f", "* /users/{id:uuid}"),
            ("/users/ada.json", "* /users/{name}.json"),
            ("/users/v2.json", "* /users/v{x}.json"),
            ("/users/me/posts/latest", "* /users/me/posts/latest"),
            ("/users/me/posts/1", "* /users/{id}/posts/{post}"),
            ("/users/me/likes", "* /{*rest}"),
            ("/files/", "* /files/{path:path}"),
            ("/files", "* /{*rest}"),
            ("/files/a/b", "* /files/{path:path}"),
            ("/files/public/a", "* /files/public/{path:path}"),
        ] {
            assert_eq!(first(&routes, &format!("GET {path}?q=/users/me")), expected, "{path}");
        }
    }
}

#[test]
fn a_prefix_stops_at_a_segment() {
    let routes = routes(&["* /admin/{*rest}"]);

    assert_eq!(first(&routes, "GET /admin/users"), "* /admin/{*rest}");
    assert_eq!(first(&routes, "GET /administrator"), "-");
}

#[test]
fn a_route_whose_methods_do_not_hold_is_as_if_it_were_not_there() {
    let routes = routes(&["GET,POST /a/b", "* /a/{x}", "DELETE /a/{x}", "PUT /{*rest}"]);

    assert_eq!(first(&routes, "POST /a/b"), "GET,POST /a/b");
    assert_eq!(first(&routes, "HEAD /a/b"), "GET,POST /a/b");
    assert_eq!(first(&routes, "DELETE /a/b"), "DELETE /a/{x}");
    assert_eq!(first(&routes, "PATCH /a/b"), "* /a/{x}");
    assert_eq!(first(&routes, "PUT /c"), "PUT /{*rest}");
    assert_eq!(first(&routes, "GET /c"), "-");
}

/// hypercorn and Django make POST of `post`; other servers leave it, and nginx refuses it.
#[test]
fn a_method_in_lower_case_is_refused_where_routes_go_by_methods() {
    let (by_method, by_path) = (routes(&["POST /a"]), routes(&["* /a"]));
    for method in ["post", "Post", "POSt", "get", "x"] {
        assert_eq!(
            found_at(&by_method, method, b"app.example.com", "/b"),
            Err(Ambiguous::Method),
            "{method}"
        );
        assert!(found_at(&by_path, method, b"app.example.com", "/a").is_ok(), "{method}");
    }
    for method in ["POST", "M-SEARCH", "X1"] {
        assert!(found_at(&by_method, method, b"app.example.com", "/a").is_ok(), "{method}");
    }
}

/// RFC 8441 and RFC 9220: a WebSocket over HTTP/2 or HTTP/3 is a CONNECT with a path, of which Caddy makes a GET.
#[test]
fn a_websocket_that_is_opened_by_connect_has_to_be_let_by_as_a_get_and_as_itself() {
    let routes = routes(&["GET /a", "* /{x}", "CONNECT /b/{x}", "GET /b/c"]);
    let found = |request| found(&routes, request).unwrap();
    let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());

    assert_eq!(found("CONNECT /a"), pair("GET /a", "* /{x}"));
    assert_eq!(found("CONNECT /b/c"), pair("GET /b/c", "CONNECT /b/{x}"));
    assert_eq!(found("CONNECT /c"), pair("* /{x}", "-"));
}

/// Flask, Django and Starlette's own routes answer HEAD by what answers GET; FastAPI goes on to what names HEAD, as
/// `tests/e2e/test_route_patterns.py` found.
#[test]
fn a_head_has_to_be_let_by_as_a_get_and_as_itself() {
    let routes =
        routes(&["GET /a", "* /{x}", "GET,HEAD /b", "GET /c/d", "* /c/d/", "HEAD /c/{x}", "GET /e/", "* /e"]);
    let found = |request| found(&routes, request).unwrap();
    let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());

    assert_eq!(found("HEAD /a"), pair("GET /a", "* /{x}"));
    assert_eq!(found("GET /a"), pair("GET /a", "-"));
    assert_eq!(found("HEAD /b"), pair("GET,HEAD /b", "-"));
    assert_eq!(found("HEAD /c/d"), pair("GET /c/d", "* /c/d/ and HEAD /c/{x}"));
    assert_eq!(found("HEAD /e"), pair("* /e", "GET /e/"));
    assert_eq!(found("HEAD /e/"), pair("GET /e/", "* /e"));
    assert_eq!(found("HEAD /f/g"), pair("-", "-"));
}

#[test]
fn a_host_by_name_counts_before_a_pattern_and_a_pattern_before_any() {
    let routes = routes(&[
        "* app.example.com/x",
        "* full.example.org./x",
        "* *.example.com/x",
        "* *.eu.example.com/x",
        "* /x",
        "* /y",
    ]);
    for (host, expected) in [
        ("app.example.com", "* app.example.com/x"),
        ("APP.Example.COM", "* app.example.com/x"),
        ("app.example.com.", "* app.example.com/x"),
        ("app.example.com:443", "* app.example.com/x"),
        ("app.example.com:", "* app.example.com/x"),
        ("app.example.com.:8443", "* app.example.com/x"),
        ("full.example.org", "* full.example.org/x"),
        ("full.example.org.:443", "* full.example.org/x"),
        ("api.example.com", "* *.example.com/x"),
        ("a.b.example.com:1", "* *.example.com/x"),
        ("a.eu.example.com", "* *.eu.example.com/x"),
        ("example.com", "* /x"),
        ("app.example.com.evil.test", "* /x"),
        ("[::1]:8443", "* /x"),
    ] {
        assert_eq!(first(&routes, &format!("GET {host}/x")), expected, "{host}");
    }
    assert_eq!(first(&routes, "GET app.example.com/y"), "* /y");
}

/// Each of these is taken by nginx 1.22, Caddy 2.10 or Traefik 3.7: some for a server's name that no pattern serves, some,
/// by Go's `net.SplitHostPort`, for the name within.
const UNCLEAR_HOSTS: [&[u8]; 22] = [
    b"",
    b".",
    b":443",
    b"x!.int.example.com",
    b"x~.int.example.com",
    b"x$.int.example.com",
    b"x&'()*+=.int.example.com",
    b".int.example.com",
    b"a..int.example.com",
    b"app.example.com..",
    b"app%2eexample.com",
    b"[app.example.com]",
    b"[app.example.com]:443",
    b"[]:443",
    b"[::1",
    b"::1",
    b"[::1]x",
    b"[fe80::1%25eth0]",
    b"app.example.com:x",
    b"app.example.com:443:443",
    b"app.example.com,other.example.com",
    b"caf\xc3\xa9.example.com",
];

#[test]
fn a_host_with_two_readings_is_refused_where_routes_have_hosts() {
    let by_host = routes(&["* app.example.com/x", "* *.int.example.com/x", "* /y"]);
    let by_path = routes(&["* /x"]);
    for host in UNCLEAR_HOSTS {
        let text = host.escape_ascii();
        for path in ["/x", "/y", "/z"] {
            assert_eq!(found_at(&by_host, "GET", host, path), Err(Ambiguous::Host), "{text}{path}");
        }
        assert!(found_at(&by_path, "GET", host, "/x").is_ok(), "{text}");
    }
    for host in
        ["[::1]", "[2001:DB8::1]:443", "127.0.0.1", "my_app", "localhost:3000", "xn--caf-dma.example."]
    {
        assert_eq!(found_at(&by_host, "GET", host.as_bytes(), "/y").unwrap().0, "* /y", "{host}");
    }
}

/// As globs, Express, Flask and regular expressions write them.
#[test]
fn what_stands_for_more_in_other_languages_of_paths_is_refused() {
    for text in [
        "/admin/*",
        "/admin/**",
        "/*",
        "/a*/b",
        "/admin/.*",
        "/users/:id",
        "/users/<id>",
        "/users/<int:id>",
        "/(admin|users)/x",
        "/users/[0-9]+",
        "/^admin",
    ] {
        assert!(matches!(Pattern::new(text), Err(PatternError::Wildcard(_))), "{text}");
    }
    for text in [
        "/v1/jobs:cancel",
        "/{one}:{other}",
        "/@{name}",
        "/$metadata",
        "/items({id})",
        "/a+b",
        "/~{name}",
        "/x,y",
        "/it's!",
    ] {
        assert!(Pattern::new(text).is_ok(), "{text}");
    }
}

/// Many servers take `/admin/` for `/admin`: both have to let the request by.
#[test]
fn the_same_path_with_or_without_a_slash_at_its_end_may_only_tighten() {
    let routes = routes(&["* /{*rest}", "* /admin", "* /docs/{*rest}", "* /users/{id}", "GET /x/"]);
    let found = |request| found(&routes, request).unwrap();
    let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());

    assert_eq!(found("GET /admin"), pair("* /admin", "-"));
    assert_eq!(found("GET /admin/"), pair("* /{*rest}", "* /admin"));
    assert_eq!(found("GET /docs/"), pair("* /docs/{*rest}", "-"));
    assert_eq!(found("GET /docs"), pair("* /{*rest}", "* /docs/{*rest}"));
    assert_eq!(found("GET /users/7/"), pair("* /{*rest}", "* /users/{id}"));
    assert_eq!(found("GET /x"), pair("* /{*rest}", "GET /x/"));
    assert_eq!(found("POST /x"), pair("* /{*rest}", "-"));
    assert_eq!(found("GET /"), pair("* /{*rest}", "-"));
}

#[test]
fn a_path_is_compared_decoded_once() {
    let routes = routes(&["* /admin/{x}", "* /größe", "* /100%"]);

    for path in ["/admin/x", "/%61dmin/x", "/a%64mi%6e/%78", "/admin/a%20b", "/admin/%E2%82%AC"] {
        assert_eq!(first(&routes, &format!("GET {path}")), "* /admin/{x}", "{path}");
    }
    assert_eq!(first(&routes, "GET /gr%C3%B6%C3%9Fe"), "* /größe");
    assert_eq!(first(&routes, "GET /100%25"), "* /100%");
}

#[test]
fn a_path_with_two_readings_is_refused_where_there_are_routes() {
    let routes = routes(&["* /public/{*rest}"]);
    for path in [
        "/public/..%2fadmin",
        "/public/%2e%2e/admin",
        "/public/../admin",
        "/public/.",
        "/./admin",
        "//admin",
        "/public//admin",
        "/admin%00",
        "/admin%0a",
        "/admin%7f",
        "/admin;x=1",
        "/admin%3bx",
        "/public\\..\\admin",
        "/public%5cadmin",
        "/%zz",
        "/%",
        "/%4",
        "/%c0%af",
        "/%ff",
        "/admin%2523",
        "/%252e%252e/x",
        "/a#b",
        "/a%23b",
        "/public/%2E./x",
        "/..",
        "/a%2Fb",
    ] {
        assert_eq!(found(&routes, &format!("GET {path}")), None, "{path}");
        assert!(found(&Routes::default(), &format!("GET {path}")).is_some(), "{path}");
    }
    // What stands behind the question mark is not the path.
    assert_eq!(first(&routes, "GET /public/x?next=/../..//%00"), "* /public/{*rest}");
}

#[test]
fn two_routes_for_the_same_requests_are_refused() {
    for (one, other) in [
        ("* /users/{id}", "* /users/{name}"),
        ("GET /x", "GET,POST /x"),
        ("GET /x", "HEAD /x"),
        ("* /{*rest}", "* /{all:path}"),
        ("* app.example.com/x", "* APP.example.com/x"),
        ("* /{a}x", "* /y{b}"),
        ("* /{a:int}", "* /{b:int}"),
        ("GET /{a}x/y", "POST /y{b}/z"),
    ] {
        let conflicts = Routes::new(vec![route(one), route(other)]).unwrap_err();
        let told = conflicts.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(told.contains(&route(one).to_string()) && told.contains(&route(other).to_string()), "{told}");
    }
}

#[test]
fn routes_that_never_meet_or_of_which_one_is_more_specific_go_together() {
    for (one, other) in [
        ("GET /x", "POST /x"),
        ("* /x", "GET /x"),
        ("* /v{a}", "* /w{b}"),
        ("* /{a}.js", "* /{b}.py"),
        ("* /{a}.json", "* /{b}"),
        ("* /{a:int}", "* /{b}"),
        ("* /x", "* /x/"),
        ("* a.example.com/x", "* b.example.com/x"),
        ("* /x/{*rest}", "* /x"),
    ] {
        assert!(Routes::new(vec![route(one), route(other)]).is_ok(), "{one} and {other}");
    }
}

#[test]
fn what_is_no_path_is_refused_with_what_is_wrong() {
    use PatternError::{Adjacent, BehindRest, Braces, Kind, NeverAsked, Relative, Twice};
    for (path, error) in [
        ("", Relative),
        ("users", Relative),
        ("/{}", Braces),
        ("/{1a}", Braces),
        ("/{a b}", Braces),
        ("/{a", Braces),
        ("/a}", Braces),
        ("/{{a}}", Braces),
        ("/{a:number}", Kind("number".to_owned())),
        ("/{a}{b}", Adjacent),
        ("/{a}/{a}", Twice("a".to_owned())),
        ("/{*rest}/x", BehindRest),
        ("/{rest:path}.txt", BehindRest),
        ("/a//b", NeverAsked),
        ("/a/../b", NeverAsked),
        ("/a;b", NeverAsked),
        ("/a%20b", NeverAsked),
        ("/a?b", NeverAsked),
        ("/a\\b", NeverAsked),
        ("/a#b", NeverAsked),
    ] {
        assert_eq!(Pattern::new(path), Err(error), "{path}");
    }
}

/// A long segment against many parameters must not take more than its length times their number.
#[test]
fn a_pattern_of_many_parameters_is_matched_without_going_back() {
    let routes = routes(&["* /{a}-{b}-{c}-{d}-{e}-{f}-{g}-{h}.x"]);
    let path = "-".repeat(20_000);

    assert_eq!(first(&routes, &format!("GET /{path}")), "-");
    assert_eq!(first(&routes, &format!("GET /{path}.x")), "* /{a}-{b}-{c}-{d}-{e}-{f}-{g}-{h}.x");
}

#[test]
fn there_is_nothing_to_be_found_where_there_are_no_routes() {
    assert_eq!(found(&Routes::default(), "GET /x"), Some(("-".to_owned(), "-".to_owned())));
}
