//! ACME accounts.

use async_trait::async_trait;
use certmint_core::{
    account::{Account, NewAccount},
    words::{AccountId, Email, Page, PageRequest, ProviderId, Timestamp},
};
use certmint_shared::store::{AccountFilter, AccountStore, ContactFilter, Idempotency, StoreError, id_after};

use super::{super::op::Op, MemoryStore, Tables, cursor_after, not_found, page};

impl Tables {
    fn opened(
        &self,
        provider: ProviderId,
        email: Option<&Email>,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Account>, StoreError> {
        if let Some(id) = self.replay(idempotency)? {
            let known = self.accounts.get(&id).cloned();
            return known
                .map(Some)
                .ok_or_else(|| not_found("account", id).of_replay());
        }
        let same = ContactFilter::of(email);
        let taken = |a: &Account| a.provider_id == provider && same.is(a.email.as_ref().map(Email::as_str));
        match self.accounts.values().any(taken) {
            true => Err(StoreError::Exists {
                kind: "account",
                id: format!("{email:?}"),
            }),
            false => Ok(None),
        }
    }
}

#[async_trait]
impl AccountStore for MemoryStore {
    async fn opened_before(
        &self,
        provider: ProviderId,
        email: Option<&Email>,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Account>, StoreError> {
        self.tables().opened(provider, email, idempotency)
    }

    async fn create_account(
        &self,
        new: NewAccount,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<Account, StoreError> {
        let mut tables = self.tables();
        if let Some(known) = tables.opened(new.provider_id, new.email.as_ref(), idempotency.as_ref())? {
            return Ok(known);
        }
        if let Some(secret) = &new.eab_key_ref {
            tables.claim_secret(secret)?;
        }
        let id = tables.next_id("account");
        let account = Account::opened(AccountId::new(id), new, now);
        tables.accounts.insert(id, account.clone());
        tables.remember(idempotency, id);
        Ok(account)
    }

    async fn account(&self, id: AccountId) -> Result<Account, StoreError> {
        self.gate
            .call(Op::ReadAccount, || {
                let found = self.tables().accounts.get(&id.get()).cloned();
                found.ok_or_else(|| not_found("account", id))
            })
            .await
    }

    async fn accounts(
        &self,
        filter: &AccountFilter,
        request: &PageRequest,
    ) -> Result<Page<Account>, StoreError> {
        let tables = self.tables();
        let mut rows: Vec<Account> = tables
            .accounts
            .values()
            .filter(|a| {
                filter.provider_id.is_none_or(|p| p == a.provider_id)
                    && filter.status.is_none_or(|s| s == a.status)
                    && filter
                        .contact
                        .as_ref()
                        .is_none_or(|c| c.is(a.email.as_ref().map(Email::as_str)))
            })
            .cloned()
            .collect();
        let total = rows.len() as u64;
        let after = id_after(request)?.map_or(0, |(after, _)| after);
        rows.retain(|a| a.id.get() > after);
        let mut found = page(rows, request)?;
        found.total = total;
        found.next_cursor = cursor_after(&found, request, |a| a.id.to_string());
        Ok(found)
    }

    async fn save_account(&self, account: &Account) -> Result<Account, StoreError> {
        self.gate
            .call(Op::SaveAccount, || {
                let mut tables = self.tables();
                let stored = tables.accounts.get_mut(&account.id.get());
                let Some(stored) = stored.filter(|s| s.version == account.version) else {
                    return Err(StoreError::Conflict {
                        kind: "account",
                        id: account.id.to_string(),
                    });
                };
                *stored = Account {
                    version: account.version + 1,
                    ..account.clone()
                };
                Ok(stored.clone())
            })
            .await
    }
}
