//! What goes wrong in a run, decided by its seed.

use std::time::Duration;

use certmint_core::words::Timestamp;

use super::{lack::Lack, later::Later, op::Op, rng::Rng, timeline::START};

/// What becomes of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is done and answered.
    Fine,
    /// Refused for now; nothing was done.
    Refused,
    /// Denied by our own role; nothing was done.
    Denied,
    /// Done, and the answer was lost.
    AnswerLost,
    /// Done, the answer was lost, and the client library sent it again.
    Repeated,
    /// The caller dies before it is done.
    DiesBefore,
    /// It is done, and the caller dies before it hears of it.
    DiesAfter,
}

/// The faults of a run.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Calls at which the caller dies: which, how many of them pass before, and whether it is done.
    pub crashes: Vec<(Op, u64, bool)>,
    /// The call at which its whole process freezes for longer than its lease.
    pub freeze: Option<u64>,
    /// The kind of call before whose first one the same happens; who comes next dies there.
    pub freeze_before: Option<Op>,
    /// Calls in a thousand that are refused.
    pub refused: u64,
    /// Calls in a thousand whose answer is lost.
    pub lost: u64,
    /// Calls in a thousand that are sent twice.
    pub repeated: u64,
    /// Calls in a thousand that take tens of seconds.
    pub slow: u64,
    /// A right that is missing for a while.
    pub lack: Option<Lack>,
    /// Until then the world is well.
    pub from: Timestamp,
    /// From then on it is again.
    pub until: Timestamp,
    /// Calls so far.
    calls: u64,
}

impl Faults {
    /// None.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// One of several kinds of bad days: a single crash at any call, crashes in a row, lost answers, all at once.
    #[must_use]
    pub fn of(rng: &mut Rng, later: Option<&Later>) -> Self {
        let from = later.map_or(START, |l| l.trouble);
        let lasts = match later {
            None => Duration::from_secs(rng.within(60, 6 * 3600)),
            Some(_) => Duration::from_secs(rng.within(3 * 3600, 18 * 3600)),
        };
        let mut faults = Self {
            from,
            until: from.plus(lasts),
            ..Self::default()
        };
        // Every kind of call is as likely as any other, whether it comes once or a hundred times.
        let crash = |rng: &mut Rng, to| {
            let op = where_to_die(rng, later);
            // A chore is taken up once or twice: a later one would never come.
            let to = if Op::OF_CHORES.contains(&op) { 2 } else { to };
            (op, rng.within(0, to), rng.per_mille(500))
        };
        match rng.within(0, 8) {
            0..=2 => faults.crashes.push(crash(rng, 2)),
            3 => faults.crashes = (0..rng.within(2, 9)).map(|_| crash(rng, 4)).collect(),
            4 => {
                (faults.refused, faults.lost, faults.repeated) = (30, 60, 60);
            }
            // A lease that is lost at the last write of a renewal, while the next worker has not written either.
            5 if later.is_some() && rng.per_mille(500) => {
                faults.freeze_before = Some(Op::ReplaceCertificate);
                faults.crashes.push((Op::ReplaceCertificate, 1, false));
            }
            5 => faults.freeze = Some(rng.within(0, 80)),
            6 => {}
            _ => {
                faults.crashes = (0..rng.within(0, 7)).map(|_| crash(rng, 4)).collect();
                faults.freeze = rng.per_mille(300).then(|| rng.within(0, 120));
                (faults.refused, faults.lost, faults.repeated) = (40, 40, 20);
            }
        }
        faults.slow = *rng.pick(&[0, 0, 5, 40]);
        faults
    }

    /// Whether every call is done and answered, but for a right that is missing: that is not to cost a try.
    #[must_use]
    pub fn are_none(&self) -> bool {
        self.crashes.is_empty()
            && self.freeze.is_none()
            && self.freeze_before.is_none()
            && self.refused + self.lost + self.repeated + self.slow == 0
    }

    /// Whether things go wrong at all.
    pub(super) fn are_about(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// Decides about the next call: its fate, and whether its process freezes first.
    pub(super) fn next(&mut self, op: Op, now: Timestamp, rng: &mut Rng) -> (Fate, bool) {
        if now < self.from {
            return (Fate::Fine, false);
        }
        let call = self.calls;
        self.calls += 1;
        let freezes = self.freeze == Some(call) || self.freeze_before.take_if(|at| *at == op).is_some();
        if self.lack.as_ref().is_some_and(|lack| lack.denies(op, now)) {
            return (Fate::Denied, freezes);
        }
        let mut dies = None;
        self.crashes.retain_mut(|(at, before, done)| {
            let here = *at == op && *before == 0;
            if here {
                dies = Some(if *done { Fate::DiesAfter } else { Fate::DiesBefore });
            } else if *at == op {
                *before -= 1;
            }
            !here
        });
        if let Some(fate) = dies {
            return (fate, freezes);
        }
        if !self.are_about(now) {
            return (Fate::Fine, freezes);
        }
        let fate = match rng.within(0, 1000) {
            n if n < self.refused => Fate::Refused,
            n if n < self.refused + self.lost => Fate::AnswerLost,
            n if n < self.refused + self.lost + self.repeated && op.is_repeated_by_its_client() => {
                Fate::Repeated
            }
            _ => Fate::Fine,
        };
        (fate, freezes)
    }
}

/// A call of the kind of run that it is: of issuing, or mostly of what comes later.
fn where_to_die(rng: &mut Rng, later: Option<&Later>) -> Op {
    let Some(later) = later else {
        return *rng.pick(Op::ISSUING);
    };
    match (rng.within(0, 6), later.cares.first()) {
        (0, _) => *rng.pick(Op::ALL),
        (1..=3, Some(care)) => *rng.pick(care.wish.calls()),
        _ => *rng.pick(Op::RENEWING),
    }
}
