//! Any cookie name in any Cookie lines: the credential is the value that Better Auth would take, spelt the same.
//! The first line of an input is the name.
#![no_main]

use http::{HeaderValue, header};
use libfuzzer_sys::fuzz_target;
use sidegate::auth::{CookieName, Credential};
use sidegate_fuzz::{cookie, cookies, decoded};

fuzz_target!(|input: &[u8]| {
    let mut lines = input.split(|byte| *byte == b'\n');
    let name = lines.next().and_then(|name| std::str::from_utf8(name).ok());
    let Some(name) = name.and_then(|name| CookieName::new(name).ok()) else { return };
    let headers = cookies(lines);

    let found = Credential::cookie(&headers, &name).map(|credential| credential.text().into_owned());

    let lines: Vec<_> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let theirs = cookie(&lines.join(&b"; "[..]), name.as_str()).map(|value| decoded(&value));
    assert_eq!(found, theirs);
    // For people to read: it must not fall over what the other does not.
    drop(Credential::cookie_names(&headers).collect::<Vec<_>>());
});
