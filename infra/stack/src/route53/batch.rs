//! ChangeResourceRecordSets: all changes or none.

use std::collections::BTreeSet;

use super::{
    name::DnsName,
    rdata,
    zone::{Key, Rrset, Rrsets, Zone},
};

/// Route53 quota: ResourceRecord elements in one request.
const MAX_RECORDS: usize = 1000;
/// Route53 quota: characters of all Value elements in one request.
const MAX_CHARS: usize = 32_000;
/// Route53 quota: records in one set.
const MAX_RECORDS_OF_SET: usize = 400;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Delete,
    Upsert,
}

#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) action: Action,
    pub(super) set: Rrset,
}

/// `[name='a.test.', type='TXT']`, as Route53 names a set in its messages.
fn label(set: &Rrset) -> String {
    let identifier = set.set_identifier.as_deref();
    let identifier = identifier.map_or_else(String::new, |id| format!(", set-identifier='{id}'"));
    format!("[name='{}', type='{}'{identifier}]", set.name, set.rtype)
}

/// The quotas of one request. An UPSERT counts twice (API Reference, ChangeResourceRecordSets, "Limits").
fn limits(changes: &[Change]) -> Result<(), String> {
    let weight = |change: &Change| if change.action == Action::Upsert { 2 } else { 1 };
    let sum = |of: fn(&Rrset) -> usize| -> usize { changes.iter().map(|c| weight(c) * of(&c.set)).sum() };
    if sum(|set| set.values.len()) > MAX_RECORDS {
        return Err(format!("Number of records limit of {MAX_RECORDS} exceeded."));
    }
    if sum(|set| set.values.iter().map(|value| value.chars().count()).sum()) > MAX_CHARS {
        return Err(format!("RDATA character limit of {MAX_CHARS} exceeded."));
    }
    Ok(())
}

/// What is wrong with a set whatever stands in the zone.
fn check_set(zone: &DnsName, set: &Rrset) -> Result<(), String> {
    if !set.name.is_within(zone) {
        return Err(format!(
            "RRSet with DNS name {} is not permitted in zone {zone}",
            set.name
        ));
    }
    if set.rtype == "CNAME" && set.name == *zone {
        return Err(format!(
            "RRSet of type CNAME with DNS name {zone} is not permitted at apex in zone {zone}"
        ));
    }
    if matches!(set.rtype.as_str(), "CNAME" | "SOA") && set.values.len() > 1 {
        return Err(format!(
            "RRSet with DNS name {}, type {} can contain only one resource record",
            set.name, set.rtype
        ));
    }
    if set.values.len() > MAX_RECORDS_OF_SET {
        return Err(format!(
            "Cannot have more than {MAX_RECORDS_OF_SET} records in a RRSet."
        ));
    }
    if set.routing.policy() == Some("multivalue answer") && (set.alias.is_some() || set.rtype == "CNAME") {
        return Err(format!(
            "RRSet with DNS name {}, type {} cannot be a multivalue answer: alias and CNAME records have one answer",
            set.name, set.rtype
        ));
    }
    let mut seen = BTreeSet::new();
    for value in &set.values {
        rdata::check(&set.rtype, value)?;
        if !seen.insert(value) {
            return Err(format!("Duplicate Resource Record: '{value}'"));
        }
    }
    Ok(())
}

/// A CNAME stands alone (RFC 1034 §3.6.2).
fn check_cname(zone: &DnsName, sets: &Rrsets, set: &Rrset) -> Result<(), String> {
    let mut neighbours = sets
        .range(Key::first(set.name.clone())..)
        .map(|(key, _)| key)
        .take_while(|key| key.name == set.name);
    if set.rtype == "CNAME" && neighbours.clone().any(|key| key.rtype != "CNAME") {
        return Err(format!(
            "RRSet of type CNAME with DNS name {} is not permitted as it conflicts with other records with the same \
             DNS name in zone {zone}",
            set.name
        ));
    }
    if set.rtype != "CNAME" && neighbours.any(|key| key.rtype == "CNAME") {
        return Err(format!(
            "RRSet of type {} with DNS name {} is not permitted because a conflicting RRSet of type CNAME with the \
             same DNS name already exists in zone {zone}",
            set.rtype, set.name
        ));
    }
    Ok(())
}

