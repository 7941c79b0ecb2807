//! The CA's faults, on the wire between the real functions and Pebble.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use certmint_tests::{
    faults::{Fault, Operation},
    journey::{Journey, options},
};
use serde_json::{Value, json};

/// What a request that waits says.
async fn waits(journey: &Journey, id: u64) -> Value {
    journey.work().await.unwrap();
    let request = journey.look(id).await;
    assert_eq!(request["status"], "running", "{request}");
    request
}

#[tokio::test]
async fn nonces_refused_without_end_are_bounded_and_transient() {
    for step in [Operation::NewAccount, Operation::NewOrder] {
        let (journey, rules) = Journey::with_faults(options()).await;
        let account = journey.account().await;
        let stale = Fault::problem(400, "badNonce", &[("replay-nonce", "b2xk")]);
        rules.add(step, 0, usize::MAX, stale);
        let id = journey.request(account, &["example.com"]).await;
        let request = waits(&journey, id).await;
        assert_eq!(request["attempts"], 0, "the CA judged nothing: {request}");
        assert_eq!(
            request["last_problem"]["type"], "urn:ietf:params:acme:error:badNonce",
            "{request}"
        );
        let calls = rules.seen(step).len();
        assert!((2..=10).contains(&calls), "{calls} calls in one try");
        rules.clear();
        journey.ends_well(id).await;
    }
}

#[tokio::test]
async fn one_nonce_in_three_refused_has_no_visible_effect() {
    let mut options = options();
    options.bad_nonces = 33;
    let journey = Journey::start(options).await;
    let account = journey.account().await;
    let id = journey.request(account, &["example.com"]).await;
    journey.ends_well(id).await;
}

#[tokio::test]
async fn rate_limits_are_kept_to_the_second_in_both_forms() {
    let date = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(7200));
    for after in ["7200", date.as_str()] {
        let (journey, rules) = Journey::with_faults(options()).await;
        let account = journey.account().await;
        let limited = Fault::problem(429, "rateLimited", &[("retry-after", after)]);
        let hits = rules.add(Operation::NewOrder, 0, 1, limited);
        let id = journey.request(account, &["example.com"]).await;
        let request = waits(&journey, id).await;
        assert_eq!(
            (&request["attempts"], hits.count()),
            (&json!(0), 1),
            "no attempt is counted"
        );
        let seconds = journey.seconds_until(&request["not_before"]);
        assert!((7190..=7201).contains(&seconds), "{seconds}: {request}");
        journey.later(Duration::from_secs(3600)).await;
        journey.work().await.unwrap();
        assert_eq!(
            rules.seen(Operation::NewOrder).len(),
            1,
            "the CA is not asked before"
        );
        journey.ends_well(id).await;
    }
}

#[tokio::test]
async fn a_rate_limit_without_a_moment_waits_for_the_ledgers_guess() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    rules.add(Operation::NewOrder, 0, 1, Fault::problem(429, "rateLimited", &[]));
    let id = journey.request(account, &["example.com"]).await;
    let request = waits(&journey, id).await;
    assert!(journey.seconds_until(&request["not_before"]) > 30, "{request}");
    assert_eq!(request["attempts"], 0);
    journey.ends_well(id).await;
}

#[tokio::test]
async fn an_ill_ca_is_transient_whatever_it_does() {
    let ills = [
        Fault::html(502),
        Fault::problem(500, "serverInternal", &[]),
        Fault::answer(503, &[("content-type", "application/problem+json")], "{}"),
        Fault::Reset,
        Fault::Truncate,
        Fault::answer(200, &[("content-type", "application/json")], "not json"),
    ];
    let steps = [
        Operation::Directory,
        Operation::NewAccount,
        Operation::NewOrder,
        Operation::Order,
        Operation::Authorization,
        Operation::Challenge,
        Operation::Finalize,
        Operation::Certificate,
    ];
    for (index, step) in steps.into_iter().enumerate() {
        let (journey, rules) = Journey::with_faults(options()).await;
        let account = journey.account().await;
        // Two different ills a step; over all steps each comes up more than once.
        let met = [0, 3].map(|more| rules.add(step, 0, 1, ills[(index + more) % ills.len()].clone()));
        let id = journey.request(account, &["example.com"]).await;
        let request = journey.in_time(id).await;
        assert_eq!(request["status"], "success", "{step:?}: {request}");
        assert!(met.iter().all(|hits| hits.count() == 1), "{step:?}");
        journey.ends_well(id).await;
    }
}

