//! An account's key and its binding, replaced. The worker's writes pass the gate, calls of clients do not.

use async_trait::async_trait;
use certmint_core::{
    account::{Account, EabBinding, KeyVersion},
    words::{AccountId, Timestamp},
};
use certmint_shared::store::{
    AccountKeys, StoreError,
    account_keys::{NewChore, discard, forget_eab, forget_key, may_be_bound, may_be_rolled, roll},
};

use super::{super::op::Op, MemoryStore, not_found};

impl MemoryStore {
    fn change_account(
        &self,
        id: AccountId,
        change: impl Fn(&Account) -> Result<Option<(Account, Option<NewChore>)>, StoreError>,
    ) -> Result<Account, StoreError> {
        let mut tables = self.tables();
        let read = tables.accounts.get(&id.get()).cloned();
        let read = read.ok_or_else(|| not_found("account", id))?;
        let Some((changed, chore)) = change(&read)? else {
            return Ok(read);
        };
        let changed = Account {
            version: read.version + 1,
            ..changed
        };
        if let Some(secret) = changed
            .eab_key_ref
            .as_ref()
            .filter(|_| changed.eab_key_ref != read.eab_key_ref)
        {
            tables.claim_secret(secret)?;
        }
        tables.accounts.insert(id.get(), changed.clone());
        if let Some((name, chore, due)) = chore {
            tables.enqueue(name, chore, due);
        }
        Ok(changed)
    }
}

#[async_trait]
impl AccountKeys for MemoryStore {
    async fn begin_rollover(&self, id: AccountId, now: Timestamp) -> Result<Account, StoreError> {
        self.change_account(id, |account| {
            may_be_rolled(account)?;
            let rolling = account.rolling(now);
            let chore = rolling.rollover.as_ref().map(|r| roll(id, r.version, now));
            Ok(Some((rolling, chore)))
        })
    }

    async fn key_changed(
        &self,
        id: AccountId,
        version: KeyVersion,
        now: Timestamp,
    ) -> Result<Account, StoreError> {
        self.gate
            .call(Op::SaveAccount, || {
                self.change_account(id, |account| {
                    let rolled = account.rolled(version, now);
                    Ok(rolled.map(|rolled| (rolled, Some(forget_key(account, now)))))
                })
            })
            .await
    }

    async fn rollover_failed(
        &self,
        id: AccountId,
        version: KeyVersion,
        why: &str,
        now: Timestamp,
    ) -> Result<Account, StoreError> {
        self.gate
            .call(Op::SaveAccount, || {
                self.change_account(id, |account| {
                    let failed = account.not_rolled(version, why, true, now);
                    Ok(failed.map(|failed| (failed, Some(discard(id, version, now)))))
                })
            })
            .await
    }

    async fn replace_eab(
        &self,
        id: AccountId,
        eab: &EabBinding,
        now: Timestamp,
    ) -> Result<Account, StoreError> {
        self.change_account(id, |account| {
            may_be_bound(account)?;
            Ok(Some((account.bound(eab, now), forget_eab(account, now))))
        })
    }
}
