//! Renewals and the versions of a certificate.

use std::collections::HashMap;

use async_trait::async_trait;
use futures::future::try_join_all;

use super::{
    DynamoStore, END, Item, LIST, Range, SHARDS, TABLE, certificates, n, pad,
    renewal_items::{read, unchanged, write},
    request_items, s,
    write::{Condition, Refusal},
};
use crate::store::{CertificateStore, RenewalStore, StoreError};
use certmint_core::{
    certificate::{Certificate, Lifecycle},
    chore::Chore,
    issuance::{NewRequest, Request},
    renewal::{self, Renewal},
    words::{CertificateId, RequestId, Timestamp},
};

/// Looks at a certificate that others write at the same moment.
pub(super) const TRIES: usize = 5;

pub(super) fn conflict(id: CertificateId) -> StoreError {
    StoreError::Conflict {
        kind: "certificate",
        id: id.to_string(),
    }
}

/// An older version: readable, in no index.
fn version_item(certificate: &Certificate) -> Result<Item, StoreError> {
    let mut item = certificates::write(certificate)?;
    item.insert("sk".into(), s(version_sk(certificate.version)));
    item.retain(|name, _| !matches!(name.as_str(), "list_pk" | "list_sk" | "owner_pk" | "owner_sk"));
    Ok(item)
}

pub(super) fn version_sk(version: u64) -> String {
    format!("VERSION#{}", pad(version))
}

impl DynamoStore {
    /// The renewal of a certificate, written or not.
    pub(super) async fn one_renewal(&self, certificate: &Certificate) -> Result<Renewal, StoreError> {
        match self.get(&certificates::key(certificate.id), "RENEWAL").await? {
            Some(row) => read(&row),
            None => Ok(renewal::first(certificate)),
        }
    }

    /// One transaction of the new version, the older one, the fingerprint, the renewal, the fence, the chore of its end,
    /// and the counts of the lists that it leaves and enters.
    async fn try_replace(
        &self,
        old: &Certificate,
        new: &Certificate,
        (request, fence): (RequestId, u64),
    ) -> Result<(), Refusal> {
        let renewal = self.one_renewal(old).await?;
        let lock = Item::from([
            ("pk".into(), s(certificates::fingerprint_key(&new.fingerprint))),
            ("sk".into(), s("META")),
            ("id".into(), n(new.id)),
        ]);
        let key = certificates::key(old.id);
        let row = self.get(&key, "META").await?.ok_or_else(|| conflict(old.id))?;
        let (was, is) = (
            row.text("list_pk")?,
            certificates::list_of(new, new.status(new.updated_at)),
        );
        let mut item = certificates::write(new)?;
        item.insert("list_pk".into(), s(&is));
        let mut same = Condition::new("fingerprint = :old AND lifecycle = :lifecycle AND list_pk = :list")
            .with(":old", s(&old.fingerprint))
            .with(":lifecycle", s(certificates::lifecycle(old)?))
            .with(":list", s(was));
        // The websites that use it go on to use it.
        if let Some(websites) = row.opt_number("active_bindings")? {
            item.insert("active_bindings".into(), n(websites));
            same = same
                .and("active_bindings = :websites")
                .with(":websites", n(websites));
        } else {
            same = same.and("attribute_not_exists(active_bindings)");
        }
        let held = Condition::new("fence = :fence").with(":fence", n(fence));
        let expiry = Chore::ExpireCertificate { id: old.id };
        let mut items = vec![
            self.put(lock, Condition::absent())?,
            self.check(&format!("REQUEST#{request}"), "META", held)?,
            self.put(item, same)?,
            self.put(version_item(old)?, Condition::default())?,
            self.put(write(&renewal::replaced(&renewal, new)), unchanged(&renewal))?,
            self.promise(&format!("expire-{}", old.id), &expiry, new.expires_at)?,
        ];
        if let Some((name, chore, due)) = old.old_key(new.updated_at) {
            items.push(self.promise(&name, &chore, due)?);
        }
        if is != was {
            items.extend(self.count(was, old.id.get(), -1)?);
            items.extend(self.count(&is, old.id.get(), 1)?);
        }
        self.transact(items).await
    }
}

#[async_trait]
impl RenewalStore for DynamoStore {
    async fn renewals(&self, certificates: &[Certificate]) -> Result<Vec<Renewal>, StoreError> {
        let keys: Vec<(String, &str)> = certificates
            .iter()
            .map(|c| (certificates::key(c.id), "RENEWAL"))
            .collect();
        let rows = self.batch(&keys).await?;
        let known = rows
            .iter()
            .map(|row| read(row).map(|r| (r.certificate_id, r)))
            .collect::<Result<HashMap<_, _>, _>>()?;
        let one = |c: &Certificate| known.get(&c.id).cloned().unwrap_or_else(|| renewal::first(c));
        Ok(certificates.iter().map(one).collect())
    }

    async fn save_renewal(&self, renewal: &Renewal) -> Result<Renewal, StoreError> {
        let put = self.put(write(renewal), unchanged(renewal))?;
        self.transact(vec![put])
            .await
            .map_err(|r| r.or(conflict(renewal.certificate_id)))?;
        Ok(Renewal {
            revision: renewal.revision + 1,
            ..renewal.clone()
        })
    }

