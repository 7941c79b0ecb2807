//! An account whose key changes (RFC 8555 §7.3.5).

use super::{
    account::{Account, AccountStatus},
    key_version::{KeyRollover, KeyVersion, RolloverStatus},
};
use crate::words::{AccountId, Timestamp};

impl Account {
    /// The vault name of one of an account's keys.
    #[must_use]
    pub fn key_name(id: AccountId, version: KeyVersion) -> String {
        match version {
            KeyVersion::FIRST => format!("account-key/{id}"),
            later => format!("account-key/{id}-v{}", later.get()),
        }
    }

    /// The vault names of all its secrets, also of those that may not exist.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        let keys = (1..=self.newest_key().get())
            .filter_map(KeyVersion::new)
            .map(|v| Self::key_name(self.id, v));
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

    /// With a key that its CA has not seen, to be registered with it: what the CA closed does not come back (RFC 8555
    /// §7.3.6), and what the vault lost neither. A rollover of the key before is over.
    #[must_use]
    pub fn with_new_key(&self, now: Timestamp) -> Self {
        let rollover = self.rollover.clone().map(|r| match r.status {
            RolloverStatus::Pending => KeyRollover {
                status: RolloverStatus::Failed,
                last_error: Some("the account is registered anew with another key".into()),
                ..r
            },
            _ => r,
        });
        Self {
            key_version: self.newest_key().next(),
            key_changed_at: Some(now),
            rollover,
            registration_uri: None,
            status: AccountStatus::Pending,
            last_cause: None,
            last_error: None,
            updated_at: now,
            ..self.clone()
        }
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
