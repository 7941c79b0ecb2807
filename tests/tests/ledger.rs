//! TXT ownership: the real ledger over the DynamoDB store, against zones with Route53's semantics.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use certmint_core::{
    challenge::{DesiredState, IN_FLIGHT, TxtRecord, TxtStatus},
    clock::Clock,
    words::{Fqdn, PageRequest, RequestId},
};
use certmint_shared::{
    clock::SystemClock,
    dns::{
        AtName, DnsError,
        ledger::{Ledger, Wanting},
    },
    store::{ChallengeStore, TxtLedger, dynamo::DynamoStore},
};
use certmint_tests::{
    dynamo,
    zones::{MemoryZones, by, zone},
};

struct World {
    zones: Arc<MemoryZones>,
    store: Arc<DynamoStore>,
    ledger: Ledger,
}

fn name() -> Fqdn {
    Fqdn::new("_acme-challenge.example.com")
}

impl World {
    async fn new() -> Self {
        let (zones, store) = (Arc::new(MemoryZones::default()), Arc::new(dynamo::store().await));
        let ledger = Ledger::new(zones.clone(), store.clone(), Arc::new(SystemClock));
        Self { zones, store, ledger }
    }

    async fn want(&self, owner: u64, values: &[&str]) {
        self.want_by(by(owner), values).await;
    }

    async fn want_by(&self, by: Wanting, values: &[&str]) {
        let values: Vec<_> = values.iter().map(|v| (name(), (*v).to_owned())).collect();
        let now = SystemClock.now();
        let until = now.plus(Duration::from_secs(600));
        self.ledger.want(by, &values, &zone(), until, now).await.unwrap();
    }

    async fn apply(&self) {
        let owners = (1..9).map(RequestId::new).collect();
        for outcome in self.ledger.apply(vec![(zone(), name())], &owners).await {
            outcome.result.unwrap();
        }
    }

    async fn release(&self, owner: u64) {
        let places = self.ledger.release(by(owner)).await.unwrap();
        for outcome in self.ledger.apply(places, &BTreeSet::new()).await {
            outcome.result.unwrap();
        }
    }

    fn stands(&self) -> Vec<String> {
        self.zones.values(&name())
    }
}

#[tokio::test]
async fn apex_and_wildcard_share_an_rrset_in_one_change() {
    let world = World::new().await;
    world.want(1, &["apex", "wildcard"]).await;
    world.apply().await;
    assert_eq!(world.stands(), ["\"apex\"", "\"wildcard\""]);
    assert_eq!(world.zones.changes(), 1);
    world.apply().await;
    assert_eq!(
        world.zones.changes(),
        1,
        "what stands as wanted is not written again"
    );
    world.release(1).await;
    assert!(world.stands().is_empty());
    let gone = world
        .store
        .txt_records(Some(DesiredState::Absent), &PageRequest::default())
        .await
        .unwrap();
    assert_eq!(gone.total, 2);
    assert!(gone.list.iter().all(|r| r.status == TxtStatus::Removed));
    let present = world
        .store
        .txt_records(Some(DesiredState::Present), &PageRequest::default())
        .await
        .unwrap();
    assert_eq!((present.total, present.list.len()), (0, 0));
}

#[tokio::test]
async fn another_tools_value_is_kept_with_its_ttl() {
    let world = World::new().await;
    world.zones.foreign_write(&name(), 300, &["theirs"]);
    world.want(1, &["ours"]).await;
    world.apply().await;
    assert_eq!(world.stands(), ["\"ours\"", "\"theirs\""]);
    world.release(1).await;
    assert_eq!(world.stands(), ["\"theirs\""]);
}

#[tokio::test]
async fn removing_one_owners_value_keeps_the_others() {
    let world = World::new().await;
    world.want(1, &["one"]).await;
    world.apply().await;
    world.want(2, &["two"]).await;
    tokio::join!(world.release(1), world.apply());
    assert_eq!(world.stands(), ["\"two\""]);
    world.release(2).await;
    assert!(world.stands().is_empty());
}

#[tokio::test]
async fn a_value_written_by_a_worker_that_died_is_found_and_removed() {
    let world = World::new().await;
    world.want(1, &["lost"]).await;
    // The zone change went through; its confirmation was never written.
    world.zones.foreign_write(&name(), 60, &["lost"]);
    world.release(1).await;
    assert!(world.stands().is_empty());
}

/// The change of a worker that is gone may arrive after another's: while it may, the obligation is open.
#[tokio::test]
async fn what_a_worker_that_is_gone_began_is_looked_for_once_more() {
    for (first, was_left, is_open) in [
        (&["v"][..], true, true),
        (&["v"], false, false),
        (&[], true, false),
    ] {
        let world = World::new().await;
        world.want(1, first).await;
        let next = Wanting {
            fence: 2,
            was_left,
            ..by(1)
        };
        world.want_by(next, &["v"]).await;
        world.apply().await;
        assert_eq!(world.stands(), ["\"v\""]);
        // Wanted once more by who has it, it is as unsettled as it was.
        let same = Wanting {
            fence: 3,
            was_left: false,
            ..next
        };
        world.want_by(same, &["v"]).await;
        world.apply().await;
        let places = world.ledger.release(same).await.unwrap();
        for outcome in world.ledger.apply(places, &BTreeSet::new()).await {
            outcome.result.unwrap();
        }
        assert!(world.stands().is_empty());
        let owed = world.store.txt_rrset(&name()).await.unwrap();
        assert_eq!(!owed.is_empty(), is_open, "{first:?} {was_left}: {owed:?}");
        let due = owed.iter().filter_map(TxtRecord::due_at);
        assert!(
            due.into_iter()
                .all(|at| at > SystemClock.now().plus(IN_FLIGHT / 2))
        );
    }
}

