//! Tells CAs an account's new address.

use std::sync::Arc;

use super::gone::unless_gone;
use crate::{acme::Ca, store::AccountStore, worker::accounts::Accounts};
use certmint_core::{
    account::Account,
    clock::Clock,
    words::{AccountId, Class, Failure},
};

/// The chore of a new address.
pub(in crate::worker) struct Contacts {
    pub(in crate::worker) store: Arc<dyn AccountStore>,
    pub(in crate::worker) ca: Arc<dyn Ca>,
    pub(in crate::worker) accounts: Arc<Accounts>,
    pub(in crate::worker) clock: Arc<dyn Clock>,
}

impl Contacts {
    /// Tells the CA until the address that was told is the one that stands: another call may change it meanwhile, and
    /// another worker tell it.
    pub(super) async fn update(&self, id: AccountId) -> Result<(), Failure> {
        let mut told = None;
        loop {
            let account = match self.store.account(id).await {
                Ok(account) => account,
                Err(error) => return unless_gone(error),
            };
            // An address is changed, never taken away: without one there is nothing to tell.
            let Some(email) = account.email.clone().filter(|email| told.as_ref() != Some(email)) else {
                return Ok(());
            };
            let answer = match self.accounts.get(id).await {
                Ok(session) => {
                    let answer = self.ca.update_contact(&session, &email).await;
                    self.accounts.unless_forgotten(&session, answer).await
                }
                Err(failure) => Err(failure),
            };
            match answer {
                Ok(()) => told = Some(email),
                Err(failure) if failure.class == Class::Permanent => {
                    let why = &failure.problem.detail;
                    tracing::error!(
                        account_id = id.get(),
                        error = why,
                        "the CA refuses the account's address"
                    );
                    let noted = Account {
                        last_error: Some(format!("the CA refuses the address {email}: {why}")),
                        updated_at: self.clock.now(),
                        ..account
                    };
                    // Changed meanwhile: looked at anew by the next try.
                    return self
                        .store
                        .save_account(&noted)
                        .await
                        .map(|_| ())
                        .map_err(Into::into);
                }
                Err(failure) => return Err(failure),
            }
        }
    }
}
