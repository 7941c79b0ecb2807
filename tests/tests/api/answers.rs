//! Answers stay under what Lambda gives back, whatever is in the rows: a page is cut by bytes, and says so.

use certmint_core::{
    certificate::{Certificate, CertificateSource},
    clock::Clock,
    words::{CertificateId, DomainName, RequestId},
};
use certmint_shared::{
    clock::SystemClock,
    store::{CertificateStore, RenewalStore, RequestStore},
};
use serde_json::{Value, json};

use super::{Client, client::ApiResponse};

/// AWS Lambda quota: bytes of an answer.
const LAMBDA: usize = 6 * 1024 * 1024;

async fn page(client: &Client, path: &str) -> (Value, usize) {
    let ApiResponse { status, body, .. } = client.get(path).await;
    assert_eq!(status, 200, "{path}");
    assert!(body.len() < LAMBDA, "{path} answers with {} bytes", body.len());
    (
        serde_json::from_str::<Value>(&body).unwrap()["data"].take(),
        body.len(),
    )
}

/// Walks a list and counts its pages; each row's `field`, in order.
async fn walked(client: &Client, path: &str, field: &str) -> (Vec<Value>, Vec<usize>) {
    let (mut all, mut pages, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let (page, bytes) = page(client, &format!("{path}{cursor}")).await;
        let rows = page["list"].as_array().unwrap();
        assert!(
            !rows.is_empty() || page["nextCursor"].is_null(),
            "{path}: a page leads on"
        );
        all.extend(rows.iter().map(|row| row[field].clone()));
        pages.push(bytes);
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (all, pages),
        }
    }
}

fn template(fingerprint: &str) -> Certificate {
    let now = SystemClock.now();
    Certificate {
        id: CertificateId::new(0),
        fingerprint: fingerprint.into(),
        serial: "01".into(),
        issuer: "CN=CA".into(),
        names: vec!["www.example.com".parse().unwrap()],
        not_before: now,
        expires_at: now.plus(std::time::Duration::from_secs(20 * 24 * 60 * 60)),
        cert_pem: "pem\n".into(),
        chain_pem: "chain\n".into(),
        key_ref: format!("certificate-key/{fingerprint}"),
        source: CertificateSource::Acme,
        account_id: None,
        provider: "letsencrypt".into(),
        request_id: None,
        profile: None,
        version: 1,
        created_at: now,
        updated_at: now,
        lifecycle: certmint_core::certificate::Lifecycle::default(),
    }
}

/// As many names as fit, each as long as a name can be.
fn long_names(count: usize) -> Vec<DomainName> {
    let label = "x".repeat(60);
    let name = |n: usize| {
        format!("n{n:04}.{label}.{label}.{label}.example.com")
            .parse()
            .unwrap()
    };
    (0..count).map(name).collect()
}

async fn record(client: &Client, certificate: Certificate) -> u64 {
    client
        .store
        .record_certificate(certificate, None)
        .await
        .unwrap()
        .id
        .get()
}

