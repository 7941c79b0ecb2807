//! Registers an account with its CA.

use std::sync::Arc;

use crate::{
    acme::{AccountKey, Ca, Eab},
    store::{AccountStore, StoreError},
    vault::{KeyVault, VaultError},
};
use certmint_core::{
    account::{Account, AccountStatus, eab_refusal},
    acme::said,
    clock::Clock,
    provider::Provider,
    words::{AcmeError, Cause, Class, Failure, Problem, Stage},
};

/// What a registration needs.
pub(in crate::worker) struct Registrar {
    pub(in crate::worker) store: Arc<dyn AccountStore>,
    pub(in crate::worker) vault: Arc<dyn KeyVault>,
    pub(in crate::worker) ca: Arc<dyn Ca>,
    pub(in crate::worker) clock: Arc<dyn Clock>,
}

impl Registrar {
    /// Returns the account URL once it is stored; `None` if the account changed meanwhile and is to be looked at anew:
    /// another worker registered it, or it has another binding, or even another key, of which the answer says nothing.
    pub(super) async fn register(
        &self,
        account: &Account,
        provider: &Provider,
        key: &AccountKey,
    ) -> Result<Option<String>, Failure> {
        let eab = self.binding(account).await?;
        let now = self.clock.now();
        let mut answer = self
            .ca
            .register(&provider.directory_url, key, account.email.as_ref(), eab.as_ref())
            .await;
        // The CA closed the account of this key, and that does not come back (RFC 8555 §7.3.6).
        let is_closed = |failure: &Failure| failure.problem.cause.acme() == Some(&AcmeError::Unauthorized);
        if account.registration_uri.is_some() && answer.as_ref().is_err_and(is_closed) {
            tracing::warn!(account_id = account.id.get(), "registered anew with another key");
            self.is_stored(&account.with_new_key(now)).await?;
            return Ok(None);
        }
        let refused_binding = match &mut answer {
            Err(failure) if eab.is_some() && eab_refusal::means_the_binding(failure) => {
                // There is no account yet that could be checked.
                let said = said(&failure.problem);
                failure.problem.detail = eab_refusal::explained(said, account.eab_expires_at, now);
                true
            }
            _ => false,
        };
        let changed = match &answer {
            Ok(uri) => Account {
                status: AccountStatus::Active,
                registration_uri: Some(uri.clone()),
                last_cause: None,
                last_error: None,
                eab_rejected: false,
                updated_at: now,
                ..account.clone()
            },
            Err(failure) if failure.class == Class::Permanent => {
                let Problem { cause, detail, .. } = &failure.problem;
                Account {
                    eab_rejected: refused_binding,
                    ..account.failed(cause.clone(), detail, now)
                }
            }
            Err(_) => return answer.map(Some),
        };
        match self.is_stored(&changed).await? {
            true => answer.map(Some),
            false => Ok(None),
        }
    }

    /// Writes the account down, unless it changed meanwhile.
    async fn is_stored(&self, changed: &Account) -> Result<bool, Failure> {
        match self.store.save_account(changed).await {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn binding(&self, account: &Account) -> Result<Option<Eab>, Failure> {
        let (Some(kid), Some(name)) = (&account.eab_kid, &account.eab_key_ref) else {
            return Ok(None);
        };
        let hmac_key = match self.vault.get(name).await {
            Err(VaultError::NotFound(_)) => {
                let required = Cause::Acme(AcmeError::ExternalAccountRequired);
                let text = format!(
                    "the HMAC key {name} is gone from the vault; {}",
                    required.advice().words()
                );
                return Err(Failure::new(Class::Permanent, Stage::Request, required, text));
            }
            found => found?,
        };
        let kid = kid.clone();
        Ok(Some(Eab { kid, hmac_key }))
    }
}
