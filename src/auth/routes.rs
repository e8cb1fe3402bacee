//! Routes: which policy is that of a request. The most specific one counts, whatever the order in which they are written.
//!
//! First the host (one by name, then the longest `*.` pattern, then any), then the path from left to right (what is
//! written out, then parameters, then what takes the rest), then the method (listed ones, then any). A route whose methods
//! do not hold is as if it were not there. Two that are equally specific are refused when they are loaded, so that no
//! request is judged by the order of lines.

mod tree;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt;

use http::Method;

use self::tree::Tree;
use super::ambiguous::Ambiguous;
use super::host::{self, HostPattern};
use super::path;
use super::pattern::Pattern;
use super::policy::{Policies, Policy};
use super::request::CheckRequest;

/// One place and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The host, without a port; `None`: any.
    pub host: Option<HostPattern>,
    /// The methods.
    pub methods: Methods,
    /// The path.
    pub path: Pattern,
    /// Who may come there.
    pub policy: Policy,
}

/// Some methods, or all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Methods {
    /// Whatever there is.
    All,
    /// These; HEAD and CONNECT go with GET.
    These(Vec<Method>),
}

/// All routes.
#[derive(Debug, Default)]
pub struct Routes {
    routes: Vec<Route>,
    /// By host, the most specific first.
    trees: Vec<(Option<HostPattern>, Tree)>,
}

/// Whether these methods are meant.
type Holds<'a> = &'a dyn Fn(&Methods) -> bool;

/// Two routes of which neither is more specific.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{one} and {other} are equally specific")]
pub struct RouteConflict {
    one: String,
    other: String,
}

/// The routes of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found<'a> {
    /// The request's own; `None` if no route names it.
    pub route: Option<&'a Route>,
    /// Others that some app takes instead: that of the same path with or without a slash at its end; and, of a method that
    /// goes with GET here, those that hold for it by itself.
    pub twins: [Option<&'a Route>; 3],
}

impl Methods {
    fn hold(&self, method: &Method) -> bool {
        self.name(method) || goes_with_get(method) && self.name(&Method::GET)
    }

    fn name(&self, method: &Method) -> bool {
        match self {
            Self::All => true,
            Self::These(methods) => methods.contains(method),
        }
    }

    /// Whether one of them is no more specific than the other, and some method is in both.
    fn conflict_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, Self::All) => true,
            (Self::All, Self::These(_)) | (Self::These(_), Self::All) => false,
            (Self::These(methods), Self::These(others)) => {
                methods.iter().any(|method| other.hold(method))
                    || others.iter().any(|method| self.hold(method))
            }
        }
    }
}

/// Whatever answers GET answers HEAD; and a WebSocket that is opened by CONNECT (RFC 8441, RFC 9220) is a GET to an app
/// behind a proxy that speaks HTTP/1.1 with it.
fn goes_with_get(method: &Method) -> bool {
    matches!(*method, Method::HEAD | Method::CONNECT)
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::These(methods) => {
                f.write_str(&methods.iter().map(Method::as_str).collect::<Vec<_>>().join(","))
            }
        }
    }
}

/// As one line: methods, host, path.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.methods)?;
        if let Some(host) = &self.host {
            write!(f, "{host}")?;
        }
        write!(f, "{}", self.path)
    }
}

impl Route {
    /// Whether it is the more specific one by its host, or by its path before either path ends.
    fn outranks(&self, other: &Self) -> bool {
        let hosts = host_rank(self.host.as_ref()).cmp(&host_rank(other.host.as_ref()));
        hosts.then_with(|| self.path.compare(&other.path)).is_lt()
    }
}

/// The less, the fewer hosts.
fn host_rank(host: Option<&HostPattern>) -> (bool, Reverse<usize>) {
    host.map_or((true, Reverse(0)), |host| (!host.is_one(), Reverse(host.length())))
}