#[tokio::test]
async fn lists_have_no_pem_unless_it_is_asked_for() {
    let client = Client::new().await;
    let id = record(&client, template("01")).await;
    client.account().await;
    client
        .post(
            "/acme/certificate/request",
            r#"{"accountId":1,"domains":["a.example.com"]}"#,
        )
        .await;
    let held = client.store.request(RequestId::new(1)).await.unwrap();
    let next = Certificate {
        id: CertificateId::new(id),
        ..template("02")
    };
    let fence = (held.id, held.lease.fence);
    client.store.replace_certificate(next, fence).await.unwrap();
    for list in [
        "/certificates?",
        "/certificates?kind=certificate&",
        "/certificates?name=example.com&",
        "/certificates/1/versions?",
        "/certificates/renewal/candidates?",
    ] {
        let plain = client.get(&format!("{list}page=1")).await.body;
        assert!(
            !plain.contains("certificatePem") && !plain.contains("pem\\n"),
            "{list}: {plain}"
        );
        let word = client.get(&format!("{list}include=odd")).await;
        let with = client.get(&format!("{list}include=pem")).await;
        if list.contains("candidates") {
            assert_eq!((word.status, with.status), (200, 200), "no parameter of it");
            continue;
        }
        assert!(
            with.body.contains(r#""certificatePem":"pem\nchain\n""#),
            "{list}: {}",
            with.body
        );
        super::refused(&word, 400, 2003, "include");
    }
    let one = client.get("/certificates/1").await.body;
    assert!(one.contains(r#""certificatePem":"pem\nchain\n""#), "{one}");
}

#[tokio::test]
async fn pages_with_pem_are_cut_by_their_bytes() {
    let client = Client::new().await;
    let pem = "0123456789abcdef\n".repeat(18_000);
    let mut expected = Vec::new();
    for n in 0..20 {
        let large = Certificate {
            cert_pem: pem.clone(),
            ..template(&format!("{n:02}"))
        };
        expected.push(json!(record(&client, large).await));
    }
    expected.reverse();
    for list in [
        "/certificates?",
        "/certificates?kind=certificate&",
        "/certificates?name=example.com&",
    ] {
        let (rows, pages) = walked(&client, &format!("{list}pageSize=100&include=pem"), "id").await;
        assert_eq!(rows, expected, "{list}: none is lost, none is doubled");
        assert!(pages.len() >= 2, "{list}: {pages:?}");
        let (first, _) = page(&client, &format!("{list}pageSize=100&include=pem")).await;
        assert_eq!(first["pageSize"], 100, "{list}");
        if !list.contains("name") {
            assert_eq!(first["total"], 20, "{list}");
        }
        let (rows, pages) = walked(&client, &format!("{list}pageSize=100"), "id").await;
        assert_eq!((rows.len(), pages.len()), (20, 1), "{list}: without it all fit");
    }
    // Each row alone fits, also by number.
    let (by_number, _) = page(
        &client,
        "/certificates?kind=certificate&pageSize=1&page=20&include=pem",
    )
    .await;
    assert_eq!(by_number["list"][0]["id"], 1);
}

#[tokio::test]
async fn pages_of_many_long_names_are_cut_by_their_bytes() {
    let client = Client::new().await;
    let names = long_names(1_000);
    for n in 0..22 {
        record(
            &client,
            Certificate {
                names: names.clone(),
                ..template(&format!("{n:02}"))
            },
        )
        .await;
    }
    let expected: Vec<Value> = (1..=22).rev().map(|id| json!(id)).collect();
    for list in [
        "/certificates?",
        "/certificates?name=example.com&",
        "/certificates?source=acme&",
    ] {
        let (rows, pages) = walked(&client, &format!("{list}pageSize=100"), "id").await;
        assert_eq!(rows, expected, "{list}");
        assert!(pages.len() >= 2, "{list}: {pages:?}");
    }
    let (rows, pages) = walked(&client, "/certificates/renewal/candidates?pageSize=100", "id").await;
    assert_eq!(rows.len(), 22);
    assert!(pages.len() >= 2, "{pages:?}");
}

/// A CA that answers with as much as we keep of it.
#[tokio::test]
async fn pages_of_requests_are_cut_by_their_bytes() {
    let client = Client::new().await;
    client.account().await;
    let names: Vec<String> = long_names(100).iter().map(ToString::to_string).collect();
    for n in 0..45 {
        let body = json!({"accountId": 1, "domains": names, "force": true});
        assert_eq!(
            client
                .post("/acme/certificate/request", &body.to_string())
                .await
                .status,
            200,
            "{n}"
        );
        let asked = client.store.request(RequestId::new(n + 1)).await.unwrap();
        let said = certmint_core::issuance::Request {
            last_error: Some("\u{1}".repeat(20_000)),
            ..asked
        };
        client.store.save_request(&said, SystemClock.now()).await.unwrap();
    }
    let expected: Vec<Value> = (1..=45).rev().map(|id| json!(id)).collect();
    for list in [
        "/acme/certificate/requests?",
        "/acme/certificate/requests?accountId=1&",
        "/certificates?",
    ] {
        let (rows, pages) = walked(&client, &format!("{list}pageSize=100"), "id").await;
        assert_eq!(rows, expected, "{list}");
        assert!(pages.len() >= 2, "{list}: {pages:?}");
    }
}
