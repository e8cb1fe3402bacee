//! Envoy `ext_authz` over gRPC: `envoy.service.auth.v3.Authorization/Check`, and what is built on it.
//!
//! Envoy tells the client's method, path, host and scheme as attributes and all of the client's headers: as `header_map` with
//! `encode_raw_headers`, otherwise as `headers`, where it has joined those of one name by commas. `context_extensions` are the
//! operator's word for a route; the one named `policy` asks for more than a session.
//!
//! Whatever cannot be judged is a denial, never a failed call: a failed call is an error to Envoy, and `failure_mode_allow`
//! lets by what ends in an error. An outage is one, on purpose. It is written twice, as `error_response` and as
//! `denied_response`: the two are of one choice, of which a reader takes the last that it knows, so an Envoy before 1.37,
//! which knows no `error_response`, hands the same 503 on as a denial (`ext_authz_grpc_impl.cc`; Protocol Buffers, Encoding).

mod proto;

use bytes::Bytes;
use http::header::{AUTHORIZATION, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use prost::Message as _;

pub use self::proto::CheckResponse;
use self::proto::{
    AttributeContext, DeniedHttpResponse, HeaderAppendAction, HeaderValueOption, HttpRequest, HttpStatus,
    OkHttpResponse, Status, Struct, Value,
};
use super::original::{OriginalUrl, scheme};
use super::{HeaderNames, Refusal, answer, envoy, guard};
use crate::auth::{CheckRequest, Decision, Grant, IdentityField, Policy, Scheme};

pub(super) const PATH: &str = "/envoy.service.auth.v3.Authorization/Check";

/// The context extension that names a route's policy.
const POLICY: &[u8] = b"policy";

// google.rpc.Code, as far as Envoy is told anything by it: whether it is OK.
const OK: i32 = 0;
const PERMISSION_DENIED: i32 = 7;
const UNAVAILABLE: i32 = 14;
const UNAUTHENTICATED: i32 = 16;

/// What Envoy asks, read and free of doubt about what it means.
#[derive(Debug)]
pub struct EnvoyCheck {
    method: Method,
    scheme: Option<Scheme>,
    host: Bytes,
    target: Bytes,
    headers: HeaderMap,
    policy: Option<Policy>,
}

impl EnvoyCheck {
    /// Reads a `CheckRequest`.
    ///
    /// # Errors
    /// If Envoy did not tell what has to be known, or the client may have.
    pub fn decode(message: Bytes, names: &HeaderNames) -> Result<Self, Refusal> {
        let message = proto::CheckRequest::decode(message);
        let message = message.map_err(|_| Refusal::MalformedAttribute("attributes"))?;
        let attributes = message.attributes.unwrap_or_default();
        let policy = policy(&attributes)?;
        let http = attributes.request.and_then(|request| request.http);
        let mut http = http.ok_or(Refusal::MissingAttribute("request.http"))?;
        let headers = headers(&mut http)?;
        guard::check(&headers, &[&AUTHORIZATION], names)?;
        let [method, host, target] =
            [("method", http.method), ("host", http.host), ("path", http.path)].map(|(name, value)| {
                if value.is_empty() { Err(Refusal::MissingAttribute(name)) } else { Ok(value) }
            });
        let (method, host, target) = (method?, host?, target?);
        let method = Method::from_bytes(&method).map_err(|_| Refusal::MalformedAttribute("method"))?;
        let scheme = match &http.scheme[..] {
            b"" => None,
            told => Some(scheme(told).ok_or(Refusal::MalformedAttribute("scheme"))?),
        };
        let is_url = |target: &[u8]| OriginalUrl::of(Scheme::Http, &host, target).is_some();
        if !is_url(b"/") {
            return Err(Refusal::MalformedAttribute("host"));
        }
        if !is_url(&target) {
            return Err(Refusal::MalformedAttribute("path"));
        }
        Ok(Self { method, scheme, host, target, headers, policy })
    }

    /// What the client asked for.
    #[must_use]
    pub fn request(&self) -> CheckRequest<'_> {
        CheckRequest {
            method: self.method.clone(),
            scheme: self.scheme,
            host: &self.host,
            target: &self.target,
            headers: &self.headers,
        }
    }

    /// What the route asks for beyond what sidegate's own routes do.
    #[must_use]
    pub fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }
}

