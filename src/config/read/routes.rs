//! `[[route]]`: places and what they ask for, as tables of the file.

use http::Method;
use toml::{Table, Value};

use super::Reader;
use crate::auth::{Access, HostPattern, Methods, Pattern, Policy, Route, Routes};
use crate::config::NO_STORE;
use crate::config::error::ConfigError;

/// Keys that say where, besides those that are words of a policy.
const PLACE: [&str; 4] = ["host", "methods", "path", "access"];
/// Words that are switched on.
const SWITCHES: [&str; 4] = ["email_verified", "two_factor", "not_impersonated", "organization"];
/// Words that take names of roles.
const ROLES: [&str; 3] = ["any_role", "all_roles", "organization_role"];
/// Words that take a time.
const TIMES: [&str; 3] = ["max_session_age", "max_staleness", "stale_if_error"];
/// The registry of HTTP methods (IANA, RFC 9110 §16.1), as far as apps route by them, and what caches are told.
const KNOWN_METHODS: [&str; 39] = [
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PURGE",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "VERSION-CONTROL",
];
/// Where nothing is said of the path.
const ANYWHERE: &str = "/{*rest}";

impl Reader<'_> {
    pub(in super::super) fn routes(&mut self) -> Option<Routes> {
        let mut routes = Vec::new();
        let before = self.errors.len();
        for (index, table) in self.sources.routes().iter().enumerate() {
            match table_of(table) {
                Ok(expanded) => routes.extend(expanded),
                Err((why, hint)) => {
                    let origin =
                        self.sources.path().map(|path| path.display().to_string()).unwrap_or_default();
                    let place = table.get("path").and_then(Value::as_str).unwrap_or(ANYWHERE);
                    let what =
                        format!("[[route]] number {} in {origin} (path {place:?}) is no route", index + 1);
                    self.errors.push(ConfigError::new(what).because(why).hint(hint));
                }
            }
        }
        if self.errors.len() > before {
            return None;
        }
        self.warn_of_unknown_methods(&routes);
        match Routes::new(routes) {
            Ok(routes) => Some(routes),
            Err(conflicts) => {
                self.errors.extend(conflicts.into_iter().map(|conflict| {
                    ConfigError::new("two routes hold for the same requests").because(conflict).hint(
                        "leave one of them out, or give one a host, a method or more of a path: the order of routes means \
                         nothing",
                    )
                }));
                None
            }
        }
    }

    /// The store is asked where an answer is too old. Without one there is nobody to ask, and nobody would pass.
    pub(super) fn check_staleness(&mut self, routes: &Routes, store: &str) {
        let limited = routes.iter().find(|route| route.policy.max_staleness().is_some());
        if let Some(route) = limited.filter(|_| store == NO_STORE) {
            let what = format!("the route {route} has max_staleness, and store is none");
            self.errors.push(
                ConfigError::new(what)
                    .because("there is no store that could tell what is so now, so nobody would pass")
                    .hint("leave max_staleness out, or name the store that Better Auth uses"),
            );
        }
    }

    fn warn_of_unknown_methods(&mut self, routes: &[Route]) {
        for route in routes {
            let Methods::These(methods) = &route.methods else { continue };
            for method in methods.iter().filter(|method| !KNOWN_METHODS.contains(&method.as_str())) {
                self.warnings.push(format!(
                    "the route {route} is for {method}, which is no method of HTTP's registry: it may never be asked for"
                ));
            }
        }
    }
}

type Mistake = (String, String);

