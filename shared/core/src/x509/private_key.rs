//! Private keys as people bring them, and as we keep them: PKCS#8.

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair},
};
use pkcs8::{
    EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef,
    der::{Decode, asn1::AnyRef},
    pkcs5::{EncryptionScheme, pbes2::Kdf},
};
use rcgen::{KeyPair, PublicKeyData};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{
    pem::{self, PemError},
    public_key,
};

/// Rounds of PBKDF2 that are computed for a key that somebody sends: a few seconds of a small function.
const MAX_ROUNDS: u32 = 2_000_000;
/// Memory that scrypt may take, bytes (RFC 7914 §2: 128 · N · r).
const MAX_SCRYPT: u64 = 64 * 1024 * 1024;

/// Why a text is no private key that we can use. Never holds any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not PEM.
    #[error("is no PEM: {0}")]
    Pem(#[from] PemError),
    /// No PEM block of a private key.
    #[error("holds no PEM block PRIVATE KEY, ENCRYPTED PRIVATE KEY, RSA PRIVATE KEY or EC PRIVATE KEY")]
    NoPem,
    /// Cut, or more than a key.
    #[error("holds octets that are no key, or more than one key; export it anew")]
    NotDer,
    /// Two keys or more.
    #[error("holds more than one private key")]
    Several,
    /// OpenSSL's old encryption, or an encryption other than PBES2.
    #[error(
        "is encrypted in an old way; convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in old.pem -out new.pem"
    )]
    OldEncryption,
    /// The parameters ask for more work than a function has.
    #[error("is encrypted with so many rounds that it cannot be opened here; send it with fewer")]
    TooManyRounds,
    /// Encrypted, and nothing to open it with.
    #[error("is encrypted; send its passphrase too")]
    NoPassphrase,
    /// The passphrase does not open it.
    #[error("does not open with this passphrase")]
    WrongPassphrase,
    /// A key of another kind.
    #[error(
        "is a key of the kind {0}; an RSA key of 2048 to 8192 bits or an EC key on P-256 or P-384 is taken"
    )]
    Kind(String),
    /// Not RSA with 2048 to 8192 bits, nor ECDSA on P-256 or P-384.
    #[error("is no RSA key of 2048 to 8192 bits and no EC key on P-256 or P-384")]
    Unsupported,
}

/// A private key, wiped when dropped.
pub struct PrivateKey {
    /// PKCS#8 (RFC 5958 §2).
    der: Zeroizing<Vec<u8>>,
    /// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    public_key: Vec<u8>,
}

impl PrivateKey {
    /// Reads PKCS#8, with a passphrase PKCS#8 encrypted by PBES2 (RFC 8018 §6.2), PKCS#1 (RFC 8017 §A.1.2) or SEC1
    /// (RFC 5915). Other blocks are passed over.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(pem: &SecretString, passphrase: Option<&SecretString>) -> Result<Self, KeyError> {
        let mut found = None;
        for block in pem::blocks(pem.expose_secret())? {
            if block.label.ends_with("PRIVATE KEY") && found.replace(block).is_some() {
                return Err(KeyError::Several);
            }
        }
        let block = found.ok_or(KeyError::NoPem)?;
        match block.label.as_str() {
            "PRIVATE KEY" => Self::from_der(&block.der),
            "ENCRYPTED PRIVATE KEY" => {
                let passphrase = passphrase.ok_or(KeyError::NoPassphrase)?;
                Self::from_der(&decrypt(&block.der, passphrase)?)
            }
            // RFC 1421 §4.6.1.1: its headers say that it is encrypted.
            _ if block.has_headers => Err(KeyError::OldEncryption),
            "RSA PRIVATE KEY" | "EC PRIVATE KEY" => Self::from_der(&block.der),
            _ => Err(KeyError::NoPem),
        }
    }

    /// A key in any of its encodings, and nothing else.
    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        AnyRef::from_der(der).map_err(|_| KeyError::NotDer)?;
        let pkcs8 = pkcs8_of(der).ok_or_else(|| refusal(der))?;
        let pair = KeyPair::try_from(pkcs8.as_slice()).map_err(|_| KeyError::Unsupported)?;
        Ok(Self {
            public_key: pair.subject_public_key_info(),
            der: pkcs8,
        })
    }

    /// PKCS#8, DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// PKCS#8, PEM.
    ///
    /// # Errors
    /// Never for a key that was read.
    pub fn pem(&self) -> Result<SecretString, KeyError> {
        let document =
            pkcs8::SecretDocument::try_from(self.der.as_slice()).map_err(|_| KeyError::Unsupported)?;
        let text = document.to_pem("PRIVATE KEY", pkcs8::LineEnding::LF);
        text.map(|t| SecretString::from(t.as_str()))
            .map_err(|_| KeyError::Unsupported)
    }

    /// The public key, DER of SubjectPublicKeyInfo.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }
}

/// Why there is no use for a key.
fn refusal(der: &[u8]) -> KeyError {
    let Ok(key) = PrivateKeyInfoRef::try_from(der) else {
        return KeyError::Unsupported;
    };
    let curve = key.algorithm.parameters;
    let curve = curve.and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
    let curve = curve.map(|oid| oid.to_string());
    let kind = public_key::other_kind(&key.algorithm.oid.to_string(), curve.as_deref());
    kind.map_or(KeyError::Unsupported, KeyError::Kind)
}

/// The same key as PKCS#8, whatever encoding it comes in.
fn pkcs8_of(der: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let rsa = rsa::KeyPair::from_pkcs8(der).or_else(|_| rsa::KeyPair::from_der(der));
    if let Ok(pair) = rsa {
        let document: Pkcs8V1Der<'_> = pair.as_der().ok()?;
        return Some(Zeroizing::new(document.as_ref().to_vec()));
    }
    [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING]
        .into_iter()
        .find_map(|curve| EcdsaKeyPair::from_private_key_der(curve, der).ok())
        .and_then(|pair| pair.to_pkcs8v1().ok())
        .map(|document| Zeroizing::new(document.as_ref().to_vec()))
}

fn decrypt(der: &[u8], passphrase: &SecretString) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| KeyError::OldEncryption)?;
    let EncryptionScheme::Pbes2(parameters) = &info.encryption_algorithm else {
        return Err(KeyError::OldEncryption);
    };
    let fits = match &parameters.kdf {
        Kdf::Pbkdf2(p) => p.iteration_count <= MAX_ROUNDS,
        Kdf::Scrypt(p) => {
            let memory = u64::from(p.block_size).saturating_mul(128);
            let memory = p.cost_parameter.saturating_mul(memory);
            memory <= MAX_SCRYPT && p.parallelization <= 4
        }
        _ => false,
    };
    if !fits {
        return Err(KeyError::TooManyRounds);
    }
    let opened = info.decrypt(passphrase.expose_secret());
    let document = opened.map_err(|_| KeyError::WrongPassphrase)?;
    Ok(Zeroizing::new(document.as_bytes().to_vec()))
}
