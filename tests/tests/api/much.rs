//! Bodies as large as they may be: what they hold is counted before it is worked on, and the limit is told.

use certmint_tests::files::TestCa;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::{Client, refused};

fn names(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("n{n}.io")).collect()
}

fn upload(changed: &str, value: Value) -> (&'static str, String) {
    let (ca, key) = (TestCa::default(), KeyPair::generate().unwrap());
    let mut body = json!({"provider": "manual", "certificatePem": ca.chain(&key, &["www.example.com"]),
        "privateKeyPem": key.serialize_pem(), "domains": ["www.example.com"]});
    body[changed] = value;
    ("/certificates/upload", body.to_string())
}

fn request(changed: &str, value: Value) -> (&'static str, String) {
    let mut body = json!({"accountId": 1, "domains": ["www.example.com"]});
    body[changed] = value;
    ("/acme/certificate/request", body.to_string())
}

#[tokio::test]
async fn what_is_too_much_is_told_its_limit() {
    let client = Client::new().await;
    client.account().await;
    let block = "-----BEGIN X-----\nAA==\n-----END X-----\n";
    let chain = TestCa::default().chain(&KeyPair::generate().unwrap(), &["www.example.com"]);
    let many = names(5_000);
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let of_many = TestCa::default().chain(&KeyPair::generate().unwrap(), &many);
    let csr = CertificateParams::new(names(2_500)).unwrap();
    let csr = csr
        .serialize_request(&KeyPair::generate().unwrap())
        .unwrap()
        .pem()
        .unwrap();
    for ((path, body), told) in [
        (
            upload("domains", json!(names(20_000))),
            "domains has 20000 names; at most 100",
        ),
        (
            upload("domains", json!(vec!["www.example.com"; 10_000])),
            "domains has 10000 names; at most 100",
        ),
        (
            upload("certificatePem", json!(of_many)),
            "it has 5000 names; at most 1000",
        ),
        (
            upload("certificatePem", json!(chain.repeat(20))),
            "it has 40 certificates; at most 20",
        ),
        (
            upload("certificatePem", json!(block.repeat(5_000))),
            "line 301: holds more than 100 blocks",
        ),
        (
            upload("privateKeyPem", json!(block.repeat(5_000))),
            "line 301: holds more than 100 blocks",
        ),
        (
            request("domains", json!(names(5_000))),
            "domains has 5000 names; at most 100",
        ),
        (
            request("domains", json!(vec!["a.io"; 8_000])),
            "domains has 8000 names; at most 100",
        ),
        (
            request("fallbackAccountIds", json!((2..9_000).collect::<Vec<u64>>())),
            "must have at most 5 accounts",
        ),
        (
            request("csr", json!(csr)),
            "csr must have exactly the names in domains",
        ),
        (
            request("csr", json!(block.repeat(1_000))),
            "line 301: holds more than 100 blocks",
        ),
    ] {
        let answer = client.post_csr(path, &body).await;
        refused(&answer, 400, 2003, told);
    }
    let fields: serde_json::Map<_, _> = names(5_000).into_iter().map(|name| (name, json!(1))).collect();
    let (path, _) = request("accountId", json!(1));
    refused(
        &client.post(path, &Value::Object(fields).to_string()).await,
        400,
        2001,
        "accountId",
    );
}
