//! Whether what the CA gave is what we ordered, and what a chain that was made elsewhere is worth.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rcgen::{KeyPair, PublicKeyData};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;

use super::{
    bounds::{self, TooMuch},
    certificate::{self, moment, names, serial},
    distinguished_name,
    judge::{Concern, concerns, is_alone, is_anchor},
    pem::{self, Block},
    public_key,
    signature::{SignatureError, verify},
};
use crate::words::{Cause, Class, Failure, NameSet, Stage, Timestamp, hex};

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

/// A CA that has an order for two, or a worker that was overtaken: the certificate is somebody else's, and a new order
/// makes ours.
fn anothers() -> Failure {
    Failure::new(
        Class::OrderLost,
        Stage::Request,
        Cause::KeylessOrder,
        "the order was finalized with another key: the certificate's public key is not that of the stored private key",
    )
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
    public_key: Vec<u8>,
    /// What kind of key it is for, if no private key of that kind is taken.
    pub other_kind: Option<String>,
    /// Whether it is a CA's (RFC 5280 §4.2.1.9) and not a website's that signed itself.
    pub is_ca: bool,
    /// What clients may have against it.
    pub concerns: Vec<Concern>,
}

impl ReadChain {
    /// Whether its first certificate is for this key (SubjectPublicKeyInfo, DER).
    #[must_use]
    pub fn has_key(&self, public_key: &[u8]) -> bool {
        public_key::is_same(&self.public_key, public_key)
    }
}

/// Reads a chain and checks its size, validity and order (each certificate signed by the next). A signature that cannot be
/// verified here is a concern, not an error.
///
/// # Errors
/// `urn:certmint:certificateMismatch`, permanent, which says what does not fit.
pub fn read_chain(chain: &str, now: Timestamp) -> Result<ReadChain, Failure> {
    let blocks = certificate::blocks(chain).map_err(|e| mismatch(format!("the chain {e}")))?;
    let bounded = |e: TooMuch| mismatch(e.to_string());
    bounds::check_count(blocks.len()).map_err(bounded)?;
    let certificates: Vec<X509Certificate<'_>> = blocks
        .iter()
        .map(certificate::parse)
        .collect::<Result<_, _>>()
        .map_err(|e| mismatch(format!("the chain {e}")))?;
    for (place, certificate) in certificates.iter().enumerate() {
        bounds::check(certificate, place).map_err(bounded)?;
    }
    let (blocks, certificates) = without_repeated_anchors(&blocks, certificates);
    let (Some(leaf), Some(first)) = (certificates.first(), blocks.first()) else {
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
    let unverified = check_order(&blocks, &certificates)?;
    let names = names(leaf).ok_or_else(|| mismatch("its names cannot be read"))?;
    let (dns_names, other_names) = names;
    let mut concerns = concerns(&certificates, &dns_names, now);
    concerns.extend(unverified);
    Ok(ReadChain {
        public_key: leaf.public_key().raw.to_vec(),
        other_kind: public_key::other_kind_of(leaf.public_key()),
        is_ca: leaf.is_ca() && !is_alone(&certificates),
        checked: CheckedCertificate {
            fingerprint: hex(&Sha256::digest(&first.der)),
            serial: serial(leaf),
            issuer: leaf.issuer().to_string(),
            not_before,
            expires_at,
            cert_pem: pem::write("CERTIFICATE", &first.der),
            chain_pem: blocks
                .iter()
                .skip(1)
                .map(|b| pem::write("CERTIFICATE", &b.der))
                .collect(),
        },
        dns_names,
        other_names,
        concerns,
    })
}

/// Some bundles name their root twice; that changes nothing.
fn without_repeated_anchors<'a, 'c>(
    blocks: &'a [Block],
    certificates: Vec<X509Certificate<'c>>,
) -> (Vec<&'a Block>, Vec<X509Certificate<'c>>) {
    let mut kept: Vec<(&Block, X509Certificate<'_>)> = Vec::with_capacity(blocks.len());
    for (block, certificate) in blocks.iter().zip(certificates) {
        let repeats = kept.last().is_some_and(|(before, _)| before.der == block.der);
        if !(repeats && is_anchor(&certificate)) {
            kept.push((block, certificate));
        }
    }
    kept.into_iter().unzip()
}

/// Each certificate is signed by the next. Gives back what cannot be verified.
fn check_order(blocks: &[&Block], certificates: &[X509Certificate<'_>]) -> Result<Vec<Concern>, Failure> {
    let mut unverified = Vec::new();
    let mut lines: BTreeMap<&[u8], usize> = BTreeMap::new();
    for block in blocks {
        if let Some(there) = lines.insert(block.der.as_slice(), block.line) {
            let here = block.line;
            return Err(mismatch(format!(
                "the chain is out of order: line {here} holds the same certificate as line {there}"
            )));
        }
    }
    for pair in certificates.windows(2) {
        let [child, parent] = pair else { continue };
        let out_of_order = |why: &str| {
            let (child, parent) = (child.subject(), parent.subject());
            mismatch(format!("the chain is out of order after {child}: {why} {parent}"))
        };
        if !distinguished_name::same(child.issuer(), parent.subject()) {
            return Err(out_of_order("it was not issued by"));
        }
        let signed = child.tbs_certificate.as_ref();
        match verify(
            &child.signature_algorithm,
            parent.public_key(),
            &child.signature_value,
            signed,
        ) {
            Ok(()) => {}
            Err(SignatureError::Wrong) => return Err(out_of_order("it is not signed by the key of")),
            Err(SignatureError::Unsupported(what)) => {
                let child = child.subject();
                unverified.push(Concern::Warning(format!(
                    "whether {child} is signed by the next certificate was not checked: {what} cannot be verified here"
                )));
            }
        }
    }
    Ok(unverified)
}

/// Checks names, key, validity and chain order (each certificate signed by the next).
///
/// # Errors
/// `urn:certmint:certificateMismatch`, permanent, which says what does not fit. All but the key: then the order is
/// another's (`urn:certmint:keylessOrder`) and lost.
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
    if !read.has_key(public_key) {
        return Err(anothers());
    }
    Ok(read.checked)
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
