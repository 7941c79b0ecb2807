//! Which website uses which certificate. A website has one active binding, which an item of the website names.

use super::{
    certificate_items::{self, WEBSITES, changing, same_lifecycle},
    counters,
    item::{Item, Row, Writer, n, readable, s},
    keys::{self, Index, List, active_word},
    lists::{self, Asked},
    range::Range,
    table::Table,
    tx::{Expression, Tx},
};
use crate::store::{BindingFilter, DEPTH, StoreError, binding_after, binding_cursor, rows_before};
use certmint_core::{
    certificate::Binding,
    words::{CertificateId, Page, PageRequest, Timestamp},
};

/// Tries against others that bind the same website.
const TRIES: usize = 8;

fn to_item(binding: &Binding, now: Timestamp) -> Result<Item, StoreError> {
    Writer::new(&keys::binding(binding.certificate_id, binding.website_id))
        .placed(keys::listed_binding(binding))
        .number("certificate_id", binding.certificate_id)
        .number("website_id", binding.website_id)
        .text("status", active_word(binding.active))
        .time("updated_at", now)
        .finish()
}

/// A list reads its index alone: a binding's place there says all of it.
fn from_place(row: &Row) -> Result<Binding, StoreError> {
    let (partition, sort) = Index::List.attributes();
    let binding = keys::binding_in(row.text(partition)?, row.text(sort)?);
    binding.ok_or_else(|| row.corrupt("its place in the list is none of a binding"))
}

/// That it is as it was read: this status, or absent.
fn as_read(active: Option<bool>) -> Expression {
    active.map_or_else(Expression::absent, |active| {
        Expression::is("status", s(active_word(active)))
    })
}

/// The website's active binding, in the item that names it.
fn website_to_item(binding: &Binding) -> Result<Item, StoreError> {
    Writer::new(&keys::website(binding.website_id))
        .number("certificate_id", binding.certificate_id)
        .finish()
}

fn website_from_item(row: &Row) -> Result<CertificateId, StoreError> {
    row.number("certificate_id").map(CertificateId::new)
}

/// Writes a binding that was so as `was` says, with the counts of the lists that it leaves and enters.
fn write(tx: &mut Tx<()>, binding: &Binding, was: Option<bool>, now: Timestamp) -> Result<(), StoreError> {
    tx.put_if(to_item(binding, now)?, as_read(was), ());
    let (id, website) = (binding.certificate_id, binding.website_id);
    for (active, delta) in was.map(|was| (was, -1)).into_iter().chain([(binding.active, 1)]) {
        tx.count(&List::bindings(active), website, delta);
        tx.count(&List::bindings_of(id, active), website, delta);
    }
    Ok(())
}

/// One website more or less uses a certificate.
fn used(tx: &mut Tx<()>, id: CertificateId, delta: i64, condition: Expression) {
    let change = Expression::new(&format!("ADD {WEBSITES} :delta")).with("delta", n(delta));
    tx.update_if(keys::certificate(id), change, condition, ());
}

/// A binding becomes active, and with that the website's other one inactive. `was`: as it was read. Two reads.
async fn activation(
    table: &Table,
    (binding, was): (&Binding, Option<bool>),
    certificate: &Row,
    now: Timestamp,
) -> Result<Tx<()>, StoreError> {
    let id = binding.certificate_id;
    if certificate_items::from_item(certificate)?
        .lifecycle
        .deleted_at
        .is_some()
    {
        return Err(StoreError::WrongState {
            kind: "certificate",
            id: id.to_string(),
            state: "deleted".into(),
            needed: "one that is not; restore it first",
        });
    }
    let other = table.get(&keys::website(binding.website_id)).await?;
    let other = other.as_ref().map(website_from_item).transpose()?;
    let mut tx = Tx::new();
    write(&mut tx, binding, was, now)?;
    used(&mut tx, id, 1, same_lifecycle(certificate)?);
    let same = match other {
        None => Expression::absent(),
        Some(other) => Expression::is("certificate_id", n(other)),
    };
    tx.put_if(website_to_item(binding)?, same, ());
    if let Some(other) = other {
        let inactive = Binding {
            certificate_id: other,
            active: false,
            ..binding.clone()
        };
        write(&mut tx, &inactive, Some(true), now)?;
        used(&mut tx, other, -1, Expression::present());
    }
    Ok(tx)
}

fn deactivation(binding: &Binding, now: Timestamp) -> Result<Tx<()>, StoreError> {
    let id = binding.certificate_id;
    let mut tx = Tx::new();
    write(&mut tx, binding, Some(true), now)?;
    used(&mut tx, id, -1, Expression::present());
    let ours = Expression::is("certificate_id", n(id));
    tx.delete_if(keys::website(binding.website_id), ours, ());
    Ok(tx)
}

/// Three reads, one transaction.
pub(super) async fn bind(table: &Table, binding: &Binding, now: Timestamp) -> Result<(), StoreError> {
    let id = binding.certificate_id;
    for _ in 0..TRIES {
        let certificate = certificate_items::row(table, id).await?;
        let stored = table.get(&keys::binding(id, binding.website_id)).await?;
        let was = match &stored {
            Some(row) => Some(row.text("status")? == active_word(true)),
            None => None,
        };
        let tx = match (was, binding.active) {
            (Some(was), asked) if was == asked => return Ok(()),
            (was, true) => activation(table, (binding, was), &certificate, now).await?,
            (Some(_), false) => deactivation(binding, now)?,
            (None, false) => {
                return Err(StoreError::NotFound {
                    kind: "binding",
                    id: format!("of certificate {id} and website {}", binding.website_id),
                });
            }
        };
        if tx.commit(table).await?.is_ok() {
            return Ok(());
        }
    }
    Err(changing(id))
}

/// Removes an inactive binding with its certificate.
pub(super) fn remove<E>(tx: &mut Tx<E>, id: CertificateId, website: u64, failed: E) {
    tx.delete_if(keys::binding(id, website), as_read(Some(false)), failed);
    tx.count(&List::bindings(false), website, -1);
    tx.count(&List::bindings_of(id, false), website, -1);
}

pub(super) async fn page(
    table: &Table,
    filter: &BindingFilter,
    page: &PageRequest,
) -> Result<Page<Binding>, StoreError> {
    let size = page.page_size as usize;
    let after = binding_after(page)?;
    let asked_for = |active: &bool| filter.active.is_none_or(|x| x == *active);
    let active: Vec<bool> = [true, false].into_iter().filter(asked_for).collect();
    let counted = active.iter().map(|active| match filter.certificate_id {
        Some(id) => List::bindings_of(id, *active),
        None => List::bindings(*active),
    });
    let counted: Vec<List> = counted.collect();
    let totals = counters::totals(table, &counted).await?;
    let ranges = active
        .iter()
        .map(|active| Range::bindings(*active, filter.certificate_id, after));
    let asked = Asked {
        ranges: ranges.collect(),
        skip: rows_before(page, DEPTH)?,
        size,
    };
    let rows = lists::rows(table, asked).await?;
    let list = readable(&rows, from_place);
    let cursor = |row: &Row| from_place(row).ok().map(|binding| binding_cursor(&binding));
    let all = (rows.as_slice(), rows.len(), size);
    Ok(lists::page(list, totals.iter().sum(), all, cursor))
}
