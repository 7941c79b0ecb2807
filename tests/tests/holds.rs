//! What holds a request, what ends it, and what it says: the worker over the store, with a CA that follows a script.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "holds/away.rs"]
mod away;
#[path = "holds/orderable.rs"]
mod orderable;

use std::time::Duration;

use certmint_core::{
    issuance::RequestStatus,
    provider::{Limit, Limits, of_order},
    words::{Class, Subproblem},
};
use certmint_shared::store::RateLedger;
use certmint_tests::{
    conformance_store::start,
    scripted::{World, directory, problem},
};

const HOUR: Duration = Duration::from_secs(3600);

fn acme(class: Class, kind: &str, detail: &str) -> certmint_core::words::Failure {
    problem(class, format!("urn:ietf:params:acme:error:{kind}"), detail)
}

#[tokio::test]
async fn a_used_up_limit_holds_a_request_and_the_ca_is_not_asked() {
    let limits = Limits {
        new_orders: Limit::new(2, 3600),
        ..Limits::NONE
    };
    let world = World::new(limits).await;
    let mut ids = vec![];
    for name in ["a.example.com", "b.example.com", "c.example.com"] {
        ids.push(world.request(1, &[name]).await);
    }
    world.run().await;
    assert_eq!(world.ca.orders(&directory("one")), 2);
    let mut held = vec![];
    for id in &ids {
        let request = world.get(*id).await;
        if request.issuance.attempts == 0 {
            held.push(request);
        }
    }
    assert_eq!(held.len(), 1);
    let held = &held[0];
    assert_eq!(
        (held.status, held.issuance.failures, held.last_error.clone()),
        (RequestStatus::Running, 0, None)
    );
    assert_eq!(held.wake_at, Some(start().plus(HOUR / 2)));
    let reason = held.issuance.reason();
    assert!(
        reason.starts_with("one allows 2 new orders in 1 hour for account 1"),
        "{reason}"
    );
    assert_eq!(held.issuance.next_action(), "create_order");
    world.run().await;
    assert_eq!(
        world.ca.orders(&directory("one")),
        2,
        "and not again before its time"
    );
    world.pass(HOUR / 2);
    world.run().await;
    assert_eq!(world.ca.orders(&directory("one")), 3);
    assert_eq!(world.get(held.id).await.issuance.attempts, 1);
}

#[tokio::test]
async fn requests_at_once_get_no_more_than_the_limit() {
    let limits = Limits {
        new_orders: Limit::new(3, 3600),
        ..Limits::NONE
    };
    let world = World::busy(limits, 16).await;
    for n in 0..12 {
        world.request(1, &[format!("a.example{n}.com").as_str()]).await;
    }
    world.run().await;
    assert_eq!(world.ca.orders(&directory("one")), 3);
    world.pass(HOUR / 3);
    world.run().await;
    assert_eq!(world.ca.orders(&directory("one")), 4);
}

#[tokio::test]
async fn a_crash_between_reservation_and_order_counts_once() {
    let world = World::new(Limits::LETS_ENCRYPT).await;
    let id = world.request(1, &["a.example.com"]).await;
    let request = world.get(id).await;
    let provider = world.providers.by_name("one").unwrap();
    let order = of_order(provider, request.account_id, &request.names);
    // The life before got this far.
    let name = format!("{id}-0");
    world
        .store
        .reserve(&name, &order.spend, &order.look, start())
        .await
        .unwrap();
    world.run().await;
    assert_eq!(world.get(id).await.issuance.attempts, 1);
    let keys: Vec<_> = order.spend.iter().map(|b| b.key.clone()).collect();
    let arrivals = world.store.arrivals(&keys).await.unwrap();
    for bucket in &order.spend {
        let limit = bucket.limit.unwrap();
        assert_eq!(
            limit.used(arrivals.get(&bucket.key).copied(), start()),
            1,
            "{bucket}"
        );
    }
}

