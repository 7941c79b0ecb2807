//! The API over the DynamoDB store: envelope, codes and shapes as clients read them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use client::{Client, refused};

#[tokio::test]
async fn tokens() {
    let client = Client::new().await;
    let post = |token| client.call("POST", "/acme/certificate/retry", token, None, "not json");
    refused(&post(None).await, 401, 1001, "missing");
    for wrong in ["token", "Basic token", "Bearer ", "Bearer wrong", "Bearer token2"] {
        refused(&post(Some(wrong)).await, 401, 1002, "not valid");
    }
    refused(&post(Some("Bearer old")).await, 401, 1003, "expired");
    refused(&post(Some("Bearer reader")).await, 403, 1004, "not allow");
    refused(&post(Some("Bearer token")).await, 400, 2002, "body is not JSON");
    assert_eq!(
        client
            .call("GET", "/acme/accounts", Some("bearer reader"), None, "")
            .await
            .status,
        200
    );
    assert_eq!(client.call("GET", "/health", None, None, "").await.status, 200);
    refused(
        &client.call("GET", "/nothing", None, None, "").await,
        401,
        1001,
        "missing",
    );
    refused(&client.get("/nothing").await, 404, 3001, "no call");
}

#[tokio::test]
async fn accounts() {
    let client = Client::new().await;
    client.account().await;
    let eab = r#"{"providerName":"google","email":"a@example.com","eabKid":"kid-123456","eabHmacKey":"your_eab_hmac_key_here"}"#;
    let created = client.post("/acme/account/create", eab).await;
    let expected = r#"{"code":0,"message":"success","data":{"id":2,"provider_id":2,"email":"a@example.com","eab_kid":"kid-123456","status":"pending"}}"#;
    assert_eq!(created.body, expected);
    refused(
        &client.post("/acme/account/create", eab).await,
        409,
        3002,
        "exists",
    );
    let kept = client
        .vault
        .0
        .lock()
        .unwrap()
        .keys()
        .filter(|k| k.starts_with("account-eab/"))
        .count();
    assert_eq!(kept, 1, "a refused call leaves no key behind");
    let list = client.get("/acme/accounts?providerId=2").await.body;
    assert!(
        list.contains(r#""eabKid":"kid-****""#) && list.contains(r#""total":1,"#),
        "{list}"
    );
    assert!(!list.contains("hmac"), "{list}");
    for (body, code, word) in [
        (r#"{"email":"a@example.com"}"#, 2001, "providerName"),
        (
            r#"{"providerName":7,"email":"a@example.com"}"#,
            2002,
            "providerName",
        ),
        (
            r#"{"providerName":"letsencrypt","email":"nobody"}"#,
            2003,
            "email",
        ),
        (
            r#"{"providerName":"google","email":"b@example.com"}"#,
            2001,
            "eabKid",
        ),
        (
            r#"{"providerName":"google","email":"b@example.com","eabKid":"k"}"#,
            2001,
            "eabHmacKey",
        ),
        (
            r#"{"providerName":"google","email":"b@example.com","eabKid":"k","eabHmacKey":"***"}"#,
            2002,
            "eabHmacKey",
        ),
        (
            r#"{"providerName":"letsencrypt","email":"b@example.com","mail":"x"}"#,
            2002,
            "mail",
        ),
        (r#"["providerName"]"#, 2002, "object"),
        ("{", 2002, "JSON"),
    ] {
        refused(&client.post("/acme/account/create", body).await, 400, code, word);
    }
    let unknown = r#"{"providerName":"nobody","email":"b@example.com"}"#;
    refused(
        &client.post("/acme/account/create", unknown).await,
        404,
        3001,
        "providerName",
    );
}

#[tokio::test]
async fn requests() {
    let client = Client::new().await;
    client.account().await;
    let body = r#"{"accountId":1,"domains":["Example.com","*.example.com","example.com."]}"#;
    let created = client.post("/acme/certificate/request", body).await.body;
    let start = r#"{"code":0,"message":"success","data":{"id":1,"account_id":1,"domains":"[\"example.com\",\"*.example.com\"]","status":"pending","poll_max_attempts":10,"attempts":0,"last_error":null,"result_certificate_id":null,"created_at":"2"#;
    assert!(created.starts_with(start), "{created}");
    assert!(
        created.contains(r#""names":["example.com","*.example.com"]"#),
        "{created}"
    );
    assert_eq!(*client.kick.0.lock().unwrap(), 1, "the worker is told");
    for (body, status, code, word) in [
        (
            r#"{"accountId":9,"domains":["example.com"]}"#,
            404,
            3001,
            "account 9",
        ),
        (r#"{"domains":["example.com"]}"#, 400, 2001, "accountId"),
        (
            r#"{"accountId":"1","domains":["example.com"]}"#,
            400,
            2002,
            "accountId",
        ),
        (r#"{"accountId":1}"#, 400, 2001, "domains"),
        (r#"{"accountId":1,"domains":"example.com"}"#, 400, 2002, "domains"),
        (r#"{"accountId":1,"domains":[]}"#, 400, 2003, "domains"),
        (
            r#"{"accountId":1,"domains":["example.com","co.uk"]}"#,
            400,
            2003,
            "domains[1]",
        ),
    ] {
        refused(
            &client.post("/acme/certificate/request", body).await,
            status,
            code,
            word,
        );
    }
    let long = format!(r#"{{"accountId":1,"domains":["{}"]}}"#, "a".repeat(70_000));
    refused(
        &client.post("/acme/certificate/request", &long).await,
        400,
        2002,
        "65536 bytes",
    );
    let list = client
        .get("/acme/certificate/requests?status=pending&unknown=1")
        .await
        .body;
    assert!(list.contains(r#""total":1,"page":1,"pageSize":20"#), "{list}");
    refused(
        &client.get("/acme/certificate/requests?status=done").await,
        400,
        2003,
        "status",
    );
    refused(
        &client.get("/acme/certificate/requests?pageSize=101").await,
        400,
        2003,
        "pageSize",
    );
    refused(
        &client.get("/acme/certificate/requests?page=x").await,
        400,
        2002,
        "page",
    );
    refused(
        &client.get("/acme/certificate/requests/7").await,
        404,
        3001,
        "request 7",
    );
    refused(
        &client.post("/acme/certificate/retry", r#"{"id":1}"#).await,
        409,
        3003,
        "pending",
    );
    refused(
        &client.post("/acme/certificate/retry", r#"{"id":7}"#).await,
        404,
        3001,
        "request 7",
    );
    let summary = client.get("/acme/requests/summary").await.body;
    assert!(
        summary.contains(r#"{"byStatus":{"failed":0,"pending":1,"running":0,"success":0},"total":1}"#),
        "{summary}"
    );
}

#[tokio::test]
async fn the_same_key_is_the_same_call() {
    let client = Client::new().await;
    client.account().await;
    let post = |body| {
        client.call(
            "POST",
            "/acme/certificate/request",
            Some("Bearer token"),
            Some("k-1"),
            body,
        )
    };
    let first = post(r#"{"accountId":1,"domains":["example.com"]}"#).await;
    assert_eq!(post(r#"{"accountId":1,"domains":["example.com"]}"#).await, first);
    refused(
        &post(r#"{"accountId":1,"domains":["example.org"]}"#).await,
        409,
        3002,
        "Idempotency-Key",
    );
    assert!(
        client
            .get("/acme/certificate/requests")
            .await
            .body
            .contains(r#""total":1,"#)
    );
}

#[path = "api/client.rs"]
mod client;

#[path = "api/accounts.rs"]
mod account_calls;
#[path = "api/answers.rs"]
mod answers;
#[path = "api/contactless.rs"]
mod contactless;
#[path = "api/dead_ones.rs"]
mod dead_ones;
#[path = "api/forged_cursors.rs"]
mod forged_cursors;
#[path = "api/half_way.rs"]
mod half_way;
#[path = "api/headers.rs"]
mod headers;
#[path = "api/lifecycle.rs"]
mod lifecycle;
#[path = "api/much.rs"]
mod much;
#[path = "api/numbers.rs"]
mod numbers;
#[path = "api/orderable.rs"]
mod orderable;
#[path = "api/pages.rs"]
mod pages;
#[path = "api/progress.rs"]
mod progress;
#[path = "api/refused.rs"]
mod refused_calls;
#[path = "api/renewal_settings.rs"]
mod renewal_settings;
#[path = "api/reported_files.rs"]
mod reported_files;
#[path = "api/reported_input.rs"]
mod reported_input;
#[path = "api/round_trip.rs"]
mod round_trip;
#[path = "api/round_trip_uploads.rs"]
mod round_trip_uploads;
#[path = "api/routing.rs"]
mod routing;
#[path = "api/scopes.rs"]
mod scopes;
#[path = "api/self_signed.rs"]
mod self_signed;
#[path = "api/texts.rs"]
mod texts;
#[path = "api/token_ends.rs"]
mod token_ends;
#[path = "api/unreadable.rs"]
mod unreadable;
#[path = "api/unreadable_choices.rs"]
mod unreadable_choices;
#[path = "api/unreadable_runs.rs"]
mod unreadable_runs;
