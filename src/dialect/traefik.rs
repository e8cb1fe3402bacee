//! Traefik forwardAuth.
//!
//! It asks with a GET and the client's headers, or those of them that `authRequestHeaders` names. Any 2xx lets the
//! request by; whatever else is said goes to the client as it is, but a `Location` without a host, which Traefik
//! completes with sidegate's own address (`pkg/middlewares/auth/forward.go`; measured on 3.7).

use super::redirect::{self, Location};
use super::{Answer, Terms, answer};
use crate::auth::{CheckRequest, Decision};

pub(super) fn encode(request: &CheckRequest<'_>, decision: &Decision, terms: &Terms) -> Answer {
    answer::decided(decision, &terms.names, |denial| {
        redirect::answer(request, denial, terms.login.as_ref(), Location::Absolute)
    })
}
