//! What goes into a file, whatever its form.

use certmint_core::x509::PrivateKey;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use zeroize::Zeroizing;

/// Rounds of PBKDF2 and of the MAC: the defaults of Java's `keystore.pkcs12.*` settings, which every reader takes.
pub(super) const ITERATIONS: u32 = 10_000;

/// A file that holds a private key, wiped when dropped.
pub type Bundle = Zeroizing<Vec<u8>>;

/// Why no bundle came of it. Never holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The stored certificate is not PEM.
    #[error("the stored certificate cannot be read")]
    Certificate,
    /// The file could not be written.
    #[error("the file could not be written: {0}")]
    Write(String),
}

/// What goes into a file.
pub struct Contents<'a> {
    /// A name for the entry, for people.
    pub alias: &'a str,
    /// The end-entity certificate and its chain, PEM.
    pub chain_pem: &'a str,
    /// The key.
    pub key: &'a PrivateKey,
}

impl Contents<'_> {
    pub(super) fn certificates(&self) -> Result<Vec<Vec<u8>>, BundleError> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(self.chain_pem.as_bytes()).collect();
        let found = found.map_err(|_| BundleError::Certificate)?;
        if found.is_empty() {
            return Err(BundleError::Certificate);
        }
        Ok(found.into_iter().map(|c| c.to_vec()).collect())
    }
}

pub(super) fn random<const N: usize>() -> Result<[u8; N], BundleError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| BundleError::Write("no randomness".into()))?;
    Ok(bytes)
}