fn policy(attributes: &AttributeContext) -> Result<Option<Policy>, Refusal> {
    let mut named = attributes.context_extensions.iter().filter(|extension| extension.key == POLICY);
    let Some(policy) = named.next() else { return Ok(None) };
    let text = std::str::from_utf8(&policy.value).ok().filter(|_| named.next().is_none());
    text.and_then(|text| text.parse().ok()).map(Some).ok_or(Refusal::UnknownPolicy)
}

fn headers(http: &mut HttpRequest) -> Result<HeaderMap, Refusal> {
    let told = match http.header_map.take() {
        Some(raw) => raw.headers,
        None => std::mem::take(&mut http.headers),
    };
    let mut headers = HeaderMap::try_with_capacity(told.len()).map_err(|_| Refusal::TooLarge)?;
    // `:path` and the like are attributes of their own.
    for header in told.into_iter().filter(|header| !header.key.starts_with(b":")) {
        let name = HeaderName::from_bytes(&header.key).map_err(|_| Refusal::MalformedAttribute("headers"))?;
        let value = if header.raw_value.is_empty() { header.value } else { header.raw_value };
        let value = HeaderValue::from_maybe_shared(value);
        let value = value.map_err(|_| Refusal::MalformedHeader(name.clone()))?;
        headers.try_append(name, value).map_err(|_| Refusal::TooLarge)?;
    }
    Ok(headers)
}

/// The message that says what `answer` says. There is no decision where the question was refused.
#[must_use]
pub fn check_response(
    answer: &Response<Bytes>,
    decision: Option<&Decision>,
    names: &HeaderNames,
) -> CheckResponse {
    let status = answer.status();
    if let Some(Decision::Allow(grant)) = decision {
        return CheckResponse {
            status: Some(Status { code: OK, message: String::new() }),
            ok_response: Some(allowed(answer, names)),
            dynamic_metadata: Some(metadata(grant)),
            ..CheckResponse::default()
        };
    }
    let denied = DeniedHttpResponse {
        status: Some(HttpStatus { code: status.as_u16().into() }),
        headers: answer.headers().iter().map(|(name, value)| header(name, value)).collect(),
        body: answer.body().clone(),
    };
    let code = match status {
        StatusCode::SERVICE_UNAVAILABLE => UNAVAILABLE,
        StatusCode::UNAUTHORIZED | StatusCode::FOUND | StatusCode::SEE_OTHER => UNAUTHENTICATED,
        _ => PERMISSION_DENIED,
    };
    CheckResponse {
        status: Some(Status { code, message: String::new() }),
        error_response: (code == UNAVAILABLE).then(|| denied.clone()),
        denied_response: Some(denied),
        ..CheckResponse::default()
    }
}

/// Sets what is known and removes what is not. Envoy removes after it has set, so no name is in both.
fn allowed(answer: &Response<Bytes>, names: &HeaderNames) -> OkHttpResponse {
    let told = |name| answer.headers().get(name).map(|value| header(name, value));
    let mut headers_to_remove = Vec::with_capacity(40);
    envoy::each_to_remove(answer.headers(), names, |name| headers_to_remove.push(name.to_owned()));
    OkHttpResponse {
        headers: names.all().filter_map(told).collect(),
        headers_to_remove,
        response_headers_to_add: told(&SET_COOKIE).into_iter().collect(),
    }
}

fn header(name: &HeaderName, value: &HeaderValue) -> HeaderValueOption {
    // A cookie of ours stands beside the app's own. (An Envoy too old to know `append_action` overwrites.)
    let append_action = if name == SET_COOKIE {
        HeaderAppendAction::AppendIfExistsOrAdd
    } else {
        HeaderAppendAction::OverwriteIfExistsOrAdd
    };
    HeaderValueOption {
        header: Some(proto::HeaderValue {
            key: Bytes::copy_from_slice(name.as_str().as_bytes()),
            value: Bytes::copy_from_slice(value.as_bytes()),
            raw_value: Bytes::new(),
        }),
        append_action: append_action.into(),
    }
}

/// What Envoy's own log and rules may want to know, as `envoy.filters.http.ext_authz` in its dynamic metadata. Escaped, as
/// in the headers.
fn metadata(grant: &Grant) -> Struct {
    let ids = [("user_id", IdentityField::UserId), ("session_id", IdentityField::SessionId)];
    let ids = ids.into_iter().filter_map(|(key, field)| {
        let value = grant.identity().get(field)?.to_str().ok()?;
        Some((key, value))
    });
    let texts = ids.chain([("status", answer::status(grant))]);
    let fields = texts.map(|(key, text)| (key.to_owned(), Value { string_value: text.to_owned() }));
    Struct { fields: fields.collect() }
}
