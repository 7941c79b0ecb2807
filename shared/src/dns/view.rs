//! The DNS that everybody sees: delegated challenges, propagation, existence.

use std::{
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
    DnsError, DnsView, Visibility,
    client::{QueryError, Resolvers, ask},
};
use certmint_core::words::Fqdn;

/// CNAMEs followed from a challenge name before it counts as a loop.
const MAX_CNAMES: usize = 8;
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// Asks real servers, with no cache in between.
pub struct PublicDns {
    resolvers: Resolvers,
    /// One server that speaks for every zone (local mode).
    only: Option<SocketAddr>,
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
        Ok(Self { resolvers, only })
    }

    /// A zone's servers by name. In local mode the one server stands for all.
    async fn authorities(&self, zone: &Fqdn) -> Result<Vec<(String, SocketAddr)>, String> {
        if let Some(only) = self.only {
            return Ok(vec![(only.to_string(), only)]);
        }
        let answer = self.resolvers.ask(zone.as_str(), RecordType::NS).await;
        let answer = answer.map_err(|e| format!("{e} for the name servers of zone {zone}"))?;
        let names = answer.answers.iter().filter_map(|r| match &r.data {
            RData::NS(ns) => Some(ns.0.to_ascii()),
            _ => None,
        });
        let addresses = join_all(names.map(|name| async move {
            let answer = match self.resolvers.ask(&name, RecordType::A).await {
                Ok(answer) => answer,
                Err(e) => return Some(Err(format!("{e} for name server {name}"))),
            };
            // One without an IPv4 address cannot be asked from a Lambda.
            answer.answers.iter().find_map(|r| match &r.data {
                RData::A(a) => Some(Ok((name.clone(), SocketAddr::new(IpAddr::V4(a.0), 53)))),
                _ => None,
            })
        }))
        .await;
        let servers = addresses
            .into_iter()
            .flatten()
            .collect::<Result<Vec<_>, String>>()?;
        if servers.is_empty() {
            Err(format!("no name server of zone {zone} could be found"))
        } else {
            Ok(servers)
        }
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
    async fn challenge_target(&self, fqdn: &Fqdn) -> Result<Fqdn, DnsError> {
        let mut target = fqdn.clone();
        for _ in 0..MAX_CNAMES {
            let answer = self.resolvers.ask(target.as_str(), RecordType::CNAME).await;
            let answer = answer.map_err(|e| DnsError::Unavailable {
                operation: "CNAME look-up",
                message: format!("{e} for {target}"),
            })?;
            let alias = answer.answers.iter().find_map(|r| match &r.data {
                RData::CNAME(name) if Fqdn::new(&r.name.to_ascii()) == target => {
                    Some(Fqdn::new(&name.0.to_ascii()))
                }
                _ => None,
            });
            match alias {
                Some(next) => target = next,
                None => break,
            }
        }
        Ok(target)
    }

    async fn visibility(&self, zone: &Fqdn, fqdn: &Fqdn, values: &[String]) -> Visibility {
        let servers = match self.authorities(zone).await {
            Ok(servers) => servers,
            Err(why) => return Visibility::Lagging(why),
        };
        let looks = servers.iter().map(|(name, address)| async move {
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
