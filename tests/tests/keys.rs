//! Keys over HTTP: certificates come in with theirs, and go out with them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "keys/uploads.rs"]
mod uploads;

use base64::{Engine, prelude::BASE64_STANDARD};
use certmint_core::{certificate::KeyAlgorithm, words::NameSet, x509::keys};
use certmint_tests::{
    files::{Folder, attempt, run},
    journey::{Journey, options},
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse";

async fn download(journey: &Journey, id: u64, body: &Value) -> Vec<u8> {
    let path = format!("/certificate/{id}/download");
    let file = journey.client.post(&path, &body.to_string()).await.data();
    assert_eq!(file["format"], body["format"]);
    BASE64_STANDARD
        .decode(file["contentBase64"].as_str().unwrap())
        .unwrap()
}

/// Whether key and certificate of a PEM file belong together.
fn fits(path: &str) -> bool {
    run("openssl", &["pkey", "-in", path, "-pubout"])
        == run("openssl", &["x509", "-in", path, "-noout", "-pubkey"])
}

#[tokio::test]
async fn an_issued_certificate_is_downloaded() {
    let (journey, folder) = (Journey::start(options()).await, Folder::new("download"));
    let account = journey.account().await;
    let request = journey.request(account, &["*.example.com", "example.com"]).await;
    let request = journey.until(request, "success").await;
    let id = request["result_certificate_id"].as_u64().unwrap();

    let pem = download(&journey, id, &json!({"format": "pem"})).await;
    assert!(fits(&folder.write("a.pem", &pem)));
    let path = format!("/certificates/{id}/download");
    let plain = journey.client.get(&format!("{path}?format=pem")).await.data();
    assert_eq!(plain["contentBase64"], BASE64_STANDARD.encode(&pem));
    assert_eq!(plain["fileName"], "wildcard.example.com.pem");
    assert_eq!(plain["contentType"], "application/x-pem-file");

    let pass = format!("pass:{PASSWORD}");
    let (aes, des) = ("AES-256-CBC", "pbeWithSHA1And3-KeyTripleDES-CBC");
    for (algorithm, sealed) in [
        (Value::Null, ["MAC: sha256", aes]),
        (json!("aes256-sha256"), ["MAC: sha256", aes]),
        (json!("3des-sha1"), ["MAC: sha1", des]),
    ] {
        let body = json!({"format": "pfx", "password": PASSWORD, "algorithm": algorithm});
        let pfx = folder.write("a.pfx", &download(&journey, id, &body).await);
        let mut args = vec!["pkcs12", "-in", &pfx, "-passin", &pass, "-nodes", "-legacy"];
        let text = run("openssl", &args);
        assert!(text.contains("friendlyName: *.example.com\n"), "{text}");
        assert!(fits(&folder.write("opened.pem", text.as_bytes())));
        args.extend(["-info", "-noout"]);
        let info = attempt("openssl", &args).stderr;
        let info = String::from_utf8_lossy(&info);
        assert!(
            sealed.iter().all(|word| info.contains(word)),
            "{algorithm}: {info}"
        );
    }
    let body = json!({"format": "jks", "password": PASSWORD});
    let jks = folder.write("a.jks", &download(&journey, id, &body).await);
    let listed = run("keytool", &["-list", "-keystore", &jks, "-storepass", PASSWORD]);
    assert!(
        listed.contains("*.example.com,") && listed.contains("PrivateKeyEntry"),
        "{listed}"
    );

    refusals(&journey, id).await;
    journey.until_clean().await;
    let logs = journey.stack.logs.all();
    assert!(
        !logs.iter().any(|line| line.contains(PASSWORD)),
        "no password is in a log"
    );
    assert!(logs.iter().any(|line| line.contains("private key handed out")));
    journey.end().await;
}

async fn order(journey: &Journey, body: Value) -> Value {
    let answer = journey
        .client
        .post("/acme/certificate/request", &body.to_string())
        .await;
    answer.data()
}

#[tokio::test]
async fn keys_of_every_kind_are_made() {
    let (journey, folder) = (Journey::start(options()).await, Folder::new("kinds"));
    let account = journey.account().await;
    let mut ids = Vec::new();
    // The same names: another kind of key is another certificate.
    for kind in ["ecdsa-p384", "rsa-2048", "rsa-3072", "rsa-4096"] {
        let body = json!({"accountId": account, "domains": ["example.com"], "keyAlgorithm": kind});
        let request = order(&journey, body).await;
        assert_eq!(
            (&request["key_algorithm"], &request["key_source"]),
            (&json!(kind), &json!("generated"))
        );
        ids.push((request["id"].as_u64().unwrap(), kind));
    }
    let plain = journey.request(account, &["example.com"]).await;
    ids.push((plain, "ecdsa-p256"));
    for (id, kind) in ids {
        let done = journey.until(id, "success").await;
        let certificate = done["result_certificate_id"].as_u64().unwrap();
        let seen = journey
            .client
            .get(&format!("/certificates/{certificate}"))
            .await
            .data();
        assert_eq!(
            (&seen["keyAlgorithm"], &seen["hasPrivateKey"]),
            (&json!(kind), &json!(true))
        );
        let pem = download(&journey, certificate, &json!({"format": "pem"})).await;
        assert!(fits(&folder.write("a.pem", &pem)), "{kind}");
    }
    let body = json!({"accountId": account, "domains": ["example.com"], "keyAlgorithm": "rsa-1024"});
    let unknown = journey
        .client
        .post("/acme/certificate/request", &body.to_string())
        .await;
    unknown.refused(400, 2003, "keyAlgorithm");
    journey.until_clean().await;
    journey.end().await;
}

/// What openssl makes of a key and names.
fn csr(folder: &Folder, kind: &[&str], subject: &str, names: &str) -> (String, String) {
    let key = folder.path("own.key");
    let mut args = vec!["req", "-new", "-nodes", "-keyout", &key, "-subj", subject];
    args.extend(kind);
    let names = format!("subjectAltName={names}");
    if !names.ends_with('=') {
        args.extend(["-addext", &names]);
    }
    (run("openssl", &args), std::fs::read_to_string(&key).unwrap())
}

#[tokio::test]
async fn a_client_brings_its_own_csr() {
    let (journey, folder) = (Journey::start(options()).await, Folder::new("csr"));
    let account = journey.account().await;
    let p384 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"];
    let (pem, key) = csr(
        &folder,
        &p384,
        "/CN=example.com",
        "DNS:example.com,DNS:www.example.com",
    );
    let body = json!({"accountId": account, "domains": ["www.example.com", "example.com"], "csr": pem});
    let request = order(&journey, body.clone()).await;
    assert_eq!(
        (&request["key_algorithm"], &request["key_source"]),
        (&json!("ecdsa-p384"), &json!("csr"))
    );
    assert_eq!(
        order(&journey, body).await["id"],
        request["id"],
        "the same CSR is the same request"
    );
    let done = journey.until(request["id"].as_u64().unwrap(), "success").await;
    let id = done["result_certificate_id"].as_u64().unwrap();
    let seen = journey.client.get(&format!("/certificates/{id}")).await.data();
    assert_eq!(
        (&seen["keyAlgorithm"], &seen["hasPrivateKey"]),
        (&json!("ecdsa-p384"), &json!(false))
    );
    let both = format!("{key}{}", seen["certificatePem"].as_str().unwrap());
    assert!(
        fits(&folder.write("both.pem", both.as_bytes())),
        "the certificate is for the client's key"
    );
    let refused = journey
        .client
        .post(&format!("/certificate/{id}/download"), r#"{"format":"pem"}"#)
        .await;
    refused.refused(409, 3003, "never was here");
    let secrets = journey.stack.aws.secrets.values().await;
    assert!(
        !secrets.iter().any(|(name, _)| name.contains("certificate-key")),
        "no key was stored"
    );

    let p256 = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let good = csr(&folder, &p256, "/", "DNS:example.com").0;
    let broken = {
        let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
        let line = lines.len() - 2;
        let (last, other) = (
            lines[line].len() - 6,
            if lines[line].ends_with("AAAA") { "B" } else { "A" },
        );
        lines[line].replace_range(last - 4..last - 3, other);
        lines.join("\n")
    };
    let cases = [
        (
            csr(&folder, &p256, "/CN=example.com", "").0,
            "add one with the names in domains",
        ),
        (
            csr(&folder, &p256, "/", "DNS:example.com,DNS:www.example.com").0,
            "exactly the names",
        ),
        (
            csr(&folder, &p256, "/", "DNS:example.com,IP:192.0.2.1").0,
            "exactly the names",
        ),
        (
            csr(&folder, &p256, "/CN=example.org", "DNS:example.com").0,
            "common name",
        ),
        (
            csr(&folder, &["-newkey", "rsa:1024"], "/", "DNS:example.com").0,
            "2048",
        ),
        (
            csr(&folder, &["-newkey", "ed25519"], "/", "DNS:example.com").0,
            "2048",
        ),
        (broken, "csr "),
        ("no csr".to_owned(), "PEM"),
        (key, "PEM"),
        (format!("{good}{good}"), "PEM"),
    ];
    for (pem, word) in cases {
        let body = json!({"accountId": account, "domains": ["example.com"], "csr": pem});
        let answer = journey
            .client
            .post("/acme/certificate/request", &body.to_string())
            .await;
        answer.refused(400, 2003, word);
    }
    let body =
        json!({"accountId": account, "domains": ["example.com"], "csr": good, "keyAlgorithm": "rsa-2048"});
    let answer = journey
        .client
        .post("/acme/certificate/request", &body.to_string())
        .await;
    answer.refused(400, 2003, "ecdsa-p256");
    journey.until_clean().await;
    journey.end().await;
}

/// After a restore of the table the id of a later request is given out again; its key is in the vault still.
#[tokio::test]
async fn the_key_of_another_request_is_never_used() {
    let journey = Journey::start(options()).await;
    let account = journey.account().await;
    let names = |list: &[&str]| NameSet::parse(list).unwrap();
    let kind = KeyAlgorithm::EcdsaP256;
    let foreign = [
        keys::generate(&names(&["secret.example.org"]), kind, "request 1 of 1"),
        keys::generate(&names(&["example.com"]), kind, "request 2 of 1"),
    ];
    for (id, secret) in (1..).zip(&foreign) {
        let secret = secret.as_ref().unwrap().expose_secret();
        let create = json!({"Name": format!("certmint/certificate-key/{id}-order0"), "SecretString": secret});
        journey.stack.aws.secrets.operate("CreateSecret", &create).await;
    }
    for id in 1..=2 {
        let body = json!({"accountId": account, "domains": ["example.com"], "force": true});
        assert_eq!(order(&journey, body).await["id"], id);
        let failed = journey.until(id, "failed").await;
        let error = failed["last_error"].as_str().unwrap();
        assert!(
            error.contains("made for another request") && error.contains("id counters"),
            "{error}"
        );
        // A retry orders anew, and that has a key of its own.
        let retry = json!({"id": id}).to_string();
        let _ = journey
            .client
            .post("/acme/certificate/retry", &retry)
            .await
            .data();
        journey.until(id, "success").await;
    }
    journey.until_clean().await;
    journey.end().await;
}

async fn refusals(journey: &Journey, id: u64) {
    let path = format!("/certificate/{id}/download");
    let post = |body: Value| {
        let path = path.clone();
        async move { journey.client.post(&path, &body.to_string()).await }
    };
    post(json!({})).await.refused(400, 2001, "format");
    post(json!({"format": "p7b"}))
        .await
        .refused(400, 2003, "pem, pfx, jks");
    post(json!({"format": "pfx"}))
        .await
        .refused(400, 2001, "password");
    post(json!({"format": "pfx", "password": "short"}))
        .await
        .refused(400, 2003, "6 to 128");
    post(json!({"format": "jks", "password": "gehörtnicht"}))
        .await
        .refused(400, 2003, "ASCII");
    post(json!({"format": "pfx", "password": PASSWORD, "algorithm": "rc4"}))
        .await
        .refused(400, 2003, "aes256-sha256");
    post(json!({"format": "pem", "algorithm": "3des-sha1"}))
        .await
        .refused(400, 2003, "pfx only");
    let get = |query: &str| {
        let path = format!("/certificates/{id}/download?{query}");
        async move { journey.client.get(&path).await }
    };
    get("format=pfx").await.refused(400, 2001, "POST");
    get("format=pfx&password=secret").await.refused(400, 2003, "logs");
    let none = journey.client.get("/certificates/99/download").await;
    none.refused(404, 3001, "99");
}

#[tokio::test]
async fn keys_need_their_own_scope() {
    let journey = Journey::start(options()).await;
    // SHA-256 of `all`, `star` and `keys`.
    let hash = |token: &str| {
        let folder = Folder::new(&format!("hash-{token}"));
        let file = folder.write("token", token.as_bytes());
        run("openssl", &["dgst", "-sha256", "-r", &file])[..64].to_owned()
    };
    let list = json!({"tokens": [
        {"sha256": hash("all")},
        {"sha256": hash("star"), "scopes": ["*"]},
        {"sha256": hash("keys"), "scopes": ["keys"]},
    ]});
    let put = json!({"SecretId": "certmint/api-tokens", "SecretString": list.to_string()});
    journey.stack.aws.secrets.operate("PutSecretValue", &put).await;
    let body = r#"{"format":"pem"}"#;
    for token in ["all", "star"] {
        let client = journey.client.with_token(Some(token));
        let _ = client.get("/certificates").await.data();
        let refused = client.post("/certificate/1/download", body).await;
        refused.refused(403, 1004, "does not allow");
        let refused = client.get("/certificates/1/download").await;
        refused.refused(403, 1004, "does not allow");
    }
    let client = journey.client.with_token(Some("keys"));
    client
        .post("/certificate/1/download", body)
        .await
        .refused(404, 3001, "certificate 1");
    client
        .get("/certificates")
        .await
        .refused(403, 1004, "does not allow");
    journey.stack.stop().await;
}
