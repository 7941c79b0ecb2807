//! Counts of what a CA allows in a time.

use std::collections::HashMap;

use async_trait::async_trait;

use super::error::StoreError;
use certmint_core::{
    provider::{Bucket, RateKey},
    words::Timestamp,
};

/// What became of a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// One is taken of each bucket, by this call or by an earlier one with the same id.
    Taken,
    /// Nothing is taken: this bucket is full.
    Full {
        /// The one that opens last.
        bucket: Bucket,
        /// When one fits again.
        earliest: Timestamp,
    },
}

/// What to give back of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveBack {
    /// All: the order never reached the CA, or the CA refused it because of a limit.
    All,
    /// The certificates: the order stands, but none will come of it.
    Certificates,
}

/// Token buckets. One item a bucket with the [arrival time](certmint_core::provider::Limit) and a TTL, one marker a reservation
/// id. A bucket without a limit is never written by a reservation.
#[async_trait]
pub trait RateLedger: Send + Sync {
    /// The arrival times of those buckets that have one. One consistent batch read for 100 keys.
    async fn arrivals(&self, keys: &[RateKey]) -> Result<HashMap<RateKey, Timestamp>, StoreError>;
    /// Takes one of each of `spend` if none of `spend` and `look` is full; else of none.
    ///
    /// One transaction: the marker of `id` on condition that it is absent, and each bucket on condition that it has
    /// room at the moment of the write (`arrival <= now + slack`), so that no two callers share the last place. Over
    /// 99 limited buckets go in a second transaction; if only that one is refused, the first stays counted. A repeat
    /// with the same id within a week finds the marker and takes nothing. Cost: one batch read for 100 buckets, one
    /// transaction; no write where nothing has a limit or something is full.
    async fn reserve(
        &self,
        id: &str,
        spend: &[Bucket],
        look: &[Bucket],
        now: Timestamp,
    ) -> Result<Reserved, StoreError>;
    /// Adds one to each bucket, full or not: it has happened. Once an id, as with `reserve`.
    async fn count(&self, id: &str, buckets: &[Bucket], now: Timestamp) -> Result<(), StoreError>;
    /// Gives back what is left of a reservation ([`Limit::left_of`](certmint_core::provider::Limit::left_of)) and removes its
    /// marker, in one transaction on condition that the marker is there. `spend` is the whole list of the
    /// reservation. A repeat, or a reservation that is not there, gives nothing back. One read, one transaction.
    async fn give_back(
        &self,
        id: &str,
        spend: &[Bucket],
        what: GiveBack,
        now: Timestamp,
    ) -> Result<(), StoreError>;
    /// Closes a bucket until the CA's moment, unless it is closed longer already. One conditional write
    /// (`arrival < new`).
    async fn close(&self, bucket: &Bucket, until: Timestamp) -> Result<(), StoreError>;
}
