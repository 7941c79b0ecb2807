//! What operators do, over HTTP, through the real functions and Pebble.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use certmint_tests::journey::{Journey, eventually, options};
use serde_json::{Value, json};

async fn secrets(journey: &Journey) -> Vec<String> {
    let all = journey.stack.aws.secrets.values().await;
    all.into_iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn an_account_is_switched_off_and_on_and_deleted_with_its_secrets() {
    let journey = Journey::start(options()).await;
    let client = &journey.client;
    let bound = r#"{"providerName":"google","email":"a@example.com","eabKid":"your_eab_kid_here","eabHmacKey":"your_eab_hmac_key_here"}"#;
    let account = client.post("/acme/account/create", bound).await.id();
    let off = client
        .post("/acme/accounts/disable", &json!({"id": account}).to_string())
        .await
        .data();
    assert_eq!(off["status"], "disabled");
    let body = json!({"accountId": account, "domains": ["example.com"]}).to_string();
    client
        .post("/acme/certificate/request", &body)
        .await
        .refused(409, 3003, "disabled");
    let on = client
        .post("/acme/accounts/enable", &json!({"id": account}).to_string())
        .await
        .data();
    assert_eq!(on["status"], "pending");

    // A request that fails for good leaves a registered account with two secrets.
    let request = journey.request(account, &["www.nowhere.example"]).await;
    journey.until(request, "failed").await;
    let body = json!({"id": account}).to_string();
    client
        .post("/acme/accounts/delete", &body)
        .await
        .refused(409, 3003, "1 unfinished or failed requests");
    let kept = secrets(&journey).await;
    assert!(kept.iter().any(|n| n.contains("account-eab/")), "{kept:?}");
    assert!(
        kept.iter()
            .any(|n| n.ends_with(&format!("account-key/{account}"))),
        "{kept:?}"
    );
    journey.end().await;
}

#[tokio::test]
async fn a_deleted_account_leaves_no_secret() {
    let journey = Journey::start(options()).await;
    let client = &journey.client;
    let bound = r#"{"providerName":"google","email":"a@example.com","eabKid":"your_eab_kid_here","eabHmacKey":"your_eab_hmac_key_here"}"#;
    let account = client.post("/acme/account/create", bound).await.id();
    let deleted = client
        .post("/acme/accounts/delete", &json!({"id": account}).to_string())
        .await
        .data();
    assert_eq!(deleted["id"], account);
    eventually("the vault has let go of its secrets", || async {
        let names = secrets(&journey).await;
        (!names.iter().any(|n| n.contains("account-"))).then_some(())
    })
    .await;
    client
        .get(&format!("/acme/accounts/{account}"))
        .await
        .refused(404, 3001, "does not exist");
    let again = client.post("/acme/account/create", bound).await.id();
    assert_eq!(again, account + 1);
    let rows: Value = client.get("/acme/accounts").await.data();
    assert_eq!(rows["total"], 1);
    journey.end().await;
}
