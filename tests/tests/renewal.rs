//! Renewals, from the HTTP call or the passing of time to the certificate in its place.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "renewal/key_reuse.rs"]
mod key_reuse;
#[path = "renewal/settings.rs"]
mod settings;
#[path = "renewal/steps.rs"]
mod steps;

use std::time::Duration;

use certmint_tests::faults::{Call, Fault, Operation};
use serde_json::{Value, json};

use self::steps::{
    DAY, HOUR, call, calm, certificate, ends, issued, issued_with, issued_without_ari, nothing_after, now,
    order, orders, pass, renewed_after, requests, suggest,
};

#[tokio::test]
async fn a_trigger_renews_in_place_and_says_what_it_replaces() {
    let (journey, rules) = issued(Some("classic")).await;
    let first = certificate(&journey).await;
    assert_eq!(
        (&first["renewMode"], &first["version"], &first["renewing"]),
        (&json!("auto"), &json!(1), &json!(false))
    );
    assert!(first["renewAt"].is_string(), "{first}");
    // The CA stumbles once: meanwhile it is being renewed.
    rules.add(
        Operation::NewOrder,
        0,
        1,
        Fault::problem(500, "serverInternal", &[]),
    );
    let triggered = call(&journey, "trigger").await.data();
    assert_eq!(triggered, json!({"requestId": 2}));
    call(&journey, "trigger").await.refused(409, 3003, "request 2");
    pass(&journey).await;
    let busy = certificate(&journey).await;
    assert_eq!(
        (&busy["renewing"], &busy["renewalRequestId"]),
        (&json!(true), &json!(2))
    );

    let renewed = renewed_after(&journey, Duration::from_secs(120)).await;
    assert_eq!((&renewed["id"], &renewed["requestId"]), (&json!(1), &json!(2)));
    assert_eq!(renewed["createdAt"], first["createdAt"]);
    for changed in ["fingerprint", "serial", "certificatePem"] {
        assert_ne!(renewed[changed], first[changed], "{changed}");
    }
    assert_eq!(
        (&renewed["renewing"], &renewed["lastError"]),
        (&json!(false), &Value::Null)
    );
    let asked = orders(&rules);
    assert_eq!(asked[0]["replaces"], Value::Null);
    let replaces = asked.last().unwrap()["replaces"].as_str().unwrap();
    assert_eq!(replaces.split('.').count(), 2, "{replaces}");
    let logs = journey.stack.logs.all();
    assert!(
        logs.iter().any(|line| line.contains("is a replacement of")),
        "the CA says so"
    );

    let versions = journey.client.get("/certificates/1/versions").await.data();
    assert_eq!(versions["total"], 2);
    let [new, old] = [0, 1].map(|n| versions["list"][n].clone());
    assert_eq!((&new["version"], &new["current"]), (&json!(2), &json!(true)));
    assert_eq!(
        (&old["version"], &old["fingerprint"]),
        (&json!(1), &first["fingerprint"])
    );
    ends(journey).await;
}

#[tokio::test]
async fn without_a_word_of_the_ca_a_third_of_its_life_is_left() {
    let (journey, rules) = issued_without_ari(Some("classic")).await;
    nothing_after(&journey, 59 * DAY).await;
    let renewed = renewed_after(&journey, 7 * DAY).await;
    assert_eq!(renewed["renewalWindow"], Value::Null);
    assert_eq!(orders(&rules).last().unwrap()["replaces"], Value::Null);
    assert!(rules.seen(Operation::RenewalInfo).is_empty());
    ends(journey).await;
}

