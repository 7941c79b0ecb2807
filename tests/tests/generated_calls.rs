//! Calls that schemathesis generates from infra/openapi.yaml, right ones and wrong ones, through the real functions: each
//! answer is one that the document allows. `CERTMINT_SEED` makes other calls than usual.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use certmint_tests::{
    files::{Folder, TestCa, run},
    journey::{Journey, options},
};
use rcgen::KeyPair;
use serde_json::json;
use tokio::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The whole run ends within three minutes.
const SECONDS: &str = "150";

/// Records that generated calls can find: two accounts, an issued certificate, an uploaded one, a failed request.
async fn furnish(journey: &Journey, ca: &TestCa) {
    let client = &journey.client;
    let account = journey.account().await;
    let bound = json!({"providerName": "google", "email": "ops@example.com",
        "eabKid": "your_eab_kid_here", "eabHmacKey": "your_eab_hmac_key_here"});
    let _ = client.post("/acme/account/create", &bound.to_string()).await.id();
    for (name, status) in [("www.example.com", "success"), ("www.nobody.example", "failed")] {
        let id = journey.request(account, &[name]).await;
        journey.until(id, status).await;
    }
    let _ = client
        .post("/certificates/upload", &upload(ca).to_string())
        .await
        .id();
}

fn upload(ca: &TestCa) -> serde_json::Value {
    let key = KeyPair::generate().unwrap();
    json!({"provider": "manual", "certificatePem": ca.chain(&key, &["shop.example"]),
        "privateKeyPem": key.serialize_pem(), "domains": ["shop.example"]})
}

#[tokio::test(flavor = "multi_thread")]
async fn each_generated_call_gets_an_answer_that_the_document_allows() {
    let (journey, folder, ca) = (
        Journey::start(options()).await,
        Folder::new("generated_calls"),
        TestCa::default(),
    );
    furnish(&journey, &ca).await;
    let uploads: Vec<_> = (0..32).map(|_| upload(&ca)).collect();
    let uploads = folder.write("uploads.json", json!(uploads).to_string().as_bytes());
    let requirements = "tests/schemathesis/requirements.txt";
    let script = format!("{ROOT}/infra/venv");
    let venv = run("bash", &[&script, "schemathesis", requirements]);
    let seed = std::env::var("CERTMINT_SEED").unwrap_or_else(|_| "1".into());
    let output = Command::new(format!("{ROOT}/{}/bin/schemathesis", venv.trim()))
        .current_dir(folder.path(""))
        .env("PYTHONPATH", format!("{ROOT}/tests/schemathesis"))
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("CERTMINT_UPLOADS", uploads)
        .args([
            "run",
            &format!("{ROOT}/infra/openapi.yaml"),
            "--checks",
            "all",
            "--continue-on-failure",
            "--no-color",
        ])
        .args([
            "--max-time",
            SECONDS,
            "--seed",
            &seed,
            "--url",
            &journey.stack.url(),
        ])
        .args(["-H", &format!("Authorization: Bearer {}", journey.stack.token)])
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
