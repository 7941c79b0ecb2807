//! Certificates that take the place of others, and settled revocations of versions that were replaced.

use super::{
    certificate_items::{
        WEBSITES, changing, expiry, fingerprint_to_item, from_item, lifecycle, list_of, listed, missing,
        recording, row, same_lifecycle, same_place, to_item, version_to_item, websites, with_fingerprint,
    },
    chores, counters,
    item::{n, s},
    keys, name_pointers,
    renewal_items::{self, unchanged},
    request_items::held,
    table::Table,
    tx::{Expression, Tx},
};
use crate::store::{StoreError, settled};
use certmint_core::{
    certificate::{Certificate, Lifecycle},
    renewal,
    words::{CertificateId, RequestId, Timestamp},
};

/// Looks at a certificate that others write at the same moment.
const TRIES: usize = 5;

/// Why nothing was written.
enum Lost {
    /// The request is in other hands.
    Lease,
    /// Somebody wrote one of them meanwhile: this write after a lost answer, a look, another renewal, a client.
    Changed,
}

/// One transaction of the new version, the older one, the fingerprint, the renewal, the fence, the chore of its end,
/// and the counts of the lists that it leaves and enters.
async fn try_replace(
    table: &Table,
    certificate: &Certificate,
    (request, fence): (RequestId, u64),
) -> Result<Result<Certificate, Lost>, StoreError> {
    let id = certificate.id;
    let row = row(table, id).await?;
    let (old, was, websites) = (from_item(&row)?, listed(&row)?, websites(&row)?);
    let new = Certificate {
        version: old.version + 1,
        created_at: old.created_at,
        // A revocation was of the older version; a deletion is of the certificate.
        lifecycle: Lifecycle {
            revocation: None,
            ..old.lifecycle.clone()
        },
        ..certificate.clone()
    };
    let renewal = renewal_items::one(table, &old).await?;
    let status = new.status(new.updated_at);
    // The websites that use it go on to use it.
    let same = same_place(&row)?
        .and(Expression::is("fingerprint", s(&old.fingerprint)))
        .and(Expression::is(WEBSITES, n(websites)));
    let mut tx = Tx::new();
    tx.check(keys::request(request), held(fence), Lost::Lease);
    tx.put_if(fingerprint_to_item(&new)?, Expression::absent(), Lost::Changed);
    tx.put_if(to_item(&new, status, websites)?, same, Lost::Changed);
    tx.put(version_to_item(&old)?);
    let replaced = renewal_items::to_item(&renewal::replaced(&renewal, &new))?;
    tx.put_if(replaced, unchanged(&renewal), Lost::Changed);
    let (name, chore) = expiry(id);
    chores::enqueue(&mut tx, &name, &chore, new.expires_at)?;
    if let Some((name, chore, due)) = old.old_key(new.updated_at) {
        chores::enqueue(&mut tx, &name, &chore, due)?;
    }
    let is = list_of(&new, status);
    if is != was {
        tx.count(&was, id.get(), -1);
        tx.count(&is, id.get(), 1);
    }
    Ok(tx.commit(table).await?.map(|()| new))
}

/// Reads: fingerprint, certificate and renewal. One transaction.
pub(super) async fn replace(
    table: &Table,
    certificate: &Certificate,
    fence: (RequestId, u64),
) -> Result<Certificate, StoreError> {
    for _ in 0..TRIES {
        if let Some(known) = with_fingerprint(table, &certificate.fingerprint).await? {
            return Ok(known);
        }
        match try_replace(table, certificate, fence).await? {
            Ok(new) => return Ok(new),
            Err(Lost::Lease) => return Err(StoreError::LeaseLost(fence.0)),
            Err(Lost::Changed) => {}
        }
    }
    Err(changing(certificate.id))
}

/// Reads: fingerprint, the old certificate and its renewal. Writes: the counter, then one transaction
/// of all that a [recorded](recording) certificate has, the fence, the old certificate as it was read, and its renewal.
pub(super) async fn succeed(
    table: &Table,
    old: CertificateId,
    certificate: &Certificate,
    (request, fence): (RequestId, u64),
) -> Result<Certificate, StoreError> {
    let mut fresh = None;
    for _ in 0..TRIES {
        if let Some(known) = with_fingerprint(table, &certificate.fingerprint).await? {
            return Ok(known);
        }
        let row = row(table, old).await?;
        let before = from_item(&row)?;
        if before.lifecycle.deleted_at.is_some() {
            return Err(missing(old));
        }
        let renewal = renewal_items::one(table, &before).await?;
        let new = match fresh.take() {
            Some(new) => new,
            None => {
                let id = CertificateId::new(counters::next_id(table, "CERTIFICATE").await?);
                Certificate {
                    id,
                    ..certificate.clone()
                }
            }
        };
        let mut tx = Tx::new();
        tx.check(keys::request(request), held(fence), Lost::Lease);
        let successor = renewal::successor(&renewal, &new);
        recording(&mut tx, &new, &successor, || Lost::Changed)?;
        tx.check(keys::certificate(old), same_lifecycle(&row)?, Lost::Changed);
        let succeeded = renewal_items::to_item(&renewal::succeeded(&renewal, &new))?;
        tx.put_if(succeeded, unchanged(&renewal), Lost::Changed);
        match tx.commit(table).await? {
            Ok(()) => {
                name_pointers::put_rest(table, &new).await;
                return Ok(new);
            }
            Err(Lost::Lease) => return Err(StoreError::LeaseLost(request)),
            Err(Lost::Changed) => fresh = Some(new),
        }
    }
    Err(changing(old))
}

/// Settles the revocation of a version that was replaced since it was asked for. One read, one conditional write.
pub(super) async fn settle_older(
    table: &Table,
    (id, version): (CertificateId, u64),
    refusal: Option<&str>,
    now: Timestamp,
) -> Result<Certificate, StoreError> {
    let key = keys::version(id, version);
    let row = table.get(&key).await?.ok_or_else(|| missing(id))?;
    let old = from_item(&row)?;
    let new = Certificate {
        lifecycle: settled(&old, refusal, now),
        ..old.clone()
    };
    if new == old {
        return Ok(old);
    }
    let settle = Expression::new("SET #lifecycle = :new").with("new", s(lifecycle(&new)?));
    let mut tx = Tx::new();
    tx.update_if(key, settle, same_lifecycle(&row)?, changing(id));
    tx.commit(table).await??;
    Ok(new)
}
