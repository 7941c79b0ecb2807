//! Accounts that their CA, or their vault, does not have any more.

use certmint_tests::{
    faults::{Fault, Operation},
    journey::{Journey, options},
};
use serde_json::{Value, json};

use super::{GOOGLE, account, follow, post};

async fn issue(journey: &Journey, account: u64, name: &str) -> Value {
    let id = journey.request(account, &[name]).await;
    journey.until(id, "success").await
}

/// The account signs with the key that it had.
async fn has_key(journey: &Journey, id: u64, version: u64) {
    let shown = account(journey, id).await;
    assert_eq!(
        (&shown["status"], &shown["keyVersion"], &shown["lastError"]),
        (&json!("active"), &json!(version), &Value::Null),
        "{shown}"
    );
}

/// The case as it came, step by step.
#[tokio::test]
async fn case_05_an_account_that_the_ca_lost() {
    let steps = include_str!("../../cases/05-account-lost-at-ca/steps.txt");
    assert_eq!(steps.trim().lines().count(), 6);
    let mut journey = Journey::start(options()).await;
    let body = r#"{"providerName":"letsencrypt","email":"ops@example.com"}"#;
    assert_eq!(journey.account().await, 1);
    issue(&journey, 1, "example.com").await;
    journey.stack.forget_cas().await.unwrap();
    // 3: the next request registers the account anew with its key, and goes on.
    let id = journey.request(1, &["c1.example.com"]).await;
    let request = journey.until(id, "success").await;
    assert_eq!(request["attempts"], 1, "{request}");
    has_key(&journey, 1, 1).await;
    // 4
    post(&journey, "/acme/accounts/enable", &json!({"id": 1})).await;
    issue(&journey, 1, "c2.example.com").await;
    // 5
    let again = journey.client.post("/acme/account/create", body).await;
    again.refused(409, 3002, "/acme/accounts/enable");
    // 6
    let needed = journey.client.post("/acme/accounts/delete", r#"{"id":1}"#).await;
    needed.refused(409, 3003, "3 certificates");
    journey.end().await;
}

/// An order was on its way when the CA lost it all.
#[tokio::test]
async fn an_order_that_the_ca_lost_with_its_account() {
    let (mut journey, rules) = Journey::with_faults(options()).await;
    let of = journey.account().await;
    rules.add(
        Operation::GetChange,
        0,
        usize::MAX,
        Fault::route53(400, "Throttling"),
    );
    let id = journey.request(of, &["example.com"]).await;
    certmint_tests::journey::eventually("it is published", || async {
        (journey.look(id).await["phase"] == "published").then_some(())
    })
    .await;
    journey.work().await;
    journey.stack.forget_cas().await.unwrap();
    rules.clear();
    let request = journey.in_time(id).await;
    assert_eq!(request["status"], "success", "{request}");
    has_key(&journey, of, 1).await;
    journey.ends_well(id).await;
}

/// A CA that wants bindings takes the one that it had, or another.
#[tokio::test]
async fn an_account_with_a_binding_that_the_ca_lost() {
    let mut journey = Journey::start(options()).await;
    let of = journey.client.post("/acme/account/create", GOOGLE).await.id();
    issue(&journey, of, "example.com").await;
    journey.stack.forget_cas().await.unwrap();
    issue(&journey, of, "c1.example.com").await;
    has_key(&journey, of, 1).await;
    journey.end().await;
}

/// The CA says so of the account even after it registered it: it is believed, and enable leads out when it is well.
#[tokio::test]
async fn a_ca_that_contradicts_itself() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let of = journey.account().await;
    let unknown = Fault::problem(400, "accountDoesNotExist", &[]);
    let refused = rules.add(Operation::NewOrder, 0, usize::MAX, unknown);
    let id = journey.request(of, &["example.com"]).await;
    let failed = journey.until(id, "failed").await;
    assert_eq!(refused.count(), 2, "asked once more, no oftener");
    assert_eq!(failed["next_action"], "enable_account", "{failed}");
    assert_eq!(account(&journey, of).await["nextAction"], "enable_account");
    rules.clear();
    let id = follow(&journey, &failed, of).await;
    journey.until(id, "success").await;
    has_key(&journey, of, 1).await;
    journey.end().await;
}

/// RFC 8555 §7.3.6: it does not come back. Enable registers another with a new key under the same id.
#[tokio::test]
async fn an_account_that_was_deactivated_at_the_ca() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let of = journey.account().await;
    issue(&journey, of, "example.com").await;
    let closed = Fault::problem(403, "unauthorized", &[]);
    rules.add(Operation::NewOrder, 0, 1, closed.clone());
    rules.add(Operation::NewAccount, 0, 1, closed);
    let id = journey.request(of, &["c1.example.com"]).await;
    let failed = journey.until(id, "failed").await;
    assert!(
        failed["last_error"]
            .as_str()
            .unwrap()
            .contains("/acme/accounts/enable"),
        "{failed}"
    );
    let held = json!({"accountId": of, "domains": ["c2.example.com"]}).to_string();
    let held = journey.client.post("/acme/certificate/request", &held).await;
    held.refused(409, 3003, "/acme/accounts/enable");
    let id = follow(&journey, &failed, of).await;
    journey.until(id, "success").await;
    has_key(&journey, of, 2).await;
    journey.end().await;
}

