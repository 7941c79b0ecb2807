//! Certificates and where they are used.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    chore::Chore,
    words::{AccountId, CertificateId, DomainName, ProviderId, RequestId, Timestamp, json_bytes, row_bytes},
};

/// Where a certificate came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateSource {
    /// Issued through ACME.
    Acme,
    /// Uploaded by a client.
    Upload,
}

impl CertificateSource {
    /// All.
    pub const ALL: [Self; 2] = [Self::Acme, Self::Upload];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Acme => "acme",
            Self::Upload => "upload",
        }
    }
}

/// A certificate. The private key is in the vault under `key_ref`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its id.
    pub id: CertificateId,
    /// SHA-256 of the DER, lower-case hex; unique.
    pub fingerprint: String,
    /// Serial number, lower-case hex.
    pub serial: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// The names it covers.
    pub names: Vec<DomainName>,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub expires_at: Timestamp,
    /// The end-entity certificate, PEM.
    pub cert_pem: String,
    /// The intermediates in order, PEM.
    pub chain_pem: String,
    /// The vault name of the private key; empty if the key is not ours to keep (the client sent a CSR).
    pub key_ref: String,
    /// Where it came from.
    pub source: CertificateSource,
    /// The account that ordered it.
    pub account_id: Option<AccountId>,
    /// The provider's name.
    pub provider: String,
    /// The request that ordered it.
    pub request_id: Option<RequestId>,
    /// The CA's profile that it was ordered with.
    pub profile: Option<String>,
    /// 1, and one more with each renewal in its place.
    pub version: u64,
    /// Creation.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// What became of it since.
    pub lifecycle: Lifecycle,
}

/// What became of a certificate since it was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifecycle {
    /// When a client deleted it; it can be restored for [`RESTORABLE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
    /// That a client wants it revoked, and what came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation: Option<Revocation>,
}

/// Who signs the wish to revoke (RFC 8555 §7.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "key")]
pub enum RevokedBy {
    /// The account that ordered it.
    #[default]
    Account,
    /// The certificate's own key, whoever ordered it.
    CertificateKey {
        /// The CA that is told.
        provider: ProviderId,
    },
}

impl RevokedBy {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::CertificateKey { .. } => "certificateKey",
        }
    }

    const fn is_account(&self) -> bool {
        matches!(self, Self::Account)
    }
}

/// A revocation, from the wish to the CA's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Why.
    pub reason: RevocationReason,
    /// Who signs it. Absent in what was stored before there was a choice.
    #[serde(default, skip_serializing_if = "RevokedBy::is_account")]
    pub by: RevokedBy,
    /// When a client asked for it.
    pub asked_at: Timestamp,
    /// When the CA did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Why the CA refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Revocation {
    /// Whether the CA is still to be asked.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.revoked_at.is_none() && self.error.is_none()
    }
}

/// How long a deleted certificate can be restored.
pub const RESTORABLE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long the private key of a version that was replaced is kept: time to go back to it by hand. Each key has a price
/// by the month, and one that nobody needs is only a risk.
pub const OLD_KEY_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Where a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateStatus {
    /// It can be used.
    Issued,
    /// Its time is over.
    Expired,
    /// The CA revoked it.
    Revoked,
    /// A client deleted it.
    Deleted,
}

impl CertificateStatus {
    /// All.
    pub const ALL: [Self; 4] = [Self::Issued, Self::Expired, Self::Revoked, Self::Deleted];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Deleted => "deleted",
        }
    }
}

impl Certificate {
    /// Whether a client said that somebody else may have its key, whatever the CA made of that.
    #[must_use]
    pub fn is_compromised(&self) -> bool {
        let revocation = self.lifecycle.revocation.as_ref();
        revocation.is_some_and(|r| r.reason == RevocationReason::KeyCompromise)
    }

    /// Where it stands.
    #[must_use]
    pub fn status(&self, now: Timestamp) -> CertificateStatus {
        let revocation = self.lifecycle.revocation.as_ref();
        if self.lifecycle.deleted_at.is_some() {
            CertificateStatus::Deleted
        } else if revocation.is_some_and(|r| r.revoked_at.is_some()) {
            CertificateStatus::Revoked
        } else if self.expires_at <= now {
            CertificateStatus::Expired
        } else {
            CertificateStatus::Issued
        }
    }

