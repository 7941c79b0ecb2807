//! A CA that offers a certificate under several roots.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::Write,
    process::{Command, Stdio},
};

use certmint_tests::journey::{Journey, options, set_env};
use serde_json::json;

/// A root of the CA, PEM.
fn root(journey: &Journey, number: u8) -> String {
    let management = journey.stack.ports.acme_management;
    let url = format!("https://localhost:{management}/roots/{number}");
    let answer = Command::new("curl").args(["-sSfk", &url]).output().unwrap();
    assert!(answer.status.success(), "{answer:?}");
    String::from_utf8(answer.stdout).unwrap()
}

/// What `openssl x509` says of the last certificate in a PEM.
fn last_certificate(pem: &str, field: &str) -> String {
    let last = pem.rfind("-----BEGIN CERTIFICATE-----").unwrap();
    let mut openssl = Command::new("openssl")
        .args(["x509", "-noout", "-nameopt", "multiline,-align", field])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl
        .stdin
        .take()
        .unwrap()
        .write_all(&pem.as_bytes()[last..])
        .unwrap();
    let said = String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap();
    let name = said.lines().find_map(|l| l.trim().strip_prefix("commonName = "));
    name.unwrap().to_owned()
}

#[tokio::test]
async fn the_preferred_chain_is_taken_where_the_ca_has_it() {
    let mut options = options();
    options.alternate_roots = 2;
    let journey = Journey::start(options).await;
    let account = journey.account().await;
    let roots = [0, 1, 2].map(|number| last_certificate(&root(&journey, number), "-subject"));
    let wanted = [
        (roots[2].as_str(), &roots[2]),
        (roots[1].as_str(), &roots[1]),
        ("No Such Root", &roots[0]),
    ];
    for (index, (preferred, expected)) in wanted.into_iter().enumerate() {
        // A pass that is under way would be killed with the old settings.
        journey.work().await;
        let directory = format!("https://localhost:{}/dir", journey.stack.ports.acme);
        let providers = json!([{
            "id": 1, "name": "letsencrypt", "directoryUrl": directory, "requiresEab": false,
            "preferredChain": preferred,
        }]);
        set_env(
            &journey.stack.worker,
            "CERTMINT_PROVIDERS",
            &providers.to_string(),
        )
        .await;
        let id = journey
            .request(account, &[&format!("c{index}.example.com")])
            .await;
        let request = journey.until(id, "success").await;
        let certificate = format!("/certificates/{}", request["result_certificate_id"]);
        let pem = journey.client.get(&certificate).await.data()["certificatePem"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(
            &last_certificate(&pem, "-issuer"),
            expected,
            "asked for {preferred}"
        );
    }
    let warned = journey
        .stack
        .logs
        .all()
        .iter()
        .any(|l| l.contains("no chain to the preferred root"));
    assert!(warned, "a root that the CA does not have is said in the log");
    journey.until_clean().await;
    journey.end().await;
}
