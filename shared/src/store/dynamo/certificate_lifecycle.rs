//! Certificates deleted, restored, revoked, expired, removed.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::TransactWriteItem;

use super::{
    DynamoStore, END, Range, TABLE,
    account_lifecycle::certificates_of,
    certificates::{fingerprint_key, key, lifecycle, list_of, read},
    n,
    relations::{compromised, pointer},
    s,
    write::{Condition, Refusal},
};
use crate::store::{
    CertificateLifecycle, CertificateStore, StoreError, deleted, is_to_be_removed, revoking, settled,
};
use certmint_core::{
    certificate::{Certificate, Lifecycle, RESTORABLE, RevocationReason, RevokedBy},
    chore::Chore,
    words::{CertificateId, Timestamp},
    x509::chain::key_id_of,
};

/// Tries against others that write the same certificate.
const TRIES: usize = 8;
/// No website uses it.
const UNUSED: &str = " AND (attribute_not_exists(active_bindings) OR active_bindings <= :zero)";

pub(super) fn missing(id: CertificateId) -> StoreError {
    StoreError::NotFound {
        kind: "certificate",
        id: id.to_string(),
    }
}

pub(super) fn changing(id: CertificateId) -> StoreError {
    StoreError::Conflict {
        kind: "certificate",
        id: id.to_string(),
    }
}

impl DynamoStore {
    /// Gives a certificate another lifecycle and files it in the list that is right then, if it still is as it was
    /// read. `change` gets how many websites use it; what `also` gives is written with it.
    async fn change_certificate(
        &self,
        id: CertificateId,
        now: Timestamp,
        change: impl Fn(&Certificate, u64) -> Result<Lifecycle, StoreError> + Send + Sync,
        also: impl Fn(&Certificate, &Certificate) -> Result<Vec<TransactWriteItem>, StoreError> + Send + Sync,
    ) -> Result<Certificate, StoreError> {
        for _ in 0..TRIES {
            let row = self.get(&key(id), "META").await?.ok_or_else(|| missing(id))?;
            let (old, was) = (read(&row)?, row.text("list_pk")?);
            let websites = row.opt_number("active_bindings")?.unwrap_or_default();
            let new = Certificate {
                lifecycle: change(&old, websites)?,
                updated_at: now,
                ..old.clone()
            };
            let is = list_of(&new, new.status(now));
            if new.lifecycle == old.lifecycle && is == was {
                return Ok(old);
            }
            let goes = new.lifecycle.deleted_at.is_some() && old.lifecycle.deleted_at.is_none();
            let mut condition = Condition::new(&format!(
                "lifecycle = :was AND list_pk = :old{}",
                if goes { UNUSED } else { "" }
            ))
            .with(":was", s(row.text("lifecycle")?))
            .with(":old", s(was))
            .with(":is", s(lifecycle(&new)?))
            .with(":list", s(&is))
            .with(":now", n(now.millis()));
            if goes {
                condition = condition.with(":zero", n(0));
            }
            let change = "SET lifecycle = :is, list_pk = :list, updated_at = :now";
            let mut items = vec![self.update(&key(id), change, condition)?];
            if is != was {
                items.extend(self.count(was, id.get(), -1)?);
                items.extend(self.count(&is, id.get(), 1)?);
            }
            items.extend(also(&old, &new)?);
            match self.transact(items).await {
                Ok(()) => return Ok(new),
                Err(Refusal::Condition(_)) => {}
                Err(Refusal::Store(error)) => return Err(error),
            }
        }
        Err(changing(id))
    }

    /// The note that somebody else may have a certificate's key, if that is the reason.
    fn give_away(
        &self,
        certificate: &Certificate,
        reason: RevocationReason,
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        match (reason, key_id_of(&certificate.cert_pem)) {
            (RevocationReason::KeyCompromise, Some(key)) => {
                Ok(vec![self.put(compromised(&key, now), Condition::default())?])
            }
            _ => Ok(vec![]),
        }
    }

    /// The account's count of certificates that are not deleted.
    fn count_of_account(
        &self,
        certificate: &Certificate,
        delta: i64,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        match certificate.account_id {
            Some(account) => {
                let writes = self.count(&certificates_of(account), certificate.id.get(), delta)?;
                Ok(writes.into())
            }
            None => Ok(vec![]),
        }
    }
}

fn removal(id: CertificateId) -> String {
    format!("remove-certificate-{id}")
}

/// The key's end; a certificate with a client's key has none here.
fn secret(key_ref: &str) -> Chore {
    let names = Some(key_ref.to_owned()).filter(|name| !name.is_empty());
    Chore::DeleteSecrets {
        names: names.into_iter().collect(),
    }
}

fn nothing(_: &Certificate, _: &Certificate) -> Result<Vec<TransactWriteItem>, StoreError> {
    Ok(vec![])
}

