//! Which account an issuance uses: the first of its list that can be used. What keeps it from the others is written
//! down, so that a later run and a client see it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::state::Phase;
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

/// What is known of one account of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// Not to be used before then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked_until: Option<Timestamp>,
    /// Not to be used for this request again, unless a client retries it.
    #[serde(default)]
    pub closed: bool,
    /// Why it was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Faults of its CA in a row.
    #[serde(default)]
    faults: u32,
    /// Since when it is on hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held_since: Option<Timestamp>,
}

/// The accounts of a request in the order of preference, and the one that is at work. A request with one account has
/// no legs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    at: usize,
    /// Failures of the issuance before this account: its back-off starts anew.
    #[serde(default)]
    before: u32,
    legs: Vec<Leg>,
}

/// What keeps an account from being used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    Until(Timestamp),
    ForGood,
}

/// Another account, and from when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) route: Route,
    /// `None`: at once.
    pub(super) from: Option<Timestamp>,
}

impl Route {
    /// Over so many accounts, none of them tried.
    #[must_use]
    pub fn over(accounts: usize) -> Self {
        let legs = match accounts {
            0 | 1 => vec![],
            n => vec![Leg::default(); n],
        };
        Self {
            at: 0,
            before: 0,
            legs,
        }
    }

    /// The place in the list of the account that is at work, from 0.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// What is known of each; empty if there is no choice.
    #[must_use]
    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }

    /// The same list, none of it tried.
    pub(super) fn afresh(&self) -> Self {
        Self::over(self.legs.len())
    }

    /// How many accounts there are.
    pub(super) fn len(&self) -> u32 {
        u32::try_from(self.legs.len()).unwrap_or(u32::MAX).max(1)
    }

    /// Those of the issuance's `failures` that happened with the account at work.
    pub(super) const fn failures_here(&self, failures: u32) -> u32 {
        failures.saturating_sub(self.before)
    }

    fn present(&mut self) -> Option<&mut Leg> {
        self.legs.get_mut(self.at)
    }

    /// The account at work got further: nothing is held against it.
    pub(super) fn progressed(mut self) -> Self {
        if let Some(leg) = self.present() {
            *leg = Leg::default();
        }
        self
    }

    /// A try failed, the issuance's `failures`-th in a row: the account to go on with if it is another one; else the same route with the fault counted.
    /// `again` is when the present one could be tried next.
    pub(super) fn after(
        mut self,
        failure: &Failure,
        phase: &Phase,
        failures: u32,
        again: Timestamp,
        now: Timestamp,
    ) -> Result<Turn, Self> {
        let later = self.at > 0;
        let Some(leg) = self.present() else {
            return Err(self);
        };
        let faulty = failure.is_ca_trouble();
        leg.faults = if faulty { leg.faults + 1 } else { 0 };
        let outage = faulty && leg.faults >= FAULTS;
        let limited = matches!(failure.class, Class::RateLimited { .. }) && again.since(now) >= PATIENCE;
        let obstacle = match may_leave(phase) {
            _ if failure.forbids_ca() => Obstacle::ForGood,
            true if failure.is_of_account(matches!(phase, Phase::Queued)) => Obstacle::ForGood,
            // Each CA has profiles of its own: what the first one knows the others need not.
            true if later && failure.is_unknown_profile() => Obstacle::ForGood,
            true if outage => Obstacle::Until(now.plus(OUTAGE)),
            true if limited => Obstacle::Until(again),
            _ => return Err(self),
        };
        let mut turn = self.leave(obstacle, failure.sentence(), now)?;
        turn.route.before = failures;
        Ok(turn)
    }

    /// It is put on hold: the account to go on with if that takes too long; else the same route with the wait noted.
    pub(super) fn held(
        mut self,
        phase: &Phase,
        until: Timestamp,
        reason: &str,
        now: Timestamp,
    ) -> Result<Turn, Self> {
        let Some(leg) = self.present() else {
            return Err(self);
        };
        let since = *leg.held_since.get_or_insert(now);
        if may_leave(phase) && until.since(since) >= PATIENCE {
            self.leave(Obstacle::Until(until), reason.to_owned(), now)
        } else {
            Err(self)
        }
    }

    fn leave(mut self, obstacle: Obstacle, why: String, now: Timestamp) -> Result<Turn, Self> {
        let before = self.clone();
        let from = self.at;
        if let Some(leg) = self.present() {
            *leg = Leg {
                blocked_until: match obstacle {
                    Obstacle::Until(at) => Some(at),
                    Obstacle::ForGood => None,
                },
                closed: obstacle == Obstacle::ForGood,
                why: Some(clip(&why, WHY)),
                ..Leg::default()
            };
        }
        match self.choose(now) {
            Some((at, start)) if at != from => {
                self.at = at;
                Ok(Turn {
                    route: self,
                    from: start,
                })
            }
            _ => Err(before),
        }
    }

    /// The first that can be used, or the one that can be used first.
    fn choose(&self, now: Timestamp) -> Option<(usize, Option<Timestamp>)> {
        let open = || self.legs.iter().enumerate().filter(|(_, leg)| !leg.closed);
        let at_once = open().find(|(_, leg)| leg.blocked_until.is_none_or(|at| at <= now));
        match at_once {
            Some((index, _)) => Some((index, None)),
            None => open()
                .filter_map(|(index, leg)| Some((leg.blocked_until?, index)))
                .min()
                .map(|(at, index)| (index, Some(at))),
        }
    }
}

/// Whether another CA can be asked without a second certificate: not once the CSR may be on its way.
const fn may_leave(phase: &Phase) -> bool {
    !matches!(
        phase,
        Phase::KeyStored { .. } | Phase::Finalizing { .. } | Phase::Done { .. } | Phase::Failed
    )
}
