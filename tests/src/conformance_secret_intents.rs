//! What every store must do with secrets that go into the vault before their record.

use std::time::Duration;

use certmint_core::{
    account::{EabBinding, NewAccount},
    certificate::{Certificate, CertificateSource, Lifecycle},
    chore::Chore,
    words::{CertificateId, ProviderId, Timestamp},
};
use certmint_shared::store::StoreError;

use crate::{conformance_store::start, store::Store};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// The secrets whose deletion is due.
async fn due(store: &dyn Store, now: Timestamp) -> Vec<String> {
    let due = store.due_chores(now, 100).await.expect("chores").into_iter();
    let secrets = due.filter_map(|stored| match stored.chore {
        Chore::DeleteSecrets { names } => Some(names),
        _ => None,
    });
    let mut names: Vec<String> = secrets.flatten().collect();
    names.sort();
    names
}

fn account(email: &str, secret: &str) -> NewAccount {
    NewAccount {
        provider_id: ProviderId::new(1),
        email: Some(email.parse().expect("an address")),
        eab_kid: Some("kid".into()),
        eab_key_ref: Some(secret.into()),
        eab_expires_at: None,
    }
}

fn upload(secret: &str) -> Certificate {
    Certificate {
        id: CertificateId::new(0),
        fingerprint: secret.into(),
        serial: "01".into(),
        issuer: "CN=CA".into(),
        names: vec!["example.com".parse().expect("a name")],
        not_before: start(),
        expires_at: start().plus(HOUR * 24 * 90),
        cert_pem: "pem".into(),
        chain_pem: "pem".into(),
        key_ref: secret.into(),
        source: CertificateSource::Upload,
        account_id: None,
        provider: "manual".into(),
        request_id: None,
        profile: None,
        version: 1,
        created_at: start(),
        updated_at: start(),
        lifecycle: Lifecycle::default(),
    }
}

/// A secret that no record claims is deleted, an hour later or at once; one that a record names stays.
pub async fn claimed_and_unclaimed(store: &dyn Store) {
    let secrets = ["account", "binding", "certificate", "dropped", "forgotten"];
    for secret in secrets {
        store.intend_secret(secret, start()).await.expect("intended");
    }
    assert_eq!(due(store, start()).await, [""; 0]);
    assert_eq!(due(store, start().plus(HOUR)).await, secrets);
    store.drop_secret("dropped", start()).await.expect("dropped");
    assert_eq!(due(store, start()).await, ["dropped"]);

    let made = store
        .create_account(account("a@example.com", "account"), None, start())
        .await;
    let made = made.expect("opened");
    let uploaded = store.record_certificate(upload("certificate"), None).await;
    uploaded.expect("recorded");
    let eab = EabBinding {
        kid: "kid".into(),
        key_ref: "binding".into(),
        expires_at: None,
    };
    store.replace_eab(made.id, &eab, start()).await.expect("bound");
    // The binding before is deleted, as ever.
    assert_eq!(
        due(store, start().plus(HOUR)).await,
        ["account", "dropped", "forgotten"]
    );
    for claimed in ["binding", "certificate"] {
        store.drop_secret(claimed, start()).await.expect("too late");
    }
    assert_eq!(
        due(store, start().plus(HOUR)).await,
        ["account", "dropped", "forgotten"]
    );
}

/// A record that comes when its secret is being deleted is not written.
pub async fn too_late(store: &dyn Store) {
    for secret in ["account", "certificate"] {
        store.intend_secret(secret, start()).await.expect("intended");
    }
    let late = start().plus(HOUR);
    for chore in store.due_chores(late, 10).await.expect("chores") {
        store.take_chore(&chore, late.plus(HOUR)).await.expect("taken");
    }
    let opened = store
        .create_account(account("a@example.com", "account"), None, late)
        .await;
    assert!(matches!(&opened, Err(StoreError::Conflict { .. })), "{opened:?}");
    let recorded = store.record_certificate(upload("certificate"), None).await;
    assert!(
        matches!(&recorded, Err(StoreError::Conflict { .. })),
        "{recorded:?}"
    );
    // What had no intent is recorded: its secret was there before.
    store
        .create_account(account("b@example.com", "old"), None, late)
        .await
        .expect("opened");
}
