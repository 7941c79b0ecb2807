//! External account bindings (RFC 8555 §7.3.4) as an account has them. ACME says nothing of a binding's state: what is
//! here is what the client told us and what the CA answered.

use super::account::{Account, AccountStatus};
use crate::words::Timestamp;

/// A binding that a client sent. The HMAC key is in the vault by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EabBinding {
    /// The key id.
    pub kid: String,
    /// The vault name of the HMAC key.
    pub key_ref: String,
    /// When its time is over, as the client knows it.
    pub expires_at: Option<Timestamp>,
}

/// What is known of an account's binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EabStatus {
    /// The account has none.
    None,
    /// The CA has not seen it.
    Unused,
    /// The account was registered with it.
    Used,
    /// Its time is over, and it was never used.
    Expired,
    /// The CA refused it.
    Rejected,
}

impl EabStatus {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Unused => "unused",
            Self::Used => "used",
            Self::Expired => "expired",
            Self::Rejected => "rejected",
        }
    }
}

impl Account {
    /// Whether its binding's time is over, as far as it is known.
    #[must_use]
    pub fn eab_is_over(&self, now: Timestamp) -> bool {
        self.eab_expires_at.is_some_and(|at| at <= now)
    }

    /// What is known of its binding.
    #[must_use]
    pub fn eab_status(&self, now: Timestamp) -> EabStatus {
        match () {
            () if self.eab_kid.is_none() => EabStatus::None,
            () if self.eab_rejected => EabStatus::Rejected,
            () if self.registration_uri.is_some() => EabStatus::Used,
            () if self.eab_is_over(now) => EabStatus::Expired,
            () => EabStatus::Unused,
        }
    }

    /// Whether it may get another binding: it is to be registered, or failed, and nobody switched it off.
    #[must_use]
    pub const fn may_be_bound(&self) -> bool {
        matches!(self.status, AccountStatus::Pending | AccountStatus::Failed)
    }

    /// With another binding, to be registered with it.
    #[must_use]
    pub fn bound(&self, eab: &EabBinding, now: Timestamp) -> Self {
        Self {
            eab_kid: Some(eab.kid.clone()),
            eab_key_ref: Some(eab.key_ref.clone()),
            eab_expires_at: eab.expires_at,
            eab_rejected: false,
            status: AccountStatus::Pending,
            last_cause: None,
            last_error: None,
            updated_at: now,
            ..self.clone()
        }
    }
}
