//! Who may tell of revocations, and how that reaches the other replicas.

use super::super::secret;
use super::Reader;
use crate::secret::Secret;

impl Reader<'_> {
    pub(super) fn revoke_secret(&mut self) -> Option<Secret> {
        let given = self.given("revoke_secret_file")?;
        match secret::read_own(given.text) {
            Ok(secret) => Some(secret),
            Err(error) => self.mistake(error),
        }
    }

    pub(super) fn revocation_redis(&mut self) -> Option<Secret> {
        self.given("revocation_redis").map(|given| Secret::new(given.text.to_owned()))
    }
}
