//! HAProxy, by a Lua action: `deploy/haproxy/sidegate.lua`, or haproxy-auth-request, which asks with HEAD.
//!
//! HAProxy itself tells nothing of what the client asked for; the configuration sets the headers that are read here. The
//! action sees a status and headers and no body, and the configuration makes of them what it likes: so it is told where to
//! sign in, as nginx is.

use super::{Answer, Terms, answer, redirect};
use crate::auth::{CheckRequest, Decision};

pub(super) fn encode(request: &CheckRequest<'_>, decision: &Decision, terms: &Terms) -> Answer {
    answer::decided(decision, &terms.names, |denial| {
        redirect::told_where(request, denial, terms.login.as_ref())
    })
}
