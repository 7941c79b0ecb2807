//! An account's keys one after the other (RFC 8555 §7.3.5): the CA knows one, the vault may hold the next already.

use serde::{Deserialize, Serialize};

use crate::words::Timestamp;

/// Which of an account's keys: 1, 2, … A number is never used again, also not after a rollover that failed, since its
/// name may wait for its deletion in the vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyVersion(u32);

impl KeyVersion {
    /// The key that an account registers with.
    pub const FIRST: Self = Self(1);

    /// From a stored number; zero is none.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match number {
            0 => None,
            number => Some(Self(number)),
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    pub(super) const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Where a rollover stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloverStatus {
    /// The worker is at it. Either key may be the one that the CA knows.
    Pending,
    /// The CA knows the new key, and so does the account.
    Done,
    /// The CA would not have it; the account keeps its key.
    Failed,
}

impl RolloverStatus {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// The newest change of an account's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRollover {
    /// The key that is to come, or came.
    pub version: KeyVersion,
    /// Where it stands.
    pub status: RolloverStatus,
    /// When a client asked for it.
    pub asked_at: Timestamp,
    /// Why it failed, or why the last try came to nothing.
    pub last_error: Option<String>,
}
