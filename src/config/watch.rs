//! What a look at the files means: nothing new, something that may still be written, or something to be taken.

use super::reload::Contents;

/// What the files held at the looks before.
pub struct Watch {
    used: Contents,
    /// What had mistakes in it that were told.
    refused: Option<Contents>,
    /// What is new and was seen once.
    fresh: Option<Contents>,
}

/// What a look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// What is used.
    Same,
    /// What is used, after something that was refused.
    Mended,
    /// What was refused, once more.
    Refused,
    /// Something new. It may be half of what somebody is writing.
    Fresh,
    /// Something new that has not changed since the last look.
    Settled,
}

impl Watch {
    /// From what is `used` on.
    #[must_use]
    pub fn new(used: Contents) -> Self {
        Self { used, refused: None, fresh: None }
    }

    /// The files hold `found`.
    pub fn look(&mut self, found: &Contents) -> Look {
        let before = self.fresh.take();
        if *found == self.used {
            return if self.refused.take().is_some() { Look::Mended } else { Look::Same };
        }
        if self.refused.as_ref() == Some(found) {
            return Look::Refused;
        }
        if before.as_ref() == Some(found) {
            return Look::Settled;
        }
        self.fresh = Some(found.clone());
        Look::Fresh
    }

    /// Whether the last look was at something fresh, so that the next should be soon.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.fresh.is_some()
    }

    /// `found` is used from now on.
    pub fn used(&mut self, found: Contents) {
        *self = Self::new(found);
    }

    /// `found` has mistakes in it, and they were told.
    pub fn refused(&mut self, found: Contents) {
        (self.refused, self.fresh) = (Some(found), None);
    }
}
