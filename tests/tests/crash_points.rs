//! The worker's process is killed before and after the outside call of each effect; the next one finishes the work.
//! The effects are those of the engine's type: one that is new does not compile here before it says where it dies.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use certmint_core::issuance::{CaEffect, Effect, ZoneEffect};
use certmint_tests::{
    faults::{Call, Fault, Operation},
    journey::{Journey, options},
};

/// A call to die at: the `skip`ped ones that match pass.
struct Point {
    name: &'static str,
    matches: fn(&Call) -> bool,
    skip: usize,
}

fn body_has(call: &Call, text: &str) -> bool {
    String::from_utf8_lossy(&call.body).contains(text)
}

const fn point(name: &'static str, matches: fn(&Call) -> bool, skip: usize) -> Point {
    Point { name, matches, skip }
}

/// The first effect, and the one after each.
fn following(effect: Option<&Effect>) -> Option<Effect> {
    let (order_url, key_ref) = (String::new(), String::new());
    Some(match effect {
        None => CaEffect::NewOrder.into(),
        Some(Effect::Ca(effect)) => match effect {
            CaEffect::NewOrder => CaEffect::LoadChallenges { order_url }.into(),
            CaEffect::LoadChallenges { .. } => ZoneEffect::Publish { challenges: vec![] }.into(),
            CaEffect::AcceptChallenges { .. } => CaEffect::PollOrder { order_url }.into(),
            CaEffect::PollOrder { .. } => Effect::StoreKey,
            CaEffect::Finalize { .. } => CaEffect::RecordCertificate { order_url, key_ref }.into(),
            CaEffect::RecordCertificate { .. } => ZoneEffect::Unpublish.into(),
        },
        Some(Effect::Zone(effect)) => match effect {
            ZoneEffect::Publish { .. } => ZoneEffect::CheckInSync { changes: vec![] }.into(),
            ZoneEffect::CheckInSync { .. } => Effect::CheckPropagation { challenges: vec![] },
            ZoneEffect::Unpublish => return None,
        },
        Some(Effect::CheckPropagation { .. }) => CaEffect::AcceptChallenges { order_url }.into(),
        Some(Effect::StoreKey) => CaEffect::Finalize { order_url, key_ref }.into(),
    })
}

/// The calls that do an effect's work outside, and the write that says it is done where there is one: what a later run finds
/// by itself is not stored.
fn points(effect: &Effect) -> Vec<Point> {
    match effect {
        Effect::Ca(effect) => ca_points(effect),
        Effect::Zone(effect) => zone_points(effect),
        // DNS does not pass the proxy.
        Effect::CheckPropagation { .. } => vec![],
        Effect::StoreKey => vec![
            point(
                "key",
                |c| c.operation == Operation::CreateSecret && body_has(c, "certificate-key/"),
                0,
            ),
            point("state key_stored", |c| saves(c, "key_stored"), 0),
        ],
    }
}

fn ca_points(effect: &CaEffect) -> Vec<Point> {
    match effect {
        CaEffect::NewOrder => vec![
            point("newAccount", |c| c.operation == Operation::NewAccount, 0),
            point("newOrder", |c| c.operation == Operation::NewOrder, 0),
            point("state ordered", |c| saves(c, "ordered"), 0),
        ],
        CaEffect::LoadChallenges { .. } => vec![
            point("authorization", |c| c.operation == Operation::Authorization, 0),
            point(
                "second authorization",
                |c| c.operation == Operation::Authorization,
                1,
            ),
            point("state challenged", |c| saves(c, "challenged"), 0),
        ],
        CaEffect::AcceptChallenges { .. } => vec![
            point("challenge", |c| c.operation == Operation::Challenge, 0),
            point("second challenge", |c| c.operation == Operation::Challenge, 1),
        ],
        CaEffect::PollOrder { .. } => vec![point("order", |c| c.operation == Operation::Order, 0)],
        CaEffect::Finalize { .. } => vec![point("finalize", |c| c.operation == Operation::Finalize, 0)],
        CaEffect::RecordCertificate { .. } => vec![
            point("certificate", |c| c.operation == Operation::Certificate, 0),
            point("certificate record", |c| writes(c, "CERTIFICATE#"), 0),
            point("state done", |c| saves(c, "done"), 0),
        ],
    }
}

fn zone_points(effect: &ZoneEffect) -> Vec<Point> {
    match effect {
        ZoneEffect::Publish { .. } => vec![
            point("TXT intent", |c| writes(c, "TXT#_acme-challenge"), 0),
            point(
                "zone change",
                |c| c.operation == Operation::ChangeResourceRecordSets,
                0,
            ),
            point("TXT confirmation", |c| writes(c, "TXT#_acme-challenge"), 1),
            point("second TXT confirmation", |c| writes(c, "TXT#_acme-challenge"), 2),
            point("state published", |c| saves(c, "published"), 0),
        ],
        ZoneEffect::CheckInSync { .. } => {
            vec![point("GetChange", |c| c.operation == Operation::GetChange, 0)]
        }
        ZoneEffect::Unpublish => vec![
            point(
                "zone change",
                |c| c.operation == Operation::ChangeResourceRecordSets,
                1,
            ),
            point("debt paid", |c| saves(c, "done"), 1),
        ],
    }
}

fn is_write(call: &Call) -> bool {
    matches!(call.operation, Operation::TransactWriteItems | Operation::PutItem)
}

fn writes(call: &Call, key: &str) -> bool {
    is_write(call) && body_has(call, key)
}

/// Whether the call stores a request in this phase.
fn saves(call: &Call, phase: &str) -> bool {
    is_write(call) && body_has(call, &format!(r#"\"phase\":\"{phase}\""#))
}

async fn dies_at(point: Point, after: bool) {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    let worker = journey.stack.worker.clone();
    let kill = Arc::new(move || worker.kill());
    let fault = if after {
        Fault::After(kill)
    } else {
        Fault::Before(kill)
    };
    let hits = rules.add_matching(point.matches, point.skip, 1, fault);
    // Apex and wildcard: two values in one RRset.
    let id = journey.request(account, &["example.com", "*.example.com"]).await;
    let request = journey.in_time(id).await;
    let (name, when) = (point.name, if after { "after" } else { "before" });
    assert_eq!(hits.count(), 1, "the worker did not get to {name}: {request}");
    assert_eq!(request["status"], "success", "killed {when} {name}: {request}");
    let lost_orders = usize::from(name == "newOrder" || name == "state ordered");
    let orders = rules.seen(Operation::NewOrder).len();
    assert!(orders <= 1 + lost_orders, "killed {when} {name}: {orders} orders");
    journey.ends_well(id).await;
}

async fn die_everywhere(after: bool) {
    let mut effect = following(None);
    let mut count = 0;
    while let Some(now) = effect {
        for point in points(&now) {
            dies_at(point, after).await;
            count += 1;
        }
        effect = following(Some(&now));
    }
    assert!(count >= 22, "{count} crash points");
}

#[tokio::test]
async fn killed_before_each_effect_the_next_worker_finishes() {
    die_everywhere(false).await;
}

#[tokio::test]
async fn killed_after_each_effect_the_next_worker_finishes() {
    die_everywhere(true).await;
}
