//! Any routes and any request: the route that is found is the first of the table that a second reader finds to hold, in
//! whatever order the routes were written, and a path that is let in has one reading. That reader knows no segments and no
//! tree: it follows a pattern through the whole path, as a regular expression would.
//!
//! Each line is a route, `GET,POST app.example.com/users/{id}` or `* /x`, and the last one a request.
#![no_main]

use std::sync::LazyLock;

use http::{HeaderMap, Method};
use libfuzzer_sys::fuzz_target;
use percent_encoding::percent_decode;
use sidegate::auth::{CheckRequest, HostPattern, Methods, Pattern, Policy, Route, Routes, Scheme};

static HEADERS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);

fuzz_target!(|input: &[u8]| {
    let (lines, request) = match memchr::memrchr(b'\n', input) {
        Some(at) => (&input[..at], &input[at + 1..]),
        None => return,
    };
    let Some(request) = asked(request) else { return };
    let written: Vec<_> = lines.split(|byte| *byte == b'\n').filter_map(route).collect();
    let mut reversed = written.clone();
    reversed.reverse();
    let (routes, other) = match (Routes::new(written), Routes::new(reversed)) {
        (Ok(routes), Ok(other)) => (routes, other),
        (Err(_), Err(_)) => return,
        _ => panic!("the order decides whether they conflict"),
    };

    let table: Vec<_> = routes.iter().map(ToString::to_string).collect();
    assert_eq!(other.iter().count(), table.len());
    let found = routes.find(&request);
    assert_eq!(found, other.find(&request));
    let Ok(found) = found else { return };
    if table.is_empty() {
        return;
    }
    let path = only_reading(request.target);
    assert_eq!(found.route, first(&routes, &request, &path));
    let other_end = path.strip_suffix('/').map_or_else(|| format!("{path}/"), str::to_owned);
    let [twin, itself, itself_twin] = found.twins;
    assert!(twin.is_none() || twin == first(&routes, &request, &other_end));
    assert!(goes_with_get(&request.method) || (itself, itself_twin) == (None, None));
    if let Some(itself) = itself {
        assert!(names(itself, &request.method) && matches(&itself.path.to_string(), &path));
    }
    if routes.iter().any(|route| route.methods != Methods::All) {
        assert_eq!(request.method.as_str(), request.method.as_str().to_ascii_uppercase());
    }
    if routes.iter().any(|route| route.host.is_some()) {
        // Whoever takes it for something else than these letters has to take more than a port and a last dot off it.
        let host = request.host.escape_ascii().to_string();
        assert!(!host.contains(|letter: char| !letter.is_ascii_alphanumeric() && !"-._:[]".contains(letter)));
        assert!(!host.starts_with(['.', ':']) && !host.contains("..") && !host.is_empty());
        assert_eq!(host.contains('['), host.matches(':').count() > 1);
    }
});

fn asked(line: &[u8]) -> Option<CheckRequest<'_>> {
    let (method, place) = parted(line)?;
    let (host, target) = place.split_at(memchr::memchr(b'/', place)?);
    let method = Method::from_bytes(method).ok()?;
    Some(CheckRequest { method, scheme: Some(Scheme::Https), host, target, headers: &HEADERS })
}

fn route(line: &[u8]) -> Option<Route> {
    let (methods, place) = parted(std::str::from_utf8(line).ok()?.as_bytes())?;
    let (host, path) = place.split_at(memchr::memchr(b'/', place)?);
    let methods = match methods {
        b"*" => Methods::All,
        list => {
            let listed: Result<_, _> = list.split(|byte| *byte == b',').map(Method::from_bytes).collect();
            Methods::These(listed.ok()?)
        }
    };
    let host = match std::str::from_utf8(host).ok()? {
        "" => None,
        host => Some(HostPattern::without_port(host).ok()?),
    };
    let path = Pattern::new(std::str::from_utf8(path).ok()?).ok()?;
    Some(Route { host, methods, path, policy: Policy::default() })
}

fn parted(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(b' ', line)?;
    Some((&line[..at], &line[at + 1..]))
}

/// The path, of which nobody makes another one: not by decoding again, nor by taking segments for something else.
fn only_reading(target: &[u8]) -> String {
    let raw = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    let once: Vec<u8> = percent_decode(raw).collect();
    let twice: Vec<u8> = percent_decode(&once).collect();
    assert_eq!(once, twice);
    let path = String::from_utf8(once).expect("UTF-8");
    assert_eq!(path.matches('/').count(), raw.iter().filter(|byte| **byte == b'/').count());
    assert!(path.starts_with('/') && !path.contains("//"));
    assert!(!path.contains(|letter: char| letter.is_ascii_control() || "\\;#".contains(letter)));
    assert!(!path.split('/').any(|segment| segment == "." || segment == ".."));
    path
}

