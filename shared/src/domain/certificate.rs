//! Certificates and where they are used.

use serde::{Deserialize, Serialize};

use super::{AccountId, CertificateId, DomainName, RequestId, Timestamp};

/// Where a certificate came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateSource {
    /// Issued through ACME.
    Acme,
    /// Uploaded by a client.
    Upload,
}

impl CertificateSource {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acme => "acme",
            Self::Upload => "upload",
        }
    }
}

/// A certificate. The private key is in the vault under `key_ref`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its id.
    pub id: CertificateId,
    /// SHA-256 of the DER, lower-case hex; unique.
    pub fingerprint: String,
    /// Serial number, lower-case hex.
    pub serial: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// The names it covers.
    pub names: Vec<DomainName>,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub expires_at: Timestamp,
    /// The end-entity certificate, PEM.
    pub cert_pem: String,
    /// The intermediates in order, PEM.
    pub chain_pem: String,
    /// The vault name of the private key; empty if the key is not ours to keep (the client sent a CSR).
    pub key_ref: String,
    /// Where it came from.
    pub source: CertificateSource,
    /// The account that ordered it.
    pub account_id: Option<AccountId>,
    /// The provider's name.
    pub provider: String,
    /// The request that ordered it.
    pub request_id: Option<RequestId>,
    /// The CA's profile that it was ordered with.
    pub profile: Option<String>,
    /// 1, and one more with each renewal in its place.
    pub version: u64,
    /// Creation.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

impl Certificate {
    /// Whether the vault has its private key.
    #[must_use]
    pub const fn has_key(&self) -> bool {
        !self.key_ref.is_empty()
    }
}

/// A website that uses a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The certificate.
    pub certificate_id: CertificateId,
    /// The website.
    pub website_id: u64,
    /// Whether it is served now.
    pub active: bool,
}
