//! What operators do with accounts, requests and certificates, as clients read it.

use certmint_core::{certificate::CertificateSource, clock::Clock, words::CertificateId};
use certmint_shared::{clock::SystemClock, store::CertificateLifecycle};

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

    let moved = post("/acme/accounts/contact", r#"{"id":1,"email":"new@example.com"}"#)
        .await
        .body;
    assert!(moved.contains(r#""email":"new@example.com""#), "{moved}");
    post("/acme/accounts/contact", r#"{"id":1,"email":"ops@example.com"}"#).await;
    for (body, status, code, word) in [
        (r#"{"id":1,"email":"nobody"}"#, 400, 2003, "email"),
        (r#"{"id":1}"#, 400, 2001, "email"),
        (r#"{"id":7,"email":"a@example.com"}"#, 404, 3001, "account 7"),
    ] {
        refused(
            &client.post("/acme/accounts/contact", body).await,
            status,
            code,
            word,
        );
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

impl Client {
    /// Kind and id of each row, the total, and the next cursor.
    async fn rows(&self, query: &str) -> (Vec<String>, u64, String) {
        let answer = self.get(&format!("/certificates?{query}")).await.body;
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let data = &answer["data"];
        let list = data["list"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let rows = list
            .iter()
            .map(|r| format!("{}{}", &r["kind"].as_str().unwrap()[..1], r["id"]));
        let cursor = data["nextCursor"].as_str().unwrap_or_default().to_owned();
        (rows.collect(), data["total"].as_u64().unwrap(), cursor)
    }
}

#[tokio::test]
async fn requests_and_certificates_are_one_list() {
    let client = Client::new().await;
    client.account().await;
    for n in 1..=4 {
        let body = format!(r#"{{"accountId":1,"domains":["a{n}.example.com"]}}"#);
        client.post("/acme/certificate/request", &body).await;
        let source = if n == 3 {
            CertificateSource::Upload
        } else {
            CertificateSource::Acme
        };
        client
            .certificate(&format!("0{n}"), &format!("b{n}.example.com"), source)
            .await;
    }
    client.post("/acme/certificate/requests/2/cancel", "").await;
    client
        .store
        .delete_certificate(CertificateId::new(1), SystemClock.now())
        .await
        .unwrap();
    let all = ["c4", "r4", "c3", "r3", "c2", "r2", "r1"];
    assert_eq!(client.rows("").await.0, all);
    assert_eq!(client.rows("").await.1, 7);
    let (first, total, cursor) = client.rows("pageSize=3").await;
    assert_eq!(
        (first.as_slice(), total),
        (
            &all[..3].iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..],
            7
        )
    );
    let (second, _, cursor) = client.rows(&format!("pageSize=3&cursor={cursor}")).await;
    assert_eq!(second, all[3..6]);
    assert_eq!(client.rows("pageSize=3&page=2").await.0, all[3..6]);
    assert_eq!(
        client.rows(&format!("pageSize=3&cursor={cursor}")).await.0,
        all[6..]
    );
    for (query, expected) in [
        ("kind=certificate", vec!["c4", "c3", "c2"]),
        ("kind=request", vec!["r4", "r3", "r2", "r1"]),
        ("status=issued", vec!["c4", "c3", "c2"]),
        ("status=deleted", vec!["c1"]),
        ("status=expired", vec![]),
        ("status=pending", vec!["r4", "r3", "r1"]),
        ("status=failed", vec!["r2"]),
        ("source=upload", vec!["c3"]),
        ("source=acme", vec!["c4", "r4", "r3", "c2", "r2", "r1"]),
        ("name=b2.example.com", vec!["c2"]),
        ("name=example.com", vec!["c4", "c3", "c2"]),
        ("wildcard=true", vec![]),
    ] {
        let (rows, total, _) = client.rows(query).await;
        assert_eq!(
            (rows.len() as u64, &rows),
            (total, &expected.into_iter().map(String::from).collect()),
            "{query}"
        );
    }
    for (query, word) in [
        ("status=odd", "status"),
        ("source=odd", "source"),
        ("kind=odd", "kind"),
        ("name=co.uk", "name"),
        ("kind=request&status=issued", "request"),
        ("kind=certificate&status=failed", "status"),
        ("status=failed&name=example.com", "name"),
        ("cursor=nonsense", "cursor"),
        ("page=1000&pageSize=100", "nextCursor"),
    ] {
        refused(
            &client.get(&format!("/certificates?{query}")).await,
            400,
            2003,
            word,
        );
    }
    let list = client.get("/certificates?kind=request&pageSize=1").await.body;
    let row = r#"{"id":4,"kind":"request","status":"pending","source":"acme","acmeAccountId":1,"requestId":4,"attempts":0,"pollMaxAttempts":10,"phase":"queued","#;
    assert!(list.contains(row), "{list}");
}

#[tokio::test]
async fn certificates_are_deleted_restored_revoked_and_bound() {
    let client = Client::new().await;
    client.account().await;
    client
        .certificate("01", "example.com", CertificateSource::Acme)
        .await;
    client
        .certificate("02", "example.com", CertificateSource::Upload)
        .await;
    let bound = client.post("/certificates/1/bind", r#"{"websiteId":7}"#).await;
    let binding =
        r#"{"code":0,"message":"success","data":{"certificateId":1,"websiteId":7,"status":"active"}}"#;
    assert_eq!(bound.body, binding);
    let list = client.get("/certificates/bindings?status=active").await.body;
    assert!(
        list.contains(r#""list":[{"certificateId":1,"websiteId":7,"status":"active"}],"total":1,"#),
        "{list}"
    );
    refused(
        &client.post("/certificate/1/delete", "").await,
        409,
        3003,
        "used by 1 websites",
    );
    let unbound = client
        .post("/certificates/1/unbind", r#"{"websiteId":7}"#)
        .await
        .body;
    assert!(unbound.contains(r#""status":"inactive""#), "{unbound}");
    refused(
        &client.post("/certificates/1/unbind", r#"{"websiteId":8}"#).await,
        404,
        3001,
        "website 8",
    );
    refused(
        &client.post("/certificates/1/bind", "{}").await,
        400,
        2001,
        "websiteId",
    );
    let deleted = client.post("/certificate/1/delete", "").await.body;
    assert!(
        deleted.contains(r#""status":"deleted""#) && !deleted.contains(r#""deletedAt":null"#),
        "{deleted}"
    );
    refused(
        &client.post("/certificates/1/bind", r#"{"websiteId":7}"#).await,
        409,
        3003,
        "deleted",
    );
    refused(
        &client.post("/certificate/1/revoke", "").await,
        409,
        3003,
        "deleted",
    );
    let back = client.post("/certificate/1/restore", "").await.body;
    assert!(
        back.contains(r#""status":"issued""#) && back.contains(r#""deletedAt":null"#),
        "{back}"
    );

    for bad in ["7", "11", r#""because""#, "-1", "1.5"] {
        let body = format!(r#"{{"reason":{bad}}}"#);
        refused(
            &client.post("/certificate/1/revoke", &body).await,
            400,
            2003,
            "keyCompromise",
        );
    }
    refused(
        &client.post("/certificate/1/revoke", r#"{"reason":true}"#).await,
        400,
        2002,
        "reason",
    );
    refused(&client.post("/certificate/2/revoke", "").await, 409, 3003, "ACME");
    let kicks = *client.kick.0.lock().unwrap();
    let asked = client
        .post("/certificate/1/revoke", r#"{"reason":"superseded"}"#)
        .await
        .body;
    let said = r#""revoking":true,"revokedAt":null,"revocationReason":"superseded""#;
    assert!(
        asked.contains(said) && asked.contains(r#""status":"issued""#),
        "{asked}"
    );
    assert_eq!(*client.kick.0.lock().unwrap(), kicks + 1, "the worker is told");
    client
        .store
        .settle_revocation(CertificateId::new(1), 1, None, SystemClock.now())
        .await
        .unwrap();
    let already = client.post("/certificate/1/revoke", r#"{"reason":1}"#).await.body;
    let said = r#""revocationReason":"superseded""#;
    assert!(
        already.contains(said) && already.contains(r#""status":"revoked""#),
        "{already}"
    );
    refused(
        &client.post("/certificates/1/bind", r#"{"websiteId":7}"#).await,
        409,
        3003,
        "revoked",
    );
    for call in ["delete", "restore", "revoke"] {
        refused(
            &client.post(&format!("/certificate/9/{call}"), "").await,
            404,
            3001,
            "certificate 9",
        );
        refused(
            &client.post(&format!("/certificate/x/{call}"), "").await,
            400,
            2002,
            "id",
        );
    }
}
