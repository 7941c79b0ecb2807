//! Renewals: looks at those that are due, asks their CA, and makes the requests.

mod begin;
mod looks;
mod replace;

use std::time::Duration;

use self::looks::Looks;
pub(super) use self::{
    begin::Renewals,
    replace::{keep, replaced_by},
};
use super::report::Done;
use certmint_core::words::Timestamp;

/// Looks begin within this time of a pass.
const BUDGET: Duration = Duration::from_secs(30);

/// Looks at what is due, a bounded number a pass, and makes the requests that are called for; the pass goes on
/// with them. An error of one stays with that one. What a CA that is silent keeps from being looked at stays due, and
/// takes up the turn of no other.
pub(super) async fn run(renewals: &Renewals, stop_at: Timestamp) -> Done {
    let until = stop_at.min(renewals.now().plus(BUDGET));
    Looks::new(renewals, until).run().await
}
