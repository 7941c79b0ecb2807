//! Account keys over HTTP, through the real functions and Pebble.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use certmint_core::{
    account::KeyVersion,
    provider::Providers,
    words::{AccountId, NameSet},
};
use certmint_shared::{
    acme::{AcmeAccounts, AcmeCa, AcmeOrders, CaAccount, OrderTerms},
    clock::SystemClock,
};
use certmint_tests::{
    faults::{Call, Fault, Operation},
    journey::{Journey, eventually, options},
};
use secrecy::SecretString;
use serde_json::{Value, json};

const HOUR: Duration = Duration::from_secs(3600);

async fn shown(journey: &Journey, account: u64) -> Value {
    journey
        .client
        .get(&format!("/acme/accounts/{account}"))
        .await
        .data()
}

async fn roll(journey: &Journey, account: u64) -> Value {
    let body = json!({"id": account}).to_string();
    journey.client.post("/acme/accounts/rollover", &body).await.data()
}

/// Waits until the account's rollover is over.
async fn until_over(journey: &Journey, account: u64) -> Value {
    eventually("the rollover is over", || async {
        let account = shown(journey, account).await;
        (account["keyRollover"]["status"] != "pending").then_some(account)
    })
    .await
}

/// A secret of the vault, if it is there.
async fn secret(journey: &Journey, name: &str) -> Option<SecretString> {
    let name = format!("certmint/{name}");
    let all = journey.stack.aws.secrets.values().await;
    all.into_iter().find(|(n, _)| *n == name).map(|(_, v)| v.into())
}

async fn is_gone(journey: &Journey, name: &str) {
    eventually(&format!("{name} is deleted"), || async {
        secret(journey, name).await.is_none().then_some(())
    })
    .await;
}

async fn issue(journey: &Journey, account: u64, name: &str) {
    let id = journey.request(account, &[name]).await;
    journey.until(id, "success").await;
}

#[tokio::test]
async fn a_new_key_serves_and_the_old_one_is_of_no_use() {
    let journey = Journey::start(options()).await;
    let account = journey.account().await;
    let body = json!({"id": account}).to_string();
    let refused = journey.client.post("/acme/accounts/rollover", &body).await;
    refused.refused(409, 3003, "pending");
    issue(&journey, account, "example.com").await;
    let before = shown(&journey, account).await;
    assert_eq!(
        (
            &before["keyVersion"],
            &before["keyChangedAt"],
            &before["keyRollover"]
        ),
        (&json!(1), &Value::Null, &Value::Null)
    );

    // Another worker with a session of its own.
    let ca = AcmeCa::new(
        &Providers::default(),
        Some(journey.stack.acme_tls[0].clone()),
        Arc::new(SystemClock),
    )
    .unwrap();
    let directory_url = format!("https://localhost:{}/dir", journey.stack.ports.acme);
    let signer = |key: SecretString, version| CaAccount {
        id: AccountId::new(account),
        directory_url: directory_url.clone(),
        registration_uri: before["registrationUri"].as_str().unwrap().to_owned(),
        key,
        key_version: KeyVersion::new(version).unwrap(),
        preferred_chain: None,
    };
    let names = NameSet::parse(&["other.example.com"]).unwrap();
    let terms = OrderTerms {
        names: &names,
        profile: None,
        replaces: None,
    };
    let old = secret(&journey, "account-key/1").await.unwrap();
    ca.new_order(&signer(old.clone(), 1), &terms).await.unwrap();

    let asked = roll(&journey, account).await;
    assert_eq!(asked["keyRollover"]["status"], "pending");
    assert_eq!(asked["keyRollover"]["lastError"], Value::Null);
    let done = until_over(&journey, account).await;
    assert_eq!(
        (
            &done["keyVersion"],
            &done["keyRollover"]["status"],
            &done["status"]
        ),
        (&json!(2), &json!("done"), &json!("active"))
    );
    assert_eq!(done["registrationUri"], before["registrationUri"]);
    assert!(journey.seconds_until(&done["keyChangedAt"]) > -60);
    is_gone(&journey, "account-key/1").await;

    let new = secret(&journey, "account-key/1-v2").await.unwrap();
    let uri = before["registrationUri"].as_str();
    assert_eq!(ca.find_account(&directory_url, &old).await.unwrap(), None);
    assert_eq!(
        ca.find_account(&directory_url, &new).await.unwrap().as_deref(),
        uri
    );
    let refusal = ca.new_order(&signer(old, 1), &terms).await.unwrap_err();
    assert!(refusal.may_mean_the_key(), "{refusal:?}");
    // Its session was made with the old key, ten minutes have not passed.
    ca.new_order(&signer(new, 2), &terms).await.unwrap();

    issue(&journey, account, "www.example.com").await;
    roll(&journey, account).await;
    assert_eq!(until_over(&journey, account).await["keyVersion"], 3);
    is_gone(&journey, "account-key/1-v2").await;
    issue(&journey, account, "a.example.com").await;
    journey.until_clean().await;
    journey.end().await;
}

