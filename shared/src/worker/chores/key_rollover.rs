//! Gives an account its next key, and discards one that the CA would not have.
//!
//! The new key is in the vault before the CA sees it, and the old one stays there until the CA is known to have the new
//! one. Which of the two it has is asked of the CA, never concluded from an answer that did not come: while it cannot
//! say, the rollover stays under way.

use crate::worker::Worker;
use crate::{ca::AccountKey, store::StoreError, vault::VaultError};
use certmint_core::{
    account::{Account, AccountStatus, KeyVersion},
    words::{AccountId, Class, Failure},
    x509::keys,
};

/// What became of a keyChange.
enum Answer {
    /// The CA has the new key.
    Changed,
    /// It has not, and this is why it will not.
    Refused(String),
}

impl Worker {
    /// The chore of a rollover.
    pub(in crate::worker) async fn roll_key(
        &self,
        id: AccountId,
        version: KeyVersion,
    ) -> Result<(), Failure> {
        let store = &self.adapters.store;
        let account = match store.account(id).await {
            Ok(account) => account,
            Err(error) => return self.without_account(id, version, error).await,
        };
        if account.open_rollover().is_none_or(|r| r.version != version) {
            return Ok(());
        }
        let stored = match self.change_key(&account, version).await {
            Ok(Answer::Changed) => store.key_changed(id, version, self.now()).await,
            Ok(Answer::Refused(why)) => {
                tracing::error!(account_id = id.get(), error = why, "the account keeps its key");
                store.rollover_failed(id, version, &why, self.now()).await
            }
            Err(failure) => {
                self.note(&account, version, &failure).await;
                return Err(failure);
            }
        };
        self.accounts.evict(id).await;
        match stored {
            Ok(_) => Ok(()),
            Err(error) => self.without_account(id, version, error).await,
        }
    }

    async fn change_key(&self, account: &Account, version: KeyVersion) -> Result<Answer, Failure> {
        let fresh = keys::generate_account_key()?;
        let name = Account::key_name(account.id, version);
        let new_key = self.adapters.vault.put_if_absent(&name, fresh).await;
        let new_key = new_key?;
        // An earlier try may have come to the CA without its answer coming to us.
        if self.ca_has(account, &new_key).await? {
            return Ok(Answer::Changed);
        }
        if account.status != AccountStatus::Active {
            let why = format!("the account is {}", account.status.as_str());
            return Ok(Answer::Refused(why));
        }
        let signer = self.accounts.signer(account).await?;
        match self.adapters.ca.change_key(&signer, &new_key).await {
            Ok(()) => Ok(Answer::Changed),
            // Another worker may have done it since.
            Err(failure) if failure.class == Class::Permanent => {
                match self.ca_has(account, &new_key).await? {
                    true => Ok(Answer::Changed),
                    false => Ok(Answer::Refused(failure.bounded().problem.detail)),
                }
            }
            Err(failure) => Err(failure),
        }
    }

    /// Whether the CA has this key for the account.
    async fn ca_has(&self, account: &Account, key: &AccountKey) -> Result<bool, Failure> {
        let provider = self.accounts.provider(account.id).await?;
        let found = self
            .adapters
            .ca
            .find_account(&provider.directory_url, key)
            .await?;
        Ok(found.is_some() && found == account.registration_uri)
    }

    /// The chore that follows a rollover that failed, when no keyChange can be on its way any more. One that came to the
    /// CA after all, sent by a worker that was frozen, is written down: the account works again.
    pub(in crate::worker) async fn discard_key(
        &self,
        id: AccountId,
        version: KeyVersion,
    ) -> Result<(), Failure> {
        let (store, vault) = (&self.adapters.store, &self.adapters.vault);
        let account = match store.account(id).await {
            Ok(account) => account,
            Err(error) => return self.without_account(id, version, error).await,
        };
        if account.key_version == version {
            return Ok(());
        }
        let name = Account::key_name(id, version);
        let key = match vault.get(&name).await {
            Ok(key) => key,
            Err(VaultError::NotFound(_) | VaultError::PendingDeletion(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if account.key_version < version && self.ca_has(&account, &key).await? {
            tracing::warn!(account_id = id.get(), "the CA has the new key after all");
            let changed = store.key_changed(id, version, self.now()).await;
            self.accounts.evict(id).await;
            return changed.map(|_| ()).map_err(Into::into);
        }
        vault.delete(&name).await.map_err(Into::into)
    }

    /// An account that was deleted meanwhile needs no new key; one that came into the vault after the account's secrets
    /// were deleted would stay for ever.
    async fn without_account(
        &self,
        id: AccountId,
        version: KeyVersion,
        error: StoreError,
    ) -> Result<(), Failure> {
        let StoreError::NotFound { .. } = error else {
            return Err(error.into());
        };
        let name = Account::key_name(id, version);
        self.adapters.vault.delete(&name).await.map_err(Into::into)
    }

    /// Shows clients why it takes long. One write for each new reason.
    async fn note(&self, account: &Account, version: KeyVersion, failure: &Failure) {
        let why = &failure.bounded().problem.detail;
        let known = account.open_rollover().and_then(|r| r.last_error.as_ref());
        if known == Some(why) {
            return;
        }
        let Some(noted) = account.not_rolled(version, why, false, self.now()) else {
            return;
        };
        if let Err(error) = self.adapters.store.save_account(&noted).await {
            tracing::warn!(account_id = account.id.get(), %error, "the rollover's trouble was not stored");
        }
    }
}
