//! What each token may call: every route with every scope, and whose key a certificate is issued for.

use certmint_core::{
    certificate::{Certificate, CertificateSource},
    words::RequestId,
};
use certmint_shared::{
    api::{Scope, Server, routes},
    store::CertificateStore,
};
use serde_json::{Value, json};

use super::client::{ApiResponse, Client, refused};

/// Token, its SHA-256, its scopes, and what they allow: (r)ead, (w)rite, (k)eys; (c): a client's own key.
const TOKENS: [(&str, &str, &str, &str); 13] = [
    (
        "none",
        "140bedbf9c3f6d56a9846d2ba7088798683f4da0c248231336e6a05679e4fdfe",
        r#"null"#,
        "rw",
    ),
    (
        "empty",
        "2e1cfa82b035c26cbbbdae632cea070514eb8b773f616aaeaf668e2f0be8f10d",
        r#"[]"#,
        "",
    ),
    (
        "read",
        "3316348dbadfb7b11c7c2ea235949419e23f9fa898ad2c198f999617912a9925",
        r#"["read"]"#,
        "r",
    ),
    (
        "write",
        "10fd874b68dad080ed706762c8e163dabb20514bddae38fb159c56f714a3b143",
        r#"["write"]"#,
        "w",
    ),
    (
        "keys",
        "48a53f0774c8ceff574a1fdcb0d470dbd382b3db273cff4344b6d39d5379c923",
        r#"["keys"]"#,
        "k",
    ),
    (
        "csr",
        "c27338c453067b437471afbce792704d816112c6031bb996b62c698ea599ef80",
        r#"["csr"]"#,
        "",
    ),
    (
        "star",
        "525eca1d5089dbdcbb6700d910c5e0bc23fbaa23ee026c0e224c2b45490e5f29",
        r#"["*"]"#,
        "rw",
    ),
    (
        "rw",
        "55e1ebd3ebe4f1b46a5ccc9866df4d74e99fe240397e155d04664e5ce2d8e5dc",
        r#"["read","write"]"#,
        "rw",
    ),
    (
        "wc",
        "9c7d3cc1bee7acc045c697d6d56fd8d9a1732f31ccd59c2a56872456e648f72d",
        r#"["write","csr"]"#,
        "wc",
    ),
    (
        "wk",
        "ccf3aac864e8767e23e54e114b68691e1ea6d3fc73dae6136efd370b47c665dc",
        r#"["write","keys"]"#,
        "wkc",
    ),
    (
        "rk",
        "da8d176f739559b1fb9c2b64cbe793ce280732f2ef239090d75df41dc9054e7c",
        r#"["read","keys"]"#,
        "rk",
    ),
    (
        "sc",
        "e0b9a8799f32453a478c9122f8b83cee68e16db18f493ac81bc1d474594b5df4",
        r#"["*","csr"]"#,
        "rwc",
    ),
    (
        "odd",
        "990cb8ebd0afb7150da453a213036a92f2c05e091df0d803e62d257ea7796c27",
        r#"["admin"]"#,
        "",
    ),
];

async fn client() -> Client {
    let client = Client::new().await;
    let tokens = TOKENS.map(|(_, sha256, scopes, _)| {
        let mut token = json!({ "sha256": sha256 });
        let scopes: Value = serde_json::from_str(scopes).unwrap();
        if !scopes.is_null() {
            token["scopes"] = scopes;
        }
        token
    });
    let list = json!({ "tokens": tokens }).to_string();
    client.vault.0.lock().unwrap().insert("api-tokens".into(), list);
    client
}

async fn call(client: &Client, method: &str, path: &str, token: &str, body: &str) -> ApiResponse {
    let token = format!("Bearer {token}");
    client.call(method, path, Some(&token), None, body).await
}

fn code(answer: &ApiResponse) -> u64 {
    serde_json::from_str::<Value>(&answer.body).unwrap()["code"]
        .as_u64()
        .unwrap()
}

/// What docs/security.md says of a call.
fn wanted(method: &str, path: &str) -> Option<(char, Scope)> {
    match (method, path) {
        (_, "/health") => None,
        (_, path) if path.ends_with("/download") => Some(('k', Scope::Keys)),
        ("GET", _) => Some(('r', Scope::Read)),
        _ => Some(('w', Scope::Write)),
    }
}

#[tokio::test]
async fn every_route_answers_every_scope_as_it_should() {
    let client = client().await;
    let mut seen = 0;
    for route in routes() {
        let path = route.path.strip_prefix("/api/v1").unwrap();
        let wanted = wanted(route.method, path);
        assert_eq!(route.scope, wanted.map(|(_, scope)| scope), "{path}");
        let is_download = route.server == Server::Download;
        assert_eq!(is_download, route.scope == Some(Scope::Keys), "{path}");
        let path = path.replace("{id}", "1");
        for (token, _, scopes, allowed) in TOKENS {
            let answer = call(&client, route.method, &path, token, "{}").await;
            let may = wanted.is_none_or(|(letter, _)| allowed.contains(letter));
            let what = format!("{} {path} with {scopes}: {}", route.method, answer.body);
            match may {
                // Past the token: there is nothing yet, and the body is empty.
                true => assert!(matches!(code(&answer), 0 | 2001 | 3001), "{what}"),
                false => refused(&answer, 403, 1004, "token"),
            }
            seen += 1;
        }
    }
    assert!(seen > 40 * TOKENS.len(), "{seen}");
}

fn csr(name: &str) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.serialize_request(&key).unwrap().pem().unwrap()
}

