//! What operators do, over HTTP, through the real functions and Pebble.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{process::Command, time::Duration};

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

#[tokio::test]
async fn a_request_cancelled_while_route53_is_slow_leaves_a_clean_zone_and_can_be_deleted() {
    let mut options = options();
    options.sync_delay = Duration::from_secs(3600);
    let journey = Journey::start(options).await;
    let client = &journey.client;
    let account = journey.account().await;
    let id = journey.request(account, &["example.com"]).await;
    eventually("the change is pending", || async {
        let request = journey.look(id).await;
        (request["phase"] == "published" && !journey.txt_values().is_empty()).then_some(())
    })
    .await;
    let path = |call: &str| format!("/acme/certificate/requests/{id}/{call}");
    client
        .post(&path("delete"), "")
        .await
        .refused(409, 3003, "running");
    let cancelled = client.post(&path("cancel"), "").await.data();
    assert_eq!(cancelled["status"], "failed");
    assert_eq!(
        cancelled["last_error"],
        "Failed to request certificate: cancelled by a client"
    );
    assert_eq!(cancelled["last_problem"]["detail"], "cancelled by a client");
    client
        .post(&path("cancel"), "")
        .await
        .refused(409, 3003, "failed");
    eventually("no value stands", || async {
        journey.work().await;
        journey.clean().await;
        journey.txt_values().is_empty().then_some(())
    })
    .await;
    journey.until_clean().await;
    let after = journey.look(id).await;
    assert_eq!(
        (&after["status"], &after["attempts"]),
        (&json!("failed"), &json!(1))
    );
    let certificates = client.get("/certificates?kind=certificate").await.data();
    assert_eq!(certificates["total"], 0);
    eventually("it can be deleted", || async {
        let answer = client.post(&path("delete"), "").await;
        if answer.status != 200 {
            answer.refused(409, 3003, "TXT values");
            journey.work().await;
            return None;
        }
        Some(())
    })
    .await;
    client
        .get(&format!("/acme/certificate/requests/{id}"))
        .await
        .refused(404, 3001, "does not exist");
    let summary = client.get("/acme/requests/summary").await.data();
    assert_eq!(summary["total"], 0);
    journey.end().await;
}

#[tokio::test]
async fn what_is_finished_cannot_be_cancelled_and_a_cancelled_one_can_be_retried() {
    let mut options = options();
    options.sync_delay = Duration::from_secs(2);
    let journey = Journey::start(options).await;
    let account = journey.account().await;
    let id = journey.request(account, &["example.com"]).await;
    let cancel = format!("/acme/certificate/requests/{id}/cancel");
    assert_eq!(journey.client.post(&cancel, "").await.data()["status"], "failed");
    let body = json!({"id": id}).to_string();
    assert_eq!(
        journey.client.post("/acme/certificate/retry", &body).await.status,
        200
    );
    journey.until(id, "success").await;
    journey
        .client
        .post(&cancel, "")
        .await
        .refused(409, 3003, "success");
    journey
        .client
        .post("/acme/certificate/requests/99/cancel", "")
        .await
        .refused(404, 3001, "request 99");
    journey.ends_well(id).await;
}

#[tokio::test]
async fn a_certificate_is_revoked_deleted_restored_and_in_time_removed_with_its_key() {
    let journey = Journey::start(options()).await;
    let client = &journey.client;
    let account = journey.account().await;
    let id = journey.request(account, &["example.com", "*.example.com"]).await;
    let certificate = journey.until(id, "success").await["result_certificate_id"].clone();
    let path = |call: &str| format!("/certificate/{certificate}/{call}");
    let look = || async { client.get(&format!("/certificates/{certificate}")).await.data() };
    assert_eq!(
        client.get("/certificates?name=example.com").await.data()["total"],
        1
    );
    let moved = json!({"id": account, "email": "new@example.com"}).to_string();
    assert_eq!(
        client.post("/acme/accounts/contact", &moved).await.data()["email"],
        "new@example.com"
    );
    eventually("the CA knows the new address", || async {
        let logs = journey.stack.logs.all();
        let done = |l: &String| l.contains("chore done") && l.contains("contact-1");
        logs.iter().any(done).then_some(())
    })
    .await;
    let shown = client.get(&format!("/acme/accounts/{account}")).await.data();
    assert_eq!(
        (&shown["status"], &shown["lastError"]),
        (&json!("active"), &Value::Null)
    );
    let reason = r#"{"reason":"keyCompromise"}"#;
    assert_eq!(
        client.post(&path("revoke"), reason).await.data()["revocationReason"],
        "keyCompromise"
    );
    let revoked = eventually("the CA has revoked it", || async {
        let seen = look().await;
        (seen["status"] == "revoked").then_some(seen)
    })
    .await;
    assert_eq!(
        (&revoked["revoking"], &revoked["lastError"]),
        (&json!(false), &Value::Null)
    );
    let management = journey.stack.ports.acme_management;
    let serial = revoked["serial"].as_str().unwrap();
    let seen = Command::new("curl")
        .args([
            "-sk",
            &format!("https://localhost:{management}/cert-status-by-serial/{serial}"),
        ])
        .output()
        .unwrap();
    let seen: Value = serde_json::from_slice(&seen.stdout).unwrap();
    assert_eq!(
        (&seen["Status"], &seen["Reason"]),
        (&json!("Revoked"), &json!(1)),
        "{seen}"
    );
    // Again is success, and nothing is asked again.
    assert_eq!(
        client.post(&path("revoke"), reason).await.data()["status"],
        "revoked"
    );

    let account_is_needed = client
        .post("/acme/accounts/delete", &json!({"id": account}).to_string())
        .await;
    account_is_needed.refused(409, 3003, "1 certificates");
    assert_eq!(client.post(&path("delete"), "").await.data()["status"], "deleted");
    assert_eq!(
        client.get("/certificates?kind=certificate").await.data()["total"],
        0
    );
    assert_eq!(
        client.post(&path("restore"), "").await.data()["status"],
        "revoked"
    );
    assert_eq!(client.post(&path("delete"), "").await.data()["status"], "deleted");
    journey.until_clean().await;
    let key = format!("certificate-key/{id}-order0");
    journey.work().await;
    assert!(
        secrets(&journey).await.iter().any(|n| n.ends_with(&key)),
        "its key is kept"
    );
    journey.later(Duration::from_secs(31 * 24 * 3600)).await;
    // The first run after a restart may meet the instance that is going.
    let removed = eventually("it is removed", || async {
        journey.work().await;
        let answer = client.get(&format!("/certificates/{certificate}")).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    removed.refused(404, 3001, "does not exist");
    eventually("its key is gone", || async {
        journey.work().await;
        let names = secrets(&journey).await;
        (!names.iter().any(|n| n.ends_with(&key))).then_some(())
    })
    .await;
    assert_eq!(
        client.get("/certificates?status=deleted").await.data()["total"],
        0
    );
    assert_eq!(
        client.get("/certificates?name=example.com").await.data()["total"],
        0
    );
    journey.end().await;
}
