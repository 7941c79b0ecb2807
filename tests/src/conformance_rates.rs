//! The rate ledger, as every store must keep it.

use std::{sync::Arc, time::Duration};

use certmint_core::{
    provider::{Bucket, Limit, Limits, OrderBuckets, Provider, of_order},
    words::{AccountId, NameSet, ProviderId, Timestamp},
};
use certmint_shared::store::{GiveBack, RateLedger, Reserved};
use futures::future::join_all;

use crate::conformance_store::start;

const HOUR: Duration = Duration::from_secs(3600);

/// Two orders an hour of an account, one certificate an hour of a set, three of a domain.
fn provider() -> Provider {
    Provider {
        limits: Limits {
            new_orders: Limit::new(2, 3600),
            certificates_per_domain: Limit::new(3, 3600),
            duplicate_certificates: Limit::new(1, 3600),
            failed_authorizations: Limit::new(1, 3600),
            ..Limits::NONE
        },
        ..Provider::new(ProviderId::new(1), "ca", "https://ca.test/dir")
    }
}

fn order(account: u64, names: &[&str]) -> OrderBuckets {
    let names = NameSet::parse(names).expect("names");
    of_order(&provider(), AccountId::new(account), &names)
}

async fn reserve(store: &dyn RateLedger, id: &str, order: &OrderBuckets, now: Timestamp) -> Reserved {
    let reserved = store.reserve(id, &order.spend, &order.look, now).await;
    reserved.expect("an answer")
}

async fn used(store: &dyn RateLedger, buckets: &[Bucket], now: Timestamp) -> Vec<u32> {
    let keys: Vec<_> = buckets.iter().map(|b| b.key.clone()).collect();
    let arrivals = store.arrivals(&keys).await.expect("arrivals");
    let used = |b: &Bucket| b.limit.expect("a limit").used(arrivals.get(&b.key).copied(), now);
    buckets.iter().map(used).collect()
}

fn full(reserved: Reserved) -> (String, Timestamp) {
    match reserved {
        Reserved::Full { bucket, earliest } => (bucket.subject, earliest),
        Reserved::Taken => panic!("there is room"),
    }
}

/// One of each or of none; a repeat counts once; what is full says when it opens, and opens then.
pub async fn reservations(store: &dyn RateLedger) {
    let first = order(1, &["a.example.com"]);
    for _ in 0..3 {
        assert_eq!(reserve(store, "1-0", &first, start()).await, Reserved::Taken);
    }
    assert_eq!(
        used(store, &first.spend, start()).await,
        [1, 1, 1],
        "a repeat counts once"
    );
    let (subject, earliest) = full(reserve(store, "2-0", &first, start()).await);
    assert_eq!((subject.as_str(), earliest), ("these names", start().plus(HOUR)));
    assert_eq!(used(store, &first.spend, start()).await, [1, 1, 1], "of none");
    let second = order(1, &["b.example.com"]);
    assert_eq!(reserve(store, "3-0", &second, start()).await, Reserved::Taken);
    let third = order(1, &["c.example.com"]);
    let (subject, earliest) = full(reserve(store, "4-0", &third, start()).await);
    assert_eq!(
        (subject.as_str(), earliest),
        ("account 1", start().plus(HOUR / 2))
    );
    // Another account has its own orders; the domain is shared.
    let other = order(2, &["e.example.com"]);
    assert_eq!(reserve(store, "5-0", &other, start()).await, Reserved::Taken);
    let (subject, _) = full(reserve(store, "6-0", &order(2, &["d.example.com"]), start()).await);
    assert_eq!(subject, "example.com");
    let later = start().plus(HOUR / 2);
    assert_eq!(reserve(store, "4-0", &third, later).await, Reserved::Taken);
}

