//! The answer to somebody who is not signed in: at proxies that hand an answer on as it is, a redirect to the sign-in page
//! for a page that is being opened, a 401 for everything else, and an explanation where redirects lead nowhere; at the others
//! what they need for doing the same.
//!
//! A script that called `fetch` can do nothing with a redirect, and a browser that is sent in a circle shows its own
//! error page, which tells nobody what is wrong (`CALLERS.md` §3: nine such reports for one project alone).

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::Full;
use memchr::memmem;
use sha2::{Digest as _, Sha256};

use super::Answer;
use super::answer;
use super::login::LoginPage;
use super::names::{LOGIN, LOGIN_COOKIE, REASON};
use crate::auth::{CheckRequest, Denial, Scheme};

/// What a redirect's `Location` may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// A path, or a whole URL.
    Any,
    /// A whole URL: the proxy would take a path for one of ours.
    Absolute,
}

static FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
static FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
static REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");

/// Counts how often one page sent its browser to sign in. Whoever writes it by hand stops their own redirects.
const COUNT_COOKIE: &str = "sidegate-redirects";
/// A round of redirects takes less than this, somebody who signs in takes more.
const COUNT_SECONDS: u32 = 30;
/// So many redirects of one page in that time are a circle.
const REDIRECTS_MAX: u8 = 3;
/// The stable code of a circle that was left.
const LOGIN_LOOP: &str = "login_loop";

const BEHIND_ITSELF: &str = "The sign-in page itself is behind sidegate, so nobody can reach it to sign in.\n\n\
    For whoever runs this site: have the proxy let the path of login_url by without asking sidegate.\n";

/// What somebody gets who is not signed in.
pub(super) fn answer(
    request: &CheckRequest<'_>,
    denial: Denial,
    login: Option<&LoginPage>,
    location: Location,
) -> Answer {
    let unauthenticated = || answer::deny(StatusCode::UNAUTHORIZED, "unauthenticated", denial.code());
    let Some(login) = login.filter(|_| is_page(request.headers)) else { return unauthenticated() };
    if login.is_asked_by(request) {
        return explained(BEHIND_ITSELF.to_owned());
    }
    let to = match location {
        Location::Any => Some(login.for_request(request)),
        Location::Absolute => login.absolute_for(request),
    };
    let Some(to) = to else { return unauthenticated() };
    let page = digest(request);
    let redirects = redirects(request.headers, &page);
    if redirects >= REDIRECTS_MAX {
        return explained(circle(denial, &to));
    }
    // A POST is not repeated at the sign-in page, whatever the browser makes of a 302.
    let is_safe = [Method::GET, Method::HEAD].contains(&request.method);
    let mut answer = answer::empty(if is_safe { StatusCode::FOUND } else { StatusCode::SEE_OTHER });
    let headers = answer.headers_mut();
    headers.insert(LOCATION, to);
    headers.insert(&REASON, HeaderValue::from_static(denial.code()));
    headers.extend(counted(&page, redirects + 1, request.scheme).map(|cookie| (SET_COOKIE, cookie)));
    answer
}

/// What somebody gets who is not signed in, at proxies that redirect by themselves: 401, and where to sign in. The proxy alone
/// knows whether it redirects, so it is to set the cookie that counts where it does.
pub(super) fn told_where(request: &CheckRequest<'_>, denial: Denial, login: Option<&LoginPage>) -> Answer {
    let unauthenticated = |reason| answer::deny(StatusCode::UNAUTHORIZED, "unauthenticated", reason);
    // The sign-in page behind itself would be a circle of one.
    let Some(login) = login.filter(|login| !login.is_asked_by(request)) else {
        return unauthenticated(denial.code());
    };
    let page = digest(request);
    let redirects = redirects(request.headers, &page);
    if redirects >= REDIRECTS_MAX {
        return unauthenticated(LOGIN_LOOP);
    }
    let mut answer = unauthenticated(denial.code());
    let headers = answer.headers_mut();
    headers.insert(&LOGIN, login.for_request(request));
    let cookie = counted(&page, redirects + 1, request.scheme);
    headers.extend(cookie.map(|cookie| (LOGIN_COOKIE.clone(), cookie)));
    answer
}

