//! A stack whose CA reuses orders.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use certmint_core::x509::certificate::key_id_of;
use certmint_tests::{
    faults::{Call, Fault, Hits, Operation, Reused, Rules},
    journey::{Journey, eventually, options},
};
use serde_json::Value;

pub(super) const DUAL: &str = r#"{"accountId":1,"domains":["dual.example.com"],"keyAlgorithm":"ecdsa-p256"}"#;
pub(super) const DUAL_RSA: &str =
    r#"{"accountId":1,"domains":["dual.example.com"],"keyAlgorithm":"rsa-2048"}"#;

pub(super) struct Shared {
    pub(super) journey: Journey,
    pub(super) rules: Rules,
    /// Whether its faults happen.
    ill: Arc<AtomicBool>,
}

impl Shared {
    pub(super) async fn new(until: Reused) -> Self {
        let (journey, rules) = Journey::with_faults(options()).await;
        assert_eq!(journey.account().await, 1);
        rules.reuse_orders(until);
        let ill = Arc::new(AtomicBool::new(true));
        Self { journey, rules, ill }
    }

    /// Orders stay pending until [`Shared::well`].
    pub(super) async fn pending() -> Self {
        let world = Self::new(Reused::WhileOpen).await;
        world.lag();
        world
    }

    /// What a call but the first `skip` meets until [`Shared::well`].
    pub(super) fn fault(&self, operation: Operation, skip: usize, fault: Fault) -> Hits {
        let ill = self.ill.clone();
        let meets = move |call: &Call| ill.load(Ordering::SeqCst) && call.operation == operation;
        self.rules.add_matching(meets, skip, usize::MAX, fault)
    }

    /// Route53 does not say that it is in sync.
    pub(super) fn lag(&self) {
        self.fault(Operation::GetChange, 0, Fault::route53(400, "Throttling"));
    }

    /// Ends what delays.
    pub(super) fn well(&self) {
        self.ill.store(false, Ordering::SeqCst);
    }

    pub(super) async fn ask(&self, body: &str) -> u64 {
        self.journey
            .client
            .post("/acme/certificate/request", body)
            .await
            .id()
    }

    /// The same, until it has an order that stays pending.
    pub(super) async fn order(&self, body: &str) -> u64 {
        let id = self.ask(body).await;
        self.until_phase(id, "published").await;
        id
    }

    pub(super) async fn post(&self, path: &str, body: &str) -> Value {
        self.journey.client.post(path, body).await.data()
    }

    pub(super) async fn until_phase(&self, id: u64, phase: &str) -> Value {
        eventually(&format!("request {id} is {phase}"), || async {
            let request = self.journey.look(id).await;
            (request["phase"] == phase).then_some(request)
        })
        .await
    }

    /// The request is on hold, and says for what.
    pub(super) async fn waits_for_an_order(&self, id: u64) -> Value {
        eventually(&format!("request {id} waits for an order"), || async {
            let request = self.journey.look(id).await;
            assert_ne!(request["status"], "failed", "{request}");
            let reason = request["reason"].as_str().unwrap().to_owned();
            (reason.contains("the CA answers with order") && request["not_before"] != Value::Null)
                .then_some(request)
        })
        .await
    }

    /// The certificates of requests, once all have succeeded.
    pub(super) async fn certificates(&self, ids: &[u64]) -> Vec<u64> {
        let mut all = vec![];
        for id in ids {
            let request = self.journey.in_time(*id).await;
            assert_eq!(request["status"], "success", "{request}");
            assert_eq!(request["attempts"], 1, "one order each: {request}");
            all.push(request["result_certificate_id"].as_u64().unwrap());
        }
        all
    }

    /// One certificate for each, each with its own key, and nothing left anywhere.
    pub(super) async fn each_succeeds(&self, ids: &[u64]) {
        let certificates = self.certificates(ids).await;
        let mut keys = BTreeSet::new();
        for certificate in &certificates {
            let path = format!("/certificates/{certificate}");
            let shown = self.journey.client.get(&path).await.data();
            keys.insert(key_id_of(shown["certificatePem"].as_str().unwrap()).unwrap());
        }
        assert_eq!(
            keys.len(),
            ids.len(),
            "two certificates share a key: {certificates:?}"
        );
        self.journey.clean().await;
        self.journey.until_clean().await;
    }
}
