//! Why a zone or a name could not be read or changed.

use certmint_core::words::Class;

use crate::store::StoreError;

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
    #[error(
        "access denied to {operation} on {zone}: allow route53:{operation} in the function's role, and let no other \
         policy deny it"
    )]
    AccessDenied {
        /// The API action.
        operation: &'static str,
        /// The zone, or `all zones`.
        zone: String,
    },
    /// Our credentials are not taken.
    #[error("Route53 {operation}: {why}")]
    Credentials {
        /// The API action.
        operation: &'static str,
        /// What AWS said, and what to do.
        why: String,
    },
    /// The ledger could not be read or written.
    #[error("the ledger of TXT values: {0}")]
    Ledger(StoreError),
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
    /// Something that is not ours stands where a value should; nothing was changed.
    #[error("no challenge can be written at {fqdn} in hosted zone {zone}: {why}")]
    Occupied {
        /// The zone.
        zone: String,
        /// The name.
        fqdn: String,
        /// What stands there, and what to do about it.
        why: String,
    },
    /// A CNAME was made where a value should stand; nothing was changed.
    #[error("a CNAME to {target} was made at {fqdn} in hosted zone {zone}; the next try follows it")]
    Redirected {
        /// The zone.
        zone: String,
        /// The name.
        fqdn: String,
        /// Where the CNAME leads.
        target: String,
    },
    /// The public DNS did not say.
    #[error("DNS look-up: {0}")]
    Lookup(String),
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
            Self::Mismatch { .. } | Self::Unavailable { .. } | Self::Redirected { .. } | Self::Lookup(_) => {
                Class::Transient
            }
            Self::AccessDenied { .. } | Self::Credentials { .. } => Class::Denied,
            // What the ledger has is needed, whatever is wrong with it: the next try may find it well.
            Self::Ledger(error) => match error.class() {
                Class::Denied => Class::Denied,
                _ => Class::Transient,
            },
            _ => Class::Permanent,
        }
    }
}
