//! Certificates by their end. The places of their renewals say it, spread over shards, each in the order of ends and ids.

use futures::future::try_join_all;

use super::{
    certificate_items::from_item,
    cut,
    item::Row,
    keys::{self, Index, Key},
    lists::{self, Asked, Narrowed},
    range::Range,
    table::Table,
};
use crate::store::{DEPTH, EndingFilter, NAMED_DEPTH, StoreError, ending_after, rows_before};
use certmint_core::{
    certificate::{Certificate, CertificateStatus},
    words::{Page, PageRequest},
};

/// Certificates that a page with a status looks at beyond its place: it reads them.
const LOOK: usize = 300;

/// A renewal's place in the list, whether it can be read or not: the list goes on behind it.
fn place(row: &Row) -> Option<String> {
    row.opt_text(Index::List.attributes().1).map(str::to_owned)
}

/// The certificate that a renewal's row stands for. Of a row that says no end, the row's own item: it is no certificate,
/// and left out with an alarm.
fn certificate(row: &Row) -> Key {
    let key = row.key();
    let is_one = place(row).is_some_and(|place| keys::ending_in(&place).is_some());
    let id = keys::certificate_in(&key.pk).filter(|_| is_one);
    id.map_or(key, keys::certificate)
}

pub(super) async fn page(
    table: &Table,
    filter: &EndingFilter,
    page: &PageRequest,
) -> Result<Page<Certificate>, StoreError> {
    match filter.status {
        None => of_all(table, filter, page).await,
        Some(status) => with_status(table, (filter, status), page).await,
    }
}

/// Eight queries of the page's rows and a batch read of them, 25 at once; without a cursor the places before the page, and a
/// count of the eight ranges: a read unit for 54 rows, wherever they are.
async fn of_all(
    table: &Table,
    filter: &EndingFilter,
    page: &PageRequest,
) -> Result<Page<Certificate>, StoreError> {
    let (after, size) = (ending_after(page)?, page.page_size as usize);
    let skip = rows_before(page, DEPTH)?;
    let total = match after {
        Some((_, counted)) => counted,
        None => {
            let all = Range::ending(filter.until, None);
            let counts = try_join_all(all.iter().map(|range| table.count(range))).await?;
            counts.iter().sum()
        }
    };
    let asked = Asked {
        ranges: Range::ending(filter.until, after.map(|(place, _)| place)),
        skip,
        // One row more tells whether this is the last page.
        size: size + 1,
    };
    let mut rows = lists::rows(table, asked).await?;
    let is_followed = rows.len() > size;
    rows.truncate(size);
    let keys: Vec<Key> = rows.iter().map(certificate).collect();
    let cut = cut::records(table, &keys, from_item, |c| c.row_bytes(false)).await?;
    let last = rows.iter().take(cut.taken).rev().find_map(place);
    let last = last.filter(|_| is_followed || cut.taken < rows.len());
    Ok(Page {
        list: cut.list,
        total,
        next_cursor: last.map(|place| format!("{place}-{total}")),
    })
}

/// Eight queries, and batch reads of the certificates that the page looks at, 25 at once.
async fn with_status(
    table: &Table,
    (filter, status): (&EndingFilter, CertificateStatus),
    page: &PageRequest,
) -> Result<Page<Certificate>, StoreError> {
    let after = ending_after(page)?;
    let (after, found) = (after.map(|(place, _)| place), after.map_or(0, |(_, found)| found));
    let asked = Asked {
        ranges: Range::ending(filter.until, after),
        skip: rows_before(page, NAMED_DEPTH)?,
        size: page.page_size as usize,
    };
    let judge = |row: &Row| {
        let certificate = from_item(row)?;
        let weight = certificate.row_bytes(false);
        Ok((certificate.status(filter.now) == status).then_some((certificate, weight)))
    };
    let narrowed = Narrowed::new(asked, LOOK).placed_by(place);
    let narrowed = narrowed.by_record(table, certificate, judge).await?;
    let list = narrowed.rows.clone();
    narrowed.page(list, found)
}
