//! Work beside issuances: what calls promised.

mod key_rollover;
mod revocations;

use std::time::Duration;

use crate::store::StoreError;
use crate::worker::Worker;
use certmint_core::{
    account::Account,
    chore::{Chore, StoredChore},
    issuance::backoff,
    words::{AccountId, Class, Failure, Timestamp},
};

/// Chores in hand at once.
const BATCH: usize = 25;

impl Worker {
    /// Does what is due, until `stop_at`; says how many were done. Safe beside other workers: a chore is taken up by
    /// one, and each can be done twice.
    pub(in crate::worker) async fn chores(&self, stop_at: Timestamp, deadline: Timestamp) -> usize {
        let mut done = 0;
        while self.now() < stop_at {
            let due = match self.adapters.store.due_chores(self.now(), BATCH).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::warn!(%error, "chores not read");
                    break;
                }
            };
            let mut progress = 0;
            for chore in due {
                progress += usize::from(self.take_up(chore, deadline).await);
            }
            if progress == 0 {
                break;
            }
            done += progress;
        }
        done
    }

    /// Whether it was done.
    async fn take_up(&self, chore: StoredChore, deadline: Timestamp) -> bool {
        let store = &self.adapters.store;
        // Longer than this invocation lives, by any clock.
        let until = deadline.plus(self.settings.lease_margin + self.settings.skew);
        let taken = match store.take_chore(&chore, until).await {
            Ok(Some(taken)) => taken,
            Ok(None) => return false,
            Err(error) => {
                tracing::warn!(chore = chore.name, %error, "chore not taken");
                return false;
            }
        };
        match self.do_chore(&taken.chore).await {
            Ok(()) => {
                if let Err(error) = store.end_chore(&taken).await {
                    tracing::warn!(chore = taken.name, %error, "chore done, but not struck off; it is done again");
                }
                tracing::info!(chore = taken.name, "chore done");
                true
            }
            Err(failure) => {
                let error = &failure.problem.detail;
                tracing::warn!(chore = taken.name, tries = taken.tries, error, "chore failed");
                let seed = taken.name.bytes().map(u64::from).sum();
                let wait: Duration = backoff(taken.tries, seed);
                if let Err(error) = store.take_chore(&taken, self.now().plus(wait)).await {
                    tracing::warn!(chore = taken.name, %error, "chore not put off");
                }
                false
            }
        }
    }

    async fn do_chore(&self, chore: &Chore) -> Result<(), Failure> {
        match chore {
            Chore::DeleteSecrets { names } => {
                for name in names {
                    self.adapters.vault.delete(name).await?;
                }
                Ok(())
            }
            Chore::DeleteKeys { keys, names } => {
                let used = self.adapters.store.keys_in_use(names).await?;
                for name in keys.iter().filter(|name| !used.contains(name)) {
                    self.adapters.vault.delete(name).await?;
                }
                Ok(())
            }
            Chore::UpdateContact { id } => self.update_contact(*id).await,
            Chore::RollKey { id, version } => self.roll_key(*id, *version).await,
            Chore::DiscardKey { id, version } => self.discard_key(*id, *version).await,
            Chore::RevokeCertificate { id } => self.revoke(*id).await,
            Chore::ExpireCertificate { id } => {
                let moved = self.adapters.store.expire_certificate(*id, self.now()).await;
                moved.map(|_| ()).or_else(unless_gone)
            }
            Chore::RemoveCertificate { id } => {
                let removed = self.adapters.store.remove_certificate(*id, self.now()).await;
                removed.map_err(Into::into)
            }
        }
    }

    /// Tells the CA until the address that was told is the one that stands: another call may change it meanwhile, and
    /// another worker tell it.
    async fn update_contact(&self, id: AccountId) -> Result<(), Failure> {
        let store = &self.adapters.store;
        let mut told = None;
        loop {
            let account = match store.account(id).await {
                Ok(account) => account,
                Err(error) => return unless_gone(error),
            };
            if told.as_ref() == Some(&account.email) {
                return Ok(());
            }
            let answer = match self.accounts.get(id).await {
                Ok(session) => {
                    let answer = self.adapters.ca.update_contact(&session, &account.email).await;
                    self.accounts.judge(&session, answer).await
                }
                Err(failure) => Err(failure),
            };
            match answer {
                Ok(()) => told = Some(account.email),
                Err(failure) if failure.class == Class::Permanent => {
                    let why = &failure.problem.detail;
                    tracing::error!(
                        account_id = id.get(),
                        error = why,
                        "the CA refuses the account's address"
                    );
                    let noted = Account {
                        last_error: Some(format!("the CA refuses the address {}: {why}", account.email)),
                        updated_at: self.now(),
                        ..account
                    };
                    // Changed meanwhile: looked at anew by the next try.
                    return store.save_account(&noted).await.map(|_| ()).map_err(Into::into);
                }
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// What is gone needs nothing more.
pub(in crate::worker) fn unless_gone(error: StoreError) -> Result<(), Failure> {
    match error {
        StoreError::NotFound { .. } => Ok(()),
        error => Err(error.into()),
    }
}
