//! The engine's state of one request.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    backoff::backoff,
    denied::Denied,
    failover::Failover,
    history::{Entry, History},
    phase::Phase,
};
use crate::words::{Problem, Timestamp};

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
    /// The order of another request that the CA answered newOrder with: while that one works on it, none is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub awaited_order: Option<String>,
    /// Since when it is on hold without a try in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Timestamp>,
    /// What our own rights do not allow it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied: Option<Denied>,
    /// Which of the request's accounts is at work.
    #[serde(default, skip_serializing_if = "Failover::has_no_choice")]
    pub failover: Failover,
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
            awaited_order: None,
            held_since: None,
            denied: None,
            failover: Failover::default(),
            history: History::default(),
        }
    }

    /// The same with so many accounts to choose from.
    #[must_use]
    pub fn over(self, accounts: usize) -> Self {
        Self {
            failover: Failover::over(accounts),
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
        self.is_spent(self.failures + 1, false)
    }

    /// Each account has its share of failures. Once the CSR may be with the CA there may be a certificate, which is not
    /// given up as easily as an order: unless that is lost, attempts are no reason, and twice the failures (some days)
    /// are one.
    pub(super) fn is_spent(&self, failures: u32, lost: bool) -> bool {
        let most = self.max_attempts.saturating_mul(self.failover.accounts());
        match self.phase.may_have_sent_csr() && !lost {
            true => failures >= most.saturating_mul(2),
            false => self.attempts >= self.max_attempts || failures >= most,
        }
    }

    /// The wait after so many failures in a row.
    pub(super) fn backoff_after(&self, failures: u32, seed: u64) -> Duration {
        backoff(self.failover.failures_here(failures), seed)
    }

    /// The wait after one more failure.
    #[must_use]
    pub fn next_backoff(&self, seed: u64) -> Duration {
        self.backoff_after(self.failures + 1, seed)
    }

    /// A failed one that starts over, for a client's retry. What is owed and what happened stay.
    #[must_use]
    pub fn retried(&self, now: Timestamp) -> Self {
        let mut history = self.history.clone();
        let phase = self.phase.name();
        history.push(Entry::done(now, phase, "a client asked for a retry"));
        Self {
            cleanup_owed: self.cleanup_owed,
            orders: self.orders,
            failover: self.failover.retried(),
            history,
            ..Self::new(now, self.max_attempts)
        }
    }
}
