//! ACME accounts.

use serde::{Deserialize, Serialize};

use super::key_version::{KeyRollover, KeyVersion};
use crate::words::{AccountId, Advice, Cause, Email, ProviderId, Timestamp, Way, row_bytes};

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
    /// The contact, which is optional (RFC 8555 §7.3).
    pub email: Option<Email>,
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
    /// The contact, which is optional (RFC 8555 §7.3).
    pub email: Option<Email>,
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
    /// The account URL at the CA, as it was told last. A pending one that has it is registered anew: the CA says by the
    /// key whether it still knows it.
    pub registration_uri: Option<String>,
    /// What kind of thing it failed for: what leads out depends on that.
    pub last_cause: Option<Cause>,
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
            last_cause: None,
            last_error: None,
            created_at: now,
            updated_at: now,
            version: 1,
        }
    }

    /// Switched on or off by an operator; the same if it is so already. One that failed is registered anew, which asks
    /// the CA what it makes of it now; with another key if its own cannot be used.
    #[must_use]
    pub fn switched(&self, on: bool, now: Timestamp) -> Self {
        let status = match (on, self.status) {
            (false, _) => AccountStatus::Disabled,
            (true, AccountStatus::Pending | AccountStatus::Active) => self.status,
            (true, AccountStatus::Failed) if self.last_cause == Some(Cause::AccountKey) => {
                return self.with_new_key(now);
            }
            (true, AccountStatus::Disabled) if self.registration_uri.is_some() => AccountStatus::Active,
            (true, AccountStatus::Failed | AccountStatus::Disabled) => AccountStatus::Pending,
        };
        if status == self.status {
            return self.clone();
        }
        Self {
            status,
            last_cause: None,
            last_error: None,
            updated_at: now,
            ..self.clone()
        }
    }

    /// One that cannot be used: by the CA's word, or for want of its key.
    #[must_use]
    pub fn failed(&self, cause: Cause, why: &str, now: Timestamp) -> Self {
        Self {
            status: AccountStatus::Failed,
            last_cause: Some(cause),
            last_error: Some(why.to_owned()),
            updated_at: now,
            ..self.clone()
        }
    }

    /// One that its CA does not know any more: it is registered anew when it is used next.
    #[must_use]
    pub fn forgotten(&self, now: Timestamp) -> Self {
        Self {
            status: AccountStatus::Pending,
            updated_at: now,
            ..self.clone()
        }
    }

    /// What leads out, if it cannot be used.
    #[must_use]
    pub fn advice(&self) -> Option<Advice> {
        let enable = Advice {
            first: None,
            way: Way::EnableAccount,
        };
        match self.status {
            AccountStatus::Pending | AccountStatus::Active => None,
            AccountStatus::Disabled => Some(enable),
            AccountStatus::Failed if self.eab_rejected => Some(Advice {
                way: Way::ReplaceEab,
                ..enable
            }),
            AccountStatus::Failed => {
                let advice = self.last_cause.as_ref().map(Cause::advice);
                let is_its_own = |advice: &Advice| advice.way.of_account().is_some();
                Some(advice.filter(is_its_own).unwrap_or(enable))
            }
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