#[tokio::test]
async fn a_request_on_its_way_goes_on_with_the_new_key() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    let lagging = Fault::Rewrite(Arc::new(|body| {
        String::from_utf8_lossy(body)
            .replace("INSYNC", "PENDING")
            .into_bytes()
    }));
    rules.add(Operation::GetChange, 0, usize::MAX, lagging);
    let id = journey.request(account, &["example.com"]).await;
    eventually("the change is pending", || async {
        (journey.look(id).await["phase"] == "published").then_some(())
    })
    .await;
    roll(&journey, account).await;
    assert_eq!(until_over(&journey, account).await["keyVersion"], 2);
    assert_eq!(journey.look(id).await["status"], "running");
    rules.clear();
    journey.work().await;
    journey.later(Duration::from_secs(60)).await;
    journey.work().await;
    journey.ends_well(id).await;
}

#[tokio::test]
async fn a_call_that_meets_the_change_is_made_again() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    issue(&journey, account, "example.com").await;
    // The CA has the new key, and nobody knows.
    rules.add(Operation::KeyChange, 0, 1, Fault::LoseAnswer);
    roll(&journey, account).await;
    eventually("the answer is lost", || async {
        (shown(&journey, account).await["keyRollover"]["lastError"] != Value::Null).then_some(())
    })
    .await;
    let id = journey.request(account, &["www.example.com"]).await;
    eventually("the old key is refused", || async {
        let request = journey.look(id).await;
        let error = request["reason"].as_str().unwrap_or_default().to_owned();
        error.contains("JWS verification error").then_some(())
    })
    .await;
    let now = shown(&journey, account).await;
    assert_eq!(
        (&now["status"], &now["lastError"]),
        (&json!("active"), &Value::Null)
    );
    let request = journey.in_time(id).await;
    assert_eq!(request["status"], "success", "{request}");
    assert_eq!(shown(&journey, account).await["keyVersion"], 2);
    assert_eq!(rules.seen(Operation::KeyChange).len(), 1, "it was not sent twice");
    journey.until_clean().await;
    journey.end().await;
}

#[tokio::test]
async fn a_ca_that_refuses_leaves_the_key_and_the_new_one_goes() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    issue(&journey, account, "example.com").await;
    rules.add(
        Operation::KeyChange,
        0,
        1,
        Fault::problem(403, "unauthorized", &[]),
    );
    roll(&journey, account).await;
    let failed = until_over(&journey, account).await;
    assert_eq!(
        (
            &failed["keyVersion"],
            &failed["keyRollover"]["status"],
            &failed["status"]
        ),
        (&json!(1), &json!("failed"), &json!("active"))
    );
    let why = failed["keyRollover"]["lastError"].as_str().unwrap();
    assert!(why.contains("injected unauthorized"), "{why}");
    issue(&journey, account, "www.example.com").await;
    assert!(
        secret(&journey, "account-key/1-v2").await.is_some(),
        "a worker may still be at it"
    );
    journey.work().await;
    journey.later(7 * HOUR).await;
    journey.work().await;
    is_gone(&journey, "account-key/1-v2").await;
    assert!(secret(&journey, "account-key/1").await.is_some());

    // One that has no such call says so; then it has.
    let without = Fault::Rewrite(Arc::new(|body| {
        String::from_utf8_lossy(body)
            .replace("keyChange", "somethingElse")
            .into_bytes()
    }));
    rules.add(Operation::Directory, 0, 1, without);
    journey.later(HOUR).await;
    roll(&journey, account).await;
    let why = until_over(&journey, account).await["keyRollover"]["lastError"].clone();
    assert!(why.as_str().unwrap().contains("no keyChange"), "{why}");
    journey.work().await;
    journey.later(HOUR).await;
    roll(&journey, account).await;
    assert_eq!(until_over(&journey, account).await["keyVersion"], 4);
    journey.until_clean().await;
    journey.end().await;
}

