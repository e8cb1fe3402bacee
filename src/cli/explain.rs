//! `sidegate explain`: the steps of one decision, each with its result, none with the token.
//!
//! It calls what the gate calls, one step at a time, so that it cannot tell another story.

mod place;
mod question;
mod token;

use std::fmt::Write as _;
use std::io::Read as _;
use std::process::ExitCode;
use std::sync::Arc;

use http::HeaderName;
use http::header::LOCATION;
use http::request::Parts;

pub(super) use self::place::asked_for;

use self::question::Question;
use super::{Failure, Outcome, block_on, say};
use crate::auth::{
    ApiKey, CheckRequest, Credential, Decision, KeyVerdict, Policy, Rules, Scheme, Session, Step,
    VerifiedToken,
};
use crate::clock::{self, UnixMillis};
use crate::config::{Config, ConfigError};
use crate::cookie_cache::Silence;
use crate::dialect::{Dialect, Refusal};
use crate::gate::outweighs;
use crate::serve::Mode;
use crate::store::{AnyStore, SessionStore as _};

/// A request's head is never longer than this.
const INPUT_BYTES_MAX: u64 = 1 << 20;

pub(super) fn run<'a>(
    config: &Config,
    argument: Option<&'a String>,
    cookies: impl Iterator<Item = &'a String>,
    headers: impl Iterator<Item = &'a String>,
) -> Outcome {
    let text = match argument.map(String::as_str) {
        Some("-") | None => read_input()?,
        Some(text) => text.as_bytes().to_vec(),
    };
    let question = Question::parse(&text, config.cookie_name.as_str(), cookies, headers)
        .map_err(|error| Failure::failed(&error))?;
    block_on(1, async {
        let store = config.open_store()?;
        let mut steps = Steps::default();
        tell(&mut steps, config, &store, &question).await;
        say(&steps.0);
        Ok(ExitCode::SUCCESS)
    })
}

fn read_input() -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    std::io::stdin()
        .lock()
        .take(INPUT_BYTES_MAX)
        .read_to_end(&mut text)
        .map_err(|error| Failure::failed(&ConfigError::new("cannot read standard input").because(error)))?;
    Ok(text)
}

/// The host of a request of which none is told: one that nobody has (RFC 6761 §6.4).
pub(super) const NOWHERE: &[u8] = b"host.invalid";

/// Lines of step, result and explanation.
#[derive(Default)]
struct Steps(String);

impl Steps {
    fn step(&mut self, step: &str, result: &str, why: impl std::fmt::Display) {
        let _ = writeln!(self.0, "{step:<10} {result:<5} {why}");
    }
}

async fn tell(steps: &mut Steps, config: &Config, store: &AnyStore, question: &Question) {
    match question {
        Question::OfProxy(dialect, parts) => match dialect.decode(parts, &config.terms) {
            Ok(request) => {
                let (who, what) = (dialect.code(), path(request.target));
                steps.step("question", "ok", format!("{who} asks about {} {what}", request.method));
                match dialect.asked(parts) {
                    Ok(asked) => {
                        let place = (*dialect, asked.as_ref());
                        tell_request(steps, config, store, place, &request, parts).await;
                    }
                    Err(refusal) => tell_refused(steps, *dialect, &refusal),
                }
            }
            Err(refusal) => tell_refused(steps, *dialect, &refusal),
        },
        Question::OfClient(parts) => {
            let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
            let host = parts.headers.get(http::header::HOST).map(http::HeaderValue::as_bytes);
            let host = authority.or(host).unwrap_or(NOWHERE);
            let target = parts.uri.path_and_query().map_or("/", |target| target.as_str()).as_bytes();
            let request = CheckRequest {
                method: parts.method.clone(),
                scheme: match parts.uri.scheme_str() {
                    Some("http") => Some(Scheme::Http),
                    Some("https") => Some(Scheme::Https),
                    Some("ws") => Some(Scheme::Ws),
                    Some("wss") => Some(Scheme::Wss),
                    _ => None,
                },
                host,
                target,
                headers: &parts.headers,
            };
            steps.step("question", "ok", format!("a client asks for {} {}", request.method, path(target)));
            tell_request(steps, config, store, (Dialect::Nginx, None), &request, parts).await;
        }
    }
}

