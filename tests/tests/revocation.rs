//! Revocation by the certificate's own key, and certificates that come back by an upload.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{process::Command, time::Duration};

use certmint_tests::{
    faults::{Fault, Operation},
    files::TestCa,
    journey::{Journey, eventually, options},
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};

async fn look(journey: &Journey, id: u64) -> Value {
    journey.client.get(&format!("/certificates/{id}")).await.data()
}

async fn issued(journey: &Journey, body: &Value) -> Value {
    let made = journey
        .client
        .post("/acme/certificate/request", &body.to_string())
        .await;
    // A call whose nonces are all refused is made again later.
    let done = journey.in_time(made.id()).await;
    assert_eq!(done["status"], "success", "{done}");
    look(journey, done["result_certificate_id"].as_u64().unwrap()).await
}

async fn revoked(journey: &Journey, id: u64, body: &Value) -> Value {
    let path = format!("/certificate/{id}/revoke");
    let asked = journey.client.post(&path, &body.to_string()).await.data();
    assert_eq!(asked["revocationBy"], "certificateKey", "{asked}");
    eventually("the CA has revoked it", || async {
        journey.work().await;
        let seen = look(journey, id).await;
        assert_eq!(seen["lastError"], Value::Null, "{seen}");
        (seen["status"] == "revoked").then_some(seen)
    })
    .await
}

/// What Pebble itself says: status and reason.
fn at_the_ca(journey: &Journey, certificate: &Value) -> (Value, Value) {
    let management = journey.stack.ports.acme_management;
    let serial = certificate["serial"].as_str().unwrap();
    let url = format!("https://localhost:{management}/cert-status-by-serial/{serial}");
    let seen = Command::new("curl").args(["-sk", &url]).output().unwrap();
    let seen: Value = serde_json::from_slice(&seen.stdout).unwrap();
    (seen["Status"].clone(), seen["Reason"].clone())
}

#[tokio::test]
async fn a_key_of_each_kind_revokes_its_certificate() {
    // Pebble refuses some nonces: the call is signed anew.
    let mut options = options();
    options.bad_nonces = 20;
    let journey = Journey::start(options).await;
    let account = journey.account().await;
    for (kind, reason, code) in [
        ("ecdsa-p256", "keyCompromise", 1),
        ("ecdsa-p384", "superseded", 4),
        ("rsa-2048", "keyCompromise", 1),
    ] {
        let body =
            json!({"accountId": account, "domains": [format!("{kind}.example.com")], "keyAlgorithm": kind});
        let certificate = issued(&journey, &body).await;
        assert_eq!(at_the_ca(&journey, &certificate).0, "Valid");
        let id = certificate["id"].as_u64().unwrap();
        let wish = json!({"reason": reason, "by": "certificateKey"});
        let seen = revoked(&journey, id, &wish).await;
        assert_eq!(
            (&seen["revocationReason"], &seen["revoking"]),
            (&json!(reason), &json!(false))
        );
        assert_eq!(
            at_the_ca(&journey, &certificate),
            (json!("Revoked"), json!(code)),
            "{kind}"
        );
        // The other way finds it done.
        let again = journey
            .client
            .post(&format!("/certificate/{id}/revoke"), "")
            .await
            .data();
        assert_eq!(
            (&again["status"], &again["revocationBy"]),
            (&json!("revoked"), &json!("certificateKey"))
        );
    }
    journey.until_clean().await;
    journey.end().await;
}

/// A client's CSR: what it makes has no key here, until it is uploaded by who has it.
#[tokio::test]
async fn an_uploaded_certificate_is_revoked_at_the_ca_that_is_named() {
    let journey = Journey::start(options()).await;
    let account = journey.account().await;
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["example.com".to_owned()]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    let csr = params.serialize_request(&key).unwrap().pem().unwrap();
    let body = json!({"accountId": account, "domains": ["example.com"], "csr": csr, "profile": "classic"});
    let issued = issued(&journey, &body).await;
    let post = |path: &'static str, body: Value| {
        let client = &journey.client;
        async move { client.post(path, &body.to_string()).await }
    };
    let by_key = json!({"by": "certificateKey"});
    let none = post("/certificate/1/revoke", by_key.clone()).await;
    none.refused(409, 3003, "revoke it by account");

    // Out of the books for good; then it is another's.
    assert_eq!(post("/certificate/1/delete", json!({})).await.status, 200);
    journey.work().await;
    journey.later(Duration::from_secs(31 * 24 * 3600)).await;
    eventually("it is removed", || async {
        journey.work().await;
        (journey.client.get("/certificates/1").await.status == 404).then_some(())
    })
    .await;
    let upload = json!({
        "provider": "manual", "domains": ["example.com"],
        "certificatePem": issued["certificatePem"], "privateKeyPem": key.serialize_pem(),
    });
    let id = post("/certificates/upload", upload).await.id();
    assert_eq!(id, 2);
    for (body, status, code, word) in [
        (json!({}), 409, 3003, "certificateKey"),
        (by_key.clone(), 400, 2001, "provider"),
        (
            json!({"by": "certificateKey", "provider": "nobody"}),
            404,
            3001,
            "provider",
        ),
        (json!({"provider": "letsencrypt"}), 400, 2003, "provider"),
        (json!({"by": "somebody"}), 400, 2003, "account, certificateKey"),
    ] {
        post("/certificate/2/revoke", body)
            .await
            .refused(status, code, word);
    }
    // The other CA did not issue it, and says so.
    let wrong = json!({"by": "certificateKey", "provider": "google", "reason": "superseded"});
    assert_eq!(post("/certificate/2/revoke", wrong).await.status, 200);
    eventually("the wrong CA refused", || async {
        journey.work().await;
        look(&journey, 2).await["lastError"].is_string().then_some(())
    })
    .await;
    let right = json!({"by": "certificateKey", "provider": "letsencrypt", "reason": "superseded"});
    revoked(&journey, 2, &right).await;
    assert_eq!(at_the_ca(&journey, &issued), (json!("Revoked"), json!(4)));
    journey.end().await;
}

