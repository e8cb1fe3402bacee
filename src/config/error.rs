//! A mistake in the settings, told so that the reader can mend it.

use std::fmt;

/// What is wrong, why, and what to do. It never holds the value of a secret or of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    what: String,
    because: Option<String>,
    hint: Option<String>,
}

impl ConfigError {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), because: None, hint: None }
    }

    pub(crate) fn because(mut self, cause: impl fmt::Display) -> Self {
        self.because = Some(cause.to_string());
        self
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same in one line, for a log.
    pub(crate) fn in_one_line(&self) -> String {
        self.to_string().replace("\n  ", "; ")
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(because) = &self.because {
            write!(f, "\n  because: {because}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  try: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
