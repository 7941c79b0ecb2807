//! CSRs and private keys as people bring them.

use certmint_core::{
    words::NameSet,
    x509::{
        KeyError, PrivateKey,
        csr::{Csr, CsrError},
        pem,
    },
};

use super::openssl::Shop;

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const SAN: &str = "-addext subjectAltName=DNS:csr.example.com";

fn shop() -> Shop {
    Shop::new(P256, "-sha256")
}

fn check(shop: &Shop, names: &[&str]) -> Result<(), CsrError> {
    Csr::check(&shop.read("csr"), &NameSet::parse(names).unwrap()).map(|_| ())
}

#[test]
fn every_usual_signature_is_taken() {
    let shop = shop();
    for (key, signing) in [
        (P256, "-sha256"),
        (P256, "-sha384"),
        (P256, "-sha512"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "-sha256"),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "-sha512"),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha256"),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha512"),
        (
            "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
            "-sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:20",
        ),
    ] {
        shop.run(&format!("genpkey {key} -out key"));
        shop.run(&format!(
            "req -new -key key -subj /CN=csr.example.com {SAN} {signing} -out csr"
        ));
        assert_eq!(check(&shop, &["csr.example.com"]), Ok(()), "{key} {signing}");
    }
    shop.run(&format!(
        "req -new -key key -subj /CN=csr.example.com {SAN} -sha224 -out csr"
    ));
    let refused = check(&shop, &["csr.example.com"]).unwrap_err().to_string();
    assert!(refused.contains("sha224WithRSAEncryption"), "{refused}");
    shop.run(&format!(
        "req -new -key key -subj /CN=csr.example.com {SAN} -sha1 -out csr"
    ));
    let weak = check(&shop, &["csr.example.com"]).unwrap_err().to_string();
    assert!(weak.contains("sha1WithRSAEncryption"), "{weak}");
}

#[test]
fn a_common_name_alone_is_told_what_to_add() {
    let shop = shop();
    for subject in [
        "/CN=csr.example.com",
        "/CN=CSR.Example.com",
        "/O=Shop/CN=csr.example.com",
    ] {
        shop.run(&format!("req -new -key leaf.key -subj {subject} -out csr"));
        let refused = check(&shop, &["csr.example.com"]).unwrap_err();
        assert_eq!(refused, CsrError::NoNames, "{subject}");
        assert!(
            refused.to_string().contains("-addext subjectAltName=DNS:"),
            "{refused}"
        );
    }
    shop.run("req -new -key leaf.key -subj / -out csr");
    assert_eq!(check(&shop, &["csr.example.com"]), Err(CsrError::NoNames));
    shop.run(&format!(
        "req -new -key leaf.key -subj /CN=other.example.com {SAN} -out csr"
    ));
    assert_eq!(check(&shop, &["csr.example.com"]), Err(CsrError::CommonName));
    assert_eq!(check(&shop, &["www.example.com"]), Err(CsrError::Names));
    shop.run(
        "req -new -key leaf.key -subj / -addext subjectAltName=DNS:csr.example.com,IP:192.0.2.1 -out csr",
    );
    assert_eq!(check(&shop, &["csr.example.com"]), Err(CsrError::Names));
}

/// openssl writes a common name as each of ASN.1's string types.
#[test]
fn a_common_name_in_any_string_type() {
    let shop = shop();
    for kind in ["UTF8", "PRINTABLE", "IA5", "T61", "BMP", "UNIV", "VISIBLE"] {
        let config = format!(
            "asn1 = SEQUENCE:name\n[name]\nrdn = SET:rdn\n[rdn]\natv = SEQUENCE:atv\n[atv]\ntype = OID:commonName\nvalue = \
             {kind}:csr.example.com\n"
        );
        std::fs::write(shop.path().join("name.cnf"), config).unwrap();
        shop.run("asn1parse -genconf name.cnf -noout -out name.der");
        shop.run(&format!(
            "req -new -key leaf.key -subj /CN=csr.example.com {SAN} -outform DER -out csr.der"
        ));
        let (der, name) = (read(&shop, "csr.der"), read(&shop, "name.der"));
        let made = with_subject(&der, &name);
        let csr = Csr::read(&made).unwrap_or_else(|e| panic!("{kind}: {e}"));
        // The signature is over the other name: only that is wrong with it.
        let checked = Csr::check(
            &pem::write("CERTIFICATE REQUEST", &made),
            &NameSet::parse(&["csr.example.com"]).unwrap(),
        );
        assert_eq!(checked.map(|_| ()), Err(CsrError::Signature), "{kind}");
        assert!(
            csr.has_names(&NameSet::parse(&["csr.example.com"]).unwrap()),
            "{kind}"
        );
    }
}

