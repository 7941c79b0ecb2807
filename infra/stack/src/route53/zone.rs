//! Hosted zones and their record sets.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::name::DnsName;

/// What a zone, or all of them, says to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// No public zone holds the name.
    NoZone,
    /// The name is below a cut, and its zone is not here.
    Referral {
        /// Who is to be asked instead.
        servers: Rrset,
    },
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
    /// Where an alias leads; then there is neither TTL nor value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<Alias>,
    /// The routing policy; kept and matched, but every set is answered.
    #[serde(default, skip_serializing_if = "Routing::is_simple")]
    pub routing: Routing,
    /// Seconds.
    pub ttl: u32,
    /// Values as they were sent: TXT in quotes.
    pub values: Vec<String>,
}

/// AliasTarget, as it was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Alias {
    /// The zone of the target.
    pub hosted_zone_id: String,
    /// The target.
    #[serde(rename = "DNSName")]
    pub dns_name: String,
    /// Whether its health decides.
    pub evaluate_target_health: bool,
}

/// GeoLocation, as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GeoLocation {
    /// `EU`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continent_code: Option<String>,
    /// `DE`, …; `*` for everybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    /// A state of the United States or of Ukraine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdivision_code: Option<String>,
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
    /// By the asker's place.
    #[serde(default)]
    pub geo_location: Option<GeoLocation>,
    /// Multivalue answer.
    pub multi_value_answer: Option<bool>,
    /// Health check.
    pub health_check_id: Option<String>,
}

impl Routing {
    fn is_simple(&self) -> bool {
        *self == Self::default()
    }

    /// How many policies it names.
    pub(super) fn policies(&self) -> usize {
        let named = [
            self.weight.is_some(),
            self.region.is_some(),
            self.failover.is_some(),
            self.geo_location.is_some(),
            self.multi_value_answer == Some(true),
        ];
        named.into_iter().filter(|named| *named).count()
    }

    /// The word for its policy in Route53's refusals; a simple set has none.
    pub(super) fn policy(&self) -> Option<&'static str> {
        let named = [
            (self.multi_value_answer == Some(true), "multivalue answer"),
            (self.weight.is_some(), "weighted"),
            (self.region.is_some(), "latency"),
            (self.failover.is_some(), "failover"),
            (self.geo_location.is_some(), "geolocation"),
        ];
        named.into_iter().find_map(|(named, word)| named.then_some(word))
    }
}

impl Rrset {
    pub(super) fn simple(name: &DnsName, rtype: &str, ttl: u32, values: &[&str]) -> Self {
        Self {
            name: name.clone(),
            rtype: rtype.to_owned(),
            set_identifier: None,
            alias: None,
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
    /// Of another AWS account: answered by the DNS, out of the API's reach.
    pub(super) foreign: bool,
    /// The order in which zones were made.
    pub(super) number: u64,
    /// The name servers that were given to it.
    pub(super) name_servers: Vec<String>,
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
    #[serde(default)]
    foreign: bool,
    #[serde(default)]
    number: u64,
    #[serde(default)]
    name_servers: Vec<String>,
    rrsets: Vec<Rrset>,
}

impl From<SavedZone> for Zone {
    fn from(mut saved: SavedZone) -> Self {
        // An older state has one set of name servers for all zones.
        if saved.name_servers.is_empty() {
            let mut sets = saved.rrsets.iter();
            let servers = sets.find(|set| set.name == saved.name && set.rtype == "NS");
            saved.name_servers = servers.map(|set| set.values.clone()).unwrap_or_default();
        }
        Self {
            id: saved.id,
            name: saved.name,
            caller_reference: saved.caller_reference,
            comment: saved.comment,
            private: saved.private,
            foreign: saved.foreign,
            number: saved.number,
            name_servers: saved.name_servers,
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
            foreign: zone.foreign,
            number: zone.number,
            name_servers: zone.name_servers,
            rrsets: zone.rrsets.into_values().collect(),
        }
    }
}

/// Four name servers of a zone, one under each of four top-level domains. No two zones here have one in common. Nobody
/// needs to reach them: one responder speaks for all.
fn name_servers(number: u64) -> Vec<String> {
    let server = |(at, tld): (u64, &&str)| {
        let host = number + 512 * at;
        format!("ns-{host}.awsdns-{:02}.{tld}.", number % 64)
    };
    (0..).zip(&["com", "net", "org", "co.uk"]).map(server).collect()
}

impl Zone {
    /// A zone as it is when new: with NS and SOA (Developer Guide, "NS and SOA records that Amazon Route 53 creates").
    pub(super) fn new(id: String, name: DnsName, caller_reference: String, number: u64) -> Self {
        let name_servers = name_servers(number);
        let servers: Vec<&str> = name_servers.iter().map(String::as_str).collect();
        let first = servers.first().copied().unwrap_or_default();
        let soa = format!("{first} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400");
        let sets = [
            Rrset::simple(&name, "NS", 172_800, &servers),
            Rrset::simple(&name, "SOA", 900, &[&soa]),
        ];
        Self {
            id,
            name,
            caller_reference,
            comment: None,
            private: false,
            foreign: false,
            number,
            name_servers,
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

    /// The NS set of the highest cut between the zone's top and the name (RFC 1034 §4.2.1).
    pub(super) fn cut_above(&self, name: &DnsName) -> Option<&Rrset> {
        let above = std::iter::successors(Some(name.clone()), DnsName::parent);
        let mut below_top: Vec<DnsName> = above.take_while(|above| *above != self.name).collect();
        below_top.reverse();
        let mut sets = below_top.iter().flat_map(|name| self.sets_at(name));
        sets.find(|set| set.rtype == "NS")
    }

    /// The CNAME that a DNAME above the name stands for (RFC 6672 §3.2).
    fn by_dname(&self, name: &DnsName) -> Option<Rrset> {
        let mut above = std::iter::successors(name.parent(), DnsName::parent);
        let set = above.find_map(|above| {
            let sets = self.sets_at(&above);
            sets.into_iter().find(|set| set.rtype == "DNAME")
        })?;
        let prefix = name.as_str().strip_suffix(set.name.as_str())?;
        let target = format!("{prefix}{}", set.values.first()?);
        Some(Rrset::simple(name, "CNAME", set.ttl, &[&target]))
    }

    /// Answers a question for a name within the zone, and above each cut in it.
    pub(super) fn lookup(&self, name: &DnsName, rtype: &str) -> Lookup {
        let soa = || {
            let mut sets = self.sets_at(&self.name).into_iter();
            sets.find(|set| set.rtype == "SOA").cloned()
        };
        if let Some(cname) = self.by_dname(name) {
            return Lookup::Records(vec![cname]);
        }
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
