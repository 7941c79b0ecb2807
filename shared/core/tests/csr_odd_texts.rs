//! CSRs with whatever tools put beside the names (RFC 2985, RFC 2986).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use certmint_core::{
    words::NameSet,
    x509::{
        csr::{Csr, CsrError},
        pem,
    },
};
use rcgen::{KeyPair, PublicKeyData, SigningKey};

const NAME: &str = "csr.example.com";
const EXTENSION_REQUEST: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];
const CHALLENGE_PASSWORD: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x07];
const UNSTRUCTURED_NAME: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x02];
/// 1.3.6.1.4.1.311.13.2.3, osVersion of Microsoft's tools.
const OS_VERSION: &[u8] = &[
    0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0d, 0x02, 0x03,
];
const SAN: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x11];
const KEY_USAGE: &[u8] = &[0x06, 0x03, 0x55, 0x1d, 0x0f];
const COMMON_NAME: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x03];
const ORGANISATION: &[u8] = &[0x06, 0x03, 0x55, 0x04, 0x0a];

const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const T61: u8 = 0x14;
const IA5: u8 = 0x16;
const VISIBLE: u8 = 0x1a;
const UNIVERSAL: u8 = 0x1c;
const BMP: u8 = 0x1e;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..=127 => vec![tag, u8::try_from(length).unwrap()],
        _ => [&[tag, 0x82], &u16::try_from(length).unwrap().to_be_bytes()[..]].concat(),
    };
    [head, content.to_vec()].concat()
}

fn attribute(oid: &[u8], values: &[Vec<u8>]) -> Vec<u8> {
    der(SEQUENCE, &[oid, &der(SET, &values.concat())].concat())
}

fn extension(oid: &[u8], value: &[u8]) -> Vec<u8> {
    der(SEQUENCE, &[oid, &der(0x04, value)].concat())
}

fn names(names: &[&str]) -> Vec<u8> {
    let names: Vec<u8> = names.iter().flat_map(|n| der(0x82, n.as_bytes())).collect();
    extension(SAN, &der(SEQUENCE, &names))
}

fn asking(extensions: &[Vec<u8>]) -> Vec<u8> {
    attribute(EXTENSION_REQUEST, &[der(SEQUENCE, &extensions.concat())])
}

/// A CSR with these attributes and a subject of these parts, signed by its key.
fn csr(attributes: &[Vec<u8>], subject: &[(&[u8], Vec<u8>)]) -> Vec<u8> {
    let key = KeyPair::generate().unwrap();
    let rdn = |(oid, value): &(&[u8], Vec<u8>)| der(SET, &der(SEQUENCE, &[oid, value.as_slice()].concat()));
    let subject: Vec<u8> = subject.iter().flat_map(rdn).collect();
    let info = [
        der(0x02, &[0]),
        der(SEQUENCE, &subject),
        key.subject_public_key_info(),
        der(0xa0, &attributes.concat()),
    ];
    let info = der(SEQUENCE, &info.concat());
    // ecdsa-with-SHA256.
    let algorithm = der(
        SEQUENCE,
        &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
    );
    let signature = der(0x03, &[&[0], key.sign(&info).unwrap().as_slice()].concat());
    der(SEQUENCE, &[info, algorithm, signature].concat())
}

fn check(attributes: &[Vec<u8>], subject: &[(&[u8], Vec<u8>)]) -> Result<(), CsrError> {
    let text = pem::write("CERTIFICATE REQUEST", &csr(attributes, subject));
    Csr::check(&text, &NameSet::parse(&[NAME]).unwrap()).map(|_| ())
}

/// Texts that are not what their types say, or that few tools read.
fn odd_texts() -> Vec<Vec<u8>> {
    vec![
        der(T61, b"Gr\xfc\xdfe"),
        der(IA5, b"pass\xa7word"),
        der(PRINTABLE, b"p@ss*w_rd!"),
        der(PRINTABLE, b"\xff\xfe"),
        der(BMP, b"odd"),
        der(BMP, b"\xd8\x00\x00x"),
        der(UNIVERSAL, b"five!"),
        der(UTF8, b"\xc3\x28"),
        der(UTF8, b""),
        der(VISIBLE, b"\x07bell"),
        der(0x12, b"no digits"),
        der(0x04, b"octets"),
        der(0x05, b""),
        der(0x02, b""),
        der(SEQUENCE, b"\x99"),
        der(0x03, b"\x09\x00"),
        der(0x17, b"no time"),
    ]
}

#[test]
fn what_an_attribute_that_nobody_asks_for_holds_is_its_own_matter() {
    let san = || asking(&[names(&[NAME])]);
    for text in odd_texts() {
        for oid in [CHALLENGE_PASSWORD, UNSTRUCTURED_NAME, OS_VERSION] {
            let odd = attribute(oid, std::slice::from_ref(&text));
            assert_eq!(check(&[odd.clone(), san()], &[]), Ok(()), "{text:x?}");
            assert_eq!(check(&[san(), odd], &[]), Ok(()), "{text:x?}");
        }
        assert_eq!(
            check(
                &[san()],
                &[
                    (ORGANISATION, text.clone()),
                    (COMMON_NAME, der(UTF8, NAME.as_bytes()))
                ]
            ),
            Ok(()),
            "in the subject {text:x?}"
        );
    }
    let password = |text: &[u8]| attribute(CHALLENGE_PASSWORD, &[der(UTF8, text)]);
    for attributes in [
        vec![san()],
        vec![password(b"one"), password(b"two"), san()],
        vec![attribute(CHALLENGE_PASSWORD, &[]), san()],
        vec![attribute(CHALLENGE_PASSWORD, &odd_texts()), san()],
        // No set around it, nothing behind the type, no type, and no attribute at all.
        vec![
            der(SEQUENCE, &[CHALLENGE_PASSWORD, &der(UTF8, b"bare")].concat()),
            san(),
        ],
        vec![der(SEQUENCE, CHALLENGE_PASSWORD), san()],
        vec![der(SEQUENCE, b""), san()],
        vec![der(UTF8, b"text"), san()],
        vec![der(SEQUENCE, b"\x06\x02\x80\x80"), san()],
        // Other extensions, readable or not.
        vec![asking(&[extension(KEY_USAGE, b"\xff"), names(&[NAME])])],
        vec![
            asking(&[extension(KEY_USAGE, b"\x03\x02\x05\xa0")]),
            asking(&[names(&[NAME])]),
        ],
        vec![asking(&[]), asking(&[names(&[NAME])])],
    ] {
        assert_eq!(check(&attributes, &[]), Ok(()), "{attributes:x?}");
    }
}
