//! Settings that are read again while sidegate runs: what the files hold now, what of it is new, what has to wait.
//!
//! Files are compared by what is in them. Their times and numbers tell less: Kubernetes puts a link in the place of a link,
//! editors a new file in the place of the old one, and two writes may share a second.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::error::ConfigError;
use super::read::AUTHORITIES;
use super::settings::{Counts, SETTINGS, Setting};
use super::sources::{ROUTE, Sources};

/// What a file held, or how it could not be read. Secrets are among these files, so nothing tells it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest([u8; 32]);

/// What the files of a configuration hold at one moment: to be compared with what they hold at another.
#[derive(Clone, PartialEq, Eq)]
pub struct Contents {
    file: Option<Digest>,
    named: Vec<(&'static str, Digest)>,
}

/// No file that is read is longer.
const BYTES_MAX: u64 = 1 << 20;
const READ_ONCE: &str = "it is no regular file";

impl Digest {
    pub(super) fn of(read: &io::Result<impl AsRef<[u8]>>) -> Self {
        let mut hash = Sha256::new();
        match read {
            Ok(bytes) => {
                hash.update(b"+");
                hash.update(bytes);
            }
            Err(error) => {
                hash.update(b"-");
                hash.update(error.to_string());
            }
        }
        Self(hash.finalize().into())
    }

    fn of_file(path: &Path) -> Self {
        let read = || {
            if is_read_once(path) {
                return Err(io::Error::other(READ_ONCE));
            }
            let mut bytes = Zeroizing::new(Vec::new());
            fs::File::open(path)?.take(BYTES_MAX).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        Self::of(&read())
    }
}

impl Sources {
    /// The same flags and variables with the file as it is now, and what all files hold. Where there are mistakes in it, those
    /// that it names are not known.
    pub fn again(&self) -> (Contents, Result<Self, Vec<ConfigError>>) {
        if self.path().is_some_and(is_read_once) {
            return (self.contents(), Ok(self.clone()));
        }
        let text = self.text();
        let file = text.as_ref().map(Digest::of);
        match self.with_file(text) {
            Ok(sources) => (sources.contents(), Ok(sources)),
            Err(errors) => (Contents { file, named: Vec::new() }, Err(errors)),
        }
    }

    /// What the file held when it was read, and what the others hold that it names.
    #[must_use]
    pub fn contents(&self) -> Contents {
        let named = self.named().map(|(name, path)| (name, Digest::of_file(path))).collect();
        Contents { file: self.digest, named }
    }

    /// Whether the file still says anything, if it did `before`: one that is cut off while it is written, or lost, would
    /// take every route and every setting with it.
    ///
    /// # Errors
    /// If it does not.
    pub fn check_emptied(&self, before: &Self) -> Result<(), Vec<ConfigError>> {
        let Some(path) = self.path().filter(|_| self.file.is_empty() && !before.file.is_empty()) else {
            return Ok(());
        };
        Err(vec![
            ConfigError::new(format!("{} says nothing any more", path.display()))
                .hint("write what is to count, or restart sidegate if nothing is"),
        ])
    }

    /// Whether there is anything that could change.
    #[must_use]
    pub fn have_files(&self) -> bool {
        self.path().is_some() || self.named().next().is_some()
    }

    /// Whether the files that are named can be read again.
    ///
    /// # Errors
    /// Those that cannot.
    pub fn check_files(&self) -> Result<(), Vec<ConfigError>> {
        let wrong = self.named().filter(|(_, path)| is_read_once(path));
        let errors: Vec<_> = wrong
            .map(|(name, path)| {
                ConfigError::new(format!("{name} is {}, which cannot be read again", path.display()))
                    .because(READ_ONCE)
                    .hint("name a file, or restart sidegate")
            })
            .collect();
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Names of the settings that say something else than they did in `before`, or whose files hold something else; `route` for
    /// all routes together.
    #[must_use]
    pub fn changes(
        &self,
        contents: &Contents,
        before: &Self,
        contents_before: &Contents,
    ) -> Vec<&'static str> {
        let texts = SETTINGS.iter().map(|setting| (setting.name, self.says(setting) != before.says(setting)));
        let files = self.named().map(|(name, _)| (name, !contents.of(name).eq(contents_before.of(name))));
        let routes = std::iter::once((ROUTE, self.file.routes != before.file.routes));
        let mut changed: Vec<_> =
            texts.chain(files).chain(routes).filter_map(|(name, differs)| differs.then_some(name)).collect();
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// These, but what counts from the start on as it was in `started`.
    #[must_use]
    pub fn as_started(&self, started: &Self) -> Self {
        let mut sources = self.clone();
        for setting in SETTINGS.iter().filter(|setting| setting.counts == Counts::AtStart) {
            match started.file.settings.get(setting.name) {
                Some(text) => sources.file.settings.insert(setting.name, text.clone()),
                None => sources.file.settings.remove(setting.name),
            };
        }
        sources
    }

    fn says(&self, setting: &Setting) -> Option<&str> {
        self.given(setting.name).map(|given| given.text)
    }

    /// The files that are read besides, by what names them.
    fn named(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let settings = SETTINGS.iter().filter(|setting| setting.counts == Counts::AtOnce);
        let files = settings.flat_map(|setting| {
            let paths = self.says(setting).map(|text| setting.files(text)).unwrap_or_default();
            paths.into_iter().map(|path| (setting.name, path))
        });
        let authorities = self.environment().get(AUTHORITIES).map(|path| (AUTHORITIES, path));
        files
            .chain(authorities)
            .filter(|(_, path)| !path.is_empty())
            .map(|(name, path)| (name, Path::new(path)))
    }
}

impl Contents {
    /// Of the files that one setting names, in its order.
    fn of(&self, name: &str) -> impl Iterator<Item = &Digest> {
        self.named.iter().filter(move |(named, _)| *named == name).map(|(_, digest)| digest)
    }
}

/// A pipe is empty the second time, and opening one may wait for ever.
fn is_read_once(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file())
}
