//! An account without an address, and a request whose names a star covers, to certificates and renewals.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use certmint_tests::journey::{Journey, options, set_env};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use serde_json::{Value, json};

const NAMES: [&str; 3] = ["*.example.com", "www.example.com", "example.com"];

/// A stack whose `letsencrypt` is known to refuse covered names, as the true one does, and whose `google` takes them.
async fn strict() -> Journey {
    let journey = Journey::start(options()).await;
    let ports = journey.stack.ports;
    let directory = |port: u16| format!("https://localhost:{port}/dir");
    let providers = json!([
        {"id": 1, "name": "letsencrypt", "directoryUrl": directory(ports.acme), "orders": {"refusesCoveredNames": true}},
        {"id": 2, "name": "google", "directoryUrl": directory(ports.acme_eab), "requiresEab": true},
    ]);
    for function in [&journey.stack.api, &journey.stack.worker] {
        set_env(function, "CERTMINT_PROVIDERS", &providers.to_string()).await;
    }
    journey
}

fn names(certificate: &Value) -> Vec<&str> {
    let rows = certificate["domains"].as_array().unwrap().iter();
    rows.map(|row| row["domain"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_covered_name_is_left_out_and_the_certificate_is_renewed_without_it() {
    let journey = strict().await;
    let client = &journey.client;
    let account = client
        .post("/acme/account/create", r#"{"providerName":"letsencrypt"}"#)
        .await
        .id();
    let request = journey.request(account, &NAMES).await;
    let done = journey.until(request, "success").await;
    assert_eq!(
        (&done["names"], done["warnings"].as_array().unwrap().len()),
        (&json!(NAMES), 1)
    );
    let seen = client.get(&format!("/acme/accounts/{account}")).await.data();
    assert_eq!(
        (&seen["status"], &seen["email"]),
        (&json!("active"), &Value::Null)
    );
    let certificate = client.get("/certificates/1").await.data();
    assert_eq!(names(&certificate), ["*.example.com", "example.com"]);

    let body = json!({"certificateId": 1}).to_string();
    let renewal = client.post("/certificates/renewal/trigger", &body).await.data()["requestId"]
        .as_u64()
        .unwrap();
    let renewed = journey.until(renewal, "success").await;
    assert_eq!(
        (&renewed["names"], &renewed["warnings"]),
        (&json!(["*.example.com", "example.com"]), &Value::Null)
    );
    assert_eq!(client.get("/certificates/1").await.data()["version"], 2);

    // The same asked for anew is the same certificate, and so is the short list.
    for same in [&NAMES[..], &["example.com", "*.example.com"]] {
        let again = client
            .post(
                "/acme/certificate/request",
                &json!({"accountId": account, "domains": same}).to_string(),
            )
            .await;
        assert_eq!(again.data()["deduplicated"], true);
    }
    // Another address is told to the CA.
    let moved = json!({"id": account, "email": "ops@example.com"}).to_string();
    assert_eq!(
        client.post("/acme/accounts/contact", &moved).await.data()["email"],
        "ops@example.com"
    );
    journey.work().await;
    let seen = client.get(&format!("/acme/accounts/{account}")).await.data();
    assert_eq!(
        (&seen["status"], &seen["lastError"]),
        (&json!("active"), &Value::Null)
    );
    journey.until_clean().await;
    journey.end().await;
}

#[tokio::test]
async fn a_ca_that_takes_covered_names_certifies_them_with_a_csr_too() {
    let journey = strict().await;
    let client = &journey.client;
    let bound =
        r#"{"providerName":"google","eabKid":"your_eab_kid_here","eabHmacKey":"your_eab_hmac_key_here"}"#;
    let account = client.post("/acme/account/create", bound).await.id();
    let mut params = CertificateParams::new(NAMES.map(str::to_owned).to_vec()).unwrap();
    params.distinguished_name = DistinguishedName::new();
    let csr = params
        .serialize_request(&KeyPair::generate().unwrap())
        .unwrap()
        .pem()
        .unwrap();
    let body = json!({"accountId": account, "domains": NAMES, "csr": csr}).to_string();
    for body in [body, json!({"accountId": account, "domains": NAMES}).to_string()] {
        let request = client.post("/acme/certificate/request", &body).await.id();
        let done = journey.until(request, "success").await;
        let id = &done["result_certificate_id"];
        let certificate = client.get(&format!("/certificates/{id}")).await.data();
        assert_eq!(names(&certificate), NAMES);
    }
    journey.until_clean().await;
    journey.end().await;
}