    /// Whether a wildcard is among its names.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.names.iter().any(DomainName::is_wildcard)
    }

    /// Whether one of its names is `name` or below it.
    #[must_use]
    pub fn is_about(&self, name: &DomainName) -> bool {
        let below = format!(".{}", name.as_str());
        let names = self.names.iter().map(DomainName::as_str);
        names
            .into_iter()
            .any(|n| n == name.as_str() || n.ends_with(&below))
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $word:literal;)*) => {
        /// Why a certificate is revoked (RFC 5280 §5.3.1; RFC 8555 §7.6). Which of them a CA takes is its affair.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub enum RevocationReason { $($(#[$doc])* #[serde(rename = $word)] $name = $code),* }

        impl RevocationReason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its number.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self { $(Self::$name => $code),* }
            }

            /// Its name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }
        }
    };
}

reasons! {
    /// None is given.
    #[default]
    Unspecified = 0, "unspecified";
    /// Somebody else may have the key.
    KeyCompromise = 1, "keyCompromise";
    /// Somebody else may have the CA's key.
    CaCompromise = 2, "cACompromise";
    /// The subject changed.
    AffiliationChanged = 3, "affiliationChanged";
    /// Another certificate took its place.
    Superseded = 4, "superseded";
    /// It is not needed any more.
    CessationOfOperation = 5, "cessationOfOperation";
    /// For a time.
    CertificateHold = 6, "certificateHold";
    /// Back from a hold.
    RemoveFromCrl = 8, "removeFromCRL";
    /// A privilege in it was withdrawn.
    PrivilegeWithdrawn = 9, "privilegeWithdrawn";
    /// Somebody else may have an attribute authority's key.
    AaCompromise = 10, "aACompromise";
}

impl Certificate {
    /// The deletion of its private key, now that another version took its place: its name, what to do, and when. The
    /// newer version has a key, or a copy of this one, under a name of its own.
    #[must_use]
    pub fn old_key(&self, replaced_at: Timestamp) -> Option<(String, Chore, Timestamp)> {
        let names = Some(self.key_ref.clone()).filter(|name| !name.is_empty())?;
        let due = replaced_at
            .plus(OLD_KEY_KEPT)
            .min(self.expires_at.max(replaced_at));
        let chore = Chore::DeleteSecrets { names: vec![names] };
        Some((format!("replaced-key-{}-{}", self.id, self.version), chore, due))
    }

    /// The weight of its row in a list, with its PEM or without.
    #[must_use]
    pub fn row_bytes(&self, pem: bool) -> usize {
        /// `{"domain":"","isWildcard":false}` around each.
        const NAME: usize = 40;
        let refusal = self
            .lifecycle
            .revocation
            .as_ref()
            .and_then(|r| r.error.as_deref());
        let texts = [&self.fingerprint, &self.serial, &self.issuer, &self.provider].map(String::as_str);
        let texts = texts.into_iter().chain(self.profile.as_deref()).chain(refusal);
        let names: usize = self.names.iter().map(|name| name.as_str().len() + NAME).sum();
        let pem = pem.then(|| json_bytes(&self.cert_pem) + json_bytes(&self.chain_pem));
        row_bytes(texts) + names + pem.unwrap_or_default()
    }

    /// Whether the vault has its private key.
    #[must_use]
    pub const fn has_key(&self) -> bool {
        !self.key_ref.is_empty()
    }
}

/// A website that uses a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The certificate.
    pub certificate_id: CertificateId,
    /// The website.
    pub website_id: u64,
    /// Whether it is served now.
    pub active: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lifecycle is compared as text: one that was stored before must be written as it was read.
    #[test]
    fn a_revocation_that_was_stored_before_there_was_a_choice_is_by_account() {
        let old = r#"{"revocation":{"reason":"superseded","asked_at":1}}"#;
        let lifecycle: Lifecycle = serde_json::from_str(old).unwrap();
        assert_eq!(serde_json::to_string(&lifecycle).unwrap(), old);
        assert_eq!(lifecycle.revocation.unwrap().by, RevokedBy::Account);
    }
}
