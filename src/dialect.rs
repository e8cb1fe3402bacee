//! Which proxy asks, and how it must be answered: one closed contract a caller.
//!
//! A dialect reads its own set of headers and refuses the rest, because a header that its proxy does not set is a
//! header that the client may have set (`CALLERS.md` §0.6). It is chosen by the path that the proxy was configured to
//! ask, never guessed.

mod answer;
mod asked;
mod caddy;
mod envoy;
mod envoy_grpc;
mod forwarded;
mod get_session;
mod guard;
mod haproxy;
mod login;
mod names;
mod nginx;
mod original;
mod redirect;
mod return_hosts;
mod traefik;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, Response};
use http_body_util::Full;

pub use self::answer::not_found;
pub use self::envoy_grpc::{CheckResponse, EnvoyCheck, check_response};
pub use self::login::{LoginPage, LoginPageError};
pub use self::names::{HeaderNames, HeaderNamesError};
pub use self::redirect::leaves_a_loop;
pub use self::return_hosts::ReturnHosts;

use crate::auth::{Ambiguous, CheckRequest, Decision, Policy};

/// An answer to a proxy.
pub type Answer = Response<Full<Bytes>>;

/// What the settings say of all answers, whoever asks.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Which headers tell who somebody is.
    pub names: HeaderNames,
    /// Where people sign in.
    pub login: Option<LoginPage>,
}

/// A caller's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// nginx `auth_request`, and whatever sends `X-Original-URL` and `X-Original-Method` as it does.
    Nginx,
    /// Traefik forwardAuth.
    Traefik,
    /// Caddy `forward_auth`.
    Caddy,
    /// HAProxy, by a Lua action.
    Haproxy,
    /// Envoy `ext_authz` over HTTP.
    Envoy,
    /// Envoy `ext_authz` over gRPC. Its questions are messages, [`EnvoyCheck`], and so are the answers.
    EnvoyGrpc,
    /// An app that calls Better Auth's get-session, here instead.
    GetSession,
}

