//! By certmint's own adapters: the ledger's compare-and-swap, and the view of the DNS.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use certmint_core::{
    challenge::{TxtRecord, TxtStatus},
    words::{Fqdn, RequestId, Timestamp},
};
use certmint_shared::{
    clock::SystemClock,
    dns::{
        DnsError, DnsView, DnsZones, Freshness, TxtChange, TxtRrset, Visibility, Zone,
        ledger::{Ledger, Wanting},
        route53::Route53Zones,
        view::PublicDns,
    },
    store::{StoreError, TxtLedger},
};
use certmint_stack::{
    dns,
    route53::{Route53, Settings},
};

use crate::{HERE, Served, holding, stands};

const FAR: Timestamp = Timestamp::from_secs(4_000_000_000);

async fn zones(settings: Settings) -> (Served, Arc<Route53Zones>) {
    let served = Served::new(Route53::new(settings)).await;
    served.route53.create_zone("example.test").unwrap();
    served.route53.create_zone("sub.example.test").unwrap();
    let zones = Route53Zones::new(served.client(), Arc::new(SystemClock));
    (served, Arc::new(zones))
}

fn rrset(values: &[&str]) -> Option<TxtRrset> {
    let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
    (!values.is_empty()).then_some(TxtRrset { ttl: 60, values })
}

fn change(fqdn: &Fqdn, before: &[&str], after: &[&str]) -> TxtChange {
    TxtChange {
        fqdn: fqdn.clone(),
        before: rrset(before),
        after: rrset(after),
    }
}

#[tokio::test]
async fn a_txt_rrset_is_compared_and_swapped() {
    let (_served, zones) = zones(Settings::default()).await;
    let fqdn = Fqdn::new("_acme-challenge.a.sub.example.test");
    let zone = holding(&*zones, &fqdn).await.unwrap();
    assert_eq!(zone.name, Fqdn::new("sub.example.test"));
    assert_eq!(holding(&*zones, &Fqdn::new("a.other.test")).await, None);
    assert_eq!(stands(&*zones, &zone, &fqdn).await, Ok(None));

    let id = zones
        .change_txt(&zone, &[change(&fqdn, &[], &["\"a\""])])
        .await
        .unwrap();
    assert_eq!(zones.in_sync(&id).await, Ok(true));
    let after = &["\"a\"", "\"b\""];
    zones
        .change_txt(&zone, &[change(&fqdn, &["\"a\""], after)])
        .await
        .unwrap();
    assert_eq!(stands(&*zones, &zone, &fqdn).await, Ok(rrset(after)));

    let other = Fqdn::new("_acme-challenge.b.sub.example.test");
    let stale = [change(&other, &[], &["\"c\""]), change(&fqdn, &["\"a\""], &[])];
    let refusal = zones.change_txt(&zone, &stale).await;
    assert!(
        matches!(&refusal, Err(DnsError::Mismatch { zone, message }) if zone == "sub.example.test" && message.contains("_acme-challenge.a.sub.example.test")),
        "{refusal:?}"
    );
    assert_eq!(stands(&*zones, &zone, &other).await, Ok(None));
    zones
        .change_txt(&zone, &[change(&fqdn, after, &[])])
        .await
        .unwrap();
    assert_eq!(stands(&*zones, &zone, &fqdn).await, Ok(None));
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let locked = Settings {
        read_only_zones: vec!["example.test".into()],
        ..Settings::default()
    };
    let (_served, zones) = zones(locked).await;
    let fqdn = Fqdn::new("_acme-challenge.example.test");
    let zone = holding(&*zones, &fqdn).await.unwrap();
    let denied = zones.change_txt(&zone, &[change(&fqdn, &[], &["\"a\""])]).await;
    assert!(matches!(denied, Err(DnsError::AccessDenied { .. })), "{denied:?}");
    let gone = Zone {
        id: "ZGONE".into(),
        name: Fqdn::new("gone.test"),
    };
    let gone = zones.change_txt(&gone, &[change(&fqdn, &[], &["\"a\""])]).await;
    assert!(matches!(gone, Err(DnsError::NoSuchZone { .. })), "{gone:?}");
}

/// The ledger's store, in memory.
#[derive(Default)]
struct Values(Mutex<Vec<TxtRecord>>);

impl Values {
    fn filtered(&self, keep: impl Fn(&TxtRecord) -> bool) -> Vec<TxtRecord> {
        let values = self.0.lock().unwrap();
        let open = values
            .iter()
            .filter(|r| r.status != TxtStatus::Removed && keep(r));
        open.cloned().collect()
    }
}

#[async_trait]
impl TxtLedger for Values {
    async fn put_txt(&self, records: &[TxtRecord]) -> Result<(), StoreError> {
        let mut values = self.0.lock().unwrap();
        for record in records {
            let key = |r: &TxtRecord| (r.fqdn.clone(), r.value.clone(), r.owner_id, r.zone_id.clone());
            values.retain(|r| key(r) != key(record));
            values.push(record.clone());
        }
        Ok(())
    }

    async fn confirm_txt(&self, seen: &[(TxtRecord, TxtStatus)], _now: Timestamp) -> Result<(), StoreError> {
        let mut values = self.0.lock().unwrap();
        for (record, status) in seen {
            values
                .iter_mut()
                .filter(|r| *r == record)
                .for_each(|r| r.status = *status);
        }
        Ok(())
    }

    async fn txt_rrset(&self, fqdn: &Fqdn) -> Result<Vec<TxtRecord>, StoreError> {
        Ok(self.filtered(|r| r.fqdn == *fqdn))
    }

    async fn txt_of_request(&self, owner: RequestId) -> Result<Vec<TxtRecord>, StoreError> {
        Ok(self.filtered(|r| r.owner_id == owner))
    }
}