#[tokio::test]
async fn the_window_of_the_ca_is_kept_to() {
    let (journey, rules) = issued(Some("classic")).await;
    let (start, end) = (now().plus(10 * DAY), now().plus(11 * DAY));
    suggest(&rules, start, end);
    nothing_after(&journey, HOUR).await;
    let told = certificate(&journey).await;
    assert_eq!(
        told["renewalWindow"],
        json!({"start": start.to_string(), "end": end.to_string()})
    );
    assert_eq!(told["renewalExplanationUrl"], "https://ca.test/incident");
    let at = told["renewAt"].as_str().unwrap().to_owned();
    assert!(start.to_string() <= at && at <= end.to_string(), "{at}");
    nothing_after(&journey, 9 * DAY).await;
    assert_eq!(certificate(&journey).await["renewAt"], at.as_str(), "drawn once");
    renewed_after(&journey, 2 * DAY).await;
    assert!(orders(&rules).last().unwrap()["replaces"].is_string());
    ends(journey).await;
}

#[tokio::test]
async fn a_window_in_the_past_renews_at_once() {
    let (journey, rules) = issued(Some("classic")).await;
    nothing_after(&journey, HOUR).await;
    let pebbles = certificate(&journey).await["renewalWindow"].clone();
    assert!(pebbles["start"].is_string(), "the CA's own: {pebbles}");
    // The CA found out that it must revoke.
    suggest(&rules, now().minus(2 * HOUR), now().minus(HOUR));
    renewed_after(&journey, 12 * HOUR).await;
    assert!(orders(&rules).last().unwrap()["replaces"].is_string());
    ends(journey).await;
}

#[tokio::test]
async fn a_ca_that_stumbles_over_what_is_replaced_gets_an_order_without_it() {
    let (journey, rules) = issued(Some("classic")).await;
    let stumbles = |call: &Call| call.operation == Operation::NewOrder && order(call)["replaces"].is_string();
    let fault = Fault::problem(500, "serverInternal", &[]);
    let hits = rules.add_matching(stumbles, 0, usize::MAX, fault);
    let started = call(&journey, "trigger").await.data();
    let done = journey.in_time(started["requestId"].as_u64().unwrap()).await;
    assert_eq!((&done["status"], hits.count()), (&json!("success"), 3), "{done}");
    assert_eq!(certificate(&journey).await["version"], 2);
    assert_eq!(orders(&rules).last().unwrap()["replaces"], Value::Null);
    ends(journey).await;
}

#[tokio::test]
async fn switched_off_nothing_is_renewed_and_switched_on_it_is() {
    let (journey, _) = issued_without_ari(Some("classic")).await;
    let off = call(&journey, "disable-auto").await.data();
    assert_eq!(
        (&off["certificateId"], &off["renewMode"]),
        (&json!(1), &json!("manual"))
    );
    assert_eq!(
        call(&journey, "disable-auto").await.data(),
        off,
        "a repeat changes nothing"
    );
    assert_eq!(certificate(&journey).await["renewMode"], "manual");
    nothing_after(&journey, 80 * DAY).await;
    let on = call(&journey, "enable-auto").await.data();
    assert_eq!(on["renewMode"], "auto");
    renewed_after(&journey, HOUR).await;
    ends(journey).await;
}

#[tokio::test]
async fn a_conflict_over_what_is_replaced_is_survived() {
    let (journey, rules) = issued(Some("classic")).await;
    rules.add(
        Operation::NewOrder,
        0,
        1,
        Fault::problem(409, "alreadyReplaced", &[]),
    );
    assert_eq!(call(&journey, "trigger").await.data()["requestId"], 2);
    let request = journey.until(2, "success").await;
    assert_eq!(request["attempts"], 1, "{request}");
    let asked = orders(&rules);
    assert_eq!(asked.len(), 3, "the first, the refused, the plain one");
    assert!(asked[1]["replaces"].is_string() && asked[2]["replaces"].is_null());
    assert_eq!(certificate(&journey).await["version"], 2);
    ends(journey).await;
}

