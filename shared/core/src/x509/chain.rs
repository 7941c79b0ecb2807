//! Whether what the CA gave is what we ordered. A certificate that does not fit is never recorded.

use std::{collections::BTreeSet, time::Duration};

use rcgen::{KeyPair, PublicKeyData};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, parse_x509_certificate, pem::Pem,
    public_key::PublicKey, time::ASN1Time, x509::SubjectPublicKeyInfo,
};

use crate::words::{Cause, Class, Failure, NameSet, Stage, Timestamp};

/// A CA's clock may be ahead of ours by this much.
const CLOCK_SKEW: Duration = Duration::from_secs(60 * 60);

/// What a checked chain says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedCertificate {
    /// SHA-256 of the DER, lower-case hex.
    pub fingerprint: String,
    /// Serial number, lower-case hex.
    pub serial: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub expires_at: Timestamp,
    /// The end-entity certificate, PEM.
    pub cert_pem: String,
    /// The rest in order, PEM.
    pub chain_pem: String,
}

fn mismatch(detail: impl Into<String>) -> Failure {
    Failure::new(
        Class::Permanent,
        Stage::Request,
        Cause::CertificateMismatch,
        detail,
    )
}

fn moment(time: ASN1Time) -> Timestamp {
    Timestamp::from_secs(time.timestamp())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// A chain that is in order and valid now, and what its first certificate says.
pub struct ReadChain {
    /// For the record.
    pub checked: CheckedCertificate,
    /// Its DNS names, in lower case, in the certificate's order.
    pub dns_names: Vec<String>,
    /// Its other names (addresses and the like), as text.
    pub other_names: Vec<String>,
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    /// Whether it may sign others (RFC 5280 §4.2.1.9).
    pub is_ca: bool,
}

/// Reads a chain and checks validity and order (each certificate signed by the next).
pub fn read_chain(chain: &str, now: Timestamp) -> Result<ReadChain, Failure> {
    let pems: Vec<Pem> = Pem::iter_from_buffer(chain.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|e| mismatch(format!("the chain is no PEM: {e}")))?;
    if pems.iter().any(|pem| pem.label != "CERTIFICATE") {
        return Err(mismatch("the chain holds a PEM block that is no CERTIFICATE"));
    }
    let certificates: Vec<X509Certificate<'_>> = pems
        .iter()
        .map(|pem| parse_x509_certificate(&pem.contents).map(|(_, c)| c))
        .collect::<Result<_, _>>()
        .map_err(|e| mismatch(format!("the chain holds something that is no certificate: {e}")))?;
    let (Some(leaf), Some(leaf_pem)) = (certificates.first(), pems.first()) else {
        return Err(mismatch("the chain is empty"));
    };
    let (not_before, expires_at) = (
        moment(leaf.validity().not_before),
        moment(leaf.validity().not_after),
    );
    if not_before > now.plus(CLOCK_SKEW) || expires_at <= now {
        return Err(mismatch(format!(
            "it is valid from {not_before} to {expires_at}, and now is {now}"
        )));
    }
    for pair in certificates.windows(2) {
        let [child, parent] = pair else { continue };
        if child.issuer() != parent.subject() || child.verify_signature(Some(parent.public_key())).is_err() {
            return Err(mismatch(format!(
                "the chain is out of order after {}",
                child.subject()
            )));
        }
    }
    let (dns_names, other_names) = names_of(leaf)?;
    Ok(ReadChain {
        dns_names,
        other_names,
        public_key: leaf.public_key().raw.to_vec(),
        is_ca: leaf.is_ca(),
        checked: CheckedCertificate {
            fingerprint: hex(&Sha256::digest(&leaf_pem.contents)),
            serial: hex(leaf.raw_serial()),
            issuer: leaf.issuer().to_string(),
            not_before,
            expires_at,
            cert_pem: to_pem(leaf_pem),
            chain_pem: pems.iter().skip(1).map(to_pem).collect(),
        },
    })
}

/// Checks names, key, validity and chain order (each certificate signed by the next).
///
/// # Errors
/// `urn:certmint:certificateMismatch`, permanent, which says what does not fit.
pub fn check_chain(
    chain: &str,
    key_pem: &SecretString,
    names: &NameSet,
    now: Timestamp,
) -> Result<CheckedCertificate, Failure> {
    let key =
        KeyPair::from_pem(key_pem.expose_secret()).map_err(|_| mismatch("the stored key cannot be read"))?;
    check_chain_of(chain, &key.subject_public_key_info(), names, now)
}

/// The same where only the public key is known (SubjectPublicKeyInfo, DER).
///
/// # Errors
/// As [`check_chain`].
pub fn check_chain_of(
    chain: &str,
    public_key: &[u8],
    names: &NameSet,
    now: Timestamp,
) -> Result<CheckedCertificate, Failure> {
    let read = read_chain(chain, now)?;
    check_names(&read, names)?;
    if read.public_key != public_key {
        return Err(mismatch("its public key is not that of the stored private key"));
    }
    Ok(read.checked)
}

/// Names of the subject alternative name extension (RFC 5280 §4.2.1.6): DNS names, others.
fn names_of(leaf: &X509Certificate<'_>) -> Result<(Vec<String>, Vec<String>), Failure> {
    let extension = leaf
        .subject_alternative_name()
        .map_err(|e| mismatch(format!("its names cannot be read: {e}")))?;
    let (mut dns_names, mut other_names) = (Vec::new(), Vec::new());
    for name in extension.iter().flat_map(|e| &e.value.general_names) {
        match name {
            GeneralName::DNSName(name) => dns_names.push(name.to_ascii_lowercase()),
            other => other_names.push(other.to_string()),
        }
    }
    Ok((dns_names, other_names))
}

/// The word for a public key: `ecdsa-p256`, `rsa-2048` and so on; `None` for one that is neither.
#[must_use]
pub fn key_algorithm(cert_pem: &str) -> Option<String> {
    let pem = Pem::iter_from_buffer(cert_pem.as_bytes()).next()?.ok()?;
    let (_, certificate) = parse_x509_certificate(&pem.contents).ok()?;
    algorithm_of(certificate.public_key())
}

/// Tells keys apart without showing them: SHA-256 of SubjectPublicKeyInfo (DER), lower-case hex.
#[must_use]
pub fn key_id(public_key: &[u8]) -> String {
    hex(&Sha256::digest(public_key))
}

/// The same of a certificate's key; `None` if the text is no certificate.
#[must_use]
pub fn key_id_of(cert_pem: &str) -> Option<String> {
    let pem = Pem::iter_from_buffer(cert_pem.as_bytes()).next()?.ok()?;
    let (_, certificate) = parse_x509_certificate(&pem.contents).ok()?;
    Some(key_id(certificate.public_key().raw))
}

/// The word for a key that was read (RFC 3279 §2.3.1, RFC 5480 §2.1.1).
pub(super) fn algorithm_of(key: &SubjectPublicKeyInfo<'_>) -> Option<String> {
    match key.parsed().ok()? {
        PublicKey::RSA(rsa) => {
            let leading = rsa.modulus.iter().skip_while(|b| **b == 0);
            let bits = leading.clone().count() * 8 - leading.clone().next()?.leading_zeros() as usize;
            Some(format!("rsa-{bits}"))
        }
        PublicKey::EC(_) => {
            let curve = key.algorithm.parameters.as_ref()?.as_oid().ok()?;
            match curve.to_id_string().as_str() {
                "1.2.840.10045.3.1.7" => Some("ecdsa-p256".into()),
                "1.3.132.0.34" => Some("ecdsa-p384".into()),
                "1.3.132.0.35" => Some("ecdsa-p521".into()),
                _ => None,
            }
        }
        _ => None,
    }
}

fn to_pem(pem: &Pem) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let body = BASE64_STANDARD.encode(&pem.contents);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    for (index, character) in body.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str("\n-----END CERTIFICATE-----\n");
    text
}

