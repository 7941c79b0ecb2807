//! What every store must do with an account's keys and bindings. Each function takes a fresh store.

use std::{sync::Arc, time::Duration};

use certmint_core::{
    account::{Account, AccountStatus, EabBinding, EabStatus, KeyVersion, RolloverStatus},
    chore::Chore,
    words::AccountId,
};
use certmint_shared::store::{StoreError, account_keys::UNSURE};

use crate::{
    conformance_lifecycle::{account, is_wrong},
    conformance_store::start,
    store::Store,
};

fn version(number: u32) -> KeyVersion {
    KeyVersion::new(number).expect("no zero")
}

/// As the worker leaves it that registered it.
async fn registered(store: &dyn Store, email: &str) -> Account {
    let active = Account {
        status: AccountStatus::Active,
        registration_uri: Some("https://ca.test/1".into()),
        ..account(store, email).await
    };
    store.save_account(&active).await.expect("saved")
}

/// What is due by then, in no order.
async fn due(store: &dyn Store, after: Duration) -> Vec<Chore> {
    let due = store.due_chores(start().plus(after), 99).await.expect("chores");
    due.into_iter().map(|c| c.chore).collect()
}

/// Asked once, done once: account and chore change together.
pub async fn rolling(store: &dyn Store) {
    let pending = account(store, "p@example.com").await;
    is_wrong(store.begin_rollover(pending.id, start()).await, "pending");
    let unknown = store.begin_rollover(AccountId::new(9), start()).await;
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })), "{unknown:?}");

    let made = registered(store, "a@example.com").await;
    let id = made.id;
    assert_eq!(made.key_version, KeyVersion::FIRST);
    let rolling = store.begin_rollover(id, start()).await.expect("begun");
    assert_eq!(store.account(id).await.expect("there"), rolling);
    let rollover = rolling.open_rollover().expect("under way").clone();
    assert_eq!((rollover.version, rolling.key_version), (version(2), version(1)));
    assert_eq!(rolling.version, made.version + 1);
    is_wrong(store.begin_rollover(id, start()).await, "changing its key");
    let chore = Chore::RollKey {
        id,
        version: version(2),
    };
    assert_eq!(due(store, Duration::ZERO).await, std::slice::from_ref(&chore));

    let done = store.key_changed(id, version(2), start()).await.expect("changed");
    assert_eq!(store.account(id).await.expect("there"), done);
    assert_eq!(
        (done.key_version, done.key_changed_at, done.open_rollover()),
        (version(2), Some(start()), None)
    );
    let status = done.rollover.as_ref().map(|r| r.status);
    assert_eq!(status, Some(RolloverStatus::Done));
    let old = Chore::DeleteSecrets {
        names: vec![format!("account-key/{id}")],
    };
    let chores = due(store, Duration::ZERO).await;
    assert!(
        chores.len() == 2 && chores.contains(&old) && chores.contains(&chore),
        "{chores:?}"
    );
    let again = store.key_changed(id, version(2), start()).await.expect("known");
    assert_eq!(again, done, "a repeat writes nothing");
    let late = store
        .rollover_failed(id, version(2), "no", start())
        .await
        .expect("too late");
    assert_eq!(late, done, "what is done did not fail");
    let names: Vec<String> = [
        "account-eab/x".to_owned(),
        format!("account-key/{id}"),
        format!("account-key/{id}-v2"),
    ]
    .into();
    assert_eq!(done.secrets(), names);
}