fn first<'a>(routes: &'a Routes, request: &CheckRequest<'_>, path: &str) -> Option<&'a Route> {
    let names = |route: &Route| {
        names(route, &request.method) || goes_with_get(&request.method) && names(route, &Method::GET)
    };
    routes.iter().find(|route| {
        let serves = route.host.as_ref().is_none_or(|host| serves(host, request.host));
        serves && names(route) && matches(&route.path.to_string(), path)
    })
}

fn goes_with_get(method: &Method) -> bool {
    [Method::HEAD, Method::CONNECT].contains(method)
}

fn names(route: &Route, method: &Method) -> bool {
    match &route.methods {
        Methods::All => true,
        Methods::These(methods) => methods.contains(method),
    }
}

/// By the text of the setting: a name, all names below one.
fn serves(pattern: &HostPattern, host: &[u8]) -> bool {
    let pattern = pattern.to_string();
    let host = host.to_ascii_lowercase();
    let name = match memchr::memrchr(b':', &host) {
        Some(at) if !host[at..].contains(&b']') => &host[..at],
        _ => &host[..],
    };
    let name = name.strip_suffix(b".").unwrap_or(name);
    match pattern.strip_prefix('*') {
        Some(below) => name.strip_suffix(below.as_bytes()).is_some_and(|label| !label.is_empty()),
        None => name == pattern.as_bytes(),
    }
}

/// Whether a pattern, as it was written, is all of the path: every end that its beginning can have is followed.
fn matches(pattern: &str, path: &str) -> bool {
    let path = path.as_bytes();
    let mut ends = vec![0];
    let mut rest = pattern;
    while !rest.is_empty() {
        let mut next = Vec::new();
        if let Some(parameter) = rest.strip_prefix('{') {
            let (inside, after) = parameter.split_once('}').expect("it is closed");
            for end in ends {
                next.extend(lengths(inside, &path[end..]).into_iter().map(|length| end + length));
            }
            rest = after;
        } else {
            let literal = rest.split('{').next().unwrap_or_default();
            let follows = |end: &usize| path[*end..].starts_with(literal.as_bytes());
            next.extend(ends.into_iter().filter(follows).map(|end| end + literal.len()));
            rest = &rest[literal.len()..];
        }
        next.sort_unstable();
        next.dedup();
        ends = next;
    }
    ends.contains(&path.len())
}

/// All lengths that a parameter can have at the beginning of `text`.
fn lengths(parameter: &str, text: &[u8]) -> Vec<usize> {
    let run = |text: &[u8], is_of: fn(&u8) -> bool| text.iter().take_while(|byte| is_of(byte)).count();
    let kind = match parameter.strip_prefix('*') {
        Some(_) => "path",
        None => parameter.split_once(':').map_or("str", |(_, kind)| kind),
    };
    match kind {
        "path" => (0..=text.len()).collect(),
        "str" => (1..=run(text, |byte| *byte != b'/')).collect(),
        "int" => (1..=run(text, u8::is_ascii_digit)).collect(),
        "float" => {
            let whole = run(text, u8::is_ascii_digit);
            let fraction = match text.get(whole) {
                Some(b'.') if whole > 0 => run(&text[whole + 1..], u8::is_ascii_digit),
                _ => 0,
            };
            (1..=whole).chain((1..=fraction).map(|digits| whole + 1 + digits)).collect()
        }
        "uuid" => uuid(text).into_iter().collect(),
        other => panic!("{other}"),
    }
}

/// Thirty-two digits; a hyphen may stand before the 9th, the 13th, the 17th and the 21st.
fn uuid(text: &[u8]) -> Option<usize> {
    let mut digits = 0;
    let mut was_hyphen = false;
    for (at, byte) in text.iter().enumerate() {
        let may_be_hyphen = [8, 12, 16, 20].contains(&digits) && !was_hyphen;
        if byte.is_ascii_hexdigit() {
            digits += 1;
        } else if !(*byte == b'-' && may_be_hyphen) {
            return None;
        }
        was_hyphen = *byte == b'-';
        if digits == 32 {
            return Some(at + 1);
        }
    }
    None
}
