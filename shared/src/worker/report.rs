//! What a pass did.

use crate::run_errors::RunErrors;
use certmint_core::words::Timestamp;

/// What a pass did, for the log and the answer of the invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Renewals that were begun.
    pub renewals: usize,
    /// Requests that were taken up.
    pub claimed: usize,
    /// Certificates recorded.
    pub succeeded: usize,
    /// Requests that ended without one.
    pub failed: usize,
    /// Requests handed back to be looked at later.
    pub parked: usize,
    /// Chores done.
    pub chores: usize,
    /// Whether the time ran out while work was due.
    pub more: bool,
    /// When the first of those that wait can go on.
    #[serde(skip)]
    pub next: Option<Timestamp>,
    /// The lists of what is due that could not be read; what was in hand was done in spite of that.
    #[serde(skip_serializing_if = "RunErrors::is_empty")]
    pub errors: RunErrors,
}

impl Report {
    /// Something is to be looked at then.
    pub(super) fn look_again(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    /// Adds what was done after it.
    pub(super) fn add(&mut self, other: Self) {
        self.renewals += other.renewals;
        self.claimed += other.claimed;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.parked += other.parked;
        self.chores += other.chores;
        self.more |= other.more;
        self.errors.absorb(other.errors);
    }
}

/// What a part of a pass did.
#[derive(Default)]
pub(super) struct Done {
    pub(super) count: usize,
    pub(super) errors: RunErrors,
}
