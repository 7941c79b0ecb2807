//! What every way to zones must do. Each function takes a fresh one and a zone in it; nothing stands there yet.

use certmint_core::words::Fqdn;
use certmint_shared::dns::{DnsError, DnsZones, TxtChange, TxtRrset, Zone};

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
    let stands = zones.txt_rrset(zone, &www).await.expect("an answer");
    assert_eq!(stands, set(120, &["b"]));
    write(zones, zone, &[change(&www, stands, None)])
        .await
        .expect("removed");
    assert_eq!(zones.txt_rrset(zone, &www).await.expect("an answer"), None);
}

/// One change that does not fit leaves the whole batch undone.
pub async fn a_batch_is_atomic(zones: &dyn DnsZones, zone: &Zone) {
    let (one, two) = (name(zone, "one"), name(zone, "two"));
    let fits = change(&one, None, set(60, &["1"]));
    let wrong = change(&two, set(60, &["never"]), None);
    let refused = write(zones, zone, &[fits.clone(), wrong]).await;
    assert!(matches!(refused, Err(DnsError::Mismatch { .. })), "{refused:?}");
    assert_eq!(zones.txt_rrset(zone, &one).await.expect("an answer"), None);
    let both = [fits, change(&two, None, set(60, &["2"]))];
    write(zones, zone, &both).await.expect("written");
    assert_eq!(
        zones.txt_rrset(zone, &two).await.expect("an answer"),
        set(60, &["2"])
    );
}

/// The zone of a name is found, a change gets in sync, and a name of nobody has no zone.
pub async fn look_ups(zones: &dyn DnsZones, zone: &Zone) {
    let www = name(zone, "www");
    assert_eq!(
        zones.find_zone(&www).await.expect("an answer").as_ref(),
        Some(zone)
    );
    let elsewhere = Fqdn::new("_acme-challenge.elsewhere.invalid");
    assert_eq!(zones.find_zone(&elsewhere).await.expect("an answer"), None);
    let id = write(zones, zone, &[change(&www, None, set(60, &["a"]))])
        .await
        .expect("written");
    let mut looks = 0;
    while !zones.in_sync(&id).await.expect("an answer") {
        looks += 1;
        assert!(looks < 1000, "never in sync");
    }
}
