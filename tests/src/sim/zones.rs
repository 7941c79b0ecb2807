//! Zones as Route53 keeps them, and the DNS that everybody sees, which follows later.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use async_trait::async_trait;
use certmint_core::{
    challenge::{TxtRecord, TxtStatus},
    words::{Fqdn, Timestamp},
};
use certmint_shared::dns::{
    AtName, Delegation, DnsError, DnsView, DnsZones, Fitting, Freshness, Sight, TxtChange, TxtRrset,
    Visibility, Zone, ledger::quoted,
};

use super::{
    gate::Gate,
    op::{NoAnswer, Op},
    store::Tables,
};

/// A hosted zone.
struct Hosted {
    zone: Zone,
    gone: bool,
    /// Until then another change is refused (`PriorRequestNotComplete`).
    busy_until: Timestamp,
    /// Servers take changes in order.
    last_shown: Timestamp,
}

/// All zones, and who wrote what besides us.
#[derive(Default)]
pub struct ZoneState {
    hosted: Vec<Hosted>,
    sets: BTreeMap<Fqdn, TxtRrset>,
    /// What the servers answered since when.
    shown: BTreeMap<Fqdn, Vec<(Timestamp, Vec<String>)>>,
    /// When a change is in sync.
    changes: BTreeMap<String, Timestamp>,
    /// Values of another tool that must stand.
    foreign: BTreeMap<Fqdn, BTreeSet<String>>,
    /// Names whose challenge is delegated by a CNAME.
    aliases: BTreeMap<Fqdn, Fqdn>,
    /// Whether changes may stay out of sync for longer than anybody waits.
    pub lazy: bool,
}

impl ZoneState {
    /// Zones of these names.
    #[must_use]
    pub fn new(zones: &[&str], aliases: &[(&str, &str)]) -> Self {
        let hosted = zones.iter().enumerate().map(|(n, name)| Hosted {
            zone: Zone {
                id: format!("Z{n}"),
                name: Fqdn::new(name),
            },
            gone: false,
            busy_until: Timestamp::ZERO,
            last_shown: Timestamp::ZERO,
        });
        Self {
            hosted: hosted.collect(),
            aliases: aliases
                .iter()
                .map(|(a, b)| (Fqdn::new(a), Fqdn::new(b)))
                .collect(),
            ..Self::default()
        }
    }

    fn hosted(&mut self, zone: &Zone) -> Result<&mut Hosted, DnsError> {
        let found = self.hosted.iter_mut().find(|h| h.zone.id == zone.id && !h.gone);
        found.ok_or_else(|| DnsError::NoSuchZone {
            zone: zone.name.to_string(),
        })
    }

    /// Where a challenge's value must stand.
    #[must_use]
    pub fn target(&self, fqdn: &Fqdn) -> Fqdn {
        self.aliases.get(fqdn).unwrap_or(fqdn).clone()
    }

    /// The zone that holds a name.
    fn holding(&self, fqdn: &Fqdn) -> Option<&Zone> {
        let holds = |h: &&Hosted| !h.gone && fqdn.is_within(&h.zone.name);
        let longest = self.hosted.iter().filter(holds);
        let longest = longest.max_by_key(|h| h.zone.name.as_str().len());
        longest.map(|h| &h.zone)
    }

    /// What the servers answered at a moment.
    #[must_use]
    pub fn public_at(&self, fqdn: &Fqdn, at: Timestamp) -> &[String] {
        let history = self.shown.get(fqdn).map(Vec::as_slice).unwrap_or_default();
        let last = history.iter().rev().find(|(since, _)| *since <= at);
        last.map(|(_, values)| values.as_slice()).unwrap_or_default()
    }

    /// A zone and all in it goes away.
    pub fn delete_zone(&mut self, index: usize) {
        if let Some(hosted) = self.hosted.get_mut(index) {
            hosted.gone = true;
            let name = hosted.zone.name.clone();
            self.sets.retain(|fqdn, _| !fqdn.is_within(&name));
            self.foreign.retain(|fqdn, _| !fqdn.is_within(&name));
        }
    }

    /// Whether the zone that holds a name was deleted.
    #[must_use]
    pub fn is_gone(&self, fqdn: &Fqdn) -> bool {
        let mut gone = self.hosted.iter().filter(|h| h.gone);
        gone.any(|h| fqdn.is_within(&h.zone.name))
    }

