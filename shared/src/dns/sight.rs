//! What the public DNS says of a name. Pure.

use hickory_proto::{
    op::Message,
    rr::{RData, Record, RecordType},
};

use certmint_core::words::Fqdn;

/// What the public DNS says of a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// The target of a CNAME that answers for the name: its own, or a wildcard's.
    pub alias: Option<Fqdn>,
    /// The zone that the name is in, by the SOA or the delegation; `None`: no answer told.
    pub zone: Option<Fqdn>,
    /// Who serves that zone, where a delegation led there.
    pub servers: Vec<Fqdn>,
}

/// Who the parent of a zone names as its servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delegation {
    /// Their names; nobody's if the zone is not delegated.
    pub servers: Vec<Fqdn>,
    /// Which of the candidates they are.
    pub which: Option<usize>,
}

fn owner(record: &Record) -> Fqdn {
    Fqdn::new(&record.name.to_ascii())
}

/// The target of the CNAME at `fqdn` in an answer.
pub(super) fn alias(answer: &Message, fqdn: &Fqdn) -> Option<Fqdn> {
    answer.answers.iter().find_map(|record| match &record.data {
        RData::CNAME(target) if owner(record) == *fqdn => Some(Fqdn::new(&target.0.to_ascii())),
        _ => None,
    })
}

/// The zone that denies what was asked for: the owner of the SOA beside a negative answer (RFC 2308 §2), or of the SOA
/// that was asked for.
pub(super) fn zone(answer: &Message) -> Option<Fqdn> {
    let sections = answer.answers.iter().chain(&answer.authorities);
    sections
        .filter(|record| record.record_type() == RecordType::SOA)
        .map(owner)
        .next()
}

/// The name servers that an answer has for a zone, as its own records or as a delegation.
pub(super) fn servers(answer: &Message, zone: &Fqdn) -> Vec<Fqdn> {
    let sections = answer.answers.iter().chain(&answer.authorities);
    let names = sections.filter_map(|record| match &record.data {
        RData::NS(server) if owner(record) == *zone => Some(Fqdn::new(&server.0.to_ascii())),
        _ => None,
    });
    names.collect()
}

/// Where an answer refers to: a zone below `zone` that holds the name, and its servers.
pub(super) fn referral(answer: &Message, fqdn: &Fqdn, zone: &Fqdn) -> Option<(Fqdn, Vec<Fqdn>)> {
    if !answer.answers.is_empty() || answer.metadata.authoritative {
        return None;
    }
    let mut cuts = answer
        .authorities
        .iter()
        .filter(|record| record.record_type() == RecordType::NS)
        .map(owner);
    let cut = cuts.find(|cut| cut != zone && cut.is_within(zone) && fqdn.is_within(cut))?;
    let servers = servers(answer, &cut);
    Some((cut, servers))
}

/// Whether a server speaks for the name, or leads to who does.
pub(super) fn is_of_server(answer: &Message) -> bool {
    let refers = |record: &Record| record.record_type() == RecordType::NS;
    answer.metadata.authoritative || answer.authorities.iter().any(refers)
}
