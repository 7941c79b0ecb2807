//! PKCS#12 (RFC 7292): what Windows, IIS and most appliances import.

use std::str::FromStr;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey, PrivateKeyChain,
};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::contents::{Bundle, BundleError, Contents, ITERATIONS};

/// How a PKCS#12 file is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PfxAlgorithm {
    /// PBES2 with AES-256-CBC, MAC with HMAC-SHA-256.
    #[default]
    Aes256Sha256,
    /// Triple DES, MAC with HMAC-SHA-1: for Windows before Server 2019 and Windows 10 1809. Weak.
    TripleDesSha1,
}

/// A word that is no such algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be aes256-sha256 or 3des-sha1")]
pub struct UnknownPfxAlgorithm;

impl FromStr for PfxAlgorithm {
    type Err = UnknownPfxAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownPfxAlgorithm> {
        match text {
            "aes256-sha256" => Ok(Self::Aes256Sha256),
            "3des-sha1" => Ok(Self::TripleDesSha1),
            _ => Err(UnknownPfxAlgorithm),
        }
    }
}

pub(super) fn write(
    contents: &Contents<'_>,
    password: &SecretString,
    algorithm: PfxAlgorithm,
) -> Result<Bundle, BundleError> {
    let failed = |error: p12_keystore::error::Error| BundleError::Write(error.to_string());
    let ders = contents.certificates()?;
    let certificates: Vec<Certificate> = ders
        .iter()
        .map(|der| Certificate::from_der(der))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    let key = PrivateKey::from_der(contents.key.der()).map_err(failed)?;
    // The id joins key and certificate within the file; by custom it is a hash of the certificate.
    let leaf = ders.first().map(Vec::as_slice).unwrap_or_default();
    let id = digest(&SHA1_FOR_LEGACY_USE_ONLY, leaf).as_ref().to_vec();
    let mut store = KeyStore::new();
    let chain = PrivateKeyChain::new(id, key, certificates);
    store.add_entry(contents.alias, KeyStoreEntry::PrivateKeyChain(chain));
    let (encryption, mac) = match algorithm {
        PfxAlgorithm::Aes256Sha256 => (
            EncryptionAlgorithm::PbeWithHmacSha256AndAes256,
            MacAlgorithm::HmacSha256,
        ),
        PfxAlgorithm::TripleDesSha1 => (
            EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc,
            MacAlgorithm::HmacSha1,
        ),
    };
    store
        .writer(password.expose_secret())
        .encryption_algorithm(encryption)
        .encryption_iterations(ITERATIONS)
        .mac_algorithm(mac)
        .mac_iterations(ITERATIONS)
        .write()
        .map(Zeroizing::new)
        .map_err(failed)
}
