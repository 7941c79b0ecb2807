//! Certificate requests: claim, fence, lists; ended or removed by a client.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::{
    accounts, challenges, chores, counters,
    cut::{self, Cut},
    flight::{self, Insert, Lock},
    idempotency,
    item::{Row, n, s},
    keys::{self, Index, List, Work},
    lists::{self, Asked, Narrowed},
    orders,
    range::Range,
    request_items::{self, as_read, changing, from_item, held, leave, missing, moves, one, to_item},
    store::DynamoStore,
    table::{Table, Updated},
    tx::Tx,
};
use crate::store::{
    Claim, DEPTH, DueRequests, Held, Idempotency, RequestFilter, RequestLifecycle, RequestStore, StoreError,
    cancelled, id_after, may_be_deleted, rows_before,
};
use certmint_core::{
    chore::Chore,
    issuance::{NewRequest, OrderOwner, Request, RequestStatus},
    words::{Page, PageRequest, RequestId, Timestamp},
};

/// Tries against a worker that writes the same request.
const TRIES: usize = 8;
/// Requests in others' hands that a look passes over: what all workers of a function hold at once.
const HELD: usize = 2_000;

fn wrong_state(id: RequestId, state: &str) -> StoreError {
    StoreError::WrongState {
        kind: "request",
        id: id.to_string(),
        state: state.to_owned(),
        needed: "failed",
    }
}

