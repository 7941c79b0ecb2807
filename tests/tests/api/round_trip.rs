//! Whatever a call accepts, every later call about it works, and it is read back as it was written. Bodies are drawn by a
//! seed: a failure names it.

use certmint_core::{
    provider::{OrderRules, Provider, Providers},
    words::{DomainName, RequestId},
};
use certmint_shared::store::RequestStore;
use certmint_tests::{dynamo::Emulated, logged::Logged, sim::Rng};
use serde_json::{Value, json};

use super::{Client, client::ApiResponse};

/// What a name is made of: as a client may send it, right or wrong.
const LABELS: [&str; 30] = [
    "www",
    "WWW",
    "a",
    "bücher",
    "BÜCHER",
    "xn--bcher-kva",
    "XN--BCHER-KVA",
    "xn--",
    "xn--a",
    "faß",
    "ｗｗｗ",
    "日本",
    "a\u{ad}b",
    "a\u{200b}b",
    "a\u{200d}b",
    "\u{ad}",
    "_acme-challenge",
    "-a",
    "a-",
    "a--b",
    "ab--cd",
    "1",
    "0x7f",
    "*",
    "**",
    "",
    "👍",
    "ا",
    "a_b",
    "x1234567890123456789012345678901234567890123456789012345678901",
];
const ENDS: [&str; 16] = [
    "example.com",
    "EXAMPLE.com",
    "example.com.",
    "example.com..",
    "example。com",
    "example．com",
    "github.io",
    "co.uk",
    "example.co.uk",
    "com",
    "internal",
    "localhost",
    "example.test",
    "blogspot.com",
    "example.xn--p1ai",
    "127.0.0.1",
];

pub(super) fn name(rng: &mut Rng) -> String {
    let mut labels: Vec<&str> = (0..rng.within(0, 4)).map(|_| *rng.pick(&LABELS)).collect();
    if rng.per_mille(200) {
        labels.insert(0, "*");
    }
    if rng.per_mille(30) {
        labels.extend(["deep"; 45]);
    }
    labels.push(*rng.pick(&ENDS));
    labels.join(".")
}

fn text(rng: &mut Rng) -> String {
    const TEXTS: [&str; 9] = [
        "",
        " ",
        "plain",
        "with \"quotes\" and \\",
        "ünï¢ødé",
        "日本語",
        "👍",
        "a\u{202e}b",
        "#pk :v",
    ];
    let repeat = if rng.per_mille(100) { 40 } else { 1 };
    rng.pick(&TEXTS).repeat(repeat)
}

fn email(rng: &mut Rng) -> String {
    const LOCALS: [&str; 9] = ["ops", "OPS", "a+b", "o'brien", "ü", "a b", "", "\"a\"", "x#y"];
    const HOSTS: [&str; 7] = [
        "example.com",
        "Example.COM",
        "bücher.example",
        "[127.0.0.1]",
        "localhost",
        "a..b",
        "example.com?x=y",
    ];
    if rng.per_mille(600) {
        let local = *rng.pick(&["ops", "OPS", "a+b", "o'brien", "x#y"]);
        return format!(
            "{local}{}@{}",
            rng.within(0, 50),
            *rng.pick(&["example.com", "Example.COM"])
        );
    }
    let at = if rng.per_mille(950) { "@" } else { "" };
    format!(
        "{}{}{at}{}",
        rng.pick(&LOCALS),
        rng.within(0, 50),
        rng.pick(&HOSTS)
    )
}

fn request(rng: &mut Rng) -> Value {
    let names: Vec<String> = (0..rng.within(1, 5)).map(|_| name(rng)).collect();
    let mut body = json!({"accountId": rng.within(1, 5), "domains": names});
    for (field, value) in [
        (
            "profile",
            json!(*rng.pick(&["classic", "short.lived", "Ünknown", "x/y"])),
        ),
        ("force", json!(rng.per_mille(500))),
        (
            "keyAlgorithm",
            json!(*rng.pick(&["rsa-2048", "ecdsa-p256", "ecdsa-p384", "rsa-1"])),
        ),
        (
            "fallbackAccountIds",
            json!(*rng.pick(&[[2, 3], [1, 1], [4, 9], [3, 2]])),
        ),
        ("reuseKey", json!(rng.per_mille(500))),
        ("renewAs", json!(*rng.pick(&["replace", "new", "odd"]))),
    ] {
        if rng.per_mille(250) {
            body[field] = value;
        }
    }
    body
}

fn account(rng: &mut Rng) -> Value {
    let provider = *rng.pick(&["letsencrypt", "letsencrypt", "google", "zerossl", "LetsEncrypt"]);
    let mut body = json!({"providerName": provider, "email": email(rng)});
    if rng.per_mille(600) {
        body["eabKid"] = json!(text(rng));
        body["eabHmacKey"] = json!(*rng.pick(&[
            "your_eab_hmac_key_here",
            "AAAA",
            "+/+/+/+/",
            " c2VjcmV0 ",
            "",
            "ü"
        ]));
    }
    if rng.per_mille(300) {
        let ends = [
            "2999-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "1949-01-01T00:00:00Z",
            "x",
        ];
        body["eabExpiresAt"] = json!(*rng.pick(&ends));
    }
    body
}

pub(super) fn data(answer: &ApiResponse) -> Value {
    serde_json::from_str::<Value>(&answer.body).unwrap()["data"].take()
}

/// That an answer is no fault of ours: done, or refused with a reason.
pub(super) fn is_sound(answer: &ApiResponse, what: &str) {
    assert!(
        answer.status == 200 || (400..500).contains(&answer.status),
        "{what}: {}",
        answer.body
    );
}

pub(super) async fn reads(client: &Client, path: &str) -> Value {
    let answer = client.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    data(&answer)
}

