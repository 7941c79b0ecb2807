//! CAs as data: roots of their own, and one that issues no more.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use certmint_tests::journey::{Journey, options, set_env};
use serde_json::json;

#[tokio::test]
async fn a_private_ca_is_trusted_by_its_own_roots_and_no_other_ca_by_them() {
    let journey = Journey::start(options()).await;
    let ports = journey.stack.ports;
    let directory = |port: u16| format!("https://localhost:{port}/dir");
    let roots = std::fs::read_to_string(&journey.stack.acme_tls[0]).unwrap();
    let providers = json!([
        {"id": 1, "name": "internal", "directoryUrl": directory(ports.acme), "roots": roots},
        {"id": 2, "name": "strange", "directoryUrl": directory(ports.acme_eab)},
    ]);
    for function in [&journey.stack.api, &journey.stack.worker] {
        set_env(function, "CERTMINT_PROVIDERS", &providers.to_string()).await;
        set_env(function, "CERTMINT_CA_ROOT", "").await;
    }
    let shown = journey.client.get("/acme/providers").await.data();
    assert_eq!(shown["total"], 2);
    let own = |index: usize| shown["list"][index]["ownRoots"].clone();
    assert_eq!((own(0), own(1)), (json!(true), json!(false)));

    for (id, provider) in [(1, "internal"), (2, "strange")] {
        let body = json!({"providerName": provider, "email": "ops@example.com"}).to_string();
        let account = journey.client.post("/acme/account/create", &body).await;
        assert_eq!(account.id(), id);
    }
    let trusted = journey.request(1, &["a.example.com"]).await;
    let untrusted = journey.request(2, &["b.example.com"]).await;
    journey.until(trusted, "success").await;
    journey.work().await.unwrap();
    let request = journey.look(untrusted).await;
    assert_eq!(
        (&request["status"], &request["attempts"]),
        (&json!("running"), &json!(0))
    );
    let why = request["reason"].as_str().unwrap();
    assert!(why.starts_with("provider strange cannot be reached"), "{why}");
    assert!(why.contains("certificate"), "TLS says why: {why}");
    journey.end().await;
}

#[tokio::test]
async fn public_cas_need_no_setting_and_a_retired_one_takes_no_account() {
    let journey = Journey::start(options()).await;
    let (api, client) = (&journey.stack.api, &journey.client);
    set_env(api, "CERTMINT_PROVIDERS", "").await;
    let shown = client.get("/acme/providers").await.data();
    let names: Vec<&str> = shown["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "letsencrypt",
            "google",
            "letsencrypt-staging",
            "google-staging",
            "zerossl",
            "buypass"
        ]
    );
    let lets_encrypt = &shown["list"][0]["limits"]["newOrders"];
    assert_eq!(lets_encrypt, &json!({"count": 300, "windowSeconds": 10_800}));
    let retired = &shown["list"][5];
    assert_eq!(retired["status"], "inactive");
    let body = r#"{"providerName":"buypass","email":"ops@example.com"}"#;
    let refused = client.post("/acme/account/create", body).await;
    refused.refused(409, 3003, "since 31 October 2025");
    let body = r#"{"providerName":"zerossl","email":"ops@example.com"}"#;
    client
        .post("/acme/account/create", body)
        .await
        .refused(400, 2001, "eabKid");
    journey.stack.stop().await;
}
