//! Accounts as signed calls need them: registered on first use, once a pass.

mod registration;

use std::{collections::HashMap, sync::Arc};

use tokio::sync::Mutex;

use super::{Adapters, health::Health};
use crate::{
    ca::{AccountKey, CaAccount},
    store::StoreError,
};
use certmint_core::{
    account::{Account, AccountStatus},
    provider::Provider,
    words::{AccountId, Cause, Class, Failure, ProviderId, Stage},
    x509::keys,
};

type Slot = Arc<Mutex<Option<Result<CaAccount, Failure>>>>;

/// Tries against others that change the account meanwhile.
const TRIES: usize = 3;

/// Hands out accounts; a hundred requests of one account register it once.
pub(in crate::worker) struct Accounts {
    adapters: Adapters,
    health: Arc<Health>,
    slots: Mutex<HashMap<AccountId, Slot>>,
    /// An account never changes its CA.
    providers: Mutex<HashMap<AccountId, ProviderId>>,
}

impl Accounts {
    pub(in crate::worker) fn new(adapters: Adapters, health: Arc<Health>) -> Self {
        Self {
            adapters,
            health,
            slots: Mutex::default(),
            providers: Mutex::default(),
        }
    }

    /// Forgets what earlier passes learned: an operator may have changed an account.
    pub(in crate::worker) async fn forget(&self) {
        self.slots.lock().await.clear();
    }

    /// The account, registered with its CA.
    pub(in crate::worker) async fn get(&self, id: AccountId) -> Result<CaAccount, Failure> {
        let slot = self.slots.lock().await.entry(id).or_default().clone();
        let mut slot = slot.lock().await;
        if let Some(known) = &*slot {
            return known.clone();
        }
        // Others may have waited for a first one that found nobody.
        let provider = self.provider(id).await?;
        if let Some((_, reason)) = self.health.hold(provider, self.adapters.clock.now()).await {
            return Err(Failure::new(
                Class::Transient,
                Stage::Request,
                Cause::DirectoryUnreachable,
                reason,
            ));
        }
        let fresh = self.load(id).await;
        // Noted while the others still wait for this slot: they find the note, not the CA.
        if let Err(failure) = &fresh
            && failure.is_outage()
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
    pub(in crate::worker) async fn provider(&self, id: AccountId) -> Result<&Provider, Failure> {
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
            Err(error) => Err(error.into()),
        }
    }

    fn configured(&self, id: AccountId, provider: ProviderId) -> Result<&Provider, Failure> {
        self.adapters.providers.by_id(provider).ok_or_else(|| {
            let why = format!("provider {provider} of account {id} is no longer configured");
            unusable(&why)
        })
    }

