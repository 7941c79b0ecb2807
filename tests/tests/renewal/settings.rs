//! Renewals that make a new certificate.

use std::sync::Arc;

use certmint_tests::{
    faults::{Fault, Operation},
    journey::Journey,
};
use serde_json::{Value, json};

use super::steps::{DAY, calm, ends_with, issued_as, key_of, look, orders, pass, renew, without_ari};

async fn change(journey: &Journey, settings: Value) -> Value {
    let body = settings.to_string();
    let answer = journey.client.post("/certificates/renewal/settings", &body).await;
    answer.data()
}

#[tokio::test]
async fn a_new_certificate_succeeds_the_old_one_and_is_renewed_from_then_on() {
    let (journey, rules) = issued_as(calm(), json!({"profile": "classic"}), |_| {}).await;
    let client = &journey.client;
    let bound = client.post("/certificates/1/bind", r#"{"websiteId":7}"#).await;
    assert_eq!(bound.status, 200);
    let set = change(
        &journey,
        json!({"certificateId": 1, "renewAs": "new", "reuseKey": true}),
    )
    .await;
    assert_eq!(
        (&set["renewAs"], &set["reuseKey"], &set["renewMode"]),
        (&json!("new"), &json!(true), &json!("auto"))
    );
    let request = renew(&journey, 1).await;
    assert_eq!(
        (
            &request["renews"],
            &request["renew_as"],
            &request["result_certificate_id"]
        ),
        (&json!(1), &json!("new"), &json!(2))
    );
    assert!(orders(&rules).last().unwrap()["replaces"].is_string());
    let (old, new) = (look(&journey, 1).await, look(&journey, 2).await);
    assert_eq!(
        (&old["renewedBy"], &old["version"], &old["renewAt"]),
        (&json!(2), &json!(1), &Value::Null)
    );
    let reason = old["renewalReason"].as_str().unwrap();
    assert!(reason.contains("renewed as certificate 2"), "{reason}");
    assert_eq!(
        (
            &new["renewalOf"],
            &new["version"],
            &new["renewAs"],
            &new["reuseKey"],
            &new["renewMode"]
        ),
        (&json!(1), &json!(1), &json!("new"), &json!(true), &json!("auto"))
    );
    assert_eq!(
        (&new["renewedBy"], &new["renewalReason"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(key_of(&old), key_of(&new));
    let bindings = client.get("/certificates/bindings?status=active").await.data();
    assert_eq!(
        bindings["list"],
        json!([{"certificateId": 1, "websiteId": 7, "status": "active"}])
    );
    for call in ["trigger", "settings", "enable-auto", "disable-auto"] {
        let body = match call {
            "settings" => r#"{"certificateId":1,"reuseKey":false}"#,
            _ => r#"{"certificateId":1}"#,
        };
        let refused = client.post(&format!("/certificates/renewal/{call}"), body).await;
        refused.refused(409, 3003, "certificate 2");
    }
    ends_with(journey, 2).await;
}

#[tokio::test]
async fn by_itself_only_the_successor_is_renewed() {
    let (journey, _) = issued_as(
        calm(),
        json!({"renewAs": "new", "profile": "classic"}),
        without_ari,
    )
    .await;
    // The CA stands still: what it makes now is due again after a look.
    for (request, time) in [(2, 67 * DAY), (3, DAY)] {
        journey.later(time).await;
        pass(&journey).await;
        let done = journey.in_time(request).await;
        assert_eq!(
            (&done["status"], &done["result_certificate_id"]),
            (&json!("success"), &json!(request))
        );
        pass(&journey).await;
    }
    let of = |n: u64| look(&journey, n);
    let (first, second, third) = (of(1).await, of(2).await, of(3).await);
    assert_eq!(
        (&first["renewedBy"], &second["renewedBy"], &third["renewedBy"]),
        (&json!(2), &json!(3), &Value::Null)
    );
    assert_ne!(key_of(&first), key_of(&second));
    let requests = journey.client.get("/acme/certificate/requests").await.data();
    assert_eq!(requests["total"], 3, "each was renewed once");
    let ending = journey
        .client
        .get("/certificates/renewal/candidates?renewBeforeDays=400")
        .await
        .data();
    let shown: Vec<_> = ending["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["id"].clone(), row["renewedBy"].clone()))
        .collect();
    assert!(
        shown.contains(&(json!(1), json!(2))) && shown.contains(&(json!(3), Value::Null)),
        "{ending}"
    );
    ends_with(journey, 3).await;
}

#[tokio::test]
async fn a_worker_that_dies_around_the_record_of_a_successor_leaves_one() {
    for after in [false, true] {
        let (journey, rules) = issued_as(
            calm(),
            json!({"renewAs": "new", "reuseKey": true, "profile": "classic"}),
            |_| {},
        )
        .await;
        let worker = journey.stack.worker.clone();
        let kill = Arc::new(move || worker.kill());
        let fault = if after {
            Fault::After(kill)
        } else {
            Fault::Before(kill)
        };
        let records = |call: &certmint_tests::faults::Call| {
            let body = String::from_utf8_lossy(&call.body);
            call.operation == Operation::TransactWriteItems && body.contains("succeeded_by")
        };
        let hits = rules.add_matching(records, 0, 1, fault);
        let done = renew(&journey, 1).await;
        assert_eq!(hits.count(), 1, "the worker was not killed");
        assert_eq!(
            done["result_certificate_id"],
            look(&journey, 1).await["renewedBy"]
        );
        let new = look(&journey, done["result_certificate_id"].as_u64().unwrap()).await;
        assert_eq!((&new["renewalOf"], &new["requestId"]), (&json!(1), &json!(2)));
        assert_eq!(orders(&rules).len(), 2, "ordered once");
        ends_with(journey, 2).await;
    }
}
