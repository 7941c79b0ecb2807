//! Which key a certificate has.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::words::{NameSet, hex};

/// A kind of key that we make. Its words are those of the wire and of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyAlgorithm {
    /// ECDSA on P-256: what every client of today can do, and the fastest.
    #[default]
    #[serde(rename = "ecdsa-p256")]
    EcdsaP256,
    /// ECDSA on P-384.
    #[serde(rename = "ecdsa-p384")]
    EcdsaP384,
    /// RSA, 2048 bits: the least that public CAs take.
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    /// RSA, 3072 bits.
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    /// RSA, 4096 bits.
    #[serde(rename = "rsa-4096")]
    Rsa4096,
}

impl KeyAlgorithm {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
    ];

    /// Whether making one takes so long (seconds at 4096 bits) that others should not wait for it.
    #[must_use]
    pub const fn is_slow(self) -> bool {
        matches!(self, Self::Rsa2048 | Self::Rsa3072 | Self::Rsa4096)
    }

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
        }
    }
}

/// A word that is no key algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 or rsa-4096")]
pub struct UnknownKeyAlgorithm;

impl FromStr for KeyAlgorithm {
    type Err = UnknownKeyAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownKeyAlgorithm> {
        Self::ALL
            .into_iter()
            .find(|a| a.as_str() == text)
            .ok_or(UnknownKeyAlgorithm)
    }
}

/// Whose key a certificate is to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum KeyPlan {
    /// We make it; it is in the vault.
    Us {
        /// Which.
        algorithm: KeyAlgorithm,
        /// Whether a renewal is made with the key of the certificate that it renews.
        #[serde(default, skip_serializing_if = "is_false")]
        reuse: bool,
    },
    /// The client has it and sent a CSR.
    Client {
        /// The CSR, DER as base64url.
        csr: String,
        /// What its key is.
        algorithm: KeyAlgorithm,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Default for KeyPlan {
    fn default() -> Self {
        Self::ours(KeyAlgorithm::default())
    }
}

impl KeyPlan {
    /// A key of ours, a new one each time.
    #[must_use]
    pub const fn ours(algorithm: KeyAlgorithm) -> Self {
        Self::Us {
            algorithm,
            reuse: false,
        }
    }

    /// Whether renewals have the same key: a CSR's is the client's, so it stays by nature.
    #[must_use]
    pub const fn is_reused(&self) -> bool {
        match self {
            Self::Us { reuse, .. } => *reuse,
            Self::Client { .. } => true,
        }
    }

    /// What the key is.
    #[must_use]
    pub const fn algorithm(&self) -> KeyAlgorithm {
        match self {
            Self::Us { algorithm, .. } | Self::Client { algorithm, .. } => *algorithm,
        }
    }

    /// The same for requests that one certificate answers: the same names in any order, and the same key. For a key
    /// of the default kind it is the [set's key](NameSet::set_key) alone. What renewals do with the key is no part of it.
    #[must_use]
    pub fn flight_key(&self, names: &NameSet) -> String {
        let set = names.set_key();
        match self {
            Self::Us { algorithm, .. } if *algorithm == KeyAlgorithm::default() => set,
            Self::Us { algorithm, .. } => format!("{set}#{}", algorithm.as_str()),
            Self::Client { csr, .. } => {
                format!("{set}#{}", hex(&Sha256::digest(csr.as_bytes())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_before_there_was_reuse_is_read_and_written_the_same() {
        let old = r#"{"by":"us","algorithm":"rsa-3072"}"#;
        let plan: KeyPlan = serde_json::from_str(old).unwrap();
        assert_eq!(plan, KeyPlan::ours(KeyAlgorithm::Rsa3072));
        assert_eq!(serde_json::to_string(&plan).unwrap(), old);
    }
}
