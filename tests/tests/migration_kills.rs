//! The move from one vault to another, killed before and after each of its calls.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    future::{Future, pending},
    pin::pin,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
};

use async_trait::async_trait;
use certmint_shared::vault::{
    KeyVault, SecretNames, VaultError,
    migrate::{Migrated, migrate},
};
use secrecy::{ExposeSecret, SecretString};

/// Counts down the calls that are left to a process; a call is cut off before or after its effect.
struct Life {
    left: AtomicUsize,
    after: bool,
}

impl Life {
    async fn step<T>(&self, effect: impl FnOnce() -> T) -> T {
        let left = self.left.load(Ordering::SeqCst);
        self.left.store(left.saturating_sub(1), Ordering::SeqCst);
        if left == 0 {
            if self.after {
                effect();
            }
            return pending().await;
        }
        effect()
    }
}

#[derive(Default)]
struct Secrets {
    values: Mutex<BTreeMap<String, String>>,
    deleted: Mutex<BTreeSet<String>>,
}

impl Secrets {
    fn live(&self, name: &str) -> Option<String> {
        let deleted = self.deleted.lock().unwrap().contains(name);
        self.values
            .lock()
            .unwrap()
            .get(name)
            .filter(|_| !deleted)
            .cloned()
    }
}

struct Vault<'a> {
    secrets: &'a Secrets,
    life: &'a Life,
}

#[async_trait]
impl KeyVault for Vault<'_> {
    async fn put_if_absent(&self, name: &str, value: SecretString) -> Result<SecretString, VaultError> {
        let put = || {
            let mut values = self.secrets.values.lock().unwrap();
            let stored = values.entry(name.to_owned());
            stored.or_insert_with(|| value.expose_secret().to_owned()).clone()
        };
        Ok(self.life.step(put).await.into())
    }

    async fn get(&self, name: &str) -> Result<SecretString, VaultError> {
        let found = self.life.step(|| self.secrets.live(name)).await;
        found
            .map(Into::into)
            .ok_or_else(|| VaultError::NotFound(name.to_owned()))
    }

    async fn delete(&self, name: &str) -> Result<(), VaultError> {
        self.life
            .step(|| self.secrets.deleted.lock().unwrap().insert(name.to_owned()))
            .await;
        Ok(())
    }
}

#[async_trait]
impl SecretNames for Vault<'_> {
    async fn names(&self) -> Result<Vec<String>, VaultError> {
        let list = || {
            let all = self.secrets.values.lock().unwrap().clone();
            all.into_keys()
                .filter(|n| self.secrets.live(n).is_some())
                .collect()
        };
        Ok(self.life.step(list).await)
    }
}

/// Runs it until it ends or is killed.
fn run(from: &Secrets, to: &Secrets, life: &Life) -> Option<Migrated> {
    let (from, to) = (Vault { secrets: from, life }, Vault { secrets: to, life });
    let mut migration = pin!(migrate(&from, &to, false));
    match migration.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(report) => Some(report.unwrap()),
        Poll::Pending => None,
    }
}

fn filled() -> (Secrets, BTreeMap<String, String>) {
    let values: BTreeMap<String, String> = (0..5)
        .map(|n| (format!("key/{n}"), format!("secret {n}")))
        .collect();
    let secrets = Secrets::default();
    secrets.values.lock().unwrap().extend(values.clone());
    (secrets, values)
}

fn life(left: usize, after: bool) -> Life {
    Life {
        left: AtomicUsize::new(left),
        after,
    }
}

#[test]
fn killed_anywhere_it_loses_nothing_and_goes_on() {
    let mut kills = 0;
    for after in [false, true] {
        for calls in 0.. {
            let ((from, values), to) = (filled(), Secrets::default());
            let ended = run(&from, &to, &life(calls, after));
            for (name, value) in &values {
                let places = [from.live(name), to.live(name)];
                assert!(
                    places.iter().flatten().count() > 0 && places.iter().flatten().all(|v| v == value),
                    "killed at call {calls}: {name} is {places:?}"
                );
                assert!(to.live(name).is_some() || from.live(name).is_some());
            }
            let again = run(&from, &to, &life(usize::MAX, false)).unwrap();
            assert_eq!(again.failed, []);
            assert!(
                values.keys().all(|n| from.live(n).is_none()),
                "killed at call {calls}"
            );
            assert!(values.iter().all(|(n, v)| to.live(n).as_ref() == Some(v)));
            assert_eq!(
                run(&from, &to, &life(usize::MAX, false)).unwrap(),
                Migrated::default()
            );
            if ended.is_some() {
                break;
            }
            kills += 1;
        }
    }
    // Names, then four calls a secret, each cut before and after.
    assert_eq!(kills, 2 * (1 + 4 * 5));
}

#[test]
fn another_value_in_the_new_place_is_told_and_nothing_is_deleted() {
    let ((from, values), to) = (filled(), Secrets::default());
    to.values.lock().unwrap().insert("key/3".into(), "another".into());
    let report = run(&from, &to, &life(usize::MAX, false)).unwrap();
    assert_eq!((report.removed, report.failed.len()), (4, 1));
    assert!(report.failed[0].1.contains("different values"));
    assert_eq!(from.live("key/3"), values.get("key/3").cloned());
    assert_eq!(to.live("key/3").as_deref(), Some("another"));
}