    /// The CA turned the account away: it becomes failed with the cause, and its other requests end with that
    /// reason instead of asking. Two workers that find out at once write the same. One that is not registered has been
    /// judged by its registration, or has another binding since.
    pub(in crate::worker) async fn condemn(&self, id: AccountId, failure: &Failure) {
        let why = &failure.problem.detail;
        tracing::error!(
            account_id = id.get(),
            error = why,
            alarm = "account",
            "the CA rejects the account"
        );
        let slot = self.slots.lock().await.entry(id).or_default().clone();
        let saved = match self.adapters.store.account(id).await {
            Ok(account) => {
                let known = (account.status != AccountStatus::Pending)
                    .then(|| Err(in_state(id, AccountStatus::Failed, why)));
                *slot.lock().await = known;
                self.fail(account, why).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = saved {
            // The next request of the account that asks the CA finds out again.
            tracing::warn!(account_id = id.get(), %error, "the account's failure was not stored");
        }
    }

    async fn fail(&self, account: Account, why: &str) -> Result<(), StoreError> {
        if account.status != AccountStatus::Active {
            return Ok(());
        }
        let failed = Account {
            status: AccountStatus::Failed,
            last_error: Some(why.to_owned()),
            updated_at: self.adapters.clock.now(),
            ..account
        };
        self.adapters.store.save_account(&failed).await.map(|_| ())
    }

    /// A refusal may only mean that the account's key was changed under this call. That is asked of the store before the
    /// refusal counts (one read, of failures only): then it is transient, and the next call reads the account anew.
    pub(in crate::worker) async fn judge<T>(
        &self,
        used: &CaAccount,
        answer: Result<T, Failure>,
    ) -> Result<T, Failure> {
        let failure = match answer {
            Err(failure) if failure.may_mean_the_key() => failure,
            answer => return answer,
        };
        match self.adapters.store.account(used.id).await {
            Ok(now) if now.key_version == used.key_version && now.open_rollover().is_none() => Err(failure),
            Err(StoreError::NotFound { .. }) => Err(failure),
            Ok(_) => {
                self.evict(used.id).await;
                tracing::info!(
                    account_id = used.id.get(),
                    "refused while the account's key is changed"
                );
                Err(Failure {
                    class: Class::Transient,
                    ..failure
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets one account: its key was changed.
    pub(in crate::worker) async fn evict(&self, id: AccountId) {
        self.slots.lock().await.remove(&id);
    }

    async fn load(&self, id: AccountId) -> Result<CaAccount, Failure> {
        for _ in 0..TRIES {
            let account = self.read(id).await?;
            match self.load_as(&account).await {
                Ok(Some(loaded)) => return Ok(loaded),
                Ok(None) => {}
                // A secret that another worker deleted since: the account names another one by now.
                Err(failure) if failure.problem.cause == Cause::Vault => {
                    let now = self.read(id).await?;
                    if now.version == account.version {
                        return Err(failure);
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
        let text = format!("account {id} changes again and again");
        Err(Failure::new(
            Class::Transient,
            Stage::Request,
            Cause::Account,
            text,
        ))
    }

    /// `None`: it changed meanwhile.
    async fn load_as(&self, account: &Account) -> Result<Option<CaAccount>, Failure> {
        let id = account.id;
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
        if account.registration_uri.is_some() {
            return self.signer(account).await.map(Some);
        }
        let provider = self.configured(id, account.provider_id)?;
        // The key is in the vault before the CA sees it: a repeat registers the same account again.
        let new_key = keys::generate_account_key()?;
        let name = Account::key_name(id, account.key_version);
        let key = self.adapters.vault.put_if_absent(&name, new_key).await;
        let key = key?;
        let uri = registration::register(&self.adapters, account, provider, &key).await?;
        Ok(uri.map(|uri| signer(account, provider, uri, key)))
    }

    /// What a registered account signs with, whether it may be used or not.
    pub(in crate::worker) async fn signer(&self, account: &Account) -> Result<CaAccount, Failure> {
        let provider = self.configured(account.id, account.provider_id)?;
        let uri = account.registration_uri.clone().ok_or_else(|| {
            let text = format!("account {} is not registered with its CA", account.id);
            Failure::new(Class::Permanent, Stage::Request, Cause::Account, text)
        })?;
        // The CA knows the key: one that is gone is an error, never replaced by another.
        let name = Account::key_name(account.id, account.key_version);
        let key = self.adapters.vault.get(&name).await?;
        Ok(signer(account, provider, uri, key))
    }
}

fn signer(account: &Account, provider: &Provider, registration_uri: String, key: AccountKey) -> CaAccount {
    CaAccount {
        id: account.id,
        directory_url: provider.directory_url.clone(),
        preferred_chain: provider.preferred_chain.clone(),
        registration_uri,
        key,
        key_version: account.key_version,
    }
}

/// Why an account's requests end.
fn in_state(id: AccountId, status: AccountStatus, why: &str) -> Failure {
    unusable(&format!("account {id} is {}: {why}", status.as_str()))
}

fn unusable(why: &str) -> Failure {
    Failure::new(Class::Permanent, Stage::Request, Cause::Account, why)
}
