//! What a worker tells the rate ledger of an order that did not come to a certificate.

use async_trait::async_trait;

use super::*;
use crate::store::StoreError;
use certmint_core::{
    issuance::{NewRequest, Order, OrderStage, Phase},
    provider::{Limit, Limits},
    words::{AccountId, Cause, CertificateId, NameSet, ProviderId, RequestId, Stage},
};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A ledger that notes what it is told.
#[derive(Default)]
struct Told(std::sync::Mutex<Vec<String>>);

impl Told {
    fn note(&self, told: String) -> Result<(), StoreError> {
        self.0.lock().expect("no test panics under the lock").push(told);
        Ok(())
    }

    fn all(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no test panics under the lock"))
    }
}

#[async_trait]
impl RateLedger for Told {
    async fn arrivals(&self, _: &[RateKey]) -> Result<HashMap<RateKey, Timestamp>, StoreError> {
        Ok(HashMap::new())
    }

    async fn reserve(
        &self,
        id: &str,
        _: &[Bucket],
        _: &[Bucket],
        _: Timestamp,
    ) -> Result<Reserved, StoreError> {
        self.note(format!("reserve {id}")).map(|()| Reserved::Taken)
    }

    async fn count(&self, id: &str, _: &[Bucket], _: Timestamp) -> Result<(), StoreError> {
        self.note(format!("count {id}"))
    }

    async fn give_back(
        &self,
        id: &str,
        spend: &[Bucket],
        what: GiveBack,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        self.note(format!("give back {what:?} of {id} in {} buckets", spend.len()))
    }

    async fn close(&self, bucket: &Bucket, until: Timestamp) -> Result<(), StoreError> {
        self.note(format!("close {bucket} for {}", until.since(NOW).as_secs()))
    }
}

fn provider() -> Provider {
    Provider {
        limits: Limits {
            new_orders: Limit::new(10, 3600),
            duplicate_certificates: Limit::new(5, 3600),
            ..Limits::NONE
        },
        ..Provider::new(ProviderId::new(1), "ca", "https://ca.test/dir")
    }
}

/// Request 5 with its third order.
fn request(phase: Phase) -> Request {
    let names = NameSet::parse(&["example.com"]).expect("names");
    let new = NewRequest::new(AccountId::new(1), names);
    let mut request = Request::pending(RequestId::new(5), new, 10, NOW);
    request.issuance.orders = if phase == Phase::Queued { 2 } else { 3 };
    request.issuance.phase = phase;
    request
}

fn at(stage: OrderStage) -> Phase {
    let url = "https://ca.test/order/1".into();
    Phase::Ordered(Order { url, stage })
}

fn failure(class: Class, kind: &str) -> Failure {
    Failure::new(class, Stage::Request, Cause::from(kind), "why")
}

const ACME: &str = "urn:ietf:params:acme:error:unauthorized";
const OURS: &str = "urn:certmint:crypto";

/// What certainly came to no certificate is given back, and no more than that.
#[tokio::test]
async fn an_order_that_came_to_nothing_gives_back_its_certificates_alone() {
    let key = || "key/1".to_owned();
    let (counted, back) = ("count 5-2-failed", "give back Certificates of 5-2 in 3 buckets");
    let limited = Class::RateLimited { not_before: None };
    let done = Phase::Done {
        certificate_id: CertificateId::new(1),
    };
    for (phase, class, kind, told) in [
        (
            at(OrderStage::Validating),
            Class::OrderLost,
            ACME,
            &[counted, back][..],
        ),
        (at(OrderStage::Created), Class::Permanent, ACME, &[counted, back]),
        (at(OrderStage::Ready), Class::OrderLost, ACME, &[counted, back]),
        (at(OrderStage::Validating), Class::Permanent, OURS, &[back]),
        (at(OrderStage::Ready), Class::OrderLost, OURS, &[back]),
        (Phase::Queued, Class::Permanent, ACME, &[back]),
        (at(OrderStage::Validating), Class::Transient, ACME, &[]),
        (at(OrderStage::Validating), limited, ACME, &[]),
        // The CSR may be with the CA, and a certificate may come of it.
        (
            at(OrderStage::KeyStored { key_ref: key() }),
            Class::OrderLost,
            ACME,
            &[],
        ),
        (
            at(OrderStage::KeyStored { key_ref: key() }),
            Class::Permanent,
            OURS,
            &[],
        ),
        (
            at(OrderStage::Finalizing { key_ref: key() }),
            Class::OrderLost,
            ACME,
            &[],
        ),
        (
            at(OrderStage::Finalizing { key_ref: key() }),
            Class::Permanent,
            ACME,
            &[],
        ),
        (done, Class::Permanent, ACME, &[]),
        (Phase::Failed, Class::Permanent, OURS, &[]),
    ] {
        let ledger = Arc::new(Told::default());
        let (limiter, request) = (Limiter::new(ledger.clone()), request(phase));
        let failure = failure(class, kind);
        limiter.settle_failed(&request, &provider(), &failure, NOW).await;
        assert_eq!(
            ledger.all(),
            told,
            "{:?} {class:?} {kind}",
            request.issuance.phase
        );
    }
}

#[tokio::test]
async fn a_failure_that_goes_on_gives_nothing_back_before_its_last_try() {
    let ledger = Arc::new(Told::default());
    let limiter = Limiter::new(ledger.clone());
    let mut request = request(at(OrderStage::Validating));
    for failures in 0..10 {
        request.issuance.failures = failures;
        let failure = failure(Class::Transient, OURS);
        limiter.settle_failed(&request, &provider(), &failure, NOW).await;
        assert_eq!(
            ledger.all().len(),
            usize::from(failures == 9),
            "{failures} failures"
        );
    }
}

/// What the CA refused for a limit it does not count, and what never reached it neither: all of it is given back. Of
/// another refusal an order may stand.
#[tokio::test]
async fn an_order_that_the_ca_does_not_count_gives_back_all() {
    let all = "give back All of 5-2 in 3 buckets";
    let limited = |seconds: Option<u64>| Class::RateLimited {
        not_before: seconds.map(|seconds| NOW.plus(Duration::from_secs(seconds))),
    };
    let rate_limited = "urn:ietf:params:acme:error:rateLimited";
    let orders = |seconds| format!("close 10 new orders in 1 hour for account 1 for {seconds}");
    for (class, kind, told) in [
        (limited(Some(90)), rate_limited, vec![all.to_owned(), orders(90)]),
        (limited(None), rate_limited, vec![all.to_owned(), orders(360)]),
        (
            Class::Transient,
            "urn:certmint:directoryUnreachable",
            vec![all.to_owned()],
        ),
        (Class::Transient, OURS, vec![]),
        (Class::Permanent, ACME, vec![]),
        (Class::OrderLost, ACME, vec![]),
    ] {
        let ledger = Arc::new(Told::default());
        let limiter = Limiter::new(ledger.clone());
        let mut failure = failure(class, kind);
        failure.problem.detail = "too many new orders from this account".into();
        let request = request(Phase::Queued);
        limiter.refused(&request, &provider(), failure, NOW).await;
        assert_eq!(ledger.all(), told, "{class:?} {kind}");
    }
}
