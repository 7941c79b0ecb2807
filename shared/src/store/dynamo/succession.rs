//! Certificates that succeed others, and settled revocations of versions that were replaced.

use super::{
    DynamoStore,
    certificate_lifecycle::missing,
    certificates::{key, lifecycle},
    renewal_items::{unchanged, write},
    renewals::{TRIES, conflict, version_sk},
    s,
    write::{Condition, Refusal},
};
use crate::store::{CertificateStore, RenewalStore, StoreError, settled};
use certmint_core::{
    certificate::Certificate,
    renewal,
    words::{CertificateId, RequestId, Timestamp},
};

impl DynamoStore {
    /// Reads: fingerprint, the old certificate and its renewal. Writes: the counter and the names, then one transaction
    /// of all that [`record_items`](Self::record_items) has, the fence, the old certificate as it was read, and its
    /// renewal.
    pub(super) async fn succeed(
        &self,
        old: CertificateId,
        certificate: Certificate,
        fence: (RequestId, u64),
    ) -> Result<Certificate, StoreError> {
        let mut fresh = None;
        for _ in 0..TRIES {
            if let Some(known) = self.by_fingerprint(&certificate.fingerprint).await? {
                return Ok(known);
            }
            let before = self.certificate(old).await?;
            if before.lifecycle.deleted_at.is_some() {
                return Err(missing(old));
            }
            let renewal = self.one_renewal(&before).await?;
            let new = match fresh.take() {
                Some(new) => new,
                None => {
                    let id = CertificateId::new(self.next_id("CERTIFICATE").await?);
                    let new = Certificate {
                        id,
                        ..certificate.clone()
                    };
                    self.put_names(&new).await?;
                    new
                }
            };
            let mut items = self.record_items(&new, &renewal::successor(&renewal, &new))?;
            let place = items.len();
            let same = Condition::new("lifecycle = :was").with(":was", s(lifecycle(&before)?));
            items.push(self.held(fence)?);
            items.push(self.check(&key(old), "META", same)?);
            items.push(self.put(write(&renewal::succeeded(&renewal, &new)), unchanged(&renewal))?);
            match self.transact(items).await {
                Ok(()) => return Ok(new),
                Err(Refusal::Condition(at)) if at == place => return Err(StoreError::LeaseLost(fence.0)),
                // Somebody wrote one of them meanwhile: this write after a lost answer, a look, a client.
                Err(Refusal::Condition(_)) => fresh = Some(new),
                Err(Refusal::Store(error)) => return Err(error),
            }
        }
        Err(conflict(old))
    }

    /// Settles the revocation of a version that was replaced since it was asked for. One range, one conditional write.
    pub(super) async fn settle_older(
        &self,
        id: CertificateId,
        version: u64,
        refusal: Option<&str>,
        now: Timestamp,
    ) -> Result<Certificate, StoreError> {
        let versions = self.certificate_versions(id).await?;
        let old = versions.into_iter().skip(1).find(|c| c.version == version);
        let old = old.ok_or_else(|| missing(id))?;
        let new = Certificate {
            lifecycle: settled(&old, refusal, now),
            ..old.clone()
        };
        if new == old {
            return Ok(old);
        }
        let condition = Condition::new("lifecycle = :was")
            .with(":was", s(lifecycle(&old)?))
            .with(":is", s(lifecycle(&new)?));
        let write = self.update_at(&key(id), &version_sk(version), "SET lifecycle = :is", condition)?;
        self.transact(vec![write]).await.map_err(|r| r.or(conflict(id)))?;
        Ok(new)
    }
}
