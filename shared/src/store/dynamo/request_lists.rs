//! Lists of certificate requests: by id, by index range, by attempts.

use std::{cmp::Reverse, collections::HashMap};

use futures::future::try_join_all;

use super::{DynamoStore, END, LIST, OWNER, Range, SHARDS, TABLE, pad, request_items::read, row::readable};
use crate::store::{RequestFilter, StoreError};
use certmint_core::{
    issuance::{Request, RequestStatus},
    words::{Page, PageRequest},
};

/// Ids that a walk reads at once: one batch read.
const WALK: u64 = 100;

impl DynamoStore {
    /// Requests by id, in the order given; ids without a request are left out. One batch read per 100.
    pub(super) async fn requests_by_id(&self, ids: &[u64]) -> Result<Vec<Request>, StoreError> {
        let keys: Vec<(String, &str)> = ids.iter().map(|id| (format!("REQUEST#{id}"), "META")).collect();
        let rows = self.batch(&keys).await?;
        let mut found: HashMap<u64, Request> = readable(&rows, read)
            .into_iter()
            .map(|r| (r.id.get(), r))
            .collect();
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    /// The newest `count` requests below `before`, by walking ids; a hole costs a key of a batch read.
    pub(super) async fn walk(&self, before: u64, count: usize) -> Result<Vec<Request>, StoreError> {
        let top = match before {
            u64::MAX => match self.get("COUNTER#REQUEST", "META").await? {
                Some(row) => row.number("value")? + 1,
                None => 1,
            },
            before => before,
        };
        let (mut list, mut next) = (Vec::new(), top);
        while list.len() < count && next > 1 {
            let low = next.saturating_sub(WALK.min((count - list.len()) as u64)).max(1);
            let ids: Vec<u64> = (low..next).rev().collect();
            list.extend(self.requests_by_id(&ids).await?);
            next = low;
        }
        Ok(list)
    }

    /// The newest `count` of several index ranges, each sorted by id.
    pub(super) async fn merged(
        &self,
        ranges: Vec<Range<'_>>,
        count: usize,
    ) -> Result<Vec<Request>, StoreError> {
        let reads = try_join_all(ranges.iter().map(|range| self.range(range, count))).await?;
        let mut list = readable(reads.iter().flatten(), read);
        list.sort_by_key(|r| Reverse(r.id));
        list.truncate(count);
        Ok(list)
    }

    pub(super) async fn with_attempts(
        &self,
        filter: &RequestFilter,
        least: u32,
        page: &PageRequest,
    ) -> Result<Page<Request>, StoreError> {
        let range = Range {
            index: None,
            keys: TABLE,
            partition: "ATTEMPTS".into(),
            from: format!("{least:04}"),
            to: END.into(),
            forward: false,
        };
        let pointers = self.range(&range, usize::MAX).await?;
        let ids = pointers
            .iter()
            .map(|row| row.number("id"))
            .collect::<Result<Vec<_>, _>>()?;
        let mut all = self.requests_by_id(&ids).await?;
        all.retain(|r| {
            filter.status.is_none_or(|x| x == r.status) && filter.account_id.is_none_or(|a| a == r.account_id)
        });
        all.sort_by_key(|r| Reverse(r.id));
        let total = all.len() as u64;
        let skip = (page.page.max(1) as usize - 1) * page.page_size as usize;
        let list = all.into_iter().skip(skip).take(page.page_size as usize).collect();
        Ok(Page {
            list,
            total,
            next_cursor: None,
        })
    }
}

/// The index ranges that hold what a filter wants, below an id.
pub(super) fn ranges(filter: &RequestFilter, before: u64) -> Vec<Range<'static>> {
    let last = pad(before.min(999_999_999_999).saturating_sub(1));
    match (filter.account_id, filter.status) {
        (Some(account), status) => RequestStatus::ALL
            .into_iter()
            .filter(|x| status.is_none_or(|y| y == *x))
            .map(|x| Range {
                index: Some("by_owner"),
                keys: OWNER,
                partition: format!("ACCOUNT#{account}#REQUEST"),
                from: format!("{}#", x.as_str()),
                to: format!("{}#{last}", x.as_str()),
                forward: false,
            })
            .collect(),
        (None, status) => (0..SHARDS)
            .map(|shard| Range {
                index: Some("list"),
                keys: LIST,
                partition: format!("REQUEST#{}#{shard}", status.map_or("", RequestStatus::as_str)),
                from: "0".into(),
                to: last.clone(),
                forward: false,
            })
            .collect(),
    }
}
