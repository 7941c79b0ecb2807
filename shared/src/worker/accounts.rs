//! Accounts as signed calls need them: registered on first use, once a pass.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::Mutex;

use super::Adapters;
use crate::{
    ca::{CaAccount, Eab, keys},
    domain::{Account, AccountId, AccountStatus, Class, Failure, Provider, Stage},
    store::StoreError,
    vault::VaultError,
};

type Slot = Arc<Mutex<Option<Result<CaAccount, Failure>>>>;

/// Hands out accounts; a hundred requests of one account register it once.
pub(super) struct Accounts {
    adapters: Adapters,
    slots: Mutex<HashMap<AccountId, Slot>>,
}

impl Accounts {
    pub(super) fn new(adapters: Adapters) -> Self {
        Self {
            adapters,
            slots: Mutex::default(),
        }
    }

    /// Forgets what earlier passes learned: an operator may have changed an account.
    pub(super) async fn forget(&self) {
        self.slots.lock().await.clear();
    }

    /// The account, registered with its CA.
    pub(super) async fn get(&self, id: AccountId) -> Result<CaAccount, Failure> {
        let slot = self.slots.lock().await.entry(id).or_default().clone();
        let mut slot = slot.lock().await;
        if let Some(known) = &*slot {
            return known.clone();
        }
        let fresh = self.load(id).await;
        // A transient failure is asked again by the next request: another call may succeed.
        if !matches!(&fresh, Err(f) if f.class == Class::Transient) {
            *slot = Some(fresh.clone());
        }
        fresh
    }

    async fn load(&self, id: AccountId) -> Result<CaAccount, Failure> {
        let account = self.adapters.store.account(id).await.map_err(from_store)?;
        let Some(provider) = self.adapters.providers.by_id(account.provider_id) else {
            let why = format!(
                "provider {} of account {id} is no longer configured",
                account.provider_id
            );
            return Err(Failure::new(Class::Permanent, Stage::Request, "noProvider", why));
        };
        match account.status {
            AccountStatus::Active | AccountStatus::Pending => {}
            status => {
                let why = account
                    .last_error
                    .as_deref()
                    .unwrap_or("an operator switched it off");
                let text = format!("account {id} is {}: {why}", status.as_str());
                return Err(Failure::new(Class::Permanent, Stage::Request, "account", text));
            }
        }
        let name = format!("account-key/{id}");
        let vault = &self.adapters.vault;
        let (registration_uri, key) = match account.registration_uri.clone() {
            // The CA knows the key: one that is gone is an error, never replaced by another.
            Some(uri) => (uri, vault.get(&name).await.map_err(from_vault)?),
            None => {
                // The key is in the vault before the CA sees it: a repeat registers the same account again.
                let new_key = keys::generate_account_key()?;
                let key = vault.put_if_absent(&name, new_key).await.map_err(from_vault)?;
                (self.register(account, provider, &key).await?, key)
            }
        };
        Ok(CaAccount {
            id,
            directory_url: provider.directory_url.clone(),
            registration_uri,
            key,
        })
    }

    async fn register(
        &self,
        account: Account,
        provider: &Provider,
        key: &crate::ca::AccountKey,
    ) -> Result<String, Failure> {
        let eab = match (&account.eab_kid, &account.eab_key_ref) {
            (Some(kid), Some(name)) => {
                let hmac_key = self.adapters.vault.get(name).await.map_err(from_vault)?;
                Some(Eab {
                    kid: kid.clone(),
                    hmac_key,
                })
            }
            _ => None,
        };
        let answer = self
            .adapters
            .ca
            .register(&provider.directory_url, key, &account.email, eab.as_ref())
            .await;
        let changed = match &answer {
            Ok(uri) => Account {
                status: AccountStatus::Active,
                registration_uri: Some(uri.clone()),
                last_error: None,
                ..account
            },
            Err(failure) if failure.class == Class::Permanent => Account {
                status: AccountStatus::Failed,
                last_error: Some(failure.problem.detail.clone()),
                ..account
            },
            Err(_) => return answer,
        };
        let changed = Account {
            updated_at: self.adapters.clock.now(),
            ..changed
        };
        match self.adapters.store.save_account(&changed).await {
            // Another worker wrote it first; the CA gave both the same account for the same key.
            Ok(_) | Err(StoreError::Conflict { .. }) => answer,
            Err(error) => Err(from_store(error)),
        }
    }
}

/// A store error as the engine takes it.
pub(super) fn from_store(error: StoreError) -> Failure {
    Failure::new(error.class(), Stage::Request, "store", error.to_string())
}

/// A vault error as the engine takes it.
pub(super) fn from_vault(error: VaultError) -> Failure {
    Failure::new(error.class(), Stage::Request, "vault", error.to_string())
}
