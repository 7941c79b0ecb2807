//! What operators do with accounts, requests and certificates, as clients read it.

use super::{Client, refused};

#[tokio::test]
async fn accounts_are_switched_chosen_and_deleted() {
    let client = Client::new().await;
    client.account().await;
    let none = client.get("/acme/accounts/defaults").await.body;
    assert!(
        none.contains(r#""data":{"list":[],"total":0,"page":1,"pageSize":20}"#),
        "{none}"
    );
    let post = |path: &'static str, body: &'static str| client.post(path, body);
    let chosen = post("/acme/accounts/set-default", r#"{"providerId":1,"accountId":1}"#).await;
    let row = r#"{"providerId":1,"providerName":"letsencrypt","accountId":1,"accountEmail":"ops@example.com","updatedAt":"2"#;
    assert!(
        chosen.body.contains(&format!(r#""data":{row}"#)),
        "{}",
        chosen.body
    );
    let list = client.get("/acme/accounts/defaults").await.body;
    assert!(list.contains(row) && list.contains(r#""total":1,"#), "{list}");
    for path in ["/acme/accounts", "/acme/accounts/1"] {
        let shown = client.get(path).await.body;
        assert!(shown.contains(r#""isDefault":true"#), "{shown}");
    }
    for (body, status, code, word) in [
        (r#"{"providerId":2,"accountId":1}"#, 404, 3001, "of provider 2"),
        (r#"{"providerId":7,"accountId":1}"#, 404, 3001, "providerId"),
        (r#"{"providerId":1,"accountId":7}"#, 404, 3001, "account 7"),
        (r#"{"providerId":1}"#, 400, 2001, "accountId"),
        (r#"{"accountId":1}"#, 400, 2001, "providerId"),
    ] {
        let answer = client.post("/acme/accounts/set-default", body).await;
        refused(&answer, status, code, word);
    }

    let off = post("/acme/accounts/disable", r#"{"id":1}"#).await.body;
    assert!(off.contains(r#""data":{"id":1,"providerId":1,"#), "{off}");
    assert!(off.contains(r#""status":"disabled""#), "{off}");
    let body = r#"{"accountId":1,"domains":["example.com"]}"#;
    let held = client.post("/acme/certificate/request", body).await;
    refused(&held, 409, 3003, "disabled");
    let on = post("/acme/accounts/enable", r#"{"id":1}"#).await.body;
    assert!(on.contains(r#""status":"pending""#), "{on}");
    for path in ["enable", "disable", "delete"] {
        let path = format!("/acme/accounts/{path}");
        refused(&client.post(&path, r#"{"id":7}"#).await, 404, 3001, "account 7");
        refused(&client.post(&path, r#"{"id":"1"}"#).await, 400, 2002, "id");
        refused(&client.post(&path, "{}").await, 400, 2001, "id");
        refused(&client.post(&path, r#"{"id":1,"x":2}"#).await, 400, 2002, "x");
    }

    let deleted = post("/acme/accounts/delete", r#"{"id":1}"#).await.body;
    assert!(deleted.contains(r#""data":{"id":1,"#), "{deleted}");
    refused(&client.get("/acme/accounts/1").await, 404, 3001, "account 1");
    let list = client.get("/acme/accounts/defaults").await.body;
    assert!(list.contains(r#""total":0,"#), "{list}");
    let again = r#"{"providerName":"letsencrypt","email":"ops@example.com"}"#;
    let again = client.post("/acme/account/create", again).await.body;
    assert!(
        again.contains(r#""id":2,"#),
        "the address is free, the id is new: {again}"
    );
    client
        .post(
            "/acme/certificate/request",
            r#"{"accountId":2,"domains":["example.com"]}"#,
        )
        .await;
    let needed = post("/acme/accounts/delete", r#"{"id":2}"#).await;
    refused(&needed, 409, 3003, "1 unfinished or failed requests");
}

#[tokio::test]
async fn requests_are_cancelled_and_deleted() {
    let client = Client::new().await;
    client.account().await;
    client
        .post(
            "/acme/certificate/request",
            r#"{"accountId":1,"domains":["example.com"]}"#,
        )
        .await;
    let path = "/acme/certificate/requests/1";
    refused(
        &client.post(&format!("{path}/delete"), "").await,
        409,
        3003,
        "pending",
    );
    let cancelled = client.post(&format!("{path}/cancel"), "").await;
    let said = r#""status":"failed","poll_max_attempts":10,"attempts":0,"last_error":"Failed to request certificate: cancelled by a client""#;
    assert!(
        cancelled.status == 200 && cancelled.body.contains(said),
        "{}",
        cancelled.body
    );
    refused(
        &client.post(&format!("{path}/cancel"), "").await,
        409,
        3003,
        "failed",
    );
    let deleted = client.post(&format!("{path}/delete"), "").await;
    assert_eq!(deleted.body, r#"{"code":0,"message":"success","data":null}"#);
    refused(&client.get(path).await, 404, 3001, "request 1");
    for call in ["cancel", "delete"] {
        refused(
            &client.post(&format!("{path}/{call}"), "").await,
            404,
            3001,
            "request 1",
        );
        let bad = format!("/acme/certificate/requests/x/{call}");
        refused(&client.post(&bad, "").await, 400, 2002, "id");
    }
    let list = client.get("/acme/certificate/requests").await.body;
    assert!(list.contains(r#""list":[],"total":0,"#), "{list}");
}
