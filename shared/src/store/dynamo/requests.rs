//! Certificate requests: claim, fence, lists.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem},
};

use super::{
    DynamoStore, Item, Row,
    flight::{Insert, Lock},
    n, refused,
    request_items::{attempts_key, key, lists, open_list, read, write},
    request_lists::ranges,
    s,
    write::{Condition, Refusal},
};
use crate::store::{AccountStore, Idempotency, RequestFilter, RequestStore, StoreError};
use certmint_core::{
    issuance::{NewRequest, Request, RequestStatus},
    words::{Page, PageRequest, RequestId, Timestamp},
};

impl DynamoStore {
    /// The counter writes of a request that enters a list. A pending one needs its account: the write fails if that
    /// is deleted meanwhile.
    pub(super) fn enter(&self, list: &str, request: &Request) -> Result<[TransactWriteItem; 2], StoreError> {
        match request.status {
            RequestStatus::Pending if list == open_list(request.account_id, request.status) => {
                self.count_if_open(list, request.id.get())
            }
            _ => self.count(list, request.id.get(), 1),
        }
    }

    /// Counter and pointer writes for a request that goes from one status and number of attempts to another.
    pub(super) fn moves(
        &self,
        request: &Request,
        old: (RequestStatus, u64),
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let mut writes = Vec::new();
        let (was, is) = (
            lists(request.account_id, old.0),
            lists(request.account_id, request.status),
        );
        for list in was.iter().filter(|l| !is.contains(l)) {
            writes.extend(self.count(list, request.id.get(), -1)?);
        }
        for list in is.iter().filter(|l| !was.contains(l)) {
            writes.extend(self.enter(list, request)?);
        }
        let attempts = u64::from(request.issuance.attempts);
        if attempts != old.1 {
            if old.1 > 0 {
                writes.push(self.delete("ATTEMPTS", &attempts_key(old.1, request.id))?);
            }
            if attempts > 0 {
                let pointer = Item::from([
                    ("pk".into(), s("ATTEMPTS")),
                    ("sk".into(), s(attempts_key(attempts, request.id))),
                    ("id".into(), n(request.id)),
                ]);
                writes.push(self.put(pointer, Condition::default())?);
            }
        }
        Ok(writes)
    }
}

