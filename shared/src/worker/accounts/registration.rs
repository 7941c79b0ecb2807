//! Registers an account with its CA.

use std::sync::Arc;

use crate::{
    acme::{AccountKey, Ca, Eab},
    store::{AccountStore, StoreError},
    vault::KeyVault,
};
use certmint_core::{
    account::{Account, AccountStatus, eab_refusal},
    acme::CHECK_ACCOUNT,
    clock::Clock,
    provider::Provider,
    words::{Class, Failure},
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
        let refused_binding = match &mut answer {
            Err(failure) if eab.is_some() && eab_refusal::means_the_binding(failure) => {
                let said = without_account(&failure.problem.detail);
                failure.problem.detail = eab_refusal::explained(said, account.eab_expires_at, now);
                true
            }
            _ => false,
        };
        let changed = match &answer {
            Ok(uri) => Account {
                status: AccountStatus::Active,
                registration_uri: Some(uri.clone()),
                last_error: None,
                eab_rejected: false,
                updated_at: now,
                ..account.clone()
            },
            Err(failure) if failure.class == Class::Permanent => Account {
                status: AccountStatus::Failed,
                last_error: Some(failure.problem.detail.clone()),
                eab_rejected: refused_binding,
                updated_at: now,
                ..account.clone()
            },
            Err(_) => return answer.map(Some),
        };
        match self.store.save_account(&changed).await {
            Ok(_) => answer.map(Some),
            Err(StoreError::Conflict { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn binding(&self, account: &Account) -> Result<Option<Eab>, Failure> {
        let (Some(kid), Some(name)) = (&account.eab_kid, &account.eab_key_ref) else {
            return Ok(None);
        };
        let hmac_key = self.vault.get(name).await?;
        let kid = kid.clone();
        Ok(Some(Eab { kid, hmac_key }))
    }
}

/// There is no account yet that could be checked.
fn without_account(detail: &str) -> &str {
    let said = detail.strip_suffix(CHECK_ACCOUNT);
    said.map_or(detail, |said| said.trim_end_matches("; "))
}