#[tokio::test]
async fn answers_that_are_lost_are_made_up_for() {
    for step in [
        Operation::NewAccount,
        Operation::NewOrder,
        Operation::Challenge,
        Operation::Finalize,
        Operation::Certificate,
    ] {
        let (journey, rules) = Journey::with_faults(options()).await;
        let account = journey.account().await;
        let lost = rules.add(step, 0, 1, Fault::LoseAnswer);
        let id = journey.request(account, &["example.com"]).await;
        journey.work().await.unwrap();
        let request = journey.in_time(id).await;
        assert_eq!(
            (&request["status"], lost.count()),
            (&json!("success"), 1),
            "{step:?}: {request}"
        );
        if step == Operation::Finalize {
            let finalized = rules.seen(Operation::Finalize).len();
            assert_eq!(finalized, 1, "a CSR that was taken is not sent again");
        }
        journey.ends_well(id).await;
    }
}

#[tokio::test]
async fn problems_that_trying_again_cannot_mend_end_at_attempt_one() {
    for (kind, advice) in [
        ("rejectedIdentifier", "injected"),
        ("unsupportedIdentifier", "injected"),
        ("malformed", "injected"),
        ("caa", "CAA record"),
    ] {
        let (journey, rules) = Journey::with_faults(options()).await;
        let account = journey.account().await;
        rules.add(Operation::NewOrder, 0, 1, Fault::problem(400, kind, &[]));
        let id = journey.request(account, &["example.com"]).await;
        let failed = journey.until(id, "failed").await;
        let error = failed["last_error"].as_str().unwrap();
        assert!(
            error.starts_with("Failed to request certificate: ") && error.contains(advice),
            "{error}"
        );
        assert_eq!(failed["attempts"], 1, "{kind}");
        assert_eq!(
            failed["last_problem"]["type"],
            format!("urn:ietf:params:acme:error:{kind}")
        );
        journey.end().await;
    }
}

#[tokio::test]
async fn an_account_that_the_ca_turned_away_says_so_and_stops() {
    for (kind, status, words) in [
        ("accountDoesNotExist", 400, "does not know this account"),
        ("unauthorized", 403, "deactivated"),
        ("userActionRequired", 403, "terms of service"),
    ] {
        let (journey, rules) = Journey::with_faults(options()).await;
        let account = journey.account().await;
        let refused = rules.add(
            Operation::NewOrder,
            0,
            usize::MAX,
            Fault::problem(status, kind, &[]),
        );
        let first = journey.request(account, &["example.com"]).await;
        let failed = journey.until(first, "failed").await;
        assert!(failed["last_error"].as_str().unwrap().contains(words), "{failed}");
        let seen = journey
            .client
            .get(&format!("/acme/accounts/{account}"))
            .await
            .data();
        assert_eq!(seen["status"], "failed", "{seen}");
        assert!(seen["lastError"].as_str().unwrap().contains(words), "{seen}");
        let asked = refused.count();
        let more = json!({"accountId": account, "domains": ["example.net"]}).to_string();
        journey
            .client
            .post("/acme/certificate/request", &more)
            .await
            .refused(409, 3003, "failed");
        assert_eq!(refused.count(), asked, "the CA is not asked again");
        journey.end().await;
    }
}

#[tokio::test]
async fn an_external_account_binding_that_the_ca_refuses_fails_the_account() {
    let journey = Journey::start(options()).await;
    let wrong = r#"{"providerName":"google","email":"a@example.com","eabKid":"your_eab_kid_here","eabHmacKey":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;
    let unknown = r#"{"providerName":"google","email":"b@example.com","eabKid":"nobody","eabHmacKey":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#;
    for (body, likely) in [
        (wrong, "do not belong together"),
        (unknown, "does not know this eabKid"),
    ] {
        let account = journey.client.post("/acme/account/create", body).await.id();
        let id = journey.request(account, &["example.com"]).await;
        let failed = journey.until(id, "failed").await;
        let seen = journey
            .client
            .get(&format!("/acme/accounts/{account}"))
            .await
            .data();
        assert_eq!(seen["status"], "failed", "{seen}");
        let why = seen["lastError"].as_str().unwrap();
        assert!(why.contains(likely), "{why}");
        assert!(
            failed["last_error"].as_str().unwrap().contains("eabHmacKey"),
            "{failed}"
        );
    }
    journey.end().await;
}

#[tokio::test]
async fn a_name_that_is_authorized_already_needs_no_dns() {
    let mut options = options();
    options.reused_authorizations = 100;
    let (journey, rules) = Journey::with_faults(options).await;
    let account = journey.account().await;
    let first = journey.request(account, &["example.com"]).await;
    journey.until(first, "success").await;
    journey.until_clean().await;
    let changes = rules.seen(Operation::ChangeResourceRecordSets).len();
    let body = json!({"accountId": account, "domains": ["example.com"], "force": true}).to_string();
    let second = journey.client.post("/acme/certificate/request", &body).await.id();
    assert_ne!(first, second);
    journey.until(second, "success").await;
    assert_eq!(rules.seen(Operation::ChangeResourceRecordSets).len(), changes);
    journey.end().await;
}