fn read(shop: &Shop, file: &str) -> Vec<u8> {
    std::fs::read(shop.path().join(file)).unwrap()
}

/// The CSR with another subject: SEQUENCE { SEQUENCE { version, subject, … }, … }, lengths made anew.
fn with_subject(der: &[u8], name: &[u8]) -> Vec<u8> {
    let (outer, _) = content(der);
    let (info, rest) = content(outer);
    let (_, after_version) = element(info);
    let (_, after_subject) = element(after_version);
    let version = &info[..info.len() - after_version.len()];
    let info = sequence(&[version, name, after_subject].concat());
    sequence(&[info.as_slice(), rest].concat())
}

fn header(der: &[u8]) -> (usize, usize) {
    match der[1] {
        short @ 0..=127 => (2, usize::from(short)),
        long => {
            let octets = usize::from(long & 127);
            let length = der[2..2 + octets]
                .iter()
                .fold(0, |n, b| (n << 8) | usize::from(*b));
            (2 + octets, length)
        }
    }
}

fn element(der: &[u8]) -> (&[u8], &[u8]) {
    let (head, length) = header(der);
    der.split_at(head + length)
}

fn content(der: &[u8]) -> (&[u8], &[u8]) {
    let (head, length) = header(der);
    (&der[head..head + length], &der[head + length..])
}

fn sequence(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[0x30, 0x82, length[0], length[1]], content].concat()
}

#[test]
fn bytes_behind_a_csr_or_a_key_are_refused() {
    let shop = shop();
    shop.run(&format!(
        "req -new -key leaf.key -subj / {SAN} -outform DER -out csr.der"
    ));
    let mut der = read(&shop, "csr.der");
    der.push(0);
    assert_eq!(Csr::read(&der), Err(CsrError::Rest(1)));
    for (out, label) in [
        ("pkcs8 -topk8 -nocrypt -in leaf.key", "PRIVATE KEY"),
        ("ec -in leaf.key", "EC PRIVATE KEY"),
    ] {
        shop.run(&format!("{out} -outform DER -out key.der"));
        let mut der = read(&shop, "key.der");
        let key = |der: &[u8]| PrivateKey::read(&pem::write(label, der).into(), None).map(|_| ());
        assert_eq!(key(&der), Ok(()), "{label}");
        der.push(0);
        assert_eq!(key(&der), Err(KeyError::NotDer), "{label}");
    }
}

#[test]
fn keys_as_people_paste_them() {
    let shop = shop();
    let key = shop.read("leaf.key");
    shop.run("ecparam -name prime256v1 -genkey -out with_parameters.key");
    for (what, text) in [
        ("plain", key.clone()),
        ("byte order mark", format!("\u{feff}{key}")),
        ("CRLF", key.replace('\n', "\r\n")),
        ("indented", key.replace('\n', "\n    ")),
        ("text around", format!("Key of the shop\n{key}\nbye")),
        ("EC PARAMETERS in front", shop.read("with_parameters.key")),
        (
            "its certificate beside it",
            format!("{}{key}", shop.read("leaf.pem")),
        ),
        ("escaped line ends", key.replace('\n', "\\n")),
    ] {
        let read = PrivateKey::read(&text.into(), None).map(|_| ());
        assert_eq!(read, Ok(()), "{what}");
    }
    for (what, text, error) in [
        ("two", format!("{key}{key}"), "more than one"),
        (
            "cut",
            key.replace("-----END PRIVATE KEY-----", ""),
            "line 1: the block PRIVATE KEY has no END line",
        ),
        (
            "four hyphens",
            key.replace("-----BEGIN", "----BEGIN"),
            "line 1: a BEGIN or END line",
        ),
        (
            "a certificate",
            shop.read("leaf.pem"),
            "holds no PEM block PRIVATE KEY",
        ),
        ("nothing", String::new(), "holds no PEM block PRIVATE KEY"),
    ] {
        let read = PrivateKey::read(&text.into(), None).map(|_| ()).unwrap_err();
        assert!(read.to_string().contains(error), "{what}: {read}");
        assert!(!read.to_string().contains("MIG"), "{what}");
    }
}
