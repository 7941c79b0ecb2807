//! Faults of KMS and of the table that holds sealed keys, on the wire.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use certmint_stack::Options;
use certmint_tests::{
    faults::{Call, Fault, Operation},
    journey::{Journey, eventually, options},
};
use serde_json::Value;

fn envelope() -> Options {
    let mut options = options();
    options.env.push(("CERTMINT_KEY_VAULT".into(), "envelope".into()));
    options
}

/// The encryption context names the secret; everything else is base64.
fn of_certificate_key(call: &Call) -> bool {
    String::from_utf8_lossy(&call.body).contains("certificate-key/")
}

fn seals_certificate_key(call: &Call) -> bool {
    call.operation == Operation::GenerateDataKey && of_certificate_key(call)
}

fn opens_certificate_key(call: &Call) -> bool {
    call.operation == Operation::Decrypt && of_certificate_key(call)
}

async fn sealed_keys(journey: &Journey) -> usize {
    let items = journey.items().await;
    let key = r#"pk": S("KEY#certificate-key/"#;
    items.iter().filter(|item| item.contains(key)).count()
}

#[tokio::test]
async fn throttled_by_kms_nothing_is_finalized() {
    let (journey, rules) = Journey::with_faults(envelope()).await;
    let account = journey.account().await;
    let throttled = Fault::json(400, "ThrottlingException");
    let refused = rules.add_matching(seals_certificate_key, 0, usize::MAX, throttled);
    let id = journey.request(account, &["example.com"]).await;
    journey.work().await.unwrap();
    let waiting = journey.look(id).await;
    assert_eq!(waiting["status"], "running", "{waiting}");
    assert!(refused.count() > 0 && rules.seen(Operation::Finalize).is_empty());
    rules.clear();
    journey.ends_well(id).await;
}

#[tokio::test]
async fn denied_by_kms_says_what_to_allow() {
    let (journey, rules) = Journey::with_faults(envelope()).await;
    let account = journey.account().await;
    let denied = Fault::json(400, "AccessDeniedException");
    rules.add_matching(seals_certificate_key, 0, usize::MAX, denied);
    let id = journey.request(account, &["example.com"]).await;
    let waiting = eventually("it says what is missing", || async {
        let request = journey.look(id).await;
        request["last_error"].is_string().then_some(request)
    })
    .await;
    let error = waiting["last_error"].as_str().unwrap();
    assert!(
        error.contains("access denied to kms:GenerateDataKey") && error.contains("KMS key policy"),
        "{error}"
    );
    assert!(rules.seen(Operation::Finalize).is_empty());
    assert_eq!(waiting["status"], "running", "{waiting}");
    rules.clear();
    journey.ends_well(id).await;
}

#[tokio::test]
async fn a_sealed_key_that_does_not_open_is_not_replaced() {
    let (journey, rules) = Journey::with_faults(envelope()).await;
    let account = journey.account().await;
    let wrong = Fault::json(400, "InvalidCiphertextException");
    rules.add_matching(opens_certificate_key, 0, usize::MAX, wrong);
    let id = journey.request(account, &["example.com"]).await;
    let failed = journey.until(id, "failed").await;
    let error = failed["last_error"].as_str().unwrap();
    assert!(error.contains("CERTMINT_KMS_KEY"), "{error}");
    assert!(rules.seen(Operation::Finalize).is_empty());
    assert_eq!(sealed_keys(&journey).await, 1);
    journey.until_clean().await;
    journey.end().await;
}

#[tokio::test]
async fn a_sealed_key_whose_answer_was_lost_is_the_key_that_is_used() {
    let (journey, rules) = Journey::with_faults(envelope()).await;
    let account = journey.account().await;
    let stores = |call: &Call| call.operation == Operation::PutItem && of_certificate_key(call);
    let lost = rules.add_matching(stores, 0, 1, Fault::LoseAnswer);
    let id = journey.request(account, &["example.com"]).await;
    let done = journey.until(id, "success").await;
    assert_eq!((lost.count(), done["last_error"].clone()), (1, Value::Null));
    assert_eq!(sealed_keys(&journey).await, 1);
    journey.ends_well(id).await;
}
