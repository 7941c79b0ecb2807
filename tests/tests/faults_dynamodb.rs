//! DynamoDB's faults, on the wire between the real functions and the emulator.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};

use certmint_tests::{
    faults::{Call, Fault, Operation},
    journey::{Journey, options},
};
use serde_json::json;

const CALLS: [Operation; 5] = [
    Operation::GetItem,
    Operation::Query,
    Operation::PutItem,
    Operation::UpdateItem,
    Operation::TransactWriteItems,
];

#[tokio::test]
async fn throttling_is_waited_out_and_counts_no_attempt() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    let mut met = Vec::new();
    for (operation, code) in CALLS.into_iter().flat_map(|o| {
        [
            (o, "ThrottlingException"),
            (o, "ProvisionedThroughputExceededException"),
            (o, "InternalServerError"),
        ]
    }) {
        let status = if code == "InternalServerError" { 500 } else { 400 };
        met.push(rules.add(operation, 1, 1, Fault::json(status, code)));
    }
    let id = journey.request(account, &["example.com"]).await;
    let request = journey.until(id, "success").await;
    assert_eq!(
        (&request["attempts"], &request["last_error"]),
        (&json!(1), &json!(null))
    );
    let met = met.iter().filter(|hits| hits.count() > 0).count();
    assert!(met >= 10, "only {met} of 15 faults were met");
    journey.ends_well(id).await;
}

#[tokio::test]
async fn lost_answers_are_recognised_as_our_own_writes() {
    // Every write of the whole journey loses its first answer; the SDK sends it again.
    for operation in [
        Operation::PutItem,
        Operation::UpdateItem,
        Operation::TransactWriteItems,
    ] {
        let (journey, rules) = Journey::with_faults(options()).await;
        let account = journey.account().await;
        let calls = AtomicUsize::new(0);
        let every_other = move |call: &Call| {
            call.operation == operation && calls.fetch_add(1, Ordering::SeqCst).is_multiple_of(2)
        };
        let lost = rules.add_matching(every_other, 0, usize::MAX, Fault::LoseAnswer);
        let id = journey.request(account, &["example.com", "*.example.com"]).await;
        let request = journey.until(id, "success").await;
        assert_eq!(request["attempts"], 1);
        assert!(lost.count() > 1, "{operation:?}");
        rules.clear();
        journey.ends_well(id).await;
    }
}

#[tokio::test]
async fn a_transaction_that_collides_is_tried_again() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"injected","CancellationReasons":[{"Code":"TransactionConflict","Message":"injected"},{"Code":"None"}]}"#;
    let collision = Fault::answer(400, &[("content-type", "application/x-amz-json-1.0")], body);
    let hits = rules.add(Operation::TransactWriteItems, 0, 6, collision);
    let id = journey.request(account, &["example.com"]).await;
    let request = journey.until(id, "success").await;
    assert_eq!((&request["attempts"], hits.count()), (&json!(1), 6));
    journey.ends_well(id).await;
}

#[tokio::test]
async fn an_item_that_cannot_be_read_stops_nobody() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    // No kick: the bad item must be there before the worker looks.
    rules.add(
        Operation::PutEvents,
        0,
        usize::MAX,
        Fault::json(400, "ResourceNotFoundException"),
    );
    let broken = journey.request(account, &["broken.example.com"]).await;
    journey.spoil_request(broken).await;
    let id = journey.request(account, &["example.com"]).await;
    journey.work().await.unwrap();
    journey.until(id, "success").await;
    let alarm = journey
        .stack
        .logs
        .all()
        .iter()
        .any(|l| l.contains(r#""alarm":"quarantine""#));
    assert!(alarm, "the log filter finds an alarm");
    let list = journey.client.get("/acme/certificate/requests").await.data();
    assert_eq!(
        list["list"].as_array().unwrap().len(),
        1,
        "the list goes on without it: {list}"
    );
    let claimed = journey.work().await.unwrap()["claimed"].clone();
    assert_eq!(claimed, 0, "it is not taken up again");
    journey.until_clean().await;
    journey.end().await;
}

#[tokio::test]
async fn a_txt_item_that_cannot_be_read_does_not_stop_the_cleanup() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    journey.spoil_cleanup().await;
    // The worker's own removal is refused: the value is left to dns-cleanup.
    let refused = Fault::route53(400, "Throttling");
    rules.add(Operation::ChangeResourceRecordSets, 1, 20, refused);
    let id = journey.request(account, &["example.com"]).await;
    journey.until(id, "success").await;
    journey.work().await;
    assert!(!journey.txt_values().is_empty(), "there is something to clean up");
    rules.clear();
    let report = journey.clean().await;
    assert_eq!(report["cleaned"], 1, "{report}");
    journey.until_clean().await;
    journey.end().await;
}