/// The requests that rows of an index stand for, as many as a page has room for. Those that went on to another status
/// meanwhile are left out: the index lags.
async fn read(table: &Table, rows: &[Row], statuses: &[RequestStatus]) -> Result<Cut<Request>, StoreError> {
    let mut cut = cut::records(table, &lists::keys_of(rows), from_item, Request::row_bytes).await?;
    cut.list.retain(|request| statuses.contains(&request.status));
    Ok(cut)
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
        let table = self.table().await?;
        if let Some(key) = &idempotency
            && let Some(known) = idempotency::replay(table, key).await?
        {
            return flight::replayed(table, &known).await;
        }
        accounts::one(table, new.account_id).await?;
        let at = flight::lock_key(&new);
        let request = request_items::fresh(table, new, max_attempts, now).await?;
        match flight::insert(table, &request, idempotency.as_ref(), (&at, Lock::Whatever), now).await? {
            Insert::Written => Ok(request),
            Insert::Known(id) => one(table, id).await.map_err(StoreError::of_replay),
            Insert::Beaten => Err(changing(request.id)),
        }
    }

    async fn request(&self, id: RequestId) -> Result<Request, StoreError> {
        one(self.table().await?, id).await
    }

    /// The totals of at most four lists, the rows up to the page, and a batch read of the page. With `min_attempts`: at
    /// most 1,000 rows beyond its place, and no totals; uncounted no totals either.
    async fn requests(
        &self,
        filter: &RequestFilter,
        page: &PageRequest,
    ) -> Result<Page<Request>, StoreError> {
        let (table, size) = (self.table().await?, page.page_size as usize);
        let (before, found) = id_after(page)?.unwrap_or((u64::MAX, 0));
        let all = RequestStatus::ALL.into_iter();
        let statuses: Vec<_> = all.filter(|x| filter.status.is_none_or(|y| y == *x)).collect();
        let range = |status: &RequestStatus| match filter.account_id {
            Some(account) => Range::requests_of(account, *status),
            None => Range::list(&List::requests(*status)),
        };
        let asked = Asked {
            ranges: statuses.iter().map(|x| range(x).newest().below(before)).collect(),
            skip: rows_before(page, DEPTH)?,
            size,
        };
        if let Some(least) = filter.min_attempts.filter(|least| *least > 0) {
            let often = |row: &Row| {
                let attempts = row.opt_number::<u32>("attempts");
                attempts.ok().flatten().is_some_and(|n| n >= least)
            };
            let mut narrowed = Narrowed::by_row(asked, table, often).await?;
            let cut = read(table, &narrowed.rows, &statuses).await?;
            narrowed.end_after(cut.taken);
            return narrowed.page(cut.list, found);
        }
        let counted = statuses.iter().map(|status| match filter.account_id {
            Some(account) => List::requests_of(account, *status),
            None => List::requests(*status),
        });
        let counted: Vec<List> = counted.filter(|_| !filter.uncounted).collect();
        let totals = counters::totals(table, &counted).await?;
        let rows = lists::rows(table, asked).await?;
        let cut = read(table, &rows, &statuses).await?;
        let total = totals.iter().sum();
        Ok(lists::page(
            cut.list,
            total,
            (&rows, cut.taken, size),
            lists::behind,
        ))
    }

    /// The sums of at most eight items.
    async fn request_counts(&self) -> Result<[(RequestStatus, u64); 4], StoreError> {
        let totals = counters::totals(self.table().await?, &RequestStatus::ALL.map(List::requests)).await?;
        let mut counts = RequestStatus::ALL.map(|status| (status, 0));
        for ((_, count), total) in counts.iter_mut().zip(totals) {
            *count = total;
        }
        Ok(counts)
    }

    /// One transaction, on condition that the request is still failed under the fence that was read.
    async fn retry_request(&self, id: RequestId, now: Timestamp) -> Result<Request, StoreError> {
        let old = one(self.table().await?, id).await?;
        if old.status != RequestStatus::Failed {
            return Err(wrong_state(id, old.status.as_str()));
        }
        let fresh = old.retried(now);
        let mut tx = Tx::new();
        tx.put_if(
            to_item(&fresh)?,
            held(old.lease.fence),
            wrong_state(id, "changing"),
        );
        moves(&mut tx, &fresh, old.status, wrong_state(id, "changing"));
        tx.commit(self.table().await?).await??;
        Ok(fresh)
    }

    /// Eight small index reads, and more where others hold more than a page.
    async fn due_requests(&self, now: Timestamp, limit: usize) -> Result<DueRequests, StoreError> {
        let table = self.table().await?;
        let mut merge = lists::Merge::new(Range::due(Work::Requests, now), limit);
        let mut due = DueRequests::default();
        while due.free.len() < limit && due.held.len() < HELD {
            let Some(row) = merge.next(table).await? else {
                break;
            };
            let Some(id) = keys::request_in(&row.key().pk) else {
                continue;
            };
            match row.opt_text("lease_owner").map(str::to_owned) {
                Some(worker) => due.held.push(Held { id, worker }),
                None => due.free.push(id),
            }
        }
        Ok(due)
    }

    /// One conditional write. Refused, it shows the item, so that a repeat after a lost answer knows its own lease.
    async fn claim_request(&self, id: RequestId, claim: &Claim<'_>) -> Result<Option<Request>, StoreError> {
        let Claim { worker, now, .. } = *claim;
        let (free, left) = match claim.gone {
            Some(_) => (
                "(lease_until < :free OR lease_owner = :gone)",
                ", was_left = :left",
            ),
            None => ("lease_until < :free", ""),
        };
        let key = keys::request(id);
        let written = self.table().await?.update(&key, |call| {
            let call = call
                .update_expression(format!(
                    "SET lease_owner = :worker, lease_until = :until, claimed_at = :now, fence = fence + :one{left}"
                ))
                .condition_expression(format!(
                    "wake_at <= :now AND {free} AND attribute_not_exists(quarantined)"
                ))
                .expression_attribute_values(":worker", s(worker))
                .expression_attribute_values(":until", n(now.plus(claim.lease).millis()))
                .expression_attribute_values(":one", n(1))
                .expression_attribute_values(":now", n(now.millis()))
                .expression_attribute_values(":free", n(now.minus(claim.skew).millis()))
                .return_values(ReturnValue::AllNew)
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            match claim.gone {
                Some(gone) => call
                    .expression_attribute_values(":gone", s(gone))
                    .expression_attribute_values(":left", AttributeValue::Bool(true)),
                None => call,
            }
        });
        match written.await? {
            Updated::Done(row) => from_item(&row).map(Some),
            Updated::Refused(row) => {
                // The first save drops the mark: a lease is found again only before anything was done under it.
                let is_ours = row.opt_text("lease_owner") == Some(worker)
                    && row.opt_time("claimed_at").ok().flatten() == Some(now);
                is_ours.then(|| from_item(&row)).transpose()
            }
        }
    }

    /// One read, one conditional transaction (`fence = :ours`). A repeat after a lost answer finds its own write. With
    /// a new order: at most two reads more, and its owner in the transaction.
    async fn save_request(&self, request: &Request, now: Timestamp) -> Result<(), StoreError> {
        enum Lost {
            Lease,
            Order,
        }
        let (table, lost) = (self.table().await?, || StoreError::LeaseLost(request.id));
        for _ in 0..TRIES {
            let stored = one(table, request.id).await?;
            if stored.lease.fence != request.lease.fence {
                return Err(lost());
            }
            let mut tx = Tx::new();
            tx.put_if(to_item(request)?, as_read(&stored), Lost::Lease);
            moves(&mut tx, request, stored.status, Lost::Lease);
            if let Some(order_url) = request.new_order(&stored) {
                orders::own(table, &mut tx, request, order_url, now, Lost::Order).await?;
            }
            match tx.commit(table).await? {
                Ok(()) => return Ok(()),
                Err(Lost::Lease) if one(table, request.id).await? == *request => return Ok(()),
                Err(Lost::Lease) => return Err(lost()),
                // Somebody took it meanwhile: who, the next look says.
                Err(Lost::Order) => {}
            }
        }
        Err(changing(request.id))
    }

    async fn order_owner(&self, order_url: &str) -> Result<Option<OrderOwner>, StoreError> {
        orders::owner(self.table().await?, order_url).await
    }

    /// One write: out of the due index, with the reason beside.
    async fn quarantine_request(&self, id: RequestId, why: &str, now: Timestamp) -> Result<(), StoreError> {
        let (key, (partition, sort)) = (keys::request(id), Index::Work.attributes());
        let quarantine = self.table().await?.update(&key, |call| {
            call.update_expression(format!(
                "SET quarantined = :why, quarantined_at = :now REMOVE {partition}, {sort}"
            ))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":why", s(why))
            .expression_attribute_values(":now", n(now.millis()))
        });
        match quarantine.await? {
            Updated::Done(_) => Ok(()),
            Updated::Refused(_) => Err(missing(id)),
        }
    }
}

