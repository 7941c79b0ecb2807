//! Names asked for again whose certificate came and is of no use any more.

use std::{future::Future, pin::Pin, time::Duration};

use certmint_core::{
    certificate::{Certificate, CertificateSource, Lifecycle, RevocationReason, RevokedBy},
    clock::Clock,
    issuance::Phase,
    words::{AccountId, CertificateId, RequestId, Timestamp},
};
use certmint_shared::{
    clock::SystemClock,
    store::{CertificateLifecycle, CertificateStore, Claim, RenewalStore, RequestStore},
    vault::KeyVault,
};
use serde_json::Value;

use super::{Client, refused};

const ASKED: &str = r#"{"accountId":1,"domains":["example.com"]}"#;
const FAR: Timestamp = Timestamp::from_secs(4_000_000_000);

/// What became of certificate 1.
type Fate = for<'a> fn(&'a Client) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

async fn ask(client: &Client, key: Option<&str>) -> Value {
    let answer = client
        .call(
            "POST",
            "/acme/certificate/request",
            Some("Bearer token"),
            key,
            ASKED,
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str::<Value>(&answer.body).unwrap()["data"].take()
}

fn certificate(fingerprint: &str, cert_pem: &str, expires_at: Timestamp) -> Certificate {
    let now = SystemClock.now();
    Certificate {
        id: CertificateId::new(0),
        fingerprint: fingerprint.into(),
        serial: "01".into(),
        issuer: "CN=CA".into(),
        names: vec!["example.com".parse().unwrap()],
        not_before: now,
        expires_at,
        cert_pem: cert_pem.into(),
        chain_pem: String::new(),
        key_ref: format!("certificate-key/{fingerprint}"),
        source: CertificateSource::Acme,
        account_id: Some(AccountId::new(1)),
        provider: "letsencrypt".into(),
        request_id: Some(RequestId::new(1)),
        profile: None,
        version: 1,
        created_at: now,
        updated_at: now,
        lifecycle: Lifecycle::default(),
    }
}

fn pem() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["example.com".into()]).unwrap();
    params.self_signed(&key).unwrap().pem()
}

/// Request 1 of account 1 succeeded with certificate 1, for which this key stands in the vault.
async fn issued(expires_at: Timestamp, cert_pem: &str) -> Client {
    let client = Client::new().await;
    client.account().await;
    ask(&client, Some("first")).await;
    let now = SystemClock.now();
    let lease = Duration::from_secs(60);
    let claimed = client
        .store
        .claim_request(RequestId::new(1), &Claim::new("w", now, lease, Duration::ZERO))
        .await;
    let mut request = claimed.unwrap().unwrap();
    let made = certificate("aa", cert_pem, expires_at);
    let key = client.vault.put_if_absent(&made.key_ref, "key".into());
    key.await.unwrap();
    let made = client
        .store
        .record_certificate(made, Some(&request))
        .await
        .unwrap();
    request.status = certmint_core::issuance::RequestStatus::Success;
    request.issuance.phase = Phase::Done {
        certificate_id: made.id,
    };
    request.result_certificate_id = Some(made.id);
    (request.wake_at, request.lease.owner) = (None, None);
    request.updated_at = now;
    client.store.save_request(&request, now).await.unwrap();
    client
}

async fn revoke(client: &Client, reason: RevocationReason, answer: Option<Option<&str>>) {
    let (id, now) = (CertificateId::new(1), SystemClock.now());
    let asked = client
        .store
        .revoke_certificate(id, reason, RevokedBy::Account, now)
        .await;
    asked.unwrap();
    if let Some(refusal) = answer {
        client.store.settle_revocation(id, 1, refusal, now).await.unwrap();
    }
}

async fn delete(client: &Client) {
    let deleted = client
        .store
        .delete_certificate(CertificateId::new(1), SystemClock.now())
        .await;
    deleted.unwrap();
}

async fn is_answered_anew(what: &str, client: &Client) {
    let again = ask(client, None).await;
    assert_eq!(
        (&again["id"], &again["status"]),
        (&2.into(), &"pending".into()),
        "{what}: {again}"
    );
    assert_eq!(again["deduplicated"], Value::Null, "{what}");
    let joined = ask(client, None).await;
    assert_eq!(
        (&joined["id"], &joined["deduplicated"]),
        (&2.into(), &true.into()),
        "{what}"
    );
    let replay = ask(client, Some("first")).await;
    assert_eq!(
        (&replay["id"], &replay["deduplicated"]),
        (&1.into(), &Value::Null),
        "{what}: a key has its answer"
    );
}

