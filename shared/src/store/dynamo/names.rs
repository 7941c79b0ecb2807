//! Pages of certificates by name, through their [pointers](super::name_pointers).

use super::{
    certificate_items::{from_item, listed, lists_of},
    item::Row,
    keys,
    lists::{self, Asked, Narrowed},
    range::Range,
    table::Table,
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
    let certificate = |row: &Row| {
        let id = lists::id_of(row).map(CertificateId::new);
        id.map_or_else(|| row.key(), keys::certificate)
    };
    // None: another list's, or a pointer to nothing, whose certificate was never recorded or is gone.
    let judge = |row: &Row| {
        let (list, certificate) = (listed(row)?, from_item(row)?);
        let weight = certificate.row_bytes(filter.pem);
        Ok(wanted.contains(&list).then_some((certificate, weight)))
    };
    let narrowed = Narrowed::new(asked, BY_NAME);
    let narrowed = narrowed.by_record(table, certificate, judge).await?;
    let list = narrowed.rows.clone();
    narrowed.page(list, found)
}
