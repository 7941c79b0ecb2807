//! Certificates, keys and CSRs that were reported, as they were sent (`tests/cases`).

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use certmint_core::{certificate::CertificateSource, clock::Clock};
use certmint_shared::clock::SystemClock;
use certmint_tests::dynamo::Emulated;
use rcgen::{CertificateParams, KeyPair, SerialNumber, date_time_ymd};
use serde_json::json;

use super::client::{Client, data, input, json_of, refused};

const UPLOAD: &str = "/certificates/upload";
const REQUEST: &str = "/acme/certificate/request";

#[tokio::test]
async fn a_serial_is_shown_as_openssl_shows_it() {
    let client = Client::new().await;
    let id = &data(
        &client
            .post(UPLOAD, &input("25-serial-leading-zero", "upload.json"))
            .await,
    )["id"];
    let seen = data(&client.get(&format!("/certificates/{id}")).await);
    assert_eq!(seen["serial"], "f1f2f3f4f5f6f7f8");
    let versions = data(&client.get(&format!("/certificates/{id}/versions")).await);
    assert_eq!(versions["list"][0]["serial"], "f1f2f3f4f5f6f7f8");

    // Whole octets, as `openssl x509 -serial` has them.
    let longest = [0xff; 20];
    for (serial, wanted) in [
        (&[0x01][..], "01"),
        (&[0x7f], "7f"),
        (&[0x80], "80"),
        (&[0x00, 0xff], "ff"),
        (&[0x0a, 0xbc], "0abc"),
        (&[0x80, 0x00], "8000"),
        (&[0x01, 0x00, 0x00], "010000"),
        (&longest[..19], "ffffffffffffffffffffffffffffffffffffff"),
        (&longest, "ffffffffffffffffffffffffffffffffffffffff"),
    ] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["serial.example.com".to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from_slice(serial));
        (params.not_before, params.not_after) = (date_time_ymd(2024, 1, 1), date_time_ymd(2040, 1, 1));
        let certificate = params.self_signed(&key).unwrap().pem();
        let body = json!({"provider": "manual", "certificatePem": certificate, "privateKeyPem": key.serialize_pem(),
            "domains": ["serial.example.com"]});
        let id = &data(&client.post(UPLOAD, &body.to_string()).await)["id"];
        let seen = data(&client.get(&format!("/certificates/{id}")).await);
        assert_eq!(seen["serial"], wanted);
    }
}

#[tokio::test]
async fn blocks_on_one_line_are_both_read() {
    let client = Client::new().await;
    let id = &data(
        &client
            .post(UPLOAD, &input("06-pem-glued-blocks", "upload.json"))
            .await,
    )["id"];
    let seen = data(&client.get(&format!("/certificates/{id}")).await);
    let pem = seen["certificatePem"].as_str().unwrap();
    assert_eq!(pem.matches("-----BEGIN CERTIFICATE-----\n").count(), 2, "{pem}");
}

#[tokio::test]
async fn a_byte_order_mark_in_front_of_pem_is_no_part_of_it() {
    let client = Client::new().await;
    client.account().await;
    let case = "07-pem-byte-order-mark";
    for file in ["upload_cert.json", "upload_key.json"] {
        let mut upload = json_of(case, file);
        let body = upload.to_string();
        assert!(body.contains('\u{feff}'), "{file}");
        // Both hold one certificate: the second is known by then.
        let answer = client.post(UPLOAD, &body).await;
        match file {
            "upload_cert.json" => assert_eq!(data(&answer)["id"], 1),
            _ => refused(&answer, 409, 3002, "certificate 1"),
        }
        upload["privateKeyPem"] = json!(KeyPair::generate().unwrap().serialize_pem());
        refused(
            &client.post(UPLOAD, &upload.to_string()).await,
            400,
            2003,
            "privateKeyPem",
        );
    }
    let csr = input(case, "request_csr.json");
    assert_eq!(data(&client.post_csr(REQUEST, &csr).await)["key_source"], "csr");
}

#[tokio::test]
async fn csrs_signed_with_sha_512_are_taken() {
    let client = Client::new().await;
    client.account().await;
    for (file, algorithm) in [
        ("p256_sha512.json", "ecdsa-p256"),
        ("p384_sha512.json", "ecdsa-p384"),
    ] {
        let made = data(
            &client
                .post_csr(REQUEST, &input("13-csr-ecdsa-sha512", file))
                .await,
        );
        assert_eq!(
            (&made["key_source"], &made["key_algorithm"]),
            (&json!("csr"), &json!(algorithm)),
            "{file}"
        );
    }
}

#[tokio::test]
async fn chains_that_openssl_verifies_are_taken() {
    let client = Client::new().await;
    for file in [
        "p384_sha512.json",
        "p521.json",
        "pss_sha256_salt20.json",
        "root_p521.json",
    ] {
        let made = data(
            &client
                .post(UPLOAD, &input("14-chain-signature-algorithm", file))
                .await,
        );
        assert!(made["id"].is_u64(), "{file}: {made}");
    }
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_left_out_of_every_list() {
    let world = Emulated::new().await;
    let item = json_of("10-unreadable-certificate-item", "item.json");
    let client = Client::over(world);
    client.account().await;
    let soon = SystemClock.now().plus(Duration::from_secs(86_400));
    for n in 1..=3 {
        let (fingerprint, name) = (format!("{n:064}"), format!("h{n}.example.com"));
        client
            .certificate_until(&fingerprint, &name, CertificateSource::Acme, soon)
            .await;
    }
    // Names as an older version may have stored them: what it took then, none reads now.
    let names = item["names"].as_str().unwrap().replace("github.io", "github..io");
    let key = (item["pk"].as_str().unwrap(), item["sk"].as_str().unwrap());
    client.world.spoil(key, "names", AttributeValue::S(names)).await;
    let ids = async |path: &str| {
        let found = data(&client.get(path).await);
        let rows = found["list"].as_array().unwrap().iter();
        rows.map(|row| row["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    for path in [
        "/certificates",
        "/certificates?kind=certificate",
        "/certificates?name=example.com",
        "/certificates?status=issued",
    ] {
        assert_eq!(ids(path).await, [2, 1], "{path}");
    }
    let mut ending = ids("/certificates/renewal/candidates").await;
    ending.sort_unstable();
    assert_eq!(ending, [1, 2]);
}
