//! Pages of certificates by name, through their [pointers](super::name_pointers).

use std::collections::HashMap;

use super::{
    certificate_items::{from_item, listed, lists_of},
    cut,
    item::{Row, readable},
    keys::{self, Key},
    lists::{self, Asked, Narrowed},
    range::Range,
    table::{Fresh, Table},
};
use crate::store::{CertificateFilter, NAMED_DEPTH, StoreError, id_after, rows_before};
use certmint_core::{
    certificate::Certificate,
    words::{CertificateId, DomainName, Page, PageRequest},
};

/// Certificates that a page looks at beyond its place: it reads them.
const BY_NAME: usize = 300;
/// One query, and batch reads of the certificates that the page looks at, 25 at once: those of the page and one more, if
/// the filter takes out none of them.
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
        let part = narrowed.part(table, cut::PART).await?;
        if part.is_empty() {
            break;
        }
        let id = |row: &Row| lists::id_of(row).map(CertificateId::new);
        let keys: Vec<Key> = part.iter().filter_map(id).map(keys::certificate).collect();
        let read = |row: &Row| Ok((listed(row)?, from_item(row)?));
        let read = readable(&table.batch(&keys, Fresh::Soon).await?, read).into_iter();
        let asked = read.filter(|(list, _)| wanted.contains(list));
        let mut asked: HashMap<_, _> = asked.map(|(_, c)| (c.id, c)).collect();
        for row in part {
            // None: another list's, or a pointer to nothing, whose certificate was never recorded or is gone.
            let certificate = id(&row).and_then(|id| asked.remove(&id));
            let weighed = certificate.map(|certificate| {
                let weight = certificate.row_bytes(filter.pem);
                (certificate, weight)
            });
            narrowed.judged(&row, weighed);
        }
    }
    let list = narrowed.rows.clone();
    narrowed.page(list, found)
}