#[tokio::test]
async fn a_limit_that_the_ca_names_holds_the_others_of_that_key() {
    let world = World::new(Limits::NONE).await;
    let until = start().plus(HOUR * 30);
    let limited = acme(
        Class::RateLimited {
            not_before: Some(until),
        },
        "rateLimited",
        "too many certificates (5) already issued for this exact set of identifiers",
    );
    world
        .ca
        .new_order
        .lock()
        .unwrap()
        .insert(directory("one"), limited);
    let first = world.request(1, &["a.example.com"]).await;
    world.run().await;
    world.ca.new_order.lock().unwrap().clear();
    let second = world.request(1, &["a.example.com"]).await;
    let other = world.request(1, &["b.example.com"]).await;
    world.run().await;
    assert_eq!(
        world.ca.orders(&directory("one")),
        2,
        "the first and the one of other names"
    );
    let (first, second, other) = (
        world.get(first).await,
        world.get(second).await,
        world.get(other).await,
    );
    assert_eq!((first.wake_at, first.issuance.attempts), (Some(until), 0));
    assert_eq!((second.wake_at, second.issuance.failures), (Some(until), 0));
    let reason = second.issuance.reason();
    assert!(
        reason.starts_with("one takes no certificates for these names before"),
        "{reason}"
    );
    assert_eq!(other.issuance.attempts, 1);
}

#[tokio::test]
async fn a_rate_limit_without_a_moment_gets_the_ledgers_guess() {
    let world = World::new(Limits::LETS_ENCRYPT).await;
    let limited = |detail| acme(Class::RateLimited { not_before: None }, "rateLimited", detail);
    let words = [
        (
            "one",
            limited("too many certificates already issued for this exact set of identifiers"),
        ),
        ("two", limited("too many new orders from this account")),
    ];
    for (name, failure) in words {
        world
            .ca
            .new_order
            .lock()
            .unwrap()
            .insert(directory(name), failure);
    }
    let set = world.request(1, &["a.example.com"]).await;
    let orders = world.request(2, &["a.example.com"]).await;
    world.run().await;
    let set = world.get(set).await.wake_at.unwrap();
    assert_eq!(
        set,
        start().plus(Duration::from_secs(7 * 24 * 3600 / 5)),
        "one of a set comes back"
    );
    let orders = world.get(orders).await.wake_at.unwrap();
    assert!(
        orders < start().plus(Duration::from_secs(72)),
        "the back-off is longer than 36 seconds"
    );
}

#[tokio::test]
async fn an_order_that_came_to_nothing_costs_no_certificate_but_counts_its_failed_names() {
    let limits = Limits {
        duplicate_certificates: Limit::new(1, 7 * 24 * 3600),
        failed_authorizations: Limit::new(2, 3600),
        ..Limits::NONE
    };
    let world = World::new(limits).await;
    let mut lost = acme(
        Class::OrderLost,
        "unauthorized",
        "the CA could not validate every name",
    );
    lost.problem.subproblems = vec![Subproblem {
        identifier: "a.example.com".into(),
        cause: lost.problem.cause.clone(),
        detail: "No TXT record found".into(),
    }];
    *world.ca.order.lock().unwrap() = Some(lost);
    let id = world.request(1, &["a.example.com", "b.example.com"]).await;
    world.run().await;
    let failed = world.get(id).await;
    assert_eq!((failed.issuance.attempts, failed.issuance.failures), (1, 1));
    assert!(
        failed
            .issuance
            .reason()
            .contains("a.example.com: No TXT record found")
    );
    world.pass(Duration::from_secs(90));
    world.run().await;
    assert_eq!(
        world.get(id).await.issuance.attempts,
        2,
        "the set's one certificate was given back"
    );
    world.pass(Duration::from_secs(180));
    world.run().await;
    let held = world.get(id).await;
    assert_eq!((held.issuance.attempts, held.issuance.failures), (2, 2));
    let reason = held.issuance.reason();
    assert!(
        reason.contains("2 failed authorizations in 1 hour for a.example.com"),
        "{reason}"
    );
    let other = world.request(1, &["b.example.com"]).await;
    world.run().await;
    assert_eq!(
        world.get(other).await.issuance.attempts,
        1,
        "the other name is free"
    );
}
