//! Renewals and the versions of a certificate.

use async_trait::async_trait;
use certmint_core::{
    certificate::{Certificate, Lifecycle},
    chore::Chore,
    issuance::{NewRequest, Request},
    renewal::{self, Renewal},
    words::{CertificateId, Page, PageRequest, RequestId, Timestamp},
};
use certmint_shared::store::{EndingFilter, RenewalStore, StoreError, ending_after};

use super::{super::op::Op, MemoryStore, Tables, cursor_after, not_found, page, page_by_id};

impl Tables {
    fn renewal(&self, certificate: &Certificate) -> Renewal {
        let stored = self.renewals.get(&certificate.id.get()).cloned();
        stored.unwrap_or_else(|| renewal::first(certificate))
    }

    /// Writes it with the next revision.
    pub(super) fn put_renewal(&mut self, renewal: &Renewal) -> Renewal {
        let stored = Renewal {
            revision: renewal.revision + 1,
            ..renewal.clone()
        };
        self.renewals.insert(renewal.certificate_id.get(), stored.clone());
        stored
    }

    pub(super) fn forget_renewal(&mut self, certificate: CertificateId) {
        self.renewals.remove(&certificate.get());
    }

    fn unchanged(&self, renewal: &Renewal) -> Result<(), StoreError> {
        let stored = self.renewals.get(&renewal.certificate_id.get());
        if stored.map_or(0, |r| r.revision) == renewal.revision {
            return Ok(());
        }
        Err(StoreError::Conflict {
            kind: "certificate",
            id: renewal.certificate_id.to_string(),
        })
    }
}

#[async_trait]
impl RenewalStore for MemoryStore {
    async fn renewals(&self, certificates: &[Certificate]) -> Result<Vec<Renewal>, StoreError> {
        self.gate
            .call(Op::ReadRenewals, || {
                let tables = self.tables();
                Ok(certificates.iter().map(|c| tables.renewal(c)).collect())
            })
            .await
    }

    async fn save_renewal(&self, renewal: &Renewal) -> Result<Renewal, StoreError> {
        self.gate
            .call(Op::SaveRenewal, || {
                let mut tables = self.tables();
                tables.unchanged(renewal)?;
                Ok(tables.put_renewal(renewal))
            })
            .await
    }

    async fn due_renewals(&self, now: Timestamp, limit: usize) -> Result<Vec<CertificateId>, StoreError> {
        self.gate
            .call(Op::DueRenewals, || {
                let tables = self.tables();
                let mut due: Vec<(Timestamp, CertificateId)> = tables
                    .renewals
                    .values()
                    .filter_map(|r| Some((r.look_at.filter(|at| *at <= now)?, r.certificate_id)))
                    .collect();
                due.sort();
                due.truncate(limit);
                Ok(due.into_iter().map(|(_, id)| id).collect())
            })
            .await
    }

    async fn start_renewal(
        &self,
        renewal: &Renewal,
        new: NewRequest,
        max_attempts: u32,
        now: Timestamp,
    ) -> Result<Request, StoreError> {
        self.gate
            .call(Op::StartRenewal, || {
                let mut tables = self.tables();
                tables.unchanged(renewal)?;
                let request = self.insert_request(&mut tables, new.clone(), max_attempts, None, now)?;
                tables.put_renewal(&renewal::started(renewal, request.id, now));
                self.tell(|| format!("request {} renews {}", request.id, renewal.certificate_id));
                Ok(request)
            })
            .await
    }

