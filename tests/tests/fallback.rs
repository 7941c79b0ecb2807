//! A request goes on with another account where its CA cannot be used: over HTTP, with two real CAs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use certmint_tests::{
    faults::{Fault, Operation, Rules},
    journey::{Journey, options, set_env},
};
use serde_json::{Value, json};

const MINUTE: Duration = Duration::from_secs(60);

/// Accounts 1 at `letsencrypt` and 2 at `google`.
async fn two_accounts() -> (Journey, Rules) {
    let (journey, rules) = Journey::with_faults(options()).await;
    journey.account().await;
    let bound = r#"{"providerName":"google","email":"ops@example.com","eabKid":"your_eab_kid_here","eabHmacKey":"your_eab_hmac_key_here"}"#;
    let id = journey.client.post("/acme/account/create", bound).await.id();
    assert_eq!(id, 2);
    (journey, rules)
}

async fn ask(journey: &Journey, names: &[&str], more: Value) -> u64 {
    let mut body = json!({"accountId": 1, "domains": names});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let answer = journey
        .client
        .post("/acme/certificate/request", &body.to_string())
        .await;
    answer.id()
}

/// The directory of a provider, by its place in the list.
async fn directory_of(journey: &Journey, index: usize) -> String {
    let providers = journey.client.get("/acme/providers").await.data();
    providers["list"][index]["directoryUrl"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The certificate of a request, and the request.
async fn issued(journey: &Journey, id: u64) -> (Value, Value) {
    let request = journey.until(id, "success").await;
    let path = format!("/certificates/{}", request["result_certificate_id"]);
    (journey.client.get(&path).await.data(), request)
}

fn limited() -> Fault {
    Fault::problem(429, "rateLimited", &[("retry-after", "7200")])
}

#[tokio::test]
async fn a_rate_limit_moves_a_request_and_its_renewal_starts_from_the_front() {
    let (journey, rules) = two_accounts().await;
    let hits = rules.add(Operation::NewOrder, 0, 1, limited());
    let id = ask(&journey, &["example.com"], json!({"fallbackAccountIds": [2]})).await;
    let (certificate, request) = issued(&journey, id).await;
    assert_eq!(hits.count(), 1);
    assert_eq!(
        (&certificate["acmeAccountId"], &certificate["provider"]),
        (&json!(2), &json!("google"))
    );
    assert_eq!(
        (&request["account_id"], &request["used_account_id"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(request["last_error"], Value::Null);
    let left = &request["accounts"][0];
    assert_eq!(
        (&left["account_id"], &left["state"]),
        (&json!(1), &json!("blocked"))
    );
    assert!(left["reason"].as_str().unwrap().contains("injected"), "{left}");
    assert!(
        (7000..=7201).contains(&journey.seconds_until(&left["not_before"])),
        "{left}"
    );
    assert_eq!(request["accounts"][1]["state"], "current");
    let history = request["history"].as_array().unwrap();
    assert!(
        history
            .iter()
            .any(|entry| entry["what"] == "goes on with account 2 of 2"),
        "{history:?}"
    );

    // Its renewal asks the first account, whose limit is over by then; a certificate of another account is not replaced.
    journey.work().await.unwrap();
    journey.later(MINUTE * 150).await;
    let trigger = json!({"certificateId": certificate["id"]}).to_string();
    let started = journey
        .client
        .post("/certificates/renewal/trigger", &trigger)
        .await
        .data();
    let (renewed, request) = issued(&journey, started["requestId"].as_u64().unwrap()).await;
    assert_eq!(
        (
            &renewed["version"],
            &renewed["acmeAccountId"],
            &renewed["provider"]
        ),
        (&json!(2), &json!(1), &json!("letsencrypt"))
    );
    assert_eq!(request["used_account_id"], 1);
    journey.clean().await;
    journey.until_clean().await;
    journey.end().await;
}

#[tokio::test]
async fn an_outage_of_more_than_ten_minutes_moves_a_request() {
    let (journey, rules) = two_accounts().await;
    let first = directory_of(&journey, 0).await;
    let away = move |call: &certmint_tests::faults::Call| {
        call.operation == Operation::Directory && first.contains(&call.host)
    };
    rules.add_matching(away, 0, usize::MAX, Fault::Reset);
    let id = ask(&journey, &["example.com"], json!({"fallbackAccountIds": [2]})).await;
    journey.work().await.unwrap();
    let request = journey.look(id).await;
    assert_eq!(
        (&request["status"], &request["used_account_id"]),
        (&json!("running"), &json!(1)),
        "{request}"
    );
    for _ in 0..12 {
        journey.later(MINUTE).await;
        journey.work().await.unwrap();
        if journey.look(id).await["status"] == "success" {
            break;
        }
    }
    let (certificate, request) = issued(&journey, id).await;
    assert_eq!(certificate["acmeAccountId"], 2);
    let why = request["accounts"][0]["reason"].as_str().unwrap();
    assert!(
        why.starts_with("provider letsencrypt cannot be reached since"),
        "{why}"
    );
    journey.ends_well(id).await;
}

#[tokio::test]
async fn a_caa_record_moves_a_request_at_once_and_leaves_no_value() {
    for step in [Operation::NewOrder, Operation::Challenge, Operation::Finalize] {
        let (journey, rules) = two_accounts().await;
        rules.add(step, 0, 1, Fault::problem(403, "caa", &[]));
        let id = ask(&journey, &["a.example.com"], json!({"fallbackAccountIds": [2]})).await;
        let (certificate, request) = issued(&journey, id).await;
        assert_eq!(certificate["acmeAccountId"], 2, "{step:?}");
        let left = &request["accounts"][0];
        assert_eq!(left["state"], "closed", "{left}");
        assert!(left["reason"].as_str().unwrap().contains("CAA record"), "{left}");
        journey.ends_well(id).await;
    }
}

#[tokio::test]
async fn the_default_list_serves_requests_that_bring_none() {
    let (journey, rules) = two_accounts().await;
    let client = &journey.client;
    let empty = client.get("/acme/accounts/fallback").await.data();
    assert_eq!(empty, json!({"accountIds": [], "updatedAt": null}));
    let chosen = client
        .post("/acme/accounts/fallback", r#"{"accountIds":[2]}"#)
        .await
        .data();
    assert_eq!(chosen["accountIds"], json!([2]));
    let kept = client.post("/acme/accounts/delete", r#"{"id":2}"#).await;
    kept.refused(409, 3003, "default list");

    rules.add(Operation::NewOrder, 0, 1, limited());
    let without = ask(&journey, &["a.example.com"], json!({"fallbackAccountIds": []})).await;
    journey.work().await.unwrap();
    assert_eq!(journey.look(without).await["used_account_id"], 1);
    // The ledger knows by now: the first CA is not asked again.
    let with = ask(&journey, &["b.example.com"], json!({})).await;
    let (certificate, _) = issued(&journey, with).await;
    assert_eq!(certificate["acmeAccountId"], 2);
    journey.end().await;
}

#[tokio::test]
async fn an_account_that_was_switched_off_or_lacks_the_profile_is_passed_over() {
    let (journey, rules) = two_accounts().await;
    // Nothing is tried before the account is off.
    set_env(&journey.stack.worker, "ACME_WORKER_ENABLED", "false").await;
    let id = ask(&journey, &["a.example.com"], json!({"fallbackAccountIds": [2]})).await;
    assert_eq!(
        journey
            .client
            .post("/acme/accounts/disable", r#"{"id":1}"#)
            .await
            .status,
        200
    );
    set_env(&journey.stack.worker, "ACME_WORKER_ENABLED", "true").await;
    journey.work().await.unwrap();
    let (_, request) = issued(&journey, id).await;
    let left = &request["accounts"][0];
    assert_eq!(
        (&left["state"], &request["used_account_id"]),
        (&json!("closed"), &json!(2))
    );
    assert!(
        left["reason"].as_str().unwrap().contains("account 1 is disabled"),
        "{left}"
    );

    // The second CA has no such profile: nobody is left but the first, whose limit ends.
    assert_eq!(
        journey
            .client
            .post("/acme/accounts/enable", r#"{"id":1}"#)
            .await
            .status,
        200
    );
    let second = directory_of(&journey, 1).await;
    let no_profiles = move |call: &certmint_tests::faults::Call| {
        call.operation == Operation::Directory && second.contains(&call.host)
    };
    let bare = |body: &[u8]| {
        let mut directory: Value = serde_json::from_slice(body).unwrap();
        directory["meta"]["profiles"] = json!({});
        directory.to_string().into_bytes()
    };
    rules.add_matching(
        no_profiles,
        0,
        usize::MAX,
        Fault::Rewrite(std::sync::Arc::new(bare)),
    );
    rules.add(Operation::NewOrder, 0, 1, limited());
    // A worker that has not met the second CA yet.
    journey.later(MINUTE).await;
    let more = json!({"fallbackAccountIds": [2], "profile": "shortlived"});
    let id = ask(&journey, &["b.example.com"], more).await;
    journey.work().await.unwrap();
    let request = journey.look(id).await;
    assert_eq!(
        (
            &request["status"],
            &request["used_account_id"],
            &request["accounts"][1]["state"]
        ),
        (&json!("running"), &json!(1), &json!("closed")),
        "{request}"
    );
    let request = journey.in_time(id).await;
    assert_eq!(
        (&request["status"], &request["used_account_id"]),
        (&json!("success"), &json!(1))
    );
    journey.end().await;
}

#[tokio::test]
async fn lists_that_make_no_sense_are_refused() {
    let (journey, _) = two_accounts().await;
    let client = &journey.client;
    for (list, status, code, word) in [
        ("[1]", 400, 2003, "accountId itself"),
        ("[2,2]", 400, 2003, "twice"),
        ("[2,3,4,5,6,7]", 400, 2003, "at most 5"),
        ("[9]", 404, 3001, "account 9"),
        ("[0]", 400, 2002, "positive integers"),
        ("[\"2\"]", 400, 2002, "positive integers"),
        ("2", 400, 2002, "positive integers"),
    ] {
        let body = format!(r#"{{"accountId":1,"domains":["example.com"],"fallbackAccountIds":{list}}}"#);
        let answer = client.post("/acme/certificate/request", &body).await;
        answer.refused(status, code, word);
    }
    assert_eq!(
        client.post("/acme/accounts/disable", r#"{"id":2}"#).await.status,
        200
    );
    let body = r#"{"accountId":1,"domains":["example.com"],"fallbackAccountIds":[2]}"#;
    let off = client.post("/acme/certificate/request", body).await;
    off.refused(409, 3003, "disabled");
    assert_eq!(client.get("/acme/certificate/requests").await.data()["total"], 0);
    client
        .post("/acme/accounts/fallback", "{}")
        .await
        .refused(400, 2001, "accountIds");
    client
        .post("/acme/accounts/fallback", r#"{"accountIds":[2]}"#)
        .await
        .refused(409, 3003, "disabled");
    journey.end().await;
}
