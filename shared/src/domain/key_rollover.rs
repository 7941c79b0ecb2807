//! An account's keys one after the other (RFC 8555 §7.3.5): the CA knows one, the vault may hold the next already.

use serde::{Deserialize, Serialize};

use super::{Account, AccountId, AccountStatus, Timestamp};

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

    const fn next(self) -> Self {
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

impl Account {
    /// The vault name of one of an account's keys.
    #[must_use]
    pub fn key_name(id: AccountId, version: KeyVersion) -> String {
        match version {
            KeyVersion::FIRST => format!("account-key/{id}"),
            KeyVersion(n) => format!("account-key/{id}-v{n}"),
        }
    }

    /// The vault names of all its secrets, also of those that may not exist.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let keys = (1..=self.newest_key().get()).map(|n| Self::key_name(self.id, KeyVersion(n)));
        self.eab_key_ref.iter().cloned().chain(keys).collect()
    }

    fn newest_key(&self) -> KeyVersion {
        let asked = self.rollover.as_ref().map(|r| r.version);
        asked.map_or(self.key_version, |v| v.max(self.key_version))
    }

    /// The rollover that is under way.
    #[must_use]
    pub fn open_rollover(&self) -> Option<&KeyRollover> {
        let rollover = self.rollover.as_ref();
        rollover.filter(|r| r.status == RolloverStatus::Pending)
    }

    /// Whether its key may be changed: its CA knows it, it is switched on, and no change is under way.
    #[must_use]
    pub fn may_roll(&self) -> bool {
        self.status == AccountStatus::Active
            && self.registration_uri.is_some()
            && self.open_rollover().is_none()
    }

    /// With a rollover to the next key.
    #[must_use]
    pub fn rolling(&self, now: Timestamp) -> Self {
        let rollover = KeyRollover {
            version: self.newest_key().next(),
            status: RolloverStatus::Pending,
            asked_at: now,
            last_error: None,
        };
        Self {
            rollover: Some(rollover),
            updated_at: now,
            ..self.clone()
        }
    }

    /// With the key that the CA was found to know. `None` if the account has that one, or a later one.
    #[must_use]
    pub fn rolled(&self, version: KeyVersion, now: Timestamp) -> Option<Self> {
        if version <= self.key_version {
            return None;
        }
        let done = |r: KeyRollover| KeyRollover {
            status: RolloverStatus::Done,
            last_error: None,
            ..r
        };
        let ends = |r: &KeyRollover| r.version == version;
        let rollover = self.rollover.clone();
        Some(Self {
            key_version: version,
            key_changed_at: Some(now),
            rollover: rollover.map(|r| if ends(&r) { done(r) } else { r }),
            updated_at: now,
            ..self.clone()
        })
    }

    /// With the reason why its rollover ended, or (`over: false`) why the last try came to nothing. `None` if that
    /// rollover is not under way.
    #[must_use]
    pub fn not_rolled(&self, version: KeyVersion, why: &str, over: bool, now: Timestamp) -> Option<Self> {
        let open = self.open_rollover().filter(|r| r.version == version)?;
        let rollover = KeyRollover {
            status: if over {
                RolloverStatus::Failed
            } else {
                RolloverStatus::Pending
            },
            last_error: Some(why.to_owned()),
            ..open.clone()
        };
        Some(Self {
            rollover: Some(rollover),
            updated_at: now,
            ..self.clone()
        })
    }
}
