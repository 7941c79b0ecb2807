//! Which CAs cannot be reached.

use async_trait::async_trait;

use super::error::StoreError;
use certmint_core::words::{ProviderId, Timestamp};

/// A CA that a worker could not reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderTrouble {
    /// The CA.
    pub provider_id: ProviderId,
    /// Since when.
    pub since: Timestamp,
    /// Tries in a row that did not reach it.
    pub failures: u32,
    /// What the last one said.
    pub last_error: String,
    /// Nobody tries before.
    pub retry_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

/// A note a CA in trouble; none for those that answer.
#[async_trait]
pub trait ProviderHealth: Send + Sync {
    /// All CAs in trouble, in id order. One query of a partition with one small item each.
    async fn provider_troubles(&self) -> Result<Vec<ProviderTrouble>, StoreError>;
    /// Writes the note. Without condition: two workers that see the same outage write the same, and the last one
    /// decides when it is tried again. One write.
    async fn note_trouble(&self, trouble: &ProviderTrouble) -> Result<(), StoreError>;
    /// Removes the note. Without condition: a note of a worker that saw it down in the same moment costs one try
    /// more. A repeat finds nothing. One write.
    async fn clear_trouble(&self, provider: ProviderId) -> Result<(), StoreError>;
}
