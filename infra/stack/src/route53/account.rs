//! The zones of an AWS account, and what was submitted to them.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use certmint_core::words::Timestamp;
use rand::Rng;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{
    Lookup,
    batch::{self, Action, Change},
    name::DnsName,
    refusal::{Refusal, refused},
    zone::{Rrset, Zone},
};

/// Changes that GetChange still knows. Route53 forgets by age; a long-lived local stack must not grow for ever.
const CHANGES_KEPT: usize = 10_000;

/// How this Route53 differs from one that takes everything at once.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// GetChange answers PENDING until this long after the submission. DNS answers at once all the same.
    pub sync_delay: Duration,
    /// Zones whose records may not be changed: AccessDenied.
    pub read_only_zones: Vec<String>,
}

/// One submission.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Submission {
    pub(super) id: String,
    pub(super) comment: Option<String>,
    pub(super) submitted_at: Timestamp,
}

#[derive(Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) zones: BTreeMap<String, Zone>,
    pub(super) submissions: VecDeque<Submission>,
    /// What registries name as the servers of a domain, where that is not the oldest zone of its name.
    #[serde(default)]
    pub(super) delegated: BTreeMap<DnsName, Vec<String>>,
}

impl State {
    /// A zone of this AWS account.
    pub(super) fn zone(&self, id: &str) -> Result<&Zone, Refusal> {
        let ours = self.zones.get(id).filter(|zone| !zone.foreign);
        ours.ok_or_else(|| Refusal::no_zone(id))
    }

    /// All zones of this AWS account.
    pub(super) fn ours(&self) -> impl Iterator<Item = &Zone> {
        self.zones.values().filter(|zone| !zone.foreign)
    }

    /// A further zone, which nobody knows yet.
    pub(super) fn new_zone(&self, name: DnsName, caller_reference: Option<String>) -> Zone {
        let id = new_id('Z');
        let number = self.zones.values().map(|zone| zone.number + 1).max().unwrap_or(0);
        let reference = caller_reference.unwrap_or_else(|| id.clone());
        Zone::new(id, name, reference, number)
    }

    pub(super) fn submit(&mut self, comment: Option<String>) -> Submission {
        let submission = Submission {
            id: new_id('C'),
            comment,
            submitted_at: SystemTime::now().into(),
        };
        if self.submissions.len() >= CHANGES_KEPT {
            self.submissions.pop_front();
        }
        self.submissions.push_back(submission.clone());
        submission
    }
}

/// Ids look as AWS's do: a letter for the kind, then capitals and digits.
pub(super) fn new_id(kind: char) -> String {
    const ALPHABET: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut random = rand::rng();
    let letters = std::iter::repeat_with(|| char::from(ALPHABET[random.random_range(0..ALPHABET.len())]));
    std::iter::once(kind).chain(letters.take(13)).collect()
}

pub(super) struct Inner {
    pub(super) state: Mutex<State>,
    pub(super) calls: Mutex<BTreeMap<String, u64>>,
    pub(super) sync_delay: Duration,
    pub(super) read_only: BTreeSet<DnsName>,
    pub(super) revision: watch::Sender<u64>,
}

/// An AWS account's Route53. Clones share it.
#[derive(Clone)]
pub struct Route53 {
    pub(super) inner: Arc<Inner>,
}