/// Why a question was not even considered: it is not of the caller's form, or may be forged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It comes from an address that is none of `trusted_proxies`.
    UntrustedPeer,
    /// The proxy did not say what the client asked for.
    MissingHeader(HeaderName),
    /// A header that decides, or that tells who somebody is, stands there twice.
    DuplicateHeader(HeaderName),
    /// A header that some servers take for one of those: `x_auth_user_id`, `x.auth.user.id`.
    TwinHeader(HeaderName),
    /// A header that decides holds nothing usable.
    MalformedHeader(HeaderName),
    /// A message lacks what has to be told.
    MissingAttribute(&'static str),
    /// What a message tells is nothing usable.
    MalformedAttribute(&'static str),
    /// The route asks for a policy that there is not.
    UnknownPolicy,
    /// There are routes, and what they go by is something that programs may read differently.
    Ambiguous(Ambiguous),
    /// A message longer than any that has to be read.
    TooLarge,
    /// Not a way in which this question is asked.
    Method,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Nginx,
        Self::Traefik,
        Self::Caddy,
        Self::Haproxy,
        Self::Envoy,
        Self::EnvoyGrpc,
        Self::GetSession,
    ];

    /// The dialect in which an HTTP request asks at `path`, if any, whether or not it is switched on.
    #[must_use]
    pub fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| match dialect {
            // What follows is the client's own path.
            Self::Envoy => path.strip_prefix(envoy::PREFIX).is_some_and(|rest| rest.starts_with('/')),
            Self::EnvoyGrpc => false,
            Self::Nginx | Self::Traefik | Self::Caddy | Self::Haproxy | Self::GetSession => {
                path == dialect.path()
            }
        })
    }

    /// Where its proxy asks; Envoy writes the client's path behind it.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Nginx => "/auth/nginx",
            Self::Traefik => "/auth/traefik",
            Self::Caddy => "/auth/caddy",
            Self::Haproxy => "/auth/haproxy",
            Self::Envoy => envoy::PREFIX,
            Self::EnvoyGrpc => envoy_grpc::PATH,
            Self::GetSession => "/api/auth/get-session",
        }
    }

    /// The stable code, in snake case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Traefik => "traefik",
            Self::Caddy => "caddy",
            Self::Haproxy => "haproxy",
            Self::Envoy => "envoy",
            Self::EnvoyGrpc => "envoy_grpc",
            Self::GetSession => "get_session",
        }
    }

    /// What the client asked for, as this dialect's proxy tells it by an HTTP request.
    ///
    /// # Errors
    /// If the proxy did not tell, or the client may have.
    pub fn decode<'a>(self, question: &'a Parts, terms: &Terms) -> Result<CheckRequest<'a>, Refusal> {
        match self {
            Self::Nginx => nginx::decode(question, &terms.names),
            Self::Traefik | Self::Caddy | Self::Haproxy => forwarded::decode(question, &terms.names),
            Self::Envoy => envoy::decode(question, &terms.names),
            Self::EnvoyGrpc => Err(Refusal::Method),
            Self::GetSession => get_session::decode(question),
        }
    }

    /// What the proxy asks for at that place, beside its question. Envoy's query is the client's own, so it has
    /// `context_extensions` instead, over gRPC.
    ///
    /// # Errors
    /// If there is no such policy.
    pub fn asked(self, question: &Parts) -> Result<Option<Policy>, Refusal> {
        match self {
            Self::Nginx | Self::Traefik | Self::Caddy | Self::Haproxy => asked::policy(question.uri.query()),
            Self::Envoy | Self::EnvoyGrpc | Self::GetSession => Ok(None),
        }
    }

    /// The answer to `request`, in the statuses and headers that this dialect's proxy understands.
    #[must_use]
    pub fn encode(self, request: &CheckRequest<'_>, decision: &Decision, terms: &Terms) -> Answer {
        match self {
            Self::Nginx => nginx::encode(request, decision, terms),
            Self::Traefik => traefik::encode(request, decision, terms),
            Self::Caddy => caddy::encode(request, decision, terms),
            Self::Haproxy => haproxy::encode(request, decision, terms),
            Self::Envoy => envoy::encode(request, decision, terms),
            // `check_response` makes a message of it.
            Self::EnvoyGrpc => envoy::decided(request, decision, terms),
            Self::GetSession => get_session::encode(decision),
        }
    }

    /// The answer to what was refused.
    #[must_use]
    pub fn refuse(self, refusal: &Refusal) -> Answer {
        match self {
            Self::Nginx => nginx::refuse(refusal),
            Self::Traefik | Self::Caddy | Self::Haproxy | Self::Envoy | Self::EnvoyGrpc => {
                answer::refuse(refusal)
            }
            Self::GetSession => get_session::refuse(refusal),
        }
    }
}

impl Refusal {
    /// The stable code, in snake case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UntrustedPeer => "untrusted_peer",
            Self::MissingHeader(_) => "missing_header",
            Self::DuplicateHeader(_) => "duplicate_header",
            Self::TwinHeader(_) => "twin_header",
            Self::MalformedHeader(_) => "malformed_header",
            Self::MissingAttribute(_) => "missing_attribute",
            Self::MalformedAttribute(_) => "malformed_attribute",
            Self::UnknownPolicy => "unknown_policy",
            Self::Ambiguous(what) => what.code(),
            Self::TooLarge => "too_large",
            Self::Method => "method",
        }
    }

    /// The header that it is about.
    #[must_use]
    pub const fn header(&self) -> Option<&HeaderName> {
        match self {
            Self::MissingHeader(name)
            | Self::DuplicateHeader(name)
            | Self::TwinHeader(name)
            | Self::MalformedHeader(name) => Some(name),
            Self::UntrustedPeer
            | Self::MissingAttribute(_)
            | Self::MalformedAttribute(_)
            | Self::UnknownPolicy
            | Self::Ambiguous(_)
            | Self::TooLarge
            | Self::Method => None,
        }
    }

    /// The attribute of a message that it is about.
    #[must_use]
    pub const fn attribute(&self) -> Option<&'static str> {
        match self {
            Self::MissingAttribute(name) | Self::MalformedAttribute(name) => Some(name),
            Self::UntrustedPeer
            | Self::MissingHeader(_)
            | Self::DuplicateHeader(_)
            | Self::TwinHeader(_)
            | Self::MalformedHeader(_)
            | Self::UnknownPolicy
            | Self::Ambiguous(_)
            | Self::TooLarge
            | Self::Method => None,
        }
    }
}
