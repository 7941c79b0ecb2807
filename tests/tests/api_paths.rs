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