#[tokio::test]
async fn a_failed_validation_names_each_name_and_leads_to_a_new_order() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    let route53 = journey.stack.aws.route53.clone();
    let empty = route53.export().unwrap();
    // Just before the CA is told to look, somebody empties the zone.
    let emptied = rules.add(
        Operation::Challenge,
        0,
        1,
        Fault::Meanwhile(Arc::new(move || route53.import(empty.clone()).unwrap())),
    );
    let id = journey.request(account, &["example.com"]).await;
    let request = waits(&journey, id).await;
    assert_eq!(emptied.count(), 1);
    let problem = &request["last_problem"];
    assert!(
        problem["subproblems"][0]["identifier"] == "example.com",
        "{request}"
    );
    assert!(
        request["last_error"].as_str().unwrap().contains("example.com: "),
        "{request}"
    );
    let orders = rules.seen(Operation::NewOrder).len();
    journey.in_time(id).await;
    assert_eq!(rules.seen(Operation::NewOrder).len(), orders + 1);
    journey.ends_well(id).await;
}

#[tokio::test]
async fn an_order_that_is_gone_is_replaced_by_one_new_order() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    rules.add(Operation::Order, 1, 1, Fault::problem(404, "malformed", &[]));
    let id = journey.request(account, &["example.com"]).await;
    let request = journey.in_time(id).await;
    assert_eq!(request["status"], "success", "{request}");
    assert_eq!(rules.seen(Operation::NewOrder).len(), 2);
    journey.ends_well(id).await;
}

#[tokio::test]
async fn an_order_that_stays_in_processing_is_waited_for() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    let slow = rules.add_matching(
        |call| call.operation == Operation::Order,
        // The first looks are those before finalize.
        0,
        5,
        Fault::Rewrite(Arc::new(|body| {
            String::from_utf8_lossy(body)
                .replace(r#""status":"valid""#, r#""status":"processing""#)
                .into()
        })),
    );
    let id = journey.request(account, &["example.com"]).await;
    let request = journey.in_time(id).await;
    assert_eq!(
        (&request["status"], &request["attempts"]),
        (&json!("success"), &json!(1)),
        "{request}"
    );
    assert!(slow.count() > 0);
    journey.ends_well(id).await;
}

#[tokio::test]
async fn a_certificate_that_does_not_fit_is_refused_with_an_alarm() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    let first = journey.request(account, &["other.example.com"]).await;
    journey.until(first, "success").await;
    let other = journey.client.get("/certificates/1").await.data()["certificatePem"]
        .as_str()
        .unwrap()
        .to_owned();
    rules.add(
        Operation::Certificate,
        0,
        usize::MAX,
        Fault::Rewrite(Arc::new(move |_| other.clone().into_bytes())),
    );
    let id = journey.request(account, &["example.com"]).await;
    let failed = journey.in_time(id).await;
    assert_eq!(failed["status"], "failed");
    let error = failed["last_error"].as_str().unwrap();
    assert!(error.contains("names are not those ordered"), "{error}");
    assert!(
        journey
            .stack
            .logs
            .all()
            .iter()
            .any(|l| l.contains(r#""alarm":"certificate""#))
    );
    assert_eq!(
        journey.client.get("/certificates?kind=certificate").await.data()["total"],
        1,
        "it is not recorded"
    );
    journey.until_clean().await;
    journey.end().await;
}

#[tokio::test]
async fn a_ca_that_is_away_is_marked_and_the_other_goes_on() {
    let (journey, rules) = Journey::with_faults(options()).await;
    let account = journey.account().await;
    let google = r#"{"providerName":"google","email":"a@example.com","eabKid":"your_eab_kid_here","eabHmacKey":"your_eab_hmac_key_here"}"#;
    let other = journey.client.post("/acme/account/create", google).await.id();
    // The first directory that is read is that of the first request.
    let away = rules.add(Operation::Directory, 0, 3, Fault::html(503));
    let waiting = journey.request(other, &["example.net"]).await;
    let request = waits(&journey, waiting).await;
    assert_eq!(request["attempts"], 0, "{request}");
    assert!(away.count() > 0);
    rules.clear();
    let list = journey.client.get("/acme/providers").await.data();
    assert_eq!(
        (&list["list"][0]["status"], &list["list"][1]["status"]),
        (&json!("active"), &json!("inactive"))
    );
    let id = journey.request(account, &["example.com"]).await;
    journey.until(id, "success").await;
    let request = journey.in_time(waiting).await;
    assert_eq!(request["status"], "success", "{request}");
    let list = journey.client.get("/acme/providers").await.data();
    assert_eq!(list["list"][1]["status"], "active", "{list}");
    journey.until_clean().await;
    journey.end().await;
}