    /// Eight small index reads.
    async fn due_renewals(&self, now: Timestamp, limit: usize) -> Result<Vec<CertificateId>, StoreError> {
        let rows = self.due("RENEW", now, limit).await?;
        let mut due: Vec<(String, CertificateId)> = rows
            .iter()
            .filter_map(|row| {
                let id = row.number("certificate_id").ok()?;
                Some((row.text("work_sk").ok()?.to_owned(), CertificateId::new(id)))
            })
            .collect();
        due.sort();
        due.truncate(limit);
        Ok(due.into_iter().map(|(_, id)| id).collect())
    }

    /// Two writes: the counter, then the transaction.
    async fn start_renewal(
        &self,
        renewal: &Renewal,
        new: NewRequest,
        max_attempts: u32,
        now: Timestamp,
    ) -> Result<Request, StoreError> {
        let request = self.new_request(new, max_attempts, now).await?;
        let mut items = self.request_items(&request, Condition::default(), now)?;
        items.push(self.put(
            write(&renewal::started(renewal, request.id, now)),
            unchanged(renewal),
        )?);
        match self.transact(items).await {
            // The id is new: only a lost answer to this very write can have made the item.
            Ok(()) | Err(Refusal::Condition(0)) => Ok(request),
            Err(refusal) => Err(refusal.or(conflict(renewal.certificate_id))),
        }
    }

    /// Reads: fingerprint, certificate and renewal. One transaction of five.
    async fn replace_certificate(
        &self,
        certificate: Certificate,
        fence: (RequestId, u64),
    ) -> Result<Certificate, StoreError> {
        for _ in 0..TRIES {
            if let Some(known) = self.by_fingerprint(&certificate.fingerprint).await? {
                return Ok(known);
            }
            let old = self.certificate(certificate.id).await?;
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
            match self.try_replace(&old, &new, fence).await {
                Ok(()) => return Ok(new),
                Err(Refusal::Condition(1)) => return Err(StoreError::LeaseLost(fence.0)),
                // Somebody wrote one of them meanwhile: this write after a lost answer, a look, another renewal.
                Err(Refusal::Condition(_)) => {}
                Err(Refusal::Store(error)) => return Err(error),
            }
        }
        Err(conflict(certificate.id))
    }

    async fn succeed_certificate(
        &self,
        old: CertificateId,
        certificate: Certificate,
        fence: (RequestId, u64),
    ) -> Result<Certificate, StoreError> {
        self.succeed(old, certificate, fence).await
    }

    /// The certificate and one range.
    async fn certificate_versions(&self, id: CertificateId) -> Result<Vec<Certificate>, StoreError> {
        let mut versions = vec![self.certificate(id).await?];
        let older = Range {
            index: None,
            keys: TABLE,
            partition: certificates::key(id),
            from: "VERSION#".into(),
            to: format!("VERSION#{END}"),
            forward: false,
        };
        for row in self.range(&older, usize::MAX).await? {
            versions.push(certificates::read(&row)?);
        }
        Ok(versions)
    }

    async fn ending_before(&self, until: Timestamp) -> Result<Vec<(CertificateId, Timestamp)>, StoreError> {
        let ranges: Vec<Range<'_>> = (0..SHARDS)
            .map(|shard| Range {
                index: Some("list"),
                keys: LIST,
                partition: format!("EXPIRY#{shard}"),
                from: "0".into(),
                to: until.sort_key(),
                forward: true,
            })
            .collect();
        let reads = try_join_all(ranges.iter().map(|range| self.range(range, usize::MAX))).await?;
        let mut rows = reads
            .iter()
            .flatten()
            .map(|row| {
                let id = CertificateId::new(row.number("certificate_id")?);
                Ok((row.time("expires_at")?, id))
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        rows.sort();
        Ok(rows.into_iter().map(|(at, id)| (id, at)).collect())
    }

    async fn certificates_by_id(&self, ids: &[CertificateId]) -> Result<Vec<Certificate>, StoreError> {
        let keys: Vec<(String, &str)> = ids.iter().map(|id| (certificates::key(*id), "META")).collect();
        let rows = self.batch(&keys).await?;
        let mut found = rows
            .iter()
            .map(|row| certificates::read(row).map(|c| (c.id, c)))
            .collect::<Result<HashMap<_, _>, _>>()?;
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    async fn requests_that_renew(&self, ids: &[RequestId]) -> Result<Vec<Request>, StoreError> {
        let keys: Vec<(String, &str)> = ids.iter().map(|id| (format!("REQUEST#{id}"), "META")).collect();
        let rows = self.batch(&keys).await?;
        // One that cannot be read is quarantined: it renews nothing any more.
        Ok(rows
            .iter()
            .filter_map(|row| request_items::read(row).ok())
            .collect())
    }

    async fn forget_renewal(&self, id: CertificateId) -> Result<(), StoreError> {
        let delete = self.delete(&certificates::key(id), "RENEWAL")?;
        self.transact(vec![delete]).await.map_err(|r| r.or(conflict(id)))
    }
}
