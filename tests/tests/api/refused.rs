//! A refused call writes nothing: neither into the table nor into the vault.

use std::collections::{BTreeMap, BTreeSet};

use certmint_core::{certificate::CertificateSource, clock::Clock, words::CertificateId};
use certmint_shared::{api::routes, clock::SystemClock, store::CertificateLifecycle};
use certmint_tests::files::TestCa;
use rcgen::KeyPair;
use serde_json::{Value, json};

use super::Client;

pub(super) const EAB: &str = r#"{"providerName":"google","email":"eab@example.com","eabKid":"kid-1","eabHmacKey":"your_eab_hmac_key_here"}"#;

pub(super) fn upload(ca: &TestCa, key: &KeyPair, names: &[&str], domain: &str) -> String {
    json!({"provider": "manual", "certificatePem": ca.chain(key, names),
        "privateKeyPem": key.serialize_pem(), "domains": [domain]})
    .to_string()
}

/// Accounts 1 (pending), 2 (disabled) and 3 (with a binding); request 1 on its way, 2 failed; certificate 1 uploaded and
/// used by website 7, 2 deleted, 3 without an account.
async fn world(known: &str) -> Client {
    let client = Client::new().await;
    let post = |path: &'static str, body: String| {
        let client = &client;
        async move {
            let answer = client.post(path, &body).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        }
    };
    client.account().await;
    let second = r#"{"providerName":"letsencrypt","email":"b@example.com"}"#;
    post("/acme/account/create", second.into()).await;
    post("/acme/accounts/disable", r#"{"id":2}"#.into()).await;
    post("/acme/account/create", EAB.into()).await;
    for name in ["a.example.com", "b.example.com"] {
        let body = format!(r#"{{"accountId":1,"domains":["{name}"]}}"#);
        let key = Some(name);
        let filed = client
            .call(
                "POST",
                "/acme/certificate/request",
                Some("Bearer token"),
                key,
                &body,
            )
            .await;
        assert_eq!(filed.status, 200);
    }
    post("/acme/certificate/requests/2/cancel", String::new()).await;
    post("/certificates/upload", known.into()).await;
    post("/certificates/1/bind", r#"{"websiteId":7}"#.into()).await;
    client
        .certificate("02", "c.example.com", CertificateSource::Acme)
        .await;
    let now = SystemClock.now();
    client
        .store
        .delete_certificate(CertificateId::new(2), now)
        .await
        .unwrap();
    client
        .certificate("03", "d.example.com", CertificateSource::Upload)
        .await;
    client
}

/// All that there is: the table's items and the vault's secrets.
async fn snapshot(client: &Client) -> (Vec<String>, BTreeMap<String, String>) {
    let secrets = client.vault.0.lock().unwrap().clone();
    (client.world.snapshot().await, secrets.into_iter().collect())
}

/// A call with what it is to be refused with.
struct Refusal {
    path: &'static str,
    body: String,
    key: Option<&'static str>,
    status: u16,
    code: u16,
}

fn refusal(path: &'static str, body: impl Into<String>, status: u16, code: u16) -> Refusal {
    let (body, key) = (body.into(), None);
    Refusal {
        path,
        body,
        key,
        status,
        code,
    }
}

/// What is wrong with uploads.
fn uploads(ca: &TestCa, key: &KeyPair, known: &str) -> Vec<Refusal> {
    let path = "/certificates/upload";
    let many: Vec<String> = (0..1_001).map(|n| format!("n{n}.example.com")).collect();
    let label = "x".repeat(60);
    let long: Vec<String> = (0..780)
        .map(|n| format!("n{n:03}.{label}.{label}.{label}.example.com"))
        .collect();
    let deep: Vec<String> = (0..240)
        .map(|n| format!("{}example.com", format!("{n:03}.").repeat(58)))
        .collect();
    fn texts(names: &[String]) -> Vec<&str> {
        names.iter().map(String::as_str).collect()
    }
    let other = KeyPair::generate().unwrap();
    let of = |names: &[&str], domain| upload(ca, key, names, domain);
    let mut mismatch: Value = serde_json::from_str(&of(&["e.example.com"], "e.example.com")).unwrap();
    mismatch["privateKeyPem"] = json!(other.serialize_pem());
    vec![
        refusal(path, known, 409, 3002),
        refusal(path, mismatch.to_string(), 400, 2003),
        refusal(path, of(&["e.example.com"], "f.example.com"), 400, 2003),
        refusal(path, of(&texts(&many), "n7.example.com"), 400, 2003),
        refusal(path, of(&texts(&long), &long[7]), 400, 2003),
        refusal(path, of(&texts(&deep), &deep[7]), 400, 2003),
        refusal(
            path,
            format!("{{\"provider\":\"{}\"}}", "m".repeat(300_000)),
            400,
            2002,
        ),
    ]
}

fn others() -> Vec<Refusal> {
    let names: Vec<String> = (0..101).map(|n| format!("n{n}.example.com")).collect();
    let huge = json!({"accountId": 1, "domains": ["e.example.com"], "csr": "A".repeat(66_000)});
    let csr = json!({"accountId": 1, "domains": ["e.example.com"], "csr": "A".repeat(60_000)});
    let create = "/acme/account/create";
    let request = "/acme/certificate/request";
    let long = |field: &str| {
        let mut body: Value = serde_json::from_str(EAB).unwrap();
        body["email"] = json!("new@example.com");
        body[field] = json!("k".repeat(5_000));
        body.to_string()
    };
    let eab = r#""eabKid":"kid-2","eabHmacKey":"your_eab_hmac_key_here""#;
    vec![
        refusal(create, EAB, 409, 3002),
        refusal(create, EAB.replace("google", "nobody"), 404, 3001),
        refusal(
            create,
            r#"{"providerName":"google","email":"n@example.com"}"#,
            400,
            2001,
        ),
        refusal(create, long("eabKid"), 400, 2003),
        refusal(create, long("eabHmacKey"), 400, 2003),
        refusal(
            request,
            json!({"accountId": 1, "domains": names}).to_string(),
            400,
            2003,
        ),
        refusal(request, huge.to_string(), 400, 2002),
        refusal(request, csr.to_string(), 400, 2003),
        refusal(
            request,
            r#"{"accountId":2,"domains":["e.example.com"]}"#,
            409,
            3003,
        ),
        refusal(
            request,
            r#"{"accountId":9,"domains":["e.example.com"]}"#,
            404,
            3001,
        ),
        refusal(
            request,
            r#"{"accountId":1,"domains":["e.example.com"],"fallbackAccountIds":[1]}"#,
            400,
            2003,
        ),
        refusal(
            request,
            r#"{"accountId":1,"domains":["e.example.com"],"fallbackAccountIds":[2,3,4,5,6,7]}"#,
            400,
            2003,
        ),
        refusal(
            request,
            r#"{"accountId":1,"domains":["e.example.com"],"fallbackAccountIds":[2]}"#,
            409,
            3003,
        ),
        Refusal {
            key: Some("a.example.com"),
            ..refusal(
                request,
                r#"{"accountId":1,"domains":["other.example.com"]}"#,
                409,
                3002,
            )
        },
        refusal("/acme/certificate/retry", r#"{"id":1}"#, 409, 3003),
        refusal("/acme/certificate/retry", r#"{"id":9}"#, 404, 3001),
        refusal("/acme/certificate/requests/2/cancel", "", 409, 3003),
        refusal("/acme/certificate/requests/1/delete", "", 409, 3003),
        refusal("/acme/accounts/enable", r#"{"id":9}"#, 404, 3001),
        refusal("/acme/accounts/disable", r#"{"id":9}"#, 404, 3001),
        refusal(
            "/acme/accounts/contact",
            r#"{"id":1,"email":"b@example.com"}"#,
            409,
            3002,
        ),
        refusal("/acme/accounts/rollover", r#"{"id":1}"#, 409, 3003),
        refusal("/acme/accounts/delete", r#"{"id":1}"#, 409, 3003),
        refusal("/acme/accounts/eab", format!(r#"{{"id":2,{eab}}}"#), 409, 3003),
        refusal("/acme/accounts/eab", format!(r#"{{"id":9,{eab}}}"#), 404, 3001),
        refusal(
            "/acme/accounts/set-default",
            r#"{"providerId":1,"accountId":2}"#,
            409,
            3003,
        ),
        refusal(
            "/acme/accounts/set-default",
            r#"{"providerId":1,"accountId":3}"#,
            404,
            3001,
        ),
        refusal("/acme/accounts/fallback", r#"{"accountIds":[1,9]}"#, 404, 3001),
        refusal("/certificate/1/delete", "", 409, 3003),
        refusal("/certificate/9/restore", "", 404, 3001),
        refusal("/certificates/2/bind", r#"{"websiteId":8}"#, 409, 3003),
        refusal("/certificates/1/unbind", r#"{"websiteId":8}"#, 404, 3001),
        refusal("/certificate/2/revoke", "", 409, 3003),
        refusal("/certificate/3/revoke", r#"{"reason":"odd"}"#, 400, 2003),
        refusal("/certificate/1/download", r#"{"format":"pem"}"#, 403, 1004),
        refusal(
            "/certificates/renewal/trigger",
            r#"{"certificateId":1}"#,
            409,
            3003,
        ),
        refusal(
            "/certificates/renewal/trigger",
            r#"{"certificateId":2}"#,
            409,
            3003,
        ),
        refusal(
            "/certificates/renewal/disable-auto",
            r#"{"certificateId":9}"#,
            404,
            3001,
        ),
        refusal(
            "/certificates/renewal/enable-auto",
            r#"{"certificateId":1}"#,
            409,
            3003,
        ),
        refusal(
            "/certificates/renewal/settings",
            r#"{"certificateId":2,"reuseKey":true}"#,
            409,
            3003,
        ),
    ]
}

/// A path with its ids as a route has it.
fn route_of(path: &str) -> String {
    let part = |part: &str| match part.parse::<u64>() {
        Ok(_) => "{id}".to_owned(),
        Err(_) => part.to_owned(),
    };
    let parts: Vec<String> = path.split('/').map(part).collect();
    format!("/api/v1{}", parts.join("/"))
}

#[tokio::test]
async fn a_refused_call_writes_nothing() {
    let (ca, key) = (TestCa::default(), KeyPair::generate().unwrap());
    let known = upload(&ca, &key, &["known.example.com"], "known.example.com");
    let client = world(&known).await;
    let all: Vec<Refusal> = uploads(&ca, &key, &known).into_iter().chain(others()).collect();
    let refused: BTreeSet<String> = all.iter().map(|r| route_of(r.path)).collect();
    let posts: BTreeSet<String> = routes()
        .into_iter()
        .filter(|route| route.method == "POST")
        .map(|route| route.path)
        .collect();
    assert_eq!(refused, posts, "every route is refused here");
    let before = snapshot(&client).await;
    let kicks = *client.kick.0.lock().unwrap();
    for Refusal {
        path,
        body,
        key,
        status,
        code,
    } in all
    {
        // A csr needs a right of its own.
        let token = if body.contains("\"csr\"") {
            "Bearer own"
        } else {
            "Bearer token"
        };
        let answer = client.call("POST", path, Some(token), key, &body).await;
        let shown: String = body.chars().take(200).collect();
        super::refused(&answer, status, code, "message");
        assert_eq!(snapshot(&client).await, before, "{path} {shown}: {}", answer.body);
    }
    for token in [
        None,
        Some("Bearer wrong"),
        Some("Bearer reader"),
        Some("Bearer old"),
    ] {
        for path in &posts {
            let path = path.replace("{id}", "1");
            let answer = client.at("POST", &path, token, None, EAB).await;
            assert!(matches!(answer.status, 401 | 403), "{path}: {}", answer.body);
        }
    }
    assert_eq!(snapshot(&client).await, before, "no token, no write");
    assert_eq!(
        *client.kick.0.lock().unwrap(),
        kicks,
        "nobody is woken for nothing"
    );
}

#[tokio::test]
async fn a_call_that_was_done_before_puts_no_second_key_into_the_vault() {
    let client = Client::new().await;
    let create = || {
        client.call(
            "POST",
            "/acme/account/create",
            Some("Bearer token"),
            Some("once"),
            EAB,
        )
    };
    let first = create().await;
    assert_eq!(first.status, 200, "{}", first.body);
    let before = snapshot(&client).await;
    assert_eq!(create().await, first);
    assert_eq!(snapshot(&client).await, before);
}
