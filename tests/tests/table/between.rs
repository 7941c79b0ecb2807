//! What somebody writes between the read and the write of a call is not written over.

use std::time::Duration;

use certmint_core::{
    issuance::{Lease, Order, OrderStage, Phase, RequestStatus},
    provider::{Limit, Limits, OrderBuckets, Provider, of_order},
};
use certmint_shared::store::{Claim, GiveBack, RateLedger, RequestLifecycle, Reserved, dynamo::DynamoStore};

use super::*;

const LEASE: Duration = Duration::from_secs(60);
const SKEW: Duration = Duration::from_secs(600);

/// When a lease from the start is over for everybody.
fn over() -> Timestamp {
    start().plus(LEASE + SKEW + LEASE)
}

async fn claim(store: &DynamoStore, id: RequestId, owner: &str, now: Timestamp) -> Request {
    let claimed = store
        .claim_request(id, &Claim::new(owner, now, LEASE, SKEW))
        .await;
    claimed.unwrap().unwrap()
}

/// A request in a worker's hands.
async fn held(world: &Emulated) -> Request {
    let of = account(world, 1, "a@example.com").await;
    let made = request(world, of, "example.com").await;
    claim(&world.store, made.id, "first", start()).await
}

/// One that failed and owes nothing.
async fn failed(world: &Emulated) -> Request {
    let mut request = held(world).await;
    request.status = RequestStatus::Failed;
    request.issuance.phase = Phase::Failed;
    request.lease = Lease {
        fence: request.lease.fence,
        ..Lease::default()
    };
    request.wake_at = None;
    request.updated_at = later(1);
    world.store.save_request(&request, later(1)).await.unwrap();
    request
}

/// What the holder of a lease makes of its request at a moment.
fn worked_on(request: &Request, said: &str, now: Timestamp) -> Request {
    Request {
        status: RequestStatus::Running,
        last_error: Some(said.into()),
        updated_at: now,
        ..request.clone()
    }
}

async fn stored(world: &Emulated, id: RequestId) -> Request {
    world.store.request(id).await.unwrap()
}

async fn counts(world: &Emulated) -> Vec<(RequestStatus, u64)> {
    let all = world.store.request_counts().await.unwrap();
    all.into_iter().filter(|(_, count)| *count > 0).collect()
}

fn is_lost<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(matches!(result, Err(StoreError::LeaseLost(_))), "{result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_while_another_worker_takes_over() {
    let world = Emulated::new().await;
    let request = held(&world).await;
    let id = request.id;
    world.meanwhile(move |other| async move {
        claim(&other, id, "second", over()).await;
    });
    is_lost(
        world
            .store
            .save_request(&worked_on(&request, "late", over()), over())
            .await,
    );
    let now = stored(&world, id).await;
    assert_eq!(
        (now.lease.owner.as_deref(), now.lease.fence),
        (Some("second"), request.lease.fence + 1)
    );
    assert_eq!(now.last_error, None);
}

