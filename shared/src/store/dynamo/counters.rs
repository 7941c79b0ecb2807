//! Ids and totals.

use aws_sdk_dynamodb::types::ReturnValue;

use super::{
    item::{n, readable},
    keys::{self, List},
    range::Range,
    table::{Table, Updated},
};
use crate::store::StoreError;

/// The next id of a kind. One write. An id that is taken and not used is never handed out again.
pub(super) async fn next_id(table: &Table, kind: &str) -> Result<u64, StoreError> {
    let key = keys::id_counter(kind);
    let add = table.update(&key, |call| {
        call.update_expression("ADD #v :one")
            .expression_attribute_names("#v", "value")
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::UpdatedNew)
    });
    match add.await? {
        Updated::Done(row) | Updated::Refused(row) => row.number("value"),
    }
}

/// Rows in a list: the sum of at most eight items, one read unit.
pub(super) async fn total(table: &Table, list: &List) -> Result<u64, StoreError> {
    let rows = table.range(&Range::count(list)).await?;
    let sum: i64 = readable(&rows, |row| row.number::<i64>("value"))
        .into_iter()
        .sum();
    Ok(u64::try_from(sum).unwrap_or_default())
}
