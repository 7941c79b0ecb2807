//! Certificates for any key at the price of a copy: one real certificate for each set of names is made once, and a
//! key of the same size takes its key's place. The signature is wrong then, and nobody looks at it: a chain of one
//! has no issuer to check it with.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use rcgen::{CertificateParams, KeyPair, PublicKeyData};

/// What a P-256 public key starts with (RFC 5480): algorithm, curve, uncompressed point.
const P256: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
const P256_LEN: usize = 91;

type Templates = Mutex<HashMap<Vec<String>, Vec<u8>>>;
static TEMPLATES: LazyLock<Templates> = LazyLock::new(Templates::default);

fn place_of_key(der: &[u8]) -> usize {
    der.windows(P256.len())
        .position(|w| w == P256)
        .expect("a P-256 key")
}

fn template(names: &[String]) -> Vec<u8> {
    let mut templates = TEMPLATES.lock().expect("no model panics under the lock");
    let made = templates.entry(names.to_vec()).or_insert_with(|| {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(names.to_vec()).expect("names");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2050, 1, 1);
        assert_eq!(key.subject_public_key_info().len(), P256_LEN);
        params.self_signed(&key).expect("a certificate").der().to_vec()
    });
    made.clone()
}

/// A certificate for the key of a CSR (DER).
#[must_use]
pub(super) fn certificate(names: &[String], csr: &[u8]) -> String {
    let mut der = template(names);
    let (to, from) = (place_of_key(&der), place_of_key(csr));
    der[to..to + P256_LEN].copy_from_slice(&csr[from..from + P256_LEN]);
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        BASE64_STANDARD.encode(&der)
    )
}
