//! What every vault and every clock must do. Each function takes a fresh one.

use std::time::Duration;

use certmint_shared::clock::Timer;
use certmint_shared::vault::{Deposit, KeyVault, SecretNames, VaultError};
use secrecy::ExposeSecret;

/// The first value of a name stays, and a repeat gets it back.
pub async fn the_first_value_stays(vault: &dyn KeyVault) {
    let missing = vault.get("key/1").await;
    assert!(matches!(missing, Err(VaultError::NotFound(_))), "{missing:?}");
    let first = vault.put_if_absent("key/1", "one".into()).await.expect("stored");
    let again = vault.put_if_absent("key/1", "two".into()).await.expect("found");
    assert_eq!((first.expose_secret(), again.expose_secret()), ("one", "one"));
    let read = vault.get("key/1").await.expect("read");
    assert_eq!(read.expose_secret(), "one");
    let other = vault.put_if_absent("key/10", "ten".into()).await.expect("stored");
    assert_eq!(
        other.expose_secret(),
        "ten",
        "one name is not the start of another"
    );
}

/// A deleted secret is not readable; deleting it twice is success.
pub async fn deletes(vault: &dyn KeyVault) {
    vault.put_if_absent("key/1", "one".into()).await.expect("stored");
    vault.delete("key/1").await.expect("deleted");
    vault.delete("key/1").await.expect("gone already");
    let read = vault.get("key/1").await;
    assert!(
        matches!(
            read,
            Err(VaultError::NotFound(_) | VaultError::PendingDeletion(_))
        ),
        "{read:?}"
    );
}

/// What is put stays, is not replaced, and comes back from its deletion, however often it is put.
pub async fn takes_deposits<V: KeyVault + Deposit>(vault: &V) {
    let missing = vault.look("key/1").await;
    assert!(matches!(missing, Err(VaultError::NotFound(_))), "{missing:?}");
    for value in ["one", "two"] {
        vault.ensure("key/1", value.into()).await.expect("put");
    }
    vault.look("key/1").await.expect("there");
    assert_eq!(vault.get("key/1").await.expect("read").expose_secret(), "one");
    vault.delete("key/1").await.expect("scheduled");
    vault.delete("key/1").await.expect("scheduled already");
    let pending = vault.look("key/1").await;
    assert!(
        matches!(pending, Err(VaultError::PendingDeletion(_))),
        "{pending:?}"
    );
    vault.ensure("key/1", "three".into()).await.expect("taken back");
    vault.look("key/1").await.expect("there again");
    assert_eq!(vault.get("key/1").await.expect("read").expose_secret(), "one");
    // What a vault holds already is as good as what was put.
    vault.put_if_absent("key/2", "two".into()).await.expect("stored");
    vault.ensure("key/2", "other".into()).await.expect("there");
    assert_eq!(vault.get("key/2").await.expect("read").expose_secret(), "two");
    vault.delete("key/3").await.expect("gone already");
}

/// All names are listed, without what was deleted; there may be more than a page of them.
pub async fn names_are_listed<V: KeyVault + SecretNames>(vault: &V) {
    assert!(vault.names().await.expect("a list").is_empty());
    let mut names: Vec<String> = (0..105).map(|n| format!("key/{n}")).collect();
    for name in &names {
        vault.put_if_absent(name, "value".into()).await.expect("stored");
    }
    vault.delete("key/7").await.expect("deleted");
    names.retain(|n| n != "key/7");
    let mut listed = vault.names().await.expect("a list");
    names.sort();
    listed.sort();
    assert_eq!(listed, names);
}

/// A sleep lets at least its time pass.
pub async fn a_sleep_takes_its_time(clock: &dyn Timer) {
    let (before, time) = (clock.now(), Duration::from_millis(3));
    clock.sleep(time).await;
    assert!(clock.now().since(before) >= time);
}
