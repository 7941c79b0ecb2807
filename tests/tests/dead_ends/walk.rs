//! Every cause that there is, with the state that it leaves behind; then what that state advises, against the API.

use std::time::Duration;

use certmint_core::{
    clock::Clock,
    issuance::{Event, NewRequest, next},
    words::{AccountId, AcmeError, Cause, Class, Failure, NameSet, Stage, Way},
};
use certmint_shared::{
    clock::SystemClock,
    store::{AccountStore, Claim, Heartbeat, Heartbeats, RequestStore, dynamo::DynamoStore},
};
use certmint_tests::{
    dynamo::store_at,
    journey::{Journey, options},
};
use serde_json::{Value, json};

use super::{GOOGLE, follow, post};

fn all_causes() -> Vec<Cause> {
    let ours = Cause::ALL_OURS.iter().cloned();
    let acme = AcmeError::ALL.iter().cloned().map(Cause::Acme);
    let others = [
        Cause::Other(String::new()),
        Cause::Other("https://ca.example/problems/7".into()),
        Cause::Acme(AcmeError::Other("unheardOf".into())),
    ];
    ours.chain(acme).chain(others).collect()
}

/// A request that ended with a cause, as the worker leaves it; and its account, if that is to blame.
async fn ended(store: &DynamoStore, account: u64, name: &str, cause: &Cause) -> u64 {
    let (account, now) = (AccountId::new(account), SystemClock.now());
    // Who has a lease lives.
    let pulse = Heartbeat {
        worker: "test".into(),
        beat: 1,
        at: now,
        within: Duration::ZERO,
    };
    store.beat(&pulse).await.unwrap();
    // A worker that an earlier call woke may be faster; it has a right request then, and another one is taken.
    let (id, mut request) = loop {
        let new = NewRequest::new(account, NameSet::parse(&[name]).unwrap());
        let id = store.create_request(new, 10, None, now).await.unwrap().id;
        let claimed = store
            .claim_request(
                id,
                &Claim::new("test", now, Duration::from_secs(60), Duration::ZERO),
            )
            .await;
        if let Some(request) = claimed.unwrap() {
            break (id, request);
        }
    };
    let failure = Failure::new(Class::Permanent, Stage::Request, cause.clone(), "injected");
    // A registration fails the account with whatever the CA says for good.
    let of_registration = cause.advice().way == Way::ChangeContact;
    if failure.blames_account(true) || of_registration {
        let read = store.account(account).await.unwrap();
        store
            .save_account(&read.failed(cause.clone(), "injected", now))
            .await
            .unwrap();
    }
    let step = next(&request.issuance, Event::Failed(failure), now, 1).unwrap();
    (request.issuance, request.status) = (step.state, step.status);
    (request.last_error, request.wake_at) = (step.error, step.wake_at);
    request.lease.owner = None;
    store.save_request(&request, now).await.unwrap();
    store.bury(&pulse.worker, pulse.beat).await.unwrap();
    id.get()
}

#[tokio::test]
async fn every_cause_has_a_way_out_and_advises_it() {
    let journey = Journey::start(options()).await;
    let store = store_at(&journey.stack.aws_endpoint());
    let plain = journey.account().await;
    let bound = journey.client.post("/acme/account/create", GOOGLE).await.id();
    for (account, name) in [(plain, "one.example.com"), (bound, "two.example.com")] {
        let id = journey.request(account, &[name]).await;
        journey.until(id, "success").await;
    }
    for (n, cause) in all_causes().into_iter().enumerate() {
        // A binding is asked for by the CA that needs one.
        let wants_binding = cause.acme() == Some(&AcmeError::ExternalAccountRequired);
        let (account, other) = if wants_binding {
            (bound, plain)
        } else {
            (plain, bound)
        };
        if cause == Cause::Account {
            post(&journey, "/acme/accounts/disable", &json!({"id": account})).await;
        }
        let id = ended(&store, account, &format!("c{n}.example.com"), &cause).await;
        let failed = journey.look(id).await;
        assert_eq!(failed["status"], "failed", "{cause}: {failed}");
        let advice = failed["advice"].as_str().unwrap_or_default();
        assert!(advice.contains("POST /acme/"), "{cause} advises a call: {failed}");
        if cause.advice().way.of_account().is_some() {
            post(&journey, "/acme/certificate/retry", &json!({"id": id})).await;
            let again = journey.until(id, "failed").await;
            assert_eq!(
                again["next_action"], failed["next_action"],
                "{cause}: a retry alone is none: {again}"
            );
        }
        let id = follow(&journey, &failed, other).await;
        let mended = journey.until(id, "success").await;
        assert_eq!(mended["advice"], Value::Null, "{cause}");
    }
    journey.stack.stop().await;
}
