//! Which certificates have to do with each other.

use async_trait::async_trait;

use super::error::StoreError;
use certmint_core::{
    certificate::Certificate,
    words::{CertificateId, DomainName},
};

/// Certificates by what they are, without reading them all.
#[async_trait]
pub trait CertificateRelations: Send + Sync {
    /// The certificate with this fingerprint (SHA-256, lower-case hex). One read.
    async fn certificate_with(&self, fingerprint: &str) -> Result<Option<CertificateId>, StoreError>;
    /// Other certificates with exactly the same names in any order, oldest first, at most 100. One read.
    /// [`CertificateStore::record_certificate`](super::CertificateStore::record_certificate) writes what it reads;
    /// certificates recorded before that did are not found.
    async fn same_names(&self, certificate: &Certificate) -> Result<Vec<CertificateId>, StoreError>;
    /// The vault names of the keys of all certificates with exactly these names, older versions included. One read, and
    /// two for each certificate.
    async fn keys_in_use(&self, names: &[DomainName]) -> Result<Vec<String>, StoreError>;
    /// Whether a client said that somebody else may have this key ([`key_id`](certmint_core::x509::certificate::key_id)), of whichever
    /// certificate. One read.
    async fn is_compromised(&self, key_id: &str) -> Result<bool, StoreError>;
}
