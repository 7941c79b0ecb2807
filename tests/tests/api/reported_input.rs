//! Inputs that were reported, as they were sent (`tests/cases`).

use serde_json::{Value, json};

use super::client::{Client, data, input, json_of, refused};

const REQUEST: &str = "/acme/certificate/request";
const CREATE: &str = "/acme/account/create";

#[tokio::test]
async fn an_idempotency_key_beyond_ascii_is_refused() {
    let client = Client::new().await;
    client.account().await;
    let case = "17-idempotency-key-non-ascii";
    let (header, body) = (input(case, "header.txt"), input(case, "request.json"));
    let (name, value) = header.trim_end().split_once(": ").unwrap();
    let headers: [(&str, &[u8]); 2] = [("authorization", b"Bearer token"), (name, value.as_bytes())];
    let answer = client
        .send(
            "POST",
            "/api/v1/acme/certificate/request",
            &headers,
            body.as_bytes(),
        )
        .await;
    refused(&answer, 400, 2003, "Idempotency-Key");
    assert_eq!(data(&client.get("/acme/certificate/requests").await)["total"], 0);
    assert_eq!(
        client.post(REQUEST, &body).await.status,
        200,
        "without it the call is good"
    );
}

#[tokio::test]
async fn an_eab_key_in_standard_base64_is_taken() {
    let client = Client::new().await;
    let mut account = json_of("19-eab-standard-base64", "account.json");
    let key = account["eabHmacKey"].as_str().unwrap().to_owned();
    for (index, behind) in ["", " ", "\n", "\r\n", "\t", "\n\n"].iter().enumerate() {
        account["email"] = json!(format!("e{index}@example.com"));
        account["eabHmacKey"] = json!(format!("{key}{behind}"));
        let answer = client.post(CREATE, &account.to_string()).await;
        assert_eq!(data(&answer)["eab_kid"], "kid", "{behind:?}");
    }
    account["eabHmacKey"] = json!("ab+/ ab8=");
    refused(
        &client.post(CREATE, &account.to_string()).await,
        400,
        2002,
        "eabHmacKey",
    );
}

#[tokio::test]
async fn an_account_needs_no_address() {
    let client = Client::new().await;
    let account = input("20-account-without-email", "account.json");
    let made = data(&client.post(CREATE, &account).await);
    assert_eq!((&made["id"], &made["email"]), (&json!(1), &Value::Null));
    refused(&client.post(CREATE, &account).await, 409, 3002, "without email");
}

#[tokio::test]
async fn a_name_beside_its_star_is_left_out_with_a_note() {
    let client = Client::new().await;
    client.account().await;
    let made = data(
        &client
            .post(REQUEST, &input("21-wildcard-covers-name", "request.json"))
            .await,
    );
    assert_eq!(made["names"], json!(["*.example.com", "www.example.com"]));
    let note = "www.example.com is left out of the order: *.example.com covers it, and letsencrypt refuses both in one certificate";
    assert_eq!(made["warnings"], json!([note]));
}

#[tokio::test]
async fn a_csr_with_a_common_name_alone_is_told_what_to_add() {
    let client = Client::new().await;
    client.account().await;
    let answer = client
        .post_csr(REQUEST, &input("22-csr-common-name-only", "request.json"))
        .await;
    refused(&answer, 400, 2003, "csr has no subjectAltName; add one");
}

#[tokio::test]
async fn a_page_beyond_the_limits_is_told_which() {
    let client = Client::new().await;
    let queries = input("23-page-messages", "queries.txt");
    for (line, words) in queries.lines().zip(["page is too large", "page is too small"]) {
        let answer = client.get(line.strip_prefix("GET ").unwrap()).await;
        refused(&answer, 400, 2003, words);
        assert!(answer.body.contains("from 1 to 1000000"), "{}", answer.body);
        assert!(
            !answer.body.contains("1 or more") && !answer.body.contains("be a number"),
            "{}",
            answer.body
        );
    }
}

#[tokio::test]
async fn a_name_without_room_for_its_challenge_is_refused_at_once() {
    let client = Client::new().await;
    client.account().await;
    let answer = client
        .post(REQUEST, &input("18-name-too-long-for-challenge", "request.json"))
        .await;
    refused(&answer, 400, 2003, "domains[0] is over 237 octets");
}

#[tokio::test]
async fn names_that_idna_empties_are_refused_or_normalised() {
    let client = Client::new().await;
    client.account().await;
    let names = json_of("01-idn-empty-label", "names.json");
    let wanted = [
        None,
        None,
        None,
        Some("xn--bcher-kva.example.com"),
        Some("*.xn--tda.example.com"),
    ];
    for (name, wanted) in names.as_array().unwrap().iter().zip(wanted) {
        let body = json!({"accountId": 1, "domains": [name]}).to_string();
        let answer = client.post(REQUEST, &body).await;
        match wanted {
            None => refused(&answer, 400, 2003, "domains[0] has an empty label"),
            Some(wanted) => {
                let made = data(&answer);
                let seen = data(
                    &client
                        .get(&format!("/acme/certificate/requests/{}", made["id"]))
                        .await,
                );
                assert_eq!(seen["names"], json!([wanted]));
            }
        }
    }
}

#[tokio::test]
async fn suffixes_of_the_private_section_are_somebodys_names() {
    let client = Client::new().await;
    client.account().await;
    let case = "09-private-section-suffix";
    for name in json_of(case, "names.json").as_array().unwrap() {
        let body = json!({"accountId": 1, "domains": [name]}).to_string();
        assert_eq!(data(&client.post(REQUEST, &body).await)["names"], json!([name]));
    }
    for name in json_of(case, "still_refused.json").as_array().unwrap() {
        let body = json!({"accountId": 1, "domains": [name]}).to_string();
        refused(
            &client.post(REQUEST, &body).await,
            400,
            2003,
            "domains[0] is a public suffix",
        );
    }
}
