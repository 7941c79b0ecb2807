//! Accounts as signed calls need them: registered on first use, once a pass.

mod registration;

use std::{collections::HashMap, sync::Arc};

use tokio::sync::Mutex;

pub(super) use self::registration::Registrar;
use super::health::Health;
use crate::{
    acme::{AccountKey, CaAccount},
    store::{AccountStore, StoreError},
    vault::{KeyVault, VaultError},
};
use certmint_core::{
    account::{Account, AccountStatus},
    clock::Clock,
    provider::{Provider, Providers},
    words::{AccountId, Cause, Class, Failure, Problem, ProviderId, Stage},
    x509::keys,
};

type Slot = Arc<Mutex<Option<Result<CaAccount, Failure>>>>;

/// Tries against others that change the account meanwhile.
const TRIES: usize = 3;

/// Hands out accounts; a hundred requests of one account register it once.
pub(in crate::worker) struct Accounts {
    store: Arc<dyn AccountStore>,
    vault: Arc<dyn KeyVault>,
    registrar: Registrar,
    health: Arc<Health>,
    providers: Providers,
    clock: Arc<dyn Clock>,
    slots: Mutex<HashMap<AccountId, Slot>>,
    /// An account never changes its CA.
    cas: Mutex<HashMap<AccountId, ProviderId>>,
}

