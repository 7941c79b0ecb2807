//! External account bindings over HTTP, through the real functions and a Pebble that asks for them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use certmint_tests::journey::{Journey, eventually, options};
use serde_json::{Value, json};

async fn shown(journey: &Journey, account: u64) -> Value {
    journey
        .client
        .get(&format!("/acme/accounts/{account}"))
        .await
        .data()
}

#[tokio::test]
async fn a_refused_binding_is_explained_and_replaced() {
    let journey = Journey::start(options()).await;
    let client = &journey.client;
    let wrong = json!({"providerName": "google", "email": "ops@example.com", "eabKid": "your_eab_kid_here",
        "eabHmacKey": "bm90IHRoZSByaWdodCBrZXk", "eabExpiresAt": "2099-01-01T00:00:00Z"});
    let account = client.post("/acme/account/create", &wrong.to_string()).await.id();
    let unused = shown(&journey, account).await;
    assert_eq!(
        (&unused["eabStatus"], &unused["eabExpiresAt"]),
        (&json!("unused"), &json!("2099-01-01T00:00:00Z"))
    );
    let id = journey.request(account, &["example.com"]).await;
    journey.until(id, "failed").await;
    let failed = shown(&journey, account).await;
    assert_eq!(
        (&failed["status"], &failed["eabStatus"]),
        (&json!("failed"), &json!("rejected"))
    );
    let why = failed["lastError"].as_str().unwrap();
    assert!(
        why.contains("do not belong together") && why.contains("POST /acme/accounts/eab"),
        "{why}"
    );
    let first = hmac_keys(&journey).await;
    assert_eq!(first.len(), 1);

    let right = json!({"id": account, "eabKid": "your_eab_kid_here", "eabHmacKey": "your_eab_hmac_key_here"});
    let bound = client.post("/acme/accounts/eab", &right.to_string()).await.data();
    assert_eq!(
        (
            &bound["status"],
            &bound["eabStatus"],
            &bound["lastError"],
            &bound["eabExpiresAt"]
        ),
        (&json!("pending"), &json!("unused"), &Value::Null, &Value::Null)
    );
    eventually("the first HMAC key is deleted", || async {
        let now = hmac_keys(&journey).await;
        (now.len() == 1 && now != first).then_some(())
    })
    .await;
    let retried = client
        .post("/acme/certificate/retry", &json!({"id": id}).to_string())
        .await;
    assert_eq!(retried.status, 200);
    journey.until(id, "success").await;
    let used = shown(&journey, account).await;
    assert_eq!(
        (&used["status"], &used["eabStatus"]),
        (&json!("active"), &json!("used"))
    );
    let late = client.post("/acme/accounts/eab", &right.to_string()).await;
    late.refused(409, 3003, "registered");

    // Its key is changed like any other's; no binding is asked for.
    let body = json!({"id": account}).to_string();
    assert_eq!(client.post("/acme/accounts/rollover", &body).await.status, 200);
    eventually("it has another key", || async {
        (shown(&journey, account).await["keyVersion"] == 2).then_some(())
    })
    .await;
    let unknown = json!({"providerName": "google", "email": "dev@example.com", "eabKid": "nobody",
        "eabHmacKey": "your_eab_hmac_key_here"});
    let other = client
        .post("/acme/account/create", &unknown.to_string())
        .await
        .id();
    let id = journey.request(other, &["b.example.com"]).await;
    journey.until(id, "failed").await;
    let why = shown(&journey, other).await["lastError"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(why.contains("does not know this eabKid"), "{why}");
    journey.until_clean().await;
    journey.end().await;
}

/// The names of the HMAC keys in the vault.
async fn hmac_keys(journey: &Journey) -> Vec<String> {
    let all = journey.stack.aws.secrets.values().await;
    let names = all.into_iter().map(|(name, _)| name);
    names.filter(|n| n.contains("account-eab/")).collect()
}
