//! Everything that outlives an invocation. Traits by capability; `dynamo` implements them all.

pub mod account_keys;
mod certificate_lifecycle;
mod cursor;
pub mod dynamo;
mod fallback;
mod flight;
mod health;
mod lifecycle;
mod rates;
mod relations;
mod renewal_request;
mod renewals;
pub mod schema;

use async_trait::async_trait;

pub use self::{
    account_keys::AccountKeys,
    certificate_lifecycle::{CertificateLifecycle, deleted, is_to_be_removed, revoking, settled},
    cursor::{place_after, txt_cursor},
    fallback::{DefaultFallback, FallbackPolicy, in_fallback},
    flight::{Flight, SingleFlight},
    health::{ProviderHealth, ProviderTrouble},
    lifecycle::{
        AccountLifecycle, ChoreStore, RequestLifecycle, cancelled, is_usable, may_be_default, may_be_deleted,
    },
    rates::{GiveBack, RateLedger, Reserved},
    relations::CertificateRelations,
    renewal_request::{default_fallback, renewal_request},
    renewals::RenewalStore,
};

use certmint_core::{
    account::{Account, AccountStatus, NewAccount},
    certificate::{Binding, Certificate, CertificateSource, CertificateStatus},
    challenge::{DesiredState, TxtRecord, TxtStatus},
    issuance::{NewRequest, Request, RequestStatus},
    words::{
        AccountId, CertificateId, Class, DomainName, Email, Fqdn, Page, PageRequest, ProviderId, RequestId,
        Timestamp,
    },
};

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such record.
    #[error("{kind} {id} does not exist")]
    NotFound {
        /// What kind.
        kind: &'static str,
        /// Which.
        id: String,
    },
    /// There is one already.
    #[error("{kind} {id} exists already")]
    Exists {
        /// What kind.
        kind: &'static str,
        /// Which.
        id: String,
    },
    /// Its present state does not allow that.
    #[error("{kind} {id} is {state}; this needs {needed}")]
    WrongState {
        /// What kind.
        kind: &'static str,
        /// Which.
        id: String,
        /// As it is.
        state: String,
        /// As it should be.
        needed: &'static str,
    },
    /// Another worker took the lease; nothing was written.
    #[error("request {0} was taken over by another worker")]
    LeaseLost(RequestId),
    /// The record changed since it was read.
    #[error("{kind} {id} changed meanwhile; read it again")]
    Conflict {
        /// What kind.
        kind: &'static str,
        /// Which.
        id: String,
    },
    /// A record that cannot be read.
    #[error("{kind} {id} cannot be read: {why}")]
    Corrupt {
        /// What kind.
        kind: &'static str,
        /// Which.
        id: String,
        /// Why.
        why: String,
    },
    /// The cursor is none of ours.
    #[error("the cursor is not one that an earlier page gave")]
    BadCursor,
    /// The same Idempotency-Key came with another body.
    #[error("this Idempotency-Key was used with another body")]
    KeyReused,
    /// DynamoDB is slow, throttled or away.
    #[error("DynamoDB {operation}: {message}")]
    Unavailable {
        /// The call.
        operation: &'static str,
        /// What it said.
        message: String,
    },
    /// DynamoDB refused for good (permission, table, size).
    #[error("DynamoDB {operation} refused: {message}")]
    Refused {
        /// The call.
        operation: &'static str,
        /// What it said.
        message: String,
    },
}

impl StoreError {
    /// What it means for the next step.
    #[must_use]
    pub const fn class(&self) -> Class {
        match self {
            Self::Unavailable { .. } | Self::Conflict { .. } | Self::LeaseLost(_) => Class::Transient,
            _ => Class::Permanent,
        }
    }
}

/// Which requests to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// With this status.
    pub status: Option<RequestStatus>,
    /// Of this account.
    pub account_id: Option<AccountId>,
    /// With at least this many attempts.
    pub min_attempts: Option<u32>,
}

/// Which accounts to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Of this provider.
    pub provider_id: Option<ProviderId>,
    /// With this status.
    pub status: Option<AccountStatus>,
    /// With this address.
    pub email: Option<Email>,
}

/// Which certificates to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateFilter {
    /// With (or without) a wildcard among the names.
    pub wildcard: Option<bool>,
    /// From there.
    pub source: Option<CertificateSource>,
    /// With this status; without it all but the deleted ones. A certificate whose time is over counts as `issued` until
    /// a worker has moved it (a minute).
    pub status: Option<CertificateStatus>,
    /// With this name or one below it.
    pub name: Option<DomainName>,
}

/// Which bindings to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BindingFilter {
    /// Of this certificate.
    pub certificate_id: Option<CertificateId>,
    /// Served now, or not.
    pub active: Option<bool>,
}

/// A key that makes a POST safe to send twice: same key and body → the stored answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key, scoped to the call.
    pub key: String,
    /// SHA-256 of the body, hex.
    pub body_hash: String,
}

