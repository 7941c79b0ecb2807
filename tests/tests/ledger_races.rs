//! TXT values between workers that do not know of each other. Each of these left a value behind once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use certmint_core::{
    challenge::{DesiredState, IN_FLIGHT, TxtStatus},
    clock::Clock,
    words::{Fqdn, RequestId, Timestamp},
};
use certmint_shared::{
    cleanup::Cleaner,
    dns::{
        AtName, DnsError, DnsZones, Fitting, Freshness, TxtChange, TxtRrset, Zone,
        ledger::{Ledger, quoted},
    },
    store::TxtLedger,
};
use certmint_tests::{
    sim::MemoryStore,
    zones::{MemoryZones, by, zone},
};

type Hook = Box<dyn Fn() + Send + Sync>;

/// A clock that is set by hand, and that can stand between two calls of its reader.
#[derive(Default)]
struct HandClock {
    millis: AtomicI64,
    /// What happens before the clock is read for the second time from now.
    meanwhile: Mutex<Option<(u8, Hook)>>,
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        let mut meanwhile = self.meanwhile.lock().unwrap();
        match meanwhile.take() {
            Some((0, hook)) => hook(),
            Some((reads, hook)) => *meanwhile = Some((reads - 1, hook)),
            None => {}
        }
        Timestamp::from_millis(self.millis.load(Ordering::Relaxed))
    }
}

/// Zones where something happens right after the next look at one.
#[derive(Default)]
struct BusyZones {
    zones: MemoryZones,
    meanwhile: Mutex<Option<Hook>>,
}

#[async_trait]
impl DnsZones for BusyZones {
    async fn zones_of(&self, fqdn: &Fqdn, freshness: Freshness) -> Result<Fitting, DnsError> {
        self.zones.zones_of(fqdn, freshness).await
    }

    async fn name_servers(&self, zone: &Zone) -> Result<Vec<Fqdn>, DnsError> {
        self.zones.name_servers(zone).await
    }

    async fn change_txt(&self, zone: &Zone, changes: &[TxtChange]) -> Result<String, DnsError> {
        self.zones.change_txt(zone, changes).await
    }

    async fn in_sync(&self, change_id: &str) -> Result<bool, DnsError> {
        self.zones.in_sync(change_id).await
    }

    async fn at_name(&self, zone: &Zone, fqdn: &Fqdn) -> Result<AtName, DnsError> {
        let seen = self.zones.at_name(zone, fqdn).await;
        if let Some(hook) = self.meanwhile.lock().unwrap().take() {
            hook();
        }
        seen
    }
}

struct World {
    clock: Arc<HandClock>,
    zones: Arc<BusyZones>,
    store: Arc<MemoryStore>,
    ledger: Ledger,
}

fn name() -> Fqdn {
    Fqdn::new("_acme-challenge.example.com")
}

fn only(owner: u64) -> BTreeSet<RequestId> {
    BTreeSet::from([RequestId::new(owner)])
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(HandClock::default());
        let (zones, store) = (Arc::new(BusyZones::default()), Arc::new(MemoryStore::default()));
        let ledger = Ledger::new(zones.clone(), store.clone(), clock.clone());
        Self {
            clock,
            zones,
            store,
            ledger,
        }
    }

    async fn want(&self, owner: u64, value: &str) {
        let now = self.clock.now();
        let until = now.plus(Duration::from_secs(7200));
        let values = [(name(), value.to_owned())];
        self.ledger
            .want(by(owner), &values, &zone(), until, now)
            .await
            .unwrap();
    }

    async fn apply(&self, owners: &BTreeSet<RequestId>) {
        for outcome in self.ledger.apply(vec![(zone(), name())], owners).await {
            outcome.result.unwrap();
        }
    }

    async fn release(&self, owner: u64) {
        let places = self.ledger.release(by(owner)).await.unwrap();
        for outcome in self.ledger.apply(places, &BTreeSet::new()).await {
            outcome.result.unwrap();
        }
    }

    fn pass(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.clock.millis.fetch_add(millis, Ordering::Relaxed);
    }

    async fn clean(&self) {
        let cleaner = Cleaner::new(
            self.store.clone(),
            self.store.clone(),
            self.zones.clone(),
            self.clock.clone(),
        );
        let deadline = self.clock.now().plus(Duration::from_secs(60));
        let report = cleaner.run(deadline).await;
        assert!(report.errors.is_empty(), "{}", report.errors);
    }
}

#[tokio::test]
async fn a_worker_that_stood_still_reads_the_ledger_again_before_it_writes() {
    let world = World::new();
    world.want(1, "given-up").await;
    let (store, clock) = (world.store.clone(), world.clock.clone());
    let hook: Hook = Box::new(move || {
        clock.millis.fetch_add(3_600_000, Ordering::Relaxed);
        for record in store.tables().txt.values_mut() {
            record.status = TxtStatus::Removed;
        }
    });
    *world.clock.meanwhile.lock().unwrap() = Some((1, hook));
    world.apply(&only(1)).await;
    assert!(world.zones.zones.values(&name()).is_empty());
}

