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
    pub(super) fn parse(text: &[u8], cookie_name: &str) -> Result<Self, ConfigError> {
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err(ConfigError::new("there is nothing to explain")
                .hint("give a cookie, or a request by standard input: sidegate explain < request.txt"));
        }
        let parts = if text.contains(&b'\n') { request(text)? } else { cookie(text, cookie_name)? };
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

/// A request line and headers, as `curl -v` prints them or a log keeps them.
fn request(text: &[u8]) -> Result<Parts, ConfigError> {
    let mut lines =
        text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).take_while(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let malformed = |what: &str| {
        ConfigError::new(format!("the request's {what}"))
            .hint("give the request line first, such as GET /path HTTP/1.1, then one header a line")
    };
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
        let at = line
            .iter()
            .position(|&byte| byte == b':')
            .ok_or_else(|| malformed("headers have a line without a colon"))?;
        let (name, rest) = line.split_at_checked(at).unwrap_or_default();
        let name = HeaderName::from_bytes(name)
            .map_err(|error| malformed("headers have a bad name").because(error))?;
        parts.headers.append(name, value(rest.get(1..).unwrap_or_default().trim_ascii())?);
    }
    Ok(parts)
}

fn value(bytes: &[u8]) -> Result<HeaderValue, ConfigError> {
    // The value may be a credential: the error does not quote it.
    HeaderValue::from_bytes(bytes)
        .map_err(|error| ConfigError::new("a header's value cannot be sent").because(error))
}
