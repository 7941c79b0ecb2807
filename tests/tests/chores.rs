//! Work beside issuances: the worker over the store, with a CA that follows a script.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use certmint_core::{
    account::AccountStatus,
    certificate::{
        Certificate, CertificateSource, CertificateStatus, KeyAlgorithm, KeyPlan, Lifecycle, Revocation,
        RevocationReason, RevokedBy,
    },
    issuance::{NewRequest, Phase, RequestStatus},
    provider::Limits,
    renewal::{self, RenewMode},
    words::{AccountId, CertificateId, Class, NameSet, ProviderId, RequestId},
    x509::keys,
};
use certmint_shared::{
    store::{
        AccountLifecycle, CertificateLifecycle, CertificateStore, ChoreStore, RenewalStore, RequestLifecycle,
        RequestStore,
    },
    vault::VaultError,
};
use certmint_tests::{
    conformance_store::start,
    scripted::{World, directory, problem},
};
use secrecy::ExposeSecret;

const REASON: RevocationReason = RevocationReason::Superseded;

async fn certificate(world: &World) -> CertificateId {
    recorded(world, "01", "example.com").await
}

async fn recorded(world: &World, fingerprint: &str, name: &str) -> CertificateId {
    let certificate = Certificate {
        id: CertificateId::new(0),
        fingerprint: fingerprint.into(),
        serial: "01".into(),
        issuer: "CN=CA".into(),
        names: vec![name.parse().unwrap()],
        not_before: start(),
        expires_at: start().plus(Duration::from_secs(90 * 24 * 3600)),
        cert_pem: "pem".into(),
        chain_pem: "pem".into(),
        key_ref: "certificate-key/1-1".into(),
        source: CertificateSource::Acme,
        account_id: Some(AccountId::new(1)),
        provider: "one".into(),
        request_id: None,
        profile: None,
        version: 1,
        created_at: start(),
        updated_at: start(),
        lifecycle: Lifecycle::default(),
    };
    world
        .store
        .record_certificate(certificate, None)
        .await
        .unwrap()
        .id
}

async fn revocation(world: &World, id: CertificateId) -> Revocation {
    world
        .store
        .certificate(id)
        .await
        .unwrap()
        .lifecycle
        .revocation
        .unwrap()
}

#[tokio::test]
async fn a_revocation_that_the_ca_cannot_answer_is_asked_again() {
    let world = World::new(Limits::NONE).await;
    let id = certificate(&world).await;
    world
        .store
        .revoke_certificate(id, REASON, RevokedBy::Account, start())
        .await
        .unwrap();
    let away = problem(Class::Transient, "urn:certmint:caUnreachable", "no route to host");
    *world.ca.revoke.lock().unwrap() = Some(away);
    world.run().await;
    assert!(revocation(&world, id).await.is_open());
    world.run().await;
    assert_eq!(world.ca.revoked.lock().unwrap().len(), 1, "not before its time");
    *world.ca.revoke.lock().unwrap() = None;
    world.pass(Duration::from_secs(90));
    world.run().await;
    assert_eq!(*world.ca.revoked.lock().unwrap(), [REASON, REASON]);
    let done = world.store.certificate(id).await.unwrap();
    assert_eq!(done.status(start()), CertificateStatus::Revoked);
    world.pass(Duration::from_secs(3600));
    world.run().await;
    assert_eq!(world.ca.revoked.lock().unwrap().len(), 2, "and not again");
}

#[tokio::test]
async fn chores_that_fail_keep_no_other_waiting() {
    let world = World::new(Limits::NONE).await;
    let away = problem(Class::Transient, "urn:certmint:caUnreachable", "no route to host");
    *world.ca.revoke.lock().unwrap() = Some(away);
    // More than are looked at together, and all are due before the other.
    for n in 0..30 {
        let id = recorded(&world, &format!("{n:02}"), &format!("a{n}.example.com")).await;
        let by = RevokedBy::Account;
        let revoked = world.store.revoke_certificate(id, REASON, by, start()).await;
        revoked.unwrap();
    }
    let later = start().plus(Duration::from_secs(1));
    let email = "new@example.com".parse().unwrap();
    let changed = world.store.change_contact(AccountId::new(1), &email, later).await;
    changed.unwrap();
    world.pass(Duration::from_secs(2));
    world.run().await;
    assert_eq!(world.ca.revoked.lock().unwrap().len(), 30, "each was tried once");
    assert_eq!(*world.ca.contacts.lock().unwrap(), ["new@example.com"]);
}

