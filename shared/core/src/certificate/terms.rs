//! What a client decides about a certificate's renewals.

use serde::{Deserialize, Serialize};

/// What a renewal makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenewAs {
    /// The next version of the same certificate.
    #[default]
    Replace,
    /// A certificate of its own, which succeeds the one that is renewed.
    New,
}

impl RenewAs {
    /// The words on the wire.
    pub const WORDS: [(&'static str, Self); 2] = [("replace", Self::Replace), ("new", Self::New)];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::New => "new",
        }
    }
}

/// What a client decides about a certificate's renewals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RenewalTerms {
    /// What they make.
    pub renew_as: RenewAs,
    /// Whether they have the key of the certificate that they renew.
    pub reuse_key: bool,
}
