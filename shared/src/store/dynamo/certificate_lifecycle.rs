//! Certificates deleted, restored, revoked, expired, removed.

use async_trait::async_trait;

use super::{
    bindings,
    certificate_items::{
        WEBSITES, changing, compromised_to_item, count_of_account, expiry, from_item, list_of, listed, one,
        refile, row, same_lifecycle, same_place, websites,
    },
    chores,
    item::{Row, n},
    keys, name_pointers,
    range::Range,
    store::DynamoStore,
    succession,
    table::Table,
    tx::{Expression, Tx},
};
use crate::store::{CertificateLifecycle, StoreError, deleted, is_to_be_removed, revoking, settled};
use certmint_core::{
    certificate::{Certificate, CertificateStatus, Lifecycle, RESTORABLE, RevocationReason, RevokedBy},
    chore::Chore,
    words::{CertificateId, Timestamp},
    x509::certificate::key_id_of,
};

/// Tries against others that write the same certificate.
const TRIES: usize = 8;

/// Gives a certificate another lifecycle and files it in the list that is right then, if it still is as it was
/// read. `change` gets how many websites use it; what `also` adds is written with it.
async fn change(
    table: &Table,
    id: CertificateId,
    now: Timestamp,
    change: impl Fn(&Certificate, u64) -> Result<Lifecycle, StoreError> + Send + Sync,
    also: impl Fn(&mut Tx<()>, &Certificate, &Certificate) -> Result<(), StoreError> + Send + Sync,
) -> Result<Certificate, StoreError> {
    for _ in 0..TRIES {
        let row = row(table, id).await?;
        let (old, was) = (from_item(&row)?, listed(&row)?);
        let new = Certificate {
            lifecycle: change(&old, websites(&row)?)?,
            updated_at: now,
            ..old.clone()
        };
        let is = list_of(&new, new.status(now));
        if new.lifecycle == old.lifecycle && is == was {
            return Ok(old);
        }
        let mut condition = same_place(&row)?;
        if new.lifecycle.deleted_at.is_some() && old.lifecycle.deleted_at.is_none() {
            let unused = Expression::new(&format!("{WEBSITES} <= :none"));
            condition = condition.and(unused.with("none", n(0)));
        }
        let mut tx = Tx::new();
        tx.update_if(keys::certificate(id), refile(&new, &is)?, condition, ());
        if is != was {
            tx.count(&was, id.get(), -1);
            tx.count(&is, id.get(), 1);
        }
        also(&mut tx, &old, &new)?;
        if tx.commit(table).await?.is_ok() {
            return Ok(new);
        }
    }
    Err(changing(id))
}

/// The note that somebody else may have a certificate's key, if that is the reason.
fn give_away<E>(
    tx: &mut Tx<E>,
    certificate: &Certificate,
    reason: RevocationReason,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let (RevocationReason::KeyCompromise, Some(key)) = (reason, key_id_of(&certificate.cert_pem)) {
        tx.put(compromised_to_item(&key, now)?);
    }
    Ok(())
}

fn removal(id: CertificateId) -> String {
    format!("remove-certificate-{id}")
}

/// The key's end, unless the certificate was uploaded again meanwhile; one with a client's key has none here.
fn key_end(key_ref: &str, certificate: &Certificate) -> Chore {
    let keys = Some(key_ref.to_owned()).filter(|name| !name.is_empty());
    Chore::DeleteKeys {
        keys: keys.into_iter().collect(),
        names: certificate.names.clone(),
    }
}

fn nothing(_: &mut Tx<()>, _: &Certificate, _: &Certificate) -> Result<(), StoreError> {
    Ok(())
}

/// Removes what hangs on a certificate. An older version goes with its fingerprint and its key.
async fn remove_hanging(
    table: &Table,
    certificate: &Certificate,
    hanging: &Row,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (id, key) = (certificate.id, hanging.key());
    let mut tx = Tx::new();
    if let Some(website) = keys::website_in(&key) {
        bindings::remove(&mut tx, id, website, changing(id));
    } else {
        if let (Some(fingerprint), Some(key_ref)) =
            (hanging.opt_text("fingerprint"), hanging.opt_text("key_ref"))
        {
            tx.delete(keys::fingerprint(fingerprint));
            let name = format!("certificate-{id}-{}", key.sk);
            chores::enqueue(&mut tx, &name, &key_end(key_ref, certificate), now)?;
        }
        tx.delete(key);
    }
    tx.commit(table).await?
}

