//! An account's key and its binding, replaced.

use async_trait::async_trait;

use super::error::StoreError;
use certmint_core::{
    account::{Account, AccountStatus, EabBinding, KeyVersion},
    chore::Chore,
    words::{AccountId, Timestamp},
};

/// Changes of what an account signs with. Each is one read and one transaction on condition that the account is as it was
/// read; against another writer it is tried again.
#[async_trait]
pub trait AccountKeys: Send + Sync {
    /// Opens a rollover to the next key, with the chore that does it. [`may_be_rolled`] refuses.
    async fn begin_rollover(&self, id: AccountId, now: Timestamp) -> Result<Account, StoreError>;
    /// Writes down that the CA has this key, which ends a rollover to it, with a chore that deletes the one before. An
    /// account that has this key or a later one is returned as it is.
    async fn key_changed(
        &self,
        id: AccountId,
        version: KeyVersion,
        now: Timestamp,
    ) -> Result<Account, StoreError>;
    /// Ends a rollover that is under way with its reason; a chore discards the new key after [`UNSURE`]. An account
    /// that has no such rollover under way is returned as it is.
    async fn rollover_failed(
        &self,
        id: AccountId,
        version: KeyVersion,
        why: &str,
        now: Timestamp,
    ) -> Result<Account, StoreError>;
    /// Gives an account that its CA does not know another binding, with a chore that deletes the HMAC key before; it is
    /// `pending` then. [`may_be_bound`] refuses.
    async fn replace_eab(
        &self,
        id: AccountId,
        eab: &EabBinding,
        now: Timestamp,
    ) -> Result<Account, StoreError>;
}

/// How long after a refusal another worker's keyChange may still come to the CA: Lambda ends an invocation after 15
/// minutes; the rest is for a process that was frozen.
pub const UNSURE: std::time::Duration = std::time::Duration::from_secs(6 * 60 * 60);

fn wrong(account: &Account, state: &str, needed: &'static str) -> StoreError {
    StoreError::WrongState {
        kind: "account",
        id: account.id.to_string(),
        state: state.to_owned(),
        needed,
    }
}

/// Refuses an account whose key cannot be changed now: for every store the same.
///
/// # Errors
/// [`StoreError::WrongState`].
pub fn may_be_rolled(account: &Account) -> Result<(), StoreError> {
    if account.may_roll() {
        return Ok(());
    }
    if account.open_rollover().is_some() {
        let needed = "no rollover under way; look at keyRollover";
        return Err(wrong(account, "changing its key already", needed));
    }
    let needed = "an active account, which its CA knows";
    Err(wrong(account, account.status.as_str(), needed))
}

/// Refuses an account that cannot get another binding: for every store the same.
///
/// # Errors
/// [`StoreError::WrongState`].
pub fn may_be_bound(account: &Account) -> Result<(), StoreError> {
    if account.may_be_bound() {
        return Ok(());
    }
    if account.status == AccountStatus::Active {
        let needed = "one that its CA does not know yet: a binding serves the registration only";
        return Err(wrong(account, "registered with its CA", needed));
    }
    let needed = "a pending or failed one; enable it first";
    Err(wrong(account, account.status.as_str(), needed))
}

/// A chore as a store enqueues it: its name, what to do, when it is due.
pub type NewChore = (String, Chore, Timestamp);

/// The work of a rollover. Its name is its own, since a number is never used again: whoever ends a late chore of an
/// earlier rollover ends no other one's.
#[must_use]
pub fn roll(id: AccountId, version: KeyVersion, now: Timestamp) -> NewChore {
    let name = format!("rollover-{id}-{}", version.get());
    (name, Chore::RollKey { id, version }, now)
}

/// The deletion of the key that an account has now and the CA has no more.
#[must_use]
pub fn forget_key(account: &Account, now: Timestamp) -> NewChore {
    let (id, old) = (account.id, account.key_version);
    let names = vec![Account::key_name(id, old)];
    let name = format!("old-key-{id}-{}", old.get());
    (name, Chore::DeleteSecrets { names }, now)
}

/// The deletion of a key that the CA would not have.
#[must_use]
pub fn discard(id: AccountId, version: KeyVersion, now: Timestamp) -> NewChore {
    let name = format!("discard-key-{id}-{}", version.get());
    (name, Chore::DiscardKey { id, version }, now.plus(UNSURE))
}

/// The deletion of the HMAC key that an account has now.
#[must_use]
pub fn forget_eab(account: &Account, now: Timestamp) -> Option<NewChore> {
    let names = vec![account.eab_key_ref.clone()?];
    let name = format!("old-eab-{}-{}", account.id, account.version);
    Some((name, Chore::DeleteSecrets { names }, now))
}