/// The version whose revocation was asked for is the one that is revoked, also when a renewal was faster.
#[tokio::test]
async fn a_revocation_outlives_the_renewal_of_its_version() {
    let mut options = options();
    options.bad_nonces = 0;
    let (journey, rules) = Journey::with_faults(options).await;
    let account = journey.account().await;
    let body = json!({"accountId": account, "domains": ["example.com"], "profile": "classic"});
    let first = issued(&journey, &body).await;
    journey.work().await;
    let refuses = |call: &certmint_tests::faults::Call| {
        call.operation == Operation::Other && call.path.contains("revoke")
    };
    let away = rules.add_matching(refuses, 0, 2, Fault::problem(500, "serverInternal", &[]));
    let path = "/certificate/1/revoke";
    let _ = journey
        .client
        .post(path, r#"{"by":"certificateKey"}"#)
        .await
        .data();
    eventually("the CA stumbled", || async {
        journey.work().await;
        (away.count() > 0).then_some(())
    })
    .await;
    let open = look(&journey, 1).await;
    assert_eq!(open["revoking"], true, "{open}");
    let started = journey
        .client
        .post("/certificates/renewal/trigger", r#"{"certificateId":1}"#)
        .await
        .data();
    let done = journey.in_time(started["requestId"].as_u64().unwrap()).await;
    assert_eq!(done["status"], "success", "{done}");
    let second = look(&journey, 1).await;
    assert_eq!(
        (&second["version"], &second["status"]),
        (&json!(2), &json!("issued"))
    );
    eventually("the first version is revoked", || async {
        journey.later(Duration::from_secs(1800)).await;
        journey.work().await;
        let versions = journey.client.get("/certificates/1/versions").await.data();
        versions["list"][1]["revokedAt"].is_string().then_some(())
    })
    .await;
    assert_eq!(at_the_ca(&journey, &first).0, "Revoked");
    assert_eq!(at_the_ca(&journey, &second).0, "Valid");
    assert_eq!(look(&journey, 1).await["status"], "issued");
    journey.until_clean().await;
    journey.end().await;
}

#[tokio::test]
async fn an_upload_brings_a_deleted_certificate_back() {
    let (journey, ca, key) = (
        Journey::start(options()).await,
        TestCa::default(),
        KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap(),
    );
    let upload = json!({
        "provider": "manual", "domains": ["example.com"],
        "certificatePem": ca.chain(&key, &["example.com"]), "privateKeyPem": key.serialize_pem(),
    })
    .to_string();
    let post = || journey.client.post("/certificates/upload", &upload);
    assert_eq!(post().await.data(), json!({"id": 1}));
    post().await.refused(409, 3002, "certificate 1");
    let deleted = journey.client.post("/certificate/1/delete", "").await.data();
    assert_eq!(deleted["status"], "deleted");
    assert_eq!(post().await.data(), json!({"id": 1, "restored": true}));
    let back = look(&journey, 1).await;
    assert_eq!(
        (&back["status"], &back["deletedAt"]),
        (&json!("issued"), &Value::Null)
    );
    post().await.refused(409, 3002, "certificate 1");
    let list = journey.client.get("/certificates").await.data();
    assert_eq!(list["total"], 1);

    // Its key is put back if somebody removed it meanwhile.
    let _ = journey.client.post("/certificate/1/delete", "").await.data();
    let secrets = journey.stack.aws.secrets.values().await;
    let (name, _) = secrets.iter().find(|(n, _)| n.contains("upload-")).unwrap();
    let gone = json!({"SecretId": name, "ForceDeleteWithoutRecovery": true});
    journey.stack.aws.secrets.operate("DeleteSecret", &gone).await;
    assert_eq!(post().await.data()["restored"], true);
    let secrets = journey.stack.aws.secrets.values().await;
    assert!(secrets.iter().any(|(n, _)| n == name), "the key is there again");
    journey.end().await;
}
