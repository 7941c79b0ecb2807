//! Renewals and the versions of a certificate.

use async_trait::async_trait;

use super::{
    certificate_items::changing,
    ending,
    flight::{self, Lock},
    item::readable,
    keys::{self, Key, Work},
    lists,
    renewal_items::{from_item, to_item, unchanged},
    request_items,
    store::DynamoStore,
    succession,
    table::Fresh,
    tx::Tx,
    versions,
};
use crate::store::{CertificateStore, EndingFilter, RenewalStore, StoreError};
use certmint_core::{
    certificate::Certificate,
    issuance::{NewRequest, Request},
    renewal::{self, Renewal},
    words::{CertificateId, Page, PageRequest, RequestId, Timestamp},
};

/// Why a renewal was not begun.
enum Lost {
    Request(flight::Lost),
    Renewal,
}

impl From<flight::Lost> for Lost {
    fn from(lost: flight::Lost) -> Self {
        Self::Request(lost)
    }
}

#[async_trait]
impl RenewalStore for DynamoStore {
    async fn renewals(&self, certificates: &[Certificate]) -> Result<Vec<Renewal>, StoreError> {
        let keys: Vec<Key> = certificates.iter().map(|c| keys::renewal(c.id)).collect();
        let rows = self.table().await?.batch(&keys, Fresh::Now).await?;
        let mut rows = rows
            .into_iter()
            .map(|row| (row.key(), row))
            .collect::<std::collections::HashMap<_, _>>();
        let mut renewals = Vec::new();
        for certificate in certificates {
            match rows.remove(&keys::renewal(certificate.id)) {
                Some(row) => renewals.extend(readable([&row], from_item)),
                None => renewals.push(renewal::first(certificate)),
            }
        }
        Ok(renewals)
    }

    async fn save_renewal(&self, renewal: &Renewal) -> Result<Renewal, StoreError> {
        let mut tx = Tx::new();
        tx.put_if(
            to_item(renewal)?,
            unchanged(renewal),
            changing(renewal.certificate_id),
        );
        tx.commit(self.table().await?).await??;
        Ok(Renewal {
            revision: renewal.revision + 1,
            ..renewal.clone()
        })
    }

    /// Eight small index reads.
    async fn due_renewals(&self, now: Timestamp, limit: usize) -> Result<Vec<CertificateId>, StoreError> {
        let due = lists::due(self.table().await?, Work::Renewals, now, limit).await?;
        Ok(due
            .iter()
            .filter_map(|row| keys::certificate_in(&row.key().pk))
            .collect())
    }

    /// Two writes: the counter, then the transaction.
    async fn start_renewal(
        &self,
        renewal: &Renewal,
        new: NewRequest,
        max_attempts: u32,
        now: Timestamp,
    ) -> Result<Request, StoreError> {
        let table = self.table().await?;
        let at = flight::lock_key(&new);
        let request = request_items::fresh(table, new, max_attempts, now).await?;
        let mut tx = Tx::new();
        flight::insertion(&mut tx, &request, (&at, Lock::Whatever), now)?;
        let started = to_item(&renewal::started(renewal, request.id, now))?;
        tx.put_if(started, unchanged(renewal), Lost::Renewal);
        match tx.commit(table).await? {
            Ok(()) | Err(Lost::Request(flight::Lost::Written)) => Ok(request),
            Err(_) => Err(changing(renewal.certificate_id)),
        }
    }

    /// Reads: fingerprint, certificate and renewal. One transaction.
    async fn replace_certificate(
        &self,
        certificate: Certificate,
        fence: (RequestId, u64),
    ) -> Result<Certificate, StoreError> {
        self.has_room_for(&certificate)?;
        succession::replace(self.table().await?, &certificate, fence).await
    }

    async fn succeed_certificate(
        &self,
        old: CertificateId,
        certificate: Certificate,
        fence: (RequestId, u64),
    ) -> Result<Certificate, StoreError> {
        self.has_room_for(&certificate)?;
        succession::succeed(self.table().await?, old, &certificate, fence).await
    }

    async fn certificate_versions(&self, id: CertificateId) -> Result<Vec<Certificate>, StoreError> {
        versions::all(self.table().await?, id).await
    }

    async fn versions_page(
        &self,
        id: CertificateId,
        page: &PageRequest,
        pem: bool,
    ) -> Result<Page<Certificate>, StoreError> {
        versions::page(self.table().await?, id, page, pem).await
    }

    async fn ending(
        &self,
        filter: &EndingFilter,
        page: &PageRequest,
    ) -> Result<Page<Certificate>, StoreError> {
        ending::page(self.table().await?, filter, page).await
    }

    async fn requests_that_renew(&self, ids: &[RequestId]) -> Result<Vec<Request>, StoreError> {
        let keys: Vec<Key> = ids.iter().map(|id| keys::request(*id)).collect();
        let rows = self.table().await?.batch(&keys, Fresh::Now).await?;
        Ok(readable(&rows, request_items::from_item))
    }

    async fn forget_renewal(&self, id: CertificateId) -> Result<(), StoreError> {
        let mut tx = Tx::<StoreError>::new();
        tx.delete(keys::renewal(id));
        tx.commit(self.table().await?).await?
    }
}
