//! A certificate with its private key, in the files that servers take.

mod contents;
mod jks;
mod pem;
mod pfx;

use secrecy::SecretString;

pub use self::{
    contents::{Bundle, BundleError, Contents},
    pfx::PfxAlgorithm,
};

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
}
