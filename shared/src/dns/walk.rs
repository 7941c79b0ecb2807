//! From name server to name server, as a resolver that keeps nothing.

use std::net::{IpAddr, SocketAddr};

use futures::future::join_all;
use hickory_proto::{
    op::Message,
    rr::{RData, RecordType},
};

use super::{
    DnsError, Sight,
    client::{Resolvers, ask_some},
    sight,
};
use certmint_core::words::Fqdn;

/// Zones below one another, from a public suffix down, before it counts as a circle.
const MAX_CUTS: usize = 12;
/// Labels climbed from a name that a CNAME answers for to its zone.
const MAX_LABELS: usize = 24;
/// Servers of a zone that are asked one after the other; any one of them is enough.
const ENOUGH: usize = 4;

/// A name server.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) name: Fqdn,
    pub(super) address: SocketAddr,
}

/// Asks the servers of zones themselves.
pub(super) struct Walker<'a> {
    pub(super) resolvers: &'a Resolvers,
    /// One server that speaks for every zone (local mode).
    pub(super) only: Option<SocketAddr>,
}

/// A zone that is asked, and who serves it.
struct Place {
    zone: Fqdn,
    addresses: Vec<SocketAddr>,
    /// As the zone above names them.
    named: Vec<Fqdn>,
}

