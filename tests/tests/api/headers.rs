//! A header or a body that cannot be read is refused and never counts as absent.

use super::client::{ApiResponse, Client, data, refused};

const REQUEST: &str = "/api/v1/acme/certificate/request";
const BODY: &str = r#"{"accountId":1,"domains":["idem.example.com"],"force":true}"#;
const TOKEN: (&str, &[u8]) = ("authorization", b"Bearer token");

async fn send(client: &Client, headers: &[(&str, &[u8])], body: &[u8]) -> ApiResponse {
    let headers: Vec<_> = std::iter::once(&TOKEN).chain(headers).copied().collect();
    client.send("POST", REQUEST, &headers, body).await
}

#[tokio::test]
async fn an_idempotency_key_is_used_or_refused() {
    let client = Client::new().await;
    client.account().await;
    let long = "k".repeat(256);
    for key in [
        "café".as_bytes(),
        b"caf\xe9",
        b"\xff",
        "k\u{200b}".as_bytes(),
        b"",
        b"a b",
        b"a\tb",
        "ключ".as_bytes(),
        long.as_bytes(),
    ] {
        let answer = send(&client, &[("idempotency-key", key)], BODY.as_bytes()).await;
        refused(
            &answer,
            400,
            2003,
            "Idempotency-Key must be 1 to 255 visible ASCII",
        );
    }
    let twice: [(&str, &[u8]); 2] = [("idempotency-key", b"a"), ("Idempotency-Key", b"a")];
    let answer = send(&client, &twice, BODY.as_bytes()).await;
    refused(&answer, 400, 2003, "Idempotency-Key came twice");
    let list = data(&client.get("/acme/certificate/requests").await);
    assert_eq!(list["total"], 0, "nothing was written");
    let longest = "k".repeat(255);
    for key in ["~", "a,b", &longest] {
        let key: (&str, &[u8]) = ("idempotency-key", key.as_bytes());
        let first = data(&send(&client, &[key], BODY.as_bytes()).await);
        assert_eq!(
            data(&send(&client, &[key], BODY.as_bytes()).await)["id"],
            first["id"]
        );
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_read_is_not_missing() {
    let client = Client::new().await;
    let call = async |headers: &[(&str, &[u8])]| {
        let path = "/api/v1/acme/accounts";
        client.send("GET", path, headers, b"").await
    };
    refused(&call(&[]).await, 401, 1001, "missing");
    for wrong in [
        "Bearer café".as_bytes(),
        b"Bearer token\xff",
        b"Bearer token,Bearer token",
        b"",
        b"Bearer",
        b"token",
        b"Bearer  ",
        b"Basic dG9rZW4=",
    ] {
        refused(&call(&[("authorization", wrong)]).await, 401, 1002, "not valid");
    }
    refused(&call(&[TOKEN, TOKEN]).await, 401, 1002, "not valid");
    assert_eq!(call(&[("authorization", b"BEARER  token ")]).await.status, 200);
}

#[tokio::test]
async fn a_body_is_utf_8_whatever_its_media_type() {
    let client = Client::new().await;
    client.account().await;
    for kind in [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;CHARSET=\"UTF-8\"",
        "application/json; charset=us-ascii",
        "application/x-www-form-urlencoded",
        "text/plain",
        "",
    ] {
        let answer = send(&client, &[("content-type", kind.as_bytes())], BODY.as_bytes()).await;
        assert_eq!(answer.status, 200, "{kind}: {}", answer.body);
    }
    assert_eq!(send(&client, &[], BODY.as_bytes()).await.status, 200);
    for kind in [
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-16",
        "text/plain; format=flowed; charset=\"latin1\"",
        "application/json, application/json; charset=cp1252",
        "application/json; charset=",
        "application/json; charset=ütf-8",
    ] {
        let answer = send(&client, &[("content-type", kind.as_bytes())], BODY.as_bytes()).await;
        refused(&answer, 400, 2002, "Content-Type");
    }
    for encoding in ["gzip", "identity, gzip", "br", ""] {
        let answer = send(
            &client,
            &[("content-encoding", encoding.as_bytes())],
            BODY.as_bytes(),
        )
        .await;
        refused(&answer, 400, 2002, "Content-Encoding");
    }
}

#[tokio::test]
async fn a_body_is_read_whole_or_refused() {
    let client = Client::new().await;
    client.account().await;
    let marked = format!("\u{feff}{BODY}");
    let answer = send(&client, &[], marked.as_bytes()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let utf_16: Vec<u8> = BODY.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (body, code, word) in [
        (
            b"{\"accountId\":1,\"domains\":[\"b\xfccher.example\"]}".to_vec(),
            2002,
            "body is not JSON in UTF-8",
        ),
        (utf_16, 2002, "body is not JSON"),
        (b"eyJhY2NvdW50SWQiOjF9".to_vec(), 2002, "body is not JSON"),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}".to_vec(), 2002, "body is not JSON"),
        (b"{} {}".to_vec(), 2002, "body is not JSON"),
        (b"null".to_vec(), 2002, "must be a JSON object"),
        (b"7".to_vec(), 2002, "must be a JSON object"),
        (
            br#"{"accountId":1,"accountId":2,"domains":["a.example.com"]}"#.to_vec(),
            2002,
            "accountId is there twice",
        ),
        (
            br#"{"accountId":1,"domains":["a.example.com"],"force":true,"force":true}"#.to_vec(),
            2002,
            "force is there twice",
        ),
        (
            br#"{"accountId":1,"domains":["a.example.com"],"\u0066orce":true,"force":true}"#.to_vec(),
            2002,
            "force is there twice",
        ),
        (
            br#"{"accountId":1,"domains":["a.example.com"],"Force":true}"#.to_vec(),
            2002,
            "Force is no field",
        ),
        (
            br#"{"accountId":null,"domains":["a.example.com"]}"#.to_vec(),
            2001,
            "accountId is missing",
        ),
        (
            br#"{"accountId":1,"domains":null}"#.to_vec(),
            2001,
            "domains is missing",
        ),
        (br#"{"accountId":1,"domains":[null]}"#.to_vec(), 2002, "domains"),
        (
            br#"{"accountId":1,"domains":["a.example.com"],"csr":" \n"}"#.to_vec(),
            2003,
            "csr is blank",
        ),
        (
            br#"{"accountId":1,"domains":["a.example.com"],"a\u202eb":1}"#.to_vec(),
            2002,
            "a field whose name cannot be shown",
        ),
    ] {
        refused(&send(&client, &[], &body).await, 400, code, word);
    }
    let optional = br#"{"accountId":1,"domains":["n.example.com"],"force":null,"csr":null,"profile":null,"fallbackAccountIds":null}"#;
    assert_eq!(send(&client, &[], optional).await.status, 200, "null is left out");
}

/// Every call that takes a body, and every call that takes none.
#[tokio::test]
async fn no_call_drops_a_field_a_condition_or_a_charset() {
    let client = Client::new().await;
    let posts: Vec<String> = certmint_shared::api::routes()
        .into_iter()
        .filter(|route| route.method == "POST" && route.scope.is_some_and(|s| s.as_str() == "write"))
        .map(|route| route.path.replace("{id}", "1"))
        .collect();
    assert!(posts.len() > 15, "{posts:?}");
    for path in &posts {
        let post = async |headers: &[(&str, &[u8])], body: &str| {
            let headers: Vec<_> = std::iter::once(&TOKEN).chain(headers).copied().collect();
            client.send("POST", path, &headers, body.as_bytes()).await
        };
        refused(
            &post(&[], r#"{"x":1,"x":1}"#).await,
            400,
            2002,
            "x is there twice",
        );
        refused(&post(&[], "[]").await, 400, 2002, "must be a JSON object");
        let latin: (&str, &[u8]) = ("content-type", b"application/json; charset=latin1");
        refused(&post(&[latin], "{}").await, 400, 2002, "Content-Type");
        for name in ["if-match", "If-Unmodified-Since"] {
            let answer = post(&[(name, b"\"1\"")], "{}").await;
            refused(&answer, 400, 2003, "is not supported; leave it out");
        }
    }
    for path in [
        "/acme/certificate/requests/1/cancel",
        "/acme/certificate/requests/1/delete",
        "/certificate/1/delete",
        "/certificate/1/restore",
    ] {
        assert!(posts.contains(&format!("/api/v1{path}")));
        let answer = client.post(path, r#"{"force":true}"#).await;
        refused(&answer, 400, 2002, "force is no field of this call");
        for nothing in ["", "{}", "\u{feff}{ }"] {
            refused(&client.post(path, nothing).await, 404, 3001, "does not exist");
        }
    }
}