/// Ids of all rows of a list.
pub(super) async fn ids(client: &Client, path: &str) -> Vec<u64> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = reads(client, &format!("{path}pageSize=100{cursor}")).await;
        all.extend(
            page["list"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].as_u64().unwrap()),
        );
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    all.sort_unstable();
    all
}

/// As a client writes it into a query.
pub(super) fn in_query(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._*@".contains(&b);
    let octet = |b: u8| match plain(b) {
        true => char::from(b).to_string(),
        false => format!("%{b:02X}"),
    };
    text.bytes().map(octet).collect()
}

#[tokio::test]
async fn accounts_are_read_as_they_were_accepted() {
    let logged = Logged::new();
    for seed in 0..4 {
        let (client, rng) = (Client::new().await, &mut Rng::new(seed));
        let mut accepted = Vec::new();
        for n in 0..60 {
            let body = account(rng);
            let key = rng.per_mille(300).then(|| format!("key-{}", rng.within(0, 20)));
            let answer = client
                .call(
                    "POST",
                    "/acme/account/create",
                    Some("Bearer token"),
                    key.as_deref(),
                    &body.to_string(),
                )
                .await;
            let what = format!("seed {seed}, {n}: {body}");
            is_sound(&answer, &what);
            if answer.status != 200 {
                continue;
            }
            let made = data(&answer);
            let id = made["id"].as_u64().unwrap();
            let read = reads(&client, &format!("/acme/accounts/{id}")).await;
            assert_eq!(read["email"], made["email"], "{what}");
            let email = in_query(made["email"].as_str().unwrap());
            assert_eq!(
                ids(
                    &client,
                    &format!("/acme/accounts?email={email}&providerId={}&", made["provider_id"])
                )
                .await,
                [id],
                "{what}"
            );
            accepted.push(id);
        }
        accepted.sort_unstable();
        accepted.dedup();
        assert!(accepted.len() > 5, "seed {seed}: {}", accepted.len());
        assert_eq!(ids(&client, "/acme/accounts?").await, accepted);
        for id in accepted {
            for path in ["disable", "enable", "delete"] {
                let answer = client
                    .post(&format!("/acme/accounts/{path}"), &format!(r#"{{"id":{id}}}"#))
                    .await;
                assert_eq!(answer.status, 200, "seed {seed}, {path} {id}: {}", answer.body);
            }
        }
        assert_eq!(ids(&client, "/acme/accounts?").await, [0; 0]);
    }
    assert_eq!(logged.alarms("quarantine"), [""; 0]);
}

#[tokio::test]
async fn requests_are_read_as_they_were_accepted() {
    let logged = Logged::new();
    for seed in 0..6 {
        // A CA that takes whatever can be ordered.
        let ca = Provider {
            orders: OrderRules::default(),
            ..Provider::known("letsencrypt").unwrap()
        };
        let client = Client::with(Emulated::new().await, Providers::new(vec![ca]).unwrap());
        let rng = &mut Rng::new(seed);
        client.account().await;
        for n in 2..=4 {
            let body = json!({"providerName": "letsencrypt", "email": format!("a{n}@example.com")});
            client.post("/acme/account/create", &body.to_string()).await;
        }
        let mut accepted = Vec::new();
        for n in 0..120 {
            let body = request(rng);
            let key = rng.per_mille(200).then(|| format!("key-{}", rng.within(0, 30)));
            let answer = client
                .call(
                    "POST",
                    "/acme/certificate/request",
                    Some("Bearer token"),
                    key.as_deref(),
                    &body.to_string(),
                )
                .await;
            let what = format!("seed {seed}, {n}: {body}");
            is_sound(&answer, &what);
            if answer.status != 200 {
                continue;
            }
            let made = data(&answer);
            let id = made["id"].as_u64().unwrap();
            let read = reads(&client, &format!("/acme/certificate/requests/{id}")).await;
            assert_eq!(read["domains"], made["domains"], "{what}");
            let twice: Vec<String> = serde_json::from_str(read["domains"].as_str().unwrap()).unwrap();
            for name in &twice {
                assert_eq!(
                    DomainName::read(name).map(|n| n.to_string()).as_ref(),
                    Ok(name),
                    "{what}"
                );
                assert_eq!(
                    client
                        .get(&format!("/certificates?name={}", in_query(name)))
                        .await
                        .status,
                    200,
                    "{what}"
                );
            }
            let stored = client.store.request(RequestId::new(id)).await.unwrap();
            assert_eq!(stored.names.strings(), twice, "{what}");
            accepted.push(id);
        }
        accepted.sort_unstable();
        accepted.dedup();
        assert!(accepted.len() > 10, "seed {seed}: {}", accepted.len());
        for list in [
            "/acme/certificate/requests?",
            "/certificates?kind=request&",
            "/acme/certificate/requests?status=pending&",
        ] {
            assert_eq!(ids(&client, list).await, accepted, "seed {seed}: {list}");
        }
        for id in &accepted {
            let of = format!("/acme/certificate/requests/{id}");
            assert_eq!(
                client.post(&format!("{of}/cancel"), "").await.status,
                200,
                "seed {seed}: {of}"
            );
            let retry = client
                .post("/acme/certificate/retry", &format!(r#"{{"id":{id}}}"#))
                .await;
            assert_eq!(retry.status, 200, "seed {seed}: {of}: {}", retry.body);
            for path in ["cancel", "delete"] {
                let answer = client.post(&format!("{of}/{path}"), "").await;
                assert_eq!(answer.status, 200, "seed {seed}: {of} {path}: {}", answer.body);
            }
        }
        assert_eq!(ids(&client, "/acme/certificate/requests?").await, [0; 0]);
    }
    assert_eq!(logged.alarms("quarantine"), [""; 0]);
}
