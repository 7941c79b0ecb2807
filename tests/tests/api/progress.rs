//! Single flight, reasons, providers in trouble and limits, as clients read them.

use std::time::Duration;

use certmint_core::{
    clock::Clock,
    issuance::{Event, next},
    provider::{Providers, of_order},
    words::{
        AccountId, Class, Failure, NameSet, Problem, ProviderId, RequestId, Stage, Subproblem, Timestamp,
    },
};
use certmint_shared::{
    clock::SystemClock,
    store::{Claim, ProviderHealth, ProviderTrouble, RateLedger, RequestStore},
};

use super::{Client, refused};

#[tokio::test]
async fn the_same_names_again_are_the_same_request() {
    let client = Client::new().await;
    client.account().await;
    let post = |body| client.post("/acme/certificate/request", body);
    let first = post(r#"{"accountId":1,"domains":["example.com","www.example.com"]}"#)
        .await
        .body;
    assert!(!first.contains("deduplicated"), "{first}");
    let again = post(r#"{"accountId":1,"domains":["WWW.example.com","example.com"],"force":false}"#).await;
    assert_eq!(again.status, 200);
    assert!(again.body.contains(r#""data":{"id":1,"#), "{}", again.body);
    assert!(again.body.contains(r#""deduplicated":true"#), "{}", again.body);
    let forced = post(r#"{"accountId":1,"domains":["example.com","www.example.com"],"force":true}"#)
        .await
        .body;
    assert!(
        forced.contains(r#""data":{"id":2,"#) && !forced.contains("deduplicated"),
        "{forced}"
    );
    assert_eq!(*client.kick.0.lock().unwrap(), 3, "the worker is told each time");
    refused(
        &post(r#"{"accountId":1,"domains":["example.com"],"force":"yes"}"#).await,
        400,
        2002,
        "force",
    );
}

/// A far moment, so that it is ahead of the machine's clock.
const FAR: Timestamp = Timestamp::from_secs(4_000_000_000);

#[tokio::test]
async fn a_request_says_what_is_next_and_why() {
    let client = Client::new().await;
    client.account().await;
    let body = r#"{"accountId":1,"domains":["example.com"]}"#;
    let fresh = client.post("/acme/certificate/request", body).await.body;
    let expected = r#""phase":"queued","next_action":"create_order","reason":"waits for a worker","not_before":null,"last_problem":null"#;
    assert!(fresh.contains(expected), "{fresh}");

    let (id, now, lease) = (RequestId::new(1), FAR, Duration::from_secs(60));
    let claimed = client
        .store
        .claim_request(id, &Claim::new("w", now, lease, Duration::ZERO))
        .await;
    let mut held = claimed.unwrap().unwrap();
    let until = now.plus(Duration::from_secs(3600));
    let reason = "50 certificates in 7 days for example.com are used up".into();
    let step = next(&held.issuance, Event::Deferred { until, reason }, now, 1).unwrap();
    held.issuance = step.state;
    held.status = step.status;
    held.wake_at = step.wake_at;
    held.lease.owner = None;
    held.updated_at = now;
    client.store.save_request(&held, now).await.unwrap();

    let list = client.get("/acme/certificate/requests").await.body;
    let expected =
        format!(r#""reason":"50 certificates in 7 days for example.com are used up","not_before":"{until}""#);
    assert!(list.contains(&expected) && !list.contains("history"), "{list}");
    let detail = client.get("/acme/certificate/requests/1").await.body;
    let expected = format!(
        r#""history":[{{"at":"{now}","phase":"queued","what":"on hold: 50 certificates in 7 days for example.com are used up"}}]"#
    );
    assert!(detail.contains(&expected), "{detail}");
}

#[tokio::test]
async fn a_provider_that_is_away_says_so() {
    let client = Client::new().await;
    let active = |body: &str| body.matches(r#""status":"active""#).count();
    let well = client.get("/acme/providers").await.body;
    assert!(well.contains(r#""status":"active","lastError":null"#), "{well}");
    let trouble = ProviderTrouble {
        provider_id: ProviderId::new(2),
        since: FAR,
        failures: 1,
        last_error: "no route to host".into(),
        retry_at: FAR,
        updated_at: FAR,
    };
    client.store.note_trouble(&trouble).await.unwrap();
    let ill = client.get("/acme/providers").await.body;
    let expected = format!(
        r#""status":"inactive","lastError":"no route to host","unreachableSince":"{FAR}","notBefore":"{FAR}""#
    );
    assert!(ill.contains(&expected), "{ill}");
    assert_eq!(active(&ill), active(&well) - 1, "the others go on: {ill}");
}

#[tokio::test]
async fn limits_show_what_is_left() {
    let client = Client::new().await;
    client.account().await;
    let fresh = client.get("/acme/limits?accountId=1").await.body;
    let expected = r#"{"accountId":1,"providerId":1,"providerName":"letsencrypt","limits":[{"kind":"new_orders","subject":"account 1","limit":300,"windowSeconds":10800,"used":0,"earliestAt":"2"#;
    assert!(fresh.contains(expected), "{fresh}");
    let providers = Providers::default();
    let names = NameSet::parse(&["www.example.co.uk"]).unwrap();
    let order = of_order(
        providers.by_name("letsencrypt").unwrap(),
        AccountId::new(1),
        &names,
    );
    let now = SystemClock.now();
    client
        .store
        .reserve("1-0", &order.spend, &order.look, now)
        .await
        .unwrap();
    client.store.close(&order.spend[2], FAR).await.unwrap();
    let used = client
        .get("/acme/limits?accountId=1&domain=WWW.example.co.uk")
        .await
        .body;
    for expected in [
        r#""kind":"new_orders","subject":"account 1","limit":300,"windowSeconds":10800,"used":1,"#,
        r#""kind":"duplicate_certificates","subject":"www.example.co.uk","limit":5,"windowSeconds":604800,"used":1,"#,
        r#""kind":"failed_authorizations","subject":"www.example.co.uk","limit":5,"windowSeconds":3600,"used":0,"#,
    ] {
        assert!(used.contains(expected), "{used} lacks {expected}");
    }
    let closed = format!(
        r#""kind":"certificates_per_domain","subject":"example.co.uk","limit":50,"windowSeconds":604800,"used":50,"earliestAt":"{FAR}""#
    );
    assert!(used.contains(&closed), "{used} lacks {closed}");
    refused(&client.get("/acme/limits").await, 400, 2001, "accountId");
    refused(
        &client.get("/acme/limits?accountId=9").await,
        404,
        3001,
        "account 9",
    );
    refused(
        &client.get("/acme/limits?accountId=1&domain=co.uk").await,
        400,
        2003,
        "domain",
    );
}

#[tokio::test]
async fn a_failure_shows_its_problem_name_by_name() {
    let client = Client::new().await;
    client.account().await;
    let body = r#"{"accountId":1,"domains":["a.example.com","b.example.com"]}"#;
    client.post("/acme/certificate/request", body).await;
    let (id, lease) = (RequestId::new(1), Duration::from_secs(60));
    let claimed = client
        .store
        .claim_request(id, &Claim::new("w", FAR, lease, Duration::ZERO))
        .await;
    let mut failed = claimed.unwrap().unwrap();
    let caa = "urn:ietf:params:acme:error:caa";
    let failure = Failure {
        class: Class::Permanent,
        stage: Stage::Request,
        problem: Problem {
            cause: caa.into(),
            detail: "CAA record forbids issuance".into(),
            subproblems: vec![Subproblem {
                identifier: "b.example.com".into(),
                cause: caa.into(),
                detail: "CAA record for example.com prevents issuance".into(),
            }],
        },
    };
    let step = next(&failed.issuance, Event::Failed(failure), FAR, 1).unwrap();
    failed.issuance = step.state;
    failed.status = step.status;
    failed.last_error = step.error;
    failed.wake_at = step.wake_at;
    failed.lease.owner = None;
    failed.updated_at = FAR;
    client.store.save_request(&failed, FAR).await.unwrap();
    let detail = client.get("/acme/certificate/requests/1").await.body;
    let said = "Failed to request certificate: CAA record forbids issuance; b.example.com: CAA record for example.com prevents issuance";
    for expected in [
        r#""status":"failed","poll_max_attempts":10,"attempts":1,"#.to_owned(),
        format!(r#""phase":"failed","next_action":"retry","reason":"{said}","not_before":null"#),
        format!(
            r#""last_problem":{{"type":"{caa}","detail":"CAA record forbids issuance","subproblems":[{{"identifier":"b.example.com","type":"{caa}","detail":"CAA record for example.com prevents issuance"}}]}}"#
        ),
        format!(r#""what":"{said}","problem":"{caa}"}}"#),
    ] {
        assert!(detail.contains(&expected), "{detail} lacks {expected}");
    }
    client.post("/acme/certificate/retry", r#"{"id":1}"#).await;
    let again = client.get("/acme/certificate/requests/1").await.body;
    let expected = r#""phase":"queued","next_action":"create_order","reason":"waits for a worker","not_before":null,"last_problem":null"#;
    assert!(again.contains(expected), "{again}");
    assert!(
        again.contains(r#""what":"a client asked for a retry"}]"#),
        "{again}"
    );
}
