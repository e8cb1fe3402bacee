//! What a proxy asks for beside the question itself: `/auth/nginx?policy=any_role:admin`.
//!
//! The query is the proxy's own wherever the client's target travels in a header. It can only tighten, so a client that
//! could write it would win nothing; a word that is none is refused all the same, for a slip must not loosen anything.

use percent_encoding::percent_decode_str;

use super::Refusal;
use crate::auth::Policy;

/// The policy that `query` asks for, if it asks for any.
pub(super) fn policy(query: Option<&str>) -> Result<Option<Policy>, Refusal> {
    let Some(query) = query else { return Ok(None) };
    // The whole query: behind an `&` there may be half of a slip.
    let text = query.strip_prefix("policy=").filter(|text| !text.contains('&'));
    let policy = text.and_then(|text| percent_decode_str(text).decode_utf8().ok());
    policy.and_then(|text| text.parse().ok()).map(Some).ok_or(Refusal::UnknownPolicy)
}
