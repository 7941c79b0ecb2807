//! Renewals and the versions of a certificate.

use async_trait::async_trait;

use super::error::StoreError;
use certmint_core::{
    certificate::{Certificate, CertificateStatus},
    issuance::{NewRequest, Request},
    renewal::Renewal,
    words::{CertificateId, Page, PageRequest, RequestId, Timestamp},
};

/// Which certificates to list by their end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndingFilter {
    /// Those that end before.
    pub until: Timestamp,
    /// Those that stand so `now`.
    pub status: Option<CertificateStatus>,
    /// By this clock.
    pub now: Timestamp,
}

/// Renewals: one small item beside each certificate, written with it; it is in two sparse indexes, by the time of the
/// next look and by the end of validity.
#[async_trait]
pub trait RenewalStore: Send + Sync {
    /// The renewals of these certificates, in their order. One recorded before there were renewals has the
    /// [first](certmint_core::renewal::first) one, unwritten (revision 0). One batch read for 100.
    async fn renewals(&self, certificates: &[Certificate]) -> Result<Vec<Renewal>, StoreError>;
    /// Replaces it if its revision is still `renewal.revision` ([`StoreError::Conflict`] else); the stored one is one
    /// higher. One write.
    async fn save_renewal(&self, renewal: &Renewal) -> Result<Renewal, StoreError>;
    /// Certificates whose renewal is to be looked at, earliest first over all shards, at most `limit`.
    async fn due_renewals(&self, now: Timestamp, limit: usize) -> Result<Vec<CertificateId>, StoreError>;
    /// Makes a request that renews: one transaction of the pending request, its names' lock
    /// ([`SingleFlight`](super::SingleFlight)) and `renewal` as [started](certmint_core::renewal::started), on condition of
    /// its revision ([`StoreError::Conflict`] else). So of two callers that read the same renewal one makes a
    /// request. A repeat after a lost answer is known by the request's new id.
    async fn start_renewal(
        &self,
        renewal: &Renewal,
        new: NewRequest,
        max_attempts: u32,
        now: Timestamp,
    ) -> Result<Request, StoreError>;
    /// Puts `certificate` in the place of the one with its id: the next version, the first creation date; the older
    /// version stays beside it, its key for [a while](certmint_core::certificate::OLD_KEY_KEPT). Its renewal is [replaced](certmint_core::renewal::replaced) in the same transaction, and the
    /// request's fence is checked. A known fingerprint returns its certificate, so that a repeat changes nothing.
    async fn replace_certificate(
        &self,
        certificate: Certificate,
        fence: (RequestId, u64),
    ) -> Result<Certificate, StoreError>;
    /// Records `certificate` under the next id as the [successor](certmint_core::renewal::successor) of `old`, which is
    /// [succeeded](certmint_core::renewal::succeeded) in the same transaction and is renewed no more; the request's fence is
    /// checked. [`StoreError::NotFound`] if `old` is gone or deleted: then there is nothing to succeed. A known
    /// fingerprint returns its certificate, so that a repeat changes nothing.
    async fn succeed_certificate(
        &self,
        old: CertificateId,
        certificate: Certificate,
        fence: (RequestId, u64),
    ) -> Result<Certificate, StoreError>;
    /// All versions of a certificate, newest first.
    async fn certificate_versions(&self, id: CertificateId) -> Result<Vec<Certificate>, StoreError>;
    /// A page of them. At most a page is read, and the certificate.
    async fn versions_page(
        &self,
        id: CertificateId,
        page: &PageRequest,
        pem: bool,
    ) -> Result<Page<Certificate>, StoreError>;
    /// A page of certificates by their end, the earliest first. What cannot be read is left out.
    ///
    /// Without a status a page behind a cursor reads its own rows, and one by number the places before it, too; that and the
    /// first page count the list, which a cursor remembers. With a status a page looks at a bounded number of certificates
    /// and ends early, perhaps empty; its total is what was found up to its end, and one more if there is one.
    async fn ending(
        &self,
        filter: &EndingFilter,
        page: &PageRequest,
    ) -> Result<Page<Certificate>, StoreError>;
    /// Requests by id; ids without one, or with one that cannot be read, are left out. One batch read for 100.
    async fn requests_that_renew(&self, ids: &[RequestId]) -> Result<Vec<Request>, StoreError>;
    /// Removes the renewal of a certificate that is no more. A repeat finds nothing. One write.
    async fn forget_renewal(&self, id: CertificateId) -> Result<(), StoreError>;
}
