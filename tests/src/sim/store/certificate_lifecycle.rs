//! Certificates deleted, restored, revoked, expired. What clients call passes no gate.

use async_trait::async_trait;
use certmint_core::{
    certificate::{Certificate, Lifecycle, RESTORABLE, RevocationReason, RevokedBy},
    chore::Chore,
    words::{CertificateId, Timestamp},
    x509::certificate::key_id_of,
};
use certmint_shared::store::{
    CertificateLifecycle, StoreError, deleted, is_to_be_removed, revoking, settled,
};

use super::{super::op::Op, MemoryStore, Tables, not_found};

impl Tables {
    fn change(
        &mut self,
        id: CertificateId,
        now: Timestamp,
        change: impl Fn(&Certificate) -> Result<Lifecycle, StoreError>,
    ) -> Result<(Certificate, bool), StoreError> {
        let certificate = self.certificates.get_mut(&id.get());
        let certificate = certificate.ok_or_else(|| not_found("certificate", id))?;
        let lifecycle = change(certificate)?;
        let changed = lifecycle != certificate.lifecycle;
        if changed {
            (certificate.lifecycle, certificate.updated_at) = (lifecycle, now);
        }
        Ok((certificate.clone(), changed))
    }
}

#[async_trait]
impl CertificateLifecycle for MemoryStore {
    /// The model finds certificates by what they are.
    async fn index_names(&self, _: CertificateId) -> Result<(), StoreError> {
        Ok(())
    }

    async fn delete_certificate(&self, id: CertificateId, now: Timestamp) -> Result<Certificate, StoreError> {
        let mut tables = self.tables();
        let bindings = tables.bindings.values();
        let websites = bindings.filter(|b| b.certificate_id == id && b.active).count() as u64;
        let (certificate, changed) = tables.change(id, now, |c| deleted(c, websites, now))?;
        if changed {
            let chore = Chore::RemoveCertificate { id };
            tables.enqueue(format!("remove-certificate-{id}"), chore, now.plus(RESTORABLE));
        }
        Ok(certificate)
    }

    async fn restore_certificate(
        &self,
        id: CertificateId,
        now: Timestamp,
    ) -> Result<Certificate, StoreError> {
        let mut tables = self.tables();
        tables.chores.remove(&format!("remove-certificate-{id}"));
        let restored = |c: &Certificate| {
            Ok(Lifecycle {
                deleted_at: None,
                ..c.lifecycle.clone()
            })
        };
        tables.change(id, now, restored).map(|(c, _)| c)
    }

    async fn remove_certificate(&self, id: CertificateId, now: Timestamp) -> Result<(), StoreError> {
        self.gate
            .call(Op::RemoveCertificate, || {
                let mut tables = self.tables();
                let Some(certificate) = tables.certificates.get(&id.get()).cloned() else {
                    return Ok(());
                };
                if is_to_be_removed(&certificate, now) {
                    tables.certificates.remove(&id.get());
                    tables.bindings.retain(|_, b| b.certificate_id != id);
                    tables.chores.remove(&format!("expire-{id}"));
                    tables.forget_renewal(id);
                    let older = tables
                        .versions
                        .extract_if((id.get(), 0)..(id.get() + 1, 0), |_, _| true);
                    let older: Vec<String> = older.map(|(_, version)| version.key_ref).collect();
                    let all = std::iter::once(certificate.key_ref).chain(older);
                    let keys: Vec<String> = all.filter(|name| !name.is_empty()).collect();
                    tables.removed.insert(id.get(), keys.clone());
                    let chore = Chore::DeleteKeys {
                        keys,
                        names: certificate.names,
                    };
                    tables.enqueue(format!("certificate-{id}"), chore, now);
                }
                Ok(())
            })
            .await
    }

    async fn revoke_certificate(
        &self,
        id: CertificateId,
        reason: RevocationReason,
        by: RevokedBy,
        now: Timestamp,
    ) -> Result<Certificate, StoreError> {
        let mut tables = self.tables();
        let (certificate, changed) = tables.change(id, now, |c| revoking(c, reason, by, now))?;
        if reason == RevocationReason::KeyCompromise {
            tables.compromised.extend(key_id_of(&certificate.cert_pem));
        }
        if changed {
            tables.enqueue(format!("revoke-{id}"), Chore::RevokeCertificate { id }, now);
        }
        Ok(certificate)
    }

    async fn settle_revocation(
        &self,
        id: CertificateId,
        version: u64,
        refusal: Option<&str>,
        now: Timestamp,
    ) -> Result<Certificate, StoreError> {
        self.gate
            .call(Op::SettleRevocation, || {
                let mut tables = self.tables();
                if let Some(old) = tables.versions.get_mut(&(id.get(), version)) {
                    old.lifecycle = settled(old, refusal, now);
                    return Ok(old.clone());
                }
                let answered = |c: &Certificate| match c.version == version {
                    true => Ok(settled(c, refusal, now)),
                    false => Err(not_found("certificate", id)),
                };
                tables.change(id, now, answered).map(|(c, _)| c)
            })
            .await
    }

    async fn expire_certificate(&self, id: CertificateId, now: Timestamp) -> Result<Certificate, StoreError> {
        self.gate
            .call(Op::ExpireCertificate, || {
                let mut tables = self.tables();
                let certificate = tables.certificates.get(&id.get()).cloned();
                let certificate = certificate.ok_or_else(|| not_found("certificate", id))?;
                if certificate.expires_at <= now {
                    tables.expired.insert(id.get());
                }
                Ok(certificate)
            })
            .await
    }
}
