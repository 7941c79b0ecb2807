//! Route53's and DNS's faults, on the wire between the real functions and the emulator.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use certmint_tests::{
    faults::{Fault, Operation},
    journey::{Journey, eventually, options, set_env},
};
use serde_json::json;

#[tokio::test]
async fn throttling_and_a_change_in_flight_are_requeued_and_count_no_attempt() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    let throttled = rules.add(
        Operation::ChangeResourceRecordSets,
        0,
        2,
        Fault::route53(400, "Throttling"),
    );
    let busy = rules.add(
        Operation::ChangeResourceRecordSets,
        0,
        8,
        Fault::route53(400, "PriorRequestNotComplete"),
    );
    let lists = rules.add(
        Operation::ListHostedZones,
        0,
        1,
        Fault::route53(400, "Throttling"),
    );
    let looks = rules.add(Operation::GetChange, 0, 2, Fault::route53(400, "Throttling"));
    let id = journey.request(account, &["example.com"]).await;
    let request = journey.in_time(id).await;
    assert_eq!(
        (&request["status"], &request["attempts"]),
        (&json!("success"), &json!(1)),
        "{request}"
    );
    assert_eq!(
        (throttled.count(), busy.count(), lists.count(), looks.count()),
        (2, 8, 1, 2)
    );
    journey.ends_well(id).await;
}

#[tokio::test]
async fn one_bad_change_is_found_and_the_others_succeed() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    rules.add(
        Operation::PutEvents,
        0,
        usize::MAX,
        Fault::json(400, "ResourceNotFoundException"),
    );
    rules.add_matching(
        |call| {
            call.operation == Operation::ChangeResourceRecordSets
                && String::from_utf8_lossy(&call.body).contains("_acme-challenge.h3.example.com")
        },
        0,
        usize::MAX,
        Fault::route53(400, "InvalidChangeBatch"),
    );
    let mut ids = Vec::new();
    for n in 0..8 {
        ids.push(journey.request(account, &[&format!("h{n}.example.com")]).await);
    }
    journey.work().await.unwrap();
    for (n, id) in ids.iter().enumerate() {
        let request = journey.look(*id).await;
        if n == 3 {
            let error = request["last_error"].as_str().unwrap();
            assert!(error.starts_with("Failed to create DNS record: "), "{error}");
        } else {
            assert_eq!(request["status"], "success", "{request}");
        }
    }
    journey.until_clean().await;
    journey.end().await;
}

#[tokio::test]
async fn a_change_that_never_gets_in_sync_ends_and_is_cleaned_up() {
    let mut options = options();
    options.sync_delay = Duration::from_secs(365 * 24 * 3600);
    let journey = Journey::start(options).await;
    let account = journey.account().await;
    let id = journey.request(account, &["example.com"]).await;
    journey.work().await.unwrap();
    let waiting = journey.look(id).await;
    assert_eq!(
        (&waiting["status"], &waiting["phase"]),
        (&json!("running"), &json!("published")),
        "{waiting}"
    );
    assert!(!journey.txt_values().is_empty());
    journey.later(Duration::from_secs(11 * 60)).await;
    journey.work().await.unwrap();
    let request = journey.look(id).await;
    let error = request["last_error"].as_str().unwrap();
    assert!(
        error.starts_with("Failed to create DNS record: gave up waiting"),
        "{error}"
    );
    assert_eq!(request["status"], "running", "it is tried again");
    assert!(!journey.txt_values().is_empty(), "the value stays meanwhile");
    // The value stands: what the next try asks is whether the authoritative servers have it.
    let done = journey.in_time(id).await;
    assert_eq!(
        (&done["status"], &done["attempts"]),
        (&json!("success"), &json!(1)),
        "{done}"
    );
    journey.ends_well(id).await;
}

#[tokio::test]
async fn another_tools_value_in_the_same_rrset_is_kept() {
    let journey = Journey::start(options()).await;
    let name = "_acme-challenge.example.com";
    journey
        .stack
        .aws
        .route53
        .upsert(name, "TXT", 300, &["\"of another tool\""])
        .unwrap();
    let account = journey.account().await;
    let id = journey.request(account, &["example.com", "*.example.com"]).await;
    journey.until(id, "success").await;
    eventually("only the other tool's value is left", || async {
        (journey.txt_values() == ["\"of another tool\""]).then_some(())
    })
    .await;
    let ttl = journey
        .stack
        .aws
        .route53
        .records()
        .into_iter()
        .find(|r| r.rtype == "TXT")
        .unwrap()
        .ttl;
    assert_eq!(ttl, 300, "with its TTL");
    journey.end().await;
}

#[tokio::test]
async fn a_value_that_is_gone_already_is_success() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    let route53 = journey.stack.aws.route53.clone();
    let empty = route53.export().unwrap();
    // While the CA issues, somebody empties the zone.
    let emptied = rules.add(
        Operation::Certificate,
        0,
        1,
        Fault::Before(std::sync::Arc::new(move || {
            route53.import(empty.clone()).unwrap()
        })),
    );
    let id = journey.request(account, &["example.com"]).await;
    journey.work().await.unwrap();
    assert_eq!(emptied.count(), 1);
    journey.ends_well(id).await;
}

#[tokio::test]
async fn a_zone_that_is_deleted_ends_the_obligation_with_a_warning() {
    let mut options = options();
    options.sync_delay = Duration::from_secs(365 * 24 * 3600);
    let journey = Journey::start(options).await;
    let account = journey.account().await;
    let id = journey.request(account, &["example.com"]).await;
    journey.work().await.unwrap();
    assert_eq!(journey.look(id).await["phase"], "published");
    let mut zones = journey.stack.aws.route53.export().unwrap();
    let all = zones["zones"].as_object_mut().unwrap();
    all.retain(|_, zone| zone["name"] != "example.com.");
    journey.stack.aws.route53.import(zones).unwrap();
    let failed = journey.in_time(id).await;
    assert_eq!(failed["status"], "failed", "{failed}");
    journey.later(Duration::from_secs(4 * 3600)).await;
    journey.clean().await;
    journey.until_clean().await;
    assert!(
        journey
            .stack
            .logs
            .all()
            .iter()
            .any(|l| l.contains("zone is gone")),
        "with a warning"
    );
    journey.end().await;
}

#[tokio::test]
async fn an_authoritative_server_that_is_silent_is_named() {
    let journey = Journey::start(options()).await;
    let account = journey.account().await;
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let works = format!("127.0.0.1:{}", journey.stack.ports.dns);
    set_env(&journey.stack.worker, "CERTMINT_DNS_SERVER", &address).await;
    let id = journey.request(account, &["example.com"]).await;
    journey.work().await.unwrap();
    let request = journey.look(id).await;
    assert_eq!(request["status"], "running", "{request}");
    assert!(
        request.to_string().contains(&address),
        "the reason names the server: {request}"
    );
    set_env(&journey.stack.worker, "CERTMINT_DNS_SERVER", &works).await;
    journey.ends_well(id).await;
}

#[tokio::test]
async fn a_zone_that_takes_its_time_is_not_waited_for_inside_lambda() {
    let delay = Duration::from_secs(8);
    let mut options = options();
    options.sync_delay = delay;
    // As deployed. There is no schedule here: wakes alone lead on.
    options.env.clear();
    let journey = Journey::start(options).await;
    let account = journey.account().await;
    let id = journey.request(account, &["example.com"]).await;
    journey.until(id, "success").await;
    let (passes, billed) = journey.stack.worker.billed();
    assert!(billed < delay, "{passes} passes, {billed:?} billed");
    journey.ends_well(id).await;
}
