//! Zones in memory, with Route53's semantics for what the ledger relies on: a batch is atomic, DELETE needs the
//! exact RRset, CREATE needs none.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use async_trait::async_trait;
use certmint_core::words::{Fqdn, RequestId};
use certmint_shared::dns::{
    AtName, DnsError, DnsZones, Fitting, Freshness, TxtChange, TxtRrset, Zone, ledger::Wanting,
};

/// Zones by name, and how many change batches were taken.
#[derive(Default)]
pub struct MemoryZones {
    sets: Mutex<BTreeMap<Fqdn, TxtRrset>>,
    /// Names where something else stands, so that no TXT set can.
    occupied: Mutex<BTreeMap<Fqdn, AtName>>,
    changes: Mutex<usize>,
}

/// The one zone.
#[must_use]
pub fn zone() -> Zone {
    Zone {
        id: "Z1".into(),
        name: Fqdn::new("example.com"),
    }
}

/// A request in its first worker's hands.
#[must_use]
pub const fn by(owner: u64) -> Wanting {
    Wanting::new(RequestId::new(owner), 1)
}

impl MemoryZones {
    fn sets(&self) -> MutexGuard<'_, BTreeMap<Fqdn, TxtRrset>> {
        self.sets.lock().expect("no test panicked here")
    }

    /// What stands at a name.
    #[must_use]
    pub fn values(&self, fqdn: &Fqdn) -> Vec<String> {
        self.sets()
            .get(fqdn)
            .map(|s| s.values.clone())
            .unwrap_or_default()
    }

    /// Another tool writes.
    pub fn foreign_write(&self, fqdn: &Fqdn, ttl: u32, values: &[&str]) {
        let values = values.iter().map(|v| format!("\"{v}\"")).collect();
        self.sets().insert(fqdn.clone(), TxtRrset { ttl, values });
    }

    /// Something that is no plain TXT set stands at a name.
    pub fn occupy(&self, fqdn: &Fqdn, stands: AtName) {
        let mut occupied = self.occupied.lock().expect("no test panicked here");
        occupied.insert(fqdn.clone(), stands);
    }

    fn occupant(&self, fqdn: &Fqdn) -> Option<AtName> {
        let occupied = self.occupied.lock().expect("no test panicked here");
        occupied.get(fqdn).cloned()
    }

    /// Change batches that were taken.
    #[must_use]
    pub fn changes(&self) -> usize {
        *self.changes.lock().expect("no test panicked here")
    }
}

fn same(a: &TxtRrset, b: &TxtRrset) -> bool {
    let sorted = |s: &TxtRrset| {
        let mut values = s.values.clone();
        values.sort();
        values
    };
    a.ttl == b.ttl && sorted(a) == sorted(b)
}

#[async_trait]
impl DnsZones for MemoryZones {
    async fn zones_of(&self, fqdn: &Fqdn, _: Freshness) -> Result<Fitting, DnsError> {
        Ok(Fitting {
            zones: fqdn.is_within(&zone().name).then(zone).into_iter().collect(),
            private: None,
        })
    }

    async fn name_servers(&self, _: &Zone) -> Result<Vec<Fqdn>, DnsError> {
        Ok(vec![Fqdn::new("ns-1.awsdns-00.com")])
    }

    async fn change_txt(&self, zone: &Zone, changes: &[TxtChange]) -> Result<String, DnsError> {
        let mut sets = self.sets();
        let mut next = sets.clone();
        for change in changes {
            let stands = match (next.remove(&change.fqdn), &change.before) {
                (Some(a), Some(b)) => same(&a, b),
                (None, None) => true,
                _ => false,
            };
            if !stands
                || change.after.is_some() && self.occupant(&change.fqdn).is_some()
                || change
                    .after
                    .as_ref()
                    .is_some_and(|s| s.values.iter().any(|v| v.contains("bad")))
            {
                return Err(DnsError::Mismatch {
                    zone: zone.name.to_string(),
                    message: "it does not stand so".into(),
                });
            }
            if let Some(after) = &change.after {
                next.insert(change.fqdn.clone(), after.clone());
            }
        }
        *sets = next;
        let mut count = self.changes.lock().expect("no test panicked here");
        *count += 1;
        Ok(format!("C{count}"))
    }

    async fn in_sync(&self, _change_id: &str) -> Result<bool, DnsError> {
        Ok(true)
    }

    async fn at_name(&self, _zone: &Zone, fqdn: &Fqdn) -> Result<AtName, DnsError> {
        let stands = || AtName::of_txt(self.sets().get(fqdn).cloned());
        Ok(self.occupant(fqdn).unwrap_or_else(stands))
    }
}
