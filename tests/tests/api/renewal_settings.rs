//! What clients decide about renewals, as they read it.

use std::time::Duration;

use certmint_core::{
    certificate::{Certificate, CertificateSource, RevocationReason, RevokedBy},
    clock::Clock,
    words::{CertificateId, RequestId},
};
use certmint_shared::{
    clock::SystemClock,
    store::{CertificateLifecycle, CertificateStore},
};

use super::{Client, refused};

const SETTINGS: &str = "/certificates/renewal/settings";

#[tokio::test]
async fn a_request_says_how_its_certificate_is_renewed() {
    let client = Client::new().await;
    client.account().await;
    let post = |more: &str| {
        let body = format!(r#"{{"accountId":1,"domains":["example.com"]{more}}}"#);
        let client = &client;
        async move { client.post("/acme/certificate/request", &body).await }
    };
    let plain = post("").await.body;
    let shown = |reuse: bool, renew_as: &str| format!(r#""reuse_key":{reuse},"renew_as":"{renew_as}""#);
    assert!(plain.contains(&shown(false, "replace")), "{plain}");
    let set = post(r#","force":true,"reuseKey":true,"renewAs":"new""#)
        .await
        .body;
    assert!(set.contains(&shown(true, "new")), "{set}");
    let read = client.get("/acme/certificate/requests/2").await.body;
    assert!(read.contains(&shown(true, "new")), "{read}");
    // The same names again are the same request, as it was asked for first.
    let joined = post(r#","reuseKey":false"#).await.body;
    assert!(
        joined.contains(r#""data":{"id":2,"#) && joined.contains(&shown(true, "new")),
        "{joined}"
    );
    for (more, code, word) in [
        (r#","reuseKey":"yes""#, 2002, "reuseKey"),
        (r#","renewAs":"other""#, 2003, "replace, new"),
        (r#","renewAs":7"#, 2002, "renewAs"),
    ] {
        refused(&post(more).await, 400, code, word);
    }
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["example.com".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let csr = params.serialize_request(&key).unwrap().pem().unwrap();
    let csr = serde_json::Value::String(csr);
    let post = |more: String| {
        let body = format!(r#"{{"accountId":1,"domains":["example.com"]{more}}}"#);
        let client = &client;
        async move {
            let path = "/acme/certificate/request";
            client.call("POST", path, Some("Bearer own"), None, &body).await
        }
    };
    for reuse in [true, false] {
        let both = post(format!(r#","csr":{csr},"reuseKey":{reuse}"#)).await;
        refused(&both, 400, 2003, "reuseKey");
    }
    let alone = post(format!(r#","csr":{csr}"#)).await.body;
    assert!(alone.contains(&shown(true, "replace")), "{alone}");

    // The CSR's key is given away: its certificate cannot be renewed with it.
    let made = client
        .certificate("01", "example.com", CertificateSource::Acme)
        .await;
    let certificate = Certificate {
        fingerprint: "02".into(),
        key_ref: String::new(),
        request_id: Some(RequestId::new(3)),
        ..client.store.certificate(made).await.unwrap()
    };
    let id = client
        .store
        .record_certificate(certificate, None)
        .await
        .unwrap()
        .id;
    let reason = RevocationReason::KeyCompromise;
    let revoked = client
        .store
        .revoke_certificate(id, reason, RevokedBy::Account, SystemClock.now());
    revoked.await.unwrap();
    let body = format!(r#"{{"certificateId":{id}}}"#);
    let refusal = client.post("/certificates/renewal/trigger", &body).await;
    refused(&refusal, 409, 3003, "CSR whose key was revoked for keyCompromise");
}

#[tokio::test]
async fn settings_are_changed_and_shown() {
    let client = Client::new().await;
    client.account().await;
    for (fingerprint, source) in [
        ("01", CertificateSource::Acme),
        ("02", CertificateSource::Upload),
        ("03", CertificateSource::Acme),
    ] {
        client.certificate(fingerprint, "example.com", source).await;
    }
    let keyless = Certificate {
        fingerprint: "04".into(),
        key_ref: String::new(),
        ..client.store.certificate(CertificateId::new(1)).await.unwrap()
    };
    client.store.record_certificate(keyless, None).await.unwrap();
    let answer = |reuse: bool, renew_as: &str| format!(r#""renewAs":"{renew_as}","reuseKey":{reuse}"#);
    let before = client.get("/certificates/1").await.body;
    assert!(before.contains(&answer(false, "replace")), "{before}");
    assert!(
        before.contains(r#""renewedBy":null,"renewalOf":null,"renewalReason":null,"#),
        "{before}"
    );
    for (body, expected) in [
        (r#"{"certificateId":1,"renewAs":"new"}"#, answer(false, "new")),
        (r#"{"certificateId":1,"reuseKey":true}"#, answer(true, "new")),
        (r#"{"certificateId":1,"reuseKey":true}"#, answer(true, "new")),
        (
            r#"{"certificateId":1,"renewAs":"replace","reuseKey":false}"#,
            answer(false, "replace"),
        ),
        (r#"{"certificateId":4,"renewAs":"new"}"#, answer(false, "new")),
    ] {
        let changed = client.post(SETTINGS, body).await;
        assert!(
            changed.status == 200 && changed.body.contains(&expected),
            "{}",
            changed.body
        );
        assert!(
            changed.body.contains(r#""renewMode":"auto","renewAt":"2"#),
            "{}",
            changed.body
        );
    }
    for (body, status, code, word) in [
        (r#"{"certificateId":1}"#, 400, 2001, "renewAs or reuseKey"),
        (r#"{"renewAs":"new"}"#, 400, 2001, "certificateId"),
        (
            r#"{"certificateId":1,"renewAs":"more"}"#,
            400,
            2003,
            "replace, new",
        ),
        (r#"{"certificateId":1,"reuseKey":1}"#, 400, 2002, "reuseKey"),
        (r#"{"certificateId":1,"reuseKey":true,"x":1}"#, 400, 2002, "x"),
        (
            r#"{"certificateId":9,"reuseKey":true}"#,
            404,
            3001,
            "certificate 9",
        ),
        (
            r#"{"certificateId":2,"reuseKey":true}"#,
            409,
            3003,
            "not from ACME",
        ),
        (r#"{"certificateId":4,"reuseKey":true}"#, 409, 3003, "CSR"),
    ] {
        refused(&client.post(SETTINGS, body).await, status, code, word);
    }
    let now = SystemClock.now();
    let third = CertificateId::new(3);
    client.store.delete_certificate(third, now).await.unwrap();
    let deleted = client
        .post(SETTINGS, r#"{"certificateId":3,"reuseKey":true}"#)
        .await;
    refused(&deleted, 409, 3003, "deleted");
    let shown = client.get("/certificates/3").await.body;
    assert!(
        shown.contains(r#""renewalReason":"deleted; restore it first""#),
        "{shown}"
    );
}

#[tokio::test]
async fn candidates_stand_as_certificates_do() {
    let client = Client::new().await;
    client.account().await;
    let now = SystemClock.now();
    let model = client
        .certificate("00", "example.com", CertificateSource::Acme)
        .await;
    let model = client.store.certificate(model).await.unwrap();
    let day = Duration::from_secs(24 * 3600);
    for (n, ends) in [
        now.plus(day * 5),
        now.plus(day * 6),
        now.plus(day * 7),
        now.minus(day),
    ]
    .into_iter()
    .enumerate()
    {
        let soon = Certificate {
            fingerprint: format!("1{n}"),
            expires_at: ends,
            ..model.clone()
        };
        client.store.record_certificate(soon, None).await.unwrap();
    }
    let (deleted, revoked) = (CertificateId::new(3), CertificateId::new(4));
    client.store.delete_certificate(deleted, now).await.unwrap();
    client
        .store
        .revoke_certificate(revoked, RevocationReason::Superseded, RevokedBy::Account, now)
        .await
        .unwrap();
    client
        .store
        .settle_revocation(revoked, 1, None, now)
        .await
        .unwrap();
    for (query, expected) in [
        (
            "",
            vec![(5, "expired"), (2, "issued"), (3, "deleted"), (4, "revoked")],
        ),
        ("?status=issued", vec![(2, "issued")]),
        ("?status=expired", vec![(5, "expired")]),
        ("?status=deleted", vec![(3, "deleted")]),
        ("?status=revoked", vec![(4, "revoked")]),
    ] {
        let answer = client
            .get(&format!("/certificates/renewal/candidates{query}"))
            .await
            .body;
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let rows = answer["data"]["list"].as_array().unwrap();
        let rows: Vec<(u64, &str)> = rows
            .iter()
            .map(|row| (row["id"].as_u64().unwrap(), row["status"].as_str().unwrap()))
            .collect();
        assert_eq!(
            (answer["data"]["total"].as_u64(), &rows),
            (Some(rows.len() as u64), &expected),
            "{query}"
        );
    }
    let odd = client
        .get("/certificates/renewal/candidates?status=pending")
        .await;
    refused(&odd, 400, 2003, "issued, expired, revoked, deleted");
}