#[tokio::test]
async fn what_is_of_no_use_is_not_answered_with() {
    let fates: [(&str, Fate); 8] = [
        ("revoked", |c| {
            Box::pin(revoke(c, RevocationReason::Superseded, Some(None)))
        }),
        ("about to be revoked", |c| {
            Box::pin(revoke(c, RevocationReason::Unspecified, None))
        }),
        ("its key given away, and the CA refused", |c| {
            Box::pin(revoke(c, RevocationReason::KeyCompromise, Some(Some("no"))))
        }),
        ("deleted", |c| Box::pin(delete(c))),
        ("succeeded by another", |c| {
            Box::pin(async move {
                let one = c.store.certificate(CertificateId::new(1)).await.unwrap();
                let mut renewal = c.store.renewals(&[one]).await.unwrap().remove(0);
                renewal.succeeded_by = Some(CertificateId::new(9));
                c.store.save_renewal(&renewal).await.unwrap();
            })
        }),
        ("its key gone from the vault", |c| {
            Box::pin(async move { c.vault.delete("certificate-key/aa").await.unwrap() })
        }),
        ("removed", |c| {
            Box::pin(async move {
                delete(c).await;
                let later = SystemClock.now().plus(Duration::from_secs(31 * 86_400));
                c.store
                    .remove_certificate(CertificateId::new(1), later)
                    .await
                    .unwrap();
            })
        }),
        ("set aside", |c| {
            Box::pin(async move {
                let now = SystemClock.now();
                c.store
                    .quarantine_request(RequestId::new(1), "no JSON", now)
                    .await
                    .unwrap();
            })
        }),
    ];
    for (what, fate) in fates {
        let client = issued(FAR, &pem()).await;
        fate(&client).await;
        is_answered_anew(what, &client).await;
    }
    let over = SystemClock.now().plus(Duration::from_millis(1));
    is_answered_anew("expired", &issued(over, &pem()).await).await;
}

/// The same key in another certificate, which was revoked for it.
#[tokio::test]
async fn a_key_that_another_certificate_gave_away() {
    let shared = pem();
    let client = issued(FAR, &shared).await;
    let other = Certificate {
        request_id: None,
        ..certificate("bb", &shared, FAR)
    };
    let other = client.store.record_certificate(other, None).await.unwrap().id;
    let (reason, now) = (RevocationReason::KeyCompromise, SystemClock.now());
    let revoked = client
        .store
        .revoke_certificate(other, reason, RevokedBy::Account, now)
        .await;
    revoked.unwrap();
    is_answered_anew("given away", &client).await;
}

#[tokio::test]
async fn what_can_be_used_is_answered_with_and_named() {
    let fates: [(&str, Fate); 4] = [
        ("as it was", |_| Box::pin(async {})),
        ("the CA would not revoke it", |c| {
            Box::pin(revoke(c, RevocationReason::Superseded, Some(Some("no"))))
        }),
        ("deleted and restored", |c| {
            Box::pin(async move {
                delete(c).await;
                let restored = c
                    .store
                    .restore_certificate(CertificateId::new(1), SystemClock.now());
                restored.await.unwrap();
            })
        }),
        ("an upload of the same names", |c| {
            Box::pin(async move {
                let upload = Certificate {
                    source: CertificateSource::Upload,
                    account_id: None,
                    request_id: None,
                    ..certificate("cc", &pem(), FAR)
                };
                c.store.record_certificate(upload, None).await.unwrap();
            })
        }),
    ];
    for (what, fate) in fates {
        let client = issued(FAR, &pem()).await;
        fate(&client).await;
        let again = ask(&client, None).await;
        assert_eq!(
            (
                &again["id"],
                &again["deduplicated"],
                &again["result_certificate_id"]
            ),
            (&1.into(), &true.into(), &1.into()),
            "{what}: {again}"
        );
    }
}

/// A cancelled one, and one of an account that is switched off.
#[tokio::test]
async fn what_ended_or_may_not_go_on_is_not_answered_with() {
    let client = Client::new().await;
    client.account().await;
    ask(&client, None).await;
    client.post("/acme/certificate/requests/1/cancel", "").await;
    let again = ask(&client, None).await;
    assert_eq!(again["id"], 2, "{again}");
    client.post("/acme/accounts/disable", r#"{"id":1}"#).await;
    refused(
        &client.post("/acme/certificate/request", ASKED).await,
        409,
        3003,
        "/acme/accounts/enable",
    );
}
