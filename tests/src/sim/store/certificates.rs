//! Certificates and bindings.

use std::collections::BTreeSet;

use async_trait::async_trait;
use certmint_core::{
    certificate::{Binding, Certificate, CertificateSource, CertificateStatus},
    chore::Chore,
    issuance::Request,
    renewal,
    words::{CertificateId, DomainName, Page, PageRequest, RequestId, Timestamp},
};
use certmint_shared::store::{
    BindingFilter, CertificateFilter, CertificateRelations, CertificateStore, StoreError, binding_after,
    binding_cursor,
};

use super::{super::op::Op, MemoryStore, Tables, cursor_after, not_found, page, page_by_id};

impl Tables {
    /// The certificate that has or had the fingerprint, as it is now.
    pub(super) fn by_fingerprint(&self, fingerprint: &str) -> Option<Certificate> {
        let id = |c: &&Certificate| c.fingerprint == fingerprint;
        let all = self.certificates.values().chain(self.versions.values());
        let id = all.into_iter().find(id)?.id;
        self.certificates.get(&id.get()).cloned()
    }

    /// That the request is still in the hands of who records.
    pub(super) fn held(&self, (id, fence): (RequestId, u64)) -> Result<(), StoreError> {
        match self.requests.get(&id) {
            Some(request) if request.lease.fence == fence => Ok(()),
            _ => Err(StoreError::LeaseLost(id)),
        }
    }

    /// Under the next id, with the chore of its end.
    pub(super) fn insert_certificate(&mut self, certificate: &Certificate) -> Certificate {
        let id = self.next_id("certificate");
        let recorded = Certificate {
            id: CertificateId::new(id),
            ..certificate.clone()
        };
        let expiry = Chore::ExpireCertificate { id: recorded.id };
        self.enqueue(format!("expire-{id}"), expiry, recorded.expires_at);
        self.certificates.insert(id, recorded.clone());
        recorded
    }

    /// What a filter asks for, newest first.
    fn filed(&self, filter: &CertificateFilter) -> Vec<Certificate> {
        // As it was filed, not as it is by now.
        let status = |c: &Certificate| match self.expired.contains(&c.id.get()) {
            true => c.status(c.expires_at),
            false => c.status(Timestamp::ZERO),
        };
        let is_asked = |c: &Certificate| match filter.status {
            Some(asked) => status(c) == asked,
            None => status(c) != CertificateStatus::Deleted,
        };
        self.certificates
            .values()
            .rev()
            .filter(|c| {
                is_asked(c)
                    && filter.wildcard.is_none_or(|w| w == c.is_wildcard())
                    && filter.source.is_none_or(|s| s == c.source)
                    && filter.name.as_ref().is_none_or(|n| c.is_about(n))
            })
            .cloned()
            .collect()
    }

    /// A certificate is recorded now: the verdict asks whether that was its request's worker.
    pub(super) fn note_fence(&mut self, (request, fence): (RequestId, u64)) {
        let holds = self
            .requests
            .get(&request)
            .is_some_and(|r| r.lease.fence == fence);
        if !holds {
            self.unfenced.insert(request);
        }
    }
}

/// A set of names in any order.
fn set(names: &[DomainName]) -> BTreeSet<&DomainName> {
    names.iter().collect()
}

#[async_trait]
impl CertificateStore for MemoryStore {
    fn has_room_for(&self, _: &Certificate) -> Result<(), StoreError> {
        Ok(())
    }

    async fn record_certificate(
        &self,
        certificate: Certificate,
        made_by: Option<&Request>,
    ) -> Result<Certificate, StoreError> {
        self.gate
            .call(Op::RecordCertificate, || {
                if let (None, Some(timeline)) = (made_by, self.gate.timeline()) {
                    timeline.violation("a worker records a certificate without its fence".into());
                }
                let mut tables = self.tables();
                if let Some(known) = tables.by_fingerprint(&certificate.fingerprint) {
                    return Ok(known);
                }
                if let Some(request) = made_by {
                    let fence = (request.id, request.lease.fence);
                    tables.held(fence)?;
                    tables.note_fence(fence);
                }
                if certificate.source == CertificateSource::Upload {
                    tables.claim_secret(&certificate.key_ref)?;
                }
                let recorded = tables.insert_certificate(&certificate);
                tables.put_renewal(&renewal::recorded(&recorded, made_by));
                Ok(recorded)
            })
            .await
    }

