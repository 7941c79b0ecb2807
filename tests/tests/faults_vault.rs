//! Secrets Manager's faults, on the wire between the real functions and the emulator.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use certmint_tests::{
    faults::{Call, Fault, Operation},
    journey::{Journey, eventually, options},
};
use serde_json::json;

fn makes_certificate_key(call: &Call) -> bool {
    call.operation == Operation::CreateSecret
        && String::from_utf8_lossy(&call.body).contains("certificate-key/")
}

#[tokio::test]
async fn without_a_stored_key_nothing_is_finalized() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    let refused = rules.add_matching(
        makes_certificate_key,
        0,
        usize::MAX,
        Fault::json(400, "ThrottlingException"),
    );
    let id = journey.request(account, &["example.com"]).await;
    journey.work().await.unwrap();
    let waiting = journey.look(id).await;
    assert_eq!(waiting["status"], "running", "{waiting}");
    assert!(refused.count() > 0 && rules.seen(Operation::Finalize).is_empty());
    rules.clear();
    journey.ends_well(id).await;
}

#[tokio::test]
async fn access_denied_says_what_to_allow() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    rules.add_matching(
        makes_certificate_key,
        0,
        usize::MAX,
        Fault::json(400, "AccessDeniedException"),
    );
    let id = journey.request(account, &["example.com"]).await;
    let waiting = eventually("it says what is missing", || async {
        let request = journey.look(id).await;
        request["last_error"].is_string().then_some(request)
    })
    .await;
    let error = waiting["last_error"].as_str().unwrap();
    assert!(
        error.contains("access denied to CreateSecret") && error.contains("role"),
        "{error}"
    );
    assert_eq!(waiting["status"], "running", "{waiting}");
    assert!(rules.seen(Operation::Finalize).is_empty());
    rules.clear();
    journey.ends_well(id).await;
}

#[tokio::test]
async fn a_key_whose_answer_was_lost_is_the_key_that_is_used() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    let lost = rules.add_matching(makes_certificate_key, 0, 1, Fault::LoseAnswer);
    let id = journey.request(account, &["example.com"]).await;
    journey.until(id, "success").await;
    assert_eq!(lost.count(), 1);
    let names = journey.stack.aws.secrets.values().await;
    let keys = names
        .iter()
        .filter(|(name, _)| name.contains("certificate-key/"))
        .count();
    assert_eq!(keys, 1);
    journey.ends_well(id).await;
}

#[tokio::test]
async fn a_key_that_waits_for_deletion_can_be_restored() {
    let journey = Journey::start(options()).await;
    let account = journey.account().await;
    let first = journey.request(account, &["example.com"]).await;
    journey.until(first, "success").await;
    // The pass that did it knows the account's key; the next one asks the vault.
    journey.work().await.unwrap();
    let key = format!("certmint/account-key/{account}");
    journey
        .stack
        .aws
        .secrets
        .operate(
            "DeleteSecret",
            &json!({"SecretId": key, "RecoveryWindowInDays": 7}),
        )
        .await;
    let second = journey.request(account, &["example.net"]).await;
    let failed = journey.until(second, "failed").await;
    let error = failed["last_error"].as_str().unwrap();
    assert!(
        error.contains("scheduled for deletion") && error.contains("RestoreSecret"),
        "{error}"
    );
    journey
        .stack
        .aws
        .secrets
        .operate("RestoreSecret", &json!({ "SecretId": key }))
        .await;
    let retried = journey
        .client
        .post("/acme/certificate/retry", &json!({ "id": second }).to_string())
        .await;
    assert_eq!(retried.status, 200, "{}", retried.text);
    journey.until(second, "success").await;
    journey.until_clean().await;
    journey.end().await;
}
