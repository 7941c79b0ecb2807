//! Which wakes are on their way.

use async_trait::async_trait;

use super::error::StoreError;
use certmint_core::words::Timestamp;

/// Why a worker is to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WakeKind {
    /// Something is due then.
    Due,
    /// Whoever works now may be dead by then.
    Lookout,
}

/// One record a kind: the moment that a message is on its way for.
#[async_trait]
pub trait WakeBook: Send + Sync {
    /// Writes down that one is sent for `at`. `false`: one that comes not before `from` and not after `at` is on its way, none
    /// is needed. What is past is here or lost. One write.
    async fn book_wake(&self, kind: WakeKind, from: Timestamp, at: Timestamp) -> Result<bool, StoreError>;
}
