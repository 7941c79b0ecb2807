//! The worker and the cleaner in a world where some are slow: names, zones, CAs, accounts. Time is virtual and only what
//! is slow takes any, so that a test reads off who waited for whom.

mod adapters;
mod time;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use certmint_core::{
    account::NewAccount,
    clock::Clock,
    issuance::{NewRequest, Request},
    provider::{Provider, Providers},
    words::{AccountId, NameSet, ProviderId, RequestId, Timestamp},
};
use certmint_shared::{
    cleanup::{self, Cleaner},
    dns::DnsZones,
    store::{AccountStore, RequestStore},
    worker::{Adapters, Report, Worker, WorkerSettings},
};

use self::adapters::Behind;
pub use self::{
    adapters::{Pace, Slow},
    time::VirtualTime,
};
use crate::sim::{CaState, Gate, MemoryStore, MemoryVault, Secrets, SimCa, SimZones, ZoneState};

/// Two CAs; zones as a test names them.
pub struct SlowWorld {
    /// The clock.
    pub time: Arc<VirtualTime>,
    /// What is slow.
    pub slow: Arc<Slow>,
    /// The store.
    pub store: Arc<MemoryStore>,
    /// The CAs' books.
    pub books: Arc<Mutex<CaState>>,
    /// The zones.
    pub zones: Arc<dyn DnsZones>,
    /// The worker.
    pub worker: Worker,
}

/// The directory of CA `n`.
#[must_use]
pub fn ca(n: u64) -> String {
    format!("https://ca{n}.test/dir")
}

impl SlowWorld {
    /// A world with these zones, at its beginning.
    #[must_use]
    pub fn new(zones: &[&str]) -> Self {
        let time = Arc::new(VirtualTime::default());
        // The certificates of the model are of that time.
        time.pass(Duration::from_secs(1_800_000_000));
        let slow = Arc::new(Slow::new(time.clone()));
        let (store, secrets) = (Arc::new(MemoryStore::default()), Secrets::default());
        let state = Arc::new(Mutex::new(ZoneState::new(zones, &[])));
        let behind = SimZones::new(state.clone(), Arc::default(), Gate::open());
        let zones = Arc::new(Behind {
            slow: slow.clone(),
            behind,
        });
        let books = Arc::new(Mutex::new(CaState::default()));
        let sim = SimCa::new(books.clone(), state, secrets.clone(), Gate::open(), 0);
        let provider = |n| Provider::new(ProviderId::new(n), &format!("ca{n}"), &ca(n));
        let adapters = Adapters {
            wakes: Arc::new(certmint_shared::wake::NoQueue),
            store: store.clone().into(),
            vault: Arc::new(Behind {
                slow: slow.clone(),
                behind: MemoryVault::new(secrets, Gate::open()),
            }),
            ca: Arc::new(Behind {
                slow: slow.clone(),
                behind: sim,
            }),
            zones: zones.clone(),
            view: zones.clone(),
            clock: time.clone(),
            providers: Providers::new(vec![provider(1), provider(2)]).expect("providers"),
        };
        Self {
            worker: Worker::new(&adapters, WorkerSettings::default(), "worker".into()),
            time,
            slow,
            store,
            books,
            zones,
        }
    }

    /// A new account of a CA.
    pub fn account(&self, of_ca: u64, email: &str) -> AccountId {
        let new = NewAccount {
            provider_id: ProviderId::new(of_ca),
            email: Some(email.parse().expect("an address")),
            eab_kid: None,
            eab_key_ref: None,
            eab_expires_at: None,
        };
        let made = self
            .time
            .run(self.store.create_account(new, None, self.time.now()));
        made.expect("an account").id
    }

    /// A new request.
    pub fn request(&self, account: AccountId, names: &[&str]) -> RequestId {
        let new = NewRequest::new(account, NameSet::parse(names).expect("names"));
        let made = self
            .time
            .run(self.store.create_request(new, 10, None, self.time.now()));
        made.expect("a request").id
    }

    /// A pass of the worker in an invocation of so many seconds. It must end in time.
    pub fn work(&self, seconds: u64) -> Report {
        let deadline = self.time.now().plus(Duration::from_secs(seconds));
        let report = self.time.run(self.worker.run(deadline));
        assert!(self.time.now() < deadline, "the invocation ended in time");
        report
    }

    /// A run of the cleaner.
    pub fn clean(&self, seconds: u64) -> cleanup::Report {
        let (store, zones) = (self.store.clone(), self.zones.clone());
        let cleaner = Cleaner::new(store.clone(), store, zones, self.time.clone());
        let deadline = self.time.now().plus(Duration::from_secs(seconds));
        let report = self.time.run(cleaner.run(deadline));
        assert!(self.time.now() < deadline, "the invocation ended in time");
        report
    }

    /// A request as it is stored.
    pub fn get(&self, id: RequestId) -> Request {
        self.time.run(self.store.request(id)).expect("a request")
    }

    /// Seconds from a moment until the last of these requests came to its end.
    #[must_use]
    pub fn seconds(&self, from: Timestamp, ids: &[RequestId]) -> f64 {
        let last = ids.iter().map(|id| self.get(*id).issuance.since).max();
        last.unwrap_or(from).since(from).as_secs_f64()
    }
}
