//! Certificates and keys that come from elsewhere.

use certmint_tests::{
    files::{Folder, TestCa, run},
    journey::{Answer, Journey, options},
};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};

use super::{download, fits};

fn upload(certificate: &str, key: &str, domains: &[&str]) -> Value {
    json!({"provider": "manual", "certificatePem": certificate, "privateKeyPem": key, "domains": domains})
}

async fn post(journey: &Journey, body: &Value) -> Answer {
    journey
        .client
        .post("/certificates/upload", &body.to_string())
        .await
}
#[tokio::test]
async fn a_certificate_is_uploaded() {
    let (journey, folder, ca) = (
        Journey::start(options()).await,
        Folder::new("upload"),
        TestCa::default(),
    );
    let rsa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_4096).unwrap();
    let plain = folder.write("rsa.pem", rsa.serialize_pem().as_bytes());
    let args = ["pkcs8", "-topk8", "-in", &plain, "-passout", "pass:a passphrase"];
    let sealed = run("openssl", &args);
    let names = ["*.shop.example", "shop.example"];
    let mut body = upload(
        &ca.chain(&rsa, &names),
        &sealed,
        &["shop.example", "www.shop.example"],
    );
    post(&journey, &body).await.refused(400, 2003, "passphrase");
    body["passphrase"] = json!("another");
    post(&journey, &body).await.refused(400, 2003, "does not open");
    body["passphrase"] = json!("a passphrase");
    let id = post(&journey, &body).await.id();
    assert_eq!(id, 1);
    post(&journey, &body).await.refused(409, 3002, "certificate 1");

    let seen = journey.client.get("/certificates/1").await.data();
    let shown =
        ["source", "provider", "renewMode", "status", "keyAlgorithm"].map(|f| seen[f].as_str().unwrap());
    assert_eq!(shown, ["upload", "manual", "manual", "issued", "rsa-4096"]);
    assert_eq!(
        (&seen["sameNamesAs"], &seen["acmeAccountId"]),
        (&json!([]), &Value::Null)
    );
    let domains = json!([{"domain": "*.shop.example", "isWildcard": true}, {"domain": "shop.example", "isWildcard": false}]);
    assert_eq!(seen["domains"], domains);
    let pem = download(&journey, 1, &json!({"format": "pem"})).await;
    let kept = folder.write("kept.pem", &pem);
    assert!(fits(&kept));
    assert_eq!(
        run("openssl", &["pkey", "-in", &kept, "-pubout"]),
        run("openssl", &["pkey", "-in", &plain, "-pubout"])
    );

    // An EC key, the same names in another order: another certificate, and each shows the other.
    let ec = KeyPair::generate().unwrap();
    let names = ["shop.example", "*.shop.example"];
    let second = upload(&ca.chain(&ec, &names), &ec.serialize_pem(), &["shop.example"]);
    assert_eq!(post(&journey, &second).await.id(), 2);
    for (id, other) in [(1, 2), (2, 1)] {
        let seen = journey.client.get(&format!("/certificates/{id}")).await.data();
        assert_eq!(seen["sameNamesAs"], json!([other]));
    }
    journey.end().await;
}

#[tokio::test]
async fn an_upload_that_does_not_fit_is_refused() {
    let (journey, ca, key) = (
        Journey::start(options()).await,
        TestCa::default(),
        KeyPair::generate().unwrap(),
    );
    let (chain, pem) = (ca.chain(&key, &["example.com"]), key.serialize_pem());
    let leaf = ca.leaf(&key, &["example.com"], (2024, 2040));
    let cases = [
        (upload(&chain, &pem, &["example.org"]), "domains[0]"),
        (
            upload(&chain, &pem, &["example.com", "www.example.com"]),
            "domains[1]",
        ),
        (upload(&chain, &pem, &[]), "domains"),
        (
            upload(
                &chain,
                &KeyPair::generate().unwrap().serialize_pem(),
                &["example.com"],
            ),
            "privateKeyPem",
        ),
        (upload(&chain, "no key", &["example.com"]), "privateKeyPem"),
        (
            upload(
                &ca.leaf(&key, &["example.com"], (2020, 2021)),
                &pem,
                &["example.com"],
            ),
            "certificatePem",
        ),
        (
            upload(
                &format!("{leaf}{}{}", ca.root(), ca.intermediate()),
                &pem,
                &["example.com"],
            ),
            "out of order",
        ),
        (
            upload(&format!("{}{leaf}", ca.intermediate()), &pem, &["example.com"]),
            "certificatePem",
        ),
        (
            upload(&ca.intermediate(), &pem, &["example.com"]),
            "begins with a CA",
        ),
        (
            upload(&format!("{chain}{pem}"), &pem, &["example.com"]),
            "no CERTIFICATE",
        ),
        (upload("nothing", &pem, &["example.com"]), "certificatePem"),
        (
            json!({"provider": "letsencrypt", "certificatePem": chain, "privateKeyPem": pem, "domains": ["example.com"]}),
            "provider",
        ),
    ];
    for (body, word) in &cases {
        post(&journey, body).await.refused(400, 2003, word);
    }
    let missing = json!({"provider": "manual", "privateKeyPem": pem, "domains": ["example.com"]});
    post(&journey, &missing)
        .await
        .refused(400, 2001, "certificatePem");
    let huge = upload(&"x".repeat(257 * 1024), &pem, &["example.com"]);
    post(&journey, &huge).await.refused(400, 2002, "262144");
    let list = journey.client.get("/certificates").await.data();
    assert_eq!(list["total"], 0, "nothing was written: {list}");
    let secrets = journey.stack.aws.secrets.values().await;
    assert_eq!(secrets.len(), 1, "no key was kept");
    journey.stack.stop().await;
}