#[async_trait]
impl CertificateLifecycle for DynamoStore {
    async fn delete_certificate(&self, id: CertificateId, now: Timestamp) -> Result<Certificate, StoreError> {
        let also = |tx: &mut Tx<()>, _: &Certificate, new: &Certificate| {
            count_of_account(tx, new, -1);
            let chore = Chore::RemoveCertificate { id };
            chores::enqueue(tx, &removal(id), &chore, now.plus(RESTORABLE))
        };
        let delete = |c: &Certificate, websites| deleted(c, websites, now);
        change(self.table().await?, id, now, delete, also).await
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
        let also = |tx: &mut Tx<()>, old: &Certificate, new: &Certificate| {
            if old.lifecycle.deleted_at.is_some() {
                count_of_account(tx, new, 1);
                chores::take_back(tx, &removal(id));
            }
            Ok(())
        };
        change(self.table().await?, id, now, restored, also).await
    }

    /// Reads the certificate and what hangs on it (bindings, older versions, the renewal); writes those and the names
    /// away first, then the rest in one transaction.
    async fn remove_certificate(&self, id: CertificateId, now: Timestamp) -> Result<(), StoreError> {
        let table = self.table().await?;
        let Some(row) = table.get(&keys::certificate(id)).await? else {
            return Ok(());
        };
        let certificate = from_item(&row)?;
        if !is_to_be_removed(&certificate, now) {
            return Ok(());
        }
        for hanging in table.range(&Range::of_certificate(id)).await? {
            if hanging.key() != keys::certificate(id) {
                remove_hanging(table, &certificate, &hanging, now).await?;
            }
        }
        name_pointers::delete(table, &certificate).await?;
        let mut tx = Tx::new();
        tx.delete_if(keys::certificate(id), same_lifecycle(&row)?, changing(id));
        tx.delete(keys::fingerprint(&certificate.fingerprint));
        tx.delete(keys::same_names(&certificate.names, id));
        chores::take_back(&mut tx, &expiry(id).0);
        let (name, chore) = (
            format!("certificate-{id}"),
            key_end(&certificate.key_ref, &certificate),
        );
        chores::enqueue(&mut tx, &name, &chore, now)?;
        tx.count(&listed(&row)?, id.get(), -1);
        tx.commit(table).await?
    }

    /// One read, and the transactions of the pointers. Of one that is gone there are none.
    async fn index_names(&self, id: CertificateId) -> Result<(), StoreError> {
        let table = self.table().await?;
        name_pointers::put(table, &one(table, id).await?).await
    }

    async fn revoke_certificate(
        &self,
        id: CertificateId,
        reason: RevocationReason,
        by: RevokedBy,
        now: Timestamp,
    ) -> Result<Certificate, StoreError> {
        let also = |tx: &mut Tx<()>, _: &Certificate, new: &Certificate| {
            let chore = Chore::RevokeCertificate { id };
            chores::enqueue(tx, &format!("revoke-{id}"), &chore, now)?;
            give_away(tx, new, reason, now)
        };
        let asked = |c: &Certificate, _| revoking(c, reason, by, now);
        let certificate = change(self.table().await?, id, now, asked, also).await?;
        // Revoked for another reason before: its key is one that others may have all the same.
        if !certificate.is_compromised() {
            let mut tx = Tx::<StoreError>::new();
            give_away(&mut tx, &certificate, reason, now)?;
            tx.commit(self.table().await?).await??;
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
        let current = change(self.table().await?, id, now, answered, nothing).await?;
        match current.version == version {
            true => Ok(current),
            false => succession::settle_older(self.table().await?, (id, version), refusal, now).await,
        }
    }

    async fn expire_certificate(&self, id: CertificateId, now: Timestamp) -> Result<Certificate, StoreError> {
        // Nothing of it changes but the list.
        let before = one(self.table().await?, id).await?;
        let same = |c: &Certificate, _| Ok(c.lifecycle.clone());
        match before.status(now) {
            CertificateStatus::Expired => change(self.table().await?, id, now, same, nothing).await,
            _ => Ok(before),
        }
    }
}