/// The routes of one table: one for each host and path.
fn table_of(table: &Table) -> Result<Vec<Route>, Mistake> {
    let known = || PLACE.into_iter().chain(SWITCHES).chain(ROLES).chain(TIMES);
    if let Some(key) = table.keys().find(|key| !known().any(|known| known == key.as_str())) {
        let hint = format!("the keys are {}", known().collect::<Vec<_>>().join(", "));
        return Err((format!("it has the key {key}"), hint));
    }
    let hosts = texts(table, "host")?.map_or(Ok(vec![None]), |hosts| {
        let parse =
            |host: String| HostPattern::without_port(&host).map(Some).map_err(|error| at("host", error));
        hosts.into_iter().map(parse).collect::<Result<Vec<_>, _>>()
    })?;
    let methods = texts(table, "methods")?.map_or(Ok(Methods::All), methods)?;
    let paths = texts(table, "path")?.unwrap_or_else(|| vec![ANYWHERE.to_owned()]);
    let policy = policy(table)?;
    let mut routes = Vec::new();
    for path in &paths {
        let path = Pattern::new(path).map_err(|error| {
            (
                format!("path {path:?}: {error}"),
                "write it as FastAPI does, such as /users/{id} or /admin/{rest:path}".into(),
            )
        })?;
        routes.extend(hosts.iter().map(|host| Route {
            host: host.clone(),
            methods: methods.clone(),
            path: path.clone(),
            policy: policy.clone(),
        }));
    }
    Ok(routes)
}

fn methods(names: Vec<String>) -> Result<Methods, Mistake> {
    let method = |name: String| {
        let is_spelt = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
        Method::from_bytes(name.as_bytes()).ok().filter(|_| is_spelt).ok_or_else(|| {
            (
                format!("methods has {name:?}"),
                "write methods as requests spell them, such as [\"POST\", \"DELETE\"]".into(),
            )
        })
    };
    names.into_iter().map(method).collect::<Result<_, _>>().map(Methods::These)
}

fn policy(table: &Table) -> Result<Policy, Mistake> {
    let access = match table.get("access") {
        None => Access::Session.code(),
        Some(Value::String(word)) if is_access(word) => word,
        Some(other) => {
            let found = other.as_str().unwrap_or(other.type_str());
            return Err((
                format!("access is {found:?}"),
                "write public, optional, session or deny".to_owned(),
            ));
        }
    };
    let mut policy = Policy::default().with(access, None).map_err(|error| at("access", error))?;
    let more = |policy: Policy, key: &str, value: Option<&str>| {
        policy.with(key, value).map_err(|error| at(key, error))
    };
    for key in SWITCHES {
        match table.get(key) {
            None | Some(Value::Boolean(false)) => {}
            Some(Value::Boolean(true)) => policy = more(policy, key, None)?,
            Some(other) => return Err(of_another_type(key, other, "true or false")),
        }
    }
    for key in ROLES {
        match table.get(key) {
            None => {}
            Some(Value::String(_) | Value::Array(_)) => {
                let names = texts(table, key)?.unwrap_or_default();
                if let Some(name) = names.iter().find(|name| name.contains('|')) {
                    let hint = "write a list of roles, each by itself".to_owned();
                    return Err((format!("{key} has {name:?}"), hint));
                }
                policy = more(policy, key, Some(&names.join("|")))?;
            }
            Some(other) => return Err(of_another_type(key, other, "a text, or a list of texts")),
        }
    }
    for key in TIMES {
        match table.get(key) {
            None => {}
            Some(Value::String(time)) => policy = more(policy, key, Some(time))?,
            Some(other) => return Err(of_another_type(key, other, "a time such as \"90s\"")),
        }
    }
    Ok(policy)
}

fn of_another_type(key: &str, value: &Value, wanted: &str) -> Mistake {
    (format!("{key} is of the type {}", value.type_str()), format!("give {key} {wanted}"))
}

fn is_access(word: &str) -> bool {
    [Access::Public, Access::Optional, Access::Session, Access::Deny]
        .iter()
        .any(|access| access.code() == word)
}

/// One text, or a list of them that is not empty.
fn texts(table: &Table, key: &str) -> Result<Option<Vec<String>>, Mistake> {
    let list = match table.get(key) {
        None => return Ok(None),
        Some(Value::String(text)) => Some(vec![text.clone()]),
        Some(Value::Array(list)) => list.iter().map(|value| value.as_str().map(str::to_owned)).collect(),
        Some(_) => None,
    };
    match list {
        Some(list) if !list.is_empty() => Ok(Some(list)),
        _ => Err((
            format!("{key} is neither a text nor a list of texts"),
            format!("give {key} a text, or several in brackets"),
        )),
    }
}

fn at(key: &str, error: impl std::fmt::Display) -> Mistake {
    (format!("{key}: {error}"), "README's section on routes has examples of each".to_owned())
}
