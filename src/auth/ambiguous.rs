//! What rules go by, where two programs may read it differently.

use std::fmt;

/// The part of a request that has a second reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambiguous {
    /// A method in lower case: some servers make the other one of it.
    Method,
    /// A host that is no name.
    Host,
    /// A path that another program decodes, cuts or folds.
    Path,
}

impl Ambiguous {
    /// The stable code, in snake case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Method => "ambiguous_method",
            Self::Host => "ambiguous_host",
            Self::Path => "ambiguous_path",
        }
    }
}

impl fmt::Display for Ambiguous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "method",
            Self::Host => "host",
            Self::Path => "path",
        })
    }
}
