//! ACME accounts.

use serde::{Deserialize, Serialize};

use super::key_version::{KeyRollover, KeyVersion};
use crate::words::{AccountId, Email, ProviderId, Timestamp, row_bytes};

/// Where an account stands with its CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// Not registered yet; the worker does that on first use.
    Pending,
    /// Registered.
    Active,
    /// The CA rejected it.
    Failed,
    /// An operator switched it off.
    Disabled,
}

impl AccountStatus {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Failed => "failed",
            Self::Disabled => "disabled",
        }
    }
}

/// What a client sends to open an account. The HMAC key is in the vault by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAccount {
    /// The CA.
    pub provider_id: ProviderId,
    /// The contact.
    pub email: Email,
    /// The EAB key id, if the CA needs one.
    pub eab_kid: Option<String>,
    /// The vault name of the EAB HMAC key.
    pub eab_key_ref: Option<String>,
    /// When the binding's time is over, as the client knows it.
    pub eab_expires_at: Option<Timestamp>,
}

/// An account with a CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The CA.
    pub provider_id: ProviderId,
    /// The contact.
    pub email: Email,
    /// The EAB key id.
    pub eab_kid: Option<String>,
    /// The vault name of the EAB HMAC key. It is kept for the account's life: a registration whose answer was lost, or
    /// that a restored table forgot, is repeated with it, and some CAs look at the binding before they look whether
    /// they know the key (RFC 8555 does not say which comes first).
    pub eab_key_ref: Option<String>,
    /// When the binding's time is over, as the client knows it.
    pub eab_expires_at: Option<Timestamp>,
    /// Whether the CA refused this binding.
    pub eab_rejected: bool,
    /// Which of its keys the CA knows.
    pub key_version: KeyVersion,
    /// When that key took the place of the one before.
    pub key_changed_at: Option<Timestamp>,
    /// The newest change of its key.
    pub rollover: Option<KeyRollover>,
    /// Where it stands.
    pub status: AccountStatus,
    /// The account URL at the CA.
    pub registration_uri: Option<String>,
    /// Why it failed.
    pub last_error: Option<String>,
    /// Creation.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// Grows with each write; a write names the version that it read.
    pub version: u64,
}

impl Account {
    /// The weight of its row in a list.
    #[must_use]
    pub fn row_bytes(&self) -> usize {
        let rollover = self.rollover.as_ref().and_then(|r| r.last_error.as_deref());
        let texts = [&self.eab_kid, &self.registration_uri, &self.last_error].map(Option::as_deref);
        row_bytes(texts.into_iter().flatten().chain(rollover))
    }

    /// As a client opens it.
    #[must_use]
    pub fn opened(id: AccountId, new: NewAccount, now: Timestamp) -> Self {
        Self {
            id,
            provider_id: new.provider_id,
            email: new.email,
            eab_kid: new.eab_kid,
            eab_key_ref: new.eab_key_ref,
            eab_expires_at: new.eab_expires_at,
            eab_rejected: false,
            key_version: KeyVersion::FIRST,
            key_changed_at: None,
            rollover: None,
            status: AccountStatus::Pending,
            registration_uri: None,
            last_error: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// Switched on or off by an operator; the same if it is so already.
    #[must_use]
    pub fn switched(&self, on: bool, now: Timestamp) -> Self {
        let status = match (on, self.status) {
            (false, _) => AccountStatus::Disabled,
            (true, AccountStatus::Pending | AccountStatus::Active) => self.status,
            (true, _) if self.registration_uri.is_some() => AccountStatus::Active,
            (true, _) => AccountStatus::Pending,
        };
        if status == self.status {
            return self.clone();
        }
        Self {
            status,
            last_error: None,
            updated_at: now,
            ..self.clone()
        }
    }
}

/// The account that clients use for a CA unless they say otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DefaultAccount {
    /// The CA.
    pub provider_id: ProviderId,
    /// Its account.
    pub account_id: AccountId,
    /// When it was chosen.
    pub updated_at: Timestamp,
}
