//! Whether two public keys are the same: their DER may differ.

use x509_parser::{asn1_rs::Tag, prelude::FromDer, x509::SubjectPublicKeyInfo};

const EC: &str = "1.2.840.10045.2.1";
const RSA: &str = "1.2.840.113549.1.1.1";

/// What a key is, however it is written.
#[derive(PartialEq, Eq)]
struct Key {
    algorithm: String,
    parameters: Option<Vec<u8>>,
    bits: Vec<u8>,
}

impl Key {
    /// `None`: not one whole SubjectPublicKeyInfo (RFC 5280 §4.1.2.7).
    fn read(der: &[u8]) -> Option<Self> {
        let (rest, key) = SubjectPublicKeyInfo::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let algorithm = key.algorithm.algorithm.to_id_string();
        let bits = key.subject_public_key.data.as_ref();
        let parameters = key.algorithm.parameters.as_ref();
        Some(Self {
            // RFC 3279 §2.3.1 wants NULL here; some leave it out.
            parameters: parameters
                .filter(|_| algorithm != RSA)
                .map(|any| any.data.to_vec()),
            bits: match algorithm == EC {
                true => compressed(bits),
                false => bits.to_vec(),
            },
            algorithm,
        })
    }
}

/// The compressed form of a point (SEC 1 §2.3.3), which all others lead to without a computation.
fn compressed(point: &[u8]) -> Vec<u8> {
    match point {
        [0x04 | 0x06 | 0x07, coordinates @ ..] => {
            let (x, y) = coordinates.split_at(coordinates.len() / 2);
            let sign = 0x02 | y.last().map_or(0, |last| last & 1);
            [&[sign], x].concat()
        }
        other => other.to_vec(),
    }
}

/// Whether these are the same key, each the DER of SubjectPublicKeyInfo.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    one == other || matches!((Key::read(one), Key::read(other)), (Some(one), Some(other)) if one == other)
}

/// Kinds of keys that nothing here signs with, and curves, by what people call them.
const KINDS: [(&str, &str); 12] = [
    ("1.2.840.113549.1.1.10", "id-RSASSA-PSS (RSA for PSS alone)"),
    ("1.2.840.113549.1.1.7", "id-RSAES-OAEP"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
    ("1.3.132.0.10", "EC on secp256k1"),
    ("1.3.132.0.35", "EC on P-521"),
    ("1.3.132.0.33", "EC on P-224"),
];
/// Curves of the keys that are kept.
const CURVES: [&str; 2] = ["1.2.840.10045.3.1.7", "1.3.132.0.34"];

/// What kind of key an algorithm names (dotted OIDs; of an EC key its curve's), if none is kept of that kind.
pub(super) fn other_kind(algorithm: &str, curve: Option<&str>) -> Option<String> {
    let oid = match (algorithm, curve) {
        (RSA, _) => return None,
        (EC, None) => return Some("EC without a named curve".into()),
        (EC, Some(curve)) if CURVES.contains(&curve) => return None,
        (EC, Some(curve)) => curve,
        (other, _) => other,
    };
    let known = KINDS.iter().find(|(known, _)| *known == oid);
    Some(known.map_or_else(|| oid.to_owned(), |(_, name)| (*name).to_owned()))
}

/// The same of a SubjectPublicKeyInfo.
pub(super) fn other_kind_of(key: &SubjectPublicKeyInfo<'_>) -> Option<String> {
    let curve = key.algorithm.parameters.as_ref();
    let curve = curve.filter(|any| any.tag() == Tag::Oid);
    let curve = curve
        .and_then(|any| any.as_oid().ok())
        .map(|oid| oid.to_id_string());
    other_kind(&key.algorithm.algorithm.to_id_string(), curve.as_deref())
}
