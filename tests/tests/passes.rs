//! What a pass of the worker and a run of the cleaner do when a list, or one item of it, fails: all else.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "passes/late.rs"]
mod late;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use certmint_core::{
    account::NewAccount,
    challenge::TxtStatus,
    clock::Clock,
    issuance::{NewRequest, Request, RequestStatus},
    provider::Providers,
    words::{AccountId, Fqdn, NameSet, ProviderId, RequestId, Timestamp},
};
use certmint_shared::{
    cleanup::{self, Cleaner},
    clock::{SystemClock, Timer},
    dns::{AtName, DnsError, DnsZones, Fitting, Freshness, TxtChange, Zone, ledger::Ledger},
    store::{AccountStore, RequestLifecycle, RequestStore, Stores, TxtLedger},
    worker::{Adapters, Report, Worker, WorkerSettings},
};
use certmint_tests::{
    failing::Failing,
    logged::Logged,
    sim::{CaState, Gate, MemoryStore, MemoryVault, Secrets, SimCa, SimZones, ZoneState},
    zones::{MemoryZones, zone},
};

async fn account(store: &MemoryStore) {
    let new = NewAccount {
        provider_id: ProviderId::new(1),
        email: Some("ops@example.com".parse().unwrap()),
        eab_kid: None,
        eab_key_ref: None,
        eab_expires_at: None,
    };
    store.create_account(new, None, SystemClock.now()).await.unwrap();
}

async fn request(store: &MemoryStore, name: &str) -> RequestId {
    let new = NewRequest::new(AccountId::new(1), NameSet::parse(&[name]).unwrap());
    let made = store.create_request(new, 10, None, SystemClock.now()).await;
    made.unwrap().id
}

/// A worker whose store may fail, and one account.
struct World {
    store: Arc<MemoryStore>,
    failing: Arc<Failing<MemoryStore>>,
    worker: Worker,
}

impl World {
    async fn new() -> Self {
        Self::by(Arc::new(SystemClock)).await
    }

    /// The same by another clock.
    async fn by(clock: Arc<dyn Timer>) -> Self {
        let (store, secrets) = (Arc::new(MemoryStore::default()), Secrets::default());
        let failing = Arc::new(Failing::new(store.clone()));
        let state = Arc::new(Mutex::new(ZoneState::new(&["example.com"], &[])));
        let zones = Arc::new(SimZones::new(state.clone(), Arc::default(), Gate::open()));
        let books = Arc::new(Mutex::new(CaState::default()));
        let adapters = Adapters {
            wakes: Arc::new(certmint_shared::wake::NoQueue),
            store: Stores {
                requests: failing.clone(),
                renewals: failing.clone(),
                chores: failing.clone(),
                ..Stores::from(store.clone())
            },
            vault: Arc::new(MemoryVault::new(secrets.clone(), Gate::open())),
            ca: Arc::new(SimCa::new(books, state, secrets, Gate::open(), 0)),
            zones: zones.clone(),
            view: zones,
            clock,
            providers: Providers::default(),
        };
        account(&store).await;
        Self {
            store,
            failing,
            worker: Worker::new(&adapters, WorkerSettings::default(), "worker".into()),
        }
    }

    async fn request(&self, name: &str) -> RequestId {
        request(&self.store, name).await
    }

    async fn run(&self) -> Report {
        let deadline = SystemClock.now().plus(Duration::from_secs(60));
        self.worker.run(deadline).await
    }

    async fn get(&self, id: RequestId) -> Request {
        self.store.request(id).await.unwrap()
    }

    async fn is_issued(&self, id: RequestId) {
        let request = self.get(id).await;
        assert_eq!(
            (request.status, request.last_error),
            (RequestStatus::Success, None)
        );
        assert_eq!(request.lease.owner, None, "nobody holds it");
    }
}

#[tokio::test]
async fn requests_in_hand_are_issued_although_the_list_of_due_ones_fails() {
    for lasts in [1, usize::MAX] {
        let world = World::new().await;
        let ids = [
            world.request("a.example.com").await,
            world.request("b.example.com").await,
        ];
        world
            .failing
            .fail("due_requests", move |call, _| call > 1 && call - 1 <= lasts);
        let report = world.run().await;
        assert!(world.failing.calls("due_requests") > 2, "it is read again");
        assert_eq!((report.claimed, report.succeeded), (2, 2));
        let told = report.errors.to_string();
        assert_eq!(told, "due requests: DynamoDB due_requests: told to fail");
        for id in ids {
            world.is_issued(id).await;
        }
    }
}