#[tokio::test]
async fn a_refused_revocation_says_why_and_can_be_asked_for_anew() {
    let world = World::new(Limits::NONE).await;
    let id = certificate(&world).await;
    world
        .store
        .revoke_certificate(id, REASON, RevokedBy::Account, start())
        .await
        .unwrap();
    let kind = "urn:ietf:params:acme:error:badRevocationReason";
    *world.ca.revoke.lock().unwrap() = Some(problem(Class::Permanent, kind, "reason 4 is not taken"));
    world.run().await;
    let refused = revocation(&world, id).await;
    assert_eq!(
        (refused.revoked_at, refused.error.as_deref()),
        (None, Some("reason 4 is not taken"))
    );
    assert_eq!(
        world.store.certificate(id).await.unwrap().status(start()),
        CertificateStatus::Issued
    );
    *world.ca.revoke.lock().unwrap() = None;
    world
        .store
        .revoke_certificate(id, RevocationReason::Unspecified, RevokedBy::Account, start())
        .await
        .unwrap();
    world.run().await;
    assert!(revocation(&world, id).await.revoked_at.is_some());
}

#[tokio::test]
async fn a_worker_that_died_on_a_chore_leaves_it_to_the_next() {
    let world = World::new(Limits::NONE).await;
    world
        .store
        .delete_account(AccountId::new(2), start())
        .await
        .unwrap();
    let due = world.store.due_chores(start(), 9).await.unwrap().remove(0);
    let until = start().plus(Duration::from_secs(600));
    world.store.take_chore(&due, until).await.unwrap().unwrap();
    world.run().await;
    assert_eq!(
        world.store.due_chores(until, 9).await.unwrap().len(),
        1,
        "another one's for now"
    );
    world.pass(Duration::from_secs(601));
    world.run().await;
    let far = start().plus(Duration::from_secs(10 * 24 * 3600));
    assert_eq!(world.store.due_chores(far, 9).await.unwrap(), []);
}

#[tokio::test]
async fn a_new_address_is_told_until_the_ca_has_it() {
    let world = World::new(Limits::NONE).await;
    let id = AccountId::new(1);
    let email = |text: &str| text.parse().unwrap();
    world
        .store
        .change_contact(id, &email("new@example.com"), start())
        .await
        .unwrap();
    let away = problem(Class::Transient, "urn:certmint:caUnreachable", "no route to host");
    *world.ca.contact.lock().unwrap() = Some(away);
    world.run().await;
    *world.ca.contact.lock().unwrap() = None;
    world.pass(Duration::from_secs(90));
    world.run().await;
    assert_eq!(
        *world.ca.contacts.lock().unwrap(),
        ["new@example.com", "new@example.com"]
    );
    let kind = "urn:ietf:params:acme:error:invalidContact";
    *world.ca.contact.lock().unwrap() = Some(problem(Class::Permanent, kind, "no such domain"));
    world
        .store
        .change_contact(id, &email("odd@example.com"), start())
        .await
        .unwrap();
    world.run().await;
    let (status, error) = world.account(1).await;
    assert_eq!(status, AccountStatus::Active);
    assert_eq!(
        error.as_deref(),
        Some("the CA refuses the address odd@example.com: no such domain")
    );
}

#[tokio::test]
async fn a_certificates_key_is_shown_to_the_ca_that_was_named() {
    let world = World::new(Limits::NONE).await;
    let id = certificate(&world).await;
    let by = |provider| RevokedBy::CertificateKey {
        provider: ProviderId::new(provider),
    };
    // Without its key nothing can be signed: the client is told so.
    world
        .store
        .revoke_certificate(id, REASON, by(2), start())
        .await
        .unwrap();
    world.run().await;
    let told = revocation(&world, id).await.error.unwrap();
    assert!(told.contains("certificate-key/1-1 does not exist"), "{told}");
    world
        .store
        .revoke_certificate(id, REASON, by(9), start())
        .await
        .unwrap();
    world.run().await;
    let told = revocation(&world, id).await.error.unwrap();
    assert!(told.contains("provider 9"), "{told}");
    assert!(world.ca.revoked.lock().unwrap().is_empty(), "no CA was asked");

    let names = NameSet::parse(&["example.com"]).unwrap();
    let secret = keys::generate(&names, KeyAlgorithm::EcdsaP384, "request 1 of 0").unwrap();
    let key = keys::parse(&secret).unwrap().key_pem;
    world
        .vault
        .put_if_absent("certificate-key/1-1", secret)
        .await
        .unwrap();
    world
        .store
        .revoke_certificate(id, REASON, by(2), start())
        .await
        .unwrap();
    world.run().await;
    assert!(revocation(&world, id).await.revoked_at.is_some());
    let signed = (directory("two"), key.expose_secret().to_owned());
    assert_eq!(*world.ca.revoked_by_key.lock().unwrap(), [signed]);
    assert_eq!(*world.ca.revoked.lock().unwrap(), [REASON]);
}

