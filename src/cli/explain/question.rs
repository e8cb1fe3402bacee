//! What was pasted: a cookie's value, a Cookie header, or a whole HTTP request.

use http::header::COOKIE;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request};

use crate::config::ConfigError;
use crate::dialect::Dialect;

/// Something to explain.
pub(super) enum Question {
    /// As a proxy would ask the gate.
    OfProxy(Dialect, Parts),
    /// As a client would ask the app; a cookie by itself is one of these.
    OfClient(Parts),
}

impl Question {
    /// Takes `text` for what it looks like.
    pub(super) fn parse<'a>(
        text: &[u8],
        cookie_name: &str,
        cookies: impl Iterator<Item = &'a String>,
        headers: impl Iterator<Item = &'a String>,
    ) -> Result<Self, ConfigError> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(ConfigError::new("there is nothing to explain")
                .hint("give a cookie, or a request by standard input: sidegate explain < request.txt"));
        }
        let is_request = text.contains(&b'\n') || is_first_line(text);
        let mut parts = if is_request { request(text)? } else { cookie(text, cookie_name)? };
        for given in cookies {
            parts.headers.extend(cookie(given.as_bytes(), cookie_name)?.headers);
        }
        for given in headers {
            let (name, value) = header(given.as_bytes())?;
            parts.headers.append(name, value);
        }
        let dialect = Dialect::at(parts.uri.path()).filter(|dialect| *dialect != Dialect::GetSession);
        // A question to nginx's internal location, as its log has it.
        let from_nginx = || parts.headers.contains_key("x-original-url").then_some(Dialect::Nginx);
        Ok(match dialect.or_else(from_nginx) {
            Some(dialect) => Self::OfProxy(dialect, parts),
            None => Self::OfClient(parts),
        })
    }
}

/// `name=value; …`, or one value: which holds no `=` but those that end its signature.
fn cookie(text: &[u8], name: &str) -> Result<Parts, ConfigError> {
    let text =
        text.strip_prefix(b"Cookie:").or_else(|| text.strip_prefix(b"cookie:")).unwrap_or(text).trim_ascii();
    let end = text.iter().rposition(|&byte| byte != b'=').map_or(0, |last| last + 1);
    let is_value = !text.get(..end).unwrap_or_default().contains(&b'=');
    let line = if is_value { [name.as_bytes(), b"=", text].concat() } else { text.to_vec() };
    let mut parts = Request::new(()).into_parts().0;
    parts.headers.insert(COOKIE, value(&line)?);
    Ok(parts)
}

/// Whether it is what a request begins with: `POST https://app.example.com/x`, with or without a version.
fn is_first_line(text: &[u8]) -> bool {
    let mut words = text.split(|&byte| byte == b' ');
    let is_method = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_uppercase);
    let is_place =
        |word: &[u8]| [&b"/"[..], b"http://", b"https://"].iter().any(|start| word.starts_with(start));
    words.next().is_some_and(is_method) && words.next().is_some_and(is_place)
}

/// A request line and headers, as `curl -v` prints them or a log keeps them.
fn request(text: &[u8]) -> Result<Parts, ConfigError> {
    let mut lines =
        text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).take_while(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let mut words = first.split(|&byte| byte == b' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Err(malformed("first line has no method and target"));
    };
    let (mut parts, ()) = Request::builder()
        .method(method)
        .uri(target)
        .body(())
        .map_err(|error| malformed("first line is not one").because(error))?
        .into_parts();
    for line in lines {
        let (name, value) = header(line)?;
        parts.headers.append(name, value);
    }
    Ok(parts)
}

/// One line of a request's head.
fn header(line: &[u8]) -> Result<(HeaderName, HeaderValue), ConfigError> {
    let at = line.iter().position(|&byte| byte == b':');
    let at = at.ok_or_else(|| malformed("headers have a line without a colon"))?;
    let (name, rest) = line.split_at_checked(at).unwrap_or_default();
    let name =
        HeaderName::from_bytes(name).map_err(|error| malformed("headers have a bad name").because(error))?;
    Ok((name, value(rest.get(1..).unwrap_or_default().trim_ascii())?))
}

fn malformed(what: &str) -> ConfigError {
    ConfigError::new(format!("the request's {what}"))
        .hint("give the request line first, such as GET /path HTTP/1.1, then one header a line")
}

fn value(bytes: &[u8]) -> Result<HeaderValue, ConfigError> {
    // The value may be a credential: the error does not quote it.
    HeaderValue::from_bytes(bytes)
        .map_err(|error| ConfigError::new("a header's value cannot be sent").because(error))
}
