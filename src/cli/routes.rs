//! `sidegate routes`: the table of routes, or the route of each request.

use std::fmt::Write as _;
use std::io::{BufRead as _, Read as _};
use std::process::ExitCode;

use http::{HeaderMap, Method};

use super::explain::{NOWHERE, asked_for};
use super::{Failure, Outcome, say};
use crate::auth::{CheckRequest, Policies, Routes, Scheme};
use crate::config::{Config, ConfigError, Sources};

/// Lines of standard input: a log's worth.
const INPUT_BYTES_MAX: u64 = 64 << 20;

/// `POST https://app.example.com/admin/x`: what is asked for, by whomever.
struct Asked {
    method: Method,
    scheme: Option<Scheme>,
    host: String,
    target: String,
}

pub(super) fn run<'a>(sources: &Sources, requests: impl Iterator<Item = &'a String>) -> Outcome {
    let routes = Config::routes(sources)?;
    let requests: Vec<_> = requests.map(String::as_str).collect();
    match requests[..] {
        [] => say(&table(&routes)),
        ["-"] => {
            for line in std::io::stdin().lock().take(INPUT_BYTES_MAX).lines() {
                let line = line.map_err(|error| {
                    Failure::failed(&ConfigError::new("cannot read standard input").because(error))
                })?;
                say(&found(&routes, &line)?);
            }
        }
        _ => {
            for request in requests {
                say(&found(&routes, request)?);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// In the order in which they are asked.
fn table(routes: &Routes) -> String {
    let lines: Vec<_> = routes
        .iter()
        .map(|route| {
            let policies = Policies { route: Some(&route.policy), ..Policies::default() };
            (route.to_string(), asked_for(&policies))
        })
        .collect();
    let rest = if lines.is_empty() { "everywhere, for there are no routes" } else { "what no route names" };
    let names = lines.iter().map(|(route, _)| route.as_str()).chain([rest]);
    let width = names.map(|name| name.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (route, policy) in lines {
        let _ = writeln!(text, "{route:<width$}  {policy}");
    }
    let _ = writeln!(text, "{rest:<width$}  {}", asked_for(&Policies::default()));
    text
}

/// One line: the request, its route, what is asked for there.
fn found(routes: &Routes, text: &str) -> Result<String, Failure> {
    let (asked, headers) = (Asked::parse(text).map_err(|error| Failure::failed(&error))?, HeaderMap::new());
    let request = asked.request(&headers);
    Ok(match routes.find(&request) {
        Err(what) => format!("{text}\t{}\trefused\n", what.code()),
        Ok(found) => {
            let route = found.route.map_or("-".to_owned(), ToString::to_string);
            format!("{text}\t{route}\t{}\n", asked_for(&found.policies(None)))
        }
    })
}

impl Asked {
    /// Reads a method and a URL, or a path.
    fn parse(text: &str) -> Result<Self, ConfigError> {
        let wrong = || {
            ConfigError::new(format!("{text:?} is no request"))
                .hint("write a method and a URL, such as 'POST https://app.example.com/admin/x', or a method and a path")
        };
        let (method, place) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| wrong())?;
        let (scheme, rest) = match place.split_once("://") {
            Some(("http", rest)) => (Some(Scheme::Http), rest),
            Some(("https", rest)) => (Some(Scheme::Https), rest),
            _ => (None, place),
        };
        let (host, target) =
            rest.split_at_checked(rest.find(['/', '?', '#']).unwrap_or(rest.len())).unwrap_or_default();
        let is_whole = host.is_empty() == scheme.is_none() && !target.starts_with(['?', '#']);
        let target = if target.is_empty() { "/" } else { target };
        if !is_whole || target.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(wrong());
        }
        Ok(Self { method, scheme, host: host.to_owned(), target: target.to_owned() })
    }

    /// As the gate is asked, with these headers.
    fn request<'a>(&'a self, headers: &'a HeaderMap) -> CheckRequest<'a> {
        CheckRequest {
            method: self.method.clone(),
            scheme: self.scheme,
            host: if self.host.is_empty() { NOWHERE } else { self.host.as_bytes() },
            target: self.target.as_bytes(),
            headers,
        }
    }
}