/// Under one fence: a write that was held up on its way comes in behind the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_save_that_is_overtaken_by_the_next_one() {
    let world = Emulated::new().await;
    let request = held(&world).await;
    let (first, second) = (
        worked_on(&request, "first", later(1)),
        worked_on(&request, "second", later(2)),
    );
    let next = second.clone();
    world.meanwhile(move |other| async move {
        other.save_request(&next, later(2)).await.unwrap();
    });
    is_lost(world.store.save_request(&first, later(1)).await);
    assert_eq!(stored(&world, request.id).await, second);
    assert_eq!(counts(&world).await, [(RequestStatus::Running, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_save_while_a_client_cancels() {
    let world = Emulated::new().await;
    let request = held(&world).await;
    let id = request.id;
    world.meanwhile(move |other| async move {
        other.cancel_request(id, later(1)).await.unwrap();
    });
    is_lost(
        world
            .store
            .save_request(&worked_on(&request, "late", later(1)), later(1))
            .await,
    );
    assert_eq!(stored(&world, id).await.status, RequestStatus::Failed);
    assert_eq!(counts(&world).await, [(RequestStatus::Failed, 1)]);
}

/// What is cancelled is what the worker made of it meanwhile; once the CSR is on its way, nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_while_the_worker_goes_on() {
    for (stage, is_cancelled) in [
        (OrderStage::Validating, true),
        (
            OrderStage::KeyStored {
                key_ref: "key/1".into(),
            },
            false,
        ),
    ] {
        let world = Emulated::new().await;
        let request = held(&world).await;
        let url = "https://ca.test/order/1".into();
        let mut saved = worked_on(&request, "on its way", later(1));
        saved.issuance.phase = Phase::Ordered(Order { url, stage });
        saved.issuance.attempts = 1;
        saved.issuance.cleanup_owed = true;
        let next = saved.clone();
        world.meanwhile(move |other| async move {
            other.save_request(&next, later(1)).await.unwrap();
        });
        let cancelled = world.store.cancel_request(request.id, later(2)).await;
        let now = stored(&world, request.id).await;
        if is_cancelled {
            assert_eq!(cancelled.unwrap(), now);
            assert_eq!((now.status, now.issuance.attempts), (RequestStatus::Failed, 1));
            assert!(now.issuance.cleanup_owed, "its values are not forgotten");
            is_lost(world.store.save_request(&saved, later(2)).await);
        } else {
            assert!(
                matches!(cancelled, Err(StoreError::WrongState { .. })),
                "{cancelled:?}"
            );
            assert_eq!(now, saved);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_while_a_worker_takes_over() {
    let world = Emulated::new().await;
    let request = held(&world).await;
    let (id, fence) = (request.id, request.lease.fence);
    world.meanwhile(move |other| async move {
        claim(&other, id, "second", over()).await;
    });
    let cancelled = world.store.cancel_request(id, over()).await.unwrap();
    assert_eq!(
        cancelled.lease.fence,
        fence + 2,
        "out of the hands of the second one too"
    );
    assert_eq!(stored(&world, id).await, cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_while_another_client_retries_and_a_worker_begins() {
    for begins in [false, true] {
        let world = Emulated::new().await;
        let request = failed(&world).await;
        let id = request.id;
        world.meanwhile(move |other| async move {
            other.retry_request(id, later(2)).await.unwrap();
            if begins {
                let claimed = claim(&other, id, "second", later(3)).await;
                let running = worked_on(&claimed, "at work", later(3));
                other.save_request(&running, later(3)).await.unwrap();
            }
        });
        let retried = world.store.retry_request(id, later(4)).await;
        assert!(
            matches!(retried, Err(StoreError::WrongState { .. })),
            "{retried:?}"
        );
        let now = stored(&world, id).await;
        let (status, fence) = match begins {
            false => (RequestStatus::Pending, request.lease.fence + 1),
            true => (RequestStatus::Running, request.lease.fence + 2),
        };
        assert_eq!((now.status, now.lease.fence), (status, fence));
        assert_eq!(counts(&world).await, [(status, 1)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_while_a_client_retries() {
    let world = Emulated::new().await;
    let id = failed(&world).await.id;
    world.meanwhile(move |other| async move {
        other.retry_request(id, later(2)).await.unwrap();
    });
    let deleted = world.store.delete_request(id, later(3)).await;
    assert!(matches!(deleted, Err(StoreError::Conflict { .. })), "{deleted:?}");
    assert_eq!(stored(&world, id).await.status, RequestStatus::Pending);
    assert_eq!(counts(&world).await, [(RequestStatus::Pending, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_recorded_while_another_worker_takes_over() {
    let world = Emulated::new().await;
    let request = held(&world).await;
    let id = request.id;
    world.meanwhile(move |other| async move {
        claim(&other, id, "second", over()).await;
    });
    let made = certificate("01", "example.com");
    is_lost(world.store.record_certificate(made, Some(&request)).await);
    let all = world
        .store
        .certificates(&Default::default(), &page(1, 10))
        .await
        .unwrap();
    assert_eq!((all.total, all.list.len()), (0, 0));
}

fn order(names: &[&str]) -> OrderBuckets {
    let provider = Provider {
        limits: Limits {
            new_orders: Limit::new(5, 3600),
            certificates_per_domain: Limit::new(5, 3600),
            ..Limits::NONE
        },
        ..Provider::new(ProviderId::new(1), "ca", "https://ca.test/dir")
    };
    of_order(&provider, AccountId::new(1), &NameSet::parse(names).unwrap())
}

async fn used(world: &Emulated, order: &OrderBuckets) -> Vec<u32> {
    let counted: Vec<_> = order.spend.iter().filter(|b| b.limit.is_some()).collect();
    let keys: Vec<_> = counted.iter().map(|b| b.key.clone()).collect();
    let arrivals = world.store.arrivals(&keys).await.unwrap();
    let used = counted.into_iter().map(|b| {
        let arrival = arrivals.get(&b.key).copied();
        b.limit.unwrap().used(arrival, start())
    });
    used.collect()
}

/// A reservation whose marker another call took away gives nothing back: what is left counted is others'.
#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_that_is_given_back_while_another_call_does_so() {
    for (first, second, left) in [
        (GiveBack::All, GiveBack::All, [1, 1]),
        (GiveBack::All, GiveBack::Certificates, [1, 1]),
        (GiveBack::Certificates, GiveBack::All, [2, 1]),
        (GiveBack::Certificates, GiveBack::Certificates, [2, 1]),
    ] {
        let world = Emulated::new().await;
        let ours = order(&["a.example.com"]);
        for (id, order) in [("1-0", &ours), ("2-0", &order(&["b.example.com"]))] {
            let reserved = world.store.reserve(id, &order.spend, &order.look, start()).await;
            assert_eq!(reserved.unwrap(), Reserved::Taken);
        }
        assert_eq!(used(&world, &ours).await, [2, 2]);
        let spend = ours.spend.clone();
        world.meanwhile(move |other| async move {
            other.give_back("1-0", &spend, first, start()).await.unwrap();
        });
        let given = world.store.give_back("1-0", &ours.spend, second, start()).await;
        given.unwrap();
        assert_eq!(used(&world, &ours).await, left, "{first:?}, {second:?}");
    }
}