#[tokio::test]
async fn a_value_that_is_gone_already_is_success() {
    let world = World::new().await;
    world.want(1, &["gone"]).await;
    world.apply().await;
    world.zones.foreign_write(&name(), 60, &["other"]);
    world.release(1).await;
    assert_eq!(world.stands(), ["\"other\""]);
}

#[tokio::test]
async fn one_bad_change_does_not_hold_the_others() {
    let world = World::new().await;
    let now = SystemClock.now();
    let until = now.plus(Duration::from_secs(600));
    let places: Vec<_> = (0..8)
        .map(|n| (zone(), Fqdn::new(&format!("_acme-challenge.h{n}.example.com"))))
        .collect();
    for (n, (zone, fqdn)) in places.iter().enumerate() {
        let value = if n == 5 { "bad".to_owned() } else { format!("v{n}") };
        let values = [(fqdn.clone(), value)];
        world
            .ledger
            .want(by(n as u64 + 1), &values, zone, until, now)
            .await
            .unwrap();
    }
    let outcomes = world
        .ledger
        .apply(places.clone(), &(1..9).map(RequestId::new).collect())
        .await;
    for outcome in outcomes {
        assert_eq!(
            outcome.result.is_err(),
            outcome.fqdn == places[5].1,
            "{}",
            outcome.fqdn
        );
    }
    assert_eq!(world.zones.values(&places[4].1), ["\"v4\""]);
    assert!(world.zones.values(&places[5].1).is_empty());
}

#[tokio::test]
async fn what_is_not_a_challenges_is_never_added_to() {
    let world = World::new().await;
    let host = Fqdn::new("mail.example.com");
    world.zones.foreign_write(&host, 3600, &["v=spf1 -all"]);
    let weighted = Fqdn::new("_acme-challenge.weighted.example.com");
    let words = AtName {
        in_the_way: Some("routed".into()),
        ..AtName::default()
    };
    world.zones.occupy(&weighted, words);
    let aliased = Fqdn::new("_acme-challenge.aliased.example.com");
    let cname = AtName {
        cname: Some(host.clone()),
        ..AtName::default()
    };
    world.zones.occupy(&aliased, cname);
    let owner = RequestId::new(1);
    let all = [name(), host.clone(), weighted.clone(), aliased.clone()];
    let values: Vec<_> = all.iter().map(|fqdn| (fqdn.clone(), "a".to_owned())).collect();
    let now = SystemClock.now();
    let until = now.plus(Duration::from_secs(600));
    world
        .ledger
        .want(by(owner.get()), &values, &zone(), until, now)
        .await
        .unwrap();
    let places: Vec<_> = all.iter().map(|fqdn| (zone(), fqdn.clone())).collect();
    for outcome in world.ledger.apply(places, &BTreeSet::from([owner])).await {
        let refused = outcome.result.clone().err();
        match &outcome.fqdn {
            fqdn if *fqdn == name() => assert_eq!(refused, None, "{outcome:?}"),
            fqdn if *fqdn == aliased => {
                assert!(
                    matches!(refused, Some(DnsError::Redirected { .. })),
                    "{outcome:?}"
                );
            }
            _ => assert!(matches!(refused, Some(DnsError::Occupied { .. })), "{outcome:?}"),
        }
    }
    assert_eq!(world.zones.values(&host), ["\"v=spf1 -all\""]);
    // What could not be written is nobody's debt.
    let places = world.ledger.release(by(owner.get())).await.unwrap();
    for outcome in world.ledger.apply(places, &BTreeSet::new()).await {
        assert!(outcome.result.is_ok(), "{outcome:?}");
    }
    assert_eq!(world.zones.values(&host), ["\"v=spf1 -all\""]);
    assert!(world.zones.values(&name()).is_empty());
}

/// A value that stays over a try is published again without a change, unless another tool took it out meanwhile.
#[tokio::test]
async fn a_value_that_another_tool_took_out_is_written_again_at_the_next_try() {
    let world = World::new().await;
    for _ in 0..2 {
        world.want(1, &["ours"]).await;
        world.apply().await;
        assert_eq!(world.stands(), ["\"ours\""]);
    }
    world.zones.foreign_write(&name(), 300, &["theirs"]);
    world.want(1, &["ours"]).await;
    world.apply().await;
    assert_eq!(world.stands(), ["\"ours\"", "\"theirs\""]);
    world.release(1).await;
    assert_eq!(world.stands(), ["\"theirs\""]);
}
