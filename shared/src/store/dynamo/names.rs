//! Certificates by name: one small item for each name, under its registered domain, in the order of the labels from the
//! right. What is below a name stands together.

use std::{cmp::Reverse, collections::BTreeSet};

use aws_sdk_dynamodb::types::TransactWriteItem;
use futures::{StreamExt, stream};

use super::{
    DynamoStore, END, Item, Range, TABLE,
    certificates::{key, lists, read},
    n, pad, s,
    write::{Condition, Refusal},
};
use crate::store::{CertificateFilter, StoreError};
use certmint_core::{
    certificate::Certificate,
    words::{CertificateId, DomainName, Page, PageRequest},
};

/// DynamoDB quota: 100 items in a transaction.
const BATCH: usize = 90;
/// Certificates read at once.
const READS: usize = 16;

fn partition(name: &DomainName) -> String {
    format!("NAME#{}", name.registered())
}

/// `www.example.com` as `com.example.www`.
fn reversed(name: &DomainName) -> String {
    name.as_str().rsplit('.').collect::<Vec<_>>().join(".")
}

fn place(name: &DomainName, id: CertificateId) -> (String, String) {
    (partition(name), format!("{}#{}", reversed(name), pad(id.get())))
}

impl DynamoStore {
    async fn in_batches(&self, writes: Vec<TransactWriteItem>) -> Result<(), StoreError> {
        for batch in writes.chunks(BATCH) {
            match self.transact(batch.to_vec()).await {
                // None of them has a condition.
                Ok(()) | Err(Refusal::Condition(_)) => {}
                Err(Refusal::Store(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes the entries of a certificate. A repeat writes the same.
    pub(super) async fn put_names(&self, certificate: &Certificate) -> Result<(), StoreError> {
        let names: BTreeSet<_> = certificate
            .names
            .iter()
            .map(|x| place(x, certificate.id))
            .collect();
        let writes = names.into_iter().map(|(pk, sk)| {
            let item = Item::from([
                ("pk".into(), s(pk)),
                ("sk".into(), s(sk)),
                ("id".into(), n(certificate.id)),
            ]);
            self.put(item, Condition::default())
        });
        self.in_batches(writes.collect::<Result<_, _>>()?).await
    }

    /// Removes them. A repeat finds nothing.
    pub(super) async fn delete_names(&self, certificate: &Certificate) -> Result<(), StoreError> {
        let names: BTreeSet<_> = certificate
            .names
            .iter()
            .map(|x| place(x, certificate.id))
            .collect();
        let writes = names.into_iter().map(|(pk, sk)| self.delete(&pk, &sk));
        self.in_batches(writes.collect::<Result<_, _>>()?).await
    }

    /// Two queries, and one read for each certificate that has the name or one below it.
    pub(super) async fn certificates_by_name(
        &self,
        name: &DomainName,
        filter: &CertificateFilter,
        page: &PageRequest,
    ) -> Result<Page<Certificate>, StoreError> {
        let mut ids: BTreeSet<Reverse<u64>> = BTreeSet::new();
        // The name itself, then what is below it.
        for end in ['#', '.'] {
            let start = format!("{}{end}", reversed(name));
            let range = Range {
                index: None,
                keys: TABLE,
                partition: partition(name),
                to: format!("{start}{END}"),
                from: start,
                forward: true,
            };
            for row in self.range(&range, usize::MAX).await? {
                ids.insert(Reverse(row.number("id")?));
            }
        }
        let lists = lists(filter);
        let reads = ids.into_iter().map(|id| async move {
            let at = key(CertificateId::new(id.0));
            self.get(&at, "META").await
        });
        let mut found = stream::iter(reads).buffered(READS);
        let mut rows = Vec::new();
        while let Some(row) = found.next().await {
            // None: an entry whose certificate was never recorded, or is gone.
            if let Some(row) = row?
                && lists.iter().any(|list| row.opt_text("list_pk") == Some(list))
            {
                rows.push(read(&row)?);
            }
        }
        let total = rows.len() as u64;
        let size = page.page_size as usize;
        let rows: Vec<Certificate> = match &page.cursor {
            Some(cursor) => {
                let before: u64 = cursor.parse().map_err(|_| StoreError::BadCursor)?;
                rows.into_iter()
                    .filter(|c| c.id.get() < before)
                    .take(size)
                    .collect()
            }
            None => {
                let skip = (page.page.max(1) as usize - 1) * size;
                rows.into_iter().skip(skip).take(size).collect()
            }
        };
        Ok(Page::up_to(size, rows, total, |c| c.id.to_string()))
    }
}
