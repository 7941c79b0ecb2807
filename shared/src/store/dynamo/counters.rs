//! Ids, totals, and where a page starts.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{ReturnValue, TransactWriteItem};
use futures::future::try_join_all;

use super::{DynamoStore, END, Item, Range, SHARDS, TABLE, n, refused, s, write::Condition};
use crate::store::StoreError;

/// Ids in one bucket: a deep page reads at most this many index rows to find its start.
const BUCKET: u64 = 1024;

impl DynamoStore {
    /// The next id of a kind. One write. An id that is taken and not used is never handed out again.
    pub(super) async fn next_id(&self, kind: &str) -> Result<u64, StoreError> {
        let answer = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(format!("COUNTER#{kind}")))
            .key("sk", s("META"))
            .update_expression("ADD #v :one")
            .expression_attribute_names("#v", "value")
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(|e| refused("UpdateItem", &e))?;
        super::Row(answer.attributes.unwrap_or_default()).number("value")
    }

    /// The counter writes for an id that enters (`1`) or leaves (`-1`) a list: one for the total, one for its
    /// bucket, both sharded so that neighbours do not collide.
    pub(super) fn count(
        &self,
        list: &str,
        id: u64,
        delta: i64,
    ) -> Result<[TransactWriteItem; 2], StoreError> {
        let (pk, shard) = (format!("COUNT#{list}"), id % SHARDS);
        Ok([
            self.add(&pk, &format!("T#{shard}"), delta)?,
            self.add(&pk, &format!("B#{:08}#{shard}", id / BUCKET), delta)?,
        ])
    }

    /// As [`count`](Self::count) with 1, unless the list was [closed](Self::close_list): the first write fails then.
    pub(super) fn count_if_open(&self, list: &str, id: u64) -> Result<[TransactWriteItem; 2], StoreError> {
        let (pk, shard) = (format!("COUNT#{list}"), id % SHARDS);
        let open = "attribute_not_exists(closed)";
        Ok([
            self.add_if(&pk, &format!("T#{shard}"), 1, open)?,
            self.add(&pk, &format!("B#{:08}#{shard}", id / BUCKET), 1)?,
        ])
    }

    /// Shuts an empty list for good: one conditional write for each shard of its total.
    pub(super) fn close_list(&self, list: &str) -> Result<Vec<TransactWriteItem>, StoreError> {
        let pk = format!("COUNT#{list}");
        (0..SHARDS)
            .map(|shard| {
                let closed = Item::from([
                    ("pk".into(), s(&pk)),
                    ("sk".into(), s(format!("T#{shard}"))),
                    ("value".into(), n(0)),
                    ("closed".into(), n(1)),
                ]);
                self.put(closed, empty())
            })
            .collect()
    }

    /// One check for each shard of a list's total: the list is empty.
    pub(super) fn check_empty(&self, list: &str) -> Result<Vec<TransactWriteItem>, StoreError> {
        let pk = format!("COUNT#{list}");
        (0..SHARDS)
            .map(|shard| self.check(&pk, &format!("T#{shard}"), empty()))
            .collect()
    }

    /// Rows in a list: the sum of at most eight items.
    pub(super) async fn total(&self, list: &str) -> Result<u64, StoreError> {
        let rows = self.range(&count_range(list, "T#"), 64).await?;
        rows.iter().try_fold(0, |sum, row| Ok(sum + row.number("value")?))
    }

    /// Where the row at `offset` (newest first) is: below which id to read, and how many rows to skip then.
    pub(super) async fn seek(&self, list: &str, offset: u64) -> Result<(u64, u64), StoreError> {
        self.seek_in(&[&list.to_owned()], offset).await
    }

    /// The same in several lists taken together. One query of each.
    pub(super) async fn seek_in(&self, lists: &[&String], offset: u64) -> Result<(u64, u64), StoreError> {
        if offset == 0 {
            return Ok((u64::MAX, 0));
        }
        let ranges: Vec<Range<'_>> = lists.iter().map(|list| count_range(list, "B#")).collect();
        let reads = try_join_all(ranges.iter().map(|range| self.range(range, usize::MAX))).await?;
        let mut buckets: BTreeMap<u64, u64> = BTreeMap::new();
        for row in reads.iter().flatten() {
            let bucket: u64 = row
                .text("sk")?
                .split('#')
                .nth(1)
                .and_then(|b| b.parse().ok())
                .unwrap_or_default();
            *buckets.entry(bucket).or_default() += row.number("value")?;
        }
        let mut passed = 0;
        for (bucket, here) in buckets.into_iter().rev() {
            if passed + here > offset {
                return Ok(((bucket + 1) * BUCKET, offset - passed));
            }
            passed += here;
        }
        Ok((0, 0))
    }
}

/// A counter item that counts nothing.
fn empty() -> Condition {
    Condition::new("attribute_not_exists(pk) OR #v = :zero").with(":zero", n(0))
}

fn count_range<'a>(list: &str, prefix: &str) -> Range<'a> {
    Range {
        index: None,
        keys: TABLE,
        partition: format!("COUNT#{list}"),
        from: prefix.to_owned(),
        to: format!("{prefix}{END}"),
        forward: false,
    }
}
