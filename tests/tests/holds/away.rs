//! Accounts that a CA turns away, and CAs that are away.

use std::time::Duration;

use certmint_core::{
    account::AccountStatus,
    issuance::RequestStatus,
    provider::Limits,
    words::{Cause, Class},
};
use certmint_shared::store::ProviderHealth;
use certmint_tests::{
    conformance_store::start,
    scripted::{World, directory, problem},
};

use super::{HOUR, acme};

#[tokio::test]
async fn an_account_that_the_ca_turns_away_takes_its_requests_along() {
    let world = World::new(Limits::NONE).await;
    let gone = acme(
        Class::Permanent,
        "unauthorized",
        "Account is not valid, has status \"deactivated\"",
    );
    world.ca.new_order.lock().unwrap().insert(directory("one"), gone);
    let mut ids = vec![];
    for name in ["a.example.com", "b.example.com", "c.example.com"] {
        ids.push(world.request(1, &[name]).await);
    }
    let other = world.request(2, &["a.example.com"]).await;
    world.run().await;
    assert_eq!(world.ca.orders(&directory("one")), 1, "not one call each");
    let (status, error) = world.account(1).await;
    assert_eq!(status, AccountStatus::Failed);
    assert!(error.unwrap().contains("deactivated"));
    let mut attempts = 0;
    for id in ids {
        let request = world.get(id).await;
        assert_eq!(request.status, RequestStatus::Failed);
        let said = request.last_error.unwrap();
        assert!(
            said.starts_with("Failed to request certificate: ") && said.contains("deactivated"),
            "{said}"
        );
        attempts += request.issuance.attempts;
    }
    assert_eq!(attempts, 1, "the one that asked fails at attempt 1");
    assert_eq!(
        world.get(other).await.issuance.attempts,
        1,
        "other accounts go on"
    );
}

#[tokio::test]
async fn a_refused_binding_fails_the_account_with_the_cause() {
    let world = World::new(Limits::NONE).await;
    let used = acme(
        Class::Permanent,
        "unauthorized",
        "the external account key was used before",
    );
    world.ca.register.lock().unwrap().insert(directory("two"), used);
    let id = world.request(2, &["a.example.com"]).await;
    let other = world.request(2, &["b.example.com"]).await;
    world.run().await;
    let (status, error) = world.account(2).await;
    let error = error.unwrap();
    assert_eq!(status, AccountStatus::Failed);
    assert!(
        error.contains("was used before") && error.contains("eabKid and eabHmacKey"),
        "{error}"
    );
    let (request, other) = (world.get(id).await, world.get(other).await);
    assert_eq!(
        [request.status, other.status],
        [RequestStatus::Failed, RequestStatus::Failed]
    );
    let attempts = request.issuance.attempts + other.issuance.attempts;
    assert_eq!(attempts, 1, "one try for both");
}

#[tokio::test]
async fn new_terms_are_named() {
    let world = World::new(Limits::NONE).await;
    let terms = acme(
        Class::Permanent,
        "userActionRequired",
        "the terms of service have changed",
    );
    world.ca.new_order.lock().unwrap().insert(directory("one"), terms);
    let id = world.request(1, &["a.example.com"]).await;
    world.run().await;
    assert!(
        world
            .get(id)
            .await
            .issuance
            .reason()
            .contains("terms of service have changed")
    );
    assert_eq!(world.account(1).await.0, AccountStatus::Failed);
}

#[tokio::test]
async fn a_provider_that_is_away_is_noted_and_the_others_go_on() {
    let world = World::new(Limits::LETS_ENCRYPT).await;
    let away = || problem(Class::Transient, Cause::DirectoryUnreachable, "no route to host");
    world
        .ca
        .new_order
        .lock()
        .unwrap()
        .insert(directory("one"), away());
    let mut ids = vec![];
    for name in ["a.example.com", "b.example.com", "c.example.com"] {
        ids.push(world.request(1, &[name]).await);
    }
    let other = world.request(2, &["a.example.com"]).await;
    world.run().await;
    assert_eq!(world.ca.orders(&directory("one")), 1, "the others do not try");
    assert_eq!(
        world.get(other).await.issuance.attempts,
        1,
        "the other CA goes on"
    );
    let troubles = world.store.provider_troubles().await.unwrap();
    assert_eq!(
        (
            troubles.len(),
            troubles[0].provider_id.get(),
            troubles[0].failures
        ),
        (1, 1, 1)
    );
    for id in &ids {
        let held = world.get(*id).await;
        assert_eq!((held.issuance.attempts, held.issuance.failures), (0, 0));
        let reason = held.issuance.reason();
        assert!(
            reason.starts_with("provider one cannot be reached since 2027-01-15"),
            "{reason}"
        );
        assert!(reason.ends_with("no route to host"), "{reason}");
        assert!(held.wake_at.unwrap() >= troubles[0].retry_at);
    }
    // A second outage in a row waits longer.
    world.pass(Duration::from_secs(100));
    world.run().await;
    let again = &world.store.provider_troubles().await.unwrap()[0];
    assert_eq!((again.failures, again.since), (2, start()));
    world.ca.new_order.lock().unwrap().clear();
    world.pass(HOUR);
    world.run().await;
    assert_eq!(world.store.provider_troubles().await.unwrap(), []);
    for id in &ids {
        assert_eq!(world.get(*id).await.issuance.attempts, 1);
    }
}

#[tokio::test]
async fn a_directory_that_is_away_at_registration_holds_all_requests_of_the_account() {
    let world = World::busy(Limits::NONE, 16).await;
    let away = problem(Class::Transient, Cause::DirectoryUnreachable, "no route to host");
    world.ca.register.lock().unwrap().insert(directory("one"), away);
    let ids = [
        world.request(1, &["a.example.com"]).await,
        world.request(1, &["b.example.com"]).await,
    ];
    world.run().await;
    for id in ids {
        let held = world.get(id).await;
        assert_eq!((held.status, held.issuance.failures), (RequestStatus::Running, 0));
    }
    assert_eq!(world.account(1).await.0, AccountStatus::Pending);
    assert_eq!(*world.ca.registrations.lock().unwrap(), 1, "one try for all");
}
