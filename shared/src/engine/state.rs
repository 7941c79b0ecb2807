//! States, events and effects of an issuance.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    backoff,
    history::{History, Note},
    route::Route,
};
use crate::domain::{CertificateId, Failure, Fqdn, Problem, RequestStatus, Timestamp};

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

/// The engine's state of one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuance {
    /// How far it is.
    #[serde(flatten)]
    pub phase: Phase,
    /// When this phase was entered; its deadline counts from here.
    pub since: Timestamp,
    /// Tries that reached the CA.
    pub attempts: u32,
    /// Tries after which it ends.
    pub max_attempts: u32,
    /// Failures in a row; decides the back-off.
    pub failures: u32,
    /// Looks in this phase that said "not yet".
    pub polls: u32,
    /// The last thing that went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_problem: Option<Problem>,
    /// Whether a TXT value may be in a zone for it. Opened before the first change, closed when all are absent.
    pub cleanup_owed: bool,
    /// Why it waits, or why it failed; [`Issuance::reason`] has words for the rest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Orders that the CA made or refused to make, over all retries: names the next order's reservation.
    #[serde(default)]
    pub orders: u32,
    /// Since when it is on hold without a try in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Timestamp>,
    /// Which of the request's accounts is at work.
    #[serde(default)]
    pub route: Route,
    /// What happened so far.
    #[serde(default)]
    pub history: History,
}

impl Issuance {
    /// A new one.
    #[must_use]
    pub fn new(now: Timestamp, max_attempts: u32) -> Self {
        Self {
            phase: Phase::Queued,
            since: now,
            attempts: 0,
            max_attempts,
            failures: 0,
            polls: 0,
            last_problem: None,
            cleanup_owed: false,
            why: None,
            orders: 0,
            held_since: None,
            route: Route::default(),
            history: History::default(),
        }
    }

    /// The same with so many accounts to choose from.
    #[must_use]
    pub fn over(self, accounts: usize) -> Self {
        Self {
            route: Route::over(accounts),
            ..self
        }
    }

    /// The number of the order that is about to be made, or that stands.
    #[must_use]
    pub const fn order_number(&self) -> u32 {
        match self.phase {
            Phase::Queued => self.orders,
            _ => self.orders.saturating_sub(1),
        }
    }

    /// Whether one more failure that is no limit ends it.
    #[must_use]
    pub fn fails_last(&self) -> bool {
        self.is_spent(self.attempts, self.failures + 1, false)
    }

    /// Each account has its share of failures. Once the CSR may be with the CA there may be a certificate, which is not
    /// given up as easily as an order: unless that is lost, attempts are no reason, and twice the failures (some days)
    /// are one.
    pub(super) fn is_spent(&self, attempts: u32, failures: u32, lost: bool) -> bool {
        let most = self.max_attempts.saturating_mul(self.route.len());
        match self.phase {
            Phase::KeyStored { .. } | Phase::Finalizing { .. } if !lost => failures >= most.saturating_mul(2),
            _ => attempts >= self.max_attempts || failures >= most,
        }
    }

    /// The wait after one more failure.
    #[must_use]
    pub fn next_backoff(&self, seed: u64) -> Duration {
        backoff(self.route.failures_here(self.failures + 1), seed)
    }

    /// A failed one anew, for a client's retry. What is owed and what happened stay.
    #[must_use]
    pub fn again(&self, now: Timestamp) -> Self {
        let mut history = self.history.clone();
        history.push(now, self.phase.name(), Note::done("a client asked for a retry"));
        Self {
            cleanup_owed: self.cleanup_owed,
            orders: self.orders,
            route: self.route.afresh(),
            history,
            ..Self::new(now, self.max_attempts)
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

/// What [`next`](super::next) says. The state is stored before the effects run.
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
