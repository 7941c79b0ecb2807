//! The error types of ACME.

/// The namespace of ACME's own problem types (RFC 8555 §6.7).
const NAMESPACE: &str = "urn:ietf:params:acme:error:";

macro_rules! acme_errors {
    ($($name:ident = $word:literal),+ $(,)?) => {
        /// A problem type of ACME (RFC 8555 §6.7, and the IANA registry "ACME Error Types").
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "the registry's names are the documentation")]
        pub enum AcmeError {
            $($name,)+
            /// One of the namespace that is not listed here.
            Other(String),
        }

        impl AcmeError {
            /// All that are listed here.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its word in the namespace.
            #[must_use]
            pub fn word(&self) -> &str {
                match self {
                    $(Self::$name => $word,)+
                    Self::Other(word) => word,
                }
            }

            fn of_word(word: &str) -> Self {
                match word {
                    $($word => Self::$name,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }
    };
}

acme_errors! {
    AccountDoesNotExist = "accountDoesNotExist",
    AlreadyReplaced = "alreadyReplaced",
    AlreadyRevoked = "alreadyRevoked",
    BadCsr = "badCSR",
    BadNonce = "badNonce",
    BadPublicKey = "badPublicKey",
    BadRevocationReason = "badRevocationReason",
    BadSignatureAlgorithm = "badSignatureAlgorithm",
    Caa = "caa",
    Compound = "compound",
    Connection = "connection",
    Dns = "dns",
    ExternalAccountRequired = "externalAccountRequired",
    IncorrectResponse = "incorrectResponse",
    InvalidContact = "invalidContact",
    InvalidProfile = "invalidProfile",
    Malformed = "malformed",
    OrderNotReady = "orderNotReady",
    RateLimited = "rateLimited",
    RejectedIdentifier = "rejectedIdentifier",
    ServerInternal = "serverInternal",
    Tls = "tls",
    Unauthorized = "unauthorized",
    UnsupportedContact = "unsupportedContact",
    UnsupportedIdentifier = "unsupportedIdentifier",
    UserActionRequired = "userActionRequired",
}

impl AcmeError {
    /// The error of a problem type; `None` outside ACME's namespace.
    #[must_use]
    pub fn of_type(kind: &str) -> Option<Self> {
        kind.strip_prefix(NAMESPACE).map(Self::of_word)
    }

    /// As a problem type.
    #[must_use]
    pub fn urn(&self) -> String {
        format!("{NAMESPACE}{}", self.word())
    }
}