impl Accounts {
    pub(in crate::worker) fn new(
        store: Arc<dyn AccountStore>,
        vault: Arc<dyn KeyVault>,
        registrar: Registrar,
        health: Arc<Health>,
        providers: Providers,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            vault,
            registrar,
            health,
            providers,
            clock,
            slots: Mutex::default(),
            cas: Mutex::default(),
        }
    }

    /// What earlier passes learned is read anew: an operator may have changed an account.
    pub(in crate::worker) async fn evict_all(&self) {
        self.slots.lock().await.clear();
    }

    /// The same for one account: its key was changed.
    pub(in crate::worker) async fn evict(&self, id: AccountId) {
        self.slots.lock().await.remove(&id);
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
        if let Some((_, reason)) = self.health.hold(provider, self.clock.now()).await {
            return Err(Failure::new(
                Class::Transient,
                Stage::Request,
                Cause::DirectoryUnreachable,
                reason,
            ));
        }
        let began = self.clock.now();
        let fresh = self.load(id).await;
        if let Err(failure) = &fresh
            && failure.problem.cause == Cause::AccountKey
        {
            self.note_lost_key(id, failure).await;
        }
        // Noted while the others still wait for this slot: they find the note, not the CA.
        if let Err(failure) = &fresh {
            let now = self.clock.now();
            self.health.failed(provider, failure, now.since(began), now).await;
        }
        // A transient failure is asked again by the next request: another call may succeed, and a right be given back.
        if !matches!(&fresh, Err(f) if matches!(f.class, Class::Transient | Class::Denied)) {
            *slot = Some(fresh.clone());
        }
        fresh
    }

    /// The CA of an account. One read of an account that this worker has not met.
    pub(in crate::worker) async fn provider(&self, id: AccountId) -> Result<&Provider, Failure> {
        let known = self.cas.lock().await.get(&id).copied();
        let provider = match known {
            Some(provider) => provider,
            None => {
                let account = self.read(id).await?;
                self.cas.lock().await.insert(id, account.provider_id);
                account.provider_id
            }
        };
        self.configured(id, provider)
    }

    async fn read(&self, id: AccountId) -> Result<Account, Failure> {
        match self.store.account(id).await {
            Ok(account) => Ok(account),
            Err(StoreError::NotFound { .. }) => Err(unusable(&format!("account {id} was deleted"))),
            Err(error) => Err(error.into()),
        }
    }

    fn configured(&self, id: AccountId, provider: ProviderId) -> Result<&Provider, Failure> {
        self.providers.by_id(provider).ok_or_else(|| {
            let why = format!("provider {provider} of account {id} is no longer configured");
            unusable(&why)
        })
    }

    /// The CA turned the account away: it becomes failed with the cause, and its other requests end with that
    /// reason instead of asking. Two workers that find out at once write the same. Of one that is not registered
    /// the registration has said so already, or it has another binding since.
    pub(in crate::worker) async fn mark_account_failed(&self, id: AccountId, failure: &Failure) {
        let why = &failure.problem.detail;
        tracing::error!(
            account_id = id.get(),
            error = why,
            alarm = "account",
            "the CA rejects the account"
        );
        let slot = self.slots.lock().await.entry(id).or_default().clone();
        let saved = match self.store.account(id).await {
            Ok(account) => {
                let known = (account.status != AccountStatus::Pending)
                    .then(|| Err(in_state(id, AccountStatus::Failed, why)));
                *slot.lock().await = known;
                self.fail(account, failure).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = saved {
            // The next request of the account that asks the CA finds out again.
            tracing::warn!(account_id = id.get(), %error, "the account's failure was not stored");
        }
    }

    async fn fail(&self, account: Account, failure: &Failure) -> Result<(), StoreError> {
        if account.status != AccountStatus::Active {
            return Ok(());
        }
        let Problem { cause, detail, .. } = &failure.problem;
        let failed = account.failed(cause.clone(), detail, self.clock.now());
        self.store.save_account(&failed).await.map(|_| ())
    }

    /// The vault has no key for an account that its CA knows: it becomes failed, and an operator decides.
    async fn note_lost_key(&self, id: AccountId, failure: &Failure) {
        tracing::error!(
            account_id = id.get(),
            error = failure.problem.detail,
            alarm = "account",
            "the account's key is gone"
        );
        let saved = match self.store.account(id).await {
            Ok(account) => self.fail(account, failure).await,
            Err(error) => Err(error),
        };
        if let Err(error) = saved {
            tracing::warn!(account_id = id.get(), %error, "the account's failure was not stored");
        }
    }

    /// The CA knows the account no more, be it that it lost its database: it is registered anew, with its key, when it is
    /// asked for next. Only the account that was used: others may have registered it anew since.
    pub(in crate::worker) async fn forget(&self, used: &CaAccount) -> Result<(), Failure> {
        self.evict(used.id).await;
        let account = self.store.account(used.id).await?;
        let is_same = account.registration_uri.as_ref() == Some(&used.registration_uri);
        if account.status != AccountStatus::Active || !is_same {
            return Ok(());
        }
        tracing::warn!(
            account_id = used.id.get(),
            "the CA does not know the account any more; it is registered anew"
        );
        let forgotten = account.forgotten(self.clock.now());
        match self.store.save_account(&forgotten).await {
            Ok(_) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// What a chore was answered: where the CA [forgot](Self::forget) the account, another try may succeed.
    pub(in crate::worker) async fn unless_forgotten<T>(
        &self,
        used: &CaAccount,
        answer: Result<T, Failure>,
    ) -> Result<T, Failure> {
        match self.confirm_refusal(used, answer).await {
            Err(failure) if failure.is_unknown_account() => {
                self.forget(used).await?;
                Err(Failure {
                    class: Class::Transient,
                    ..failure
                })
            }
            answer => answer,
        }
    }

    /// A refusal may only mean that the account's key was changed under this call. That is asked of the store before the
    /// refusal counts (one read, of failures only): then it is transient, and the next call reads the account anew.
    pub(in crate::worker) async fn confirm_refusal<T>(
        &self,
        used: &CaAccount,
        answer: Result<T, Failure>,
    ) -> Result<T, Failure> {
        let failure = match answer {
            Err(failure) if failure.may_mean_the_key() => failure,
            answer => return answer,
        };
        match self.store.account(used.id).await {
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

    async fn load(&self, id: AccountId) -> Result<CaAccount, Failure> {
        for _ in 0..TRIES {
            let account = self.read(id).await?;
            match self.load_as(&account).await {
                Ok(Some(loaded)) => return Ok(loaded),
                Ok(None) => {}
                // A secret that another worker deleted since: the account names another one by now.
                Err(failure) if matches!(failure.problem.cause, Cause::Vault | Cause::AccountKey) => {
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
        if account.status == AccountStatus::Active && account.registration_uri.is_some() {
            return self.signer(account).await.map(Some);
        }
        let provider = self.configured(id, account.provider_id)?;
        // The key is in the vault before the CA sees it: a repeat registers the same account again.
        let new_key = keys::generate_account_key()?;
        let name = Account::key_name(id, account.key_version);
        let key = self.vault.put_if_absent(&name, new_key).await?;
        let uri = self.registrar.register(account, provider, &key).await?;
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
        match self.vault.get(&name).await {
            Ok(key) => Ok(signer(account, provider, uri, key)),
            Err(VaultError::NotFound(_)) => {
                let advice = Cause::AccountKey.advice().words();
                let text = format!(
                    "the key of account {} is gone from the vault ({name}): {advice}",
                    account.id
                );
                Err(Failure::new(
                    Class::Permanent,
                    Stage::Request,
                    Cause::AccountKey,
                    text,
                ))
            }
            Err(error) => Err(error.into()),
        }
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
