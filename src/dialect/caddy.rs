//! Caddy `forward_auth`.
//!
//! It asks with a GET at `/auth/caddy`, to which some versions add the client's query, and sends all the client's headers, those
//! of an upgrade among them. Any 2xx lets the request by; whatever else is said goes to the client as it is
//! (`modules/caddyhttp/reverseproxy/forwardauth`; measured on 2.6.2).

use super::redirect::{self, Location};
use super::{Answer, Terms, answer};
use crate::auth::{CheckRequest, Decision};

pub(super) fn encode(request: &CheckRequest<'_>, decision: &Decision, terms: &Terms) -> Answer {
    answer::decided(decision, &terms.names, |denial| {
        redirect::answer(request, denial, terms.login.as_ref(), Location::Any)
    })
}
