//! What the service refuses over HTTP: with the code, the field and nothing written.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use certmint_tests::journey::{Journey, eventually, options};
use serde_json::json;

/// Names that nobody can be issued a certificate for, and a word of the reason.
fn bad_names() -> Vec<(String, &'static str)> {
    let long_label = format!("{}.example.com", "a".repeat(64));
    let long_name = format!("{}.example.com", ["a"; 125].join("."));
    [
        ("", "empty"),
        (" ", "character"),
        ("localhost", "no dot"),
        ("example", "no dot"),
        ("com", "no dot"),
        ("co.uk", "public suffix"),
        ("*.co.uk", "public suffix"),
        ("*.com", "no dot"),
        ("com.au", "public suffix"),
        ("*.com.au", "public suffix"),
        ("192.0.2.1", "IP address"),
        ("10.0.0.1", "IP address"),
        ("2001:db8::1", "IP address"),
        ("[2001:db8::1]", "IP address"),
        ("1.2.3", "IP address"),
        ("*", "star"),
        ("*.", "star"),
        ("*.*.example.com", "star"),
        ("**.example.com", "star"),
        ("www.*.example.com", "star"),
        ("a*.example.com", "star"),
        ("*a.example.com", "star"),
        ("example.*", "star"),
        (".example.com", "empty label"),
        ("example..com", "empty label"),
        ("example.com..", "empty label"),
        ("-a.example.com", "character"),
        ("a-.example.com", "character"),
        ("a_b.example.com", "character"),
        ("a b.example.com", "character"),
        ("a\tb.example.com", "character"),
        ("a\u{0}.example.com", "character"),
        ("a\n.example.com", "character"),
        ("https://example.com", "character"),
        ("example.com/path", "character"),
        ("example.com:443", "character"),
        ("user@example.com", "character"),
        ("exa$mple.com", "character"),
        ("example.com,example.net", "character"),
        ("xn--.example.com", "IDNA"),
        ("xn--0.example.com", "IDNA"),
        ("xn--a-ecp.ru.com\u{ad}xn--", "IDNA"),
        ("\u{202e}example.com", "IDNA"),
        (&long_label, "63"),
        (&long_name, "253"),
    ]
    .map(|(name, word)| (name.to_owned(), word))
    .to_vec()
}

