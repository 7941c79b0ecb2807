//! Certificates by name: a pointer for each name, and for each above it up to the registered domain, so that what is at
//! or below a name is one partition in the order of ids.

use std::collections::{BTreeSet, HashMap};

use super::{
    certificate_items::{from_item, listed, lists_of},
    item::{Row, Writer},
    keys::{self, Key},
    lists::{self, Asked, Narrowed},
    range::Range,
    table::Table,
    tx::{MOST, Tx},
};
use crate::store::{CertificateFilter, NAMED_DEPTH, StoreError, id_after, rows_before};
use certmint_core::{
    certificate::Certificate,
    words::{CertificateId, DomainName, Page, PageRequest},
};

/// Certificates that a page looks at beyond its place: it reads them.
const BY_NAME: usize = 300;

async fn in_parts(
    table: &Table,
    certificate: &Certificate,
    act: impl Fn(&mut Tx<StoreError>, &Key) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let names = certificate.names.iter();
    let all: BTreeSet<Key> = names.flat_map(|name| keys::names(name, certificate.id)).collect();
    let all: Vec<Key> = all.into_iter().collect();
    for part in all.chunks(MOST) {
        let mut tx = Tx::new();
        for key in part {
            act(&mut tx, key)?;
        }
        tx.commit(table).await??;
    }
    Ok(())
}

/// Writes the pointers of a certificate. A repeat writes the same.
pub(super) async fn put(table: &Table, certificate: &Certificate) -> Result<(), StoreError> {
    in_parts(table, certificate, |tx, key| {
        tx.put(Writer::new(key).finish()?);
        Ok(())
    })
    .await
}

/// Removes them. A repeat finds nothing.
pub(super) async fn delete(table: &Table, certificate: &Certificate) -> Result<(), StoreError> {
    in_parts(table, certificate, |tx, key| {
        tx.delete(key.clone());
        Ok(())
    })
    .await
}

/// One query, and one batch read of the certificates that the page looks at: those of the page and one more, if the filter
/// takes out none of them.
pub(super) async fn page(
    table: &Table,
    name: &DomainName,
    filter: &CertificateFilter,
    page: &PageRequest,
) -> Result<Page<Certificate>, StoreError> {
    let (before, found) = id_after(page)?.unwrap_or((u64::MAX, 0));
    let asked = Asked {
        ranges: vec![Range::named(name).newest().below(before)],
        skip: rows_before(page, NAMED_DEPTH)?,
        size: page.page_size as usize,
    };
    let wanted = lists_of(filter);
    let mut narrowed = Narrowed::new(asked, BY_NAME);
    loop {
        let part = narrowed.part(table).await?;
        if part.is_empty() {
            break;
        }
        let id = |row: &Row| lists::id_of(row).map(CertificateId::new);
        let keys: Vec<Key> = part.iter().filter_map(id).map(keys::certificate).collect();
        let read = |row: &Row| Ok((listed(row)?, from_item(row)?));
        let read = lists::records(table, &keys, read).await?.into_iter();
        let asked = read.filter(|(list, _)| wanted.contains(list));
        let mut asked: HashMap<_, _> = asked.map(|(_, c)| (c.id, c)).collect();
        for row in part {
            // None: another list's, or a pointer to nothing, whose certificate was never recorded or is gone.
            let certificate = id(&row).and_then(|id| asked.remove(&id));
            narrowed.judged(&row, certificate);
        }
    }
    let list = narrowed.rows.clone();
    narrowed.page(list, found)
}