impl Routes {
    /// All of these.
    ///
    /// # Errors
    /// Every pair of which neither is more specific.
    pub fn new(routes: Vec<Route>) -> Result<Self, Vec<RouteConflict>> {
        let mut trees: Vec<(Option<HostPattern>, Tree)> = Vec::new();
        for (index, route) in routes.iter().enumerate() {
            let at = trees.iter().position(|(host, _)| *host == route.host).unwrap_or(trees.len());
            if at == trees.len() {
                trees.push((route.host.clone(), Tree::default()));
            }
            if let Some((_, tree)) = trees.get_mut(at) {
                tree.insert(route, index);
            }
        }
        trees.sort_by_key(|(host, _)| host_rank(host.as_ref()));
        let mut pairs = Vec::new();
        for (_, tree) in &mut trees {
            tree.order(&routes, &mut pairs);
        }
        let told = |index: usize| routes.get(index).map(Route::to_string).unwrap_or_default();
        let conflict = |(one, other)| RouteConflict { one: told(one), other: told(other) };
        let conflicts: Vec<_> = pairs.into_iter().map(conflict).collect();
        if conflicts.is_empty() { Ok(Self { routes, trees }) } else { Err(conflicts) }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// In the order in which they are asked: what is above counts before what is below, where both hold.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.trees.iter().flat_map(|(_, tree)| tree.indices()).filter_map(|index| self.routes.get(index))
    }

    /// The routes of `request`.
    ///
    /// # Errors
    /// If there are routes, and two programs may read differently what they go by.
    pub fn find(&self, request: &CheckRequest<'_>) -> Result<Found<'_>, Ambiguous> {
        if self.routes.is_empty() {
            return Ok(Found::default());
        }
        let path = path::decoded(request.target).ok_or(Ambiguous::Path)?;
        if self.go_by_host() && !host::is_clear(request.host) {
            return Err(Ambiguous::Host);
        }
        if request.method.as_str().bytes().any(|byte| byte.is_ascii_lowercase()) && self.go_by_method() {
            return Err(Ambiguous::Method);
        }
        let (route, twin) = self.at(request.host, &path, &|methods| methods.hold(&request.method));
        // FastAPI, for one, has no HEAD where it has GET: it goes on to what names HEAD.
        let (itself, itself_twin) = if goes_with_get(&request.method) {
            self.at(request.host, &path, &|methods| methods.name(&request.method))
        } else {
            (None, None)
        };
        let is_new =
            |other: &&Route| [route, twin].into_iter().flatten().all(|known| !std::ptr::eq(known, *other));
        let twins = [twin, itself.filter(is_new), itself_twin.filter(is_new)];
        Ok(Found { route, twins })
    }

    fn go_by_host(&self) -> bool {
        // Those that have one stand before those that have none.
        self.trees.first().is_some_and(|(host, _)| host.is_some())
    }

    fn go_by_method(&self) -> bool {
        self.routes.iter().any(|route| route.methods != Methods::All)
    }

    /// The route of a path, and that of the same path with or without a slash at its end, if it is another.
    fn at(&self, host: &[u8], path: &str, holds: Holds<'_>) -> (Option<&Route>, Option<&Route>) {
        let of = |path: &str| {
            let hosts =
                self.trees.iter().filter(|(of, _)| of.as_ref().is_none_or(|pattern| pattern.serves(host)));
            let mut found = hosts.filter_map(|(_, tree)| tree.find(path, holds, &self.routes));
            found.next().and_then(|index| self.routes.get(index))
        };
        let route = of(path);
        let twin = if path == "/" { None } else { of(&other_end(path)) };
        // What is less specific says nothing of this path: `/public/` is of `/public/{*rest}`, whatever `/public` is of.
        let counts =
            |twin: &&Route| route.is_none_or(|route| !std::ptr::eq(route, *twin) && !route.outranks(twin));
        (route, twin.filter(counts))
    }
}

/// The path with a slash at its end if it has none, and without one if it has.
fn other_end(path: &str) -> Cow<'_, str> {
    match path.strip_suffix('/') {
        Some(bare) => Cow::Borrowed(bare),
        None => Cow::Owned(format!("{path}/")),
    }
}

impl<'a> Found<'a> {
    /// What they ask for, with what the proxy does.
    #[must_use]
    pub fn policies(self, asked: Option<&'a Policy>) -> Policies<'a> {
        Policies {
            route: self.route.map(|route| &route.policy),
            twins: self.twins.map(|twin| twin.map(|route| &route.policy)),
            asked,
        }
    }
}