#[tokio::test]
async fn bad_calls_are_refused_and_leave_nothing() {
    let journey = Journey::start(options()).await;
    let client = &journey.client;
    let account = journey.account().await;
    let file = "/acme/certificate/request";

    let bad = bad_names();
    assert!(bad.len() >= 40);
    for (name, word) in &bad {
        let body = json!({"accountId": account, "domains": ["example.com", name]}).to_string();
        let answer = client.post(file, &body).await;
        answer.refused(400, 2003, "domains[1]");
        assert!(
            answer.text.contains(word),
            "{name:?}: {} lacks {word}",
            answer.text
        );
    }

    let many: Vec<String> = (0..101).map(|n| format!("h{n}.example.com")).collect();
    let body = json!({"accountId": account, "domains": many}).to_string();
    client.post(file, &body).await.refused(400, 2003, "101 names");
    let names = r#""domains":["example.com"]"#;
    client
        .post(file, &format!(r#"{{"accountId":99,{names}}}"#))
        .await
        .refused(404, 3001, "account 99");
    client
        .post(file, &format!(r#"{{"accountId":"1",{names}}}"#))
        .await
        .refused(400, 2002, "accountId");
    client
        .post(file, &format!(r#"{{{names}}}"#))
        .await
        .refused(400, 2001, "accountId");
    client
        .post(file, &format!(r#"{{"accountId":1,{names},"x":1}}"#))
        .await
        .refused(400, 2002, "x");
    client
        .post(file, "{\"accountId\":1,")
        .await
        .refused(400, 2002, "JSON");
    client.post(file, "").await.refused(400, 2002, "JSON");
    let large = format!(r#"{{"accountId":1,"domains":["{}"]}}"#, "a".repeat(100_000));
    client.post(file, &large).await.refused(400, 2002, "65536");

    let create = "/acme/account/create";
    let google = r#"{"providerName":"google","email":"a@example.com"}"#;
    client.post(create, google).await.refused(400, 2001, "eabKid");
    let unknown = r#"{"providerName":"nobody","email":"a@example.com"}"#;
    client
        .post(create, unknown)
        .await
        .refused(404, 3001, "providerName");
    let twice = r#"{"providerName":"letsencrypt","email":"ops@EXAMPLE.com"}"#;
    client.post(create, twice).await.refused(409, 3002, "exists");
    // A server may tell case apart in the local part (RFC 5321 §2.4); none does, and people do not.
    let again = r#"{"providerName":"letsencrypt","email":"OPS@example.com"}"#;
    client.post(create, again).await.refused(409, 3002, "exists");

    client
        .with_token(None)
        .post(file, "{}")
        .await
        .refused(401, 1001, "Authorization");
    client
        .with_token(Some("wrong"))
        .post(file, "{}")
        .await
        .refused(401, 1002, "token");
    client
        .post("/acme/certificate/retry", r#"{"id":1}"#)
        .await
        .refused(404, 3001, "request 1");
    client
        .get("/acme/certificate/requests/1")
        .await
        .refused(404, 3001, "request 1");
    client
        .get("/acme/certificate/requests?status=done")
        .await
        .refused(400, 2003, "status");
    client.get("/no/such/call").await.refused(404, 3001, "no call");
    assert_eq!(
        client.with_token(None).get("/health").await.status,
        200,
        "health needs no token"
    );

    assert_eq!(
        client.get("/acme/certificate/requests").await.data()["total"],
        0,
        "nothing was written"
    );
    journey.end().await;
}

#[tokio::test]
async fn without_dns_access_the_reason_says_so() {
    let mut options = options();
    options.read_only_zones = vec!["locked.example".into()];
    options.foreign_zones = vec!["elsewhere.example".into()];
    let journey = Journey::start(options).await;
    let account = journey.account().await;
    for (name, status, words) in [
        // Somebody may be about to give the right: it is waited for.
        (
            "www.locked.example",
            "running",
            ["access denied to ChangeResourceRecordSets", "locked.example"],
        ),
        (
            "www.elsewhere.example",
            "failed",
            ["no public hosted zone", "www.elsewhere.example"],
        ),
    ] {
        let id = journey.request(account, &[name]).await;
        let told = eventually("it says why", || async {
            let request = journey.look(id).await;
            request["last_error"].is_string().then_some(request)
        })
        .await;
        let error = told["last_error"].as_str().unwrap();
        assert!(error.starts_with("Failed to create DNS record: "), "{error}");
        assert!(words.iter().all(|w| error.contains(w)), "{error}");
        assert_eq!((&told["status"], &told["attempts"]), (&json!(status), &json!(1)));
    }
    journey.end().await;
}

#[tokio::test]
async fn a_call_that_is_sent_twice_with_one_key_is_one_call() {
    let journey = Journey::start(options()).await;
    let account = journey.account().await;
    let body = json!({"accountId": account, "domains": ["example.org"]}).to_string();
    let headers = [("content-type", "application/json"), ("idempotency-key", "k1")];
    let call = |body: String| {
        journey
            .client
            .call("POST", "/acme/certificate/request", &headers, body)
    };
    let first = call(body.clone()).await.id();
    assert_eq!(call(body).await.id(), first);
    let other = json!({"accountId": account, "domains": ["example.net"]}).to_string();
    call(other).await.refused(409, 3002, "Idempotency-Key");
    journey.until(first, "success").await;
    journey.until_clean().await;
    assert_eq!(
        journey.client.get("/acme/certificate/requests").await.data()["total"],
        1
    );
    journey.end().await;
}
