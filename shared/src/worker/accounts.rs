//! Accounts as signed calls need them: registered on first use, once a pass.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::Mutex;

use super::{Adapters, health::Health};
use crate::{
    ca::{CaAccount, DIRECTORY_UNREACHABLE, Eab, keys},
    domain::{
        ACCOUNT_UNUSABLE, Account, AccountId, AccountStatus, Class, Failure, Provider, ProviderId, Stage,
    },
    store::StoreError,
    vault::VaultError,
};

type Slot = Arc<Mutex<Option<Result<CaAccount, Failure>>>>;

/// Hands out accounts; a hundred requests of one account register it once.
pub(super) struct Accounts {
    adapters: Adapters,
    health: Arc<Health>,
    slots: Mutex<HashMap<AccountId, Slot>>,
    /// An account never changes its CA.
    providers: Mutex<HashMap<AccountId, ProviderId>>,
}

impl Accounts {
    pub(super) fn new(adapters: Adapters, health: Arc<Health>) -> Self {
        Self {
            adapters,
            health,
            slots: Mutex::default(),
            providers: Mutex::default(),
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
        // Others may have waited for a first one that found nobody.
        let provider = self.provider(id).await?;
        if let Some((_, reason)) = self.health.hold(provider, self.adapters.clock.now()).await {
            let mut failure = Failure::new(Class::Transient, Stage::Request, "", reason);
            failure.problem.kind = DIRECTORY_UNREACHABLE.to_owned();
            return Err(failure);
        }
        let fresh = self.load(id).await;
        // Noted while the others still wait for this slot: they find the note, not the CA.
        if let Err(failure) = &fresh
            && failure.problem.kind == DIRECTORY_UNREACHABLE
        {
            let now = self.adapters.clock.now();
            self.health.away(provider, &failure.problem.detail, now).await;
        }
        // A transient failure is asked again by the next request: another call may succeed.
        if !matches!(&fresh, Err(f) if f.class == Class::Transient) {
            *slot = Some(fresh.clone());
        }
        fresh
    }

    /// The CA of an account. One read of an account that this worker has not met.
    pub(super) async fn provider(&self, id: AccountId) -> Result<&Provider, Failure> {
        let known = self.providers.lock().await.get(&id).copied();
        let provider = match known {
            Some(provider) => provider,
            None => {
                let account = self.read(id).await?;
                self.providers.lock().await.insert(id, account.provider_id);
                account.provider_id
            }
        };
        self.configured(id, provider)
    }

    async fn read(&self, id: AccountId) -> Result<Account, Failure> {
        match self.adapters.store.account(id).await {
            Ok(account) => Ok(account),
            Err(StoreError::NotFound { .. }) => Err(unusable(&format!("account {id} was deleted"))),
            Err(error) => Err(from_store(error)),
        }
    }

    fn configured(&self, id: AccountId, provider: ProviderId) -> Result<&Provider, Failure> {
        self.adapters.providers.by_id(provider).ok_or_else(|| {
            let why = format!("provider {provider} of account {id} is no longer configured");
            unusable(&why)
        })
    }

    /// The CA turned the account away: it becomes failed with the cause, and its other requests end with that
    /// reason instead of asking. Two workers that find out at once write the same.
    pub(super) async fn condemn(&self, id: AccountId, failure: &Failure) {
        let why = &failure.problem.detail;
        tracing::error!(
            account_id = id.get(),
            error = why,
            alarm = "account",
            "the CA rejects the account"
        );
        let slot = self.slots.lock().await.entry(id).or_default().clone();
        *slot.lock().await = Some(Err(in_state(id, AccountStatus::Failed, why)));
        let saved = match self.adapters.store.account(id).await {
            Ok(account) if matches!(account.status, AccountStatus::Active | AccountStatus::Pending) => {
                let failed = Account {
                    status: AccountStatus::Failed,
                    last_error: Some(why.clone()),
                    updated_at: self.adapters.clock.now(),
                    ..account
                };
                self.adapters.store.save_account(&failed).await.map(|_| ())
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = saved {
            // The next request of the account that asks the CA finds out again.
            tracing::warn!(account_id = id.get(), %error, "the account's failure was not stored");
        }
    }

    async fn load(&self, id: AccountId) -> Result<CaAccount, Failure> {
        let account = self.read(id).await?;
        let provider = self.configured(id, account.provider_id)?;
        match account.status {
            AccountStatus::Active | AccountStatus::Pending => {}
            status => {
                let why = account
                    .last_error
                    .as_deref()
                    .unwrap_or("an operator switched it off");
                return Err(in_state(id, status, why));
            }
        }
        let name = Account::key_name(id);
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
            preferred_chain: provider.preferred_chain.clone(),
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
            .await
            .map_err(|failure| match eab {
                Some(_) => with_eab_advice(failure),
                None => failure,
            });
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

/// Why an account's requests end.
fn in_state(id: AccountId, status: AccountStatus, why: &str) -> Failure {
    unusable(&format!("account {id} is {}: {why}", status.as_str()))
}

fn unusable(why: &str) -> Failure {
    let mut failure = Failure::new(Class::Permanent, Stage::Request, "", why);
    failure.problem.kind = ACCOUNT_UNUSABLE.to_owned();
    failure
}

/// A CA that refuses an account with a binding means the binding, in whatever words (RFC 8555 §7.3.4).
fn with_eab_advice(mut failure: Failure) -> Failure {
    if failure.class == Class::Permanent {
        let detail = &failure.problem.detail;
        failure.problem.detail = format!(
            "{detail}; eabKid and eabHmacKey may be wrong, used or expired: create the account with new ones"
        );
    }
    failure
}

/// A store error as the engine takes it.
pub(super) fn from_store(error: StoreError) -> Failure {
    Failure::new(error.class(), Stage::Request, "store", error.to_string())
}

/// A vault error as the engine takes it.
pub(super) fn from_vault(error: VaultError) -> Failure {
    Failure::new(error.class(), Stage::Request, "vault", error.to_string())
}
