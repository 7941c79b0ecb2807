//! A CA that gives two requests one order (RFC 8555 does not forbid it, and Boulder does): two certificates come of it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "shared_orders/owners.rs"]
mod owners;
#[path = "shared_orders/world.rs"]
mod world;

use certmint_tests::faults::{Fault, Operation, Reused};
use serde_json::json;

use self::world::{DUAL, DUAL_RSA, Shared};

/// The case as it came: its two bodies, sent one after the other.
#[tokio::test]
async fn case_02_a_ca_that_reuses_pending_orders() {
    let case = [
        include_str!("../cases/02-ca-reuses-pending-order/request1.json"),
        include_str!("../cases/02-ca-reuses-pending-order/request2.json"),
    ];
    let world = Shared::pending().await;
    let ids = [world.order(case[0]).await, world.ask(case[1]).await];
    let waiting = world.waits_for_an_order(ids[1]).await;
    assert_eq!(waiting["attempts"], 0, "nothing was tried: {waiting}");
    assert_eq!(waiting["phase"], "queued", "{waiting}");
    world.well();
    world.each_succeeds(&ids).await;
}

/// The order that the second gets is ready: the first one's key is not in the vault yet.
#[tokio::test]
async fn an_order_that_is_ready() {
    let world = Shared::new(Reused::WhileOpen).await;
    let throttled = Fault::json(400, "ThrottlingException");
    // The account's key is the first secret.
    let vault = world.fault(Operation::CreateSecret, 1, throttled);
    let first = world.ask(DUAL).await;
    world.until_phase(first, "ready").await;
    let second = world.ask(DUAL_RSA).await;
    world.waits_for_an_order(second).await;
    assert!(vault.count() > 0);
    world.well();
    world.each_succeeds(&[first, second]).await;
}

#[tokio::test]
async fn three_requests_in_a_row() {
    let world = Shared::pending().await;
    let third = r#"{"accountId":1,"domains":["dual.example.com"],"keyAlgorithm":"ecdsa-p384"}"#;
    let ids = [
        world.order(DUAL).await,
        world.ask(DUAL_RSA).await,
        world.ask(third).await,
    ];
    world.waits_for_an_order(ids[1]).await;
    world.waits_for_an_order(ids[2]).await;
    world.well();
    world.each_succeeds(&ids).await;
}

/// The same key algorithm, by force.
#[tokio::test]
async fn a_request_of_its_own_by_force() {
    let world = Shared::pending().await;
    let forced = r#"{"accountId":1,"domains":["dual.example.com"],"keyAlgorithm":"ecdsa-p256","force":true}"#;
    let ids = [world.order(DUAL).await, world.ask(forced).await];
    world.waits_for_an_order(ids[1]).await;
    world.well();
    world.each_succeeds(&ids).await;
}

/// The same names in another order of theirs, and a client's own key.
#[tokio::test]
async fn a_client_that_has_its_own_key() {
    let world = Shared::pending().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let mut csr = rcgen::CertificateParams::new(vec!["dual.example.com".into()]).unwrap();
    csr.distinguished_name = rcgen::DistinguishedName::new();
    let csr = csr.serialize_request(&key).unwrap().pem().unwrap();
    let own = json!({"accountId": 1, "domains": ["dual.example.com"], "csr": csr}).to_string();
    let ids = [world.order(DUAL_RSA).await, world.ask(&own).await];
    world.waits_for_an_order(ids[1]).await;
    world.well();
    world.each_succeeds(&ids).await;
}

/// The CA answers with an order that was finalized: with the first one's key, which is none of the second.
#[tokio::test]
async fn an_order_that_is_valid_already() {
    let world = Shared::new(Reused::Times(3)).await;
    let first = world.ask(DUAL).await;
    world.journey.until(first, "success").await;
    let second = world.ask(DUAL_RSA).await;
    world.waits_for_an_order(second).await;
    world.each_succeeds(&[first, second]).await;
}

/// Two certificates of the same names are renewed at once, and each order says what it replaces.
#[tokio::test]
async fn renewals_that_say_what_they_replace() {
    let world = Shared::new(Reused::WhileOpen).await;
    let ids = [world.ask(DUAL).await, world.ask(DUAL_RSA).await];
    let certificates = world.certificates(&ids).await;
    world.lag();
    let mut renewals = vec![];
    for certificate in &certificates {
        let body = json!({"certificateId": certificate}).to_string();
        let answer = world
            .journey
            .client
            .post("/certificates/renewal/trigger", &body)
            .await;
        renewals.push(answer.data()["requestId"].as_u64().unwrap());
    }
    world.well();
    world.each_succeeds(&renewals).await;
    assert_eq!(
        world.certificates(&renewals).await,
        certificates,
        "renewed in place"
    );
}
