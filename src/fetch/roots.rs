//! Whose certificates are trusted.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::{ClientConfig, RootCertStore};

/// The authorities whose certificates are trusted: Mozilla's, and the operator's own.
#[derive(Clone)]
pub struct Roots(Arc<RootCertStore>);

/// Why a file adds no authorities.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// It cannot be read, or is not PEM.
    #[error("{0}")]
    Unreadable(pem::Error),
    /// One of its certificates cannot be an authority's.
    #[error("a certificate in it is none of an authority: {0}")]
    Certificate(rustls::Error),
    /// It has no certificate.
    #[error("it holds no certificate")]
    Empty,
}

impl Roots {
    /// Mozilla's list, as it was when this program was built.
    #[must_use]
    pub fn mozilla() -> Self {
        Self(Arc::new(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()))
    }

    /// Those and the ones in a PEM file.
    ///
    /// # Errors
    /// If the file adds none.
    pub fn with_file(&self, path: &Path) -> Result<Self, RootsError> {
        let mut roots = RootCertStore::clone(&self.0);
        let before = roots.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(RootsError::Unreadable)? {
            let certificate = certificate.map_err(RootsError::Unreadable)?;
            roots.add(certificate).map_err(RootsError::Certificate)?;
        }
        if roots.len() == before { Err(RootsError::Empty) } else { Ok(Self(Arc::new(roots))) }
    }

    pub(super) fn config(&self) -> ClientConfig {
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        match ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions() {
            Ok(builder) => builder.with_root_certificates(Arc::clone(&self.0)).with_no_client_auth(),
            Err(_) => unreachable!("ring speaks TLS 1.2 and 1.3"),
        }
    }
}

impl fmt::Debug for Roots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roots({})", self.0.len())
    }
}
