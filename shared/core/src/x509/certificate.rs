//! One certificate, as it is encoded.

use sha2::{Digest, Sha256};
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, parse_x509_certificate, public_key::PublicKey,
    time::ASN1Time, x509::SubjectPublicKeyInfo,
};

use super::pem;
use crate::words::{Timestamp, hex};

/// Labels of a block that holds a certificate (RFC 7468 §5.1, and what older tools write).
const LABELS: [&str; 2] = ["CERTIFICATE", "X509 CERTIFICATE"];

/// Why something is no certificate, in words without a subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Not PEM.
    #[error("is no PEM: {0}")]
    Pem(#[from] pem::PemError),
    /// No block at all.
    #[error("is empty: it holds no PEM block CERTIFICATE")]
    Empty,
    /// A block of another kind.
    #[error("line {line}: holds a block {label} that is no CERTIFICATE{advice}")]
    Label {
        /// Where it begins.
        line: usize,
        /// What it says it is.
        label: String,
        /// What to do.
        advice: &'static str,
    },
    /// Not DER of a certificate.
    #[error("line {line}: holds something that is no certificate")]
    Syntax {
        /// Where it begins.
        line: usize,
    },
    /// A certificate, and more.
    #[error("line {line}: holds a certificate with {octets} octets behind it; export it anew")]
    Rest {
        /// Where it begins.
        line: usize,
        /// How much more.
        octets: usize,
    },
}

/// The certificate blocks of a text.
///
/// # Errors
/// If there is none, or one of another kind.
pub fn blocks(text: &str) -> Result<Vec<pem::Block>, CertificateError> {
    let blocks = pem::blocks(text)?;
    for block in &blocks {
        let (line, label) = (block.line, block.label.clone());
        let advice = match label.as_str() {
            label if LABELS.contains(&label) => continue,
            "PKCS7" | "CMS" => "; convert it: openssl pkcs7 -print_certs -in bundle.p7b",
            "TRUSTED CERTIFICATE" => "; convert it: openssl x509 -in trusted.pem",
            label if label.ends_with("PRIVATE KEY") => "; send the private key in its own field",
            label if label.ends_with("CERTIFICATE REQUEST") => {
                "; it is a signing request, send what the CA made of it"
            }
            _ => "",
        };
        return Err(CertificateError::Label { line, label, advice });
    }
    match blocks.is_empty() {
        true => Err(CertificateError::Empty),
        false => Ok(blocks),
    }
}

/// The certificate in a block, and nothing else.
///
/// # Errors
/// [`CertificateError::Syntax`], [`CertificateError::Rest`].
pub fn parse(block: &pem::Block) -> Result<X509Certificate<'_>, CertificateError> {
    let line = block.line;
    match parse_x509_certificate(&block.der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok((rest, _)) => Err(CertificateError::Rest {
            line,
            octets: rest.len(),
        }),
        Err(_) => Err(CertificateError::Syntax { line }),
    }
}

/// What the first certificate of a stored text says.
fn of_first<T>(cert_pem: &str, read: impl FnOnce(&X509Certificate<'_>) -> T) -> Option<T> {
    let blocks = blocks(cert_pem).ok()?;
    parse(blocks.first()?).ok().map(|certificate| read(&certificate))
}

pub(super) fn moment(time: ASN1Time) -> Timestamp {
    Timestamp::from_secs(time.timestamp())
}

/// The serial number as openssl and Certificate Transparency logs show it: without the octet that only keeps a number
/// from being negative (X.690 §8.3).
pub(super) fn serial(certificate: &X509Certificate<'_>) -> String {
    match certificate.raw_serial() {
        [0, rest @ ..] if !rest.is_empty() => hex(rest),
        octets => hex(octets),
    }
}

/// A name of subjectAltName as text: a DNS name in lower case.
pub(super) fn name_text(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => name.to_ascii_lowercase(),
        other => other.to_string(),
    }
}

/// Names of the subject alternative name extension (RFC 5280 §4.2.1.6): DNS names in lower case, others as text. `None`
/// if they cannot be read.
pub(super) fn names(certificate: &X509Certificate<'_>) -> Option<(Vec<String>, Vec<String>)> {
    let extension = certificate.subject_alternative_name().ok()?;
    let names = extension.iter().flat_map(|e| &e.value.general_names);
    let (dns_names, other_names): (Vec<_>, Vec<_>) =
        names.partition(|name| matches!(name, GeneralName::DNSName(_)));
    let texts = |names: Vec<&GeneralName<'_>>| names.into_iter().map(name_text).collect();
    Some((texts(dns_names), texts(other_names)))
}

/// The word for a public key: `ecdsa-p256`, `rsa-2048` and so on; `None` for one that is neither.
#[must_use]
pub fn key_algorithm(cert_pem: &str) -> Option<String> {
    of_first(cert_pem, |certificate| algorithm_of(certificate.public_key()))?
}

/// Tells keys apart without showing them: SHA-256 of SubjectPublicKeyInfo (DER), lower-case hex.
#[must_use]
pub fn key_id(public_key: &[u8]) -> String {
    hex(&Sha256::digest(public_key))
}

/// The same of a certificate's key; `None` if the text is no certificate.
#[must_use]
pub fn key_id_of(cert_pem: &str) -> Option<String> {
    of_first(cert_pem, |certificate| key_id(certificate.public_key().raw))
}

/// The word for a key that was read (RFC 3279 §2.3.1, RFC 5480 §2.1.1, RFC 8410 §3).
pub(super) fn algorithm_of(key: &SubjectPublicKeyInfo<'_>) -> Option<String> {
    if key.algorithm.algorithm.to_id_string() == "1.3.101.112" {
        return Some("ed25519".into());
    }
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
