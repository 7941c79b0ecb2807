//! Which of its accounts an issuance uses: the first of its list that can be used. What keeps it from the others is
//! written down, so that a later run and a client see it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::phase::Phase;
use crate::words::{Class, Failure, Timestamp, clip};

/// A CA that cannot be used for this long, already or foreseeably, gives way to the next one. A short limit or an
/// outage of minutes moves nobody.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// Faults of a CA in a row that are an outage, whatever its directory says.
const FAULTS: u32 = 3;
/// A CA that is left for an outage is not asked again before this: time to try all others.
const OUTAGE: Duration = Duration::from_secs(60 * 60);
/// Characters of a reason.
const WHY: usize = 300;

/// One account of the list, and what is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Not to be used before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_until: Option<Timestamp>,
    /// Not to be used for this request any more, unless a client retries it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub closed: bool,
    /// Why it was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Faults of its CA in a row.
    #[serde(default, skip_serializing_if = "is_zero")]
    faults: u32,
    /// Since when it is on hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held_since: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The accounts of a request in the order of preference, and the one that is at work. A request with one account has
/// no candidates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Failover {
    current: usize,
    /// Failures of the issuance before this account: its back-off starts anew.
    failures_before: u32,
    candidates: Vec<Candidate>,
}

#[derive(Deserialize)]
struct Stored {
    current: usize,
    #[serde(default)]
    failures_before: u32,
    candidates: Vec<Candidate>,
}

impl TryFrom<Stored> for Failover {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let Stored {
            current,
            failures_before,
            candidates,
        } = stored;
        let first = current == 0 && failures_before == 0;
        if !first && current >= candidates.len() {
            return Err("the account at work is not in the list");
        }
        Ok(Self {
            current,
            failures_before,
            candidates,
        })
    }
}

/// What keeps an account from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    Until(Timestamp),
    ForGood,
}

/// A failover: another account is at work, and from when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Switch {
    pub(super) to: Failover,
    /// `None`: at once.
    pub(super) from: Option<Timestamp>,
}

impl Failover {
    /// Over so many accounts, none of them tried.
    #[must_use]
    pub fn over(accounts: usize) -> Self {
        let candidates = match accounts {
            0 | 1 => vec![],
            n => vec![Candidate::default(); n],
        };
        Self {
            candidates,
            ..Self::default()
        }
    }

    /// The place in the list of the account that is at work, from 0.
    #[must_use]
    pub const fn current(&self) -> usize {
        self.current
    }

    /// What is known of each; empty if there is no choice.
    #[must_use]
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Whether there is one account and no choice.
    pub(super) const fn has_no_choice(&self) -> bool {
        self.candidates.is_empty()
    }

    /// The same list for a retry, none of it tried.
    pub(super) fn retried(&self) -> Self {
        Self::over(self.candidates.len())
    }

    /// How many accounts there are.
    pub(super) fn accounts(&self) -> u32 {
        u32::try_from(self.candidates.len()).unwrap_or(u32::MAX).max(1)
    }

    /// Those of the issuance's `failures` that happened with the account at work.
    pub(super) const fn failures_here(&self, failures: u32) -> u32 {
        failures.saturating_sub(self.failures_before)
    }

    fn present(&mut self) -> Option<&mut Candidate> {
        self.candidates.get_mut(self.current)
    }

    /// The account at work got further: nothing is held against it.
    pub(super) fn progressed(mut self) -> Self {
        if let Some(candidate) = self.present() {
            *candidate = Candidate::default();
        }
        self
    }

    /// A try failed, the issuance's `failures`-th in a row: the account to go on with if it is another one; else the
    /// same one with the fault counted. `retry_at` is when the present one could be tried next.
    pub(super) fn after(
        mut self,
        failure: &Failure,
        phase: &Phase,
        failures: u32,
        retry_at: Timestamp,
        now: Timestamp,
    ) -> Result<Switch, Self> {
        let later = self.current > 0;
        let Some(candidate) = self.present() else {
            return Err(self);
        };
        let faulty = failure.is_ca_trouble();
        candidate.faults = if faulty { candidate.faults + 1 } else { 0 };
        let outage = faulty && candidate.faults >= FAULTS;
        let limited = matches!(failure.class, Class::RateLimited { .. }) && retry_at.since(now) >= PATIENCE;
        let obstacle = match may_leave(phase) {
            _ if failure.forbids_ca() => Obstacle::ForGood,
            true if failure.is_of_account(matches!(phase, Phase::Queued)) => Obstacle::ForGood,
            // Each CA has profiles of its own: what the first one knows the others need not.
            true if later && failure.is_unknown_profile() => Obstacle::ForGood,
            true if outage => Obstacle::Until(now.plus(OUTAGE)),
            true if limited => Obstacle::Until(retry_at),
            _ => return Err(self),
        };
        self.leave(obstacle, &failure.sentence(), failures, now)
    }

    /// It is put on hold after `failures` of the issuance: the account to go on with if that takes too long; else the same
    /// one with the wait noted.
    pub(super) fn held(
        mut self,
        phase: &Phase,
        until: Timestamp,
        reason: &str,
        failures: u32,
        now: Timestamp,
    ) -> Result<Switch, Self> {
        let Some(candidate) = self.present() else {
            return Err(self);
        };
        let since = *candidate.held_since.get_or_insert(now);
        if may_leave(phase) && until.since(since) >= PATIENCE {
            self.leave(Obstacle::Until(until), reason, failures, now)
        } else {
            Err(self)
        }
    }

    fn leave(mut self, obstacle: Obstacle, why: &str, failures: u32, now: Timestamp) -> Result<Switch, Self> {
        let before = self.clone();
        let left = self.current;
        if let Some(candidate) = self.present() {
            *candidate = Candidate {
                blocked_until: match obstacle {
                    Obstacle::Until(at) => Some(at),
                    Obstacle::ForGood => None,
                },
                closed: obstacle == Obstacle::ForGood,
                why: Some(clip(why, WHY)),
                ..Candidate::default()
            };
        }
        match self.choose(now) {
            Some((next, from)) if next != left => {
                self.current = next;
                self.failures_before = failures;
                Ok(Switch { to: self, from })
            }
            _ => Err(before),
        }
    }

    /// The first that can be used, or the one that can be used first.
    fn choose(&self, now: Timestamp) -> Option<(usize, Option<Timestamp>)> {
        let open = || self.candidates.iter().enumerate().filter(|(_, c)| !c.closed);
        let at_once = open().find(|(_, c)| c.blocked_until.is_none_or(|at| at <= now));
        match at_once {
            Some((index, _)) => Some((index, None)),
            None => open()
                .filter_map(|(index, c)| Some((c.blocked_until?, index)))
                .min()
                .map(|(at, index)| (index, Some(at))),
        }
    }
}

/// Whether another CA can be asked without a second certificate: not once the CSR may be on its way.
const fn may_leave(phase: &Phase) -> bool {
    !phase.may_have_sent_csr() && !phase.has_ended()
}
