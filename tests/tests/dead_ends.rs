//! From every state that an account or a request gets into some call leads out, and it is the one that is advised.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "dead_ends/accounts.rs"]
mod accounts;
#[path = "dead_ends/requests.rs"]
mod requests;
#[path = "dead_ends/walk.rs"]
mod walk;

use certmint_tests::journey::Journey;
use serde_json::{Value, json};

const GOOGLE: &str = r#"{"providerName":"google","email":"a@example.com","eabKid":"your_eab_kid_here","eabHmacKey":"your_eab_hmac_key_here"}"#;

async fn account(journey: &Journey, id: u64) -> Value {
    journey.client.get(&format!("/acme/accounts/{id}")).await.data()
}

async fn post(journey: &Journey, path: &str, body: &Value) -> Value {
    journey.client.post(path, &body.to_string()).await.data()
}

/// Does what a request or an account advises; returns the request that is to succeed.
async fn follow(journey: &Journey, request: &Value, elsewhere: u64) -> u64 {
    let id = request["id"].as_u64().unwrap();
    let of = json!({"id": request["used_account_id"]});
    let again =
        |account: &Value, names: Value| json!({"accountId": account, "domains": names, "force": true});
    match request["next_action"].as_str().unwrap() {
        "retry" => {}
        "enable_account" => drop(post(journey, "/acme/accounts/enable", &of).await),
        "replace_eab" => {
            let eab = json!({"id": of["id"], "eabKid": "your_eab_kid_here", "eabHmacKey": "your_eab_hmac_key_here"});
            post(journey, "/acme/accounts/eab", &eab).await;
        }
        "change_contact" => {
            let contact = json!({"id": of["id"], "email": format!("ops{id}@example.com")});
            post(journey, "/acme/accounts/contact", &contact).await;
        }
        "request_anew" => {
            let names = json!([format!("anew{id}.example.com")]);
            let body = again(&request["used_account_id"], names);
            return post(journey, "/acme/certificate/request", &body).await["id"]
                .as_u64()
                .unwrap();
        }
        "request_elsewhere" => {
            let body = again(&json!(elsewhere), request["names"].clone());
            return post(journey, "/acme/certificate/request", &body).await["id"]
                .as_u64()
                .unwrap();
        }
        other => panic!("{other} is no way out: {request}"),
    }
    post(journey, "/acme/certificate/retry", &json!({"id": id})).await;
    id
}