async fn tell_request(
    steps: &mut Steps,
    config: &Config,
    store: &AnyStore,
    (dialect, asked): (Dialect, Option<&Policy>),
    request: &CheckRequest<'_>,
    parts: &Parts,
) {
    let found = match config.routes.find(request) {
        Ok(found) => found,
        Err(what) => return tell_refused(steps, dialect, &Refusal::Ambiguous(what)),
    };
    place::tell(steps, found, asked);
    let policies = found.policies(asked);
    let decision = match policies.at_once() {
        Some(decision) => decision,
        None => judge(steps, config, store, request, parts).await,
    };
    let now = clock::now();
    place::tell_requirements(steps, &policies, &decision, now);
    tell_decision(steps, config, dialect, request, &policies.conclude(decision, now));
}

fn tell_refused(steps: &mut Steps, dialect: Dialect, refusal: &Refusal) {
    steps.step("question", "FAIL", told(refusal));
    steps.step("decision", dialect.refuse(refusal).status().as_str(), refusal.code());
}

/// The decision on who asks, whatever the place.
async fn judge(
    steps: &mut Steps,
    config: &Config,
    store: &AnyStore,
    request: &CheckRequest<'_>,
    parts: &Parts,
) -> Decision {
    let rules = config.rules();
    if let Some(decision) = judge_key(steps, config, &rules, request).await {
        return decision;
    }
    match token::judge(steps, config, &rules, store, request).await {
        Some(Ok(decision)) => decision,
        Some(Err(opens_nothing)) => {
            let by_session = judge_session(steps, config, &rules, store, request, parts).await;
            if outweighs(&opens_nothing, &by_session) { opens_nothing } else { by_session }
        }
        None => judge_session(steps, config, &rules, store, request, parts).await,
    }
}

fn tell_decision(
    steps: &mut Steps,
    config: &Config,
    dialect: Dialect,
    request: &CheckRequest<'_>,
    decision: &Decision,
) {
    let (status, why) = decision.denied().unwrap_or((200, "allow"));
    steps.step("decision", &status.to_string(), why);
    if config.mode == Mode::Shadow {
        steps.step("mode", "", "shadow: nothing is enforced, and who is not allowed passes as nobody");
    }
    let answer = dialect.encode(request, decision, &config.terms);
    let is_told = |name: &HeaderName| {
        *name == LOCATION
            || name.as_str().starts_with("x-auth-")
            || config.terms.names.all().any(|told| told == name)
    };
    for (name, value) in answer.headers().iter().filter(|(name, _)| is_told(name)) {
        steps.step("", "", format!("{name}: {}", value.to_str().unwrap_or_default()));
    }
}

async fn judge_session(
    steps: &mut Steps,
    config: &Config,
    rules: &Rules,
    store: &AnyStore,
    request: &CheckRequest<'_>,
    parts: &Parts,
) -> Decision {
    tell_credential(steps, rules, request, parts);
    let pending = match rules.begin(request, clock::now()) {
        Step::Done(decision) => return decision,
        Step::Lookup(pending) => pending,
    };
    let found = if config.is_stateless() { None } else { look_up(steps, store, pending.token()).await };
    let brought = token::brought_along(steps, config, store, request, pending.token()).await;
    match (found, brought) {
        (Some(found), _) => pending.finish(found, clock::now()),
        (None, Some(Ok(session))) => pending.finish(Some(session), clock::now()),
        (None, Some(Err(Silence::Unusable(_)))) if config.is_stateless() => {
            pending.finish(None, clock::now())
        }
        (None, _) => Decision::Unavailable,
    }
}

fn tell_credential(steps: &mut Steps, rules: &Rules, request: &CheckRequest<'_>, parts: &Parts) {
    let name = rules.cookie_name();
    let Some(credential) = rules.credential(request) else {
        steps.step("cookie", "FAIL", format!("there is no cookie named {name} with a value"));
        for other in Credential::cookie_names(&parts.headers).filter(|other| looks_like_one(other)) {
            let hint = format!(
                "there is {}: see cookie_prefix, cookie_name and secure_cookies",
                other.escape_debug()
            );
            steps.step("", "try", hint);
        }
        return;
    };
    let chars = credential.text().chars().count();
    match &credential {
        Credential::SessionCookie(_) => {
            steps.step("cookie", "ok", format!("{name}, {chars} characters once decoded"));
        }
        Credential::Bearer(_) => {
            steps.step(
                "bearer",
                "ok",
                format!("a signed token of {chars} characters, in the cookie's place"),
            );
        }
        Credential::BareToken(_) => {
            steps.step(
                "bearer",
                "ok",
                format!("an unsigned token of {chars} characters, in the cookie's place"),
            );
            steps.step("signature", "none", "trust_unsigned_bearer takes it as it stands");
            return;
        }
    }
    match rules.verify(&credential, clock::now()) {
        Ok(_) => steps.step("signature", "ok", "HMAC-SHA256 over the token matches, with this secret"),
        Err(error) => steps.step("signature", "FAIL", error),
    }
    if let Some(provenance) = rules.provenance(request, &credential) {
        steps.step("origin", if provenance.is_allowed() { "ok" } else { "FAIL" }, provenance);
    }
}

