//! Zones, and the TXT RRsets in them.

use certmint_core::words::Fqdn;

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
