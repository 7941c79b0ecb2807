//! The TXT ledger.

use async_trait::async_trait;

use super::error::StoreError;
use certmint_core::{
    challenge::{DesiredState, TxtRecord, TxtStatus},
    words::{Fqdn, Page, PageRequest, RequestId, Timestamp},
};

/// The TXT ledger: which values we put in which RRset, for whom, until when.
#[async_trait]
pub trait TxtLedger: Send + Sync {
    /// Writes intents before any zone changes. A value that exists (same name, same value) becomes wanted again.
    /// [`StoreError::LeaseLost`] for one that was written under a later fence of its request; the others are written.
    async fn put_txt(&self, records: &[TxtRecord]) -> Result<(), StoreError>;
    /// Writes down what the zone holds: each record's new status (`Removed` makes it unwanted too), if the record
    /// still is as it was read (`desired_state` and `updated_at`). One that changed meanwhile is left alone: whoever
    /// changed it brings the zone to that state next.
    async fn confirm_txt(&self, seen: &[(TxtRecord, TxtStatus)], now: Timestamp) -> Result<(), StoreError>;
    /// All values of one RRset that are not `removed`, read consistently.
    async fn txt_rrset(&self, fqdn: &Fqdn) -> Result<Vec<TxtRecord>, StoreError>;
    /// The values of one request that are not `removed`.
    async fn txt_of_request(&self, owner: RequestId) -> Result<Vec<TxtRecord>, StoreError>;
}

/// The ledger as a whole: what is due in it, what it forgets, and its pages.
#[async_trait]
pub trait ChallengeStore: TxtLedger {
    /// Values that cleanup has to look at now ([`TxtRecord::due_at`]); at most `limit`.
    async fn due_txt(&self, now: Timestamp, limit: usize) -> Result<Vec<TxtRecord>, StoreError>;
    /// Forgets values that were confirmed gone [`SHOWN`](certmint_core::challenge::SHOWN) ago, at most `limit`, and says how many.
    /// Conditional: one that is wanted again meanwhile stays. One transaction with the counts for each.
    async fn forget_txt(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError>;
    /// A page of the ledger, newest first, by desired state if given.
    async fn txt_records(
        &self,
        desired: Option<DesiredState>,
        page: &PageRequest,
    ) -> Result<Page<TxtRecord>, StoreError>;
}
