//! Texts: every field that takes one refuses what a person cannot see or could not have meant.

use serde_json::{Value, json};

use super::client::{Client, data, refused};

/// Each a text that is refused wherever it stands, and a word of the reason.
const ODD: [(&str, &str); 22] = [
    ("a\u{0}b", "control character (U+0000)"),
    ("a\u{1b}[31mb", "control character (U+001B)"),
    ("a\u{7f}", "control character (U+007F)"),
    ("a\u{85}b", "control character (U+0085)"),
    ("a\u{2028}b", "control character (U+2028)"),
    ("\u{202a}a", "direction of writing (U+202A)"),
    ("a\u{202e}b", "direction of writing (U+202E)"),
    ("a\u{2066}b\u{2069}", "direction of writing (U+2066)"),
    ("a\u{2069}", "direction of writing (U+2069)"),
    ("a\u{200e}", "direction of writing (U+200E)"),
    ("\u{200f}a", "direction of writing (U+200F)"),
    ("a\u{61c}b", "direction of writing (U+061C)"),
    ("a\u{200b}b", "invisible character (U+200B)"),
    ("a\u{200c}b", "invisible character (U+200C)"),
    ("a\u{200d}", "invisible character (U+200D)"),
    ("a\u{2060}b", "invisible character (U+2060)"),
    ("a\u{feff}b", "invisible character (U+FEFF)"),
    ("a\u{ad}b", "invisible character (U+00AD)"),
    ("a\u{3164}b", "invisible character (U+3164)"),
    ("a\u{e0061}b", "invisible character (U+E0061)"),
    (" ", "blank"),
    ("\u{3000}\u{a0}", "blank"),
];

/// Each call with a text field, otherwise in order: path, body, field.
fn fields() -> Vec<(&'static str, Value, &'static str)> {
    let account = json!({"providerName": "google", "email": "a@example.com", "eabKid": "kid", "eabHmacKey": "AAAA",
        "eabExpiresAt": "2099-01-01T00:00:00Z"});
    let request = json!({"accountId": 1, "domains": ["a.example.com"]});
    let upload = json!({"provider": "manual", "certificatePem": "x", "privateKeyPem": "x", "domains": ["a.example.com"]});
    let revoke = json!({"by": "certificateKey", "provider": "google", "reason": "superseded"});
    let create = "/acme/account/create";
    let binding =
        json!({"id": 1, "eabKid": "kid", "eabHmacKey": "AAAA", "eabExpiresAt": "2099-01-01T00:00:00Z"});
    let one_line = [
        (
            create,
            &account,
            vec!["providerName", "email", "eabKid", "eabHmacKey", "eabExpiresAt"],
        ),
        ("/acme/accounts/contact", &json!({"id": 1}), vec!["email"]),
        (
            "/acme/accounts/eab",
            &binding,
            vec!["eabKid", "eabHmacKey", "eabExpiresAt"],
        ),
        (
            "/acme/certificate/request",
            &request,
            vec!["profile", "keyAlgorithm", "renewAs"],
        ),
        ("/certificates/upload", &upload, vec!["provider", "passphrase"]),
        (
            "/certificates/renewal/settings",
            &json!({"certificateId": 1}),
            vec!["renewAs"],
        ),
        ("/certificate/1/revoke", &revoke, vec!["by", "provider", "reason"]),
    ];
    let each = one_line
        .into_iter()
        .flat_map(|(path, body, fields)| fields.into_iter().map(move |field| (path, body.clone(), field)));
    each.collect()
}

#[tokio::test]
async fn what_cannot_be_seen_is_refused_in_every_text() {
    let client = Client::new().await;
    client.account().await;
    let fields = fields();
    assert!(fields.len() > 15);
    for (path, body, field) in &fields {
        for (odd, word) in ODD {
            let mut body = body.clone();
            body[*field] = json!(odd);
            let answer = client.post(path, &body.to_string()).await;
            refused(&answer, 400, 2003, field);
            assert!(
                answer.body.contains(word),
                "{path} {field} {odd:?}: {}",
                answer.body
            );
        }
        for (other, code) in [
            (json!(["a"]), 2002),
            (json!(true), 2002),
            (json!("a".repeat(4097)), 2003),
        ] {
            let mut body = body.clone();
            body[*field] = other;
            refused(&client.post(path, &body.to_string()).await, 400, code, field);
        }
    }
    let list = data(&client.get("/acme/accounts").await);
    assert_eq!(list["total"], 1, "nothing was written");
}

#[tokio::test]
async fn a_text_of_lines_is_read_alike() {
    let client = Client::new().await;
    client.account().await;
    let request = json!({"accountId": 1, "domains": ["a.example.com"]});
    let upload = json!({"provider": "manual", "certificatePem": "x", "privateKeyPem": "x", "domains": ["a.example.com"]});
    for (path, body, field) in [
        ("/acme/certificate/request", &request, "csr"),
        ("/certificates/upload", &upload, "certificatePem"),
        ("/certificates/upload", &upload, "privateKeyPem"),
    ] {
        for (odd, word) in ODD
            .into_iter()
            .chain([("\n \t\r\n", "blank"), ("\u{feff}", "blank")])
        {
            // A byte order mark before a block is skipped by readers of PEM.
            if odd == "a\u{feff}b" {
                continue;
            }
            let mut body = body.clone();
            body[field] = json!(odd);
            let answer = client.post(path, &body.to_string()).await;
            refused(&answer, 400, 2003, field);
            assert!(
                answer.body.contains(word),
                "{path} {field} {odd:?}: {}",
                answer.body
            );
        }
    }
    let list = data(&client.get("/acme/certificate/requests").await);
    assert_eq!(list["total"], 0, "no CSR that is blank counts as none");
}

#[tokio::test]
async fn letters_of_any_script_and_what_surrounds_a_pasted_text_are_taken() {
    let client = Client::new().await;
    for (index, (kid, key)) in [
        ("kid", "ab+/ab+/ab+/ab+/ab+/ab+/ab+/ab+/ab+/ab+/ab8="),
        ("kid\n", "ab-_ab-_ab-_ab-_ab-_ab-_ab-_ab-_ab-_ab-_ab8\n"),
        (" kid ", "\r\n ab+/ab+/ab8=\t"),
        ("\tkid\r\n", "AAAA\u{a0}"),
        ("ключ-ü-鍵", "AAAA"),
        ("kid with a space", "your_eab_hmac_key_here "),
        ("{kid}", "AA+A"),
        ("e\u{301}", "AA_=\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let body = json!({"providerName": "google", "email": format!(" {index}@example.com\n"), "eabKid": kid, "eabHmacKey": key});
        let made = data(&client.post("/acme/account/create", &body.to_string()).await);
        assert_eq!(made["eab_kid"], kid.trim(), "{kid:?}");
        assert_eq!(made["email"], format!("{index}@example.com"));
    }
    let kept: Vec<String> = client
        .vault
        .0
        .lock()
        .unwrap()
        .iter()
        .filter(|(name, _)| name.starts_with("account-eab/"))
        .map(|(_, key)| key.clone())
        .collect();
    assert!(
        kept.len() == 8 && kept.iter().all(|key| key.trim() == key),
        "{kept:?}"
    );
}