/// Sets of one name and type are one simple set, or have one routing policy and each its identifier (API Reference,
/// ResourceRecordSet, `SetIdentifier`; the words are those that clients report).
fn check_routing(sets: &Rrsets, set: &Rrset) -> Result<(), String> {
    let of_name = sets.range(Key::first(set.name.clone())..).map(|(_, other)| other);
    let of_name = of_name.take_while(|other| other.name == set.name);
    let others =
        of_name.filter(|other| other.rtype == set.rtype && other.set_identifier != set.set_identifier);
    let refused = |why: String| {
        let identifier = set.set_identifier.as_deref();
        let identifier = identifier.map_or_else(String::new, |id| format!(", SetIdentifier {id}"));
        Err(format!(
            "RRSet with DNS name {}, type {}{identifier}{why}",
            set.name, set.rtype
        ))
    };
    let what = &set.routing;
    for other in others {
        let Some(policy) = what.policy() else {
            return refused(" cannot be created as other RRSets exist with the same name and type.".into());
        };
        if other.routing.policy() != Some(policy) {
            return refused(match policy {
                "multivalue answer" => {
                    " cannot be created because a non multivalue answer rrset exists with the same \
                                        name and type."
                        .into()
                }
                policy => {
                    format!(" cannot be created as a non-{policy} set exists with the same name and type.")
                }
            });
        }
        if let Some(region) = what
            .region
            .as_ref()
            .filter(|_| other.routing.region == what.region)
        {
            return refused(format!(
                ", and Region Name={region} cannot be created because a latency RRSet with the same name, type and region \
                 already exists."
            ));
        }
        if what.failover.is_some() && other.routing.failover == what.failover
            || what.geo_location.is_some() && other.routing.geo_location == what.geo_location
        {
            return refused(format!(
                " cannot be created because a {policy} RRSet with the same name, type and {policy} already exists."
            ));
        }
    }
    Ok(())
}

fn is_same(stands: &Rrset, sent: &Rrset) -> bool {
    let values = |set: &Rrset| set.values.iter().cloned().collect::<BTreeSet<_>>();
    stands.ttl == sent.ttl
        && stands.alias == sent.alias
        && stands.routing == sent.routing
        && values(stands) == values(sent)
}

fn apply_one(zone: &DnsName, sets: &mut Rrsets, change: &Change) -> Result<(), String> {
    let set = &change.set;
    let key = set.key();
    match (change.action, sets.get(&key)) {
        (Action::Delete, None) => {
            return Err(format!(
                "Tried to delete resource record set {} but it was not found",
                label(set)
            ));
        }
        (Action::Delete, Some(stands)) if !is_same(stands, set) => {
            return Err(format!(
                "Tried to delete resource record set {} but the values provided do not match the current values",
                label(set)
            ));
        }
        (Action::Delete, Some(_)) => {
            sets.remove(&key);
            return Ok(());
        }
        (Action::Create, Some(_)) => {
            return Err(format!(
                "Tried to create resource record set {} but it already exists",
                label(set)
            ));
        }
        (Action::Create | Action::Upsert, _) => {}
    }
    check_set(zone, set)?;
    check_cname(zone, sets, set)?;
    check_routing(sets, set)?;
    sets.insert(key, set.clone());
    Ok(())
}

/// Applies a batch in order to a copy of the zone, which takes the zone's place if all changes pass.
///
/// # Errors
/// What is wrong, one message for each change that fails; then the zone is as it was.
pub(super) fn apply(zone: &mut Zone, changes: &[Change]) -> Result<(), Vec<String>> {
    limits(changes).map_err(|message| vec![message])?;
    let mut sets = zone.rrsets.clone();
    let mut written = BTreeSet::new();
    let mut messages = Vec::new();
    for change in changes {
        let key = change.set.key();
        // DELETE then CREATE replaces a set; nothing may follow once a set is written.
        let result = if written.contains(&key) {
            Err(format!(
                "The request contains an invalid set of changes for a resource record set '{} {}'",
                key.rtype, key.name
            ))
        } else {
            apply_one(&zone.name, &mut sets, change)
        };
        messages.extend(result.err());
        if change.action != Action::Delete {
            written.insert(key);
        }
    }
    let apex = |rtype: &str| {
        let mut sets = sets.values();
        sets.any(|set| set.name == zone.name && set.rtype == rtype)
    };
    if !apex("SOA") {
        messages.push("A HostedZone must contain exactly one SOA record.".into());
    }
    if !apex("NS") {
        messages.push("A HostedZone must contain at least one NS record for the zone itself.".into());
    }
    if messages.is_empty() {
        zone.rrsets = sets;
        Ok(())
    } else {
        Err(messages)
    }
}
