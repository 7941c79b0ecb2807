//! Certificate signing requests (RFC 2986): those that clients bring, and those that we made.

use std::collections::BTreeSet;

use x509_parser::{extensions::ParsedExtension, oid_registry::OID_X509_EXT_SUBJECT_ALT_NAME};

pub use super::csr_error::CsrError;
use super::{
    certificate::{algorithm_of, name_text},
    csr_parts::Parts,
    distinguished_name::text_of,
    pem,
    signature::{SignatureError, verify, weakness},
};
use crate::{certificate::KeyAlgorithm, words::NameSet};

/// A CSR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csr {
    der: Vec<u8>,
    public_key: Vec<u8>,
    algorithm: Option<KeyAlgorithm>,
    /// Of subjectAltName alone: a common name by itself names nothing.
    names: BTreeSet<String>,
    has_subject_alt_name: bool,
    common_names: Vec<String>,
    signature: Result<(), SignatureError>,
}

impl Csr {
    /// Reads DER.
    ///
    /// # Errors
    /// If it is none, or more than that.
    pub fn read(der: &[u8]) -> Result<Self, CsrError> {
        let csr = Parts::read(der)?;
        let common_names: Option<Vec<String>> = csr.subject.iter_common_name().map(text_of).collect();
        let common_names = common_names.ok_or(CsrError::Unreadable("common name"))?;
        let common_names: Vec<String> = common_names.iter().map(|cn| cn.to_ascii_lowercase()).collect();
        let subject_alt_name = subject_alt_name(&csr)?;
        let has_subject_alt_name = subject_alt_name.is_some();
        Ok(Self {
            der: der.to_vec(),
            public_key: csr.key.raw.to_vec(),
            algorithm: algorithm_of(&csr.key).and_then(|word| word.parse().ok()),
            names: subject_alt_name.unwrap_or_default(),
            has_subject_alt_name,
            common_names,
            signature: signature_of(&csr),
        })
    }

    /// Reads a client's PEM and checks signature, key and names.
    ///
    /// # Errors
    /// The first thing wrong.
    pub fn check(pem: &str, names: &NameSet) -> Result<Self, CsrError> {
        let blocks = pem::blocks(pem)?;
        let [block] = blocks.as_slice() else {
            return Err(CsrError::NoPem);
        };
        if !matches!(
            block.label.as_str(),
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST"
        ) {
            return Err(CsrError::NoPem);
        }
        let csr = Self::read(&block.der)?;
        if csr.algorithm.is_none() {
            return Err(CsrError::Key);
        }
        match &csr.signature {
            Ok(()) => {}
            Err(SignatureError::Unsupported(what)) => return Err(CsrError::SignatureAlgorithm(what.clone())),
            Err(_) => return Err(CsrError::Signature),
        }
        match (csr.has_names(names), csr.has_subject_alt_name) {
            (true, _) => {}
            (false, true) => return Err(CsrError::Names),
            (false, false) => return Err(CsrError::NoNames),
        }
        if csr.common_names.iter().any(|cn| !csr.names.contains(cn)) {
            return Err(CsrError::CommonName);
        }
        Ok(csr)
    }

    /// DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SubjectPublicKeyInfo, DER.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public_key
    }

    /// Its key, if that is one we know.
    #[must_use]
    pub const fn algorithm(&self) -> Option<KeyAlgorithm> {
        self.algorithm
    }

    /// Whether its names are these, in any order.
    #[must_use]
    pub fn has_names(&self, names: &NameSet) -> bool {
        let wanted: BTreeSet<String> = names.strings().into_iter().map(str::to_owned).collect();
        wanted == self.names
    }
}

/// CAs refuse a hash that nobody trusts any more, but not before they have validated the names.
fn signature_of(csr: &Parts<'_>) -> Result<(), SignatureError> {
    match weakness(&csr.algorithm) {
        Some(weak) => Err(SignatureError::Unsupported(weak.to_owned())),
        None => verify(&csr.algorithm, &csr.key, &csr.signature, csr.signed),
    }
}

/// The names of the extension that is asked for; `None` if none is.
fn subject_alt_name(csr: &Parts<'_>) -> Result<Option<BTreeSet<String>>, CsrError> {
    let mut found: Option<BTreeSet<String>> = None;
    let asked = csr.extensions.iter();
    for extension in asked.filter(|e| e.oid == OID_X509_EXT_SUBJECT_ALT_NAME) {
        let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension() else {
            return Err(CsrError::Unreadable("subjectAltName"));
        };
        found
            .get_or_insert_default()
            .extend(names.general_names.iter().map(name_text));
    }
    Ok(found)
}