#[tokio::test]
async fn a_list_that_fails_at_once_leaves_nothing_claimed() {
    let world = World::new().await;
    let id = world.request("a.example.com").await;
    world.failing.fail("due_requests", |_, _| true);
    let report = world.run().await;
    assert!(!report.errors.is_empty());
    let request = world.get(id).await;
    assert_eq!(
        (request.status, request.lease.owner),
        (RequestStatus::Pending, None)
    );
}

#[tokio::test]
async fn a_request_that_cannot_be_claimed_keeps_no_other_waiting() {
    let world = World::new().await;
    let (away, other) = (
        world.request("a.example.com").await,
        world.request("b.example.com").await,
    );
    let its_claim = format!("({away:?}, ");
    world
        .failing
        .fail("claim_request", move |_, claim| claim.starts_with(&its_claim));
    let report = world.run().await;
    assert!(world.failing.calls("claim_request") >= 2);
    assert_eq!((report.claimed, report.succeeded), (1, 1));
    world.is_issued(other).await;
    assert_eq!(world.get(away).await.status, RequestStatus::Pending);
}

#[tokio::test]
async fn renewals_and_chores_that_cannot_be_listed_keep_no_request_waiting() {
    let world = World::new().await;
    let id = world.request("a.example.com").await;
    world.failing.fail("due_renewals", |_, _| true);
    world.failing.fail("due_chores", |_, _| true);
    let report = world.run().await;
    world.is_issued(id).await;
    let told = report.errors.to_string();
    let lists = [
        "due chores: DynamoDB due_chores: told to fail",
        "due renewals: DynamoDB due_renewals: told to fail",
    ];
    assert_eq!(told, lists.join("; "));
}

/// Zones of which one, `other.test`, may not be written.
#[derive(Default)]
struct HalfDenied(MemoryZones);

fn denied_zone() -> Zone {
    Zone {
        id: "Z2".into(),
        name: Fqdn::new("other.test"),
    }
}

#[async_trait]
impl DnsZones for HalfDenied {
    async fn zones_of(&self, fqdn: &Fqdn, freshness: Freshness) -> Result<Fitting, DnsError> {
        self.0.zones_of(fqdn, freshness).await
    }

    async fn name_servers(&self, zone: &Zone) -> Result<Vec<Fqdn>, DnsError> {
        self.0.name_servers(zone).await
    }

    async fn change_txt(&self, zone: &Zone, changes: &[TxtChange]) -> Result<String, DnsError> {
        if *zone == denied_zone() {
            return Err(DnsError::AccessDenied {
                operation: "ChangeResourceRecordSets",
                zone: zone.name.to_string(),
            });
        }
        self.0.change_txt(zone, changes).await
    }

    async fn in_sync(&self, change_id: &str) -> Result<bool, DnsError> {
        self.0.in_sync(change_id).await
    }

    async fn at_name(&self, zone: &Zone, fqdn: &Fqdn) -> Result<AtName, DnsError> {
        self.0.at_name(zone, fqdn).await
    }
}

/// A cleaner whose ledger may fail, and values of a request on its way that stand in a zone although their lease is over.
struct Leftovers {
    zones: Arc<HalfDenied>,
    store: Arc<MemoryStore>,
    failing: Arc<Failing<MemoryStore>>,
    owner: RequestId,
}

