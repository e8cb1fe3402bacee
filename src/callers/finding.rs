//! A mistake and where it stands.

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    file: Rc<str>,
    line: usize,
}

impl Place {
    pub(super) fn new(file: &Rc<str>, line: usize) -> Self {
        Self { file: Rc::clone(file), line }
    }

    /// The file's name.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// It is to be mended.
    Mistake,
    /// It is wrong with old versions of the program, or with some settings of sidegate's, alone, and the file does not tell
    /// which it is for.
    Note,
}

/// Something that is known to go wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Stable, in snake case.
    pub code: &'static str,
    /// Whether it is one at all.
    pub weight: Weight,
    /// What happens.
    pub what: &'static str,
    /// What to do.
    pub fix: &'static str,
}

impl Mistake {
    pub(super) const fn new(code: &'static str, what: &'static str, fix: &'static str) -> Self {
        Self { code, weight: Weight::Mistake, what, fix }
    }

    pub(super) const fn note(code: &'static str, what: &'static str, fix: &'static str) -> Self {
        Self { code, weight: Weight::Note, what, fix }
    }
}

/// A mistake that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What.
    pub mistake: &'static Mistake,
    /// Which, where there is a choice: the headers, the value that was read.
    about: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mistake { code, what, fix, .. } = self.mistake;
        write!(f, "{}  {code}  {what}", self.place)?;
        if !self.about.is_empty() {
            write!(f, ": {}", self.about)?;
        }
        write!(f, "\n  try: {fix}")
    }
}

/// Longer values are not read to their end.
const ABOUT_MAX: usize = 200;

/// Collects findings, by line. A file that is included in ten places is complained about once.
#[derive(Debug, Default)]
pub(super) struct Report(BTreeMap<(Place, &'static str, String), &'static Mistake>);

impl Report {
    pub(super) fn add(&mut self, place: &Place, mistake: &'static Mistake) {
        self.add_about(place, mistake, "");
    }

    pub(super) fn add_about(&mut self, place: &Place, mistake: &'static Mistake, about: impl AsRef<str>) {
        // What a file holds goes to a terminal.
        let about = about.as_ref().chars().filter(|char| !char.is_control()).take(ABOUT_MAX).collect();
        self.0.insert((place.clone(), mistake.code, about), mistake);
    }

    /// Those of the `main` file before those of the files that it includes.
    pub(super) fn findings(self, main: &str) -> Vec<Finding> {
        let finding = |((place, _, about), mistake)| Finding { place, mistake, about };
        let (own, included): (Vec<_>, Vec<_>) =
            self.0.into_iter().map(finding).partition(|finding| finding.place.file() == main);
        own.into_iter().chain(included).collect()
    }
}
