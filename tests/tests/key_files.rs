//! Files with keys, as `openssl` and `keytool` read them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use certmint_core::x509::{KeyError, PrivateKey};
use certmint_shared::bundle::{Contents, PfxAlgorithm};
use certmint_tests::files::{Folder, TestCa, attempt, run};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, RsaKeySize};

const PASSWORD: &str = "a password, 6+";

fn keys() -> [(&'static str, KeyPair); 3] {
    [
        ("p256", KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()),
        ("p384", KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap()),
        (
            "rsa",
            KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap(),
        ),
    ]
}

fn read(pem: &str) -> PrivateKey {
    PrivateKey::read(&pem.into(), None).unwrap()
}

/// The public key of a private key, and of a certificate.
fn public_keys(key: &str, certificate: &str) -> (String, String) {
    (
        run("openssl", &["pkey", "-in", key, "-pubout"]),
        run("openssl", &["x509", "-in", certificate, "-noout", "-pubkey"]),
    )
}

#[test]
fn openssl_opens_pem_and_pfx() {
    let (folder, ca, password) = (Folder::new("openssl"), TestCa::default(), PASSWORD.into());
    for (name, pair) in keys() {
        let key = read(&pair.serialize_pem());
        let chain_pem = ca.chain(&pair, &["example.com", "*.example.com"]);
        let contents = Contents {
            alias: "example.com",
            chain_pem: &chain_pem,
            key: &key,
        };
        let plain = contents.pem(None).unwrap();
        let plain = folder.write(&format!("{name}.pem"), &plain);
        let (of_key, of_certificate) = public_keys(&plain, &plain);
        assert_eq!(of_key, of_certificate, "{name}");

        let sealed = contents.pem(Some(&password)).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("BEGIN PRIVATE KEY"));
        let sealed = folder.write(&format!("{name}.sealed.pem"), &sealed);
        let pass = format!("pass:{PASSWORD}");
        let opened = run("openssl", &["pkey", "-in", &sealed, "-passin", &pass, "-pubout"]);
        assert_eq!(opened, of_certificate, "{name}");

        for (word, algorithm, legacy) in [
            ("aes", PfxAlgorithm::Aes256Sha256, false),
            ("des", PfxAlgorithm::TripleDesSha1, true),
        ] {
            let file = contents.pfx(&password, algorithm).unwrap();
            let file = folder.write(&format!("{name}.{word}.pfx"), &file);
            let mut args = vec!["pkcs12", "-in", &file, "-passin", &pass, "-nodes"];
            if legacy {
                args.push("-legacy");
            }
            let text = run("openssl", &args);
            assert_eq!(
                text.matches("BEGIN CERTIFICATE").count(),
                2,
                "{name} {word}: {text}"
            );
            assert!(text.contains("friendlyName: example.com\n"), "{text}");
            let out = folder.write("out.pem", text.as_bytes());
            let (of_key, of_certificate) = public_keys(&out, &out);
            assert_eq!(of_key, of_certificate, "{name} {word}");
            args.extend(["-info", "-noout"]);
            let info = attempt("openssl", &args).stderr;
            let info = String::from_utf8_lossy(&info);
            let wanted: &[&str] = match legacy {
                false => &["MAC: sha256", "PBES2", "AES-256-CBC", "hmacWithSHA256"],
                true => &["MAC: sha1", "pbeWithSHA1And3-KeyTripleDES-CBC"],
            };
            assert!(wanted.iter().all(|w| info.contains(w)), "{info}");
            let wrong = attempt(
                "openssl",
                &["pkcs12", "-in", &file, "-passin", "pass:wrong", "-nodes"],
            );
            assert!(!wrong.status.success());
        }
    }
}

#[test]
fn keytool_opens_jks_and_pfx() {
    let (folder, ca, password) = (Folder::new("keytool"), TestCa::default(), PASSWORD.into());
    for (name, pair) in keys() {
        let key = read(&pair.serialize_pem());
        let chain_pem = ca.chain(&pair, &["*.example.com"]);
        let contents = Contents {
            alias: "*.example.com",
            chain_pem: &chain_pem,
            key: &key,
        };
        let jks = contents.jks(&password, 1_790_000_000_000).unwrap();
        let pfx = contents.pfx(&password, PfxAlgorithm::default()).unwrap();
        for (kind, bytes) in [("JKS", jks), ("PKCS12", pfx)] {
            let file = folder.write(&format!("{name}.{kind}"), &bytes);
            let listed = run(
                "keytool",
                &[
                    "-list",
                    "-v",
                    "-keystore",
                    &file,
                    "-storetype",
                    kind,
                    "-storepass",
                    PASSWORD,
                ],
            );
            assert!(
                listed.contains("PrivateKeyEntry") && listed.contains("chain length: 2"),
                "{listed}"
            );
            // The key itself: Java reads it, and what it writes is the key that went in.
            let out = folder.path(&format!("{name}.{kind}.out.p12"));
            let args = [
                "-importkeystore",
                "-noprompt",
                "-srckeystore",
                &file,
                "-srcstoretype",
                kind,
                "-srcstorepass",
                PASSWORD,
                "-destkeystore",
                &out,
                "-deststoretype",
                "PKCS12",
                "-deststorepass",
                PASSWORD,
            ];
            let _ = run("keytool", &args);
            let pass = format!("pass:{PASSWORD}");
            let text = run("openssl", &["pkcs12", "-in", &out, "-passin", &pass, "-nodes"]);
            let out = folder.write("java.pem", text.as_bytes());
            let (of_key, of_certificate) = public_keys(&out, &out);
            assert_eq!(of_key, of_certificate, "{name} {kind}");
            assert_eq!(read(&text).public_key(), key.public_key());
        }
    }
}

