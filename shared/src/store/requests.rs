//! Certificate requests.

use std::time::Duration;

use async_trait::async_trait;

use super::{error::StoreError, idempotency::Idempotency};
use certmint_core::{
    issuance::{NewRequest, OrderOwner, Request, RequestStatus},
    words::{AccountId, Page, PageRequest, RequestId, Timestamp},
};

/// Which requests to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// With this status.
    pub status: Option<RequestStatus>,
    /// Of this account.
    pub account_id: Option<AccountId>,
    /// With at least this many attempts.
    pub min_attempts: Option<u32>,
    /// Whether who asks knows the total already: then that of the page says nothing.
    pub uncounted: bool,
}

/// A request that is due and in a worker's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The request.
    pub id: RequestId,
    /// As its lease names it.
    pub worker: String,
}

/// What is due, as the due index has it: it lags, and a claim asks the request itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DueRequests {
    /// In nobody's hands, earliest first.
    pub free: Vec<RequestId>,
    /// In a worker's hands: nobody else's while that one lives.
    pub held: Vec<Held>,
}

/// Who takes a lease, when, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Names the worker in the lease.
    pub worker: &'a str,
    /// By its clock.
    pub now: Timestamp,
    /// How long it may work at the longest.
    pub lease: Duration,
    /// How far two clocks may differ.
    pub skew: Duration,
    /// A worker that is known to be gone: what it held is free.
    pub gone: Option<&'a str>,
}

impl<'a> Claim<'a> {
    /// Of what nobody holds any more by the clock.
    #[must_use]
    pub const fn new(worker: &'a str, now: Timestamp, lease: Duration, skew: Duration) -> Self {
        Self {
            worker,
            now,
            lease,
            skew,
            gone: None,
        }
    }
}

/// Certificate requests.
#[async_trait]
pub trait RequestStore: Send + Sync {
    /// Takes the next id and writes a pending request, due now, whatever else is on its way
    /// ([`SingleFlight::request_once`](super::SingleFlight::request_once) looks first). `Idempotency` as with accounts. The account must exist
    /// ([`StoreError::NotFound`]).
    async fn create_request(
        &self,
        new: NewRequest,
        max_attempts: u32,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<Request, StoreError>;
    /// One request. One read.
    async fn request(&self, id: RequestId) -> Result<Request, StoreError>;
    /// A page, newest first.
    async fn requests(&self, filter: &RequestFilter, page: &PageRequest)
    -> Result<Page<Request>, StoreError>;
    /// How many have each status, in the order of [`RequestStatus::ALL`].
    async fn request_counts(&self) -> Result<[(RequestStatus, u64); 4], StoreError>;
    /// A failed request becomes a new pending one ([`Issuance::again`](certmint_core::issuance::Issuance::again)): attempts 0,
    /// error cleared, due now, lease free; the fence grows.
    async fn retry_request(&self, id: RequestId, now: Timestamp) -> Result<Request, StoreError>;
    /// What is due, earliest first over all shards, until `limit` are free; what others hold takes nobody's place.
    async fn due_requests(&self, now: Timestamp, limit: usize) -> Result<DueRequests, StoreError>;
    /// Takes the lease if it is free, over since `skew`, or of the worker that is gone; `None` if another holds it or
    /// nothing is due. The fence grows. The same call again finds its own lease. When it is due stays as it was: where the
    /// worker dies, others find the request again.
    async fn claim_request(&self, id: RequestId, claim: &Claim<'_>) -> Result<Option<Request>, StoreError>;
    /// Writes state, status, error, wake time and lease if the stored fence is still `request.lease.fence`
    /// ([`StoreError::LeaseLost`] else). Counters change in the same transaction.
    ///
    /// An order has one owner: the write that brings a new order URL makes the request its owner, on condition that
    /// nobody [has](Request::holds) it ([`StoreError::OrderTaken`] else). Nobody gives an order back: whether the owner
    /// still has it is asked of the owner, so no end of a request, planned or not, can leave it behind shut. It is
    /// forgotten after 90 days, when no CA has it open any more.
    async fn save_request(&self, request: &Request, now: Timestamp) -> Result<(), StoreError>;
    /// Who has an order. `None`: nobody, or nobody any more. At most two reads.
    async fn order_owner(&self, order_url: &str) -> Result<Option<OrderOwner>, StoreError>;
    /// Takes a request that cannot be read out of the due index, so that it stops no batch.
    async fn quarantine_request(&self, id: RequestId, why: &str, now: Timestamp) -> Result<(), StoreError>;
}
