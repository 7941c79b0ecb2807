//! Who has an order of a CA: an item names the request that saved its URL last, and that request says whether it still
//! has it.

use std::time::Duration;

use super::{
    item::{Item, Row, Writer, n},
    keys, request_items,
    table::Table,
    tx::{Expression, Tx},
};
use crate::store::StoreError;
use certmint_core::{
    issuance::{OrderOwner, Request},
    words::{RequestId, Timestamp},
};

/// CAs keep an open order for days or weeks (RFC 8555 §7.1.3: `expires`).
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// The request that saved the URL last, and as which of its orders.
struct Named {
    request: RequestId,
    number: u32,
}

fn from_item(row: &Row) -> Result<Named, StoreError> {
    Ok(Named {
        request: RequestId::new(row.number("request_id")?),
        number: row.number("number")?,
    })
}

fn to_item(request: &Request, order_url: &str, now: Timestamp) -> Result<Item, StoreError> {
    Writer::new(&keys::order(order_url))
        .number("request_id", request.id)
        .number("number", request.issuance.order_number())
        .until(now.plus(KEPT))
        .finish()
}

async fn named(table: &Table, order_url: &str) -> Result<Option<Named>, StoreError> {
    let row = table.get(&keys::order(order_url)).await?;
    row.as_ref().map(from_item).transpose()
}

/// A request that is gone, or that cannot be read and never goes on, has no order.
async fn still_has(table: &Table, named: &Named, order_url: &str) -> Result<Option<OrderOwner>, StoreError> {
    match request_items::one(table, named.request).await {
        Ok(request) => Ok(request.holds(order_url, named.number).map(|hold| OrderOwner {
            request: request.id,
            hold,
        })),
        Err(StoreError::NotFound { .. } | StoreError::Corrupt { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Who has it. At most two reads.
pub(super) async fn owner(table: &Table, order_url: &str) -> Result<Option<OrderOwner>, StoreError> {
    match named(table, order_url).await? {
        Some(named) => still_has(table, &named, order_url).await,
        None => Ok(None),
    }
}

/// The write that makes a request the owner of its order, on condition that the item is as it was read: `failed` if it
/// is not. An order that another request has is refused.
pub(super) async fn own<E>(
    table: &Table,
    tx: &mut Tx<E>,
    request: &Request,
    order_url: &str,
    now: Timestamp,
    failed: E,
) -> Result<(), StoreError> {
    let as_read = match named(table, order_url).await? {
        None => Expression::absent(),
        Some(before) => {
            if before.request != request.id
                && let Some(owner) = still_has(table, &before, order_url).await?
            {
                return Err(StoreError::OrderTaken {
                    order_url: order_url.to_owned(),
                    by: owner.request,
                });
            }
            let same = Expression::is("request_id", n(before.request));
            same.and(Expression::is("number", n(before.number)))
        }
    };
    tx.put_if(to_item(request, order_url, now)?, as_read, failed);
    Ok(())
}
