//! Certificates for any key at the price of a copy: one real certificate for each set of names is made once, and a
//! key of the same size, a serial number and two dates take the places of its own. The signature is wrong then, and
//! nobody looks at it: a chain of one has no issuer to check it with.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use certmint_core::words::Timestamp;
use certmint_shared::acme::certificate_id;
use rcgen::{CertificateParams, KeyPair, PublicKeyData, SerialNumber};
use time::OffsetDateTime;

/// What a P-256 public key starts with (RFC 5480): algorithm, curve, uncompressed point.
const P256: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
const P256_LEN: usize = 91;
/// What a validity of two UTCTimes starts with (RFC 5280 §4.1.2.5).
const VALIDITY: [u8; 4] = [0x30, 0x1e, 0x17, 0x0d];
/// The template's serial number: as long as every other.
const SERIAL: [u8; 8] = [0x5a; 8];
/// What every serial number starts with: positive, and no byte too long.
const FIRST: u64 = 0x40 << 56;

/// What is patched into the template of a set of names.
#[derive(Clone)]
struct Template {
    der: Vec<u8>,
    key: usize,
    dates: usize,
    serial: usize,
}

type Templates = Mutex<HashMap<Vec<String>, Template>>;
static TEMPLATES: LazyLock<Templates> = LazyLock::new(Templates::default);

fn place(der: &[u8], of: &[u8]) -> usize {
    der.windows(of.len())
        .position(|w| w == of)
        .expect("what every certificate has")
}

fn template(names: &[String]) -> Template {
    let mut templates = TEMPLATES.lock().expect("no model panics under the lock");
    let made = templates.entry(names.to_vec()).or_insert_with(|| {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(names.to_vec()).expect("names");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2049, 1, 1);
        params.serial_number = Some(SerialNumber::from_slice(&SERIAL));
        params.use_authority_key_identifier_extension = true;
        assert_eq!(key.subject_public_key_info().len(), P256_LEN);
        let der = params.self_signed(&key).expect("a certificate").der().to_vec();
        Template {
            key: place(&der, &P256),
            dates: place(&der, &VALIDITY) + VALIDITY.len(),
            serial: place(&der, &SERIAL),
            der,
        }
    });
    made.clone()
}

/// A date as a UTCTime has it.
fn utc_time(at: Timestamp) -> String {
    let at = OffsetDateTime::from_unix_timestamp(at.millis() / 1000).expect("a date");
    format!(
        "{:02}{:02}{:02}{:02}{:02}{:02}",
        at.year() % 100,
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// A certificate for the key of a CSR (DER), with a number of the CA's.
#[must_use]
pub(super) fn certificate(
    names: &[String],
    csr: &[u8],
    number: usize,
    (from, to): (Timestamp, Timestamp),
) -> String {
    let Template {
        mut der,
        key,
        dates,
        serial,
    } = template(names);
    let public_key = place(csr, &P256);
    der[key..key + P256_LEN].copy_from_slice(&csr[public_key..public_key + P256_LEN]);
    der[serial..serial + SERIAL.len()].copy_from_slice(&(FIRST | number as u64).to_be_bytes());
    // Twelve digits and a Z; two bytes of tag and length before the second date.
    der[dates..dates + 12].copy_from_slice(utc_time(from).as_bytes());
    der[dates + 15..dates + 27].copy_from_slice(utc_time(to).as_bytes());
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        BASE64_STANDARD.encode(&der)
    )
}

/// The CA's number in an identifier (RFC 9773 §4.1), if it is one of its own.
#[must_use]
pub(super) fn number_in(identifier: &str) -> Option<usize> {
    let (_, serial) = identifier.split_once('.')?;
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(serial).ok()?;
    let serial = u64::from_be_bytes(bytes.try_into().ok()?);
    usize::try_from(serial.checked_sub(FIRST)?).ok()
}

/// The CA's number of a certificate (PEM).
#[must_use]
pub(super) fn number_of(pem: &str) -> Option<usize> {
    number_in(&certificate_id(pem)?)
}
