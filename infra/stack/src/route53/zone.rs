//! Hosted zones and their record sets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::name::DnsName;

/// What the zones say to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// No public zone holds the name.
    NoZone,
    /// The sets of that type, or the CNAME that stands there. From a wildcard they carry the wildcard's name.
    Records(Vec<Rrset>),
    /// The name exists, but not with that type.
    NoData {
        /// The zone's SOA.
        soa: Option<Rrset>,
    },
    /// The name does not exist in its zone.
    NoName {
        /// The zone's SOA.
        soa: Option<Rrset>,
    },
}

/// A set of records of one name and type (and identifier, when several share them).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rrset {
    /// Its name.
    pub name: DnsName,
    /// `TXT`, `A`, …
    pub rtype: String,
    /// What tells it from others of the same name and type under a routing policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_identifier: Option<String>,
    /// The routing policy; kept and matched, but every set is answered.
    #[serde(default, skip_serializing_if = "Routing::is_simple")]
    pub routing: Routing,
    /// Seconds.
    pub ttl: u32,
    /// Values as they were sent: TXT in quotes.
    pub values: Vec<String>,
}

/// Fields of ResourceRecordSet that make a routing policy, as they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    /// Weighted.
    pub weight: Option<u8>,
    /// By latency.
    pub region: Option<String>,
    /// `PRIMARY` or `SECONDARY`.
    pub failover: Option<String>,
    /// Multivalue answer.
    pub multi_value_answer: Option<bool>,
    /// Health check.
    pub health_check_id: Option<String>,
}

impl Routing {
    fn is_simple(&self) -> bool {
        *self == Self::default()
    }
}

impl Rrset {
    pub(super) fn simple(name: &DnsName, rtype: &str, ttl: u32, values: &[&str]) -> Self {
        Self {
            name: name.clone(),
            rtype: rtype.to_owned(),
            set_identifier: None,
            routing: Routing::default(),
            ttl,
            values: values.iter().map(|&value| value.to_owned()).collect(),
        }
    }

    pub(super) fn key(&self) -> Key {
        Key {
            name: self.name.clone(),
            rtype: self.rtype.clone(),
            set_identifier: self.set_identifier.clone(),
        }
    }
}

/// What a record set is found by; ordered as ListResourceRecordSets lists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) name: DnsName,
    pub(super) rtype: String,
    pub(super) set_identifier: Option<String>,
}

impl Key {
    /// Before all sets of a name.
    pub(super) const fn first(name: DnsName) -> Self {
        Self {
            name,
            rtype: String::new(),
            set_identifier: None,
        }
    }
}

pub(super) type Rrsets = BTreeMap<Key, Rrset>;

/// A hosted zone.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "SavedZone", into = "SavedZone")]
pub(super) struct Zone {
    pub(super) id: String,
    pub(super) name: DnsName,
    pub(super) caller_reference: String,
    pub(super) comment: Option<String>,
    pub(super) private: bool,
    pub(super) rrsets: Rrsets,
}

/// A zone on disk: the keys follow from the record sets.
#[derive(Serialize, Deserialize)]
struct SavedZone {
    id: String,
    name: DnsName,
    caller_reference: String,
    comment: Option<String>,
    private: bool,
    rrsets: Vec<Rrset>,
}

impl From<SavedZone> for Zone {
    fn from(saved: SavedZone) -> Self {
        Self {
            id: saved.id,
            name: saved.name,
            caller_reference: saved.caller_reference,
            comment: saved.comment,
            private: saved.private,
            rrsets: saved.rrsets.into_iter().map(|set| (set.key(), set)).collect(),
        }
    }
}

impl From<Zone> for SavedZone {
    fn from(zone: Zone) -> Self {
        Self {
            id: zone.id,
            name: zone.name,
            caller_reference: zone.caller_reference,
            comment: zone.comment,
            private: zone.private,
            rrsets: zone.rrsets.into_values().collect(),
        }
    }
}

/// Name servers of every zone here. Nobody needs to reach them: one responder speaks for all.
pub(super) const NAME_SERVERS: [&str; 4] = [
    "ns-0.awsdns-00.com.",
    "ns-512.awsdns-00.net.",
    "ns-1024.awsdns-00.org.",
    "ns-1536.awsdns-00.co.uk.",
];
/// The SOA that Route53 gives a new zone (Developer Guide, "The start of authority (SOA) record").
const SOA: &str = "ns-0.awsdns-00.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400";

impl Zone {
    /// A zone as it is when new: with NS and SOA.
    pub(super) fn new(id: String, name: DnsName, caller_reference: String) -> Self {
        let sets = [
            Rrset::simple(&name, "NS", 172_800, &NAME_SERVERS),
            Rrset::simple(&name, "SOA", 900, &[SOA]),
        ];
        Self {
            id,
            name,
            caller_reference,
            comment: None,
            private: false,
            rrsets: sets.into_iter().map(|set| (set.key(), set)).collect(),
        }
    }

    /// Whether only what Route53 itself put there is left.
    pub(super) fn is_empty(&self) -> bool {
        self.rrsets
            .values()
            .all(|set| set.name == self.name && matches!(set.rtype.as_str(), "NS" | "SOA"))
    }

    fn sets_at(&self, name: &DnsName) -> Vec<&Rrset> {
        self.rrsets
            .range(Key::first(name.clone())..)
            .take_while(|(key, _)| key.name == *name)
            .map(|(_, set)| set)
            .collect()
    }

    /// Whether the name, or one below it, has records (an empty non-terminal exists too: RFC 4592 §2.2.2).
    fn exists(&self, name: &DnsName) -> bool {
        let mut from_here = self.rrsets.range(Key::first(name.clone())..);
        from_here.next().is_some_and(|(key, _)| key.name.is_within(name))
    }

    /// The sets that answer for a name: its own, or those of the wildcard below its closest encloser (RFC 4592
    /// §3.3.1). `None`: the name does not exist.
    fn node(&self, name: &DnsName) -> Option<Vec<&Rrset>> {
        if self.exists(name) {
            return Some(self.sets_at(name));
        }
        let mut encloser = name.parent()?;
        while encloser != self.name && !self.exists(&encloser) {
            encloser = encloser.parent()?;
        }
        let sets = self.sets_at(&encloser.wildcard());
        (!sets.is_empty()).then_some(sets)
    }

    /// Answers a question for a name within the zone.
    pub(super) fn lookup(&self, name: &DnsName, rtype: &str) -> Lookup {
        let soa = || {
            let mut sets = self.sets_at(&self.name).into_iter();
            sets.find(|set| set.rtype == "SOA").cloned()
        };
        let Some(sets) = self.node(name) else {
            return Lookup::NoName { soa: soa() };
        };
        let of = |wanted: &str| -> Vec<Rrset> {
            let chosen = sets.iter().filter(|set| set.rtype == wanted || wanted == "ANY");
            chosen.map(|&set| set.clone()).collect()
        };
        let answer = Some(of(rtype)).filter(|sets| !sets.is_empty());
        // RFC 1034 §3.6.2: an alias answers for every other type.
        match answer.unwrap_or_else(|| of("CNAME")) {
            none if none.is_empty() => Lookup::NoData { soa: soa() },
            sets => Lookup::Records(sets),
        }
    }
}
