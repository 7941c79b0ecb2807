//! What operators do with accounts, and chores. What clients call passes no gate.

use async_trait::async_trait;
use certmint_core::{
    account::{Account, DefaultAccount},
    challenge::TxtStatus,
    chore::{Chore, StoredChore, unclaimed, unclaimed_name},
    issuance::{Request, RequestStatus},
    words::{AccountId, Email, ProviderId, RequestId, Timestamp},
};
use certmint_shared::store::{
    AccountLifecycle, ChoreStore, ContactFilter, RequestLifecycle, SecretIntents, StoreError, cancelled,
    in_fallback, may_be_default, may_be_deleted, moved,
};

use super::{super::op::Op, MemoryStore, Tables, not_found};

impl Tables {
    pub(super) fn enqueue(&mut self, name: String, chore: Chore, due: Timestamp) {
        let stored = StoredChore {
            name: name.clone(),
            chore,
            tries: 0,
        };
        self.chores.insert(name, (due, stored));
    }
}

#[async_trait]
impl AccountLifecycle for MemoryStore {
    async fn switch_account(&self, id: AccountId, on: bool, now: Timestamp) -> Result<Account, StoreError> {
        let mut tables = self.tables();
        let account = tables.accounts.get_mut(&id.get());
        let account = account.ok_or_else(|| not_found("account", id))?;
        let switched = account.switched(on, now);
        if switched != *account {
            *account = Account {
                version: switched.version + 1,
                ..switched
            };
        }
        Ok(account.clone())
    }

    async fn default_accounts(&self) -> Result<Vec<DefaultAccount>, StoreError> {
        Ok(self.tables().defaults.values().cloned().collect())
    }

    async fn set_default_account(
        &self,
        provider: ProviderId,
        id: AccountId,
        now: Timestamp,
    ) -> Result<DefaultAccount, StoreError> {
        let mut tables = self.tables();
        let account = tables.accounts.get(&id.get());
        may_be_default(account.ok_or_else(|| not_found("account", id))?, provider)?;
        let chosen = DefaultAccount {
            provider_id: provider,
            account_id: id,
            updated_at: now,
        };
        tables.defaults.insert(provider.get(), chosen.clone());
        Ok(chosen)
    }

    async fn change_contact(
        &self,
        id: AccountId,
        email: &Email,
        now: Timestamp,
    ) -> Result<Account, StoreError> {
        let mut tables = self.tables();
        let old = tables.accounts.get(&id.get()).cloned();
        let old = old.ok_or_else(|| not_found("account", id))?;
        let new = moved(&old, email, now)?;
        let mut others = tables.accounts.values();
        let same = ContactFilter::of(Some(email));
        let is = |a: &Account| same.is(a.email.as_ref().map(Email::as_str));
        if others.any(|a| a.id != id && a.provider_id == old.provider_id && is(a)) {
            return Err(StoreError::Exists {
                kind: "account",
                id: email.to_string(),
            });
        }
        tables.accounts.insert(id.get(), new.clone());
        tables.enqueue(format!("contact-{id}"), Chore::UpdateContact { id }, now);
        Ok(new)
    }

    async fn delete_account(&self, id: AccountId, now: Timestamp) -> Result<Account, StoreError> {
        let mut tables = self.tables();
        let account = tables.accounts.get(&id.get()).cloned();
        let account = account.ok_or_else(|| not_found("account", id))?;
        let requests = tables.requests.values();
        let needing = requests.filter(|r| r.account_id == id && r.status != RequestStatus::Success);
        let requests = needing.count();
        let certificates = tables.certificates.values();
        let certificates = certificates
            .filter(|c| c.account_id == Some(id) && c.lifecycle.deleted_at.is_none())
            .count();
        if requests + certificates > 0 {
            return Err(StoreError::WrongState {
                kind: "account",
                id: id.to_string(),
                state: format!(
                    "needed by {requests} unfinished or failed requests and {certificates} certificates"
                ),
                needed: "none of them; cancel or delete them first",
            });
        }
        if tables.fallback.accounts.contains(&id) {
            return Err(in_fallback(id));
        }
        tables.accounts.remove(&id.get());
        tables.defaults.retain(|_, d| d.account_id != id);
        let names = account.secrets();
        tables.enqueue(format!("account-{id}"), Chore::DeleteSecrets { names }, now);
        Ok(account)
    }
}