/// Whether an answer is one that leaves a circle of redirects.
#[must_use]
pub fn leaves_a_loop(answer: &Answer) -> bool {
    answer.headers().get(&REASON).is_some_and(|reason| reason == LOGIN_LOOP)
}

/// Whether a browser is opening a page, at the top of a tab: it can follow a redirect, and somebody will see where it led.
fn is_page(headers: &HeaderMap) -> bool {
    if let Some(mode) = headers.get(&FETCH_MODE) {
        return mode == "navigate" && headers.get(&FETCH_DEST).is_none_or(|what| what == "document");
    }
    // A browser from before Sec-Fetch-Mode.
    let accepts = |value: &HeaderValue| memmem::find(value.as_bytes(), b"text/html").is_some();
    headers.get_all(ACCEPT).iter().any(accepts) && !headers.contains_key(&REQUESTED_WITH)
}

/// How often this page was the one that sent its browser to sign in, just now.
fn redirects(headers: &HeaderMap, page: &str) -> u8 {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut counts = pairs.filter(|(name, _)| *name == COUNT_COOKIE).filter_map(|(_, value)| {
        let (of, count) = value.split_once('.')?;
        (of == page).then(|| count.parse().ok())?
    });
    counts.next().unwrap_or(0)
}

fn counted(page: &str, count: u8, scheme: Option<Scheme>) -> Option<HeaderValue> {
    let secure = if scheme.is_some_and(Scheme::is_secure) { "; Secure" } else { "" };
    // Lax, so that it comes along when a sign-in page on another site sends the browser back.
    let cookie = format!(
        "{COUNT_COOKIE}={page}.{count}; Max-Age={COUNT_SECONDS}; Path=/; HttpOnly; SameSite=Lax{secure}"
    );
    HeaderValue::try_from(cookie).ok()
}

/// Tells pages apart: who restores ten tabs is not in a circle.
fn digest(request: &CheckRequest<'_>) -> String {
    let digest =
        Sha256::new().chain_update(request.host).chain_update([0]).chain_update(request.target).finalize();
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn circle(denial: Denial, to: &HeaderValue) -> String {
    let likely = match denial {
        Denial::NoCredential => {
            "no session cookie of the expected name came along. Signing in sets it for another host or path, with Secure \
             on a page that was opened by http, or under another name (cookie_prefix, cookie_name, secure_cookies)"
        }
        Denial::BadSignature => "the session cookie is signed with another secret than the one sidegate has",
        Denial::NoSession => {
            "the store that sidegate looks into does not have the session: is it Better Auth's?"
        }
        Denial::Expired => "the session that signing in makes is already over: are the clocks right?",
        Denial::NotFresh(_) => {
            "this page wants a sign-in from not long ago, and the sign-in page lets those be who are signed in already: it \
             has to ask again"
        }
        Denial::Banned
        | Denial::InvalidToken
        | Denial::ApiKeyRefused
        | Denial::ApiKeyLimited
        | Denial::CrossOrigin
        | Denial::EmailUnverified
        | Denial::NoTwoFactor
        | Denial::Impersonated
        | Denial::MissingRole
        | Denial::NotMember
        | Denial::MissingOrganizationRole
        | Denial::RouteDenied => "signing in does not lead to what this page asks for",
    };
    format!(
        "This page has sent you to sign in {REDIRECTS_MAX} times within {COUNT_SECONDS} seconds, and each time you came \
         back without a session that counts here.\n\nTo try once more: {}\n\nFor whoever runs this site: {} ({likely}). \
         `sidegate explain` tells each step of the decision about a cookie.\n",
        to.to_str().unwrap_or_default(),
        denial.code()
    )
}

/// 401 with a text for people, in which nothing stands that a client sent but what was percent-encoded.
fn explained(text: String) -> Answer {
    let mut answer = answer::deny(StatusCode::UNAUTHORIZED, "unauthenticated", LOGIN_LOOP);
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    *answer.body_mut() = Full::new(Bytes::from(text));
    answer
}