#[tokio::test]
async fn six_days_are_renewed_at_their_half_in_the_same_profile() {
    let (journey, rules) = issued_without_ari(Some("shortlived")).await;
    assert_eq!(certificate(&journey).await["profile"], "shortlived");
    nothing_after(&journey, 3 * DAY - 2 * HOUR).await;
    let renewed = renewed_after(&journey, 12 * HOUR).await;
    assert_eq!(renewed["profile"], "shortlived");
    let asked = orders(&rules);
    assert!(asked.len() == 2 && asked.iter().all(|order| order["profile"] == "shortlived"));
    ends(journey).await;
}

#[tokio::test]
async fn a_profile_that_the_ca_has_not_is_refused_with_those_it_has() {
    let (journey, rules) = issued(Some("classic")).await;
    let id = journey.request_in(1, &["www.example.com"], Some("eternal")).await;
    let failed = journey.until(id, "failed").await;
    let error = failed["last_error"].as_str().unwrap();
    assert!(
        error.ends_with("the CA has no profile eternal; it has classic, shortlived, tlsserver"),
        "{error}"
    );
    assert_eq!(orders(&rules).len(), 1, "the CA was not asked");
    let body = r#"{"accountId":1,"domains":["example.com"],"profile":"no such"}"#;
    let refused = journey.client.post("/acme/certificate/request", body).await;
    refused.refused(400, 2003, "profile");
    ends(journey).await;
}

#[tokio::test]
async fn two_workers_make_one_renewal() {
    let two = certmint_stack::Options { workers: 2, ..calm() };
    let (journey, _) = issued_with(two, Some("classic"), |rules| {
        suggest(rules, now().minus(2 * HOUR), now())
    })
    .await;
    journey.later(HOUR).await;
    let (one, other) = tokio::join!(pass(&journey), pass(&journey));
    let begun = |report: Value| report["renewals"].as_u64().unwrap();
    assert_eq!(begun(one) + begun(other), 1);
    assert_eq!(requests(&journey).await, 2);
    renewed_after(&journey, Duration::ZERO).await;
    ends(journey).await;
}

#[tokio::test]
async fn candidates_and_what_cannot_be_renewed() {
    let (journey, _) = issued(Some("shortlived")).await;
    let list = |query: &str| {
        let path = format!("/certificates/renewal/candidates{query}");
        let client = &journey.client;
        async move { client.get(&path).await }
    };
    let found = list("").await.data();
    assert_eq!(found["total"], 1, "{found}");
    let row = &found["list"][0];
    let certificate = certificate(&journey).await;
    for same in [
        "id",
        "status",
        "expireAt",
        "issueAt",
        "source",
        "renewMode",
        "acmeAccountId",
    ] {
        assert_eq!(row[same], certificate[same], "{same}");
    }
    assert_eq!(
        (&row["name"], &row["domains"]),
        (&json!("example.com"), &json!(["example.com"]))
    );
    assert_eq!(
        (&row["renewing"], &row["lastError"]),
        (&json!(false), &Value::Null)
    );
    for (query, total) in [
        ("?renewBeforeDays=5", 0),
        ("?status=expired", 0),
        ("?status=issued", 1),
    ] {
        assert_eq!(list(query).await.data()["total"], total, "{query}");
    }
    list("?renewBeforeDays=soon")
        .await
        .refused(400, 2002, "renewBeforeDays");
    list("?renewBeforeDays=4000")
        .await
        .refused(400, 2003, "renewBeforeDays");
    for name in ["trigger", "disable-auto", "enable-auto"] {
        let post = |body| {
            let path = format!("/certificates/renewal/{name}");
            let client = &journey.client;
            async move { client.post(&path, body).await }
        };
        post(r#"{"certificateId":9}"#)
            .await
            .refused(404, 3001, "certificate 9");
        post("{}").await.refused(400, 2001, "certificateId");
        post(r#"{"certificateId":1,"x":1}"#).await.refused(400, 2002, "x");
    }
    let versions = journey.client.get("/certificates/9/versions").await;
    versions.refused(404, 3001, "certificate 9");
    ends(journey).await;
}
