//! Certificate signing requests (RFC 2986): those that clients bring, and those that we made.

use std::collections::BTreeSet;

use x509_parser::{
    certification_request::X509CertificationRequest,
    extensions::{GeneralName, ParsedExtension},
    pem::Pem,
    prelude::FromDer,
};

use super::chain::algorithm_of;
use crate::{certificate::KeyAlgorithm, words::NameSet};

/// Why a text is no CSR for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrError {
    /// Not one PEM block of a CSR.
    #[error("must be one PEM block CERTIFICATE REQUEST (or NEW CERTIFICATE REQUEST)")]
    NoPem,
    /// Not a CSR.
    #[error("is no certificate signing request (RFC 2986)")]
    Syntax,
    /// Not signed with the key that it names.
    #[error("is not signed with its own key")]
    Signature,
    /// Too weak, or a kind that public CAs do not take.
    #[error("must have an ECDSA key on P-256 or P-384, or an RSA key of 2048, 3072 or 4096 bits")]
    Key,
    /// Other names.
    #[error("must have exactly the names in domains, as DNS names of subjectAltName and nothing else")]
    Names,
    /// A common name that is not among them.
    #[error("has a common name that is not in domains")]
    CommonName,
}

/// A CSR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csr {
    der: Vec<u8>,
    public_key: Vec<u8>,
    algorithm: Option<KeyAlgorithm>,
    names: BTreeSet<String>,
    common_names: Vec<String>,
    is_signed: bool,
}

impl Csr {
    /// Reads DER.
    ///
    /// # Errors
    /// [`CsrError::Syntax`].
    pub fn read(der: &[u8]) -> Result<Self, CsrError> {
        let (rest, csr) = X509CertificationRequest::from_der(der).map_err(|_| CsrError::Syntax)?;
        if !rest.is_empty() {
            return Err(CsrError::Syntax);
        }
        let info = &csr.certification_request_info;
        let mut names = BTreeSet::new();
        for extension in csr.requested_extensions().into_iter().flatten() {
            if let ParsedExtension::SubjectAlternativeName(found) = extension {
                names.extend(found.general_names.iter().map(|name| match name {
                    GeneralName::DNSName(name) => name.to_ascii_lowercase(),
                    other => other.to_string(),
                }));
            }
        }
        let common_names = info.subject.iter_common_name();
        let common_names = common_names.map(|cn| cn.as_str().unwrap_or_default().to_ascii_lowercase());
        Ok(Self {
            der: der.to_vec(),
            public_key: info.subject_pki.raw.to_vec(),
            algorithm: algorithm_of(&info.subject_pki).and_then(|word| word.parse().ok()),
            names,
            common_names: common_names.collect(),
            is_signed: csr.verify_signature().is_ok(),
        })
    }

    /// Reads a client's PEM and checks signature, key and names.
    ///
    /// # Errors
    /// The first thing wrong.
    pub fn check(pem: &str, names: &NameSet) -> Result<Self, CsrError> {
        let blocks: Result<Vec<Pem>, _> = Pem::iter_from_buffer(pem.as_bytes()).collect();
        let blocks = blocks.map_err(|_| CsrError::NoPem)?;
        let [block] = blocks.as_slice() else {
            return Err(CsrError::NoPem);
        };
        if !matches!(
            block.label.as_str(),
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST"
        ) {
            return Err(CsrError::NoPem);
        }
        let csr = Self::read(&block.contents)?;
        if csr.algorithm.is_none() {
            return Err(CsrError::Key);
        }
        if !csr.is_signed {
            return Err(CsrError::Signature);
        }
        if !csr.has_names(names) {
            return Err(CsrError::Names);
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
