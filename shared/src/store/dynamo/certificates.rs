//! Certificates: recorded, listed, related to each other.

use async_trait::async_trait;

use super::{
    bindings,
    certificate_items::{
        changing, from_item, id_with, listed, lists_of, one, recording, to_item, with_fingerprint,
    },
    counters, cut,
    item::{Row, has_room_to_grow},
    keys::{self, Key, List},
    lists::{self, Asked},
    name_pointers, names,
    range::Range,
    request_items,
    store::DynamoStore,
    tx::Tx,
};
use crate::store::{
    BindingFilter, CertificateFilter, CertificateRelations, CertificateStore, DEPTH, StoreError, id_after,
    rows_before,
};
use certmint_core::{
    certificate::{Binding, Certificate, CertificateStatus},
    issuance::Request,
    renewal,
    words::{CertificateId, DomainName, Page, PageRequest, Timestamp},
};

/// Ids that one look for the same names gives.
const MOST: usize = 100;

/// Why a certificate was not recorded.
enum Lost {
    /// Its fingerprint is known.
    Known,
    /// Its request is in other hands.
    Lease(StoreError),
}

#[async_trait]
impl CertificateStore for DynamoStore {
    /// Reads: 1. Writes: the counter, then one transaction of certificate, uniqueness, pointers, renewal, counts and fence
    /// check; pointers of more names than it has room for behind it, with a chore.
    async fn record_certificate(
        &self,
        certificate: Certificate,
        made_by: Option<&Request>,
    ) -> Result<Certificate, StoreError> {
        self.has_room_for(&certificate)?;
        let table = self.table().await?;
        if let Some(known) = with_fingerprint(table, &certificate.fingerprint).await? {
            return Ok(known);
        }
        let id = CertificateId::new(counters::next_id(table, "CERTIFICATE").await?);
        let certificate = Certificate { id, ..certificate };
        let renewal = renewal::recorded(&certificate, made_by);
        let mut tx = Tx::new();
        recording(&mut tx, &certificate, &renewal, || Lost::Known)?;
        if let Some(request) = made_by {
            let held = request_items::held(request.lease.fence);
            let lost = StoreError::LeaseLost(request.id);
            tx.check(keys::request(request.id), held, Lost::Lease(lost));
        }
        match tx.commit(table).await? {
            Ok(()) => {
                name_pointers::put_rest(table, &certificate).await;
                Ok(certificate)
            }
            Err(Lost::Lease(error)) => Err(error),
            Err(Lost::Known) => match with_fingerprint(table, &certificate.fingerprint).await? {
                Some(known) => Ok(known),
                None => Err(changing(id)),
            },
        }
    }

    fn has_room_for(&self, certificate: &Certificate) -> Result<(), StoreError> {
        has_room_to_grow(&to_item(certificate, CertificateStatus::Issued, 0)?)?;
        name_pointers::check(certificate)
    }

    async fn certificate(&self, id: CertificateId) -> Result<Certificate, StoreError> {
        one(self.table().await?, id).await
    }

    /// At most twelve totals; of the lists that have rows those up to the page; a batch read of the page. Uncounted: no totals,
    /// and the rows of all twelve. By name: see
    /// [`names::page`].
    async fn certificates(
        &self,
        filter: &CertificateFilter,
        page: &PageRequest,
    ) -> Result<Page<Certificate>, StoreError> {
        let (table, size) = (self.table().await?, page.page_size as usize);
        if let Some(name) = &filter.name {
            return names::page(table, name, filter, page).await;
        }
        let (before, _) = id_after(page)?.unwrap_or((u64::MAX, 0));
        let skip = rows_before(page, DEPTH)?;
        let lists = lists_of(filter);
        let counted = match filter.uncounted {
            true => vec![],
            false => counters::totals(table, &lists).await?,
        };
        // What was not counted may have rows.
        let totals = counted.iter().map(Some).chain(std::iter::repeat(None));
        let filled = lists
            .iter()
            .zip(totals)
            .filter(|(_, rows)| rows.is_none_or(|n| *n > 0));
        let asked = Asked {
            ranges: filled
                .map(|(list, _)| Range::list(list).newest().below(before))
                .collect(),
            skip,
            size,
        };
        let rows = lists::rows(table, asked).await?;
        let read = |row: &Row| Ok((listed(row)?, from_item(row)?));
        let weight = |(_, certificate): &(List, Certificate)| certificate.row_bytes(filter.pem);
        let cut = cut::records(table, &lists::keys_of(&rows), read, weight).await?;
        // The index lags.
        let read = cut.list.into_iter().filter(|(list, _)| lists.contains(list));
        let list = read.map(|(_, certificate)| certificate).collect();
        let total = counted.iter().sum();
        Ok(lists::page(list, total, (&rows, cut.taken, size), lists::behind))
    }

    async fn put_binding(&self, binding: &Binding, now: Timestamp) -> Result<(), StoreError> {
        bindings::bind(self.table().await?, binding, now).await
    }

    /// The totals and the rows up to the page, which are all that there is to read.
    async fn bindings(
        &self,
        filter: &BindingFilter,
        page: &PageRequest,
    ) -> Result<Page<Binding>, StoreError> {
        bindings::page(self.table().await?, filter, page).await
    }
}

#[async_trait]
impl CertificateRelations for DynamoStore {
    async fn certificate_with(&self, fingerprint: &str) -> Result<Option<CertificateId>, StoreError> {
        id_with(self.table().await?, fingerprint).await
    }

    async fn same_names(&self, certificate: &Certificate) -> Result<Vec<CertificateId>, StoreError> {
        let asked = Asked {
            ranges: vec![Range::same_names(&certificate.names)],
            skip: 0,
            size: MOST + 1,
        };
        let rows = lists::rows(self.table().await?, asked).await?;
        let ids = rows.iter().filter_map(lists::id_of).map(CertificateId::new);
        Ok(ids.filter(|id| *id != certificate.id).take(MOST).collect())
    }

    /// Of each certificate only what names its key is read: one that is else unreadable still says so. One whose key cannot
    /// be told is an error, since its key may be in use.
    async fn keys_in_use(&self, names: &[DomainName]) -> Result<Vec<String>, StoreError> {
        let rows = self.table().await?.range(&Range::same_names(names)).await?;
        let ids = rows.iter().filter_map(lists::id_of).map(CertificateId::new);
        let mut all = Vec::new();
        for id in ids {
            let hanging = self.table().await?.range(&Range::of_certificate(id)).await?;
            let is_version = |key: &Key| *key == keys::certificate(id) || keys::is_version(key);
            for row in hanging.iter().filter(|row| is_version(&row.key())) {
                all.push(row.text("key_ref")?.to_owned());
            }
        }
        Ok(all)
    }

    async fn is_compromised(&self, key_id: &str) -> Result<bool, StoreError> {
        let item = self.table().await?.get(&keys::compromised(key_id)).await?;
        Ok(item.is_some())
    }
}
