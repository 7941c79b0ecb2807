//! Single flight, as every store must do it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use certmint_core::{
    account::NewAccount,
    certificate::{KeyAlgorithm, KeyPlan},
    issuance::{NewRequest, Phase, Request, RequestStatus},
    words::{AccountId, NameSet, ProviderId, Timestamp},
};
use certmint_shared::store::{Claim, Flight, Idempotency, Standing, StoreError};
use futures::future::join_all;

use crate::{conformance_store::start, store::Store};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What becomes of a certificate, as a test says.
#[derive(Clone, Copy, Debug)]
pub struct Stands(pub bool);

#[async_trait]
impl Standing for Stands {
    async fn stands(&self, _: &Request, _: Timestamp) -> Result<bool, StoreError> {
        Ok(self.0)
    }
}

async fn account(store: &dyn Store) -> AccountId {
    let new = NewAccount {
        provider_id: ProviderId::new(1),
        email: Some("ops@example.com".parse().expect("an address")),
        eab_kid: None,
        eab_key_ref: None,
        eab_expires_at: None,
    };
    store
        .create_account(new, None, start())
        .await
        .expect("an account")
        .id
}

fn new(account_id: AccountId, names: &[&str]) -> NewRequest {
    let names = NameSet::parse(names).expect("names");
    NewRequest::new(account_id, names)
}

async fn once(store: &dyn Store, new: NewRequest, key: Option<&str>, now: Timestamp) -> Flight {
    while_it(Stands(true), store, new, key, now).await
}

/// The same where the certificate of a success stands, or does not.
async fn while_it(
    stands: Stands,
    store: &dyn Store,
    new: NewRequest,
    key: Option<&str>,
    now: Timestamp,
) -> Flight {
    let key = key.map(|key| Idempotency {
        key: key.into(),
        body_hash: "h".into(),
    });
    let flight = store.request_once(new, 10, key, &stands, now).await;
    flight.expect("a request")
}

/// Ends a request as `status` at `now`.
async fn end(store: &dyn Store, flight: &Flight, status: RequestStatus, now: Timestamp) {
    let id = flight.request.id;
    let lease = Duration::from_secs(60);
    let claimed = store
        .claim_request(id, &Claim::new("w", now, lease, Duration::ZERO))
        .await;
    let mut request = claimed.expect("an answer").expect("claimed");
    request.status = status;
    request.issuance.phase = Phase::Failed;
    request.wake_at = None;
    request.updated_at = now;
    store.save_request(&request, now).await.expect("saved");
}

/// The same names in any order are one request while it is on its way and for a day after its success.
pub async fn same_names(store: &dyn Store) {
    let account = account(store).await;
    let ab = || new(account, &["a.example.com", "b.example.com"]);
    let ba = || new(account, &["b.example.com", "a.example.com"]);
    let first = once(store, ab(), None, start()).await;
    assert!(!first.joined);
    let again = once(store, ba(), None, start()).await;
    assert_eq!((again.request.id, again.joined), (first.request.id, true));
    // Another key is another certificate.
    let rsa = || NewRequest {
        key: KeyPlan::Us {
            reuse: false,
            algorithm: KeyAlgorithm::Rsa2048,
        },
        ..ab()
    };
    let other_key = once(store, rsa(), None, start()).await;
    assert_eq!((&other_key.request.key, other_key.joined), (&rsa().key, false));
    assert!(once(store, rsa(), None, start()).await.joined);
    assert_eq!(
        once(store, ab(), None, start()).await.request.id,
        first.request.id
    );
    let other = once(store, new(account, &["a.example.com"]), None, start()).await;
    assert_eq!((other.request.id.get(), other.joined), (3, false));

    end(store, &first, RequestStatus::Success, start()).await;
    let soon = once(store, ab(), None, start().plus(DAY - Duration::from_secs(1))).await;
    assert_eq!(
        (soon.request.id, soon.request.status),
        (first.request.id, RequestStatus::Success)
    );
    let later = once(store, ab(), None, start().plus(DAY)).await;
    assert_eq!((later.request.id.get(), later.joined), (4, false));

    end(store, &later, RequestStatus::Failed, start().plus(DAY)).await;
    let anew = once(store, ab(), None, start().plus(DAY)).await;
    assert_eq!(
        (anew.request.id.get(), anew.joined),
        (5, false),
        "a failed request does not count"
    );
    let forced = store
        .create_request(ab(), 10, None, start().plus(DAY))
        .await
        .expect("forced");
    assert_eq!(forced.id.get(), 6);
    let newest = once(store, ab(), None, start().plus(DAY)).await;
    assert_eq!(newest.request.id.get(), 6, "the newest one is joined");
    let nobody = store
        .request_once(
            new(AccountId::new(9), &["a.example.com"]),
            10,
            None,
            &Stands(true),
            start(),
        )
        .await;
    assert!(matches!(nobody, Err(StoreError::NotFound { .. })));
}

