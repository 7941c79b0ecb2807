//! Paths and methods through the gateway and the Lambda protocol: what the transport does to them too.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use bytes::Bytes;
use certmint_tests::journey::{Journey, options};

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_methods_over_http() {
    let journey = Journey::start(options()).await;
    let client = &journey.client;
    let stranger = client.with_token(None);
    let none = Bytes::new;

    let head = stranger.call("HEAD", "/health", &[], none()).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    assert_eq!(stranger.get("/health").await.data()["status"], "ok");

    for path in ["/health", "/acme/accounts", "/api/v2/acme/accounts", "/"] {
        let answer = client.at("GET", path, &[], none()).await;
        answer.refused(404, 3001, "is no call of this service");
        stranger
            .at("GET", path, &[], none())
            .await
            .refused(401, 1001, "missing");
    }
    let answer = client.call("DELETE", "/acme/accounts/1", &[], none()).await;
    answer.refused(405, 3001, "DELETE /acme/accounts/1 is no call of this service");
    assert_eq!(answer.allow.as_deref(), Some("GET,HEAD"));
    let answer = stranger.call("DELETE", "/acme/accounts/1", &[], none()).await;
    answer.refused(401, 1001, "missing");
    assert_eq!(answer.allow, None, "a stranger learns nothing");

    let page = client
        .get("/acme/accounts?unknown=1&unknown=2&page=1&email=")
        .await
        .data();
    assert_eq!((&page["page"], &page["total"]), (&1.into(), &0.into()), "{page}");
    client
        .post("/acme/account/create", "{")
        .await
        .refused(400, 2002, "body is not JSON");
    let long = "a".repeat(70_000);
    client
        .post("/acme/account/create", &long)
        .await
        .refused(400, 2002, "65536 bytes");
    journey.stack.stop().await;
}

/// What the gateway and the Lambda protocol make of headers and bodies on their way.
#[tokio::test(flavor = "multi_thread")]
async fn headers_and_bodies_over_http() {
    let journey = Journey::start(options()).await;
    let client = &journey.client;
    let account = journey.account().await;
    let path = "/acme/certificate/request";
    let body = format!(r#"{{"accountId":{account},"domains":["idem.example.com"],"force":true}}"#);
    let json = ("content-type", "application/json");
    for (key, words) in [
        ("café", "1 to 255 visible ASCII"),
        ("", "1 to 255 visible ASCII"),
        ("a b", "1 to 255 visible ASCII"),
    ] {
        let headers = [json, ("idempotency-key", key)];
        let answer = client.call("POST", path, &headers, body.clone()).await;
        answer.refused(400, 2003, words);
    }
    let latin = [("content-type", "application/json; charset=iso-8859-1")];
    let answer = client.call("POST", path, &latin, body.clone()).await;
    answer.refused(400, 2002, "Content-Type");
    // These travel as base64.
    for kind in ["application/x-www-form-urlencoded", "application/octet-stream"] {
        let headers = [("content-type", kind), ("idempotency-key", kind)];
        let made = client.call("POST", path, &headers, body.clone()).await.id();
        assert_eq!(client.call("POST", path, &headers, body.clone()).await.id(), made);
        let broken = Bytes::from_static(b"{\"accountId\":1,\"domains\":[\"b\xfccher.example\"]}");
        let answer = client.call("POST", path, &headers[..1], broken).await;
        answer.refused(400, 2002, "body is not JSON in UTF-8");
    }
    let many = "/acme/accounts?page=1&page=2";
    client.get(many).await.refused(400, 2003, "page is there twice");
    let broken = "/acme/accounts?email=%ff";
    client
        .get(broken)
        .await
        .refused(400, 2002, "email cannot be read");
    let stranger = client.with_token(Some("tökén"));
    stranger
        .get("/acme/accounts")
        .await
        .refused(401, 1002, "not valid");
    journey.stack.stop().await;
}