    async fn replace_certificate(
        &self,
        certificate: Certificate,
        fence: (RequestId, u64),
    ) -> Result<Certificate, StoreError> {
        self.gate
            .call(Op::ReplaceCertificate, || {
                let mut tables = self.tables();
                if let Some(known) = tables.by_fingerprint(&certificate.fingerprint) {
                    return Ok(known);
                }
                let id = certificate.id.get();
                let old = tables.certificates.get(&id).cloned();
                let old = old.ok_or_else(|| not_found("certificate", id))?;
                tables.held(fence)?;
                tables.note_fence(fence);
                let request = fence.0;
                self.tell(|| format!("request {request} makes version {} of {id}", old.version + 1));
                let new = Certificate {
                    version: old.version + 1,
                    created_at: old.created_at,
                    lifecycle: Lifecycle {
                        revocation: None,
                        ..old.lifecycle.clone()
                    },
                    ..certificate.clone()
                };
                let expiry = Chore::ExpireCertificate { id: certificate.id };
                tables.enqueue(format!("expire-{id}"), expiry, new.expires_at);
                if let Some((name, chore, due)) = old.old_key(new.updated_at) {
                    tables.enqueue(name, chore, due);
                }
                let renewal = renewal::replaced(&tables.renewal(&old), &new);
                tables.put_renewal(&renewal);
                tables.expired.remove(&id);
                tables.versions.insert((id, old.version), old);
                tables.certificates.insert(id, new.clone());
                Ok(new)
            })
            .await
    }

    async fn succeed_certificate(
        &self,
        old: CertificateId,
        certificate: Certificate,
        fence: (RequestId, u64),
    ) -> Result<Certificate, StoreError> {
        self.gate
            .call(Op::SucceedCertificate, || {
                let mut tables = self.tables();
                if let Some(known) = tables.by_fingerprint(&certificate.fingerprint) {
                    return Ok(known);
                }
                let before = tables.certificates.get(&old.get()).cloned();
                let before = before.filter(|c| c.lifecycle.deleted_at.is_none());
                let before = before.ok_or_else(|| not_found("certificate", old))?;
                tables.held(fence)?;
                let new = tables.insert_certificate(&certificate);
                let renewal = tables.renewal(&before);
                tables.put_renewal(&renewal::successor(&renewal, &new));
                tables.put_renewal(&renewal::succeeded(&renewal, &new));
                Ok(new)
            })
            .await
    }

    async fn certificate_versions(&self, id: CertificateId) -> Result<Vec<Certificate>, StoreError> {
        let tables = self.tables();
        let newest = tables.certificates.get(&id.get());
        let newest = newest.cloned().ok_or_else(|| not_found("certificate", id))?;
        let older = tables.versions.range((id.get(), 0)..(id.get() + 1, 0)).rev();
        Ok(std::iter::once(newest)
            .chain(older.map(|(_, c)| c.clone()))
            .collect())
    }

    async fn versions_page(
        &self,
        id: CertificateId,
        request: &PageRequest,
        _: bool,
    ) -> Result<Page<Certificate>, StoreError> {
        page_by_id(self.certificate_versions(id).await?, |c| c.version, request)
    }

    async fn ending(
        &self,
        filter: &EndingFilter,
        request: &PageRequest,
    ) -> Result<Page<Certificate>, StoreError> {
        let tables = self.tables();
        let ending = tables.renewals.values().filter(|r| r.expires_at < filter.until);
        let ending = ending.filter_map(|r| tables.certificates.get(&r.certificate_id.get()));
        let asked = ending.filter(|c| filter.status.is_none_or(|status| c.status(filter.now) == status));
        let place = |c: &Certificate| format!("{}#{:012}", c.expires_at.sort_key(), c.id.get());
        let mut rows: Vec<Certificate> = asked.cloned().collect();
        rows.sort_by_cached_key(place);
        let total = rows.len() as u64;
        let after = ending_after(request)?.map(|(place, _)| place);
        rows.retain(|c| after.is_none_or(|after| place(c).as_str() > after));
        let mut found = page(rows, request)?;
        found.total = total;
        found.next_cursor = cursor_after(&found, request, |c| format!("{}-{total}", place(c)));
        Ok(found)
    }

    async fn requests_that_renew(&self, ids: &[RequestId]) -> Result<Vec<Request>, StoreError> {
        self.gate
            .call(Op::ReadRenewing, || {
                let tables = self.tables();
                let readable = ids.iter().filter(|id| !tables.unreadable.contains(id));
                Ok(readable
                    .filter_map(|id| tables.requests.get(id).cloned())
                    .collect())
            })
            .await
    }

    async fn forget_renewal(&self, id: CertificateId) -> Result<(), StoreError> {
        self.gate
            .call(Op::ForgetRenewal, || {
                self.tables().forget_renewal(id);
                Ok(())
            })
            .await
    }
}
