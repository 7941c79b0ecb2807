//! Values stay in the zone while the CA may look, whatever fails on our side, at AWS or at the CA: what is withdrawn
//! too early costs an authorization, one of five an hour.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use certmint_tests::{
    faults::{Fault, Operation},
    journey::{Journey, options},
};
use serde_json::json;

/// More than a call is repeated by itself.
const LASTS: usize = 6;

#[tokio::test]
async fn a_transient_failure_withdraws_nothing_and_costs_no_change_of_the_zone() {
    let unwell = || Fault::answer(503, &[("content-type", "application/problem+json")], "{}");
    let cases = [
        ("the order is not read", Operation::Order, unwell()),
        ("the authorization is not read", Operation::Challenge, unwell()),
        (
            "GetChange is throttled",
            Operation::GetChange,
            Fault::route53(400, "Throttling"),
        ),
    ];
    for (what, operation, fault) in cases {
        let (journey, rules) = Journey::with_faults(options()).await;
        let account = journey.account().await;
        let zones = journey.stack.aws.route53.clone();
        // From the moment that the value stands.
        let published = move |call: &certmint_tests::faults::Call| {
            call.operation == operation && zones.records().iter().any(|set| set.rtype == "TXT")
        };
        let met = rules.add_matching(published, 0, LASTS, fault);
        let id = journey.request(account, &["example.com"]).await;
        journey.work().await.unwrap();
        let waiting = journey.look(id).await;
        assert_eq!(waiting["status"], "running", "{what}: {waiting}");
        assert!(met.count() > 0, "{what}");
        assert!(!journey.txt_values().is_empty(), "{what}: the value stays");
        rules.clear();
        journey.later(Duration::from_secs(10 * 60)).await;
        let request = journey.in_time(id).await;
        assert_eq!(
            (&request["status"], &request["attempts"]),
            (&json!("success"), &json!(1)),
            "{what}: {request}"
        );
        let changes = rules.seen(Operation::ChangeResourceRecordSets).len();
        assert_eq!(changes, 2, "{what}: in once, out once");
        journey.ends_well(id).await;
    }
}
