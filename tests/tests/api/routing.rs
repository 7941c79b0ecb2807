//! Paths and methods that are no call, and those that nearly are.

use super::{Client, refused};

#[tokio::test]
async fn paths_and_methods() {
    let client = Client::new().await;
    let token = Some("Bearer token");
    for path in [
        "/health",
        "/acme/accounts",
        "/api/v1",
        "/api/v2/acme/accounts",
        "/api/v1x/acme/accounts",
        "/",
    ] {
        let answer = client.at("GET", path, token, None, "").await;
        refused(&answer, 404, 3001, "is no call of this service");
        refused(
            &client.at("GET", path, None, None, "").await,
            401,
            1001,
            "missing",
        );
    }
    let unknown = client.get("/acme/nothing").await;
    let text = r#"{"code":3001,"message":"GET /acme/nothing is no call of this service","data":null}"#;
    assert_eq!(
        (unknown.status, unknown.allow, unknown.body.as_str()),
        (404, None, text)
    );
    for (method, path, allow) in [
        ("DELETE", "/acme/accounts/1", "GET,HEAD"),
        ("POST", "/acme/accounts", "GET,HEAD"),
        ("GET", "/acme/accounts/enable", "POST"),
        ("PUT", "/acme/accounts/fallback", "GET,HEAD,POST"),
        ("POST", "/health", "GET,HEAD"),
        ("HEAD", "/acme/certificate/retry", "POST"),
    ] {
        let answer = client.call(method, path, token, None, "").await;
        assert_eq!(
            (answer.status, answer.allow.as_deref()),
            (405, Some(allow)),
            "{method} {path}"
        );
        if method != "HEAD" {
            refused(&answer, 405, 3001, &format!("{method} {path} is no call"));
        }
        let stranger = client.call(method, path, None, None, "").await;
        assert_eq!(
            (stranger.status, stranger.allow),
            (401, None),
            "a stranger learns nothing"
        );
        if method != "GET" && method != "HEAD" {
            let reader = client.call(method, path, Some("Bearer reader"), None, "").await;
            assert_eq!((reader.status, reader.allow), (403, None));
        }
    }
    for path in ["/health", "/acme/accounts"] {
        let answer = client.call("HEAD", path, token, None, "").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{path}");
    }
    assert_eq!(client.call("HEAD", "/health", None, None, "").await.status, 200);
    assert_eq!(
        client.call("HEAD", "/acme/accounts", None, None, "").await.status,
        401
    );
    let odd = client
        .at("GET", "/api/v1//acme/accounts/?page=1", token, None, "")
        .await;
    assert_eq!(odd.status, 200, "{}", odd.body);
    for path in [
        "/acme/accounts/x",
        "/acme/accounts/0",
        "/certificates/1x/versions",
        "/acme/accounts/%FF",
    ] {
        refused(
            &client.get(path).await,
            400,
            2002,
            "id must be a positive integer",
        );
    }
}

/// What hands out keys is found by its path to the letter, whatever the method; other spellings get to the API, which says so.
#[tokio::test]
async fn downloads_have_one_spelling() {
    let client = Client::new().await;
    let token = Some("Bearer token");
    for (method, path, allow) in [
        ("GET", "/certificate/1/download", "POST"),
        ("DELETE", "/certificate/1/download", "POST"),
        ("POST", "/certificates/1/download", "GET,HEAD"),
    ] {
        let answer = client.call(method, path, token, None, "").await;
        assert_eq!(
            (answer.status, answer.allow.as_deref()),
            (405, Some(allow)),
            "{method} {path}"
        );
        refused(&answer, 405, 3001, &format!("{method} {path} is no call"));
        let stranger = client.call(method, path, None, None, "").await;
        assert_eq!((stranger.status, stranger.allow), (401, None));
    }
    for path in [
        "/certificate//1/download",
        "/certificate/1/download/",
        "//certificates/1/download",
        "/certificates/1//download//",
    ] {
        let answer = client.call("GET", path, token, None, "").await;
        let plain: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let plain = format!("this call has one spelling: GET /api/v1/{}", plain.join("/"));
        refused(&answer, 404, 3001, &plain);
        refused(
            &client.call("GET", path, None, None, "").await,
            401,
            1001,
            "missing",
        );
    }
}
