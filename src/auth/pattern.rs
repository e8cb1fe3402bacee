//! Paths as FastAPI writes them: which they match, and which of two is more specific.
//!
//! `/users/{id}` matches what Starlette's router matches with it (`starlette/routing.py`, `compile_path`;
//! `convertors.py`): a parameter is one or more characters without a slash, `{id:int}`, `{x:float}` and `{u:uuid}` what
//! their names say, `{rest:path}` everything that is left, be it nothing. `{*rest}`, as axum and matchit write it, is the
//! same. One thing is not to be had: `{rest:path}` with something behind it.

mod segment;

use std::cmp::Ordering;
use std::fmt;

pub(super) use self::segment::Segment;

/// A path with parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    segments: Vec<Segment>,
}

/// Why a text is no path with parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is no absolute path.
    #[error("it does not begin with /")]
    Relative,
    /// No request has such a path, for those that may be read differently are refused.
    #[error(
        "no request can have it: empty and dot segments, ; # ? \\ % and control characters are refused or no part of a path"
    )]
    NeverAsked,
    /// Something that stands for many texts in other languages of paths, and for itself in this one.
    #[error(
        "{0:?} would stand for itself alone here: write {{name}} for one segment, {{rest:path}} or {{*rest}} for all that is left"
    )]
    Wildcard(String),
    /// A brace that belongs to no parameter.
    #[error(
        "its braces make no parameter: write {{name}}, {{name:int}}, {{name:float}}, {{name:uuid}}, {{rest:path}} or {{*rest}}"
    )]
    Braces,
    /// A kind of parameter that FastAPI does not have.
    #[error("{0:?} is none of str, int, float, uuid and path")]
    Kind(String),
    /// Something behind what takes all that is left.
    #[error("nothing can stand behind {{rest:path}} or {{*rest}}")]
    BehindRest,
    /// Where one ends and the other begins cannot be told.
    #[error("two parameters stand next to each other")]
    Adjacent,
    /// FastAPI refuses it too.
    #[error("the parameter {0:?} is there twice")]
    Twice(String),
}

impl Pattern {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let rest = text.strip_prefix('/').ok_or(PatternError::Relative)?;
        let mut names = Vec::new();
        let mut segments = Vec::new();
        for segment in rest.split('/') {
            if segments.last().is_some_and(Segment::takes_the_rest) {
                return Err(PatternError::BehindRest);
            }
            segments.push(Segment::parse(segment, &mut names)?);
        }
        let pattern = Self { text: text.to_owned(), segments };
        // The literal parts stand for what a request has once it is decoded.
        let example: String =
            pattern.segments.iter().flat_map(|segment| ["/".to_owned(), segment.example()]).collect();
        match super::path::decoded(example.replace('%', "%25").as_bytes()) {
            Some(path) if path == example => Ok(pattern),
            Some(_) | None => Err(PatternError::NeverAsked),
        }
    }

    /// The more specific first, by the first segment in which they differ.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let pairs = self.segments.iter().zip(&other.segments);
        pairs.map(|(one, other)| one.compare(other)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

/// As it was written.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