impl Leftovers {
    async fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        account(&store).await;
        Self {
            zones: Arc::default(),
            failing: Arc::new(Failing::new(store.clone())),
            owner: request(&store, "a.example.com").await,
            store,
        }
    }

    /// Values at so many names of a zone; those that were left first are due first.
    async fn left(&self, zone: &Zone, names: std::ops::Range<usize>, hours_ago: u64) {
        let then = SystemClock.now().minus(Duration::from_secs(hours_ago * 3600));
        self.written(self.owner, zone, names, (then, then)).await;
    }

    /// Values of a request that were written then, and are wanted until the second moment.
    async fn written(
        &self,
        owner: RequestId,
        zone: &Zone,
        names: std::ops::Range<usize>,
        (then, until): (Timestamp, Timestamp),
    ) {
        for n in names {
            let fqdn = Fqdn::new(&format!("_acme-challenge.a{n}.{}", zone.name));
            let values = [(fqdn.clone(), format!("value-{n}"))];
            let ledger = Ledger::new(self.zones.clone(), self.store.clone(), Arc::new(SystemClock));
            let by = certmint_tests::zones::by(owner.get());
            let wanted = ledger.want(by, &values, zone, until, then).await;
            wanted.unwrap();
            self.zones.0.foreign_write(&fqdn, 60, &[&values[0].1]);
            let stands: Vec<_> = self.store.txt_rrset(&fqdn).await.unwrap();
            let stands: Vec<_> = stands.into_iter().map(|r| (r, TxtStatus::Active)).collect();
            self.store.confirm_txt(&stands, then).await.unwrap();
        }
    }

    fn standing(&self, zone: &Zone, names: std::ops::Range<usize>) -> BTreeSet<usize> {
        names
            .filter(|n| {
                let fqdn = Fqdn::new(&format!("_acme-challenge.a{n}.{}", zone.name));
                !self.zones.0.values(&fqdn).is_empty()
            })
            .collect()
    }

    async fn clean(&self) -> cleanup::Report {
        let (zones, requests) = (self.zones.clone(), self.store.clone());
        let cleaner = Cleaner::new(self.failing.clone(), requests, zones, Arc::new(SystemClock));
        cleaner
            .run(SystemClock.now().plus(Duration::from_secs(120)))
            .await
    }
}

#[tokio::test]
async fn a_list_that_fails_keeps_no_value_in_its_zone() {
    let world = Leftovers::new().await;
    world.left(&zone(), 0..3, 1).await;
    world.failing.fail("txt_records", |_, _| true);
    world.failing.fail("forget_txt", |_, _| true);
    let report = world.clean().await;
    assert_eq!((report.cleaned, report.failed), (3, 0));
    assert!(world.standing(&zone(), 0..3).is_empty());
    let lists = [
        "values to forget: DynamoDB forget_txt: told to fail",
        "wanted values: DynamoDB txt_records: told to fail",
    ];
    assert_eq!(report.errors.to_string(), lists.join("; "));
}

#[tokio::test]
async fn a_value_that_cannot_be_written_stays_and_keeps_no_other() {
    let world = Leftovers::new().await;
    world.left(&zone(), 0..3, 1).await;
    world
        .failing
        .fail("put_txt", |_, records| records.contains("_acme-challenge.a1."));
    let report = world.clean().await;
    assert_eq!(
        world.standing(&zone(), 0..3),
        [1].into(),
        "what the ledger wants is in the zone"
    );
    assert!(!report.errors.is_empty());
    world.failing.fail("put_txt", |_, _| false);
    let report = world.clean().await;
    assert!(report.errors.is_empty());
    assert!(world.standing(&zone(), 0..3).is_empty());
}

#[tokio::test]
async fn a_zone_that_cannot_be_written_keeps_no_other_waiting() {
    let world = Leftovers::new().await;
    // More than one round, and due before the others.
    world.left(&denied_zone(), 0..450, 2).await;
    world.left(&zone(), 0..3, 1).await;
    let logged = Logged::new();
    let report = world.clean().await;
    assert_eq!((report.orphaned, report.cleaned, report.failed), (0, 3, 450));
    let alarms = logged.alarms("permission");
    assert_eq!(alarms.len(), 1, "one zone is one alarm: {alarms:?}");
    assert!(world.standing(&zone(), 0..3).is_empty());
    assert_eq!(world.standing(&denied_zone(), 0..450).len(), 450);
    assert!(report.errors.is_empty(), "the ledger itself is well");
}

/// Whatever page of the ledger they stand on, and whether those of requests on their way come first or last.
#[tokio::test]
async fn values_of_ended_requests_are_found_behind_those_of_others() {
    for ended_first in [false, true] {
        let world = Leftovers::new().await;
        let ended = request(&world.store, "b.example.com").await;
        let (now, day) = (SystemClock.now(), Duration::from_secs(24 * 3600));
        // More than a page of each.
        let (of_ended, of_owner) = match ended_first {
            true => (0..150, 150..300),
            false => (150..300, 0..150),
        };
        for (owner, names) in [(ended, of_ended.clone()), (world.owner, of_owner.clone())] {
            world.written(owner, &zone(), names, (now, now.plus(day))).await;
        }
        world.store.cancel_request(ended, now).await.unwrap();
        let report = world.clean().await;
        assert_eq!((report.orphaned, report.cleaned, report.failed), (150, 150, 0));
        assert!(world.standing(&zone(), of_ended).is_empty());
        assert_eq!(world.standing(&zone(), of_owner).len(), 150);
    }
}
