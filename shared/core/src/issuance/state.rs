//! States, events and effects of an issuance.

use serde::{Deserialize, Serialize};

use super::{issuance::Issuance, status::RequestStatus};
use crate::words::{CertificateId, Failure, Fqdn, Timestamp};

/// One DNS-01 value that the CA wants to see (RFC 8555 §8.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Where: `_acme-challenge.<name>`, before any CNAME is followed.
    pub fqdn: Fqdn,
    /// What: base64url of the SHA-256 of the key authorization.
    pub value: String,
}

/// How far an issuance is. Everything that a later run needs is in here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// No order yet.
    Queued,
    /// The order exists at the CA.
    Ordered {
        /// Its URL.
        order_url: String,
    },
    /// The CA named its challenges; nothing is in the zone for certain.
    Challenged {
        /// The order.
        order_url: String,
        /// The values to publish.
        challenges: Vec<Challenge>,
    },
    /// Route53 took the change.
    Published {
        /// The order.
        order_url: String,
        /// The published values.
        challenges: Vec<Challenge>,
        /// Route53 change ids, one a zone.
        changes: Vec<String>,
    },
    /// Route53 says INSYNC; the authoritative servers have not been seen to agree.
    InSync {
        /// The order.
        order_url: String,
        /// The published values.
        challenges: Vec<Challenge>,
    },
    /// The authoritative servers answer with the values.
    Propagated {
        /// The order.
        order_url: String,
    },
    /// The CA was told to look.
    Validating {
        /// The order.
        order_url: String,
    },
    /// All names are authorized.
    Ready {
        /// The order.
        order_url: String,
    },
    /// Private key and CSR are in the vault.
    KeyStored {
        /// The order.
        order_url: String,
        /// The vault name of key and CSR.
        key_ref: String,
    },
    /// The CSR was (or may have been) sent.
    Finalizing {
        /// The order.
        order_url: String,
        /// The vault name of key and CSR.
        key_ref: String,
    },
    /// The certificate is recorded.
    Done {
        /// It.
        certificate_id: CertificateId,
    },
    /// Ended without a certificate.
    Failed,
}

impl Phase {
    /// A stable name for logs and clients.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ordered { .. } => "ordered",
            Self::Challenged { .. } => "challenged",
            Self::Published { .. } => "published",
            Self::InSync { .. } => "in_sync",
            Self::Propagated { .. } => "propagated",
            Self::Validating { .. } => "validating",
            Self::Ready { .. } => "ready",
            Self::KeyStored { .. } => "key_stored",
            Self::Finalizing { .. } => "finalizing",
            Self::Done { .. } => "done",
            Self::Failed => "failed",
        }
    }

    /// Whether the phase needs its values in the zone; none of them is a place to wait without them.
    #[must_use]
    pub const fn needs_values(&self) -> bool {
        matches!(
            self,
            Self::Challenged { .. }
                | Self::Published { .. }
                | Self::InSync { .. }
                | Self::Propagated { .. }
                | Self::Validating { .. }
        )
    }

    /// The order, while there is one.
    #[must_use]
    pub fn order_url(&self) -> Option<&str> {
        match self {
            Self::Ordered { order_url }
            | Self::Challenged { order_url, .. }
            | Self::Published { order_url, .. }
            | Self::InSync { order_url, .. }
            | Self::Propagated { order_url }
            | Self::Validating { order_url }
            | Self::Ready { order_url }
            | Self::KeyStored { order_url, .. }
            | Self::Finalizing { order_url, .. } => Some(order_url),
            Self::Queued | Self::Done { .. } | Self::Failed => None,
        }
    }
}

/// What to do next. Each can be done again after a crash: its doc says what a repeat finds. The schedules in `tests/`
/// match it exhaustively: a new effect comes with its crash points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Register the account if need be and send newOrder (RFC 8555 §7.4). A repeat after a lost response leaves a
    /// pending order behind that expires by itself; nothing is finalized twice.
    NewOrder,
    /// Read the order and its authorizations. Repeats freely.
    LoadChallenges {
        /// The order.
        order_url: String,
    },
    /// Record the values as wanted, then write them to their zones. A repeat finds them there.
    Publish {
        /// The values.
        challenges: Vec<Challenge>,
    },
    /// Ask Route53 for the changes' status. Repeats freely.
    CheckInSync {
        /// Route53 change ids.
        changes: Vec<String>,
    },
    /// Ask every authoritative server for the values. Repeats freely.
    CheckPropagation {
        /// The values.
        challenges: Vec<Challenge>,
    },
    /// Tell the CA to look (RFC 8555 §7.5.1). A repeat skips challenges that are no longer pending.
    AcceptChallenges {
        /// The order.
        order_url: String,
    },
    /// Read the order's status. Repeats freely.
    PollOrder {
        /// The order.
        order_url: String,
    },
    /// Make key and CSR and put them in the vault. A repeat finds the first ones and keeps them.
    StoreKey {
        /// The order.
        order_url: String,
    },
    /// Send the CSR (RFC 8555 §7.4) unless the order is past that. A repeat reads the order first.
    Finalize {
        /// The order.
        order_url: String,
        /// The vault name of key and CSR.
        key_ref: String,
    },
    /// Download, check and record the certificate. A repeat finds the record by its fingerprint.
    RecordCertificate {
        /// The order.
        order_url: String,
        /// The vault name of key and CSR.
        key_ref: String,
    },
    /// Mark this request's TXT values as unwanted and take them out of their zones. A repeat finds them gone.
    Unpublish,
}

/// The CA's view of an order (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderProgress {
    /// Authorizations are open.
    Pending,
    /// All authorized.
    Ready,
    /// The CSR was taken.
    Processing,
    /// The certificate is there.
    Valid,
}

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
    /// It went wrong. `reached_ca` says whether the CA judged this try.
    Failed {
        /// How.
        failure: Failure,
        /// Whether it counts as an attempt.
        reached_ca: bool,
    },
}

/// What [`next`](super::next::next) says. The state is stored before the effects run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The new state.
    pub state: Issuance,
    /// What a client sees.
    pub status: RequestStatus,
    /// What to do, in this order.
    pub effects: Vec<Effect>,
    /// When to look again, if nothing is to be done now; `None` when ended or when effects are to run at once.
    pub wake_at: Option<Timestamp>,
    /// A new `last_error`, if this step failed.
    pub error: Option<String>,
}
