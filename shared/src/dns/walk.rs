//! From name server to name server, as a resolver that keeps nothing.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use hickory_proto::{
    op::Message,
    rr::{RData, RecordType},
};
use tokio::time::timeout;

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
/// The address of another server is waited for this long once one is known.
const GRACE: Duration = Duration::from_millis(200);

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
    /// Where name servers listen.
    pub(super) port: u16,
}

/// Name servers that were looked up.
#[derive(Default)]
pub(super) struct Located {
    pub(super) servers: Vec<Server>,
    /// What became of those whose address could not be told.
    pub(super) unknown: Option<DnsError>,
}

impl Located {
    /// Those that were found: any one will do, so it is an error only if there are none because it could not be told.
    pub(super) fn any(self) -> Result<Vec<Server>, DnsError> {
        match self.unknown {
            Some(error) if self.servers.is_empty() => Err(error),
            _ => Ok(self.servers),
        }
    }

    fn add(&mut self, found: Result<Vec<Server>, DnsError>) {
        match found {
            Ok(servers) => self.servers.extend(servers),
            Err(error) => self.unknown = Some(error),
        }
    }
}

impl FromIterator<Result<Vec<Server>, DnsError>> for Located {
    fn from_iter<I: IntoIterator<Item = Result<Vec<Server>, DnsError>>>(looks: I) -> Self {
        let mut located = Self::default();
        looks.into_iter().for_each(|found| located.add(found));
        located
    }
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
        self.located(&self.names_of(zone).await?).await.any()
    }

    /// The names of a zone's servers, as the resolvers say.
    async fn names_of(&self, zone: &Fqdn) -> Result<Vec<Fqdn>, DnsError> {
        let answer = self.resolvers.ask(zone.as_str(), RecordType::NS).await;
        let answer =
            answer.map_err(|e| DnsError::Lookup(format!("{e} for the name servers of zone {zone}")))?;
        Ok(sight::servers(&answer, zone))
    }

    /// All servers by name, with their addresses.
    pub(super) async fn located(&self, names: &[Fqdn]) -> Located {
        join_all(names.iter().map(|name| self.locate(name)))
            .await
            .into_iter()
            .collect()
    }

    /// A server's addresses. One without an IPv4 address cannot be asked from a Lambda.
    async fn locate(&self, name: &Fqdn) -> Result<Vec<Server>, DnsError> {
        let server = |address| Server {
            name: name.clone(),
            address,
        };
        if let Some(address) = self.only {
            return Ok(vec![server(address)]);
        }
        let answer = self.resolvers.ask(name.as_str(), RecordType::A).await;
        let answer = answer.map_err(|e| DnsError::Lookup(format!("{e} for name server {name}")))?;
        let addresses = answer.answers.iter().filter_map(|record| match &record.data {
            RData::A(a) => Some(SocketAddr::new(IpAddr::V4(a.0), self.port)),
            _ => None,
        });
        Ok(addresses.map(server).collect())
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
            let addresses = self.some_of(&named).await?;
            if addresses.is_empty() {
                return Ok(Some(Sight {
                    alias: None,
                    zone: Some(zone),
                    servers: named,
                }));
            }
            place = Place {
                zone,
                addresses,
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
            let addresses = self.some_of(&named).await?;
            if addresses.is_empty() {
                let text = format!(
                    "none of the name servers of zone {cut} ({}) has an address",
                    list(&named)
                );
                return Err(DnsError::Lookup(text));
            }
            place = Place {
                zone: cut,
                addresses,
                named,
            };
        }
        Ok(vec![])
    }

    /// The zone to begin with, or else the longest one above the name's registered domain: not every public suffix is a
    /// zone of its own.
    async fn start(&self, fqdn: &Fqdn, zone: Option<&Fqdn>) -> Result<Option<Place>, DnsError> {
        if let Some(zone) = zone {
            return self.place(zone).await;
        }
        let mut above = match fqdn.registered_domain() {
            Some(domain) => Fqdn::new(domain).parent(),
            None => fqdn.parent(),
        };
        while let Some(zone) = above {
            if let Some(place) = self.place(&zone).await? {
                return Ok(Some(place));
            }
            above = zone.parent();
        }
        Ok(None)
    }

    async fn place(&self, zone: &Fqdn) -> Result<Option<Place>, DnsError> {
        let addresses = match self.only {
            Some(address) => vec![address],
            None => self.some_of(&self.names_of(zone).await?).await?,
        };
        Ok((!addresses.is_empty()).then(|| Place {
            zone: zone.clone(),
            addresses,
            named: vec![],
        }))
    }

    /// Where some of these servers are. Nobody waits for those that cannot be found once one is, and more are looked up
    /// only while there is none.
    async fn some_of(&self, names: &[Fqdn]) -> Result<Vec<SocketAddr>, DnsError> {
        let mut located = Located::default();
        for names in names.chunks(ENOUGH) {
            let mut looks: FuturesUnordered<_> = names.iter().map(|name| self.locate(name)).collect();
            loop {
                let patience = match located.servers.is_empty() {
                    true => Duration::MAX,
                    false => GRACE,
                };
                match timeout(patience, looks.next()).await {
                    Ok(Some(found)) => located.add(found),
                    Ok(None) | Err(_) => break,
                }
            }
            if !located.servers.is_empty() {
                break;
            }
        }
        let mut seen = BTreeSet::new();
        let addresses = located.any()?.into_iter().map(|server| server.address);
        Ok(addresses.filter(|a| seen.insert(*a)).take(ENOUGH).collect())
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
            let delegated = match place.named.is_empty() {
                true => String::new(),
                false => format!(", which is delegated to {}", list(&place.named)),
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

fn list(names: &[Fqdn]) -> String {
    let names: Vec<&str> = names.iter().map(Fqdn::as_str).collect();
    names.join(", ")
}
