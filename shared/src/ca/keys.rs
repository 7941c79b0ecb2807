//! Keys that we make: account keys, and the private key with its CSR for one certificate.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::domain::{Class, Failure, NameSet, Stage};

/// A private key and the CSR made with it.
pub struct KeyMaterial {
    /// PKCS#8 PEM.
    pub key_pem: SecretString,
    /// The CSR, DER.
    pub csr: Vec<u8>,
}

/// How key and CSR lie in one secret.
#[derive(Serialize, Deserialize)]
struct Stored {
    key_pem: String,
    csr: String,
}

impl Drop for Stored {
    fn drop(&mut self) {
        self.key_pem.zeroize();
    }
}

fn crypto(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(
        Class::Permanent,
        Stage::Request,
        "crypto",
        format!("{what}: {error}"),
    )
}

/// A new ECDSA P-256 account key, PKCS#8 PEM.
///
/// # Errors
/// If the crypto library fails.
pub fn generate_account_key() -> Result<SecretString, Failure> {
    let key = KeyPair::generate().map_err(|e| crypto("account key", &e))?;
    Ok(key.serialize_pem().into())
}

/// A new ECDSA P-256 key and a CSR for `names` (no subject: public CAs ignore it), as one secret to store.
///
/// # Errors
/// If the crypto library fails.
pub fn generate(names: &NameSet) -> Result<SecretString, Failure> {
    let key = KeyPair::generate().map_err(|e| crypto("certificate key", &e))?;
    let names: Vec<String> = names.strings().into_iter().map(str::to_owned).collect();
    let mut params = CertificateParams::new(names).map_err(|e| crypto("CSR", &e))?;
    params.distinguished_name = DistinguishedName::new();
    let csr = params.serialize_request(&key).map_err(|e| crypto("CSR", &e))?;
    let stored = Stored {
        key_pem: key.serialize_pem(),
        csr: BASE64_URL_SAFE_NO_PAD.encode(csr.der()),
    };
    serde_json::to_string(&stored)
        .map(SecretString::from)
        .map_err(|e| crypto("certificate key", &e))
}

/// A key (PKCS#8 PEM) that came with its certificate, as one secret to store: there is no CSR.
///
/// # Errors
/// If it cannot be written.
pub fn of_upload(key_pem: &SecretString) -> Result<SecretString, Failure> {
    let stored = Stored {
        key_pem: key_pem.expose_secret().to_owned(),
        csr: String::new(),
    };
    serde_json::to_string(&stored)
        .map(SecretString::from)
        .map_err(|e| crypto("certificate key", &e))
}

/// Reads what [`generate`] or [`of_upload`] made. The error never holds what was read.
///
/// # Errors
/// If the secret is not in that form.
pub fn parse(secret: &SecretString) -> Result<KeyMaterial, Failure> {
    let bad = || {
        let text = "the stored certificate key is not in the form that this service writes";
        Failure::new(Class::Permanent, Stage::Request, "certificateKey", text)
    };
    let stored: Stored = serde_json::from_str(secret.expose_secret()).map_err(|_| bad())?;
    let csr = BASE64_URL_SAFE_NO_PAD.decode(&stored.csr).map_err(|_| bad())?;
    Ok(KeyMaterial {
        key_pem: stored.key_pem.clone().into(),
        csr,
    })
}
