//! Why a text is no certificate signing request that is taken.

use super::pem::PemError;

/// Why a text is no CSR for a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrError {
    /// Not one PEM block of a CSR.
    #[error("must be one PEM block CERTIFICATE REQUEST (or NEW CERTIFICATE REQUEST)")]
    NoPem,
    /// Not PEM.
    #[error("is no PEM: {0}")]
    Pem(#[from] PemError),
    /// Not a CSR.
    #[error("is no certificate signing request (RFC 2986)")]
    Syntax,
    /// A CSR, and more.
    #[error("has {0} octets behind the certificate signing request; export it anew")]
    Rest(usize),
    /// Not signed with the key that it names.
    #[error("is not signed with its own key")]
    Signature,
    /// Signed in a way that we do not know.
    #[error("has a signature that is not supported: {0}; sign it with SHA-256, as openssl req -sha256 does")]
    SignatureAlgorithm(String),
    /// Too weak, or a kind that public CAs do not take.
    #[error("must have an ECDSA key on P-256 or P-384, or an RSA key of 2048, 3072 or 4096 bits")]
    Key,
    /// Other names.
    #[error("must have exactly the names in domains, as DNS names of subjectAltName and nothing else")]
    Names,
    /// No names but maybe a common name.
    #[error(
        "has no subjectAltName; add one with the names in domains, as openssl req -addext subjectAltName=DNS:www.example.com \
         does"
    )]
    NoNames,
    /// A common name that is not among them.
    #[error("has a common name that is not in domains")]
    CommonName,
    /// An extension that is asked for twice.
    #[error("asks for the extension {0} twice, which CAs refuse; make it anew with one of them")]
    Twice(String),
    /// An extension or attribute that cannot be read.
    #[error("has a {0} that cannot be read")]
    Unreadable(&'static str),
}
