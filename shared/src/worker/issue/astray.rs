//! Why a challenge's value has no place, in words that say what to do.

use crate::dns::{DnsError, Zone};
use certmint_core::words::{Cause, Class, Failure, Fqdn, Stage};

/// A way that ends nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Astray {
    /// The name that was asked for is nobody's.
    #[error("the domain of {0} does not exist in the public DNS; check the spelling")]
    NoDomain(Fqdn),
    #[error(
        "no public hosted zone of this AWS account holds {0}; create the zone or delegate the name by a CNAME"
    )]
    NoZone(Fqdn),
    #[error(
        "only a private hosted zone of this AWS account ({zone}) holds {fqdn}, and a CA does not see it; create a public \
         hosted zone and have it delegated, or delegate the name by a CNAME to a public one"
    )]
    Private { fqdn: Fqdn, zone: Fqdn },
    #[error(
        "{fqdn} is in zone {cut}, which zone {zone} delegates to {}, so a value in hosted zone {zone} would not be seen; \
         make a CNAME at {fqdn}, where {cut} is served, to a name in a public hosted zone of this AWS account, or remove \
         the NS records of {cut} from {zone}",
        listed(servers)
    )]
    Cut {
        fqdn: Fqdn,
        cut: Fqdn,
        zone: Fqdn,
        servers: Vec<Fqdn>,
    },
    #[error(
        "hosted zone {zone} ({id}) is not delegated: the public DNS looks for {fqdn} in zone {above}; add the hosted zone's \
         name servers{} as NS records of {zone} to {above} (at the registrar, if that is where the domain is registered)",
        in_brackets(servers)
    )]
    Undelegated {
        fqdn: Fqdn,
        zone: Fqdn,
        id: String,
        above: Fqdn,
        servers: Vec<Fqdn>,
    },
    #[error(
        "the public DNS delegates {zone} to {}, which serve none of the hosted zones of that name in this AWS account: {}; \
         name the servers of the right one where {zone} is delegated, or delegate the challenge by a CNAME",
        listed(servers),
        of_zones(zones)
    )]
    Elsewhere {
        zone: Fqdn,
        servers: Vec<Fqdn>,
        zones: Vec<(Zone, Vec<Fqdn>)>,
    },
    #[error(
        "{challenge} is a CNAME to {target}, which no public hosted zone of this AWS account holds; let the CNAME lead to a \
         name in a public hosted zone of this account, or remove it"
    )]
    Dangling { challenge: Fqdn, target: Fqdn },
    #[error("the CNAME of {challenge} leads to a name without a place: {why}")]
    Target { challenge: Fqdn, why: Box<Self> },
    #[error(
        "the CNAMEs of {} go in a circle; let the first one lead to a name without a CNAME in a public hosted zone of this \
         AWS account, or remove it", arrows(.0)
    )]
    Circle(Vec<Fqdn>),
    #[error(
        "more CNAMEs follow one another than a CA follows: {}; let the first one lead to the last one's target", arrows(.0)
    )]
    TooLong(Vec<Fqdn>),
    #[error(
        "a wildcard answers for {challenge} with a CNAME to {target}, where {belongings} records stand; make a CNAME at \
         {challenge} of its own to a name in a public hosted zone of this AWS account that nothing else uses"
    )]
    Shadowed {
        challenge: Fqdn,
        target: Fqdn,
        belongings: String,
    },
}

fn listed(names: &[Fqdn]) -> String {
    match names {
        [] => "nobody".to_owned(),
        names => names.iter().map(Fqdn::as_str).collect::<Vec<_>>().join(", "),
    }
}

fn in_brackets(names: &[Fqdn]) -> String {
    match names {
        [] => String::new(),
        names => format!(" ({})", listed(names)),
    }
}

fn arrows(names: &[Fqdn]) -> String {
    names.iter().map(Fqdn::as_str).collect::<Vec<_>>().join(" → ")
}

fn of_zones(zones: &[(Zone, Vec<Fqdn>)]) -> String {
    let of_zone = |(zone, servers): &(Zone, Vec<Fqdn>)| format!("{}{}", zone.id, in_brackets(servers));
    zones.iter().map(of_zone).collect::<Vec<_>>().join(", ")
}

impl From<Astray> for Failure {
    fn from(astray: Astray) -> Self {
        let text = astray.to_string();
        match astray {
            Astray::NoDomain(_) => Self::new(Class::Permanent, Stage::Request, Cause::NoDomain, text),
            _ => Self::new(Class::Permanent, Stage::Dns, Cause::NoZone, text),
        }
    }
}

/// Why there is no place.
pub(super) enum Lost {
    /// It could not be told.
    Dns(DnsError),
    /// There is none.
    Astray(Astray),
}

impl From<DnsError> for Lost {
    fn from(error: DnsError) -> Self {
        Self::Dns(error)
    }
}

impl From<Lost> for Failure {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Dns(error) => error.into(),
            Lost::Astray(astray) => astray.into(),
        }
    }
}