fn check_names(read: &ReadChain, names: &NameSet) -> Result<(), Failure> {
    let has: BTreeSet<String> = read.dns_names.iter().chain(&read.other_names).cloned().collect();
    if has.is_empty() {
        return Err(mismatch("it has no names"));
    }
    let ordered: BTreeSet<String> = names.strings().into_iter().map(str::to_owned).collect();
    if has == ordered {
        return Ok(());
    }
    let list = |set: BTreeSet<&String>| set.into_iter().cloned().collect::<Vec<_>>().join(", ");
    Err(mismatch(format!(
        "its names are not those ordered: missing [{}], not ordered [{}]",
        list(ordered.difference(&has).collect()),
        list(has.difference(&ordered).collect())
    )))
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa};

    use super::*;

    struct World {
        ca: CertifiedIssuer<'static, KeyPair>,
        key: KeyPair,
    }

    impl World {
        fn new() -> Self {
            let mut params = CertificateParams::new(vec![]).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.distinguished_name.push(DnType::CommonName, "Test CA");
            let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
            Self {
                ca,
                key: KeyPair::generate().unwrap(),
            }
        }

        fn issue(&self, names: &[&str], years: (i32, i32)) -> String {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            let mut params = CertificateParams::new(names).unwrap();
            params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
            params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
            params.signed_by(&self.key, &self.ca).unwrap().pem()
        }

        fn check(&self, chain: &str, names: &[&str]) -> Result<CheckedCertificate, String> {
            let key = self.key.serialize_pem().into();
            let now = Timestamp::from_secs(1_796_000_000);
            check_chain(chain, &key, &NameSet::parse(names).unwrap(), now).map_err(|f| f.problem.detail)
        }
    }

    #[test]
    fn a_chain_that_fits_is_read() {
        let world = World::new();
        let leaf = world.issue(&["example.com", "*.example.com"], (2026, 2028));
        let chain = format!("{leaf}{}", world.ca.pem());
        let checked = world.check(&chain, &["*.example.com", "example.com"]).unwrap();
        assert_eq!(checked.fingerprint.len(), 64);
        assert_eq!(checked.issuer, "CN=Test CA");
        assert_eq!(checked.expires_at.to_string(), "2028-01-01T00:00:00Z");
        assert_eq!(checked.cert_pem, leaf.replace("\r\n", "\n"));
        assert!(checked.chain_pem.contains("BEGIN CERTIFICATE"));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let world = World::new();
        let leaf = world.issue(&["example.com"], (2026, 2028));
        let ca = world.ca.pem();
        let of = |chain: &str, names: &[&str]| world.check(chain, names).unwrap_err();
        assert!(of(&leaf, &["example.com", "www.example.com"]).contains("missing [www.example.com]"));
        assert!(of(&leaf, &["example.org"]).contains("not ordered [example.com]"));
        assert!(of(&world.issue(&["example.com"], (2024, 2025)), &["example.com"]).contains("valid from"));
        assert!(of(&world.issue(&["example.com"], (2027, 2028)), &["example.com"]).contains("valid from"));
        assert!(of(&format!("{leaf}{leaf}{ca}"), &["example.com"]).contains("out of order"));
        assert!(of("", &["example.com"]).contains("empty"));
        let other = World::new();
        assert!(of(&other.issue(&["example.com"], (2026, 2028)), &["example.com"]).contains("public key"));
        assert!(of(&format!("{leaf}{}", other.ca.pem()), &["example.com"]).contains("out of order"));
    }
}