/// Certificate 1 is on a client's key, made by request 1; certificate 2 is on ours. Requests 2 and 3 ended: of a client's
/// key, and of ours.
async fn world() -> Client {
    let client = client().await;
    let account = json!({"providerName": "letsencrypt", "email": "ops@example.com"}).to_string();
    call(&client, "POST", "/acme/account/create", "rw", &account).await;
    for (name, own) in [
        ("own.example.com", true),
        ("b.example.com", true),
        ("c.example.com", false),
    ] {
        let mut body = json!({"accountId": 1, "domains": [name]});
        if own {
            body["csr"] = csr(name).into();
        }
        let made = call(
            &client,
            "POST",
            "/acme/certificate/request",
            "wc",
            &body.to_string(),
        )
        .await;
        assert_eq!(made.status, 200, "{}", made.body);
    }
    for id in [2, 3] {
        let path = format!("/acme/certificate/requests/{id}/cancel");
        let ended = call(&client, "POST", &path, "write", "").await;
        assert_eq!(ended.status, 200, "{}", ended.body);
    }
    let ours = client
        .certificate("aa", "ours.example.com", CertificateSource::Acme)
        .await;
    let of_client = Certificate {
        fingerprint: "bb".into(),
        names: vec!["own.example.com".parse().unwrap()],
        key_ref: String::new(),
        request_id: Some(RequestId::new(1)),
        ..client.store.certificate(ours).await.unwrap()
    };
    let of_client = client.store.record_certificate(of_client, None).await.unwrap();
    assert_eq!((ours.get(), of_client.id.get()), (1, 2));
    client
}

/// What sets off an issuance for a client's key needs `csr` or `keys` beside `write`; what does not, does not.
#[tokio::test]
async fn a_client_key_needs_a_scope_of_its_own() {
    let request = |more: Value| {
        let mut body = json!({"accountId": 1, "domains": ["d.example.com"], "csr": csr("d.example.com")});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    let cases = [
        ("/acme/certificate/request", request(json!({})), true),
        ("/acme/certificate/request", request(json!({"force": true})), true),
        (
            "/acme/certificate/request",
            request(json!({"keyAlgorithm": "ecdsa-p256"})),
            true,
        ),
        (
            "/acme/certificate/request",
            request(json!({"renewAs": "new"})),
            true,
        ),
        (
            "/acme/certificate/request",
            request(json!({"profile": "short"})),
            true,
        ),
        ("/acme/certificate/request", request(json!({"csr": null})), false),
        (
            "/acme/certificate/request",
            request(json!({"csr": null, "force": true})),
            false,
        ),
        ("/acme/certificate/retry", json!({"id": 2}), true),
        ("/acme/certificate/retry", json!({"id": 3}), false),
        ("/certificates/renewal/trigger", json!({"certificateId": 2}), true),
        (
            "/certificates/renewal/trigger",
            json!({"certificateId": 1}),
            false,
        ),
        (
            "/certificates/renewal/enable-auto",
            json!({"certificateId": 2}),
            true,
        ),
        (
            "/certificates/renewal/enable-auto",
            json!({"certificateId": 1}),
            false,
        ),
        (
            "/certificates/renewal/disable-auto",
            json!({"certificateId": 2}),
            false,
        ),
        (
            "/certificates/renewal/settings",
            json!({"certificateId": 2, "renewAs": "new"}),
            false,
        ),
        ("/acme/certificate/requests/1/cancel", json!({}), false),
        ("/acme/certificate/requests/2/delete", json!({}), false),
        ("/certificate/2/delete", json!({}), false),
    ];
    for (path, body, own_key) in cases {
        let body = body.to_string();
        let (may, may_not): (Vec<_>, Vec<_>) = TOKENS
            .into_iter()
            .filter(|(.., allowed)| allowed.contains('w'))
            .partition(|(.., allowed)| !own_key || allowed.contains('c'));
        for (nth, (token, _, scopes, _)) in may.into_iter().enumerate() {
            let client = world().await;
            // Those that are refused change nothing.
            for (token, ..) in may_not.iter().filter(|_| nth == 0) {
                refused(
                    &call(&client, "POST", path, token, &body).await,
                    403,
                    1004,
                    "scope csr or keys",
                );
            }
            let answer = call(&client, "POST", path, token, &body).await;
            assert_eq!(answer.status, 200, "{path} {body} with {scopes}: {}", answer.body);
            // Without a client's key the scope is of no account: one token stands for all.
            if !own_key {
                assert_eq!(token, "none");
                break;
            }
        }
        let without = may_not.iter().map(|(token, ..)| *token).collect::<Vec<_>>();
        let expected: &[&str] = if own_key {
            &["none", "write", "star", "rw"]
        } else {
            &[]
        };
        assert_eq!(without, expected);
    }
}

/// A call that was made is not repeated to a token that could not make it.
#[tokio::test]
async fn an_idempotency_key_gives_no_scope() {
    let client = world().await;
    let body = json!({"accountId": 1, "domains": ["d.example.com"], "csr": csr("d.example.com")}).to_string();
    let again = |token: &'static str| {
        let (client, body) = (&client, &body);
        async move {
            let path = "/acme/certificate/request";
            client.call("POST", path, Some(token), Some("k"), body).await
        }
    };
    let made = again("Bearer wk").await;
    assert_eq!(made.status, 200, "{}", made.body);
    refused(&again("Bearer write").await, 403, 1004, "scope csr or keys");
    assert_eq!(again("Bearer wc").await, made);
}
