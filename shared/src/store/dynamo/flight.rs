//! New requests, and one an account and set of names at a time.
//!
//! A lock item names the newest request of that set. It is written in the request's own transaction, so neither exists
//! without the other; whether it still holds is decided by the request it names.

use std::time::Duration;

use async_trait::async_trait;

use super::{
    accounts,
    idempotency::{self, Replay},
    item::{Item, Row, Writer, readable},
    keys::{self, Key},
    request_items::{self, enter, to_item},
    store::DynamoStore,
    table::Table,
    tx::{Expression, Tx},
};
use crate::store::{Flight, Idempotency, SingleFlight, Standing, StoreError};
use certmint_core::{
    issuance::{NewRequest, Request, RequestStatus},
    words::{RequestId, Timestamp},
};

/// A lock has to outlive its request's flight and the day after; then DynamoDB may drop it.
const LOCK_KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// Looks at a lock that others take at the same moment.
const TRIES: usize = 5;

/// What the lock must be for the new request to take it.
pub(super) enum Lock {
    /// Anything: the caller wants a request of its own.
    Whatever,
    /// As it was read: not there, of a request that no longer holds it, or unreadable.
    Unchanged(Expression),
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

/// Why a new request was not written.
#[derive(Clone, Copy)]
pub(super) enum Lost {
    /// It is there: the id is new, so only a lost answer to this very write can have made it.
    Written,
    /// Somebody took the lock or the key.
    Beaten,
    /// Its account was deleted since it was read.
    NoAccount,
}

/// The lock of what a request orders.
pub(super) fn lock_key(new: &NewRequest) -> Key {
    keys::flight(new.account_id, &new.ordered, &new.key, new.profile.as_deref())
}

fn lock_to_item(at: &Key, request: &Request, now: Timestamp) -> Result<Item, StoreError> {
    Writer::new(at)
        .number("request_id", request.id)
        .until(now.plus(LOCK_KEPT))
        .finish()
}

fn lock_from_item(row: &Row) -> Result<RequestId, StoreError> {
    row.number("request_id").map(RequestId::new)
}

/// The writes of a new request: itself, its lock, its counts.
pub(super) fn insertion<E: From<Lost>>(
    tx: &mut Tx<E>,
    request: &Request,
    (at, lock): (&Key, Lock),
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.put_if(to_item(request)?, Expression::absent(), Lost::Written.into());
    let held = lock_to_item(at, request, now)?;
    match lock {
        Lock::Whatever => tx.put(held),
        Lock::Unchanged(same) => tx.put_if(held, same, Lost::Beaten.into()),
    }
    enter(tx, request, Lost::NoAccount.into());
    Ok(())
}

/// One transaction of request, lock, key and counts.
pub(super) async fn insert(
    table: &Table,
    request: &Request,
    idempotency: Option<&Idempotency>,
    lock: (&Key, Lock),
    now: Timestamp,
) -> Result<Insert, StoreError> {
    let mut tx = Tx::<Lost>::new();
    insertion(&mut tx, request, lock, now)?;
    if let Some(key) = idempotency {
        let answer = Replay {
            id: request.id.get(),
            joined: false,
        };
        let remembered = idempotency::to_item(key, &answer, now)?;
        tx.put_if(remembered, Expression::absent(), Lost::Beaten);
    }
    match (tx.commit(table).await?, idempotency) {
        (Ok(()), _) => Ok(Insert::Written),
        (Err(Lost::Written), _) => Ok(Insert::Known(request.id)),
        (Err(Lost::NoAccount), _) => Err(accounts::missing(request.account_id)),
        (Err(Lost::Beaten), None) => Ok(Insert::Beaten),
        // The same call ran beside this one and won, or somebody else took the lock.
        (Err(Lost::Beaten), Some(key)) => Ok(match idempotency::replay(table, key).await? {
            Some(known) => Insert::Known(RequestId::new(known.id)),
            None => Insert::Beaten,
        }),
    }
}

/// The request that a lock names, if it still holds it. One that cannot be read, or was set aside, will never finish: it
/// does not.
async fn holder(
    table: &Table,
    id: RequestId,
    standing: &dyn Standing,
    now: Timestamp,
) -> Result<Option<Request>, StoreError> {
    let request = match request_items::on_its_way(table, id).await {
        Ok(request) => request.filter(|r| r.answers_for_its_names(now)),
        Err(StoreError::Corrupt { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok(match request {
        Some(request) if request.status == RequestStatus::Success => {
            standing.stands(&request, now).await?.then_some(request)
        }
        request => request,
    })
}

/// Answers with a request that exists; a key that came along is remembered with it.
async fn join(
    table: &Table,
    request: Request,
    idempotency: Option<&Idempotency>,
    now: Timestamp,
) -> Result<Flight, StoreError> {
    if let Some(key) = idempotency {
        let answer = Replay {
            id: request.id.get(),
            joined: true,
        };
        let mut tx = Tx::new();
        tx.put_if(idempotency::to_item(key, &answer, now)?, Expression::absent(), ());
        if tx.commit(table).await?.is_err()
            && let Some(replay) = idempotency::replay(table, key).await?
        {
            return known(table, &replay).await;
        }
    }
    Ok(Flight {
        request,
        joined: true,
    })
}

/// The request of an earlier answer.
pub(super) async fn replayed(table: &Table, known: &Replay) -> Result<Request, StoreError> {
    request_items::one(table, RequestId::new(known.id))
        .await
        .map_err(StoreError::of_replay)
}

async fn known(table: &Table, replay: &Replay) -> Result<Flight, StoreError> {
    Ok(Flight {
        request: replayed(table, replay).await?,
        joined: replay.joined,
    })
}

#[async_trait]
impl SingleFlight for DynamoStore {
    /// Reads: the account and the lock (and the key); the request itself only if there is one, and what says whether its
    /// certificate stands. Writes as `create_request`.
    async fn request_once(
        &self,
        new: NewRequest,
        max_attempts: u32,
        idempotency: Option<Idempotency>,
        standing: &dyn Standing,
        now: Timestamp,
    ) -> Result<Flight, StoreError> {
        let (table, idempotency) = (self.table().await?, idempotency.as_ref());
        if let Some(key) = idempotency
            && let Some(replay) = idempotency::replay(table, key).await?
        {
            return known(table, &replay).await;
        }
        accounts::one(table, new.account_id).await?;
        let at = lock_key(&new);
        // Taken only when there is something to write, and once.
        let mut fresh: Option<Request> = None;
        for _ in 0..TRIES {
            let lock = table.get(&at).await?;
            if let Some(id) = readable(&lock, lock_from_item).pop()
                && let Some(request) = holder(table, id, standing, now).await?
            {
                return join(table, request, idempotency, now).await;
            }
            let same = lock.map_or_else(Expression::absent, |row| {
                Expression::unchanged(&row, "request_id")
            });
            let request = match fresh.take() {
                Some(request) => request,
                None => request_items::fresh(table, new.clone(), max_attempts, now).await?,
            };
            match insert(table, &request, idempotency, (&at, Lock::Unchanged(same)), now).await? {
                Insert::Written => {
                    return Ok(Flight {
                        request,
                        joined: false,
                    });
                }
                Insert::Known(id) => {
                    let request = request_items::one(table, id)
                        .await
                        .map_err(StoreError::of_replay)?;
                    let joined = false;
                    return Ok(Flight { request, joined });
                }
                Insert::Beaten => fresh = Some(request),
            }
        }
        Err(StoreError::Unavailable {
            operation: "TransactWriteItems",
            message: "the lock of these names changed too often".into(),
        })
    }
}