impl Walker<'_> {
    /// A zone's servers; none if it has none.
    pub(super) async fn servers_of(&self, zone: &Fqdn) -> Result<Vec<Server>, DnsError> {
        if let Some(address) = self.only {
            let name = Fqdn::new(&address.to_string());
            return Ok(vec![Server { name, address }]);
        }
        let answer = self.resolvers.ask(zone.as_str(), RecordType::NS).await;
        let answer =
            answer.map_err(|e| DnsError::Lookup(format!("{e} for the name servers of zone {zone}")))?;
        self.located(&sight::servers(&answer, zone)).await
    }

    /// Servers by name, with their addresses. One without an IPv4 address cannot be asked from a Lambda.
    pub(super) async fn located(&self, names: &[Fqdn]) -> Result<Vec<Server>, DnsError> {
        if let Some(address) = self.only {
            let server = |name: &Fqdn| Server {
                name: name.clone(),
                address,
            };
            return Ok(names.iter().map(server).collect());
        }
        let looks = names.iter().map(|name| async move {
            let answer = self.resolvers.ask(name.as_str(), RecordType::A).await;
            let answer = answer.map_err(|e| DnsError::Lookup(format!("{e} for name server {name}")))?;
            let address = answer.answers.iter().find_map(|record| match &record.data {
                RData::A(a) => Some(SocketAddr::new(IpAddr::V4(a.0), 53)),
                _ => None,
            });
            Ok(address.map(|address| Server {
                name: name.clone(),
                address,
            }))
        });
        let found: Result<Vec<Option<Server>>, DnsError> = join_all(looks).await.into_iter().collect();
        Ok(found?.into_iter().flatten().collect())
    }

    /// What the servers of `zone`, or of a zone below it, say of a name; with no zone, those from the name's public
    /// suffix down. `None`: the zone has no servers.
    pub(super) async fn look(&self, fqdn: &Fqdn, zone: Option<&Fqdn>) -> Result<Option<Sight>, DnsError> {
        let Some(mut place) = self.start(fqdn, zone).await? else {
            return Ok(None);
        };
        for _ in 0..MAX_CUTS {
            let answer = self.ask(&place, fqdn, RecordType::TXT).await?;
            let Some((zone, named)) = sight::referral(&answer, fqdn, &place.zone) else {
                return self.sight(answer, fqdn, place).await.map(Some);
            };
            let servers = self.some_of(&named).await?;
            if servers.is_empty() {
                return Ok(Some(Sight {
                    alias: None,
                    zone: Some(zone),
                    servers: named,
                }));
            }
            place = Place {
                zone,
                addresses: servers,
                named,
            };
        }
        let text = format!("the delegations that lead to {fqdn} have no end");
        Err(DnsError::Lookup(text))
    }

    /// Who the zone above names as the servers of `zone`.
    pub(super) async fn parent_names(&self, zone: &Fqdn) -> Result<Vec<Fqdn>, DnsError> {
        let Some(mut place) = self.start(zone, None).await? else {
            return Ok(vec![]);
        };
        for _ in 0..MAX_CUTS {
            let answer = self.ask(&place, zone, RecordType::NS).await?;
            let named = sight::servers(&answer, zone);
            if !named.is_empty() {
                return Ok(named);
            }
            let Some((cut, named)) = sight::referral(&answer, zone, &place.zone) else {
                return Ok(vec![]);
            };
            place = Place {
                zone: cut,
                addresses: self.some_of(&named).await?,
                named,
            };
        }
        Ok(vec![])
    }

    async fn start(&self, fqdn: &Fqdn, zone: Option<&Fqdn>) -> Result<Option<Place>, DnsError> {
        let suffix = || {
            fqdn.registered_domain()
                .and_then(|domain| Fqdn::new(domain).parent())
        };
        let Some(zone) = zone.cloned().or_else(suffix) else {
            return Ok(None);
        };
        let servers = self.servers_of(&zone).await?;
        let place = Place {
            addresses: servers.into_iter().map(|s| s.address).take(ENOUGH).collect(),
            zone,
            named: vec![],
        };
        Ok(Some(place).filter(|place| !place.addresses.is_empty()))
    }

    async fn some_of(&self, names: &[Fqdn]) -> Result<Vec<SocketAddr>, DnsError> {
        let names = &names[..names.len().min(ENOUGH)];
        let mut addresses: Vec<SocketAddr> = self.located(names).await?.iter().map(|s| s.address).collect();
        addresses.dedup();
        Ok(addresses)
    }

    async fn ask(&self, place: &Place, name: &Fqdn, kind: RecordType) -> Result<Message, DnsError> {
        let recursion = self.only.is_some();
        let is_of_use = |answer: &Message| recursion || sight::is_of_server(answer);
        let answer = ask_some(
            "name server",
            &place.addresses,
            name.as_str(),
            kind,
            recursion,
            is_of_use,
        );
        let (_, answer) = answer.await.map_err(|e| {
            let named: Vec<&str> = place.named.iter().map(Fqdn::as_str).collect();
            let delegated = match named.is_empty() {
                true => String::new(),
                false => format!(", which is delegated to {}", named.join(", ")),
            };
            DnsError::Lookup(format!("{e} for {name} in zone {}{delegated}", place.zone))
        })?;
        Ok(answer)
    }

    /// The zone of a name that has no negative answer is that of its parent: no CNAME stands at a zone's top.
    async fn sight(&self, answer: Message, fqdn: &Fqdn, place: Place) -> Result<Sight, DnsError> {
        let alias = sight::alias(&answer, fqdn);
        let mut zone = match (&alias, answer.answers.is_empty()) {
            (None, true) => sight::zone(&answer).or_else(|| self.lame(&answer, fqdn)),
            _ => None,
        };
        if !answer.answers.is_empty() {
            zone = self.climb(fqdn, &place).await?;
        }
        Ok(Sight {
            alias,
            servers: match &zone {
                Some(zone) if *zone == place.zone => place.named,
                Some(zone) => sight::servers(&answer, zone),
                None => vec![],
            },
            zone,
        })
    }

    /// In local mode nobody stands behind a delegation that leads elsewhere.
    fn lame(&self, answer: &Message, fqdn: &Fqdn) -> Option<Fqdn> {
        let top = fqdn
            .registered_domain()
            .and_then(|domain| Fqdn::new(domain).parent())?;
        sight::referral(answer, fqdn, &top).map(|(cut, _)| cut)
    }

    async fn climb(&self, fqdn: &Fqdn, place: &Place) -> Result<Option<Fqdn>, DnsError> {
        let mut name = fqdn.parent();
        for _ in 0..MAX_LABELS {
            let Some(above) = name.filter(|name| name.is_within(&place.zone)) else {
                return Ok(None);
            };
            let answer = self.ask(place, &above, RecordType::SOA).await?;
            if sight::alias(&answer, &above).is_none() {
                return Ok(sight::zone(&answer));
            }
            name = above.parent();
        }
        Ok(None)
    }
}
