//! What goes on after the first certificates: how long they live, what their CA says of them, what clients do with
//! them. A scenario without it ends with its requests.

use std::time::Duration;

use certmint_core::{
    provider::{Limit, Limits},
    words::Timestamp,
};

use super::{ca_renewals::Ari, op::Op, rng::Rng, timeline::START};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What a client does with its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Has it revoked.
    Revoke,
    /// Deletes it.
    Delete,
    /// Wants no more renewals.
    SwitchOff,
}

impl Wish {
    /// The calls that fulfil it.
    pub(super) const fn calls(self) -> &'static [Op] {
        match self {
            Self::Revoke => &[Op::Revoke, Op::SettleRevocation, Op::TakeChore, Op::EndChore],
            Self::Delete => &[
                Op::RemoveCertificate,
                Op::DeleteSecret,
                Op::TakeChore,
                Op::EndChore,
                Op::ForgetRenewal,
            ],
            // Nobody renews it, and it ends.
            Self::SwitchOff => &[Op::ExpireCertificate, Op::TakeChore, Op::EndChore, Op::DueChores],
        }
    }
}

/// A client and its wish.
#[derive(Clone, Copy, Debug)]
pub struct Care {
    /// When.
    pub at: Timestamp,
    /// For the certificate of which ask.
    pub ask: usize,
    /// What.
    pub wish: Wish,
    /// Not then, but while the renewal runs that is due next.
    pub in_renewal: bool,
}

/// The time after issuance.
#[derive(Clone, Debug)]
pub struct Later {
    /// How long certificates live.
    pub life: Duration,
    /// Renewals and chores that are due by then are done.
    pub until: Timestamp,
    /// Nothing goes wrong before.
    pub trouble: Timestamp,
    /// What the CA says of renewals.
    pub ari: Ari,
    /// Whether it takes no replacements.
    pub refuses_replaces: bool,
    /// Its limits.
    pub limits: Limits,
    /// What clients do.
    pub cares: Vec<Care>,
}

fn part(rng: &mut Rng, of: Duration, low: u64, high: u64) -> Duration {
    let seconds = of.as_secs() * rng.within(low * 10, high * 10) / 1000;
    Duration::from_secs(seconds)
}

impl Later {
    /// One of several stories, each with renewals.
    pub(super) fn of(rng: &mut Rng) -> Self {
        let limits = Self::limits(rng);
        let refuses_replaces = rng.per_mille(100);
        let mut later = match rng.within(0, 10) {
            0 => Self::deleted(rng),
            1..=3 => Self::with(rng, Wish::Revoke),
            4 | 5 => Self::with(rng, Wish::SwitchOff),
            _ => Self::renewed(rng),
        };
        (later.limits, later.refuses_replaces) = (limits, refuses_replaces);
        later
    }

    /// Most CAs leave room; at some there is a queue.
    fn limits(rng: &mut Rng) -> Limits {
        let of = |orders, same, exempts_renewals| Limits {
            new_orders: Limit::new(orders, 3600),
            duplicate_certificates: Limit::new(same, 6 * 3600),
            exempts_renewals,
            ..Limits::NONE
        };
        match rng.within(0, 4) {
            0 => Limits::NONE,
            1 => of(2, 2, rng.per_mille(500)),
            _ => of(100, 50, rng.per_mille(500)),
        }
    }

    /// Days of life, with something to see within few looks.
    fn renewed(rng: &mut Rng) -> Self {
        let life = DAY * u32::try_from(*rng.pick(&[3, 6, 12])).unwrap_or(3);
        let ari = match rng.within(0, 3) {
            0 => Ari::None,
            1 => Ari::Steady,
            _ => Ari::Moved(START.plus(part(rng, life, 5, 60))),
        };
        let from_the_start = rng.per_mille(200);
        Self {
            life,
            until: START.plus(life * u32::try_from(*rng.pick(&[9, 9, 15])).unwrap_or(9) / 10),
            trouble: START.plus(match ari {
                _ if from_the_start => Duration::ZERO,
                Ari::Moved(at) => at.since(START.plus(HOUR)),
                // About when the first of them are due.
                _ if life < DAY * 10 => part(rng, life, 43, 53),
                _ => part(rng, life, 60, 70),
            }),
            ari,
            refuses_replaces: false,
            limits: Limits::NONE,
            cares: vec![],
        }
    }

    /// A client that wants something before the end.
    fn with(rng: &mut Rng, wish: Wish) -> Self {
        let later = Self::renewed(rng);
        let at = START.plus(part(rng, later.life, 2, 45));
        let in_renewal = rng.per_mille(600);
        let trouble = if in_renewal { later.trouble } else { at.minus(HOUR) };
        let care = Care {
            at,
            ask: 0,
            wish,
            in_renewal,
        };
        // Long enough to see it expire where nobody renews it.
        let until = match wish {
            Wish::SwitchOff => START.plus(later.life * 12 / 10),
            Wish::Revoke | Wish::Delete => later.until,
        };
        Self {
            cares: vec![care],
            until,
            trouble: trouble.max(START),
            ..later
        }
    }

    /// A month, with few looks: a deleted certificate is removed after thirty days.
    fn deleted(rng: &mut Rng) -> Self {
        let life = DAY * 30;
        let at = START.plus(part(rng, life, 1, 80));
        let removal = at.plus(DAY * 30);
        let care = Care {
            at,
            ask: 0,
            wish: Wish::Delete,
            in_renewal: rng.per_mille(500),
        };
        Self {
            life,
            // It may wait for the next renewal, a third of a life at most from the last moment.
            until: removal.plus(if care.in_renewal { DAY * 25 } else { DAY }),
            trouble: if rng.per_mille(700) { removal } else { at }.minus(HOUR),
            ari: Ari::None,
            refuses_replaces: false,
            limits: Limits::NONE,
            cares: vec![care],
        }
    }
}
