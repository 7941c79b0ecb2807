//! Which zone the public DNS asks for a name: from the registry down, cut by cut.

use super::{
    account::State,
    name::DnsName,
    zone::{Lookup, Rrset, Zone},
};

/// TTL of what a registry says of a delegation.
const REGISTRY_TTL: u32 = 172_800;
/// Aliases of Route53 that are followed.
const MAX_ALIASES: usize = 8;

/// Who is asked for a name.
enum Authority<'a> {
    Zone(&'a Zone),
    /// Servers that are not here, by the NS set that leads to them.
    Elsewhere(Box<Rrset>),
    Nobody,
}

fn same_server(a: &str, b: &str) -> bool {
    a.trim_end_matches('.')
        .eq_ignore_ascii_case(b.trim_end_matches('.'))
}

fn is_served_by(zone: &Zone, servers: &[String]) -> bool {
    let named = |ours: &String| servers.iter().any(|server| same_server(ours, server));
    zone.name_servers.iter().any(named)
}

impl State {
    fn public(&self) -> impl Iterator<Item = &Zone> {
        self.zones.values().filter(|zone| !zone.private)
    }

    fn authority(&self, name: &DnsName) -> Authority<'_> {
        let holding = self.public().filter(|zone| name.is_within(&zone.name));
        // Of several zones of a domain the oldest is delegated, unless the registry names others.
        let Some(top) = holding.min_by_key(|zone| (zone.name.as_str().len(), zone.number)) else {
            return Authority::Nobody;
        };
        let mut zone = match self.delegated.get(&top.name) {
            None => top,
            Some(servers) => match self.served_by(&top.name, servers) {
                Some(zone) => zone,
                None => {
                    let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
                    return Authority::Elsewhere(Box::new(Rrset::simple(
                        &top.name,
                        "NS",
                        REGISTRY_TTL,
                        &servers,
                    )));
                }
            },
        };
        while let Some(cut) = zone.cut_above(name) {
            match self.served_by(&cut.name, &cut.values) {
                Some(below) => zone = below,
                None => return Authority::Elsewhere(Box::new(cut.clone())),
            }
        }
        Authority::Zone(zone)
    }

    fn served_by(&self, name: &DnsName, servers: &[String]) -> Option<&Zone> {
        self.public()
            .find(|zone| zone.name == *name && is_served_by(zone, servers))
    }

    /// The public zone that is asked for a name.
    pub(super) fn zone_of(&self, name: &DnsName) -> Option<&Zone> {
        match self.authority(name) {
            Authority::Zone(zone) => Some(zone),
            Authority::Elsewhere(_) | Authority::Nobody => None,
        }
    }

    /// What it says.
    pub(super) fn lookup(&self, name: &DnsName, rtype: &str) -> Lookup {
        let mut answer = match self.authority(name) {
            Authority::Zone(zone) => zone.lookup(name, rtype),
            Authority::Elsewhere(servers) => return Lookup::Referral { servers: *servers },
            Authority::Nobody => return Lookup::NoZone,
        };
        if let Lookup::Records(sets) = &mut answer {
            sets.iter_mut().for_each(|set| self.resolve(set));
        }
        answer
    }

    /// An alias of Route53 answers with what stands at its target (Developer Guide, "Choosing between alias and non-alias
    /// records"); one to something outside Route53 has nothing here.
    fn resolve(&self, set: &mut Rrset) {
        for _ in 0..MAX_ALIASES {
            let Some(alias) = set.alias.take() else { return };
            let Ok(target) = alias.dns_name.parse::<DnsName>() else {
                return;
            };
            let Authority::Zone(zone) = self.authority(&target) else {
                return;
            };
            let Lookup::Records(found) = zone.lookup(&target, &set.rtype) else {
                return;
            };
            let Some(found) = found.into_iter().find(|found| found.rtype == set.rtype) else {
                return;
            };
            set.ttl = found.ttl;
            set.values = found.values;
            set.alias = found.alias;
        }
    }

    /// Names a zone's servers in the zone above, if that is here and says nothing of it yet.
    pub(super) fn delegate_at_parent(&mut self, zone: &Zone) {
        let above = zone.name.parent().and_then(|parent| self.zone_of(&parent));
        let Some(id) = above.map(|above| above.id.clone()) else {
            return;
        };
        let Some(above) = self.zones.get_mut(&id) else {
            return;
        };
        let servers: Vec<&str> = zone.name_servers.iter().map(String::as_str).collect();
        let set = Rrset::simple(&zone.name, "NS", REGISTRY_TTL, &servers);
        if above.cut_above(&zone.name).is_none() {
            above.rrsets.insert(set.key(), set);
        }
    }

    /// Names the servers of the zones below a new one in it.
    pub(super) fn delegate_children(&mut self, id: &str) {
        let Some(parent) = self.zones.get(id) else { return };
        let name = parent.name.clone();
        let below = self
            .public()
            .filter(|zone| zone.name != name && zone.name.is_within(&name));
        let mut below: Vec<Zone> = below.cloned().collect();
        below.sort_by_key(|zone| (zone.name.as_str().len(), zone.number));
        for zone in &below {
            self.delegate_at_parent(zone);
        }
    }
}
