//! Requests that fail for what they ask for: what is advised is what the world wants.

use certmint_tests::{
    faults::{Fault, Operation},
    journey::{Journey, eventually, options},
};
use serde_json::{Value, json};

use super::{GOOGLE, follow, post};

/// The request, once it failed and its values are out of the zone: until then that is what comes next.
async fn failed_and_clean(journey: &Journey, id: u64) -> Value {
    journey.until(id, "failed").await;
    eventually("nothing is owed", || async {
        let request = journey.look(id).await;
        (request["next_action"] != "remove_txt").then_some(request)
    })
    .await
}

/// What the CA has not, or will not certify, it goes on refusing.
#[tokio::test]
async fn a_retry_of_the_same_does_not_help_and_what_is_advised_does() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let of = journey.account().await;
    let elsewhere = journey.client.post("/acme/account/create", GOOGLE).await.id();
    let nowhere = json!({"accountId": of, "domains": ["www.nowhere.example"]});
    let profile = json!({"accountId": of, "domains": ["one.example.com"], "profile": "none"});
    let rejected = json!({"accountId": of, "domains": ["two.example.com"]});
    for (body, way, kind) in [
        (profile, "request_anew", None),
        (nowhere, "request_anew", None),
        (rejected.clone(), "request_elsewhere", Some("rejectedIdentifier")),
        (rejected, "request_elsewhere", Some("unsupportedIdentifier")),
    ] {
        if let Some(kind) = kind {
            // Both tries at this CA.
            rules.add(Operation::NewOrder, 0, 2, Fault::problem(400, kind, &[]));
        }
        let id = post(&journey, "/acme/certificate/request", &body).await["id"]
            .as_u64()
            .unwrap();
        let failed = failed_and_clean(&journey, id).await;
        assert_eq!(failed["next_action"], way, "{failed}");
        post(&journey, "/acme/certificate/retry", &json!({"id": id})).await;
        let again = failed_and_clean(&journey, id).await;
        assert_eq!(again["next_action"], way, "a retry alone does not help: {again}");
        let id = follow(&journey, &again, elsewhere).await;
        journey.until(id, "success").await;
    }
    journey.end().await;
}
