//! Keys that we make: account keys, and the private key with its CSR for one certificate.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rcgen::{
    CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    PKCS_RSA_SHA256, RsaKeySize,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use super::csr::Csr;
use crate::{
    certificate::KeyAlgorithm,
    words::{Cause, Class, Failure, NameSet, Stage},
};

/// A private key and the CSR made with it.
pub struct KeyMaterial {
    /// PKCS#8 PEM.
    pub key_pem: SecretString,
    /// The CSR, DER; empty if the key came with its certificate.
    pub csr: Vec<u8>,
    /// The request it was made for.
    owner: Option<String>,
}

/// How key and CSR lie in one secret.
#[derive(Serialize, Deserialize)]
struct Stored {
    key_pem: String,
    csr: String,
    /// Absent in what was stored before there was a check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
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
        Cause::Crypto,
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

fn new_key(algorithm: KeyAlgorithm) -> Result<KeyPair, rcgen::Error> {
    let rsa = |size| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size);
    match algorithm {
        KeyAlgorithm::EcdsaP256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        KeyAlgorithm::EcdsaP384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
        KeyAlgorithm::Rsa2048 => rsa(RsaKeySize::_2048),
        KeyAlgorithm::Rsa3072 => rsa(RsaKeySize::_3072),
        KeyAlgorithm::Rsa4096 => rsa(RsaKeySize::_4096),
    }
}

/// A new key and a CSR for `names` (no subject: public CAs ignore it), as one secret to store. `owner` says for which
/// request it is: [`check`] compares it.
///
/// # Errors
/// If the crypto library fails.
pub fn generate(names: &NameSet, algorithm: KeyAlgorithm, owner: &str) -> Result<SecretString, Failure> {
    let key = new_key(algorithm).map_err(|e| crypto("certificate key", &e))?;
    with_csr(&key, names, owner)
}

/// The same with a key (PKCS#8 PEM) that another certificate has: a secret of its own, so that either can be removed.
///
/// # Errors
/// If the key cannot be read, or the crypto library fails.
pub fn with_key(key_pem: &SecretString, names: &NameSet, owner: &str) -> Result<SecretString, Failure> {
    let key = KeyPair::from_pem(key_pem.expose_secret());
    // The library's words could hold some of what it read.
    let key = key.map_err(|_| crypto("certificate key", &"the stored one cannot be read"))?;
    with_csr(&key, names, owner)
}

fn with_csr(key: &KeyPair, names: &NameSet, owner: &str) -> Result<SecretString, Failure> {
    let names: Vec<String> = names.strings().into_iter().map(str::to_owned).collect();
    let mut params = CertificateParams::new(names).map_err(|e| crypto("CSR", &e))?;
    params.distinguished_name = DistinguishedName::new();
    let csr = params.serialize_request(key).map_err(|e| crypto("CSR", &e))?;
    let stored = Stored {
        key_pem: key.serialize_pem(),
        csr: BASE64_URL_SAFE_NO_PAD.encode(csr.der()),
        owner: Some(owner.to_owned()),
    };
    serde_json::to_string(&stored)
        .map(SecretString::from)
        .map_err(|e| crypto("certificate key", &e))
}

/// Whether the key that the vault has under `name` was made for this request: after a restore of the table an id may
/// be given out a second time, and the key of the first must not serve the second.
///
/// # Errors
/// Permanent, if the names, the kind of key or the owner are others.
pub fn check(
    name: &str,
    stored: &SecretString,
    names: &NameSet,
    algorithm: KeyAlgorithm,
    owner: &str,
) -> Result<(), Failure> {
    let material = parse(stored)?;
    let foreign = |what: &str| {
        let text = format!(
            "the vault holds {name} already, made for another request ({what}): the table was restored and ids are \
             given out again; raise the table's id counters (docs/operations.md, Restore the table), then retry"
        );
        Failure::new(Class::Permanent, Stage::Request, Cause::ForeignKey, text)
    };
    if material.owner.as_deref().is_some_and(|other| other != owner) {
        return Err(foreign("another owner"));
    }
    let csr = Csr::read(&material.csr).map_err(|_| foreign("its CSR cannot be read"))?;
    if !csr.has_names(names) {
        return Err(foreign("other names"));
    }
    if csr.algorithm() != Some(algorithm) {
        return Err(foreign("another kind of key"));
    }
    Ok(())
}

/// A key (PKCS#8 PEM) that came with its certificate, as one secret to store: there is no CSR.
///
/// # Errors
/// If it cannot be written.
pub fn of_upload(key_pem: &SecretString) -> Result<SecretString, Failure> {
    let stored = Stored {
        key_pem: key_pem.expose_secret().to_owned(),
        csr: String::new(),
        owner: None,
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
        Failure::new(Class::Permanent, Stage::Request, Cause::CertificateKey, text)
    };
    let stored: Stored = serde_json::from_str(secret.expose_secret()).map_err(|_| bad())?;
    let csr = BASE64_URL_SAFE_NO_PAD.decode(&stored.csr).map_err(|_| bad())?;
    Ok(KeyMaterial {
        key_pem: stored.key_pem.clone().into(),
        csr,
        owner: stored.owner.clone(),
    })
}