    async fn certificate(&self, id: CertificateId) -> Result<Certificate, StoreError> {
        self.gate
            .call(Op::ReadCertificate, || {
                let found = self.tables().certificates.get(&id.get()).cloned();
                found.ok_or_else(|| not_found("certificate", id))
            })
            .await
    }

    async fn certificates(
        &self,
        filter: &CertificateFilter,
        request: &PageRequest,
    ) -> Result<Page<Certificate>, StoreError> {
        let rows = self.tables().filed(filter);
        page_by_id(rows, |c: &Certificate| c.id.get(), request)
    }

    async fn put_binding(&self, binding: &Binding, _now: Timestamp) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let (id, website) = (binding.certificate_id.get(), binding.website_id);
        let certificate = tables.certificates.get(&id);
        let certificate = certificate.ok_or_else(|| not_found("certificate", id))?;
        match (binding.active, tables.bindings.contains_key(&(id, website))) {
            (true, _) if certificate.lifecycle.deleted_at.is_some() => {
                return Err(StoreError::WrongState {
                    kind: "certificate",
                    id: id.to_string(),
                    state: "deleted".into(),
                    needed: "one that is not; restore it first",
                });
            }
            (true, _) => {
                let others = tables.bindings.values_mut();
                others
                    .filter(|b| b.website_id == website)
                    .for_each(|b| b.active = false);
            }
            (false, true) => {}
            (false, false) => return Err(not_found("binding", website)),
        }
        tables.bindings.insert((id, website), binding.clone());
        Ok(())
    }

    async fn bindings(
        &self,
        filter: &BindingFilter,
        request: &PageRequest,
    ) -> Result<Page<Binding>, StoreError> {
        let tables = self.tables();
        let mut rows: Vec<Binding> = tables
            .bindings
            .values()
            .filter(|b| {
                filter.certificate_id.is_none_or(|c| c == b.certificate_id)
                    && filter.active.is_none_or(|a| a == b.active)
            })
            .cloned()
            .collect();
        let total = rows.len() as u64;
        if let Some(after) = binding_after(request)? {
            rows.retain(|b| (b.certificate_id, b.website_id) > after);
        }
        let mut found = page(rows, request)?;
        found.total = total;
        found.next_cursor = cursor_after(&found, request, binding_cursor);
        Ok(found)
    }
}

#[async_trait]
impl CertificateRelations for MemoryStore {
    async fn certificate_with(&self, fingerprint: &str) -> Result<Option<CertificateId>, StoreError> {
        let tables = self.tables();
        let found = tables
            .certificates
            .values()
            .find(|c| c.fingerprint == fingerprint);
        Ok(found.map(|c| c.id))
    }

    async fn same_names(&self, certificate: &Certificate) -> Result<Vec<CertificateId>, StoreError> {
        let wanted = set(&certificate.names);
        let tables = self.tables();
        let same = tables
            .certificates
            .values()
            .filter(|c| c.id != certificate.id && set(&c.names) == wanted);
        Ok(same.map(|c| c.id).collect())
    }

    async fn keys_in_use(&self, names: &[DomainName]) -> Result<Vec<String>, StoreError> {
        let tables = self.tables();
        let all = tables.certificates.values().chain(tables.versions.values());
        let same = all.filter(|c| set(&c.names) == set(names));
        Ok(same.map(|c| c.key_ref.clone()).collect())
    }

    async fn is_compromised(&self, key_id: &str) -> Result<bool, StoreError> {
        Ok(self.tables().compromised.contains(key_id))
    }
}
