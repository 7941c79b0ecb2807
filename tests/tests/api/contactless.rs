//! Accounts without an address (RFC 8555 §7.3: contact is optional).

use serde_json::{Value, json};

use super::client::{Client, data, refused};

const CREATE: &str = "/acme/account/create";

#[tokio::test]
async fn a_provider_has_one_account_without_an_address() {
    let client = Client::new().await;
    let made = client.post(CREATE, r#"{"providerName":"letsencrypt"}"#).await;
    let text =
        r#"{"code":0,"message":"success","data":{"id":1,"provider_id":1,"email":null,"status":"pending"}}"#;
    assert_eq!((made.status, made.body.as_str()), (200, text));
    for again in ["", r#","email":null"#, r#","email":"""#] {
        let body = format!(r#"{{"providerName":"letsencrypt"{again}}}"#);
        let answer = client.post(CREATE, &body).await;
        refused(&answer, 409, 3002, "account of provider 1 without email exists");
    }
    for (email, code) in [
        (json!(" "), 2003),
        (json!("\n"), 2003),
        (json!("none"), 2003),
        (json!("nobody"), 2003),
        (json!("mailto:a@example.com"), 2003),
        (json!("a@example.com,b@example.com"), 2003),
        (json!(["a@example.com"]), 2002),
        (json!(false), 2002),
        (json!({}), 2002),
    ] {
        let body = json!({"providerName": "letsencrypt", "email": email}).to_string();
        refused(&client.post(CREATE, &body).await, 400, code, "email");
    }
    // Another provider, and one with an address beside it.
    let staging = client
        .post(CREATE, r#"{"providerName":"letsencrypt-staging","email":""}"#)
        .await;
    assert_eq!(
        (&data(&staging)["id"], &data(&staging)["email"]),
        (&json!(2), &Value::Null)
    );
    let bound = r#"{"providerName":"google","eabKid":"kid","eabHmacKey":"AAAA"}"#;
    assert_eq!(data(&client.post(CREATE, bound).await)["email"], Value::Null);
    assert_eq!(
        data(
            &client
                .post(
                    CREATE,
                    r#"{"providerName":"letsencrypt","email":"a@example.com"}"#
                )
                .await
        )["id"],
        4
    );
}

#[tokio::test]
async fn everything_that_looks_at_an_account_knows_it_may_have_no_address() {
    let client = Client::new().await;
    data(&client.post(CREATE, r#"{"providerName":"letsencrypt"}"#).await);
    data(
        &client
            .post(
                CREATE,
                r#"{"providerName":"letsencrypt","email":"a@example.com"}"#,
            )
            .await,
    );
    let ids = async |query: &str| {
        let found = data(&client.get(&format!("/acme/accounts{query}")).await);
        let rows = found["list"].as_array().unwrap().iter();
        rows.map(|row| row["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    for (query, wanted) in [
        ("", vec![1, 2]),
        ("?email=", vec![1, 2]),
        ("?email=none", vec![1]),
        ("?email=none&providerId=1&status=pending", vec![1]),
        ("?email=none&providerId=2", vec![]),
        ("?email=a@example.com", vec![2]),
        ("?email=A@EXAMPLE.com", vec![2]),
        ("?email=b@example.com", vec![]),
    ] {
        assert_eq!(ids(query).await, wanted, "{query}");
    }
    refused(&client.get("/acme/accounts?email=NONE").await, 400, 2003, "email");
    assert_eq!(data(&client.get("/acme/accounts/1").await)["email"], Value::Null);

    let chosen = client
        .post("/acme/accounts/set-default", r#"{"providerId":1,"accountId":1}"#)
        .await;
    assert_eq!(data(&chosen)["accountEmail"], Value::Null);
    let defaults = data(&client.get("/acme/accounts/defaults").await);
    assert_eq!(
        (
            &defaults["list"][0]["accountId"],
            &defaults["list"][0]["accountEmail"]
        ),
        (&json!(1), &Value::Null)
    );
    let fallback = client
        .post("/acme/accounts/fallback", r#"{"accountIds":[1]}"#)
        .await;
    assert_eq!(data(&fallback)["accountIds"], json!([1]));
    let asked = client
        .post(
            "/acme/certificate/request",
            r#"{"accountId":1,"domains":["a.example.com"]}"#,
        )
        .await;
    assert_eq!(data(&asked)["account_id"], 1);
    for call in ["disable", "enable"] {
        let switched = client
            .post(&format!("/acme/accounts/{call}"), r#"{"id":1}"#)
            .await;
        assert_eq!(data(&switched)["email"], Value::Null);
    }

    // It gets an address, and leaves its place; the place is free, and an address's too.
    let contact = "/acme/accounts/contact";
    refused(
        &client.post(contact, r#"{"id":1,"email":"A@example.com"}"#).await,
        409,
        3002,
        "exists",
    );
    assert_eq!(
        data(&client.post(contact, r#"{"id":1,"email":"c@example.com"}"#).await)["email"],
        "c@example.com"
    );
    assert_eq!(
        data(&client.post(contact, r#"{"id":1,"email":"C@example.com"}"#).await)["email"],
        "C@example.com"
    );
    assert_eq!(ids("?email=none").await, [] as [u64; 0]);
    assert_eq!(
        data(&client.post(CREATE, r#"{"providerName":"letsencrypt"}"#).await)["id"],
        3
    );
    assert_eq!(
        data(&client.post("/acme/accounts/delete", r#"{"id":3}"#).await)["email"],
        Value::Null
    );
    assert_eq!(
        data(&client.post(CREATE, r#"{"providerName":"letsencrypt"}"#).await)["id"],
        4
    );
    for missing in [
        r#"{"id":4}"#,
        r#"{"id":4,"email":null}"#,
        r#"{"id":4,"email":""}"#,
    ] {
        refused(
            &client.post(contact, missing).await,
            400,
            2001,
            "email is missing",
        );
    }
}
