//! A secret that says nothing of itself and is wiped when dropped.

use std::fmt;

use zeroize::Zeroizing;

/// Better Auth's signing secret, as UTF-8 bytes.
///
/// It cannot be printed:
/// ```compile_fail
/// println!("{}", sidegate::secret::Secret::new("not for your eyes".to_owned()));
/// ```
/// and its debug form tells its length alone:
/// ```
/// let secret = sidegate::secret::Secret::new("not for your eyes".to_owned());
/// assert_eq!(format!("{secret:?}"), "Secret(17 bytes)");
/// ```
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text as it is: Better Auth trims nothing.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself, for the HMAC key and for checks at start-up.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}