#[tokio::test]
async fn the_ledger_publishes_beside_another_tools_value_and_leaves_it() {
    let (served, zones) = zones(Settings::default()).await;
    let ledger = Ledger::new(zones.clone(), Arc::new(Values::default()), Arc::new(SystemClock));
    let fqdn = Fqdn::new("_acme-challenge.example.test");
    served
        .route53
        .upsert(fqdn.as_str(), "TXT", 300, &["\"theirs\""])
        .unwrap();
    let zone = holding(&*zones, &fqdn).await.unwrap();
    let names: Vec<Fqdn> = (0..600)
        .map(|i| Fqdn::new(&format!("_acme-challenge.n{i}.example.test")))
        .collect();
    let owner = RequestId::new(1);
    let value = "v".repeat(43);
    let wanted: Vec<_> = names
        .iter()
        .chain([&fqdn])
        .map(|name| (name.clone(), value.clone()))
        .collect();
    ledger
        .want(Wanting::new(owner, 1), &wanted, &zone, FAR, Timestamp::ZERO)
        .await
        .unwrap();
    let places = wanted
        .iter()
        .map(|(name, _)| (zone.clone(), name.clone()))
        .collect();
    let outcomes = ledger.apply(places, &[owner].into()).await;
    assert_eq!(outcomes.len(), 601);
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
    let both = TxtRrset {
        ttl: 300,
        values: vec!["\"theirs\"".into(), format!("\"{value}\"")],
    };
    assert_eq!(stands(&*zones, &zone, &fqdn).await, Ok(Some(both)));

    let places = ledger.release(Wanting::new(owner, 1)).await.unwrap();
    let outcomes = ledger.apply(places, &[owner].into()).await;
    assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
    let left: Vec<_> = served
        .route53
        .records()
        .into_iter()
        .filter(|set| set.rtype == "TXT")
        .collect();
    assert_eq!(left.len(), 1);
    assert_eq!(
        (left[0].ttl, left[0].values.as_slice()),
        (300, ["\"theirs\"".to_owned()].as_slice())
    );
}

/// A later try may find the name in another zone than the first one wrote to.
#[tokio::test]
async fn a_value_is_owed_in_each_zone_that_it_was_written_to() {
    let (_served, zones) = zones(Settings::default()).await;
    let ledger = Ledger::new(zones.clone(), Arc::new(Values::default()), Arc::new(SystemClock));
    let fqdn = Fqdn::new("_acme-challenge.a.sub.example.test");
    let parent = holding(&*zones, &Fqdn::new("a.example.test")).await.unwrap();
    let child = holding(&*zones, &fqdn).await.unwrap();
    assert_ne!(parent, child);
    let (owner, value) = (RequestId::new(1), "v".repeat(43));
    for zone in [&parent, &child] {
        let wanted = [(fqdn.clone(), value.clone())];
        let want = ledger.want(Wanting::new(owner, 1), &wanted, zone, FAR, Timestamp::ZERO);
        want.await.unwrap();
        let places = vec![(zone.clone(), fqdn.clone())];
        for outcome in ledger.apply(places, &[owner].into()).await {
            outcome.result.unwrap();
        }
    }
    let value = rrset(&[&format!("\"{value}\"")]);
    for zone in [&parent, &child] {
        assert_eq!(stands(&*zones, zone, &fqdn).await, Ok(value.clone()));
    }
    let places = ledger.release(Wanting::new(owner, 1)).await.unwrap();
    for outcome in ledger.apply(places, &[owner].into()).await {
        outcome.result.unwrap();
    }
    for zone in [&parent, &child] {
        assert_eq!(stands(&*zones, zone, &fqdn).await, Ok(None));
    }
}

#[tokio::test]
async fn the_view_sees_what_route53_holds() {
    let (served, zones) = zones(Settings::default()).await;
    let sockets = dns::bind(HERE.parse().unwrap()).await.unwrap();
    let foreign = vec!["elsewhere.org".parse().unwrap()];
    let responder = dns::serve(sockets, served.route53.clone(), foreign).unwrap();
    let view = PublicDns::new(Some(responder.address())).unwrap();
    let fqdn = Fqdn::new("_acme-challenge.example.test");
    let target = Fqdn::new("_acme-challenge.x.sub.example.test");
    served
        .route53
        .upsert(fqdn.as_str(), "CNAME", 60, &[target.as_str()])
        .unwrap();
    let example = Fqdn::new("example.test");
    for near in [None, Some(&example)] {
        for freshness in [Freshness::Kept, Freshness::Anew] {
            let sight = view.look(&fqdn, near, freshness).await.unwrap();
            assert_eq!(sight.alias.as_ref(), Some(&target));
        }
    }

    let zone = holding(&*zones, &target).await.unwrap();
    // Enough values that the view has to come back over TCP.
    let values: Vec<String> = (0..40).map(|i| format!("{i:043}")).collect();
    let seen = async || view.visibility(&zone.name, &target, &values).await;
    assert!(matches!(seen().await, Visibility::Lagging(_)));
    let quoted: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
    let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
    zones
        .change_txt(&zone, &[change(&target, &[], &quoted)])
        .await
        .unwrap();
    assert_eq!(seen().await, Visibility::Everywhere);

    assert_eq!(
        view.domain_exists(&Fqdn::new("www.example.test")).await,
        Some(true)
    );
    assert_eq!(
        view.domain_exists(&Fqdn::new("www.elsewhere.org")).await,
        Some(true)
    );
    assert_eq!(
        view.domain_exists(&Fqdn::new("www.nowhere.net")).await,
        Some(false)
    );
}
