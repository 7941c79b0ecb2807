//! What kind of thing went wrong. Code tells failures apart by this; the URN is only how it is shown and stored.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{acme_error::AcmeError, text::clip};

/// The namespace of our own problem types.
const OURS: &str = "urn:certmint:";

macro_rules! causes {
    ($($(#[$doc:meta])+ $name:ident = $word:literal),+ $(,)?) => {
        /// What kind of thing went wrong, beside the [`Class`](super::Class) that says what it means for the next step.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum Cause {
            /// The CA's own word.
            Acme(AcmeError),
            $($(#[$doc])+ $name,)+
            /// A problem type that is neither ACME's nor ours. An empty one and `about:blank` say nothing (RFC 7807 §4.2).
            Other(String),
        }

        impl Cause {
            /// The cause that a problem type stands for.
            #[must_use]
            pub fn of_type(kind: &str) -> Self {
                if let Some(error) = AcmeError::of_type(kind) {
                    return Self::Acme(error);
                }
                match kind.strip_prefix(OURS) {
                    $(Some($word) => Self::$name,)+
                    _ => Self::Other(kind.to_owned()),
                }
            }

            /// As a problem type (RFC 7807 §3.1).
            #[must_use]
            pub fn urn(&self) -> String {
                match self {
                    Self::Acme(error) => error.urn(),
                    $(Self::$name => format!("{OURS}{}", $word),)+
                    Self::Other(kind) => kind.clone(),
                }
            }

            /// Whether we said it, not the CA.
            #[must_use]
            pub const fn is_ours(&self) -> bool {
                !matches!(self, Self::Acme(_) | Self::Other(_))
            }

            /// All of ours.
            pub const ALL_OURS: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

causes! {
    /// The account is failed, switched off, not registered or gone.
    Account = "account",
    /// The stored account key cannot be used.
    AccountKey = "accountKey",
    /// The CA gave no answer, or none that can be read.
    CaUnreachable = "caUnreachable",
    /// A client wants no certificate any more.
    Cancelled = "cancelled",
    /// The stored certificate cannot be read.
    Certificate = "certificate",
    /// The stored private key of a certificate cannot be read.
    CertificateKey = "certificateKey",
    /// What the CA issued does not fit key, names or chain.
    CertificateMismatch = "certificateMismatch",
    /// A key or signature could not be made.
    Crypto = "crypto",
    /// A stored CSR cannot be read.
    Csr = "csr",
    /// A phase said "not yet" for too long.
    Deadline = "deadline",
    /// The CA's directory cannot be read: nobody can do anything there now.
    DirectoryUnreachable = "directoryUnreachable",
    /// Route53, or the public DNS.
    Dns = "dns",
    /// What is in the vault under the order's name was made for something else.
    ForeignKey = "foreignKey",
    /// On hold for longer than any limit lasts.
    HeldTooLong = "heldTooLong",
    /// The key was revoked for keyCompromise.
    KeyCompromise = "keyCompromise",
    /// The order was finalized without a key of ours.
    KeylessOrder = "keylessOrder",
    /// A certificate has no account to ask with.
    NoAccount = "noAccount",
    /// The domain does not exist in the public DNS.
    NoDomain = "noDomain",
    /// The CA does not advertise the profile.
    NoProfile = "noProfile",
    /// The provider is no longer configured.
    NoProvider = "noProvider",
    /// We may write no zone that holds the name.
    NoZone = "noZone",
    /// The CA takes no order for such names, as we know beforehand.
    NotOrderable = "notOrderable",
    /// The CA no longer knows the order.
    OrderGone = "orderGone",
    /// The order lost its CSR.
    OrderNotFinalized = "orderNotFinalized",
    /// The order is not ready any more.
    OrderNotReady = "orderNotReady",
    /// A CA's 429 without a problem type.
    RateLimited = "rateLimited",
    /// The CA does not take the order as a replacement of the certificate that it names (RFC 9773 §5).
    ReplacesRefused = "replacesRefused",
    /// Our table.
    Store = "store",
    /// The CA lacks what ACME leaves open.
    Unsupported = "unsupported",
    /// The key vault.
    Vault = "vault",
}

impl Cause {
    /// ACME's word for it, if the CA judged the call in those.
    #[must_use]
    pub const fn acme(&self) -> Option<&AcmeError> {
        match self {
            Self::Acme(error) => Some(error),
            _ => None,
        }
    }

    /// Whether the CA judged the call, in ACME's words.
    #[must_use]
    pub const fn is_acme(&self) -> bool {
        self.acme().is_some()
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        matches!(self, Self::Other(kind) if kind.is_empty() || kind == "about:blank")
    }

    /// The same, not longer than `most` characters, whatever a CA sends.
    #[must_use]
    pub fn bounded(&self, most: usize) -> Self {
        match self {
            Self::Acme(AcmeError::Other(word)) => Self::Acme(AcmeError::Other(clip(word, most))),
            Self::Other(kind) => Self::Other(clip(kind, most)),
            known => known.clone(),
        }
    }
}

impl Default for Cause {
    fn default() -> Self {
        Self::Other(String::new())
    }
}

impl From<AcmeError> for Cause {
    fn from(error: AcmeError) -> Self {
        Self::Acme(error)
    }
}

impl From<&str> for Cause {
    fn from(kind: &str) -> Self {
        Self::of_type(kind)
    }
}

impl From<String> for Cause {
    fn from(kind: String) -> Self {
        Self::of_type(&kind)
    }
}

impl From<Cause> for String {
    fn from(cause: Cause) -> Self {
        cause.urn()
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.urn())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_back() {
        let acme = [
            AcmeError::Caa,
            AcmeError::BadCsr,
            AcmeError::Other("unheardOf".into()),
        ];
        let others = [
            "",
            "about:blank",
            "https://ca.example/problems/7",
            "urn:certmint:unheardOf",
        ];
        let all = Cause::ALL_OURS.iter().cloned();
        let all = all.chain(acme.map(Cause::Acme));
        for cause in all.chain(others.map(|kind| Cause::Other(kind.into()))) {
            assert_eq!(Cause::of_type(&cause.urn()), cause, "{cause}");
        }
    }

    #[test]
    fn whose_word_it_is() {
        let of = |kind| Cause::of_type(kind);
        assert!(
            of("urn:ietf:params:acme:error:caa").is_acme() && !of("urn:ietf:params:acme:error:caa").is_ours()
        );
        assert!(of("urn:certmint:vault").is_ours() && !of("urn:certmint:vault").is_acme());
        assert!(of("about:blank").is_blank() && of("").is_blank() && !of("urn:example").is_blank());
    }
}
