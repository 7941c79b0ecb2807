//! Zones we may write and the DNS that everybody sees.

mod at_name;
pub mod client;
mod error;
mod fitting;
pub mod ledger;
pub mod route53;
mod rrset;
mod sdk;
mod sight;
pub mod view;
mod walk;
mod zone;
mod zone_list;

pub use self::{
    at_name::AtName,
    error::DnsError,
    fitting::{Fitting, Freshness},
    sight::{Delegation, Sight},
    zone::{TxtChange, TxtRrset, Zone},
};

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::{StreamExt, stream};

use certmint_core::words::Fqdn;

/// Zones we may write.
#[async_trait]
pub trait DnsZones: Send + Sync {
    /// The hosted zones that hold the name. Their list is kept for some minutes; where no public one fits it is read
    /// anew in any case.
    async fn zones_of(&self, fqdn: &Fqdn, freshness: Freshness) -> Result<Fitting, DnsError>;
    /// The name servers that this very zone is served by. A call of its own for each zone, kept as long as the list.
    async fn name_servers(&self, zone: &Zone) -> Result<Vec<Fqdn>, DnsError>;
    /// One atomic batch; the caller keeps to [`MAX_CHANGES`] and [`MAX_CHARS`]. Returns the change id.
    async fn change_txt(&self, zone: &Zone, changes: &[TxtChange]) -> Result<String, DnsError>;
    /// Whether all Route53 servers have the change.
    async fn in_sync(&self, change_id: &str) -> Result<bool, DnsError>;
    /// What stands at one name now: its own records, not a wildcard's.
    async fn at_name(&self, zone: &Zone, fqdn: &Fqdn) -> Result<AtName, DnsError>;
    /// What stands at each of these names; one where nothing stands may be left out. By default one read each, some at
    /// once.
    async fn at_names(&self, zone: &Zone, names: &[Fqdn]) -> Result<BTreeMap<Fqdn, AtName>, DnsError> {
        let reads = names.iter().cloned().map(|fqdn| async move {
            let stands = self.at_name(zone, &fqdn).await?;
            Ok((fqdn, stands))
        });
        let read: Vec<Result<(Fqdn, AtName), DnsError>> = stream::iter(reads).buffered(READS).collect().await;
        read.into_iter().collect()
    }
}

/// Reads in flight at once. Route53 allows five calls a second for the whole AWS account.
pub(crate) const READS: usize = 4;
/// Route53 quota: ResourceRecord elements in one ChangeResourceRecordSets request.
pub const MAX_CHANGES: usize = 1000;
/// Route53 quota: characters of all Value elements in one request.
pub const MAX_CHARS: usize = 32_000;

/// What the authoritative servers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Every server has every value.
    Everywhere,
    /// Not yet; the text names the server and what it said.
    Lagging(String),
}

/// The DNS that everybody sees.
#[async_trait]
pub trait DnsView: Send + Sync {
    /// What it says of a name. A zone that is `near` is asked itself; else, and if nothing that was kept will do, the
    /// way to it is asked for. A look-up that fails is an error: the value would be written beside a CNAME.
    async fn look(&self, fqdn: &Fqdn, near: Option<&Fqdn>, freshness: Freshness) -> Result<Sight, DnsError>;
    /// Who the parent of `zone` names, and which of the candidates' name servers those are. It is asked for anew.
    async fn delegation(&self, zone: &Fqdn, candidates: &[Vec<Fqdn>]) -> Result<Delegation, DnsError>;
    /// Whether every authoritative server of `zone` answers every value of `fqdn`.
    async fn visibility(&self, zone: &Fqdn, fqdn: &Fqdn, values: &[String]) -> Visibility;
    /// Whether the name's registered domain exists in the public DNS at all (SOA found); `None`: cannot be told.
    async fn domain_exists(&self, fqdn: &Fqdn) -> Option<bool>;
}