#[async_trait]
impl RequestStore for DynamoStore {
    /// Reads: the account (and the key). Writes: the counter, then one transaction of request, lock, counts and key.
    async fn create_request(
        &self,
        new: NewRequest,
        max_attempts: u32,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<Request, StoreError> {
        if let Some(key) = &idempotency
            && let Some(known) = self.replay(key).await?
        {
            return self.request(RequestId::new(known.id)).await;
        }
        self.account(new.account_id).await?;
        let request = self.new_request(new, max_attempts, now).await?;
        match self
            .insert(&request, idempotency.as_ref(), Lock::Whatever, now)
            .await?
        {
            Insert::Written => Ok(request),
            Insert::Known(id) => self.request(id).await,
            Insert::Beaten => Err(StoreError::Conflict {
                kind: "request",
                id: request.id.to_string(),
            }),
        }
    }

    async fn request(&self, id: RequestId) -> Result<Request, StoreError> {
        match self.get(&key(id), "META").await? {
            Some(row) => read(&row),
            None => Err(StoreError::NotFound {
                kind: "request",
                id: id.to_string(),
            }),
        }
    }

    /// First page: the total (8 small items) and one read of the page. Deep pages: the list's buckets, and at most
    /// one bucket of rows. With `min_attempts`: one read for each request that has so many.
    async fn requests(
        &self,
        filter: &RequestFilter,
        page: &PageRequest,
    ) -> Result<Page<Request>, StoreError> {
        if let Some(least) = filter.min_attempts.filter(|m| *m > 0) {
            return self.with_attempts(filter, least, page).await;
        }
        let list = match (filter.account_id, filter.status) {
            (None, None) => "REQUEST".to_owned(),
            (None, Some(x)) => format!("REQUEST#{}", x.as_str()),
            (Some(a), None) => format!("REQUEST#A{a}"),
            (Some(a), Some(x)) => format!("REQUEST#A{a}#{}", x.as_str()),
        };
        let total = self.total(&list).await?;
        let size = page.page_size as usize;
        let (before, skip) = match &page.cursor {
            Some(cursor) => (cursor.parse().map_err(|_| StoreError::BadCursor)?, 0),
            None => {
                self.seek(&list, u64::from(page.page.max(1) - 1) * u64::from(page.page_size))
                    .await?
            }
        };
        let want = size + usize::try_from(skip).unwrap_or(0);
        let rows = if *filter == RequestFilter::default() {
            self.walk(before, want).await?
        } else {
            self.merged(ranges(filter, before), want).await?
        };
        let rows: Vec<Request> = rows.into_iter().skip(want - size).collect();
        Ok(Page::up_to(size, rows, total, |r| r.id.to_string()))
    }

    /// Four sums of at most eight items.
    async fn request_counts(&self) -> Result<[(RequestStatus, u64); 4], StoreError> {
        let mut counts = RequestStatus::ALL.map(|status| (status, 0));
        for (status, count) in &mut counts {
            *count = self.total(&format!("REQUEST#{}", status.as_str())).await?;
        }
        Ok(counts)
    }

    /// One transaction, on condition that the request is still failed under the fence that was read.
    async fn retry_request(&self, id: RequestId, now: Timestamp) -> Result<Request, StoreError> {
        let old = self.request(id).await?;
        let wrong = |state: &str| StoreError::WrongState {
            kind: "request",
            id: id.to_string(),
            state: state.to_owned(),
            needed: "failed",
        };
        if old.status != RequestStatus::Failed {
            return Err(wrong(old.status.as_str()));
        }
        let fresh = old.retried(now);
        let condition = Condition::new("fence = :fence").with(":fence", n(old.lease.fence));
        let mut items = vec![self.put(write(&fresh)?, condition)?];
        items.extend(self.moves(&fresh, (old.status, u64::from(old.issuance.attempts)))?);
        self.transact(items).await.map_err(|r| r.or(wrong("changing")))?;
        Ok(fresh)
    }

    /// Eight small index reads.
    async fn due_requests(&self, now: Timestamp, limit: usize) -> Result<Vec<RequestId>, StoreError> {
        let rows = self.due("WORK", now, limit).await?;
        let mut due: Vec<(String, RequestId)> = rows
            .iter()
            .filter_map(|row| {
                let id = row.text("pk").ok()?.strip_prefix("REQUEST#")?.parse().ok()?;
                Some((row.text("work_sk").ok()?.to_owned(), id))
            })
            .collect();
        due.sort();
        due.truncate(limit);
        Ok(due.into_iter().map(|(_, id)| id).collect())
    }

    /// One conditional write: due, and the lease free or over since `skew`. Refused, it shows the item, so that a
    /// repeat after a lost answer knows its own lease.
    async fn claim_request(
        &self,
        id: RequestId,
        owner: &str,
        now: Timestamp,
        lease: Duration,
        skew: Duration,
    ) -> Result<Option<Request>, StoreError> {
        let claimed = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(key(id)))
            .key("sk", s("META"))
            .update_expression(
                "SET lease_owner = :owner, lease_until = :until, claimed_at = :now, fence = fence + :one",
            )
            .condition_expression(
                "wake_at <= :now AND lease_until < :free AND attribute_not_exists(quarantined)",
            )
            .expression_attribute_values(":owner", s(owner))
            .expression_attribute_values(":until", n(now.plus(lease).millis()))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":now", n(now.millis()))
            .expression_attribute_values(":free", n(now.minus(skew).millis()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let error = match claimed {
            Ok(answer) => return read(&Row(answer.attributes.unwrap_or_default())).map(Some),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(check)) => {
                let row = Row(check.item.clone().unwrap_or_default());
                // The first save drops the mark: a lease is found again only before anything was done under it.
                let is_ours = row.opt_text("lease_owner") == Some(owner)
                    && row.opt_time("claimed_at").ok().flatten() == Some(now);
                if is_ours { read(&row).map(Some) } else { Ok(None) }
            }
            _ => Err(refused("UpdateItem", &error)),
        }
    }

    /// One read, one conditional transaction (`fence = :ours`). A repeat after a lost answer finds its own write.
    async fn save_request(&self, request: &Request, _now: Timestamp) -> Result<(), StoreError> {
        let lost = StoreError::LeaseLost(request.id);
        let stored = self.request(request.id).await?;
        if stored.lease.fence != request.lease.fence {
            return Err(lost);
        }
        let condition = Condition::new("fence = :fence AND updated_at = :seen")
            .with(":fence", n(request.lease.fence))
            .with(":seen", n(stored.updated_at.millis()));
        let mut items = vec![self.put(write(request)?, condition)?];
        items.extend(self.moves(request, (stored.status, u64::from(stored.issuance.attempts)))?);
        match self.transact(items).await {
            Ok(()) => Ok(()),
            Err(Refusal::Condition(_)) if self.request(request.id).await? == *request => Ok(()),
            Err(refusal) => Err(refusal.or(lost)),
        }
    }

    /// One write: out of the due index, with the reason beside.
    async fn quarantine_request(&self, id: RequestId, why: &str, now: Timestamp) -> Result<(), StoreError> {
        self.client
            .update_item()
            .table_name(&self.table)
            .key("pk", s(key(id)))
            .key("sk", s("META"))
            .update_expression("SET quarantined = :why, quarantined_at = :now REMOVE work_pk, work_sk")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":why", s(why))
            .expression_attribute_values(":now", n(now.millis()))
            .send()
            .await
            .map(|_| ())
            .map_err(|e| refused("UpdateItem", &e))
    }
}
