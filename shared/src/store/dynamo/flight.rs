//! One request an account and set of names at a time.
//!
//! A lock item `INFLIGHT#<account>#<set>` names the newest request of that set. It is written in the request's own
//! transaction, so neither exists without the other; whether it still holds is decided by the request it names.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::TransactWriteItem;

use super::{
    DynamoStore, Item, n,
    request_items::{lists, write},
    s,
    write::{Condition, Refusal},
};
use crate::store::{AccountStore, Flight, Idempotency, RequestStore, SingleFlight, StoreError};
use certmint_core::{
    certificate::KeyPlan,
    issuance::{NewRequest, Request},
    words::{AccountId, NameSet, RequestId, Timestamp},
};

/// A lock has to outlive its request's flight and the day after; then DynamoDB may drop it.
const LOCK_KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// Looks at a lock that others take at the same moment.
const TRIES: usize = 5;

/// What the lock must be for the new request to take it.
#[derive(Clone, Copy)]
pub(super) enum Lock {
    /// Anything: the caller wants a request of its own.
    Whatever,
    /// Not there.
    Free,
    /// Still that of this request, which no longer holds it.
    Stale(u64),
}

/// What became of a new request.
pub(super) enum Insert {
    /// It is written.
    Written,
    /// Another call with the same key wrote this one.
    Known(RequestId),
    /// The lock changed meanwhile; nothing was written.
    Beaten,
}

/// Another profile or another key makes another certificate of the same names.
fn lock_key(account: AccountId, names: &NameSet, key: &KeyPlan, profile: Option<&str>) -> String {
    let set = key.flight_key(names);
    match profile {
        None => format!("INFLIGHT#{account}#{set}"),
        Some(profile) => format!("INFLIGHT#{account}#{set}#{profile}"),
    }
}

impl DynamoStore {
    /// A pending request under the next id, not written yet. One write (the counter).
    pub(super) async fn new_request(
        &self,
        new: NewRequest,
        max_attempts: u32,
        now: Timestamp,
    ) -> Result<Request, StoreError> {
        let id = RequestId::new(self.next_id("REQUEST").await?);
        Ok(Request::pending(id, new, max_attempts, now))
    }

    /// The writes of a new request: itself, its lock, its counts.
    pub(super) fn request_items(
        &self,
        request: &Request,
        lock: Condition,
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        let at = lock_key(
            request.account_id,
            &request.names,
            &request.key,
            request.profile.as_deref(),
        );
        let held = Item::from([
            ("pk".into(), s(at)),
            ("sk".into(), s("META")),
            ("request_id".into(), n(request.id)),
            ("ttl".into(), n(now.plus(LOCK_KEPT).millis() / 1000)),
        ]);
        let mut items = vec![
            self.put(write(request)?, Condition::absent())?,
            self.put(held, lock)?,
        ];
        for list in lists(request.account_id, request.status) {
            items.extend(self.enter(&list, request)?);
        }
        Ok(items)
    }

    /// One transaction of request, lock, key and counts.
    pub(super) async fn insert(
        &self,
        request: &Request,
        idempotency: Option<&Idempotency>,
        lock: Lock,
        now: Timestamp,
    ) -> Result<Insert, StoreError> {
        let condition = match lock {
            Lock::Whatever => Condition::default(),
            Lock::Free => Condition::absent(),
            Lock::Stale(id) => Condition::new("request_id = :stale").with(":stale", n(id)),
        };
        let mut items = self.request_items(request, condition, now)?;
        let counts = 2..items.len();
        if let Some(key) = idempotency {
            items.push(self.remember(key, request.id.get(), false, now)?);
        }
        match (self.transact(items).await, idempotency) {
            (Ok(()), _) => Ok(Insert::Written),
            // The id is new: only a lost answer to this very write can have made the item.
            (Err(Refusal::Condition(0)), _) => Ok(Insert::Known(request.id)),
            // Its account was deleted since it was read.
            (Err(Refusal::Condition(place)), _) if counts.contains(&place) => Err(StoreError::NotFound {
                kind: "account",
                id: request.account_id.to_string(),
            }),
            (Err(Refusal::Condition(1)), None) => Ok(Insert::Beaten),
            // The same call ran beside this one and won, or somebody else took the lock.
            (Err(Refusal::Condition(_)), Some(key)) => Ok(match self.replay(key).await? {
                Some(known) => Insert::Known(RequestId::new(known.id)),
                None => Insert::Beaten,
            }),
            (Err(refusal), None) => Err(refusal.or(StoreError::Conflict {
                kind: "request",
                id: request.id.to_string(),
            })),
            (Err(Refusal::Store(error)), _) => Err(error),
        }
    }

    /// The request that a lock names, if it still holds it. One that cannot be read will never finish: it does not.
    async fn holder(&self, id: u64, now: Timestamp) -> Result<Option<Request>, StoreError> {
        match self.request(RequestId::new(id)).await {
            Ok(request) => Ok(Some(request).filter(|r| r.answers_for_its_names(now))),
            Err(StoreError::NotFound { .. } | StoreError::Corrupt { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Answers with a request that exists; a key that came along is remembered with it.
    async fn join(
        &self,
        request: Request,
        idempotency: Option<&Idempotency>,
        now: Timestamp,
    ) -> Result<Flight, StoreError> {
        if let Some(key) = idempotency {
            let remember = self.remember(key, request.id.get(), true, now)?;
            match self.transact(vec![remember]).await {
                Ok(()) => {}
                Err(Refusal::Store(error)) => return Err(error),
                Err(Refusal::Condition(_)) => {
                    if let Some(known) = self.replay(key).await? {
                        return self.known(known.id, known.joined).await;
                    }
                }
            }
        }
        Ok(Flight {
            request,
            joined: true,
        })
    }

    async fn known(&self, id: u64, joined: bool) -> Result<Flight, StoreError> {
        let request = self.request(RequestId::new(id)).await?;
        Ok(Flight { request, joined })
    }
}

#[async_trait]
impl SingleFlight for DynamoStore {
    /// Reads: the account and the lock (and the key); the request itself only if there is one. Writes as
    /// `create_request`.
    async fn request_once(
        &self,
        new: NewRequest,
        max_attempts: u32,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<Flight, StoreError> {
        let idempotency = idempotency.as_ref();
        if let Some(key) = idempotency
            && let Some(known) = self.replay(key).await?
        {
            return self.known(known.id, known.joined).await;
        }
        self.account(new.account_id).await?;
        let at = lock_key(new.account_id, &new.names, &new.key, new.profile.as_deref());
        // Taken only when there is something to write, and once.
        let mut fresh: Option<Request> = None;
        for _ in 0..TRIES {
            let lock = match self.get(&at, "META").await? {
                None => Lock::Free,
                Some(row) => {
                    let id = row.number("request_id")?;
                    match self.holder(id, now).await? {
                        Some(request) => return self.join(request, idempotency, now).await,
                        None => Lock::Stale(id),
                    }
                }
            };
            let request = match fresh.take() {
                Some(request) => request,
                None => self.new_request(new.clone(), max_attempts, now).await?,
            };
            match self.insert(&request, idempotency, lock, now).await? {
                Insert::Written => {
                    return Ok(Flight {
                        request,
                        joined: false,
                    });
                }
                Insert::Known(id) => return self.known(id.get(), false).await,
                Insert::Beaten => fresh = Some(request),
            }
        }
        Err(StoreError::Unavailable {
            operation: "TransactWriteItems",
            message: "the lock of these names changed too often".into(),
        })
    }
}
