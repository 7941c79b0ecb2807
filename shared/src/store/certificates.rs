//! Certificates and bindings.

use async_trait::async_trait;

use super::error::StoreError;
use certmint_core::{
    certificate::{Binding, Certificate, CertificateSource, CertificateStatus},
    issuance::Request,
    words::{CertificateId, DomainName, Page, PageRequest, Timestamp},
};

/// Which certificates to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateFilter {
    /// With (or without) a wildcard among the names.
    pub wildcard: Option<bool>,
    /// From there.
    pub source: Option<CertificateSource>,
    /// With this status; without it all but the deleted ones. A certificate whose time is over counts as `issued` until
    /// a worker has moved it (a minute).
    pub status: Option<CertificateStatus>,
    /// With this name or one below it.
    pub name: Option<DomainName>,
    /// Whether the answer has their PEM: then it counts for the bytes of a page.
    pub pem: bool,
    /// Whether who asks knows the total already: then that of the page says nothing.
    pub uncounted: bool,
}

/// Which bindings to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BindingFilter {
    /// Of this certificate.
    pub certificate_id: Option<CertificateId>,
    /// Served now, or not.
    pub active: Option<bool>,
}

/// Certificates and bindings.
#[async_trait]
pub trait CertificateStore: Send + Sync {
    /// Whether there is room for a certificate and what will happen to it ([`StoreError::TooLarge`] else): for who does
    /// something before it is recorded. No read.
    fn has_room_for(&self, certificate: &Certificate) -> Result<(), StoreError>;
    /// Records it under the next id with its [first](certmint_core::renewal::recorded) renewal, unless its fingerprint is known:
    /// then that one is returned. `certificate.id` is ignored. The fence of the request that made it is checked in the
    /// same transaction; its renewals have that request's terms.
    async fn record_certificate(
        &self,
        certificate: Certificate,
        made_by: Option<&Request>,
    ) -> Result<Certificate, StoreError>;
    /// One certificate.
    async fn certificate(&self, id: CertificateId) -> Result<Certificate, StoreError>;
    /// A page, newest first.
    async fn certificates(
        &self,
        filter: &CertificateFilter,
        page: &PageRequest,
    ) -> Result<Page<Certificate>, StoreError>;
    /// Writes a binding; the same one twice is one. An active one needs a certificate that is not deleted, and makes
    /// the website's other one inactive; an inactive one must be there ([`StoreError::NotFound`]).
    ///
    /// One transaction with the certificate's count of websites, on condition that all is as it was read.
    async fn put_binding(&self, binding: &Binding, now: Timestamp) -> Result<(), StoreError>;
    /// A page of bindings, by certificate and website.
    async fn bindings(&self, filter: &BindingFilter, page: &PageRequest)
    -> Result<Page<Binding>, StoreError>;
}
