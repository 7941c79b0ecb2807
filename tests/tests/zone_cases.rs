//! Cases from their files: what stands in a zone, or what is done, and what is requested over HTTP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::PathBuf;

use bytes::Bytes;
use certmint_tests::journey::{Journey, options};
use http::Request;
use serde_json::Value;

fn input(case: &str, file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("cases")
        .join(case)
        .join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A stack with the records of the case's zone file.
async fn with_zone(case: &str) -> Journey {
    let journey = Journey::start(options()).await;
    let records: Vec<Value> = serde_json::from_str(&input(case, "zone.json")).unwrap();
    for record in &records {
        let text = |key: &str| record[key].as_str().unwrap();
        let ttl = record["TTL"].as_u64().unwrap_or(300).try_into().unwrap();
        let route53 = &journey.stack.aws.route53;
        route53
            .upsert(text("Name"), text("Type"), ttl, &[text("Value")])
            .unwrap();
    }
    journey
}

/// Sends a request's file and waits for its success.
async fn succeeds(journey: &Journey, body: &str) -> u64 {
    let id = journey.client.post("/acme/certificate/request", body).await.id();
    let done = journey.until(id, "success").await;
    assert_eq!(done["attempts"], 1, "{done}");
    id
}

/// Where a request's value was written.
async fn place(journey: &Journey, id: u64) -> String {
    let list = journey.client.get("/acme/challenges").await.data()["list"].take();
    let mut of_request = list
        .as_array()
        .unwrap()
        .iter()
        .filter(|record| record["owner_id"] == id);
    let record = of_request.next().unwrap();
    format!(
        "{}.{}",
        record["name"].as_str().unwrap(),
        record["zone"].as_str().unwrap()
    )
}

#[tokio::test]
async fn wildcard_cname() {
    let case = "03-wildcard-cname";
    let journey = with_zone(case).await;
    journey.account().await;
    for (file, name) in [
        ("request1.json", "_acme-challenge.apps.example.com"),
        ("request2.json", "_acme-challenge.web.apps.example.com"),
    ] {
        let id = succeeds(&journey, &input(case, file)).await;
        assert_eq!(place(&journey, id).await, name);
    }
    journey.until_clean().await;
    journey.end().await;
}

#[tokio::test]
async fn wildcard_cname_own_host() {
    let case = "04-wildcard-cname-own-host";
    let journey = with_zone(case).await;
    journey.account().await;
    let before = journey.stack.aws.route53.records();
    let id = succeeds(&journey, &input(case, "request.json")).await;
    assert_eq!(place(&journey, id).await, "_acme-challenge.www.b3.example.com");
    journey.clean().await;
    assert_eq!(
        journey.stack.aws.route53.records(),
        before,
        "the host's own records"
    );
    journey.end().await;
}

/// A call of Route53's own API.
async fn route53(journey: &Journey, request: http::request::Builder, body: String) -> String {
    let request: Request<Bytes> = request.body(body.into()).unwrap();
    let answer = journey.stack.aws.route53.handle(request).await;
    assert!(answer.status().is_success(), "{answer:?}");
    String::from_utf8(answer.into_body().to_vec()).unwrap()
}

async fn create(journey: &Journey, name: &str, reference: &str) -> String {
    let body = format!(
        "<CreateHostedZoneRequest><Name>{name}</Name><CallerReference>{reference}</CallerReference>\
         </CreateHostedZoneRequest>"
    );
    let answer = route53(journey, Request::post("/2013-04-01/hostedzone"), body).await;
    let (_, rest) = answer.split_once("<Id>/hostedzone/").unwrap();
    rest.split_once("</Id>").unwrap().0.to_owned()
}

/// Does what the case's steps say, line by line.
async fn walk(case: &str) {
    let journey = Journey::start(options()).await;
    journey.account().await;
    let issue = async |name: &str| {
        let body = serde_json::json!({"accountId": 1, "domains": [name]}).to_string();
        succeeds(&journey, &body).await
    };
    let mut zone = (String::new(), String::new());
    let steps = input(case, "steps.txt");
    for step in steps.lines().filter(|line| !line.is_empty()) {
        let (_, what) = step.split_once(' ').unwrap();
        match what.split(' ').collect::<Vec<_>>().as_slice() {
            ["any", "issuance", ..] => drop(issue("any.example.com").await),
            ["create", "hosted", "zone", name] => {
                zone = ((*name).to_owned(), create(&journey, name, "first").await);
            }
            ["zone", name, "exists,", "any", "issuance"] => {
                zone = ((*name).to_owned(), create(&journey, name, "first").await);
                issue("any.example.com").await;
            }
            ["delete", "it,", "create", "it", "anew", ..] => {
                journey.until_clean().await;
                let path = format!("/2013-04-01/hostedzone/{}", zone.1);
                route53(&journey, Request::delete(path), String::new()).await;
                let id = create(&journey, &zone.0, "second").await;
                assert_ne!(id, zone.1);
                zone.1 = id;
            }
            ["request", name] => {
                let id = issue(name).await;
                assert_eq!(place(&journey, id).await, format!("_acme-challenge.{name}"));
            }
            _ => panic!("{case} has a step that nobody knows: {step}"),
        }
    }
    journey.end().await;
}

#[tokio::test]
async fn new_zone_within_cache() {
    walk("11-new-zone-within-cache").await;
}

#[tokio::test]
async fn zone_recreated() {
    walk("12-zone-recreated").await;
}