/// What is given back is free again, once; what stays counted stays.
pub async fn giving_back(store: &dyn RateLedger) {
    let order = order(1, &["a.example.com"]);
    assert_eq!(reserve(store, "1-0", &order, start()).await, Reserved::Taken);
    for _ in 0..2 {
        let given = store
            .give_back("1-0", &order.spend, GiveBack::Certificates, start())
            .await;
        given.expect("given back");
    }
    assert_eq!(
        used(store, &order.spend, start()).await,
        [1, 0, 0],
        "the order stays counted"
    );
    assert_eq!(reserve(store, "1-1", &order, start()).await, Reserved::Taken);
    let given = store.give_back("1-1", &order.spend, GiveBack::All, start()).await;
    given.expect("given back");
    assert_eq!(used(store, &order.spend, start()).await, [1, 0, 0]);
    let nothing = store.give_back("9-9", &order.spend, GiveBack::All, start()).await;
    nothing.expect("nothing to give back");
    // Half of it has come back by itself: only the other half is given back, and nothing of the next one.
    assert_eq!(reserve(store, "1-2", &order, start()).await, Reserved::Taken);
    let later = start().plus(HOUR);
    assert_eq!(reserve(store, "2-0", &order, later).await, Reserved::Taken);
    let given = store.give_back("1-2", &order.spend, GiveBack::All, later).await;
    given.expect("given back");
    assert_eq!(
        used(store, &order.spend, later).await,
        [1, 1, 1],
        "the second is not hidden"
    );
}

/// What happened counts though it is too much; a bucket that the CA closed opens at its moment, and never earlier.
pub async fn counting_and_closing(store: &dyn RateLedger) {
    let order = order(1, &["a.example.com", "b.example.com"]);
    for id in ["1-0-failed", "1-0-failed", "1-1-failed"] {
        store
            .count(id, &order.failed(&["a.example.com"]), start())
            .await
            .expect("counted");
    }
    let (subject, earliest) = full(reserve(store, "1-2", &order, start()).await);
    assert_eq!(
        (subject.as_str(), earliest),
        ("a.example.com", start().plus(HOUR * 2))
    );
    let other = self::order(1, &["b.example.com"]);
    assert_eq!(reserve(store, "2-0", &other, start()).await, Reserved::Taken);

    let unlimited = Provider {
        limits: Limits::NONE,
        ..provider()
    };
    let names = NameSet::parse(&["z.example.org"]).expect("names");
    let buckets = of_order(&unlimited, AccountId::new(7), &names);
    assert_eq!(reserve(store, "3-0", &buckets, start()).await, Reserved::Taken);
    let moment = start().plus(HOUR);
    store.close(&buckets.spend[1], moment).await.expect("closed");
    store
        .close(&buckets.spend[1], start())
        .await
        .expect("an earlier moment changes nothing");
    let (subject, earliest) = full(reserve(store, "3-0", &buckets, start()).await);
    assert_eq!((subject.as_str(), earliest), ("these names", moment));
    assert_eq!(reserve(store, "3-0", &buckets, moment).await, Reserved::Taken);
}

/// Of many orders at once as many get through as fit.
pub async fn at_once(store: Arc<dyn RateLedger>) {
    let calls = (0..8).map(|n| {
        let store = store.clone();
        async move {
            let order = order(1, &[format!("{n}.example{n}.com").as_str()]);
            reserve(&*store, &format!("{n}-0"), &order, start()).await
        }
    });
    let taken = join_all(calls)
        .await
        .into_iter()
        .filter(|r| *r == Reserved::Taken)
        .count();
    assert_eq!(taken, 2);
}

/// A hundred registered domains are more than one transaction holds.
pub async fn a_hundred_domains(store: &dyn RateLedger) {
    let names: Vec<String> = (0..100).map(|n| format!("example{n}.com")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let order = order(1, &names);
    assert_eq!(order.spend.len(), 102);
    for _ in 0..2 {
        assert_eq!(reserve(store, "1-0", &order, start()).await, Reserved::Taken);
    }
    assert!(
        used(store, &order.spend, start())
            .await
            .iter()
            .all(|used| *used == 1)
    );
    let given = store.give_back("1-0", &order.spend, GiveBack::All, start()).await;
    given.expect("given back");
    assert!(
        used(store, &order.spend, start())
            .await
            .iter()
            .all(|used| *used == 0)
    );
}
