//! Ids and totals.

use aws_sdk_dynamodb::types::ReturnValue;
use futures::future::try_join_all;

use super::{
    item::{Row, n, readable},
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

/// Rows in a list. One read unit.
pub(super) async fn total(table: &Table, list: &List) -> Result<u64, StoreError> {
    let totals = totals(table, std::slice::from_ref(list)).await?;
    Ok(totals.first().copied().unwrap_or_default())
}

/// Rows in each list: the sum over at most eight items. Lists that are counted in the same items cost one read unit
/// together.
pub(super) async fn totals(table: &Table, lists: &[List]) -> Result<Vec<u64>, StoreError> {
    let mut ranges: Vec<Range> = lists.iter().map(Range::count).collect();
    ranges.dedup_by(|a, b| a.partition == b.partition);
    let rows = try_join_all(ranges.iter().map(|range| table.range(range))).await?;
    let of = |list: &List| {
        let partition = Range::count(list).partition;
        let rows = rows.iter().flatten().filter(|row| row.key().pk == partition);
        let count = |row: &Row| row.opt_number::<i64>(list.member());
        let sum: i64 = readable(rows, count).into_iter().flatten().sum();
        u64::try_from(sum).unwrap_or_default()
    };
    Ok(lists.iter().map(of).collect())
}
