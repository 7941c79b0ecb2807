//! An account's key and its binding, replaced: account and chore in one transaction.

use async_trait::async_trait;

use super::{
    DynamoStore,
    accounts::write,
    n,
    write::{Condition, Refusal},
};
use crate::store::{
    AccountKeys, AccountStore, StoreError,
    account_keys::{Promise, discard, forget_eab, forget_key, may_be_bound, may_be_rolled, roll},
};
use certmint_core::{
    account::{Account, EabBinding, KeyVersion},
    words::{AccountId, Timestamp},
};

/// Tries against others that write the same account.
const TRIES: usize = 5;

impl DynamoStore {
    /// Writes what `change` makes of the account, with its chore; nothing if it makes nothing of it.
    pub(super) async fn change_account(
        &self,
        id: AccountId,
        change: impl Fn(&Account) -> Result<Option<(Account, Option<Promise>)>, StoreError> + Send,
    ) -> Result<Account, StoreError> {
        for _ in 0..TRIES {
            let read = self.account(id).await?;
            let Some((changed, promise)) = change(&read)? else {
                return Ok(read);
            };
            let changed = Account {
                version: read.version + 1,
                ..changed
            };
            let as_read = Condition::new("version = :read").with(":read", n(read.version));
            let mut items = vec![self.put(write(&changed), as_read)?];
            if let Some((name, chore, due)) = &promise {
                items.push(self.promise(name, chore, *due)?);
            }
            match self.transact(items).await {
                Ok(()) => return Ok(changed),
                Err(Refusal::Condition(_)) => {}
                Err(Refusal::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::Conflict {
            kind: "account",
            id: id.to_string(),
        })
    }
}

#[async_trait]
impl AccountKeys for DynamoStore {
    async fn begin_rollover(&self, id: AccountId, now: Timestamp) -> Result<Account, StoreError> {
        self.change_account(id, |account| {
            may_be_rolled(account)?;
            let rolling = account.rolling(now);
            let promise = rolling.rollover.as_ref().map(|r| roll(id, r.version, now));
            Ok(Some((rolling, promise)))
        })
        .await
    }

    async fn key_changed(
        &self,
        id: AccountId,
        version: KeyVersion,
        now: Timestamp,
    ) -> Result<Account, StoreError> {
        self.change_account(id, |account| {
            let rolled = account.rolled(version, now);
            Ok(rolled.map(|rolled| (rolled, Some(forget_key(account, now)))))
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
        self.change_account(id, |account| {
            let failed = account.not_rolled(version, why, true, now);
            Ok(failed.map(|failed| (failed, Some(discard(id, version, now)))))
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
        .await
    }
}
