//! What was tried, over one run or many.

use std::collections::BTreeMap;

use super::op::Op;

/// Counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs.
    pub schedules: u64,
    /// Calls of adapters.
    pub calls: u64,
    /// Invocations.
    pub invocations: u64,
    /// Calls that were refused for now.
    pub refused: u64,
    /// Calls that our own role did not allow.
    pub denied: u64,
    /// Answers lost.
    pub lost: u64,
    /// Calls sent twice.
    pub repeated: u64,
    /// Processes frozen past their lease.
    pub freezes: u64,
    /// Invocations ended by the platform.
    pub kills: u64,
    /// Wakes that were sent.
    pub wakes: u64,
    /// Rollovers of account keys that were begun.
    pub rollovers: u64,
    /// Requests that went on with another account.
    pub failed_over: u64,
    /// Requests that ended with a certificate.
    pub succeeded: u64,
    /// Requests that ended without one.
    pub failed: u64,
    /// Orders that were put off because a limit was used up.
    pub held: u64,
    /// Certificates that took the place of an older one.
    pub renewed: u64,
    /// Certificates that a CA revoked.
    pub revoked: u64,
    /// Certificates that were removed with their keys.
    pub removed: u64,
    /// Certificates that were filed as expired.
    pub expired: u64,
    /// Crashes by call: before it was done, and after.
    pub crashes: BTreeMap<Op, [u64; 2]>,
}

impl Tally {
    pub(super) fn crash(&mut self, op: Op, after: bool) {
        self.crashes.entry(op).or_default()[usize::from(after)] += 1;
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.schedules += other.schedules;
        self.calls += other.calls;
        self.invocations += other.invocations;
        self.refused += other.refused;
        self.denied += other.denied;
        self.lost += other.lost;
        self.repeated += other.repeated;
        self.freezes += other.freezes;
        self.kills += other.kills;
        self.wakes += other.wakes;
        self.rollovers += other.rollovers;
        self.failed_over += other.failed_over;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.held += other.held;
        self.renewed += other.renewed;
        self.revoked += other.revoked;
        self.removed += other.removed;
        self.expired += other.expired;
        for (op, [before, after]) in &other.crashes {
            let sum = self.crashes.entry(*op).or_default();
            sum[0] += before;
            sum[1] += after;
        }
    }

    /// Crashes of all kinds.
    #[must_use]
    pub fn all_crashes(&self) -> u64 {
        self.crashes.values().flatten().sum()
    }

    /// Places where a crash was tried: a call, before or after.
    #[must_use]
    pub fn crash_points(&self) -> usize {
        self.crashes.values().flatten().filter(|n| **n > 0).count()
    }
}