fn has(call: &Call, text: &str) -> bool {
    String::from_utf8_lossy(&call.body).contains(text)
}

fn writes(call: &Call, text: &str) -> bool {
    let is_write = matches!(call.operation, Operation::TransactWriteItems | Operation::PutItem);
    is_write && has(call, text)
}

/// A name, and the call that it stands for.
type Point = (&'static str, fn(&Call) -> bool);

/// The worker's process dies before and after the calls and writes of a rollover.
#[tokio::test]
async fn killed_while_it_changes_a_key_the_next_worker_finishes() {
    let points: [Point; 5] = [
        ("the key", |c| {
            c.operation == Operation::CreateSecret && has(c, "account-key/1-v2")
        }),
        ("the question", |c| c.operation == Operation::NewAccount),
        ("keyChange", |c| c.operation == Operation::KeyChange),
        ("the account", |c| writes(c, "old-key-1-1")),
        ("the end", |c| {
            c.operation == Operation::DeleteItem && has(c, "CHORE#rollover-1-2")
        }),
    ];
    for (name, matches) in points {
        for after in [false, true] {
            let (journey, rules) = Journey::with_faults(options()).await;
            let account = journey.account().await;
            issue(&journey, account, "example.com").await;
            let worker = journey.stack.worker.clone();
            let kill = Arc::new(move || worker.kill());
            let fault = if after {
                Fault::After(kill)
            } else {
                Fault::Before(kill)
            };
            let hits = rules.add_matching(matches, 0, 1, fault);
            roll(&journey, account).await;
            eventually("it dies", || async { (hits.count() == 1).then_some(()) }).await;
            journey.work().await;
            journey.later(HOUR).await;
            journey.work().await;
            journey.work().await;
            let done = until_over(&journey, account).await;
            assert_eq!(done["keyVersion"], 2, "killed at {name}, after: {after}: {done}");
            is_gone(&journey, "account-key/1").await;
            let changes = rules.seen(Operation::KeyChange).len();
            let sent = if name == "keyChange" && !after { 2 } else { 1 };
            assert_eq!(changes, sent, "killed at {name}, after: {after}");
            issue(&journey, account, "www.example.com").await;
            journey.until_clean().await;
            journey.end().await;
        }
    }
}

#[tokio::test]
async fn a_key_in_the_table_is_changed_too() {
    let mut options = options();
    options.env.push(("CERTMINT_KEY_VAULT".into(), "envelope".into()));
    let journey = Journey::start(options).await;
    let account = journey.account().await;
    issue(&journey, account, "example.com").await;
    roll(&journey, account).await;
    assert_eq!(until_over(&journey, account).await["keyVersion"], 2);
    issue(&journey, account, "www.example.com").await;
    eventually("the old one waits for its end", || async {
        let items = journey.items().await;
        let old = items
            .iter()
            .find(|i| i.contains("\"KEY#account-key/1\""))
            .unwrap()
            .clone();
        let new = items
            .iter()
            .find(|i| i.contains("\"KEY#account-key/1-v2\""))
            .unwrap()
            .clone();
        (old.contains("deleted_at") && !new.contains("deleted_at")).then_some(())
    })
    .await;
    journey.until_clean().await;
    journey.end().await;
}
