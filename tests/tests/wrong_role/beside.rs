//! The worker over a vault that denies: the alarm, accounts, and chores.

use std::time::Duration;

use certmint_core::{
    account::AccountStatus,
    certificate::{Certificate, CertificateSource, Lifecycle, RevocationReason, RevokedBy},
    issuance::RequestStatus,
    provider::Limits,
    words::{AccountId, CertificateId, RequestId},
};
use certmint_shared::store::{
    AccountKeys, AccountLifecycle, AccountStore, CertificateLifecycle, CertificateStore,
};
use certmint_tests::{
    conformance_store::start,
    logged::Logged,
    scripted::{World, directory},
};

const MINUTE: Duration = Duration::from_secs(60);

async fn requests(world: &World, account: u64, count: usize) -> Vec<RequestId> {
    let mut ids = Vec::new();
    for n in 0..count {
        let name = format!("a{n}-{account}.example.com");
        ids.push(world.request(account, &[name.as_str()]).await);
    }
    ids
}

async fn recorded(world: &World) -> CertificateId {
    let certificate = Certificate {
        id: CertificateId::new(0),
        fingerprint: "01".into(),
        serial: "01".into(),
        issuer: "CN=CA".into(),
        names: vec!["example.com".parse().unwrap()],
        not_before: start(),
        expires_at: start().plus(Duration::from_secs(90 * 24 * 3600)),
        cert_pem: "pem".into(),
        chain_pem: "pem".into(),
        key_ref: String::new(),
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

/// Every request waits, with no try counted, and says why.
async fn all_wait(world: &World, ids: &[RequestId], words: &str) {
    for id in ids {
        let request = world.get(*id).await;
        let state = (
            request.status,
            request.issuance.attempts,
            request.issuance.failures,
        );
        assert_eq!(state, (RequestStatus::Running, 0, 0), "{request:?}");
        assert!(request.last_error.unwrap().contains(words));
    }
}

#[tokio::test]
async fn the_alarm_is_raised_once_a_pass_however_many_wait() {
    // From the start: a line that is written first where nobody listens is not written later either.
    let logged = Logged::new();
    let world = World::busy(Limits::NONE, 16).await;
    world.request(1, &["first.example.com"]).await;
    world.run().await;
    world.deny(&["GetSecretValue"]);
    let ids = requests(&world, 1, 40).await;
    for pass in 0..3 {
        world.run().await;
        let alarms = logged.alarms("permission");
        assert_eq!(alarms.len(), 1, "pass {pass}: {alarms:?}");
        assert!(
            alarms[0].contains("access denied to GetSecretValue"),
            "{alarms:?}"
        );
        all_wait(&world, &ids, "access denied to GetSecretValue").await;
        world.pass(MINUTE * 5);
    }
    world.deny(&[]);
    world.run().await;
    assert_eq!(logged.alarms("permission"), [""; 0]);
    for id in &ids {
        assert_eq!(world.get(*id).await.issuance.attempts, 1);
    }
}

/// A registration that the vault keeps from being made is no failure of the account, with and without a binding.
#[tokio::test]
async fn an_account_that_cannot_be_registered_for_a_while_is_not_failed() {
    for (account, denied) in [(1, "CreateSecret"), (2, "CreateSecret"), (2, "GetSecretValue")] {
        let (logged, world) = (Logged::new(), World::new(Limits::NONE).await);
        world.deny(&[denied]);
        let ids = requests(&world, account, 3).await;
        for _ in 0..4 {
            world.run().await;
            all_wait(&world, &ids, denied).await;
            assert_eq!(world.account(account).await, (AccountStatus::Pending, None));
            assert_eq!(logged.alarms("permission").len(), 1);
            world.pass(MINUTE * 5 / 2);
        }
        assert_eq!(*world.ca.registrations.lock().unwrap(), 0, "{denied}");
        world.deny(&[]);
        world.pass(MINUTE * 3);
        world.run().await;
        assert_eq!(world.account(account).await.0, AccountStatus::Active);
        let name = if account == 1 { "one" } else { "two" };
        assert_eq!(world.ca.orders(&directory(name)), 3);
    }
}

/// What a client asked for beside issuances waits, too: however long the right was missing, it is done minutes after it
/// came back.
#[tokio::test]
async fn chores_are_done_once_the_right_is_back() {
    let logged = Logged::new();
    let world = World::new(Limits::NONE).await;
    world.request(1, &["first.example.com"]).await;
    world.run().await;
    let id = recorded(&world).await;
    let (store, one, two) = (&world.store, AccountId::new(1), AccountId::new(2));
    world.deny(&["GetSecretValue", "CreateSecret", "DeleteSecret"]);
    let reason = RevocationReason::Superseded;
    store
        .revoke_certificate(id, reason, RevokedBy::Account, start())
        .await
        .unwrap();
    let email = "new@example.com".parse().unwrap();
    store.change_contact(one, &email, start()).await.unwrap();
    store.begin_rollover(one, start()).await.unwrap();
    store.delete_account(two, start()).await.unwrap();
    for _ in 0..24 {
        world.run().await;
        // The vault is one cause, whatever was asked of it.
        assert_eq!(logged.alarms("permission").len(), 1);
        world.pass(MINUTE * 60);
    }
    let revocation = || async { store.certificate(id).await.unwrap().lifecycle.revocation.unwrap() };
    assert!(revocation().await.is_open(), "nobody refused it");
    let account = store.account(one).await.unwrap();
    assert!(
        account.open_rollover().is_some() && account.last_error.is_none(),
        "{account:?}"
    );
    let secret = || world.vault.get("account-eab/2");
    world.deny(&[]);
    assert!(secret().await.is_ok());
    world.pass(MINUTE * 10);
    world.run().await;
    assert!(revocation().await.revoked_at.is_some());
    assert_eq!(*world.ca.contacts.lock().unwrap(), ["new@example.com"]);
    let account = store.account(one).await.unwrap();
    assert!(
        account.open_rollover().is_none() && account.key_version.get() == 2,
        "{account:?}"
    );
    assert!(secret().await.is_err(), "deleted");
}
