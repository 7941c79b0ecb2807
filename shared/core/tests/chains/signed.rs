//! Every signature algorithm that CAs use is verified; one that cannot be is named.

use certmint_core::{
    words::Timestamp,
    x509::{Concern, chain::read_chain},
};

use super::openssl::Shop;

fn now() -> Timestamp {
    std::time::SystemTime::now().into()
}

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const P384: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384";
const P521: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-521";
const RSA: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
const PSS_KEY: &str = "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048";

#[test]
fn what_cas_use_is_verified() {
    let pss = |hash: &str, salt: u16| {
        format!("-{hash} -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:{salt}")
    };
    for (key, signing) in [
        (P256, "-sha256".to_owned()),
        (P256, "-sha384".into()),
        (P256, "-sha512".into()),
        (P384, "-sha256".into()),
        (P384, "-sha384".into()),
        (P384, "-sha512".into()),
        (P521, "-sha256".into()),
        (P521, "-sha384".into()),
        (P521, "-sha512".into()),
        (RSA, "-sha256".into()),
        (RSA, "-sha384".into()),
        (RSA, "-sha512".into()),
        (RSA, pss("sha256", 20)),
        (RSA, pss("sha256", 32)),
        (RSA, pss("sha256", 0)),
        (RSA, pss("sha256", 222)),
        (RSA, pss("sha384", 48)),
        (RSA, pss("sha512", 64)),
        (RSA, pss("sha512", 10)),
        (PSS_KEY, pss("sha256", 32)),
        ("-algorithm ED25519", String::new()),
    ] {
        let (shop, other) = (Shop::new(key, &signing), Shop::new(key, &signing));
        let read = read_chain(&shop.chain(), now());
        let read = read.unwrap_or_else(|e| panic!("{key} {signing}: {}", e.problem.detail));
        assert_eq!(read.concerns, [], "{key} {signing}");
        let twice = shop.chain() + &shop.read("ca.pem");
        assert_eq!(
            read_chain(&twice, now()).map(|c| c.checked),
            Ok(read.checked),
            "a root named twice"
        );
        // The same name, another key.
        let forged = shop.read("leaf.pem") + &other.read("ca.pem");
        let error = read_chain(&forged, now()).map(|_| ()).unwrap_err();
        assert!(
            error.problem.detail.contains("not signed by the key of"),
            "{key} {signing}"
        );
    }
}

#[test]
fn what_cannot_be_verified_is_named() {
    for (key, signing, name) in [
        ("-algorithm ED448", "", "Ed448"),
        (RSA, "-sha224", "sha224WithRSAEncryption"),
        (P256, "-sha3-256", "2.16.840.1.101.3.4.3.10"),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1",
            "-sha256",
            "1.3.132.0.10",
        ),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:brainpoolP256r1",
            "-sha256",
            "1.3.36.3.3.2.8.1.1.7",
        ),
        (
            RSA,
            "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_mgf1_md:sha512",
            "MGF1 with the hash of the signature",
        ),
        (RSA, "-sha1 -sigopt rsa_padding_mode:pss", "RSASSA-PSS with SHA-1"),
    ] {
        let read = read_chain(&Shop::new(key, signing).chain(), now());
        let read = read.unwrap_or_else(|e| panic!("{key} {signing}: {}", e.problem.detail));
        let named = |concern: &Concern| matches!(concern, Concern::Warning(text) if text.contains(name) && text.contains("not checked"));
        assert!(
            read.concerns.iter().any(named),
            "{key} {signing}: {:?}",
            read.concerns
        );
    }
}

#[test]
fn a_hash_that_nobody_trusts_is_a_warning() {
    for (key, signing, name) in [
        (RSA, "-sha1", "sha1WithRSAEncryption"),
        (P256, "-sha1", "ecdsa-with-SHA1"),
    ] {
        let concerns = read_chain(&Shop::new(key, signing).chain(), now())
            .unwrap()
            .concerns;
        let [Concern::Warning(text)] = concerns.as_slice() else {
            panic!("{concerns:?}");
        };
        assert!(text.contains(name) && text.contains("CN=leaf"), "{text}");
    }
}

/// `openssl x509 -serial`, without regard to case.
#[test]
fn serials_are_as_openssl_shows_them() {
    let shop = Shop::new(P256, "-sha256");
    for serial in [
        "f1f2f3f4f5f6f7f8",
        "7f",
        "80",
        "01",
        "00ff",
        "0100000000000000000000000000000000000000",
        "8000",
    ] {
        shop.run(&format!(
            "x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 0x{serial} -days 20 -extfile san -out leaf.pem"
        ));
        shop.run("x509 -in leaf.pem -noout -serial -out serial");
        let shown = shop.read("serial");
        let shown = shown.trim().trim_start_matches("serial=").to_ascii_lowercase();
        assert_eq!(
            read_chain(&shop.chain(), now()).unwrap().checked.serial,
            shown,
            "{serial}"
        );
    }
}
