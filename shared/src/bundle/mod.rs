//! A certificate with its private key, in the files that servers take.

mod jks;
mod pem;
mod pfx;

use certmint_core::x509::PrivateKey;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use secrecy::SecretString;
use zeroize::Zeroizing;

pub use self::pfx::PfxAlgorithm;

/// Rounds of PBKDF2 and of the MAC: the defaults of Java's `keystore.pkcs12.*` settings, which every reader takes.
const ITERATIONS: u32 = 10_000;

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
    /// Certificate, chain and key (PKCS#8) as PEM; the key is encrypted (PBES2, RFC 8018 §6.2) if there is a
    /// password.
    ///
    /// # Errors
    /// If the crypto library fails.
    pub fn pem(&self, password: Option<&SecretString>) -> Result<Bundle, BundleError> {
        pem::write(self, password)
    }

    /// PKCS#12 (RFC 7292).
    ///
    /// # Errors
    /// If the certificate cannot be read or the crypto library fails.
    pub fn pfx(&self, password: &SecretString, algorithm: PfxAlgorithm) -> Result<Bundle, BundleError> {
        pfx::write(self, password, algorithm)
    }

    /// Java's own key store.
    ///
    /// # Errors
    /// If the certificate cannot be read or the crypto library fails.
    pub fn jks(&self, password: &SecretString, created_at_millis: u64) -> Result<Bundle, BundleError> {
        jks::write(self, password, created_at_millis)
    }

    fn certificates(&self) -> Result<Vec<Vec<u8>>, BundleError> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(self.chain_pem.as_bytes()).collect();
        let found = found.map_err(|_| BundleError::Certificate)?;
        if found.is_empty() {
            return Err(BundleError::Certificate);
        }
        Ok(found.into_iter().map(|c| c.to_vec()).collect())
    }
}

fn random<const N: usize>() -> Result<[u8; N], BundleError> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| BundleError::Write("no randomness".into()))?;
    Ok(bytes)
}
