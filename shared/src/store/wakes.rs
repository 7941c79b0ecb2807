//! Which wake is on its way.

use async_trait::async_trait;

use super::error::StoreError;
use certmint_core::words::Timestamp;

/// One record: the earliest moment that a message is on its way for.
#[async_trait]
pub trait WakeBook: Send + Sync {
    /// Writes down that one is sent for `at`. `false`: one for that moment or an earlier one is on its way, none is needed. What is past is
    /// here or lost. One write.
    async fn book_wake(&self, at: Timestamp, now: Timestamp) -> Result<bool, StoreError>;
}
