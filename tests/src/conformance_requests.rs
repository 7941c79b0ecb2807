//! What every store must do with requests under way: leases between clocks that differ, fences, repeats, retries.
//! Each function takes a fresh store.

use std::time::Duration;

use certmint_core::{
    account::NewAccount,
    issuance::{NewRequest, Phase, Request, RequestStatus},
    words::{AccountId, NameSet, ProviderId, Timestamp},
};
use certmint_shared::store::{Claim, DueRequests, Idempotency, RequestFilter, StoreError};
use futures::future::join_all;

use crate::{conformance_store::start, store::Store};

const SKEW: Duration = Duration::from_secs(600);
const LEASE: Duration = Duration::from_secs(60);

async fn account(store: &dyn Store) -> AccountId {
    let new = NewAccount {
        provider_id: ProviderId::new(1),
        email: Some("ops@example.com".parse().expect("an address")),
        eab_kid: None,
        eab_key_ref: None,
        eab_expires_at: None,
    };
    let created = store.create_account(new, None, start()).await;
    created.expect("an account").id
}

fn new_request(account_id: AccountId) -> NewRequest {
    NewRequest::new(account_id, NameSet::parse(&["example.com"]).expect("names"))
}

async fn request(store: &dyn Store) -> Request {
    let new = new_request(account(store).await);
    store
        .create_request(new, 10, None, start())
        .await
        .expect("a request")
}

async fn claim(store: &dyn Store, request: &Request, owner: &str, now: Timestamp) -> Option<Request> {
    store
        .claim_request(request.id, &Claim::new(owner, now, LEASE, SKEW))
        .await
        .expect("an answer")
}

/// Clocks that differ by ten minutes: nothing is taken early, and what was given back is free at once.
pub async fn claims_between_clocks(store: &dyn Store) {
    let made = request(store).await;
    let behind = start().minus(Duration::from_secs(1));
    assert!(
        claim(store, &made, "behind", behind).await.is_none(),
        "it is not due by this clock"
    );
    let mut held = claim(store, &made, "holder", start()).await.expect("claimed");
    // The holder's clock is five minutes behind, the other's five minutes ahead; the lease runs in the holder's time.
    let ahead = start().plus(SKEW + LEASE);
    assert!(claim(store, &made, "ahead", ahead).await.is_none());
    held.lease = held.lease.given_back();
    held.wake_at = Some(start());
    store.save_request(&held, start()).await.expect("given back");
    let next = claim(store, &made, "next", start()).await.expect("free at once");
    assert_eq!(next.lease.fence, held.lease.fence + 1);
    assert_eq!(next.lease.until, start().plus(LEASE));
}

/// A claim whose answer was lost is sent again by the client library and finds its own lease.
pub async fn a_claim_sent_twice_is_one(store: &dyn Store) {
    let made = request(store).await;
    let first = claim(store, &made, "w", start()).await.expect("claimed");
    let again = claim(store, &made, "w", start()).await.expect("its own lease");
    assert_eq!(again, first);
    assert!(claim(store, &made, "other", start()).await.is_none());
    let millisecond = Duration::from_millis(1);
    let later = store
        .claim_request(
            made.id,
            &Claim::new("w", start().plus(millisecond), LEASE - millisecond, SKEW),
        )
        .await
        .expect("an answer");
    assert!(
        later.is_none(),
        "another claim, though its lease would end then too"
    );
    store.save_request(&first, start()).await.expect("saved");
    assert!(
        claim(store, &made, "w", start()).await.is_none(),
        "work has begun"
    );
}

/// A retry starts over, keeps the debt to the zone, and shuts out who worked on it before.
pub async fn retries(store: &dyn Store) {
    let made = request(store).await;
    let mut held = claim(store, &made, "w", start()).await.expect("claimed");
    held.status = RequestStatus::Failed;
    held.issuance.phase = Phase::Failed;
    held.issuance.attempts = 3;
    held.issuance.cleanup_owed = true;
    held.last_error = Some("Failed to request certificate: no".into());
    held.updated_at = start();
    store.save_request(&held, start()).await.expect("saved");
    let now = start().plus(Duration::from_secs(5));
    let fresh = store.retry_request(made.id, now).await.expect("retried");
    assert_eq!(fresh.status, RequestStatus::Pending);
    assert_eq!((fresh.issuance.attempts, &fresh.last_error), (0, &None));
    assert!(
        fresh.issuance.cleanup_owed,
        "what may stand in the zone is not forgotten"
    );
    assert_eq!(store.request(made.id).await.expect("stored"), fresh);
    let stale = store.save_request(&held, now).await;
    assert!(matches!(stale, Err(StoreError::LeaseLost(_))), "{stale:?}");
    let taken = claim(store, &made, "other", now).await.expect("due at once");
    assert!(taken.lease.fence > held.lease.fence);
}

