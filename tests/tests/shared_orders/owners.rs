//! What becomes of the second when the owner of the order ends otherwise than by success.

use std::sync::Arc;

use certmint_tests::faults::{Call, Fault, Operation, Reused};
use serde_json::json;

use super::world::{DUAL, DUAL_RSA, Shared};

/// Picks a call.
type Matches = fn(&Call) -> bool;

#[tokio::test]
async fn an_owner_that_is_cancelled_and_deleted() {
    for delete in [false, true] {
        let world = Shared::pending().await;
        let first = world.ask(DUAL).await;
        world.until_phase(first, "published").await;
        let second = world.ask(DUAL_RSA).await;
        world.waits_for_an_order(second).await;
        let path = format!("/acme/certificate/requests/{first}");
        world.post(&format!("{path}/cancel"), "").await;
        if delete {
            world.well();
            world.journey.work().await;
            world.journey.until_clean().await;
            world.post(&format!("{path}/delete"), "").await;
        }
        world.well();
        world.each_succeeds(&[second]).await;
        if !delete {
            // It starts over beside the certificate of the order that it had.
            world
                .post("/acme/certificate/retry", &json!({"id": first}).to_string())
                .await;
            world.each_succeeds(&[first, second]).await;
        }
    }
}

/// The owner's order comes to nothing; both go on with another, and the CA gives both the same again.
#[tokio::test]
async fn an_owner_whose_order_is_lost() {
    let world = Shared::pending().await;
    let first = world.ask(DUAL).await;
    let owner = world.until_phase(first, "published").await;
    assert_eq!(owner["attempts"], 1);
    let second = world.ask(DUAL_RSA).await;
    world.waits_for_an_order(second).await;
    let gone = Fault::problem(404, "malformed", &[]);
    let lost = world.rules.add(Operation::Order, 0, 1, gone);
    world.well();
    for id in [first, second] {
        let ended = world.journey.in_time(id).await;
        assert_eq!(ended["status"], "success", "{ended}");
    }
    assert_eq!(lost.count(), 1);
}

/// The worker dies after the write that owns the order, and after the one that waits for it.
#[tokio::test]
async fn the_worker_dies_at_the_writes_of_an_order() {
    let ordered = |c: &Call| saves(c, "ordered") && has(c, "ORDER#");
    let waits = |c: &Call| saves(c, "queued") && has(c, "awaited_order");
    let points: [(&str, Matches); 2] = [("owned", ordered), ("awaited", waits)];
    for (name, matches) in points {
        for after in [false, true] {
            let world = Shared::new(Reused::WhileOpen).await;
            let worker = world.journey.stack.worker.clone();
            let kill = Arc::new(move || worker.kill());
            let fault = if after {
                Fault::After(kill)
            } else {
                Fault::Before(kill)
            };
            let hits = world.rules.add_matching(matches, 0, 1, fault);
            world.lag();
            let ids = [world.ask(DUAL).await, world.ask(DUAL_RSA).await];
            world.journey.work().await;
            world.well();
            for id in ids {
                let ended = world.journey.in_time(id).await;
                assert_eq!(ended["status"], "success", "killed at {name}: {ended}");
            }
            assert_eq!(hits.count(), 1, "{name}");
            world.each_succeeds(&ids).await;
        }
    }
}

fn has(call: &Call, text: &str) -> bool {
    String::from_utf8_lossy(&call.body).contains(text)
}

fn saves(call: &Call, phase: &str) -> bool {
    let is_write = matches!(call.operation, Operation::TransactWriteItems | Operation::PutItem);
    is_write && has(call, &format!(r#"\"phase\":\"{phase}\""#))
}