#[async_trait]
impl CertificateLifecycle for DynamoStore {
    async fn delete_certificate(&self, id: CertificateId, now: Timestamp) -> Result<Certificate, StoreError> {
        let also = |_: &Certificate, new: &Certificate| {
            let mut items = self.count_of_account(new, -1)?;
            let chore = Chore::RemoveCertificate { id };
            items.push(self.promise(&removal(id), &chore, now.plus(RESTORABLE))?);
            Ok(items)
        };
        self.change_certificate(id, now, |c, websites| deleted(c, websites, now), also)
            .await
    }

    async fn restore_certificate(
        &self,
        id: CertificateId,
        now: Timestamp,
    ) -> Result<Certificate, StoreError> {
        let restored = |c: &Certificate, _| {
            Ok(Lifecycle {
                deleted_at: None,
                ..c.lifecycle.clone()
            })
        };
        let also = |old: &Certificate, new: &Certificate| {
            if old.lifecycle.deleted_at.is_none() {
                return Ok(vec![]);
            }
            let mut items = self.count_of_account(new, 1)?;
            items.push(self.unpromise(&removal(id))?);
            Ok(items)
        };
        self.change_certificate(id, now, restored, also).await
    }

    /// Reads the certificate and what hangs on it (bindings, older versions, the renewal); writes those and the names
    /// away first, then the rest in one transaction.
    async fn remove_certificate(&self, id: CertificateId, now: Timestamp) -> Result<(), StoreError> {
        let Some(row) = self.get(&key(id), "META").await? else {
            return Ok(());
        };
        let certificate = read(&row)?;
        if !is_to_be_removed(&certificate, now) {
            return Ok(());
        }
        let all = Range {
            index: None,
            keys: TABLE,
            partition: key(id),
            from: "!".into(),
            to: END.into(),
            forward: true,
        };
        for row in self.range(&all, usize::MAX).await? {
            let sk = row.text("sk")?;
            if sk == "META" {
                continue;
            }
            let mut writes = vec![self.delete(&key(id), sk)?];
            // An older version goes with its fingerprint and its key.
            if let (Some(fingerprint), Some(key_ref)) = (row.opt_text("fingerprint"), row.opt_text("key_ref"))
            {
                writes.push(self.delete(&fingerprint_key(fingerprint), "META")?);
                writes.push(self.promise(&format!("certificate-{id}-{sk}"), &secret(key_ref), now)?);
            }
            self.transact(writes).await.map_err(|r| r.or(changing(id)))?;
        }
        self.delete_names(&certificate).await?;
        let pointer = pointer(&certificate);
        let text = |name: &str| {
            pointer
                .get(name)
                .and_then(|v| v.as_s().ok())
                .cloned()
                .unwrap_or_default()
        };
        let as_read = Condition::new("lifecycle = :was").with(":was", s(row.text("lifecycle")?));
        let mut items = vec![
            self.delete_if(&key(id), "META", as_read)?,
            self.delete(&fingerprint_key(&certificate.fingerprint), "META")?,
            self.delete(&text("pk"), &text("sk"))?,
            self.unpromise(&format!("expire-{id}"))?,
            self.promise(&format!("certificate-{id}"), &secret(&certificate.key_ref), now)?,
        ];
        items.extend(self.count(row.text("list_pk")?, id.get(), -1)?);
        self.transact(items).await.map_err(|r| r.or(changing(id)))
    }

    async fn revoke_certificate(
        &self,
        id: CertificateId,
        reason: RevocationReason,
        by: RevokedBy,
        now: Timestamp,
    ) -> Result<Certificate, StoreError> {
        let also = |_: &Certificate, new: &Certificate| {
            let chore = Chore::RevokeCertificate { id };
            let mut items = vec![self.promise(&format!("revoke-{id}"), &chore, now)?];
            items.extend(self.give_away(new, reason, now)?);
            Ok(items)
        };
        let asked = |c: &Certificate, _| revoking(c, reason, by, now);
        let certificate = self.change_certificate(id, now, asked, also).await?;
        // Revoked for another reason before: its key is one that others may have all the same.
        if !certificate.is_compromised() {
            let key = self.give_away(&certificate, reason, now)?;
            if !key.is_empty() {
                self.transact(key).await.map_err(|r| r.or(changing(id)))?;
            }
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
        let answered = |c: &Certificate, _| {
            Ok(match c.version == version {
                true => settled(c, refusal, now),
                false => c.lifecycle.clone(),
            })
        };
        let current = self.change_certificate(id, now, answered, nothing).await?;
        match current.version == version {
            true => Ok(current),
            false => self.settle_older(id, version, refusal, now).await,
        }
    }

    async fn expire_certificate(&self, id: CertificateId, now: Timestamp) -> Result<Certificate, StoreError> {
        // Nothing of it changes but the list.
        let before = self.certificate(id).await?;
        let same = |c: &Certificate, _| Ok(c.lifecycle.clone());
        match before.status(now) {
            certmint_core::certificate::CertificateStatus::Expired => {
                self.change_certificate(id, now, same, nothing).await
            }
            _ => Ok(before),
        }
    }
}