/// One key, one body, one request, however often and however many at once.
pub async fn idempotent_requests(store: &dyn Store) {
    let account = account(store).await;
    let key = |key: &str, body: &str| {
        Some(Idempotency {
            key: key.into(),
            body_hash: body.into(),
        })
    };
    let calls = (0..6).map(|_| store.create_request(new_request(account), 10, key("k", "h"), start()));
    let made = join_all(calls).await;
    let ids: Vec<u64> = made.into_iter().map(|r| r.expect("a request").id.get()).collect();
    assert!(ids.windows(2).all(|w| w[0] == w[1]), "{ids:?}");
    let other = store
        .create_request(new_request(account), 10, key("k", "other"), start())
        .await;
    assert!(matches!(other, Err(StoreError::KeyReused)));
    let all = store
        .requests(&RequestFilter::default(), &Default::default())
        .await
        .expect("a page");
    assert_eq!((all.total, all.list.len()), (1, 1));
    let nobody = store
        .create_request(new_request(AccountId::new(99)), 10, None, start())
        .await;
    assert!(matches!(nobody, Err(StoreError::NotFound { .. })));
}

/// What is set aside is nobody's work; what is due comes earliest first and no more than asked for.
pub async fn due_and_quarantined(store: &dyn Store) {
    let account = account(store).await;
    let mut ids = Vec::new();
    for n in 0..4u64 {
        let now = start().plus(Duration::from_secs(10 - n));
        let made = store.create_request(new_request(account), 10, None, now).await;
        ids.push(made.expect("a request").id);
    }
    let now = start().plus(Duration::from_secs(60));
    let due = store.due_requests(now, 3).await.expect("due");
    assert_eq!(due.free, vec![ids[3], ids[2], ids[1]]);
    store
        .quarantine_request(ids[2], "no JSON", now)
        .await
        .expect("set aside");
    let due = store.due_requests(now, 10).await.expect("due");
    assert_eq!(due.free, vec![ids[3], ids[1], ids[0]]);
    let claimed = store
        .claim_request(ids[2], &Claim::new("w", now, LEASE, SKEW))
        .await;
    assert!(claimed.expect("an answer").is_none(), "nor can it be claimed");
    let due = store.due_requests(start(), 10).await.expect("due");
    assert_eq!(due, DueRequests::default());
}

/// What is in a worker's hands stays due, with its worker, takes nobody's place, and is another's only when that worker
/// is known to be gone.
pub async fn what_a_dead_worker_held(store: &dyn Store) {
    let account = account(store).await;
    let mut ids = Vec::new();
    for n in 0..5u64 {
        let now = start().plus(Duration::from_secs(n));
        let made = store.create_request(new_request(account), 10, None, now).await;
        ids.push(made.expect("a request").id);
    }
    let now = start().plus(Duration::from_secs(60));
    let claim = |worker, gone| Claim {
        gone,
        ..Claim::new(worker, now, LEASE, SKEW)
    };
    for id in &ids[..3] {
        let claimed = store.claim_request(*id, &claim("dead", None)).await;
        assert!(claimed.expect("an answer").is_some());
    }
    // One went on for a while: that it is saved makes it no less due.
    let mut held = store.request(ids[1]).await.expect("stored");
    held.issuance.attempts = 1;
    store.save_request(&held, now).await.expect("saved");
    let due = store.due_requests(now, 2).await.expect("due");
    let held: Vec<_> = due.held.iter().map(|h| (h.id, h.worker.as_str())).collect();
    assert_eq!(held, [(ids[0], "dead"), (ids[1], "dead"), (ids[2], "dead")]);
    assert_eq!(due.free, ids[3..], "those in hand take nobody's place");
    for gone in [None, Some("another"), Some("")] {
        let claimed = store.claim_request(ids[0], &claim("heir", gone)).await;
        assert_eq!(claimed.expect("an answer"), None, "{gone:?} is not its worker");
    }
    let old = store.request(ids[0]).await.expect("stored");
    let mine = store.claim_request(ids[0], &claim("heir", Some("dead"))).await;
    let mine = mine.expect("an answer").expect("claimed");
    assert_eq!(mine.lease.fence, old.lease.fence + 1);
    assert_eq!((old.lease.was_left, mine.lease.was_left), (false, true));
    let late = store.save_request(&old, now).await;
    assert!(matches!(late, Err(StoreError::LeaseLost(_))), "{late:?}");
    // The index may still say that the dead one has it.
    let again = store.claim_request(ids[0], &claim("third", Some("dead"))).await;
    assert_eq!(again.expect("an answer"), None, "it is another's by now");
    let free = store.claim_request(ids[3], &claim("heir", Some("dead"))).await;
    assert!(free.expect("an answer").is_some(), "free is free");
}