    /// Another tool adds its value to a name (keeping what stands, or not), or takes it away again.
    pub fn foreign_write(&mut self, fqdn: &Fqdn, kind: u64, now: Timestamp) {
        if self.is_gone(fqdn) {
            return;
        }
        let theirs = self.foreign.entry(fqdn.clone()).or_default();
        let mut values = self.sets.get(fqdn).map(|s| s.values.clone()).unwrap_or_default();
        match kind {
            0 | 1 => {
                let value = foreign_value(theirs.len());
                if theirs.insert(value.clone()) {
                    values.push(value);
                }
            }
            2 => {
                values.retain(|v| !theirs.contains(v));
                theirs.clear();
            }
            _ => {
                theirs.insert(foreign_value("alone"));
                values = theirs.iter().cloned().collect();
            }
        }
        self.write(
            fqdn,
            (!values.is_empty()).then_some(TxtRrset { ttl: 300, values }),
            now,
        );
    }

    fn write(&mut self, fqdn: &Fqdn, set: Option<TxtRrset>, shown_at: Timestamp) {
        let values = set.as_ref().map(|s| s.values.clone()).unwrap_or_default();
        match set {
            Some(set) => self.sets.insert(fqdn.clone(), set),
            None => self.sets.remove(fqdn),
        };
        let history = self.shown.entry(fqdn.clone()).or_default();
        let at = history.last().map_or(shown_at, |(last, _)| shown_at.max(*last));
        history.push((at, values));
    }

    /// Values that stand although they are nobody's, and values of another tool that are missing.
    #[must_use]
    pub fn differences(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (fqdn, set) in &self.sets {
            let theirs = self.foreign.get(fqdn);
            for value in set
                .values
                .iter()
                .filter(|v| theirs.is_none_or(|t| !t.contains(*v)))
            {
                found.push(format!("{value} was left at {fqdn}"));
            }
        }
        for (fqdn, theirs) in &self.foreign {
            let stands = self
                .sets
                .get(fqdn)
                .map(|s| s.values.as_slice())
                .unwrap_or_default();
            for value in theirs.iter().filter(|v| !stands.contains(*v)) {
                found.push(format!("another tool's {value} is gone from {fqdn}"));
            }
        }
        found
    }

    fn stands_as(&self, fqdn: &Fqdn, expected: Option<&TxtRrset>) -> bool {
        let sorted = |set: &TxtRrset| {
            let mut values = set.values.clone();
            values.sort();
            (set.ttl, values)
        };
        self.sets.get(fqdn).map(sorted) == expected.map(sorted)
    }
}

/// One process's way to zones and DNS.
#[derive(Clone)]
pub struct SimZones {
    state: Arc<Mutex<ZoneState>>,
    tables: Arc<Mutex<Tables>>,
    gate: Gate,
}

impl SimZones {
    /// Zones beside the ledger that speaks of them.
    #[must_use]
    pub const fn new(state: Arc<Mutex<ZoneState>>, tables: Arc<Mutex<Tables>>, gate: Gate) -> Self {
        Self { state, tables, gate }
    }

    fn lock(&self) -> MutexGuard<'_, ZoneState> {
        self.state.lock().expect("no model panics under the lock")
    }

    /// A value enters a zone only while the ledger has an open obligation for it.
    fn check_intents(&self, changes: &[TxtChange]) {
        let Some(timeline) = self.gate.timeline() else {
            return;
        };
        let tables = self.tables.lock().expect("no model panics under the lock");
        for change in changes {
            for value in added(change).filter(|v| !v.starts_with("\"foreign-")) {
                let bare = value.trim_matches('"').to_owned();
                let mut records = tables.txt.values();
                let open = |r: &TxtRecord| r.status != TxtStatus::Removed;
                if !records.any(|r| r.fqdn == change.fqdn && r.value == bare && open(r)) {
                    timeline.violation(format!(
                        "{value} was written to {} without an open intent",
                        change.fqdn
                    ));
                }
            }
        }
    }

    fn apply(&self, zone: &Zone, changes: &[TxtChange]) -> Result<String, DnsError> {
        let now = self.gate.now();
        let mut state = self.lock();
        let lazy = state.lazy;
        let hosted = state.hosted(zone)?;
        if hosted.busy_until > now {
            return Err(DnsError::Unavailable {
                operation: "ChangeResourceRecordSets",
                message: "PriorRequestNotComplete".into(),
            });
        }
        let bad = |c: &TxtChange| c.after.iter().flat_map(|s| &s.values).any(|v| v.contains("bad"));
        if changes
            .iter()
            .any(|c| !state.stands_as(&c.fqdn, c.before.as_ref()) || bad(c))
        {
            return Err(DnsError::Mismatch {
                zone: zone.name.to_string(),
                message: "it does not stand so".into(),
            });
        }
        self.check_intents(changes);
        let millis = Duration::from_millis;
        let in_sync = match self.gate.draw(0, 100) {
            0 if lazy => millis(self.gate.draw(700_000, 2_400_000)),
            n if n < 60 => millis(self.gate.draw(0, 3_000)),
            _ => millis(self.gate.draw(3_000, 60_000)),
        };
        let lag = millis(self.gate.draw(0, 5_000));
        let busy = millis(self.gate.draw(0, 1_500));
        let hosted = state.hosted(zone)?;
        hosted.busy_until = now.plus(busy);
        hosted.last_shown = hosted.last_shown.max(now.plus(in_sync + lag));
        let shown_at = hosted.last_shown;
        for change in changes {
            if let Some(timeline) = self.gate.timeline() {
                let values = |set: &Option<TxtRrset>| set.as_ref().map(|s| s.values.join(" "));
                let (before, after) = (values(&change.before), values(&change.after));
                timeline.note(|| format!("    zone: {} from {before:?} to {after:?}", change.fqdn));
            }
            state.write(&change.fqdn, change.after.clone(), shown_at);
        }
        let id = format!("C{}", state.changes.len());
        state.changes.insert(id.clone(), now.plus(in_sync));
        Ok(id)
    }
}