async fn operate(journey: &Journey, operation: &str, more: Value) {
    let mut input = json!({"SecretId": "certmint/account-key/1"});
    input
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let answer = journey.stack.aws.secrets.operate(operation, &input).await;
    assert_eq!(answer["__type"], Value::Null, "{answer}");
}

/// Gone, or not in the form that we wrote: nobody gives it another key in silence, and enable does.
#[tokio::test]
async fn an_account_whose_key_the_vault_lost() {
    for (operation, more) in [
        ("DeleteSecret", json!({"ForceDeleteWithoutRecovery": true})),
        ("PutSecretValue", json!({"SecretString": "no key"})),
    ] {
        let journey = Journey::start(options()).await;
        let of = journey.account().await;
        issue(&journey, of, "example.com").await;
        // The worker that issued has read the key.
        journey.work().await;
        operate(&journey, operation, more).await;
        let id = journey.request(of, &["c1.example.com"]).await;
        let failed = journey.until(id, "failed").await;
        assert_eq!(failed["next_action"], "enable_account", "{operation}: {failed}");
        let shown = account(&journey, of).await;
        assert_eq!(
            (&shown["status"], &shown["keyVersion"]),
            (&json!("failed"), &json!(1)),
            "{shown}"
        );
        let id = follow(&journey, &failed, of).await;
        journey.until(id, "success").await;
        has_key(&journey, of, 2).await;
        journey.stack.stop().await;
    }
}

/// The CA will not have the address: another one leads out, of an account that failed too.
#[tokio::test]
async fn an_address_that_the_ca_refuses() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let of = journey.account().await;
    rules.add(
        Operation::NewAccount,
        0,
        1,
        Fault::problem(400, "invalidContact", &[]),
    );
    let id = journey.request(of, &["example.com"]).await;
    let failed = journey.until(id, "failed").await;
    assert_eq!(failed["next_action"], "change_contact", "{failed}");
    let id = follow(&journey, &failed, of).await;
    journey.until(id, "success").await;
    has_key(&journey, of, 1).await;
    journey.end().await;
}

/// The binding is wrong; and the vault lost one that was right.
#[tokio::test]
async fn a_binding_that_is_refused_or_gone() {
    let journey = Journey::start(options()).await;
    let wrong = GOOGLE.replace("your_eab_kid_here", "nobody");
    let of = journey.client.post("/acme/account/create", &wrong).await.id();
    let id = journey.request(of, &["example.com"]).await;
    let failed = journey.until(id, "failed").await;
    assert_eq!(failed["next_action"], "replace_eab", "{failed}");
    assert_eq!(account(&journey, of).await["nextAction"], "replace_eab");
    let id = follow(&journey, &failed, of).await;
    journey.until(id, "success").await;

    let other = GOOGLE.replace("a@example.com", "b@example.com");
    let of = journey.client.post("/acme/account/create", &other).await.id();
    let all = journey.stack.aws.secrets.values().await;
    for (name, _) in all.iter().filter(|(name, _)| name.contains("account-eab/")) {
        let gone = json!({"SecretId": name, "ForceDeleteWithoutRecovery": true});
        journey.stack.aws.secrets.operate("DeleteSecret", &gone).await;
    }
    let id = journey.request(of, &["c1.example.com"]).await;
    let failed = journey.until(id, "failed").await;
    assert_eq!(failed["next_action"], "replace_eab", "{failed}");
    let id = follow(&journey, &failed, of).await;
    journey.until(id, "success").await;
    journey.end().await;
}

/// A rollover was on its way: the CA knows neither key then.
#[tokio::test]
async fn an_account_that_the_ca_lost_in_the_middle_of_a_rollover() {
    let (mut journey, rules) = Journey::with_faults(options()).await;
    let of = journey.account().await;
    issue(&journey, of, "example.com").await;
    rules.add(Operation::KeyChange, 0, usize::MAX, Fault::html(503));
    post(&journey, "/acme/accounts/rollover", &json!({"id": of})).await;
    journey.work().await;
    journey.stack.forget_cas().await.unwrap();
    rules.clear();
    let id = journey.request(of, &["c1.example.com"]).await;
    let request = journey.in_time(id).await;
    assert_eq!(request["status"], "success", "{request}");
    let shown = account(&journey, of).await;
    assert_eq!(shown["status"], "active", "{shown}");
    assert_ne!(shown["keyRollover"]["status"], "pending", "{shown}");
    journey.stack.stop().await;
}