/// A rollover that failed leaves the key, says why, and gives its number to no other.
pub async fn failing(store: &dyn Store) {
    let id = registered(store, "a@example.com").await.id;
    store.begin_rollover(id, start()).await.expect("begun");
    let other = store.rollover_failed(id, version(3), "no", start()).await;
    assert!(
        other.expect("there").open_rollover().is_some(),
        "another rollover is not this one's"
    );
    let failed = store
        .rollover_failed(id, version(2), "not today", start())
        .await
        .expect("written");
    assert_eq!(store.account(id).await.expect("there"), failed);
    let rollover = failed.rollover.clone().expect("shown");
    assert_eq!(
        (
            rollover.status,
            rollover.last_error.as_deref(),
            failed.key_version
        ),
        (RolloverStatus::Failed, Some("not today"), version(1))
    );
    let discard = Chore::DiscardKey {
        id,
        version: version(2),
    };
    let hour = Duration::from_secs(3600);
    assert!(
        !due(store, UNSURE - hour).await.contains(&discard),
        "a worker may still be at it"
    );
    assert!(due(store, UNSURE).await.contains(&discard));
    let next = store.begin_rollover(id, start()).await.expect("begun anew");
    assert_eq!(next.open_rollover().map(|r| r.version), Some(version(3)));
    // The CA turns out to have the key of the rollover that failed: the one under way goes on from there.
    let found = store.key_changed(id, version(2), start()).await.expect("written");
    assert_eq!(
        (found.key_version, found.open_rollover().map(|r| r.version)),
        (version(2), Some(version(3)))
    );
    store.switch_account(id, false, start()).await.expect("off");
    let done = store.key_changed(id, version(3), start()).await.expect("written");
    assert_eq!(
        (done.status, done.key_version),
        (AccountStatus::Disabled, version(3))
    );
    is_wrong(store.begin_rollover(id, start()).await, "disabled");
}

/// Calls at once begin one rollover, and other changes of the account are not lost.
pub async fn rolling_at_once(store: Arc<dyn Store>) {
    let id = registered(&*store, "a@example.com").await.id;
    let calls = (0..4).map(|_| {
        let store = store.clone();
        async move { store.begin_rollover(id, start()).await }
    });
    let contact = "b@example.com".parse().expect("an address");
    let moving = store.change_contact(id, &contact, start());
    let (begun, moved) = futures::join!(futures::future::join_all(calls), moving);
    assert_eq!(begun.iter().filter(|b| b.is_ok()).count(), 1, "{begun:?}");
    assert!(moved.is_ok(), "{moved:?}");
    let (one, other) = futures::join!(
        store.key_changed(id, version(2), start()),
        store.key_changed(id, version(2), start())
    );
    assert_eq!(
        one.expect("changed").key_version,
        other.expect("changed").key_version
    );
    let account = store.account(id).await.expect("there");
    assert_eq!((account.email, account.key_version), (Some(contact), version(2)));
}

/// Another binding for an account that its CA does not know.
pub async fn binding(store: &dyn Store) {
    let made = account(store, "a@example.com").await;
    let id = made.id;
    assert_eq!(made.eab_status(start()), EabStatus::Unused);
    let refused = Account {
        status: AccountStatus::Failed,
        last_error: Some("no".into()),
        eab_rejected: true,
        ..made
    };
    let refused = store.save_account(&refused).await.expect("saved");
    assert_eq!(store.account(id).await.expect("there"), refused);
    assert_eq!(refused.eab_status(start()), EabStatus::Rejected);
    let hour = Duration::from_secs(3600);
    let eab = EabBinding {
        kid: "new".into(),
        key_ref: "account-eab/y".into(),
        expires_at: Some(start().plus(hour)),
    };
    let bound = store.replace_eab(id, &eab, start()).await.expect("bound");
    assert_eq!(store.account(id).await.expect("there"), bound);
    assert_eq!(
        (
            bound.status,
            bound.last_error.as_deref(),
            bound.eab_kid.as_deref()
        ),
        (AccountStatus::Pending, None, Some("new"))
    );
    assert_eq!(
        (bound.eab_status(start()), bound.eab_status(start().plus(hour))),
        (EabStatus::Unused, EabStatus::Expired)
    );
    let old = |name: &str| Chore::DeleteSecrets {
        names: vec![name.to_owned()],
    };
    assert_eq!(due(store, Duration::ZERO).await, [old("account-eab/x")]);
    let again = EabBinding {
        key_ref: "account-eab/z".into(),
        ..eab.clone()
    };
    store.replace_eab(id, &again, start()).await.expect("and again");
    let chores = due(store, Duration::ZERO).await;
    assert!(
        chores.len() == 2 && chores.contains(&old("account-eab/y")),
        "{chores:?}"
    );

    store.switch_account(id, false, start()).await.expect("off");
    is_wrong(store.replace_eab(id, &eab, start()).await, "disabled");
    let known = registered(store, "b@example.com").await;
    assert_eq!(known.eab_status(start()), EabStatus::Used);
    is_wrong(store.replace_eab(known.id, &eab, start()).await, "registered");
    let unknown = store.replace_eab(AccountId::new(9), &eab, start()).await;
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })), "{unknown:?}");
}