#[async_trait]
impl RequestLifecycle for MemoryStore {
    async fn cancel_request(&self, id: RequestId, now: Timestamp) -> Result<Request, StoreError> {
        let mut tables = self.tables();
        let old = tables.requests.get(&id).ok_or_else(|| not_found("request", id))?;
        let ended = cancelled(old, now)?;
        tables.requests.insert(id, ended.clone());
        self.index_request(&mut tables, id);
        Ok(ended)
    }

    async fn delete_request(&self, id: RequestId, now: Timestamp) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let request = tables.requests.get(&id).ok_or_else(|| not_found("request", id))?;
        let values = tables.txt.values();
        let owed = values.filter(|r| r.owner_id == id && r.status != TxtStatus::Removed);
        may_be_deleted(request, owed.count())?;
        let (keys, names) = (request.key_names(), request.names.as_slice().to_vec());
        if !keys.is_empty() {
            tables.enqueue(format!("request-{id}"), Chore::DeleteKeys { keys, names }, now);
        }
        tables.requests.remove(&id);
        Ok(())
    }
}

#[async_trait]
impl SecretIntents for MemoryStore {
    async fn intend_secret(&self, secret: &str, now: Timestamp) -> Result<(), StoreError> {
        let (name, chore, due) = unclaimed(secret, now);
        self.tables().enqueue(name, chore, due);
        Ok(())
    }

    async fn drop_secret(&self, secret: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut tables = self.tables();
        let intent = tables.chores.get_mut(&unclaimed_name(secret));
        if let Some((due, _)) = intent.filter(|(_, chore)| chore.tries == 0) {
            *due = now;
        }
        Ok(())
    }
}

impl Tables {
    /// A record names a secret, so its deletion is taken back, unless it is under way.
    pub(super) fn claim_secret(&mut self, secret: &str) -> Result<(), StoreError> {
        let name = unclaimed_name(secret);
        if self.chores.get(&name).is_some_and(|(_, chore)| chore.tries > 0) {
            return Err(StoreError::Conflict {
                kind: "secret",
                id: secret.to_owned(),
            });
        }
        self.chores.remove(&name);
        Ok(())
    }
}

#[async_trait]
impl ChoreStore for MemoryStore {
    async fn due_chores(&self, now: Timestamp, limit: usize) -> Result<Vec<StoredChore>, StoreError> {
        self.gate
            .call(Op::DueChores, || {
                let tables = self.tables();
                let mut due: Vec<_> = tables.chores.values().filter(|(at, _)| *at <= now).collect();
                due.sort_by_key(|(at, _)| *at);
                Ok(due
                    .into_iter()
                    .map(|(_, chore)| chore.clone())
                    .take(limit)
                    .collect())
            })
            .await
    }

    async fn take_chore(
        &self,
        chore: &StoredChore,
        until: Timestamp,
    ) -> Result<Option<StoredChore>, StoreError> {
        self.gate
            .call(Op::TakeChore, || {
                let mut tables = self.tables();
                let Some((due, stored)) = tables.chores.get_mut(&chore.name) else {
                    return Ok(None);
                };
                if stored.tries != chore.tries {
                    return Ok(None);
                }
                (*due, stored.tries) = (until, stored.tries + 1);
                Ok(Some(stored.clone()))
            })
            .await
    }

    async fn end_chore(&self, chore: &StoredChore) -> Result<(), StoreError> {
        self.gate
            .call(Op::EndChore, || {
                let mut tables = self.tables();
                let stored = tables.chores.get(&chore.name);
                if stored.is_some_and(|(_, s)| s.tries == chore.tries) {
                    tables.chores.remove(&chore.name);
                }
                Ok(())
            })
            .await
    }
}
