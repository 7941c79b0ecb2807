//! A CSR's attributes are its maker's affair, but for the one that asks for extensions.

use certmint_core::{
    words::NameSet,
    x509::{
        csr::{Csr, CsrError},
        pem,
    },
};
use rcgen::{Attribute, CertificateParams, DistinguishedName, KeyPair};

const NAME: &str = "csr.example.com";
const CHALLENGE_PASSWORD: &[u64] = &[1, 2, 840, 113_549, 1, 9, 7];
const UNSTRUCTURED_NAME: &[u64] = &[1, 2, 840, 113_549, 1, 9, 2];
const EXTENSION_REQUEST: &[u64] = &[1, 2, 840, 113_549, 1, 9, 14];
const MICROSOFT_OS_VERSION: &[u64] = &[1, 3, 6, 1, 4, 1, 311, 13, 2, 3];

/// DER of something shorter than 128 octets.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = vec![tag, u8::try_from(content.len()).unwrap()];
    assert!(content.len() < 128);
    der.extend(content);
    der
}

fn set(values: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x31, &values.concat())
}

/// Extensions that ask for subjectAltName with this content.
fn names(content: &[u8]) -> Vec<u8> {
    let extension = [tlv(0x06, &[0x55, 0x1D, 0x11]), tlv(0x04, content)].concat();
    tlv(0x30, &tlv(0x30, &extension))
}

fn dns(name: &str) -> Vec<u8> {
    tlv(0x30, &tlv(0x82, name.as_bytes()))
}

fn check(names: &[&str], attributes: Vec<(&'static [u64], Vec<u8>)>) -> Result<(), CsrError> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let attributes = attributes.into_iter();
    let attributes = attributes
        .map(|(oid, values)| Attribute { oid, values })
        .collect();
    let mut csr = CertificateParams::new(names).unwrap();
    csr.distinguished_name = DistinguishedName::new();
    let csr = csr.serialize_request_with_attributes(&KeyPair::generate().unwrap(), attributes);
    let text = pem::write("CERTIFICATE REQUEST", csr.unwrap().der());
    Csr::check(&text, &NameSet::parse(&[NAME]).unwrap()).map(|_| ())
}

#[test]
fn other_attributes_are_passed_over() {
    let challenge = |value: Vec<u8>| vec![(CHALLENGE_PASSWORD, set(&[value]))];
    for (what, attributes) in [
        ("UTF8String", challenge(tlv(0x0C, "pässword".as_bytes()))),
        ("PrintableString", challenge(tlv(0x13, b"password"))),
        (
            "PrintableString with an odd character",
            challenge(tlv(0x13, b"p@ss_w*rd")),
        ),
        ("T61String", challenge(tlv(0x14, b"p\xe4ssword"))),
        ("IA5String", challenge(tlv(0x16, b"password"))),
        ("BMPString", challenge(tlv(0x1E, b"\0p\0w"))),
        ("BMPString of odd length", challenge(tlv(0x1E, b"\0p\0"))),
        ("UniversalString", challenge(tlv(0x1C, b"\0\0\0p"))),
        ("UTF8String that is none", challenge(tlv(0x0C, b"\xff\xfe"))),
        ("VisibleString", challenge(tlv(0x1A, b"password"))),
        ("an empty text", challenge(tlv(0x0C, b""))),
        ("a number", challenge(tlv(0x02, &[7]))),
        ("no value", vec![(CHALLENGE_PASSWORD, set(&[]))]),
        (
            "two values",
            vec![(CHALLENGE_PASSWORD, set(&[tlv(0x0C, b"a"), tlv(0x0C, b"b")]))],
        ),
        (
            "one twice, and others",
            vec![
                (CHALLENGE_PASSWORD, set(&[tlv(0x0C, b"a")])),
                (CHALLENGE_PASSWORD, set(&[tlv(0x16, b"a")])),
                (UNSTRUCTURED_NAME, set(&[tlv(0x14, b"\xff")])),
                (MICROSOFT_OS_VERSION, set(&[tlv(0x16, b"10.0.1.2")])),
            ],
        ),
        (
            "an empty request for extensions",
            vec![(EXTENSION_REQUEST, set(&[tlv(0x30, &[])]))],
        ),
        (
            "a request without extensions",
            vec![(EXTENSION_REQUEST, set(&[]))],
        ),
    ] {
        assert_eq!(check(&[NAME], attributes), Ok(()), "{what}");
    }
}

#[test]
fn the_request_for_extensions_is_read_whole_or_refused() {
    let asked = |value: Vec<u8>| vec![(EXTENSION_REQUEST, set(&[value]))];
    let unreadable = |what| Err(CsrError::Unreadable(what));
    // As Go's reader has it, and so the CAs that are built on it.
    let twice = || Err(CsrError::Twice("2.5.29.17".into()));
    for (what, attributes, wanted) in [
        ("alone", asked(names(&dns(NAME))), Ok(())),
        (
            "behind a password in an odd string",
            vec![
                (CHALLENGE_PASSWORD, set(&[tlv(0x14, b"\xe4")])),
                (EXTENSION_REQUEST, set(&[names(&dns(NAME))])),
            ],
            Ok(()),
        ),
        (
            "twice the same",
            vec![(EXTENSION_REQUEST, set(&[names(&dns(NAME))])); 2],
            twice(),
        ),
        (
            "in a second value",
            vec![(
                EXTENSION_REQUEST,
                set(&[names(&dns(NAME)), names(&dns("b.example.com"))]),
            )],
            twice(),
        ),
        (
            "no extensions",
            asked(tlv(0x0C, b"text")),
            unreadable("request for extensions"),
        ),
        (
            "cut",
            asked(tlv(0x30, &[0x30, 0x05, 0x06])),
            unreadable("request for extensions"),
        ),
        (
            "no names",
            asked(names(b"\x30\x03\x82\x7f")),
            unreadable("subjectAltName"),
        ),
        ("none", vec![], Err(CsrError::NoNames)),
    ] {
        assert_eq!(check(&[], attributes), wanted, "{what}");
    }
}
