//! What an account shows of its keys and its binding, and what of that can be changed.

use std::time::Duration;

use certmint_core::{
    account::{Account, AccountStatus},
    clock::Clock,
    words::AccountId,
};
use certmint_shared::{clock::SystemClock, store::AccountStore};

use super::{Client, refused};

/// As the worker leaves an account that it registered.
async fn registered(client: &Client) {
    let account = client.store.account(AccountId::new(1)).await.unwrap();
    let active = Account {
        status: AccountStatus::Active,
        registration_uri: Some("https://ca.test/1".into()),
        ..account
    };
    client.store.save_account(&active).await.unwrap();
}

fn hmac_keys(client: &Client) -> usize {
    let vault = client.vault.0.lock().unwrap();
    vault.keys().filter(|k| k.starts_with("account-eab/")).count()
}

#[tokio::test]
async fn a_rollover_is_asked_for_once() {
    let client = Client::new().await;
    client.account().await;
    let plain = client.get("/acme/accounts/1").await.body;
    let none = r#""keyVersion":1,"keyChangedAt":null,"keyRollover":null"#;
    assert!(
        plain.contains(none) && plain.contains(r#""eabStatus":"none""#),
        "{plain}"
    );
    let ask = |body: &'static str| client.post("/acme/accounts/rollover", body);
    refused(&ask(r#"{"id":1}"#).await, 409, 3003, "is pending");
    registered(&client).await;
    let kicks = *client.kick.0.lock().unwrap();
    let asked = ask(r#"{"id":1}"#).await.body;
    assert!(
        asked
            .contains(r#""keyVersion":1,"keyChangedAt":null,"keyRollover":{"status":"pending","askedAt":"2"#)
            && asked.contains(r#""lastError":null},"createdAt":"#),
        "{asked}"
    );
    assert_eq!(*client.kick.0.lock().unwrap(), kicks + 1);
    refused(&ask(r#"{"id":1}"#).await, 409, 3003, "changing its key already");
    refused(&ask(r#"{"id":7}"#).await, 404, 3001, "account 7");
    refused(&ask(r#"{"id":"1"}"#).await, 400, 2002, "id");
    refused(&ask("{}").await, 400, 2001, "id");
    refused(&ask(r#"{"id":1,"x":2}"#).await, 400, 2002, "x");
}

#[tokio::test]
async fn a_binding_has_a_state_and_is_replaced() {
    let client = Client::new().await;
    client.account().await;
    let soon = SystemClock.now().plus(Duration::from_secs(3600));
    let eab = |expiry: &str| {
        format!(
            r#"{{"providerName":"google","email":"a@example.com","eabKid":"kid-123456","eabHmacKey":"AAAA"{expiry}}}"#
        )
    };
    for (expiry, code, word) in [
        (
            r#","eabExpiresAt":"2020-01-01T00:00:00Z""#,
            2003,
            "eabExpiresAt is over",
        ),
        (r#","eabExpiresAt":"tomorrow""#, 2002, "RFC 3339"),
        (r#","eabExpiresAt":7"#, 2002, "eabExpiresAt"),
    ] {
        let answer = client.post("/acme/account/create", &eab(expiry)).await;
        refused(&answer, 400, code, word);
    }
    let body =
        r#"{"providerName":"letsencrypt","email":"b@example.com","eabExpiresAt":"2099-01-01T00:00:00Z"}"#;
    refused(
        &client.post("/acme/account/create", body).await,
        400,
        2001,
        "eabKid",
    );
    assert_eq!(hmac_keys(&client), 0);

    let expiry = format!(r#","eabExpiresAt":"{soon}""#);
    let created = client.post("/acme/account/create", &eab(&expiry)).await;
    assert_eq!(created.status, 200, "{}", created.body);
    let shown = client.get("/acme/accounts/2").await.body;
    let state = format!(r#""eabExpiresAt":"{soon}","eabStatus":"unused""#);
    assert!(shown.contains(&state), "{shown}");

    let replace = |body: &'static str| client.post("/acme/accounts/eab", body);
    for (body, status, code, word) in [
        (r#"{"id":2}"#, 400, 2001, "eabKid"),
        (r#"{"id":2,"eabKid":"k"}"#, 400, 2001, "eabHmacKey"),
        (r#"{"id":2,"eabHmacKey":"AAAA"}"#, 400, 2001, "eabKid"),
        (r#"{"eabKid":"k","eabHmacKey":"AAAA"}"#, 400, 2001, "id"),
        (
            r#"{"id":2,"eabKid":"k","eabHmacKey":"!"}"#,
            400,
            2002,
            "base64url",
        ),
        (
            r#"{"id":2,"eabKid":"k","eabHmacKey":"AAAA","eabExpiresAt":"2020-01-01T00:00:00Z"}"#,
            400,
            2003,
            "is over",
        ),
        (
            r#"{"id":2,"eabKid":"k","eabHmacKey":"AAAA","x":1}"#,
            400,
            2002,
            "x",
        ),
        (
            r#"{"id":7,"eabKid":"k","eabHmacKey":"AAAA"}"#,
            404,
            3001,
            "account 7",
        ),
    ] {
        refused(&replace(body).await, status, code, word);
    }
    assert_eq!(hmac_keys(&client), 1, "a refused call leaves no key behind");
    let replaced = replace(r#"{"id":2,"eabKid":"kid-abcdef","eabHmacKey":"BBBB"}"#)
        .await
        .body;
    assert!(
        replaced.contains(r#""eabKid":"kid-****","eabExpiresAt":null,"eabStatus":"unused""#)
            && !replaced.contains("BBBB"),
        "{replaced}"
    );
    // An account that has none gets one too, as long as its CA does not know it.
    let bound = replace(r#"{"id":1,"eabKid":"kid-abcdef","eabHmacKey":"BBBB"}"#)
        .await
        .body;
    assert!(bound.contains(r#""eabStatus":"unused""#), "{bound}");
    registered(&client).await;
    let used = client.get("/acme/accounts/1").await.body;
    assert!(used.contains(r#""eabStatus":"used""#), "{used}");
    let keys = hmac_keys(&client);
    let late = replace(r#"{"id":1,"eabKid":"kid-abcdef","eabHmacKey":"CCCC"}"#).await;
    refused(&late, 409, 3003, "registered with its CA");
    client.post("/acme/accounts/disable", r#"{"id":2}"#).await;
    let off = replace(r#"{"id":2,"eabKid":"kid-abcdef","eabHmacKey":"CCCC"}"#).await;
    refused(&off, 409, 3003, "disabled");
    assert_eq!(hmac_keys(&client), keys);
}
