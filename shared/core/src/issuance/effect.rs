//! What an issuance asks of the world.

use super::phase::Challenge;

/// What to do next, by who does it. Each can be done again after a crash: its doc says what a repeat finds. The
/// schedules in `tests/` match all of them: a new effect comes with its crash points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The CA's.
    Ca(CaEffect),
    /// In our zones, for all issuances together.
    Zone(ZoneEffect),
    /// Ask every authoritative server for the values. Repeats freely.
    CheckPropagation {
        /// The values.
        challenges: Vec<Challenge>,
    },
    /// Make key and CSR and put them in the vault. A repeat finds the first ones and keeps them.
    StoreKey,
}

/// What needs an answer of the CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaEffect {
    /// Register the account if need be and send newOrder (RFC 8555 §7.4). A repeat after a lost response leaves a
    /// pending order behind that expires by itself; nothing is finalized twice.
    NewOrder,
    /// Read the order and its authorizations. Repeats freely.
    LoadChallenges {
        /// The order.
        order_url: String,
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
}

/// What is done in Route53.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZoneEffect {
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
    /// Mark this request's TXT values as unwanted and take them out of their zones. A repeat finds them gone.
    Unpublish,
}

impl From<CaEffect> for Effect {
    fn from(effect: CaEffect) -> Self {
        Self::Ca(effect)
    }
}

impl From<ZoneEffect> for Effect {
    fn from(effect: ZoneEffect) -> Self {
        Self::Zone(effect)
    }
}
