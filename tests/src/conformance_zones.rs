//! What every way to zones must do. Each function takes a fresh one and a zone in it; nothing stands there yet.

use certmint_core::words::Fqdn;
use certmint_shared::dns::{AtName, DnsError, DnsZones, Freshness, TxtChange, TxtRrset, Zone};

fn name(zone: &Zone, label: &str) -> Fqdn {
    Fqdn::new(&format!("_acme-challenge.{label}.{}", zone.name))
}

fn set(ttl: u32, values: &[&str]) -> Option<TxtRrset> {
    let values = values.iter().map(|v| format!("\"{v}\"")).collect();
    Some(TxtRrset { ttl, values })
}

fn change(fqdn: &Fqdn, before: Option<TxtRrset>, after: Option<TxtRrset>) -> TxtChange {
    TxtChange {
        fqdn: fqdn.clone(),
        before,
        after,
    }
}

/// One change in flight a zone: a refusal for now is tried again, as the worker does.
async fn write(zones: &dyn DnsZones, zone: &Zone, changes: &[TxtChange]) -> Result<String, DnsError> {
    for _ in 0..50 {
        match zones.change_txt(zone, changes).await {
            Err(DnsError::Unavailable { .. }) => {}
            answer => return answer,
        }
    }
    zones.change_txt(zone, changes).await
}

async fn stand(zones: &dyn DnsZones, zone: &Zone, fqdn: &Fqdn) -> AtName {
    zones.at_name(zone, fqdn).await.expect("an answer")
}

/// What stands is read alike for one name, a few and many; a name where nothing stands has nothing.
pub async fn reads(zones: &dyn DnsZones, zone: &Zone) {
    let names: Vec<Fqdn> = (0..12).map(|n| name(zone, &format!("n{n}"))).collect();
    let changes: Vec<TxtChange> = names[..10]
        .iter()
        .map(|fqdn| change(fqdn, None, set(60, &["a"])))
        .collect();
    write(zones, zone, &changes).await.expect("written");
    for many in [&names[8..], &names[..]] {
        let read = zones.at_names(zone, many).await.expect("an answer");
        for fqdn in many {
            let one = stand(zones, zone, fqdn).await;
            assert_eq!(one.txt.is_some(), names[..10].contains(fqdn), "{fqdn}");
            assert_eq!(read.get(fqdn).cloned().unwrap_or_default(), one, "{fqdn}");
        }
    }
}

/// An RRset is replaced as a whole, and only if it stands as it was thought to.
pub async fn compare_and_swap(zones: &dyn DnsZones, zone: &Zone) {
    let www = name(zone, "www");
    let id = write(zones, zone, &[change(&www, None, set(60, &["a", "b"]))])
        .await
        .expect("created");
    assert!(!id.is_empty());
    for wrong in [None, set(60, &["a"]), set(300, &["a", "b"])] {
        let refused = write(zones, zone, &[change(&www, wrong, set(60, &["c"]))]).await;
        assert!(matches!(refused, Err(DnsError::Mismatch { .. })), "{refused:?}");
    }
    let other_order = change(&www, set(60, &["b", "a"]), set(120, &["b"]));
    write(zones, zone, &[other_order])
        .await
        .expect("values have no order");
    let stands = zones.at_name(zone, &www).await.expect("an answer").txt;
    assert_eq!(stands, set(120, &["b"]));
    write(zones, zone, &[change(&www, stands, None)])
        .await
        .expect("removed");
    assert_eq!(stand(zones, zone, &www).await, AtName::default());
}

/// One change that does not fit leaves the whole batch undone.
pub async fn a_batch_is_atomic(zones: &dyn DnsZones, zone: &Zone) {
    let (one, two) = (name(zone, "one"), name(zone, "two"));
    let fits = change(&one, None, set(60, &["1"]));
    let wrong = change(&two, set(60, &["never"]), None);
    let refused = write(zones, zone, &[fits.clone(), wrong]).await;
    assert!(matches!(refused, Err(DnsError::Mismatch { .. })), "{refused:?}");
    assert_eq!(stand(zones, zone, &one).await.txt, None);
    let both = [fits, change(&two, None, set(60, &["2"]))];
    write(zones, zone, &both).await.expect("written");
    assert_eq!(stand(zones, zone, &two).await, AtName::of_txt(set(60, &["2"])));
}

/// The zone of a name is found, a change gets in sync, and a name of nobody has no zone.
pub async fn look_ups(zones: &dyn DnsZones, zone: &Zone) {
    let www = name(zone, "www");
    for freshness in [Freshness::Kept, Freshness::Anew] {
        let fitting = zones.zones_of(&www, freshness).await.expect("an answer");
        assert_eq!(fitting.longest(), Some(zone));
        assert_eq!(fitting.named(&zone.name), [zone]);
        let elsewhere = Fqdn::new("_acme-challenge.elsewhere.invalid");
        let fitting = zones.zones_of(&elsewhere, freshness).await.expect("an answer");
        assert_eq!((fitting.zones, fitting.private), (vec![], None));
    }
    let id = write(zones, zone, &[change(&www, None, set(60, &["a"]))])
        .await
        .expect("written");
    let mut looks = 0;
    while !zones.in_sync(&id).await.expect("an answer") {
        looks += 1;
        assert!(looks < 1000, "never in sync");
    }
}