/// A value of another tool that answers challenges, too.
fn foreign_value(which: impl std::fmt::Display) -> String {
    quoted(&format!("{:_<43}", format!("foreign-{which}")))
}

fn added(change: &TxtChange) -> impl Iterator<Item = &String> {
    let before = change
        .before
        .iter()
        .flat_map(|s| &s.values)
        .collect::<BTreeSet<_>>();
    let after = change.after.iter().flat_map(|s| &s.values);
    after.filter(move |v| !before.contains(*v))
}

#[async_trait]
impl DnsZones for SimZones {
    async fn zones_of(&self, fqdn: &Fqdn, _: Freshness) -> Result<Fitting, DnsError> {
        self.gate
            .call(Op::FindZone, || {
                Ok(Fitting {
                    zones: self.lock().holding(fqdn).cloned().into_iter().collect(),
                    private: None,
                })
            })
            .await
    }

    /// No two zones have one name here.
    async fn name_servers(&self, _: &Zone) -> Result<Vec<Fqdn>, DnsError> {
        Ok(vec![])
    }

    async fn change_txt(&self, zone: &Zone, changes: &[TxtChange]) -> Result<String, DnsError> {
        let adds = changes.iter().any(|c| added(c).next().is_some());
        let op = if adds { Op::Publish } else { Op::Unpublish };
        self.gate.call(op, || self.apply(zone, changes)).await
    }

    async fn in_sync(&self, change_id: &str) -> Result<bool, DnsError> {
        self.gate
            .call(Op::InSync, || {
                let at = self.lock().changes.get(change_id).copied();
                at.map(|at| at <= self.gate.now())
                    .ok_or_else(|| DnsError::Refused {
                        operation: "GetChange",
                        message: "NoSuchChange".into(),
                    })
            })
            .await
    }

    async fn at_name(&self, zone: &Zone, fqdn: &Fqdn) -> Result<AtName, DnsError> {
        self.gate
            .call(Op::ReadZone, || {
                let mut state = self.lock();
                state.hosted(zone)?;
                Ok(AtName::of_txt(state.sets.get(fqdn).cloned()))
            })
            .await
    }
}

#[async_trait]
impl DnsView for SimZones {
    async fn look(&self, fqdn: &Fqdn, _: Option<&Fqdn>, _: Freshness) -> Result<Sight, DnsError> {
        self.gate
            .call(Op::Follow, || {
                let state = self.lock();
                Ok(Sight {
                    alias: state.aliases.get(fqdn).cloned(),
                    zone: state.holding(fqdn).map(|zone| zone.name.clone()),
                    servers: vec![],
                })
            })
            .await
    }

    async fn delegation(&self, _: &Fqdn, _: &[Vec<Fqdn>]) -> Result<Delegation, DnsError> {
        Ok(Delegation::default())
    }

    async fn visibility(&self, _zone: &Fqdn, fqdn: &Fqdn, values: &[String]) -> Visibility {
        let lag = self
            .gate
            .call(Op::Visibility, || {
                let state = self.lock();
                let seen = state.public_at(fqdn, self.gate.now());
                Ok::<_, NoAnswer>(values.iter().any(|v| !seen.contains(&quoted(v))))
            })
            .await;
        match lag {
            Ok(false) => Visibility::Everywhere,
            Ok(true) => Visibility::Lagging("name server ns1 lacks a value".into()),
            Err(NoAnswer) => Visibility::Lagging("name server ns1 did not answer".into()),
        }
    }

    async fn domain_exists(&self, fqdn: &Fqdn) -> Option<bool> {
        let exists = self.gate.call(Op::Exists, || {
            Ok::<_, NoAnswer>(!fqdn.as_str().ends_with("nowhere.net"))
        });
        exists.await.ok()
    }
}
