//! The same names asked for again while they are on their way.

use async_trait::async_trait;

use super::{error::StoreError, idempotency::Idempotency};
use certmint_core::{
    issuance::{NewRequest, Request},
    words::Timestamp,
};

/// A request, and whether it was there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flight {
    /// The request.
    pub request: Request,
    /// Whether an earlier call made it: this call wrote no request.
    pub joined: bool,
}

/// What a success is worth to who asks for its names again.
#[async_trait]
pub trait Standing: Send + Sync {
    /// Whether the certificate that a request made can still be used: neither expired, revoked or about to be, deleted,
    /// succeeded by another, nor its key gone or given away. What cannot be told is not "no".
    async fn stands(&self, request: &Request, now: Timestamp) -> Result<bool, StoreError>;
}

/// One request an account and set of names at a time.
#[async_trait]
pub trait SingleFlight: Send + Sync {
    /// As [`RequestStore::create_request`](super::RequestStore::create_request), unless the newest request of the
    /// same account, the same names in any order and the same [key](certmint_core::certificate::KeyPlan::flight_key) still
    /// [answers for them](Request::answers_for_its_names), and if it succeeded its certificate
    /// [stands](Standing::stands): then that one is returned.
    ///
    /// Conditional write: a lock item by account and [set and key](certmint_core::certificate::KeyPlan::flight_key) names the newest request;
    /// the request's own transaction takes it if it is absent, or still names the request that was read and found to
    /// hold it no more (failed, a day past its success, its certificate of no use, deleted, unreadable, set aside). `create_request` takes it without
    /// condition. Of two calls at once one writes, the other finds its request. Cost beside `create_request`: one
    /// read and one write; the request that is there is read once. A repeat finds the first call's request; with the
    /// same idempotency key it gives the same answer, `joined` included.
    async fn request_once(
        &self,
        new: NewRequest,
        max_attempts: u32,
        idempotency: Option<Idempotency>,
        standing: &dyn Standing,
        now: Timestamp,
    ) -> Result<Flight, StoreError>;
}