#[tokio::test]
async fn a_value_is_added_only_by_who_works_on_its_request() {
    let world = World::new();
    world.want(1, "theirs").await;
    world.want(2, "ours").await;
    world.apply(&only(2)).await;
    assert_eq!(world.zones.zones.values(&name()), ["\"ours\""]);
    world.apply(&only(1)).await;
    world.apply(&only(2)).await;
    assert_eq!(world.zones.zones.values(&name()), ["\"ours\"", "\"theirs\""]);
}

/// A CA gives an open authorization to two orders of one account, and both need its value.
#[tokio::test]
async fn a_value_of_two_requests_stands_until_the_last_lets_go() {
    #[derive(Clone, Copy, PartialEq)]
    enum Life {
        New,
        Wants,
        Wrote,
        Over,
    }
    // Three steps of each in every order.
    for mask in 0_u8..64 {
        let turns: Vec<usize> = (0..6).map(|step| usize::from(mask >> step & 1)).collect();
        if turns.iter().sum::<usize>() != 3 {
            continue;
        }
        let (world, mut lives, mut stands) = (World::new(), [Life::New; 2], false);
        for who in turns {
            let owner = who as u64 + 1;
            lives[who] = match lives[who] {
                Life::New => {
                    world.want(owner, "shared").await;
                    Life::Wants
                }
                Life::Wants => {
                    world.apply(&only(owner)).await;
                    Life::Wrote
                }
                Life::Wrote | Life::Over => {
                    world.release(owner).await;
                    Life::Over
                }
            };
            // Who only wants it adds nothing, and keeps it where it stands.
            stands = lives.contains(&Life::Wrote) || stands && lives.contains(&Life::Wants);
            let values = world.zones.zones.values(&name());
            assert_eq!(values, vec!["\"shared\""; usize::from(stands)], "{mask:b}");
        }
        assert!(world.zones.zones.values(&name()).is_empty(), "{mask:b}");
        world.pass(IN_FLIGHT);
        world.clean().await;
        assert_eq!(world.store.txt_rrset(&name()).await.unwrap(), vec![], "{mask:b}");
    }
}

#[tokio::test]
async fn a_value_that_another_request_wrote_and_gave_up_is_owed_by_who_wants_it_still() {
    let world = World::new();
    world.want(1, "shared").await;
    world.want(2, "shared").await;
    world.apply(&only(2)).await;
    world.release(2).await;
    assert_eq!(world.zones.zones.values(&name()), ["\"shared\""]);
    let open = world.store.txt_of_request(RequestId::new(1)).await.unwrap();
    assert_eq!(open.len(), 1, "the obligation is open");
    // The worker dies, and nobody takes the request.
    world.pass(Duration::from_secs(7200));
    world.clean().await;
    assert!(world.zones.zones.values(&name()).is_empty());
}

#[tokio::test]
async fn a_value_that_arrives_after_it_was_found_absent_is_removed() {
    let world = World::new();
    world.want(1, "late").await;
    world.release(1).await;
    // The change that the worker had sent before it died arrives now.
    let change = TxtChange {
        fqdn: name(),
        before: None,
        after: Some(TxtRrset {
            ttl: 60,
            values: vec![quoted("late")],
        }),
    };
    world.zones.change_txt(&zone(), &[change]).await.unwrap();
    world.pass(IN_FLIGHT);
    world.clean().await;
    assert!(world.zones.zones.values(&name()).is_empty());
    let open = world.store.txt_of_request(RequestId::new(1)).await.unwrap();
    assert_eq!(open, vec![], "the obligation is closed");
}

#[tokio::test]
async fn a_value_of_a_finished_request_does_not_wait_for_the_end_of_its_lease() {
    let world = World::new();
    // No such request is in the store: it ended and was deleted.
    world.want(1, "orphan").await;
    world.apply(&only(1)).await;
    assert_eq!(world.zones.zones.values(&name()), ["\"orphan\""]);
    world.clean().await;
    assert!(world.zones.zones.values(&name()).is_empty());
}

#[tokio::test]
async fn a_zone_that_was_read_too_early_closes_no_obligation() {
    let world = World::new();
    world.want(2, "short-lived").await;
    // An intent that nobody wants any more makes the next look at the name go to the zone.
    world.want(1, "never-written").await;
    world.ledger.release(by(1)).await.unwrap();
    // Right after that look the other worker writes its value and gives it up.
    let (store, zones) = (world.store.clone(), world.zones.clone());
    let hook: Hook = Box::new(move || {
        zones.zones.foreign_write(&name(), 60, &["short-lived"]);
        for record in store
            .tables()
            .txt
            .values_mut()
            .filter(|r| r.value == "short-lived")
        {
            (record.status, record.desired_state) = (TxtStatus::Active, DesiredState::Absent);
        }
    });
    *world.zones.meanwhile.lock().unwrap() = Some(hook);
    world.apply(&BTreeSet::new()).await;
    world.apply(&BTreeSet::new()).await;
    assert!(
        world.zones.zones.values(&name()).is_empty(),
        "it is still owed, and removed"
    );
}
