//! Certificates that signed themselves, as people make them for a test or an intranet.

use certmint_tests::files::{Folder, TestCa, run};
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use serde_json::json;

use super::client::{ApiResponse, Client, data, refused};

const NAME: &str = "intranet.example.com";
const OWN: &str = "it is its own issuer";
const CA: &str = "(CA:TRUE)";

async fn upload(client: &Client, certificate: &str, key: &str) -> ApiResponse {
    let body =
        json!({"provider": "manual", "certificatePem": certificate, "privateKeyPem": key, "domains": [NAME]});
    client.post("/certificates/upload", &body.to_string()).await
}

/// Taken, with exactly these warnings.
fn is_taken(answer: &ApiResponse, what: &str, warnings: &[&str]) {
    let taken = data(answer);
    let said = taken["warnings"].to_string();
    assert!(taken["id"].is_u64(), "{what}: {taken}");
    assert_eq!(
        taken["warnings"].as_array().unwrap().len(),
        warnings.len(),
        "{what}: {said}"
    );
    for warning in warnings {
        assert!(said.contains(warning), "{what}: {said}");
    }
}

fn self_signed(key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) -> String {
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(2040, 1, 1));
    change(&mut params);
    params.self_signed(key).unwrap().pem()
}

#[tokio::test]
async fn as_openssl_makes_it_in_one_line() {
    let client = Client::new().await;
    let folder = Folder::new("self-signed");
    let (key, certificate) = (folder.path("key.pem"), folder.path("cert.pem"));
    for kind in [&["rsa:2048"][..], &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]] {
        let subject = [
            "-subj",
            "/CN=intranet",
            "-addext",
            "subjectAltName=DNS:intranet.example.com",
        ];
        let files = ["-keyout", &key, "-out", &certificate];
        let call = ["req", "-x509", "-nodes", "-days", "30", "-newkey"];
        let _said = run("openssl", &[&call, kind, &subject, &files].concat());
        let read = |file: &str| std::fs::read_to_string(file).unwrap();
        let answer = upload(&client, &read(&certificate), &read(&key)).await;
        is_taken(&answer, kind[0], &[OWN]);
        assert!(answer.body.contains(CA), "openssl makes it a CA: {}", answer.body);
    }
}

#[tokio::test]
async fn one_alone_is_a_websites_whatever_it_calls_itself() {
    let client = Client::new().await;
    let usage = |usages: &'static [KeyUsagePurpose]| {
        move |p: &mut CertificateParams| {
            p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            p.key_usages = usages.to_vec();
        }
    };
    type Change = Box<dyn FnOnce(&mut CertificateParams)>;
    let table: Vec<(&str, Change, &[&str])> = vec![
        ("no CA", Box::new(|p| p.is_ca = IsCa::NoCa), &[OWN]),
        (
            "no CA, and says so",
            Box::new(|p| p.is_ca = IsCa::ExplicitNoCa),
            &[OWN],
        ),
        ("a CA", Box::new(usage(&[])), &[CA]),
        (
            "with a path length",
            Box::new(|p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0))),
            &[CA],
        ),
        (
            "may sign anything",
            Box::new(usage(&[
                KeyUsagePurpose::KeyCertSign,
                KeyUsagePurpose::DigitalSignature,
            ])),
            &[CA],
        ),
        (
            "may sign certificates only",
            Box::new(usage(&[KeyUsagePurpose::KeyCertSign])),
            &[CA, "digitalSignature"],
        ),
    ];
    for (what, change, warnings) in table {
        let key = KeyPair::generate().unwrap();
        let pem = self_signed(&key, change);
        is_taken(&upload(&client, &pem, &key.serialize_pem()).await, what, warnings);
    }
    let key = KeyPair::generate().unwrap();
    let pem = self_signed(&key, usage(&[]));
    let twice = format!("{pem}{pem}");
    is_taken(
        &upload(&client, &twice, &key.serialize_pem()).await,
        "pasted twice",
        &[CA],
    );
}

#[tokio::test]
async fn what_is_no_websites_is_refused_in_words_that_help() {
    let client = Client::new().await;
    let (ca, key) = (TestCa::default(), KeyPair::generate().unwrap());
    let leaf = ca.leaf(&key, &[NAME], (2024, 2040));
    let own = |change: fn(&mut CertificateParams)| self_signed(&key, change);
    let is_ca = |p: &mut CertificateParams| p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let other = self_signed(&KeyPair::generate().unwrap(), is_ca);
    for (what, pem, words) in [
        (
            "an intermediate alone",
            ca.intermediate(),
            "put the website's first",
        ),
        (
            "a CA's, then the website's",
            format!("{}{leaf}", own(is_ca)),
            "certificatePem",
        ),
        (
            "for clients only",
            own(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
            "does not allow TLS servers",
        ),
        (
            "without a name",
            own(|p| p.subject_alt_names.clear()),
            "has no DNS name",
        ),
        (
            "expired",
            own(|p| p.not_after = date_time_ymd(2025, 1, 1)),
            "it is valid from",
        ),
        ("somebody else's", other, "privateKeyPem is not the key"),
    ] {
        let answer = upload(&client, &pem, &key.serialize_pem()).await;
        assert!(answer.body.contains(words), "{what}: {}", answer.body);
        refused(&answer, 400, 2003, "");
    }
}
