//! Zones we may write and the DNS that everybody sees.

pub mod client;
pub mod ledger;
pub mod route53;
mod rrset;
mod sdk;
pub mod view;
mod zone_list;

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::{StreamExt, stream};

use certmint_core::words::{Class, Fqdn};

/// A public hosted zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Zone {
    /// Route53's id, without `/hostedzone/`.
    pub id: String,
    /// Its name.
    pub name: Fqdn,
}

/// A TXT RRset as it stands in a zone. Values as Route53 holds them: in quotes, maybe several strings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxtRrset {
    /// Its TTL in seconds.
    pub ttl: u32,
    /// Its values; never empty.
    pub values: Vec<String>,
}

/// Replaces one TXT RRset if it stands exactly as `before` says: a DELETE of `before` and a CREATE of `after` in
/// one atomic batch. Whoever changed it meanwhile makes the batch fail, so no value of another writer is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TxtChange {
    /// The RRset.
    pub fqdn: Fqdn,
    /// As it should stand now; `None`: it should not exist.
    pub before: Option<TxtRrset>,
    /// As it should stand then; `None`: removed.
    pub after: Option<TxtRrset>,
}

/// Why a zone was not changed or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DnsError {
    /// The zone is gone.
    #[error("hosted zone {zone} does not exist")]
    NoSuchZone {
        /// The zone.
        zone: String,
    },
    /// Our role may not do it.
    #[error("access denied to {operation} on {zone}: allow it in the function's role")]
    AccessDenied {
        /// The API action.
        operation: &'static str,
        /// The zone, or `all zones`.
        zone: String,
    },
    /// An RRset did not stand as `before` said (`InvalidChangeBatch`); nothing was changed.
    #[error("a record set in zone {zone} changed meanwhile: {message}")]
    Mismatch {
        /// The zone.
        zone: String,
        /// What Route53 said.
        message: String,
    },
    /// Slow, throttled, `PriorRequestNotComplete`, or away.
    #[error("Route53 {operation}: {message}")]
    Unavailable {
        /// The API action.
        operation: &'static str,
        /// What it said.
        message: String,
    },
    /// Refused for good.
    #[error("Route53 {operation} refused: {message}")]
    Refused {
        /// The API action.
        operation: &'static str,
        /// What it said.
        message: String,
    },
}

impl DnsError {
    /// What it means for the next step.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Mismatch { .. } | Self::Unavailable { .. } => Class::Transient,
            _ => Class::Permanent,
        }
    }
}

/// Zones we may write.
#[async_trait]
pub trait DnsZones: Send + Sync {
    /// The longest public hosted zone that holds the name. The list of zones is cached for some minutes.
    async fn find_zone(&self, fqdn: &Fqdn) -> Result<Option<Zone>, DnsError>;
    /// One atomic batch; the caller keeps to [`MAX_CHANGES`] and [`MAX_CHARS`]. Returns the change id.
    async fn change_txt(&self, zone: &Zone, changes: &[TxtChange]) -> Result<String, DnsError>;
    /// Whether all Route53 servers have the change.
    async fn in_sync(&self, change_id: &str) -> Result<bool, DnsError>;
    /// One TXT RRset as it stands now.
    async fn txt_rrset(&self, zone: &Zone, fqdn: &Fqdn) -> Result<Option<TxtRrset>, DnsError>;
    /// Those of these TXT RRsets that exist. By default one read each, some at once.
    async fn txt_rrsets(&self, zone: &Zone, names: &[Fqdn]) -> Result<BTreeMap<Fqdn, TxtRrset>, DnsError> {
        let reads = names.iter().cloned().map(|fqdn| async move {
            let stands = self.txt_rrset(zone, &fqdn).await?;
            Ok(stands.map(|rrset| (fqdn, rrset)))
        });
        let read: Vec<Result<Option<(Fqdn, TxtRrset)>, DnsError>> =
            stream::iter(reads).buffered(READS).collect().await;
        read.into_iter().filter_map(Result::transpose).collect()
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
    /// Follows CNAMEs from `_acme-challenge.…` (delegated challenges) to the name that must hold the TXT. A look-up that
    /// fails is an error: the value would be written beside the CNAME.
    async fn challenge_target(&self, fqdn: &Fqdn) -> Result<Fqdn, DnsError>;
    /// Whether every authoritative server of `zone` answers every value of `fqdn`.
    async fn visibility(&self, zone: &Fqdn, fqdn: &Fqdn, values: &[String]) -> Visibility;
    /// Whether the name's registered domain exists in the public DNS at all (SOA found); `None`: cannot be told.
    async fn domain_exists(&self, fqdn: &Fqdn) -> Option<bool>;
}
