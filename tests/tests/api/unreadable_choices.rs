//! Choices and locks that cannot be read: what stands beside a call's record stops the call only where it must, in words.

use aws_sdk_dynamodb::types::AttributeValue;
use certmint_tests::logged::Logged;

use super::{
    Client,
    client::data,
    refused,
    unreadable::{QUARANTINE, world},
};

/// Whether an account is chosen cannot be told: it stays, and what is said to do makes it go.
#[tokio::test]
async fn an_unreadable_choice_of_accounts_is_made_anew_and_then_one_goes() {
    let choose = "/acme/accounts/fallback";
    let default = "/acme/accounts/set-default";
    for (item, attribute, call, body) in [
        (("FALLBACK", "META"), "accounts", choose, r#"{"accountIds":[]}"#),
        (
            ("FALLBACK", "META"),
            "updated_at",
            choose,
            r#"{"accountIds":[2]}"#,
        ),
        (
            ("DEFAULT", "000000000002"),
            "account_id",
            default,
            r#"{"providerId":2,"accountId":2}"#,
        ),
        (
            ("DEFAULT", "000000000002"),
            "updated_at",
            default,
            r#"{"providerId":2,"accountId":2}"#,
        ),
    ] {
        let (client, logged) = (world().await, Logged::new());
        let eab = r#","eabKid":"kid-123456","eabHmacKey":"your_eab_hmac_key_here""#;
        let spare = format!(r#"{{"providerName":"google","email":"spare@example.com"{eab}}}"#);
        let id = data(&client.post("/acme/account/create", &spare).await)["id"].clone();
        let delete = format!(r#"{{"id":{id}}}"#);
        let odd = AttributeValue::S("odd".into());
        client.world.spoil(item, attribute, odd).await;
        let kept = client.post("/acme/accounts/delete", &delete).await;
        refused(&kept, 409, 3003, &format!("anew with POST /api/v1{call}"));
        assert_eq!(logged.alarms(QUARANTINE).len(), 1, "{item:?} {attribute}");
        let chosen = client.post(call, body).await;
        assert_eq!(chosen.status, 200, "{item:?}: {}", chosen.body);
        let gone = client.post("/acme/accounts/delete", &delete).await;
        assert_eq!(gone.status, 200, "{item:?} {attribute}: {}", gone.body);
    }
}

/// The partition of the one lock that there is.
async fn lock(client: &Client) -> String {
    let items = client.world.snapshot().await.concat();
    let (_, behind) = items.split_once(r#"S("INFLIGHT#"#).unwrap();
    format!("INFLIGHT#{}", behind.split_once('"').unwrap().0)
}

/// A lock that cannot be read holds nobody up: the next request of these names takes it, and one of many at once.
#[tokio::test]
async fn an_unreadable_lock_is_a_free_one() {
    for odd in [AttributeValue::S("odd".into()), AttributeValue::N("-1".into())] {
        let (client, logged) = (Client::new().await, Logged::new());
        client.account().await;
        let ask = async || {
            let body = r#"{"accountId":1,"domains":["a.example.com"]}"#;
            let answer = client.post("/acme/certificate/request", body).await;
            data(&answer)["id"].clone()
        };
        assert_eq!(ask().await, 1);
        client
            .world
            .spoil((&lock(&client).await, "META"), "request_id", odd)
            .await;
        let (one, other) = futures::join!(ask(), ask());
        assert_eq!(one, other, "one of them is joined");
        assert_eq!(ask().await, one, "the lock is whole again");
        assert!(!logged.alarms(QUARANTINE).is_empty());
    }
}
