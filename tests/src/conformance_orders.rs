//! An order has one owner, as every store must see to it.

use std::time::Duration;

use certmint_core::{
    account::NewAccount,
    issuance::{Event, NewRequest, OrderHold, OrderOwner, Request, next},
    words::{Cause, CertificateId, Class, Failure, NameSet, ProviderId, RequestId, Stage},
};
use certmint_shared::store::{Claim, StoreError};

use crate::{conformance_store::start, store::Store};

const ORDER: &str = "https://ca.test/order/1";

/// So many requests of one account for the same names, each claimed.
async fn requests(store: &dyn Store, count: usize) -> Vec<Request> {
    let new = NewAccount {
        provider_id: ProviderId::new(1),
        email: Some("ops@example.com".parse().expect("an address")),
        eab_kid: None,
        eab_key_ref: None,
        eab_expires_at: None,
    };
    let account = store
        .create_account(new, None, start())
        .await
        .expect("an account");
    let names = NameSet::parse(&["example.com"]).expect("names");
    let mut all = vec![];
    for _ in 0..count {
        let new = NewRequest::new(account.id, names.clone());
        let made = store
            .create_request(new, 10, None, start())
            .await
            .expect("a request");
        all.push(claim(store, made.id).await);
    }
    all
}

async fn claim(store: &dyn Store, id: RequestId) -> Request {
    let lease = Duration::from_secs(3600);
    let claimed = store
        .claim_request(id, &Claim::new("w", start(), lease, Duration::ZERO))
        .await;
    claimed.expect("an answer").expect("claimed")
}

/// A request as the engine leaves it after an event, written.
async fn after(store: &dyn Store, request: &Request, event: Event) -> Result<Request, StoreError> {
    let step = next(&request.issuance, event, start(), 1).expect("possible");
    let changed = Request {
        issuance: step.state,
        status: step.status,
        ..request.clone()
    };
    store.save_request(&changed, start()).await.map(|()| changed)
}

async fn orders(store: &dyn Store, request: &Request) -> Result<Request, StoreError> {
    let order_url = ORDER.into();
    after(store, request, Event::OrderCreated { order_url }).await
}

async fn owner(store: &dyn Store) -> Option<(u64, OrderHold)> {
    let owner: Option<OrderOwner> = store.order_owner(ORDER).await.expect("an answer");
    owner.map(|o| (o.request.get(), o.hold))
}

fn failure(class: Class) -> Event {
    Event::Failed(Failure::new(class, Stage::Request, Cause::OrderGone, "gone"))
}

/// The first that saves the URL has the order; the other's write changes nothing, and it may go on otherwise.
pub async fn one_owner(store: &dyn Store) {
    let all = requests(store, 2).await;
    assert_eq!(owner(store).await, None);
    let first = orders(store, &all[0]).await.expect("nobody has it");
    store
        .save_request(&first, start())
        .await
        .expect("and may repeat it");
    assert_eq!(owner(store).await, Some((1, OrderHold::Open)));
    match orders(store, &all[1]).await {
        Err(StoreError::OrderTaken { order_url, by }) => assert_eq!((&*order_url, by.get()), (ORDER, 1)),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        store.request(all[1].id).await.expect("there"),
        all[1],
        "nothing was written"
    );
    let order_url = "https://ca.test/order/2".into();
    after(store, &all[1], Event::OrderCreated { order_url })
        .await
        .expect("another order");
    let waits = Event::OrderTaken {
        order_url: ORDER.into(),
        by: all[0].id,
    };
    assert!(
        next(&first.issuance, waits, start(), 1).is_err(),
        "who has an order awaits none"
    );
}

/// Whoever owned it and ended otherwise than by its certificate leaves it to the next.
pub async fn owners_that_ended(store: &dyn Store) {
    let all = requests(store, 6).await;
    let failed = orders(store, &all[0]).await.expect("free");
    after(store, &failed, failure(Class::Permanent))
        .await
        .expect("failed");
    assert_eq!(owner(store).await, None);

    let cancelled = orders(store, &all[1]).await.expect("the first one failed");
    store
        .cancel_request(cancelled.id, start())
        .await
        .expect("cancelled");
    let late = store.save_request(&cancelled, start()).await;
    assert!(matches!(late, Err(StoreError::LeaseLost(_))), "{late:?}");

    let deleted = orders(store, &all[2]).await.expect("the second was cancelled");
    store
        .cancel_request(deleted.id, start())
        .await
        .expect("cancelled");
    store.delete_request(deleted.id, start()).await.expect("deleted");
    assert_eq!(owner(store).await, None, "it is not there any more");

    let lost = orders(store, &all[3]).await.expect("the third was deleted");
    after(store, &lost, failure(Class::OrderLost))
        .await
        .expect("it orders anew");
    assert_eq!(owner(store).await, None);

    let done = orders(store, &all[4]).await.expect("the fourth lost it");
    let mut recorded = done.clone();
    recorded.issuance.phase = certmint_core::issuance::Phase::Done {
        certificate_id: CertificateId::new(1),
    };
    store.save_request(&recorded, start()).await.expect("saved");
    assert_eq!(owner(store).await, Some((5, OrderHold::Spent)));
    let sixth = orders(store, &all[5]).await;
    assert!(
        matches!(sixth, Err(StoreError::OrderTaken { .. })),
        "a certificate came of it"
    );
}

/// A request may get an order again that it gave up, unless another has it by then.
pub async fn an_order_again(store: &dyn Store) {
    let all = requests(store, 2).await;
    let first = orders(store, &all[0]).await.expect("free");
    let queued = after(store, &first, failure(Class::OrderLost))
        .await
        .expect("lost");
    let again = orders(store, &queued).await.expect("its own");
    assert_eq!(owner(store).await, Some((1, OrderHold::Open)));
    let queued = after(store, &again, failure(Class::OrderLost))
        .await
        .expect("lost");
    orders(store, &all[1]).await.expect("free");
    assert_eq!(owner(store).await, Some((2, OrderHold::Open)));
    let back = orders(store, &queued).await;
    assert!(matches!(back, Err(StoreError::OrderTaken { .. })), "{back:?}");
}
