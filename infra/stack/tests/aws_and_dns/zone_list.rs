//! The list of zones is a cache: a zone that was made, or made anew, a moment ago is found.

use std::sync::Arc;

use certmint_core::words::Fqdn;
use certmint_shared::{
    clock::SystemClock,
    dns::{DnsError, DnsZones, TxtChange, TxtRrset, Zone, route53::Route53Zones},
};
use certmint_stack::route53::{Route53, Settings};

use crate::{Served, holding, stands};

async fn world() -> (Served, Route53Zones) {
    let served = Served::new(Route53::new(Settings::default())).await;
    served.route53.create_zone("example.test").unwrap();
    let zones = Route53Zones::new(served.client(), Arc::new(SystemClock));
    (served, zones)
}

/// The list is known, and was read this very moment.
async fn filled(zones: &Route53Zones) {
    let known = holding(zones, &Fqdn::new("a.example.test")).await;
    assert!(known.is_some());
}

fn publish(fqdn: &Fqdn) -> TxtChange {
    TxtChange {
        fqdn: fqdn.clone(),
        before: None,
        after: Some(TxtRrset {
            ttl: 60,
            values: vec!["\"a\"".into()],
        }),
    }
}

async fn delete(served: &Served, zone: &Zone) {
    let call = served.client().delete_hosted_zone().id(&zone.id);
    call.send().await.unwrap();
}

#[tokio::test]
async fn a_zone_that_was_made_within_the_cache_is_found() {
    let (served, zones) = world().await;
    filled(&zones).await;
    let fresh = Fqdn::new("_acme-challenge.www.fresh.test");
    served.route53.create_zone("fresh.test").unwrap();
    let found = holding(&zones, &fresh).await.map(|z| z.name);
    assert_eq!(found, Some(Fqdn::new("fresh.test")));
    assert_eq!(holding(&zones, &Fqdn::new("a.other.test")).await, None);
}

#[tokio::test]
async fn a_zone_that_was_made_anew_is_written_and_read() {
    let (served, zones) = world().await;
    let fqdn = Fqdn::new("_acme-challenge.www.example.test");
    let before = holding(&zones, &fqdn).await.unwrap();
    filled(&zones).await;
    delete(&served, &before).await;
    served.route53.create_zone("example.test").unwrap();
    // Whoever holds the old id: to read one, to read many, to write.
    assert_eq!(stands(&zones, &before, &fqdn).await, Ok(None));
    let many: Vec<Fqdn> = (0..20)
        .map(|n| Fqdn::new(&format!("a{n}.example.test")))
        .collect();
    assert_eq!(zones.at_names(&before, &many).await.map(|m| m.len()), Ok(0));
    zones.change_txt(&before, &[publish(&fqdn)]).await.unwrap();
    assert_eq!(
        stands(&zones, &before, &fqdn).await.map(|s| s.is_some()),
        Ok(true)
    );
    let now = holding(&zones, &fqdn).await.unwrap();
    assert_ne!(now.id, before.id);
}

#[tokio::test]
async fn a_zone_that_is_gone_for_good_says_so() {
    let (served, zones) = world().await;
    let fqdn = Fqdn::new("_acme-challenge.www.example.test");
    let before = holding(&zones, &fqdn).await.unwrap();
    filled(&zones).await;
    delete(&served, &before).await;
    let gone = DnsError::NoSuchZone {
        zone: "example.test".into(),
    };
    assert_eq!(stands(&zones, &before, &fqdn).await, Err(gone.clone()));
    assert_eq!(zones.change_txt(&before, &[publish(&fqdn)]).await, Err(gone));
    assert_eq!(holding(&zones, &fqdn).await, None);
}