/// Keys as openssl writes them: each encoding, with and without a passphrase.
#[test]
fn keys_of_every_encoding_are_read() {
    let folder = Folder::new("encodings");
    let passphrase = Some("secret words".into());
    for (name, pair) in keys() {
        let plain = folder.write(&format!("{name}.key"), pair.serialize_pem().as_bytes());
        let wanted = read(&pair.serialize_pem());
        let traditional = run("openssl", &["pkey", "-in", &plain, "-traditional"]);
        assert!(
            traditional.contains("BEGIN RSA") || traditional.contains("BEGIN EC"),
            "{name}"
        );
        let again = read(&traditional);
        assert_eq!(again.public_key(), wanted.public_key());
        // What is kept is PKCS#8, whatever came.
        let kept = folder.write(
            "kept.key",
            secrecy::ExposeSecret::expose_secret(&again.pem().unwrap()).as_bytes(),
        );
        let text = run("openssl", &["pkcs8", "-in", &kept, "-nocrypt", "-topk8"]);
        assert!(text.starts_with("-----BEGIN PRIVATE KEY-----"), "{text}");
        for options in [
            &["-v2", "aes-256-cbc"][..],
            &["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"],
            &["-scrypt"],
        ] {
            let mut args = vec!["pkcs8", "-topk8", "-in", &plain, "-passout", "pass:secret words"];
            args.extend(options);
            let sealed = run("openssl", &args);
            let opened = PrivateKey::read(&sealed.as_str().into(), passphrase.as_ref());
            let opened = opened.unwrap_or_else(|e| panic!("{name} {options:?}: {e}"));
            assert_eq!(opened.public_key(), wanted.public_key());
            let refused =
                |p: Option<&str>| PrivateKey::read(&sealed.as_str().into(), p.map(Into::into).as_ref()).err();
            assert_eq!(refused(None), Some(KeyError::NoPassphrase));
            assert_eq!(refused(Some("other")), Some(KeyError::WrongPassphrase));
        }
    }
}

#[test]
fn what_is_no_key_of_ours_is_named() {
    let folder = Folder::new("no-keys");
    let refused = |text: &str| PrivateKey::read(&text.into(), Some(&"secret words".into())).err();
    let pair = KeyPair::generate().unwrap();
    let plain = folder.write("ec.key", pair.serialize_pem().as_bytes());
    let old = run(
        "openssl",
        &["ec", "-in", &plain, "-aes128", "-passout", "pass:secret words"],
    );
    assert_eq!(refused(&old), Some(KeyError::OldEncryption));
    let rounds = [
        "pkcs8",
        "-topk8",
        "-in",
        &plain,
        "-iter",
        "2000001",
        "-passout",
        "pass:secret words",
    ];
    assert_eq!(refused(&run("openssl", &rounds)), Some(KeyError::TooManyRounds));
    let small = run("openssl", &["genrsa", "1024"]);
    assert_eq!(refused(&small), Some(KeyError::Unsupported));
    let edwards = run("openssl", &["genpkey", "-algorithm", "ed25519"]);
    assert_eq!(refused(&edwards), Some(KeyError::Kind("Ed25519".into())));
    assert_eq!(refused(""), Some(KeyError::NoPem));
    assert_eq!(refused(&TestCa::default().root()), Some(KeyError::NoPem));
    let twice = format!("{0}{0}", pair.serialize_pem());
    assert_eq!(refused(&twice), Some(KeyError::Several));
    // openssl writes the curve's parameters in front of some keys.
    let with_parameters = run("openssl", &["ecparam", "-name", "prime256v1", "-genkey"]);
    assert!(with_parameters.contains("EC PARAMETERS"));
    assert_eq!(refused(&with_parameters), None);
}
