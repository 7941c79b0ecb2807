//! What happens to an issuance.

use super::phase::{Challenge, OrderProgress};
use crate::words::{CertificateId, Failure, RequestId, Timestamp};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A worker took up the work: what is next?
    Resumed,
    /// newOrder gave a URL.
    OrderCreated {
        /// It.
        order_url: String,
    },
    /// newOrder gave the URL of an order that another request has (RFC 8555 does not forbid it; Boulder answers so while
    /// an order of the same account and names is open). Nothing was tried: no attempt, no failure.
    OrderTaken {
        /// It.
        order_url: String,
        /// Who has it.
        by: RequestId,
    },
    /// The order was read; `challenges` are those of authorizations that are not valid yet.
    ChallengesLoaded {
        /// Where the order stands.
        progress: OrderProgress,
        /// What to publish.
        challenges: Vec<Challenge>,
    },
    /// Route53 took the values.
    Published {
        /// Change ids.
        changes: Vec<String>,
    },
    /// Route53's servers have the change.
    InSync,
    /// The authoritative servers have the values.
    Propagated,
    /// The CA was told.
    ChallengesAccepted,
    /// The order was read.
    OrderPolled {
        /// Where it stands.
        progress: OrderProgress,
    },
    /// Key and CSR are in the vault.
    KeyStored {
        /// Their name.
        key_ref: String,
        /// Which key it is, where there was a choice: for the history.
        about: Option<String>,
    },
    /// The CSR was taken.
    Finalized,
    /// The certificate is recorded.
    CertificateRecorded {
        /// It.
        certificate_id: CertificateId,
    },
    /// Not yet: look again. `reason` names who lags.
    NotYet {
        /// From Retry-After, if the server said so.
        not_before: Option<Timestamp>,
        /// Why.
        reason: String,
    },
    /// Nothing was tried: a limit of the CA is used up, or the CA is known to be away. No attempt, no failure.
    Deferred {
        /// The earliest moment for a try.
        until: Timestamp,
        /// Why.
        reason: String,
    },
    /// A client wants no certificate any more. Not possible once the CSR is or may be on its way: the certificate may
    /// exist then.
    Cancelled,
    /// The values are out of the zones.
    Unpublished,
    /// It went wrong. Its class says what that means ([`Class`](crate::words::Class)), its cause whether the CA judged the try.
    Failed(Failure),
}

impl Event {
    /// Which kind it is, for logs and errors.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Resumed => "Resumed",
            Self::OrderCreated { .. } => "OrderCreated",
            Self::OrderTaken { .. } => "OrderTaken",
            Self::ChallengesLoaded { .. } => "ChallengesLoaded",
            Self::Published { .. } => "Published",
            Self::InSync => "InSync",
            Self::Propagated => "Propagated",
            Self::ChallengesAccepted => "ChallengesAccepted",
            Self::OrderPolled { .. } => "OrderPolled",
            Self::KeyStored { .. } => "KeyStored",
            Self::Finalized => "Finalized",
            Self::CertificateRecorded { .. } => "CertificateRecorded",
            Self::NotYet { .. } => "NotYet",
            Self::Deferred { .. } => "Deferred",
            Self::Cancelled => "Cancelled",
            Self::Unpublished => "Unpublished",
            Self::Failed(_) => "Failed",
        }
    }
}
