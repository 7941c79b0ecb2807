//! A store whose calls fail when a test says so; else it is the one behind it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use certmint_core::{
    certificate::Certificate,
    challenge::{DesiredState, TxtRecord, TxtStatus},
    chore::StoredChore,
    issuance::{NewRequest, OrderOwner, Request, RequestStatus},
    renewal::Renewal,
    words::{CertificateId, Fqdn, Page, PageRequest, RequestId, Timestamp},
};
use certmint_shared::store::{
    ChallengeStore, ChoreStore, Claim, DueRequests, EndingFilter, Heartbeat, Heartbeats, Idempotency,
    RenewalStore, RequestFilter, RequestStore, StoreError, TxtLedger,
};

/// Fails those of its calls that a test names.
pub struct Failing<S> {
    store: Arc<S>,
    rules: Mutex<HashMap<&'static str, Rule>>,
}

/// Whether a call fails, by its number (from 1) and its arguments as text.
type Rule = (usize, Box<dyn Fn(usize, &str) -> bool + Send>);

impl<S> Failing<S> {
    /// Nothing fails yet.
    #[must_use]
    pub fn new(store: Arc<S>) -> Self {
        Self {
            store,
            rules: Mutex::default(),
        }
    }

    /// This method fails where `rule` says so, by the number of the call and its arguments as text.
    pub fn fail(&self, method: &'static str, rule: impl Fn(usize, &str) -> bool + Send + 'static) {
        let mut rules = self.rules.lock().expect("no test panicked here");
        rules.insert(method, (0, Box::new(rule)));
    }

    /// How often a method with a rule was called.
    #[must_use]
    pub fn calls(&self, method: &str) -> usize {
        let rules = self.rules.lock().expect("no test panicked here");
        rules.get(method).map_or(0, |(calls, _)| *calls)
    }

    fn pass(&self, operation: &'static str, arguments: &str) -> Result<(), StoreError> {
        let mut rules = self.rules.lock().expect("no test panicked here");
        let Some((calls, rule)) = rules.get_mut(operation) else {
            return Ok(());
        };
        *calls += 1;
        match rule(*calls, arguments) {
            true => Err(StoreError::Unavailable {
                operation,
                message: "told to fail".into(),
            }),
            false => Ok(()),
        }
    }
}

macro_rules! behind {
    ($trait:ident: $($method:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl<S: $trait> $trait for Failing<S> {
            $(async fn $method(&self, $($argument: $type),*) -> Result<$answer, StoreError> {
                self.pass(stringify!($method), &format!("{:?}", ($(&$argument,)*)))?;
                self.store.$method($($argument),*).await
            })*
        }
    };
}

behind! { RequestStore:
    create_request(new: NewRequest, attempts: u32, key: Option<Idempotency>, now: Timestamp) -> Request;
    request(id: RequestId) -> Request;
    requests(filter: &RequestFilter, page: &PageRequest) -> Page<Request>;
    request_counts() -> [(RequestStatus, u64); 4];
    retry_request(id: RequestId, now: Timestamp) -> Request;
    due_requests(now: Timestamp, limit: usize) -> DueRequests;
    claim_request(id: RequestId, claim: &Claim<'_>) -> Option<Request>;
    save_request(request: &Request, now: Timestamp) -> ();
    order_owner(order_url: &str) -> Option<OrderOwner>;
    quarantine_request(id: RequestId, why: &str, now: Timestamp) -> ();
}

behind! { Heartbeats:
    beat(heartbeat: &Heartbeat) -> bool;
    heartbeats() -> Vec<Heartbeat>;
    bury(worker: &str, last: u64) -> bool;
}

behind! { RenewalStore:
    renewals(certificates: &[Certificate]) -> Vec<Renewal>;
    save_renewal(renewal: &Renewal) -> Renewal;
    due_renewals(now: Timestamp, limit: usize) -> Vec<CertificateId>;
    start_renewal(renewal: &Renewal, new: NewRequest, attempts: u32, now: Timestamp) -> Request;
    replace_certificate(certificate: Certificate, fence: (RequestId, u64)) -> Certificate;
    succeed_certificate(old: CertificateId, new: Certificate, fence: (RequestId, u64)) -> Certificate;
    certificate_versions(id: CertificateId) -> Vec<Certificate>;
    versions_page(id: CertificateId, page: &PageRequest, pem: bool) -> Page<Certificate>;
    ending(filter: &EndingFilter, page: &PageRequest) -> Page<Certificate>;
    requests_that_renew(ids: &[RequestId]) -> Vec<Request>;
    forget_renewal(id: CertificateId) -> ();
}

behind! { ChoreStore:
    due_chores(now: Timestamp, limit: usize) -> Vec<StoredChore>;
    take_chore(chore: &StoredChore, until: Timestamp) -> Option<StoredChore>;
    end_chore(chore: &StoredChore) -> ();
}

behind! { TxtLedger:
    put_txt(records: &[TxtRecord]) -> ();
    confirm_txt(seen: &[(TxtRecord, TxtStatus)], now: Timestamp) -> ();
    txt_rrset(fqdn: &Fqdn) -> Vec<TxtRecord>;
    txt_of_request(owner: RequestId) -> Vec<TxtRecord>;
}

behind! { ChallengeStore:
    due_txt(now: Timestamp, limit: usize, passed_over: &BTreeSet<String>) -> Vec<TxtRecord>;
    forget_txt(now: Timestamp, limit: usize) -> usize;
    txt_records(desired: Option<DesiredState>, page: &PageRequest) -> Page<TxtRecord>;
}