/// ACME accounts.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Takes the next id and writes the account unless provider and address exist. With a known `idempotency` key
    /// and the same body hash it returns the account of the first call.
    async fn create_account(
        &self,
        new: NewAccount,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<Account, StoreError>;
    /// One account. One read.
    async fn account(&self, id: AccountId) -> Result<Account, StoreError>;
    /// A page, oldest first.
    async fn accounts(&self, filter: &AccountFilter, page: &PageRequest)
    -> Result<Page<Account>, StoreError>;
    /// Replaces it if its version is still `account.version`; the stored version grows by one.
    async fn save_account(&self, account: &Account) -> Result<Account, StoreError>;
}

/// Certificate requests.
#[async_trait]
pub trait RequestStore: Send + Sync {
    /// Takes the next id and writes a pending request, due now, whatever else is on its way
    /// ([`SingleFlight::request_once`] looks first). `Idempotency` as with accounts. The account must exist
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
    /// A failed request becomes a new pending one ([`Issuance::retried`](certmint_core::issuance::Issuance::retried)): attempts 0,
    /// error cleared, due now, lease free; the fence grows.
    async fn retry_request(&self, id: RequestId, now: Timestamp) -> Result<Request, StoreError>;
    /// Ids that are due, earliest first over all shards, at most `limit`.
    async fn due_requests(&self, now: Timestamp, limit: usize) -> Result<Vec<RequestId>, StoreError>;
    /// Takes the lease if it is free or over since `skew`; `None` if another holds it or nothing is due. The fence
    /// grows. The same call again finds its own lease.
    async fn claim_request(
        &self,
        id: RequestId,
        owner: &str,
        now: Timestamp,
        lease: std::time::Duration,
        skew: std::time::Duration,
    ) -> Result<Option<Request>, StoreError>;
    /// Writes state, status, error, wake time and lease if the stored fence is still `request.lease.fence`
    /// ([`StoreError::LeaseLost`] else). Counters change in the same transaction.
    async fn save_request(&self, request: &Request, now: Timestamp) -> Result<(), StoreError>;
    /// Takes a request that cannot be read out of the due index, so that it stops no batch.
    async fn quarantine_request(&self, id: RequestId, why: &str, now: Timestamp) -> Result<(), StoreError>;
}

/// Certificates and bindings.
#[async_trait]
pub trait CertificateStore: Send + Sync {
    /// Records it under the next id with its [first](certmint_core::renewal::recorded) renewal, unless its fingerprint is known:
    /// then that one is returned. `certificate.id` is ignored. The fence of the request that made it is checked in the
    /// same transaction; its renewals have that request's terms.
    async fn record_certificate(
        &self,
        certificate: Certificate,
        made_by: Option<&Request>,
    ) -> Result<Certificate, StoreError>;
    /// One certificate.
    async fn certificate(&self, id: CertificateId) -> Result<Certificate, StoreError>;
    /// A page, newest first.
    async fn certificates(
        &self,
        filter: &CertificateFilter,
        page: &PageRequest,
    ) -> Result<Page<Certificate>, StoreError>;
    /// Writes a binding; the same one twice is one. An active one needs a certificate that is not deleted, and makes
    /// the website's other one inactive; an inactive one must be there ([`StoreError::NotFound`]).
    ///
    /// One transaction with the certificate's count of websites, on condition that all is as it was read.
    async fn put_binding(&self, binding: &Binding, now: Timestamp) -> Result<(), StoreError>;
    /// A page of bindings, by certificate and website.
    async fn bindings(&self, filter: &BindingFilter, page: &PageRequest)
    -> Result<Page<Binding>, StoreError>;
}

/// The TXT ledger: which values we put in which RRset, for whom, until when.
#[async_trait]
pub trait ChallengeStore: Send + Sync {
    /// Writes intents before any zone changes. A value that exists (same name, same value) becomes wanted again.
    async fn put_txt(&self, records: &[TxtRecord]) -> Result<(), StoreError>;
    /// Writes down what the zone holds: each record's new status (`Removed` makes it unwanted too), if the record
    /// still is as it was read (`desired_state` and `updated_at`). One that changed meanwhile is left alone: whoever
    /// changed it brings the zone to that state next.
    async fn confirm_txt(&self, seen: &[(TxtRecord, TxtStatus)], now: Timestamp) -> Result<(), StoreError>;
    /// All values of one RRset that are not `removed`, read consistently.
    async fn txt_rrset(&self, fqdn: &Fqdn) -> Result<Vec<TxtRecord>, StoreError>;
    /// The values of one request that are not `removed`.
    async fn txt_of_request(&self, owner: RequestId) -> Result<Vec<TxtRecord>, StoreError>;
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

/// All of it.
pub trait Store:
    AccountStore
    + RequestStore
    + SingleFlight
    + CertificateStore
    + RenewalStore
    + CertificateRelations
    + ChallengeStore
    + ProviderHealth
    + RateLedger
    + AccountLifecycle
    + FallbackPolicy
    + AccountKeys
    + RequestLifecycle
    + CertificateLifecycle
    + ChoreStore
{
}

impl<T> Store for T where
    T: AccountStore
        + RequestStore
        + SingleFlight
        + CertificateStore
        + RenewalStore
        + CertificateRelations
        + ChallengeStore
        + ProviderHealth
        + RateLedger
        + AccountLifecycle
        + FallbackPolicy
        + AccountKeys
        + RequestLifecycle
        + CertificateLifecycle
        + ChoreStore
{
}