/// A key gives its first answer again, also when that answer was an existing request.
pub async fn keys(store: &dyn Store) {
    let account = account(store).await;
    let one = || new(account, &["example.com"]);
    let made = once(store, one(), Some("k1"), start()).await;
    let joined = once(store, one(), Some("k2"), start()).await;
    assert_eq!((made.joined, joined.joined), (false, true));
    end(store, &made, RequestStatus::Failed, start()).await;
    for (key, was) in [("k1", false), ("k2", true)] {
        let again = once(store, one(), Some(key), start()).await;
        assert_eq!((again.request.id, again.joined), (made.request.id, was), "{key}");
    }
    let other = Idempotency {
        key: "k2".into(),
        body_hash: "other".into(),
    };
    let reused = store
        .request_once(one(), 10, Some(other), &Stands(true), start())
        .await;
    assert!(matches!(reused, Err(StoreError::KeyReused)));
}

/// What a key was answered with is deleted: the key makes nothing, and says so; every call that takes a key.
pub async fn keys_of_what_is_gone(store: &dyn Store) {
    let key = |key: &str, body: &str| Idempotency {
        key: key.into(),
        body_hash: body.into(),
    };
    let someone = NewAccount {
        provider_id: ProviderId::new(1),
        email: Some("gone@example.com".parse().expect("an address")),
        eab_kid: None,
        eab_key_ref: None,
        eab_expires_at: None,
    };
    let open = |body| store.create_account(someone.clone(), Some(key("a", body)), start());
    let gone = open("h").await.expect("an account").id;
    store.delete_account(gone, start()).await.expect("deleted");
    let spent = open("h").await.map(|account| account.id);
    assert!(
        matches!(&spent, Err(StoreError::KeySpent { kind: "account", id }) if *id == gone.to_string()),
        "{spent:?}"
    );
    let same = key("a", "h");
    let before = store.opened_before(ProviderId::new(1), None, Some(&same)).await;
    assert!(matches!(before, Err(StoreError::KeySpent { .. })));
    assert!(matches!(open("other").await, Err(StoreError::KeyReused)));

    let account = account(store).await;
    let one = || new(account, &["example.com"]);
    let ask = |name, body| store.request_once(one(), 10, Some(key(name, body)), &Stands(true), start());
    let force = |name, body| store.create_request(one(), 10, Some(key(name, body)), start());
    let made = ask("made", "h").await.expect("made");
    assert!(ask("joined", "h").await.expect("joined").joined);
    let forced = force("forced", "h").await.expect("forced");
    for request in [&made.request, &forced] {
        let flight = Flight {
            request: request.clone(),
            joined: false,
        };
        end(store, &flight, RequestStatus::Failed, start()).await;
        store.delete_request(request.id, start()).await.expect("deleted");
    }
    for name in ["made", "joined", "forced"] {
        for answer in [ask(name, "h").await.map(|f| f.request), force(name, "h").await] {
            assert!(
                matches!(&answer, Err(StoreError::KeySpent { kind: "request", .. })),
                "{name}: {answer:?}"
            );
        }
        assert!(matches!(ask(name, "other").await, Err(StoreError::KeyReused)));
    }
    assert!(
        !once(store, one(), Some("new"), start()).await.joined,
        "another key makes a new one"
    );
}

/// A success whose certificate is of no use answers for nothing, but a key gives its first answer all the same.
pub async fn of_no_use(store: &dyn Store) {
    let account = account(store).await;
    let one = || new(account, &["example.com"]);
    let first = once(store, one(), Some("k1"), start()).await;
    let on_its_way = while_it(Stands(false), store, one(), None, start()).await;
    assert!(on_its_way.joined, "there is no certificate yet: nothing is asked");
    end(store, &first, RequestStatus::Success, start()).await;
    let joined = once(store, one(), Some("k2"), start()).await;
    assert_eq!((joined.request.id, joined.joined), (first.request.id, true));
    let second = while_it(Stands(false), store, one(), Some("k3"), start()).await;
    assert_eq!((second.request.id.get(), second.joined), (2, false));
    for (key, id, was) in [("k1", 1, false), ("k2", 1, true), ("k3", 2, false)] {
        let again = while_it(Stands(false), store, one(), Some(key), start()).await;
        assert_eq!((again.request.id.get(), again.joined), (id, was), "{key}");
    }
    let again = while_it(Stands(false), store, one(), None, start()).await;
    assert_eq!(
        (again.request.id.get(), again.joined),
        (2, true),
        "the new one is on its way"
    );
    store
        .quarantine_request(second.request.id, "no JSON", start())
        .await
        .expect("set aside");
    let third = once(store, one(), None, start()).await;
    assert_eq!(
        (third.request.id.get(), third.joined),
        (3, false),
        "what is set aside never ends"
    );
}

/// Of many calls at once one makes the request; also when they replace a stale lock.
pub async fn at_once(store: Arc<dyn Store>) {
    let account = account(&*store).await;
    for round in 0..2 {
        let calls = (0..8).map(|_| {
            let store = store.clone();
            async move { once(&*store, new(account, &["example.com"]), None, start()).await }
        });
        let flights = join_all(calls).await;
        let made: Vec<&Flight> = flights.iter().filter(|f| !f.joined).collect();
        assert_eq!(made.len(), 1, "round {round}");
        assert!(flights.iter().all(|f| f.request.id == made[0].request.id));
        end(&*store, made[0], RequestStatus::Failed, start()).await;
    }
    let counts = store.request_counts().await.expect("counts").map(|(_, n)| n);
    assert_eq!(counts, [0, 0, 0, 2]);
}
