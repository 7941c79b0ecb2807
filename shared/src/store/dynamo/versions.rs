//! The versions of a certificate: the newest is the certificate, the older ones hang on it by their numbers.

use super::{
    certificate_items::{from_item, one},
    item::readable,
    lists::Merge,
    range::Range,
    table::Table,
};
use crate::store::{DEPTH, StoreError, id_after, rows_before};
use certmint_core::{
    certificate::Certificate,
    words::{CertificateId, Page, PageRequest, Room},
};

/// All, newest first; an older one that cannot be read is left out. The certificate and one range.
pub(super) async fn all(table: &Table, id: CertificateId) -> Result<Vec<Certificate>, StoreError> {
    let newest = one(table, id).await?;
    let older = table.range(&Range::versions(id).newest()).await?;
    Ok(std::iter::once(newest)
        .chain(readable(&older, from_item))
        .collect())
}

/// A page of them. Numbers have no gaps, so a page by number starts at its own: the certificate is read, and the page's rows
/// and one more, a megabyte at a time.
pub(super) async fn page(
    table: &Table,
    id: CertificateId,
    page: &PageRequest,
    pem: bool,
) -> Result<Page<Certificate>, StoreError> {
    let (newest, size) = (one(table, id).await?, page.page_size as usize);
    let total = newest.version;
    let skipped = rows_before(page, DEPTH)? as u64;
    let first_below = total.saturating_add(1).saturating_sub(skipped);
    let below = id_after(page)?.map_or(first_below, |(below, _)| below);
    let mut older = Merge::new(vec![Range::versions_below(id, below.min(total))], size);
    let (mut list, mut room, mut shown) = (Vec::new(), Room::default(), below);
    if below > total {
        room.takes(newest.row_bytes(pem));
        shown = total;
        list.push(newest);
    }
    let next_cursor = loop {
        let Some(row) = older.next(table).await? else {
            break None;
        };
        let fits = |c: &Certificate| list.len() < size && room.takes(c.row_bytes(pem));
        match readable([&row], from_item).pop() {
            Some(version) if !{ fits }(&version) => break Some(shown.to_string()),
            Some(version) => {
                shown = version.version;
                list.push(version);
            }
            None => {}
        }
    };
    Ok(Page {
        list,
        total,
        next_cursor,
    })
}