impl Route53 {
    /// A Route53 without zones. A read-only zone whose name is no name matches nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let read_only = settings.read_only_zones.iter();
        Self {
            inner: Arc::new(Inner {
                state: Mutex::default(),
                calls: Mutex::default(),
                sync_delay: settings.sync_delay,
                read_only: read_only.filter_map(|name| name.parse().ok()).collect(),
                revision: watch::Sender::new(0),
            }),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done by a panic: zones are replaced whole.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn changed(&self) {
        self.inner.revision.send_modify(|revision| *revision += 1);
    }

    /// Creates a public zone with its NS and SOA, and has it delegated: where the zone above is here too, by NS records
    /// in it. A name may have several zones; the first one stays the delegated one. Answers its id, without
    /// `/hostedzone/`.
    ///
    /// # Errors
    /// If the name is no name.
    pub fn create_zone(&self, name: &str) -> Result<String, Refusal> {
        self.add_zone(name, true, |_| {})
    }

    /// The same, and nobody is led to it.
    ///
    /// # Errors
    /// If the name is no name.
    pub fn create_undelegated_zone(&self, name: &str) -> Result<String, Refusal> {
        self.add_zone(name, false, |_| {})
    }

    /// A private zone, which the public DNS knows nothing of.
    ///
    /// # Errors
    /// If the name is no name.
    pub fn create_private_zone(&self, name: &str) -> Result<String, Refusal> {
        self.add_zone(name, false, |zone| zone.private = true)
    }

    /// The same in another AWS account: the DNS answers from it, the API knows nothing of it.
    ///
    /// # Errors
    /// If the name is no name.
    pub fn create_foreign_zone(&self, name: &str) -> Result<String, Refusal> {
        self.add_zone(name, true, |zone| zone.foreign = true)
    }

    fn add_zone(
        &self,
        name: &str,
        is_delegated: bool,
        change: impl Fn(&mut Zone),
    ) -> Result<String, Refusal> {
        let name: DnsName = name.parse().map_err(|why| Refusal::name(name, why))?;
        let mut state = self.state();
        let mut zone = state.new_zone(name, None);
        change(&mut zone);
        let id = zone.id.clone();
        if is_delegated {
            state.delegate_at_parent(&zone);
        }
        let is_public = !zone.private;
        state.zones.insert(id.clone(), zone);
        if is_public {
            state.delegate_children(&id);
        }
        drop(state);
        self.changed();
        Ok(id)
    }

    /// What the registry names as the servers of a domain from now on.
    ///
    /// # Errors
    /// If the name is no name.
    pub fn delegate(&self, domain: &str, servers: &[&str]) -> Result<(), Refusal> {
        let domain = domain.parse().map_err(|why| Refusal::name(domain, why))?;
        let servers = servers.iter().map(|&server| server.to_owned()).collect();
        self.state().delegated.insert(domain, servers);
        self.changed();
        Ok(())
    }

    /// The name servers of a zone.
    #[must_use]
    pub fn name_servers(&self, id: &str) -> Vec<String> {
        let state = self.state();
        let zone = state.zones.get(id);
        zone.map(|zone| zone.name_servers.clone()).unwrap_or_default()
    }

    /// Writes a record set into the zone that answers for its name, as an UPSERT through the API would, but also into a
    /// read-only or foreign zone and without being counted.
    ///
    /// # Errors
    /// If no zone holds it, or the API would refuse it.
    pub fn upsert(&self, name: &str, rtype: &str, ttl: u32, values: &[&str]) -> Result<(), Refusal> {
        let name: DnsName = name.parse().map_err(|why| Refusal::name(name, why))?;
        self.upsert_set(Rrset::simple(&name, rtype, ttl, values))
    }

    /// The same of a whole record set.
    ///
    /// # Errors
    /// As [`Route53::upsert`].
    pub fn upsert_set(&self, set: Rrset) -> Result<(), Refusal> {
        let name = set.name.clone();
        let change = Change {
            action: Action::Upsert,
            set,
        };
        let mut state = self.state();
        let id = state.zone_of(&name).map(|zone| zone.id.clone());
        let zone = id.and_then(|id| state.zones.get_mut(&id));
        let zone = zone.ok_or_else(|| Refusal::no_zone(name.as_str()))?;
        batch::apply(zone, &[change]).map_err(|messages| refused(&messages))?;
        drop(state);
        self.changed();
        Ok(())
    }

    /// What the public zone that is asked for `name` says to a question of type `rtype`. A CNAME is not followed.
    #[must_use]
    pub fn lookup(&self, name: &DnsName, rtype: &str) -> Lookup {
        self.state().lookup(name, rtype)
    }

    /// The public zone that is asked for `name`.
    #[must_use]
    pub fn zone_holding(&self, name: &DnsName) -> Option<DnsName> {
        self.state().zone_of(name).map(|zone| zone.name.clone())
    }

    /// Whether a public zone lies below `name`, so that `name` exists in the DNS above it.
    #[must_use]
    pub fn has_zone_below(&self, name: &DnsName) -> bool {
        let state = self.state();
        let mut zones = state.zones.values();
        zones.any(|zone| !zone.private && zone.name.is_within(name))
    }

    /// Every record set of every zone, with NS and SOA.
    #[must_use]
    pub fn records(&self) -> Vec<Rrset> {
        let state = self.state();
        let sets = state.zones.values().flat_map(|zone| zone.rrsets.values());
        sets.cloned().collect()
    }

    /// ChangeResourceRecordSets calls by zone (`example.com.`), refused ones too.
    #[must_use]
    pub fn change_calls(&self) -> BTreeMap<String, u64> {
        self.calls().clone()
    }

    pub(super) fn calls(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.inner.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that grows with every change of a zone.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.revision.subscribe()
    }

    /// Zones and submissions, for [`Route53::import`].
    ///
    /// # Errors
    /// None that is known: every key is a string.
    pub fn export(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::to_value(&*self.state())
    }

    /// Takes the place of everything that was there.
    ///
    /// # Errors
    /// If it is not what [`Route53::export`] gave; then nothing changes.
    pub fn import(&self, saved: serde_json::Value) -> Result<(), serde_json::Error> {
        let state = serde_json::from_value(saved)?;
        *self.state() = state;
        self.changed();
        Ok(())
    }
}
