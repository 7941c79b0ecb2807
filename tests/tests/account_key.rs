//! The key of an account is one key for ever: its CA knows no other.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use certmint_core::{
    account::{Account, AccountStatus, NewAccount},
    clock::Clock,
    issuance::{NewRequest, Request},
    provider::Providers,
    words::{NameSet, ProviderId},
};
use certmint_shared::{
    clock::SystemClock,
    store::{AccountStore, RequestStore},
    worker::{Adapters, Worker, WorkerSettings},
};
use certmint_tests::sim::{CaState, Gate, MemoryStore, MemoryVault, Secrets, SimCa, SimZones, ZoneState};

struct World {
    store: Arc<MemoryStore>,
    secrets: Secrets,
    worker: Worker,
}

impl World {
    fn new() -> Self {
        let (store, secrets) = (Arc::new(MemoryStore::default()), Secrets::default());
        let state = Arc::new(Mutex::new(ZoneState::new(&["example.com"], &[])));
        let zones = Arc::new(SimZones::new(state.clone(), Arc::default(), Gate::open()));
        let books = Arc::new(Mutex::new(CaState::default()));
        let ca = SimCa::new(books, state, secrets.clone(), Gate::open(), 0);
        let adapters = Adapters {
            wakes: Arc::new(certmint_shared::wake::NoQueue),
            store: store.clone().into(),
            vault: Arc::new(MemoryVault::new(secrets.clone(), Gate::open())),
            ca: Arc::new(ca),
            zones: zones.clone(),
            view: zones,
            clock: Arc::new(SystemClock),
            providers: Providers::default(),
        };
        let worker = Worker::new(&adapters, WorkerSettings::default(), "worker".into());
        Self {
            store,
            secrets,
            worker,
        }
    }

    async fn registered_account(&self) -> Account {
        let new = NewAccount {
            provider_id: ProviderId::new(1),
            email: Some("ops@example.com".parse().unwrap()),
            eab_kid: None,
            eab_key_ref: None,
            eab_expires_at: None,
        };
        let now = SystemClock.now();
        let account = self.store.create_account(new, None, now).await.unwrap();
        let registered = Account {
            status: AccountStatus::Active,
            registration_uri: Some("https://ca.test/account/0".into()),
            ..account
        };
        self.store.save_account(&registered).await.unwrap()
    }

    async fn work_on_one(&self, account: &Account) -> Request {
        let new = NewRequest::new(account.id, NameSet::parse(&["example.com"]).unwrap());
        let now = SystemClock.now();
        let request = self.store.create_request(new, 10, None, now).await.unwrap();
        let deadline = now.plus(Duration::from_secs(60));
        let report = self.worker.run(deadline).await;
        assert!(report.errors.is_empty(), "{}", report.errors);
        self.store.request(request.id).await.unwrap()
    }
}

#[tokio::test]
async fn a_registered_accounts_key_that_is_gone_is_an_error_and_not_a_new_key() {
    let world = World::new();
    let account = world.registered_account().await;
    let request = world.work_on_one(&account).await;
    let error = request.last_error.unwrap();
    let said = "Failed to request certificate: the key of account 1 is gone from the vault (account-key/1): ";
    assert!(
        error.starts_with(said) && error.contains("POST /acme/accounts/enable"),
        "{error}"
    );
    let failed = world.store.account(account.id).await.unwrap();
    assert_eq!(failed.status, AccountStatus::Failed);
    assert!(world.secrets.lock().unwrap().is_empty(), "no key in silence");
}

#[tokio::test]
async fn a_registered_account_goes_on_with_its_key() {
    let world = World::new();
    let account = world.registered_account().await;
    let key = ("account-key/1".to_owned(), "the key".to_owned());
    world.secrets.lock().unwrap().extend([key]);
    let request = world.work_on_one(&account).await;
    assert_eq!(request.last_error, None);
    assert!(request.result_certificate_id.is_some());
}
