//! How far an issuance is.

use serde::{Deserialize, Serialize};

use super::status::RequestStatus;
use crate::words::{CertificateId, Fqdn};

/// One DNS-01 value that the CA wants to see (RFC 8555 §8.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Where: `_acme-challenge.<name>`, before any CNAME is followed.
    pub fqdn: Fqdn,
    /// What: base64url of the SHA-256 of the key authorization.
    pub value: String,
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

/// How far an issuance is. What needs an order is inside one. Stored flat: `phase` has the names of [`Phase::name`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// No order yet.
    Queued,
    /// The certificate is recorded.
    Done {
        /// It.
        certificate_id: CertificateId,
    },
    /// Ended without a certificate.
    Failed,
    /// There is an order at the CA.
    #[serde(untagged)]
    Ordered(Order),
}

/// An order at the CA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its URL.
    #[serde(rename = "order_url")]
    pub url: String,
    /// How far it is.
    #[serde(flatten)]
    pub stage: OrderStage,
}

/// How far an order is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum OrderStage {
    /// Its authorizations were not read.
    #[serde(rename = "ordered")]
    Created,
    /// The CA named its challenges; nothing is in the zone for certain.
    Challenged {
        /// The values to publish.
        challenges: Vec<Challenge>,
    },
    /// Route53 took the change.
    Published {
        /// The published values.
        challenges: Vec<Challenge>,
        /// Route53 change ids, one a zone.
        changes: Vec<String>,
    },
    /// Route53 says INSYNC; the authoritative servers have not been seen to agree.
    InSync {
        /// The published values.
        challenges: Vec<Challenge>,
    },
    /// The authoritative servers answer with the values.
    Propagated,
    /// The CA was told to look.
    Validating,
    /// All names are authorized.
    Ready,
    /// Private key and CSR are in the vault; the next effect sends the CSR.
    KeyStored {
        /// The vault name of key and CSR.
        key_ref: String,
    },
    /// The CSR was (or may have been) sent.
    Finalizing {
        /// The vault name of key and CSR.
        key_ref: String,
    },
}

impl Order {
    /// The phase of an order that was just made.
    pub(super) const fn created(url: String) -> Phase {
        let stage = OrderStage::Created;
        Phase::Ordered(Self { url, stage })
    }

    /// The phase of the same order at another stage.
    pub(super) fn at(&self, stage: OrderStage) -> Phase {
        let url = self.url.clone();
        Phase::Ordered(Self { url, stage })
    }
}

impl OrderStage {
    const fn name(&self) -> &'static str {
        match self {
            Self::Created => "ordered",
            Self::Challenged { .. } => "challenged",
            Self::Published { .. } => "published",
            Self::InSync { .. } => "in_sync",
            Self::Propagated => "propagated",
            Self::Validating => "validating",
            Self::Ready => "ready",
            Self::KeyStored { .. } => "key_stored",
            Self::Finalizing { .. } => "finalizing",
        }
    }

    const fn place(&self) -> u8 {
        match self {
            Self::Created => 1,
            Self::Challenged { .. } => 2,
            Self::Published { .. } => 3,
            Self::InSync { .. } => 4,
            Self::Propagated => 5,
            Self::Validating => 6,
            Self::Ready => 7,
            Self::KeyStored { .. } => 8,
            Self::Finalizing { .. } => 9,
        }
    }

    /// [`Phase::needs_values`].
    pub(super) const fn needs_values(&self) -> bool {
        matches!(
            self,
            Self::Challenged { .. }
                | Self::Published { .. }
                | Self::InSync { .. }
                | Self::Propagated
                | Self::Validating
        )
    }
}

impl Phase {
    /// A stable name for logs and clients.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Ordered(order) => order.stage.name(),
            Self::Done { .. } => "done",
            Self::Failed => "failed",
        }
    }

    /// What a client sees of it once a worker has begun.
    pub(super) const fn status(&self) -> RequestStatus {
        match self {
            Self::Queued | Self::Ordered(_) => RequestStatus::Running,
            Self::Done { .. } => RequestStatus::Success,
            Self::Failed => RequestStatus::Failed,
        }
    }

    /// Its place on the way.
    pub(super) const fn place(&self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Ordered(order) => order.stage.place(),
            Self::Done { .. } | Self::Failed => 10,
        }
    }

    /// Whether nothing comes after it but the cleanup.
    #[must_use]
    pub const fn has_ended(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Failed)
    }

    /// Whether the CA may look at values of its order: they were asked for, or are about to be asked for again.
    #[must_use]
    pub const fn may_be_looked_at(&self) -> bool {
        matches!(self.stage(), Some(OrderStage::Created)) || self.needs_values()
    }

    /// Whether the phase needs its values in the zone; none of them is a place to wait without them.
    #[must_use]
    pub const fn needs_values(&self) -> bool {
        matches!(self, Self::Ordered(order) if order.stage.needs_values())
    }

    /// Whether the CA may have the CSR, so that there may be a certificate. The effect of `key_stored` is to send it: it
    /// may have been done already.
    #[must_use]
    pub const fn may_have_sent_csr(&self) -> bool {
        matches!(
            self.stage(),
            Some(OrderStage::KeyStored { .. } | OrderStage::Finalizing { .. })
        )
    }

    /// The order's stage, while there is one.
    pub(super) const fn stage(&self) -> Option<&OrderStage> {
        match self {
            Self::Ordered(order) => Some(&order.stage),
            _ => None,
        }
    }

    /// The order's URL, while there is one.
    #[must_use]
    pub fn order_url(&self) -> Option<&str> {
        match self {
            Self::Ordered(order) => Some(&order.url),
            _ => None,
        }
    }
}
