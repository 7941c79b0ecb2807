//! The DNS that everybody sees: delegated challenges, propagation, existence.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    path::Path,
};

use async_trait::async_trait;
use futures::future::join_all;
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{RData, RecordType},
};

use super::{
    Delegation, DnsError, DnsView, Freshness, Sight, Visibility,
    client::{QueryError, Resolvers, ask},
    sight,
    walk::{Located, Server, Walker},
};
use certmint_core::words::Fqdn;

const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Where name servers listen (RFC 1035 §4.2).
const PORT: u16 = 53;

/// Asks real servers, with no cache in between.
pub struct PublicDns {
    resolvers: Resolvers,
    /// One server that speaks for every zone (local mode).
    only: Option<SocketAddr>,
    /// Where name servers listen.
    port: u16,
}

/// Why there is nobody to ask.
#[derive(Debug, thiserror::Error)]
#[error("no name server in {RESOLV_CONF}; set CERTMINT_DNS_SERVER to ADDRESS:PORT")]
pub struct NoResolver;

impl PublicDns {
    /// Asks `only` for everything if given; else the machine's resolvers, and authoritative servers directly.
    ///
    /// # Errors
    /// If the machine names no resolver.
    pub fn new(only: Option<SocketAddr>) -> Result<Self, NoResolver> {
        let resolvers = match only {
            Some(server) => Resolvers::new(vec![server]),
            None => Resolvers::of_file(Path::new(RESOLV_CONF)),
        };
        if resolvers.addresses().is_empty() {
            return Err(NoResolver);
        }
        Ok(Self {
            resolvers,
            only,
            port: PORT,
        })
    }

    /// Asks these resolvers, and name servers at this port: a world of its own, as tests need.
    #[must_use]
    pub const fn of_world(resolvers: Resolvers, port: u16) -> Self {
        Self {
            resolvers,
            only: None,
            port,
        }
    }

    const fn walker(&self) -> Walker<'_> {
        Walker {
            resolvers: &self.resolvers,
            only: self.only,
            port: self.port,
        }
    }

    /// What the resolvers say of a name, which may be some minutes old.
    async fn resolved(&self, fqdn: &Fqdn) -> Result<Sight, DnsError> {
        let answer = self.resolvers.ask(fqdn.as_str(), RecordType::TXT).await;
        let answer = answer.map_err(|e| DnsError::Lookup(format!("{e} for {fqdn}")))?;
        Ok(Sight {
            alias: sight::alias(&answer, fqdn),
            zone: sight::zone(&answer).filter(|_| answer.answers.is_empty()),
            servers: vec![],
        })
    }

    /// Whose servers these are. Name servers under names of one's own are known by their addresses (Route53 calls them
    /// white-label). An address that both have tells; that none is shared is known only once every address is.
    async fn owner_of(&self, servers: &[Fqdn], candidates: &[Vec<Fqdn>]) -> Result<Option<usize>, DnsError> {
        let named = |candidate: &Vec<Fqdn>| candidate.iter().any(|server| servers.contains(server));
        if let Some(which) = candidates.iter().position(named) {
            return Ok(Some(which));
        }
        if self.only.is_some() || servers.is_empty() {
            return Ok(None);
        }
        let addresses = |located: &Located| -> BTreeSet<IpAddr> {
            located.servers.iter().map(|server| server.address.ip()).collect()
        };
        let walker = self.walker();
        let theirs = walker.located(servers).await;
        let at = addresses(&theirs);
        let mut unknown = theirs.unknown;
        for (which, candidate) in candidates.iter().enumerate() {
            let ours = walker.located(candidate).await;
            if !addresses(&ours).is_disjoint(&at) {
                return Ok(Some(which));
            }
            unknown = unknown.or(ours.unknown);
        }
        unknown.map_or(Ok(None), Err)
    }
}

fn txt_values(answer: &Message) -> Vec<String> {
    answer
        .answers
        .iter()
        .filter_map(|r| match &r.data {
            RData::TXT(txt) => Some(
                txt.txt_data
                    .iter()
                    .map(|part| String::from_utf8_lossy(part))
                    .collect::<String>(),
            ),
            _ => None,
        })
        .collect()
}

/// What one server's answer lacks, in words; `None`: nothing.
fn lacks(answer: Result<Message, QueryError>, values: &[String]) -> Option<String> {
    match answer {
        Err(error) => Some(error.to_string()),
        Ok(answer) if answer.metadata.response_code != ResponseCode::NoError => {
            Some(format!("answers {}", answer.metadata.response_code))
        }
        Ok(answer) => {
            let seen = txt_values(&answer);
            let missing = values.iter().filter(|v| !seen.contains(v)).count();
            (missing > 0).then(|| format!("lacks {missing} of {} values", values.len()))
        }
    }
}

#[async_trait]
impl DnsView for PublicDns {
    async fn look(&self, fqdn: &Fqdn, near: Option<&Fqdn>, freshness: Freshness) -> Result<Sight, DnsError> {
        let walker = self.walker();
        if freshness == Freshness::Kept {
            match near {
                None => return self.resolved(fqdn).await,
                Some(zone) => {
                    if let Some(sight) = walker.look(fqdn, Some(zone)).await? {
                        return Ok(sight);
                    }
                }
            }
        }
        match walker.look(fqdn, None).await? {
            Some(sight) => Ok(sight),
            None => self.resolved(fqdn).await,
        }
    }

    async fn delegation(&self, zone: &Fqdn, candidates: &[Vec<Fqdn>]) -> Result<Delegation, DnsError> {
        let servers = self.walker().parent_names(zone).await?;
        let which = self.owner_of(&servers, candidates).await?;
        Ok(Delegation { servers, which })
    }

    async fn visibility(&self, zone: &Fqdn, fqdn: &Fqdn, values: &[String]) -> Visibility {
        let servers = match self.walker().servers_of(zone).await {
            Ok(servers) if servers.is_empty() => {
                return Visibility::Lagging(format!("no name server of zone {zone} could be found"));
            }
            Ok(servers) => servers,
            Err(error) => return Visibility::Lagging(error.to_string()),
        };
        let looks = servers.iter().map(|Server { name, address }| async move {
            let answer = ask(*address, fqdn.as_str(), RecordType::TXT, self.only.is_some()).await;
            lacks(answer, values).map(|what| format!("name server {name} {what} for {fqdn}"))
        });
        match join_all(looks).await.into_iter().flatten().next() {
            Some(why) => Visibility::Lagging(why),
            None => Visibility::Everywhere,
        }
    }

    async fn domain_exists(&self, fqdn: &Fqdn) -> Option<bool> {
        let domain = fqdn.registered_domain()?;
        let answer = self.resolvers.ask(domain, RecordType::SOA).await.ok()?;
        Some(answer.metadata.response_code != ResponseCode::NXDomain)
    }
}
