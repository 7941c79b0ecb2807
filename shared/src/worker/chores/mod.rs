//! Work beside issuances: what calls enqueued.

mod contact;
mod gone;
mod key_rollover;
mod kinds;
mod revocations;
mod run;

use self::run::Run;
pub(super) use self::{
    contact::Contacts, key_rollover::KeyRollovers, kinds::Chores, revocations::Revocations,
};
use super::report::Done;
use certmint_core::words::Timestamp;

/// Does what is due, until `stop_at`; says how many were done. Safe beside other workers: a chore is taken up by
/// one, and each can be done twice. One that fails is put off, and one that is slow keeps none but those of its CA
/// waiting.
pub(super) async fn run(chores: &Chores, stop_at: Timestamp, deadline: Timestamp) -> Done {
    Run::new(chores, stop_at, deadline).run().await
}
