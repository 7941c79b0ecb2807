//! That workers live. A lease names its worker; the lease is over when its worker has no heartbeat any more.

use std::time::Duration;

use async_trait::async_trait;

use super::error::StoreError;
use certmint_core::words::Timestamp;

/// The last sign of life of a worker's pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// As its leases name it.
    pub worker: String,
    /// Grows with each sign of life. Whether it grew tells the living from the dead.
    pub beat: u64,
    /// When, by the worker's clock.
    pub at: Timestamp,
    /// The most that this clock is wrong by.
    pub within: Duration,
}

/// One record a worker, from before its first claim until its end. No worker makes its record twice, so that one that
/// was buried stays dead.
#[async_trait]
pub trait Heartbeats: Send + Sync {
    /// Writes a sign of life: beat 1 makes the record, each later one needs it. `false`: it was buried, its leases are
    /// another's. A repeat after a lost answer is the same. One write.
    async fn beat(&self, heartbeat: &Heartbeat) -> Result<bool, StoreError>;
    /// All workers that have a record, as they are now. One query of a partition with a small item each.
    async fn heartbeats(&self) -> Result<Vec<Heartbeat>, StoreError>;
    /// Removes the record of a worker that has not beaten since: its leases are over from now on. `false`: it has. A repeat finds
    /// nothing and says `true`. One write.
    async fn bury(&self, worker: &str, last: u64) -> Result<bool, StoreError>;
}