/// The certificate of a request that failed all the same: recorded, and the answer lost for good.
#[tokio::test]
async fn a_key_that_a_certificate_has_outlives_its_request() {
    key_outlives_request(&["example.com"], "example.com").await;
    // It was ordered without the name that the star covers.
    key_outlives_request(&["*.example.com", "www.example.com"], "*.example.com").await;
}

async fn key_outlives_request(asked: &[&str], certified: &str) {
    let world = World::new(Limits::NONE).await;
    let id = world.request(1, asked).await;
    let mut request = world.get(id).await;
    request.issuance.phase = Phase::Failed;
    request.issuance.orders = 2;
    request.status = RequestStatus::Failed;
    request.wake_at = None;
    world.store.save_request(&request, start()).await.unwrap();
    let name = |order: u32| format!("certificate-key/{id}-order{order}");
    for order in 0..2 {
        let secret = "secret".to_owned().into();
        world.vault.put_if_absent(&name(order), secret).await.unwrap();
    }
    assert_eq!(id, RequestId::new(1));
    let other = certificate(&world).await;
    let recorded = Certificate {
        id: CertificateId::new(0),
        fingerprint: "02".into(),
        key_ref: name(1),
        names: vec![certified.parse().unwrap()],
        ..world.store.certificate(other).await.unwrap()
    };
    world
        .store
        .record_certificate(recorded, Some(&request))
        .await
        .unwrap();
    world.store.delete_request(id, start()).await.unwrap();
    world.run().await;
    let gone = world.vault.get(&name(0)).await;
    assert!(matches!(gone, Err(VaultError::NotFound(_))));
    assert!(world.vault.get(&name(1)).await.is_ok());
}

/// A look at a renewal that cannot be: the client has the key, and gave it away.
#[tokio::test]
async fn what_cannot_be_renewed_is_looked_at_once_and_says_why() {
    let world = World::new(Limits::NONE).await;
    let new = NewRequest {
        key: KeyPlan::Client {
            csr: "AAAA".into(),
            algorithm: KeyAlgorithm::EcdsaP256,
        },
        ..NewRequest::new(AccountId::new(1), NameSet::parse(&["example.com"]).unwrap())
    };
    let made = world.store.create_request(new, 10, None, start()).await.unwrap();
    world.store.cancel_request(made.id, start()).await.unwrap();
    let other = certificate(&world).await;
    let theirs = Certificate {
        fingerprint: "02".into(),
        key_ref: String::new(),
        request_id: Some(made.id),
        ..world.store.certificate(other).await.unwrap()
    };
    let theirs = world.store.record_certificate(theirs, None).await.unwrap();
    let reason = RevocationReason::KeyCompromise;
    world
        .store
        .revoke_certificate(theirs.id, reason, RevokedBy::Account, start())
        .await
        .unwrap();
    let theirs = world.store.certificate(theirs.id).await.unwrap();
    let stored = || async {
        let found = world.store.renewals(std::slice::from_ref(&theirs)).await;
        found.unwrap().remove(0)
    };
    let wanted = renewal::wanted(&stored().await, &theirs, start());
    let wanted = renewal::in_mode(&wanted, RenewMode::Auto, start());
    world.store.save_renewal(&wanted).await.unwrap();
    world.run().await;
    let after = stored().await;
    assert_eq!((after.look_at, after.request_id), (None, None));
    let why = after.last_error.unwrap();
    assert!(
        why.contains("CSR whose key was revoked for keyCompromise"),
        "{why}"
    );
}
