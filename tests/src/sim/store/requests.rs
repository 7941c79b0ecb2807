//! Certificate requests: claim, fence, lists.

use async_trait::async_trait;
use certmint_core::{
    issuance::{Lease, NewRequest, OrderOwner, Request, RequestStatus},
    words::{Page, PageRequest, RequestId, Timestamp},
};
use certmint_shared::{
    store::{Claim, DueRequests, Held, Idempotency, RequestFilter, RequestStore, StoreError},
    worker::WorkerSettings,
};

use super::{super::op::Op, MemoryStore, Tables, not_found, page_by_id};

impl MemoryStore {
    /// Writes a new request; it holds its names from now on.
    pub(super) fn insert_request(
        &self,
        tables: &mut Tables,
        new: NewRequest,
        max_attempts: u32,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<Request, StoreError> {
        if !tables.accounts.contains_key(&new.account_id.get()) {
            return Err(not_found("account", new.account_id));
        }
        let id = tables.next_id("request");
        let ordered = new.key.flight_key(&new.ordered);
        let request = Request::pending(RequestId::new(id), new, max_attempts, now);
        tables.requests.insert(request.id, request.clone());
        let names = (request.account_id.get(), ordered, request.profile.clone());
        tables.flights.insert(names, request.id);
        tables.remember(idempotency, id);
        self.index_request(tables, request.id);
        Ok(request)
    }

    /// A lease is never taken from an invocation that may begin something under it: one that is within its time and got
    /// a sign of life through within half a lease.
    fn check_claim(&self, tables: &mut Tables, held: &Request) {
        let (Some(timeline), Some(task)) = (self.gate.timeline(), self.gate.task()) else {
            return;
        };
        let Some(before) = tables.holders.insert(held.id, task) else {
            return;
        };
        let lived_at = tables.lived_at.get(&before);
        // An invocation's next pass has another name: what an earlier one could not hand back is free.
        let acts = lived_at.is_some_and(|(name, at)| {
            held.lease.owner.as_ref() == Some(name)
                && self.gate.now().since(*at) < WorkerSettings::default().lease / 2
        });
        let alive = before != task && timeline.is_running(before) && acts;
        if alive {
            timeline.violation(format!(
                "the lease of request {} was taken from a running worker",
                held.id
            ));
        }
    }
}

#[async_trait]
impl RequestStore for MemoryStore {
    async fn create_request(
        &self,
        new: NewRequest,
        max_attempts: u32,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<Request, StoreError> {
        let mut tables = self.tables();
        if let Some(id) = tables.replay(idempotency.as_ref())? {
            return tables.replayed(RequestId::new(id));
        }
        self.insert_request(&mut tables, new, max_attempts, idempotency, now)
    }

    async fn request(&self, id: RequestId) -> Result<Request, StoreError> {
        self.gate
            .call(Op::ReadRequest, || {
                let tables = self.tables();
                let found = tables.requests.get(&id).cloned();
                tables.read(found.ok_or_else(|| not_found("request", id))?)
            })
            .await
    }

    async fn requests(
        &self,
        filter: &RequestFilter,
        request: &PageRequest,
    ) -> Result<Page<Request>, StoreError> {
        let tables = self.tables();
        let rows: Vec<Request> = tables
            .requests
            .values()
            .rev()
            .filter(|r| {
                filter.status.is_none_or(|s| s == r.status)
                    && filter.account_id.is_none_or(|a| a == r.account_id)
                    && filter.min_attempts.is_none_or(|m| r.issuance.attempts >= m)
            })
            .cloned()
            .collect();
        page_by_id(rows, |r| r.id.get(), request)
    }

    async fn request_counts(&self) -> Result<[(RequestStatus, u64); 4], StoreError> {
        let tables = self.tables();
        Ok(RequestStatus::ALL.map(|status| {
            let count = tables.requests.values().filter(|r| r.status == status).count();
            (status, count as u64)
        }))
    }

    async fn retry_request(&self, id: RequestId, now: Timestamp) -> Result<Request, StoreError> {
        let mut tables = self.tables();
        let old = tables
            .requests
            .get(&id)
            .cloned()
            .ok_or_else(|| not_found("request", id))?;
        if old.status != RequestStatus::Failed {
            return Err(StoreError::WrongState {
                kind: "request",
                id: id.to_string(),
                state: old.status.as_str().to_owned(),
                needed: "failed",
            });
        }
        let fresh = old.retried(now);
        tables.requests.insert(id, fresh.clone());
        self.index_request(&mut tables, id);
        Ok(fresh)
    }

    async fn due_requests(&self, now: Timestamp, limit: usize) -> Result<DueRequests, StoreError> {
        self.gate
            .call(Op::DueRequests, || {
                let mut tables = self.tables();
                tables.index.catch_up(self.gate.now());
                let rows = tables.index.due.iter().filter(|(_, (at, _))| *at <= now);
                let mut rows: Vec<_> = rows
                    .map(|(id, (at, holder))| (*at, *id, holder.clone()))
                    .collect();
                rows.sort();
                let mut due = DueRequests::default();
                for (_, id, holder) in rows {
                    match holder {
                        Some(worker) => due.held.push(Held { id, worker }),
                        None if due.free.len() < limit => due.free.push(id),
                        None => break,
                    }
                }
                Ok(due)
            })
            .await
    }

    async fn claim_request(&self, id: RequestId, claim: &Claim<'_>) -> Result<Option<Request>, StoreError> {
        let Claim { worker, now, .. } = *claim;
        self.gate
            .call(Op::Claim, || {
                let mut tables = self.tables();
                let Some(stored) = tables.requests.get(&id).cloned() else {
                    return Ok(None);
                };
                let holder = stored.lease.owner.as_deref();
                if holder == Some(worker) && tables.claimed_at.get(&id) == Some(&now) {
                    return tables.read(stored).map(Some);
                }
                let due = stored.wake_at.is_some_and(|at| at <= now);
                let over = stored.lease.until < now.minus(claim.skew);
                let free = over || (holder.is_some() && holder == claim.gone);
                if !due || !free || tables.quarantined.contains(&id) {
                    return Ok(None);
                }
                self.check_claim(&mut tables, &stored);
                let claimed = Request {
                    lease: Lease {
                        owner: Some(worker.to_owned()),
                        until: now.plus(claim.lease),
                        fence: stored.lease.fence + 1,
                        was_left: stored.lease.was_left || claim.gone.is_some(),
                    },
                    ..stored
                };
                tables.requests.insert(id, claimed.clone());
                tables.claimed_at.insert(id, now);
                self.index_request(&mut tables, id);
                tables.read(claimed).map(Some)
            })
            .await
    }

    async fn save_request(&self, request: &Request, _now: Timestamp) -> Result<(), StoreError> {
        self.gate
            .call(Op::SaveRequest, || {
                let mut tables = self.tables();
                let stored = tables.requests.get(&request.id);
                let stored = stored.ok_or_else(|| not_found("request", request.id))?;
                if stored.lease.fence != request.lease.fence {
                    return Err(StoreError::LeaseLost(request.id));
                }
                if let Some(order_url) = request.new_order(stored).map(str::to_owned) {
                    tables.own_order(request, order_url)?;
                    tables.ordered_at.insert(request.id, self.gate.now());
                }
                tables.requests.insert(request.id, request.clone());
                self.tell(|| format!("request {} is {}", request.id, request.issuance.phase.name()));
                tables.claimed_at.remove(&request.id);
                self.index_request(&mut tables, request.id);
                Ok(())
            })
            .await
    }

    async fn order_owner(&self, order_url: &str) -> Result<Option<OrderOwner>, StoreError> {
        self.gate
            .call(Op::ReadOrderOwner, || Ok(self.tables().order_owner(order_url)))
            .await
    }

    async fn quarantine_request(&self, id: RequestId, _why: &str, _now: Timestamp) -> Result<(), StoreError> {
        self.gate
            .call(Op::Quarantine, || {
                let mut tables = self.tables();
                tables.quarantined.insert(id);
                self.index_request(&mut tables, id);
                Ok(())
            })
            .await
    }
}

impl Tables {
    fn order_owner(&self, order_url: &str) -> Option<OrderOwner> {
        let (id, number) = self.orders.get(order_url)?;
        let request = self
            .requests
            .get(id)
            .filter(|r| !self.unreadable.contains(&r.id))?;
        let hold = request.holds(order_url, *number)?;
        Some(OrderOwner { request: *id, hold })
    }

    fn own_order(&mut self, request: &Request, order_url: String) -> Result<(), StoreError> {
        match self.order_owner(&order_url) {
            Some(owner) if owner.request != request.id => Err(StoreError::OrderTaken {
                order_url,
                by: owner.request,
            }),
            _ => {
                let number = request.issuance.order_number();
                self.orders.insert(order_url, (request.id, number));
                Ok(())
            }
        }
    }

    /// The request, if its item can be parsed.
    fn read(&self, request: Request) -> Result<Request, StoreError> {
        if self.unreadable.contains(&request.id) {
            return Err(StoreError::Corrupt {
                kind: "request",
                id: request.id.to_string(),
                why: "issuance is no JSON".into(),
            });
        }
        Ok(request)
    }
}
