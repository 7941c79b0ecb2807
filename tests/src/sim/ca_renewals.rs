//! What a CA says and remembers of certificates that it made: their dates, renewal windows (RFC 9773), replacements,
//! revocations.

use std::time::Duration;

use certmint_core::{
    renewal::{RenewalInfo, Window},
    words::{Cause, Class, Failure, Timestamp},
};

use super::{
    ca_state::{CaState, OrderState, index, problem},
    leaf,
};

/// What a CA says of renewals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ari {
    /// Nothing: its directory has no renewal information.
    #[default]
    None,
    /// A window that stays.
    Steady,
    /// A window that is in the past from a moment on, for all that it made before.
    Moved(Timestamp),
}

/// Lives under this are to be renewed at their half, longer ones when a third is left.
const SHORT_LIFE: Duration = Duration::from_secs(10 * 24 * 60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// When a certificate of these dates is to be renewed by a CA's ordinary window.
pub(super) fn ordinary((from, to): (Timestamp, Timestamp)) -> Window {
    let life = to.since(from);
    let middle = to.minus(if life < SHORT_LIFE { life / 2 } else { life / 3 });
    Window {
        start: middle.minus(life / 20),
        end: middle.plus(life / 20),
    }
}

/// Whole seconds, as a certificate has them.
fn seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_secs(at.millis() / 1000)
}

impl CaState {
    /// The dates of what it makes then.
    fn dates(&self, made_at: Timestamp) -> (Timestamp, Timestamp) {
        match self.habits.life {
            Some(life) => (seconds(made_at), seconds(made_at).plus(life)),
            // From 2020 to 2049: valid by any clock.
            None => (
                Timestamp::from_secs(1_577_836_800),
                Timestamp::from_secs(2_493_072_000),
            ),
        }
    }

    /// The certificate of an order, the same at each download.
    #[must_use]
    pub fn certificate(&self, order_url: &str) -> Option<String> {
        let number = index(order_url)?;
        let order = self.orders.get(number)?;
        let OrderState::Finalized(csr, made_at, _) = &order.state else {
            return None;
        };
        let names: Vec<String> = order.names.iter().map(ToString::to_string).collect();
        Some(leaf::certificate(&names, csr, number, self.dates(*made_at)))
    }

    /// What is said of a certificate at a moment. `Err`: it never made such a one.
    pub fn window(&self, identifier: &str, now: Timestamp) -> Result<Option<RenewalInfo>, String> {
        let number = leaf::number_in(identifier).and_then(|n| self.orders.get(n));
        let made_at = number.and_then(|order| match order.state {
            OrderState::Finalized(_, at, true) => Some(at),
            _ => None,
        });
        let made_at =
            made_at.ok_or_else(|| format!("{identifier} is asked about, and no certificate has it"))?;
        let window = match self.habits.ari {
            Ari::None => return Ok(None),
            Ari::Moved(since) if made_at <= since && since <= now => Window {
                start: since.minus(DAY),
                end: since,
            },
            Ari::Moved(_) | Ari::Steady => ordinary(self.dates(made_at)),
        };
        Ok(Some(RenewalInfo {
            window,
            explanation_url: None,
            retry_after: None,
        }))
    }

    /// Whether an order may take a certificate's place (RFC 9773 §5): not if another did, or is about to.
    pub(super) fn may_replace(&self, identifier: &str, account: &str) -> Result<usize, Failure> {
        let refused = |why: &str| {
            let mut failure = problem(Class::Permanent, "alreadyReplaced", why);
            failure.problem.cause = Cause::ReplacesRefused;
            failure
        };
        if self.habits.refuses_replaces {
            return Err(refused("this CA takes no replacements"));
        }
        let number = leaf::number_in(identifier).filter(|n| *n < self.orders.len());
        let number = number.ok_or_else(|| refused("no such certificate"))?;
        let mut others = self.orders.iter();
        if self.orders[number].account != account {
            return Err(refused("the certificate of another account"));
        }
        if others.any(|o| o.replaces == Some(number) && self.problem_of(o).is_none()) {
            return Err(refused("another order replaces it"));
        }
        Ok(number)
    }

    /// Revokes a certificate; again is success. `Err`: one that it never made.
    pub fn revoke(&mut self, pem: &str) -> Result<(), String> {
        let number = leaf::number_of(pem).filter(|n| *n < self.orders.len());
        let number = number.ok_or("a certificate that never was is revoked")?;
        self.revoked.insert(number);
        Ok(())
    }
}
