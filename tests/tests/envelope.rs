//! The service with its keys in the envelope vault, and a stack that moves there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use base64::{Engine, prelude::BASE64_STANDARD};
use certmint_stack::{KMS_ALIAS, Stack};
use certmint_tests::{
    files::TestCa,
    journey::{Journey, eventually, options},
};
use rcgen::KeyPair;
use serde_json::{Value, json};

async fn issue(journey: &Journey, account: u64, names: &[&str]) -> u64 {
    let id = journey.request(account, names).await;
    let done = journey.until(id, "success").await;
    done["result_certificate_id"].as_u64().unwrap()
}

async fn download(journey: &Journey, id: u64) -> String {
    let path = format!("/certificate/{id}/download");
    let file = journey.client.post(&path, r#"{"format":"pem"}"#).await.data();
    let bytes = BASE64_STANDARD
        .decode(file["contentBase64"].as_str().unwrap())
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

/// The lines of a PEM file's private key stand in no item and no log.
async fn is_nowhere_in_plain(journey: &Journey, pem: &str) {
    let key = &pem[pem.find("-----BEGIN PRIVATE KEY-----").unwrap()..];
    let (items, logs) = (journey.items().await, journey.stack.logs.all());
    for line in key.lines().filter(|l| l.len() > 12 && !l.contains("-----")) {
        assert!(!items.iter().chain(&logs).any(|text| text.contains(line)));
    }
}

async fn secret_names(journey: &Journey) -> Vec<String> {
    let secrets = journey.stack.aws.secrets.values().await;
    secrets.into_iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn the_whole_service_with_keys_in_the_table() {
    let mut options = options();
    options.env.push(("CERTMINT_KEY_VAULT".into(), "envelope".into()));
    let journey = Journey::start(options).await;
    let account = journey.account().await;
    let body = r#"{"providerName":"google","email":"ops@example.com","eabKid":"your_eab_kid_here","eabHmacKey":"your_eab_hmac_key_here"}"#;
    let bound = journey.client.post("/acme/account/create", body).await.id();
    for (account, names) in [
        (account, ["example.com", "*.example.com"]),
        (bound, ["a.example.com", "b.example.com"]),
    ] {
        let id = issue(&journey, account, &names).await;
        is_nowhere_in_plain(&journey, &download(&journey, id).await).await;
    }
    let (ca, key) = (TestCa::default(), KeyPair::generate().unwrap());
    let upload = json!({"provider": "manual", "certificatePem": ca.chain(&key, &["shop.example"]),
        "privateKeyPem": key.serialize_pem(), "domains": ["shop.example"]});
    let id = journey
        .client
        .post("/certificates/upload", &upload.to_string())
        .await
        .id();
    is_nowhere_in_plain(&journey, &download(&journey, id).await).await;
    assert_eq!(secret_names(&journey).await, ["certmint/api-tokens"]);
    let sealed = journey
        .items()
        .await
        .iter()
        .filter(|item| item.contains("KEY#"))
        .count();
    assert_eq!(
        sealed, 6,
        "two account keys, one EAB key, three certificates' keys"
    );

    // Without its KMS key it says so and waits; nothing is finalized with another one.
    journey.stack.aws.kms.enable(KMS_ALIAS, false);
    let refused = journey
        .client
        .post(&format!("/certificate/{id}/download"), r#"{"format":"pem"}"#)
        .await;
    refused.refused(502, 5003, "key vault");
    let id = journey.request(account, &["c.example.com"]).await;
    let told = eventually("it says what is missing", || async {
        let request = journey.look(id).await;
        request["last_error"].is_string().then_some(request)
    })
    .await;
    let error = told["last_error"].as_str().unwrap();
    assert!(
        told["status"] == "running" && error.contains("KMS key") && error.contains("disabled"),
        "{told}"
    );
    journey.stack.aws.kms.enable(KMS_ALIAS, true);
    assert_eq!(journey.in_time(id).await["status"], "success");
    journey.clean().await;
    journey.until_clean().await;
    journey.end().await;
}

/// The command as an operator runs it.
fn certmint(stack: &Stack, args: &[&str]) -> Output {
    let binary = options().functions.join("certmint");
    Command::new(binary)
        .args(args)
        .env("AWS_ENDPOINT_URL", stack.aws_endpoint())
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("CERTMINT_TABLE", "certmint")
        .env("CERTMINT_KMS_KEY", KMS_ALIAS)
        .output()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_moves_its_keys() {
    let journey = Journey::start(options()).await;
    let account = journey.account().await;
    let id = issue(&journey, account, &["example.com"]).await;
    let before = download(&journey, id).await;
    // What is moved is the account's second key.
    let body = json!({"id": account}).to_string();
    let _ = journey.client.post("/acme/accounts/rollover", &body).await.data();
    eventually("it has another key, and the first is deleted", || async {
        let names = secret_names(&journey).await;
        let (old, new) = ("certmint/account-key/1", "certmint/account-key/1-v2");
        let has = |name: &str| names.iter().any(|n| n == name);
        (has(new) && !has(old)).then_some(())
    })
    .await;
    journey.until_clean().await;
    let args = ["migrate-keys", "--from", "secrets-manager", "--to", "envelope"];
    let copied = certmint(&journey.stack, &[&args[..], &["--keep"]].concat());
    assert!(copied.status.success(), "{copied:?}");
    let said = String::from_utf8_lossy(&copied.stdout).into_owned();
    assert!(said.starts_with("2 there, 0 old ones"), "{said}");
    let stack = &journey.stack;
    for function in [&stack.api, &stack.download, &stack.worker, &stack.cleanup] {
        function.set_env("CERTMINT_KEY_VAULT", "envelope").await.unwrap();
    }
    let moved = certmint(&journey.stack, &args);
    assert!(moved.status.success(), "{moved:?}");
    assert_eq!(secret_names(&journey).await, ["certmint/api-tokens"]);
    let same = eventually("keys are read in the new place", || async {
        let answer = journey
            .client
            .post(&format!("/certificate/{id}/download"), r#"{"format":"pem"}"#)
            .await;
        (answer.status == 200).then_some(())
    });
    same.await;
    assert_eq!(download(&journey, id).await, before);
    // The account's key is the one that the CA knows.
    let second = issue(&journey, account, &["www.example.com"]).await;
    assert_ne!(download(&journey, second).await, before);
    let again = certmint(&journey.stack, &args);
    assert!(
        String::from_utf8_lossy(&again.stdout).starts_with("0 there"),
        "{again:?}"
    );
    let requests: Value = journey.client.get("/acme/certificate/requests").await.data();
    assert_eq!(requests["total"], 2);
    journey.until_clean().await;
    journey.end().await;
}