/// The decision on an API key; `None` if there is none to be judged.
async fn judge_key(
    steps: &mut Steps,
    config: &Config,
    rules: &Rules,
    request: &CheckRequest<'_>,
) -> Option<Decision> {
    let header = &config.api_keys.as_ref()?.header;
    let key = match ApiKey::find(request.headers, header) {
        Ok(key) => key?,
        Err(denial) => {
            steps.step("api key", "FAIL", format!("{header} is there twice, or too long to be a key"));
            return Some(Decision::Unauthenticated(denial));
        }
    };
    let verdict = match config.better_auth()? {
        Ok(better_auth) => better_auth.judge(header, &key).await.map_err(|error| error.detail()),
        Err(error) => Err(error.to_string()),
    };
    let (result, why) = match &verdict {
        Ok(KeyVerdict::Opens(_)) => ("ok", "Better Auth takes it, and counted this as a use of it"),
        Ok(KeyVerdict::Refused) => ("FAIL", "Better Auth refuses it"),
        Ok(KeyVerdict::Limited) => ("FAIL", "Better Auth says that it was used too often, or is used up"),
        Err(error) => ("FAIL", error.as_str()),
    };
    steps.step("api key", result, format!("{header} (digest {}): {why}", key.digest()));
    Some(verdict.map_or(Decision::Unavailable, |verdict| rules.judge(verdict, clock::now())))
}

/// `None` if the store could not say.
async fn look_up(steps: &mut Steps, store: &AnyStore, token: &VerifiedToken) -> Option<Option<Arc<Session>>> {
    match store.find(token).await {
        Ok(Some(session)) => {
            steps.step("session", "ok", format!("{} has one (digest {})", store.name(), token.digest()));
            let (result, when) = expiry(&session, clock::now());
            steps.step("expiry", result, when);
            Some(Some(Arc::new(session)))
        }
        Ok(None) => {
            let why = format!("{} has none for this token (digest {})", store.name(), token.digest());
            steps.step("session", "FAIL", format!("{why}: signed out, or of another database"));
            Some(None)
        }
        Err(error) => {
            steps.step("session", "FAIL", error);
            None
        }
    }
}

fn expiry(session: &Session, now: UnixMillis) -> (&'static str, String) {
    let at = session.expires_at();
    if session.is_active_at(now) {
        ("ok", format!("live until {at}"))
    } else {
        ("FAIL", format!("over since {at}"))
    }
}

/// Whether a cookie is likely Better Auth's under another setting.
fn looks_like_one(name: &str) -> bool {
    name.ends_with("session_token") || name.ends_with("session-token")
}

fn path(target: &[u8]) -> String {
    target.split(|&byte| byte == b'?').next().unwrap_or_default().escape_ascii().to_string()
}

fn told(refusal: &Refusal) -> String {
    match refusal {
        Refusal::UntrustedPeer => "it comes from an address that is none of trusted_proxies".to_owned(),
        Refusal::MissingHeader(name) => format!("{name} is missing: `sidegate config` prints what sets it"),
        Refusal::DuplicateHeader(name) => format!("{name} is there twice"),
        Refusal::TwinHeader(name) => format!("{name} is what some servers take for an identity header"),
        Refusal::MalformedHeader(name) => format!("{name} holds nothing usable"),
        Refusal::MissingAttribute(name) => format!("it does not tell {name}"),
        Refusal::MalformedAttribute(name) => format!("its {name} is nothing usable"),
        Refusal::UnknownPolicy => "its route asks for a policy that there is not".to_owned(),
        Refusal::Ambiguous(what) => {
            format!("its {what} is one that two programs may read differently, and there are routes")
        }
        Refusal::TooLarge => "it is longer than any that is read".to_owned(),
        Refusal::Method => "it is not asked in this method".to_owned(),
    }
}
