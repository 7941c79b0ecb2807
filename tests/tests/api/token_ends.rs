//! Until when a token lets somebody in.

use super::client::{Client, refused};

const ACCOUNTS: &str = "/acme/accounts";

/// A date that cannot be read is past: a typing error makes no token last for ever. The others go on.
#[tokio::test]
async fn a_token_whose_end_cannot_be_read_is_over() {
    let good = r#"{"sha256":"3c469e9d6c5875d37a43f353d4f88e61fcf812c66eee3457465a40b0da4153e0"}"#;
    let reader = "3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30";
    for (end, lets_in) in [
        ("2999-12-31T23:59:59Z", true),
        ("2999-12-31T23:59:59+02:00", true),
        ("2020-01-01T00:00:00Z", false),
        ("1969-12-31T23:59:59Z", false),
        ("2999-12-31", false),
        ("2999-13-01T00:00:00Z", false),
        ("2999-12-31T23:59:59", false),
        ("31.12.2999", false),
        ("4102444800", false),
        ("never", false),
        ("", false),
        (" ", false),
    ] {
        let client = Client::new().await;
        let list = format!(r#"{{"tokens":[{{"sha256":"{reader}","expires_at":"{end}"}},{good}]}}"#);
        client.vault.0.lock().unwrap().insert("api-tokens".into(), list);
        let answer = client.call("GET", ACCOUNTS, Some("Bearer reader"), None, "");
        let answer = answer.await;
        match lets_in {
            true => assert_eq!(answer.status, 200, "{end:?}"),
            false => refused(&answer, 401, 1003, "expired"),
        }
        assert_eq!(client.get(ACCOUNTS).await.status, 200, "{end:?}");
    }
}