#[async_trait]
impl RequestLifecycle for DynamoStore {
    async fn cancel_request(&self, id: RequestId, now: Timestamp) -> Result<Request, StoreError> {
        for _ in 0..TRIES {
            let old = one(self.table().await?, id).await?;
            let ended = cancelled(&old, now)?;
            let mut tx = Tx::new();
            tx.put_if(to_item(&ended)?, as_read(&old), ());
            moves(&mut tx, &ended, old.status, ());
            if tx.commit(self.table().await?).await?.is_ok() {
                return Ok(ended);
            }
        }
        Err(changing(id))
    }

    async fn delete_request(&self, id: RequestId, now: Timestamp) -> Result<(), StoreError> {
        let request = one(self.table().await?, id).await?;
        let values = challenges::of_request(self.table().await?, id).await?;
        may_be_deleted(&request, values.len())?;
        let mut tx = Tx::new();
        tx.delete_if(keys::request(id), as_read(&request), changing(id));
        leave(&mut tx, &request, request.status);
        let keys = request.key_names();
        if !keys.is_empty() {
            let names = request.names.as_slice().to_vec();
            let chore = Chore::DeleteKeys { keys, names };
            chores::enqueue(&mut tx, &format!("request-{id}"), &chore, now)?;
        }
        tx.commit(self.table().await?).await?
    }
}
