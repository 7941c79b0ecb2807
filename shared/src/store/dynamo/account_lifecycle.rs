//! Accounts switched on and off, chosen, deleted.

use async_trait::async_trait;
use futures::future::try_join_all;

use super::{
    accounts::{self, TRIES, address_item, address_taken, as_read, changing, missing, to_item},
    chores, counters,
    item::{Item, Row, Writer, n, readable},
    keys::{self, List},
    range::Range,
    store::DynamoStore,
    table::Table,
    tx::{Expression, Tx},
};
use crate::store::{
    AccountLifecycle, DefaultFallback, FallbackPolicy, StoreError, in_fallback, is_usable, may_be_default,
    moved,
};
use certmint_core::{
    account::{Account, DefaultAccount},
    chore::Chore,
    issuance::RequestStatus,
    words::{AccountId, Email, ProviderId, Timestamp},
};

/// What an account's deletion waits for.
const OPEN: [RequestStatus; 3] = [
    RequestStatus::Pending,
    RequestStatus::Running,
    RequestStatus::Failed,
];

fn default_from_item(row: &Row) -> Result<DefaultAccount, StoreError> {
    Ok(DefaultAccount {
        provider_id: ProviderId::new(row.number("provider_id")?),
        account_id: AccountId::new(row.number("account_id")?),
        updated_at: row.time("updated_at")?,
    })
}

fn default_to_item(default: &DefaultAccount) -> Result<Item, StoreError> {
    Writer::new(&keys::default_account(default.provider_id))
        .number("provider_id", default.provider_id)
        .number("account_id", default.account_id)
        .time("updated_at", default.updated_at)
        .finish()
}

fn fallback_from_item(row: &Row) -> Result<DefaultFallback, StoreError> {
    Ok(DefaultFallback {
        accounts: row.json("accounts")?,
        updated_at: Some(row.time("updated_at")?),
    })
}

fn fallback_to_item(accounts: &[AccountId], now: Timestamp) -> Result<Item, StoreError> {
    Writer::new(&keys::fallback())
        .json("accounts", &accounts)
        .time("updated_at", now)
        .finish()
}

/// Refuses if something needs the account. Two sums.
async fn needed_by(table: &Table, id: AccountId) -> Result<(), StoreError> {
    let open = OPEN.map(|status| List::requests_of(id, status));
    let open = counters::totals(table, &open).await?;
    let requests: u64 = open.into_iter().sum();
    let certificates = counters::total(table, &List::certificates_of(id)).await?;
    if requests + certificates == 0 {
        return Ok(());
    }
    Err(StoreError::WrongState {
        kind: "account",
        id: id.to_string(),
        state: format!("needed by {requests} unfinished or failed requests and {certificates} certificates"),
        needed: "none of them; cancel or delete them first",
    })
}

/// A choice of accounts that cannot be read may be of this one. It can be made anew all the same.
fn perhaps(id: AccountId, error: &StoreError, what: &str, needed: &'static str) -> StoreError {
    tracing::error!(%error, alarm = "quarantine", "a choice of accounts");
    StoreError::WrongState {
        kind: "account",
        id: id.to_string(),
        state: format!("perhaps {what}, which cannot be read"),
        needed,
    }
}

/// The deletion of an account as it was read, on condition that nothing needs it: about 21 small actions.
async fn deletion(table: &Table, account: &Account, now: Timestamp) -> Result<Tx<()>, StoreError> {
    let id = account.id;
    let mut tx = Tx::new();
    let fallback = table.get(&keys::fallback()).await?;
    let chosen = fallback.as_ref().map(fallback_from_item).transpose();
    let list = chosen.map_err(|error| {
        let what = "in the default list of accounts to go on with";
        perhaps(
            id,
            &error,
            what,
            "that list chosen anew with POST /api/v1/acme/accounts/fallback",
        )
    })?;
    if list.is_some_and(|list| list.accounts.contains(&id)) {
        return Err(in_fallback(id));
    }
    let same = fallback.map_or_else(Expression::absent, |row| {
        Expression::unchanged(&row, "updated_at")
    });
    tx.check(keys::fallback(), same, ());
    let chosen = keys::default_account(account.provider_id);
    let is_default = match table.get(&chosen).await? {
        Some(row) => {
            let default = default_from_item(&row).map_err(|error| {
                let needed = "that chosen anew with POST /api/v1/acme/accounts/set-default";
                perhaps(id, &error, "its provider's default", needed)
            })?;
            default.account_id == id
        }
        None => false,
    };
    if is_default {
        tx.delete(chosen);
    } else {
        let other = Expression::new("attribute_not_exists(pk) OR account_id <> :id");
        tx.check(chosen, other.with("id", n(id)), ());
    }
    tx.delete_if(keys::account(id), as_read(account), ());
    tx.delete(keys::address(account.provider_id, account.email.as_ref()));
    tx.count(&List::accounts(), id.get(), -1);
    let others = [RequestStatus::Running, RequestStatus::Failed].map(|status| List::requests_of(id, status));
    tx.close(&List::requests_of(id, RequestStatus::Pending), &others, || ());
    tx.check_empty(&List::certificates_of(id), || ());
    let names = account.secrets();
    chores::enqueue(
        &mut tx,
        &format!("account-{id}"),
        &Chore::DeleteSecrets { names },
        now,
    )?;
    Ok(tx)
}

#[async_trait]
impl AccountLifecycle for DynamoStore {
    /// One read and one conditional write; none if nothing changes.
    async fn switch_account(&self, id: AccountId, on: bool, now: Timestamp) -> Result<Account, StoreError> {
        accounts::change(self.table().await?, id, |account| {
            let switched = account.switched(on, now);
            Ok((switched != *account).then_some((switched, None)))
        })
        .await
    }

    async fn default_accounts(&self) -> Result<Vec<DefaultAccount>, StoreError> {
        let rows = self.table().await?.range(&Range::defaults()).await?;
        Ok(readable(&rows, default_from_item))
    }

    /// One read, one transaction of the choice and a check of the account.
    async fn set_default_account(
        &self,
        provider: ProviderId,
        id: AccountId,
        now: Timestamp,
    ) -> Result<DefaultAccount, StoreError> {
        let account = accounts::one(self.table().await?, id).await?;
        may_be_default(&account, provider)?;
        let chosen = DefaultAccount {
            provider_id: provider,
            account_id: id,
            updated_at: now,
        };
        let mut tx = Tx::new();
        tx.put(default_to_item(&chosen)?);
        tx.check(keys::account(id), as_read(&account), changing(id));
        tx.commit(self.table().await?).await??;
        Ok(chosen)
    }

    async fn change_contact(
        &self,
        id: AccountId,
        email: &Email,
        now: Timestamp,
    ) -> Result<Account, StoreError> {
        enum Lost {
            Changed,
            Taken,
        }
        for _ in 0..TRIES {
            let old = accounts::one(self.table().await?, id).await?;
            let new = moved(&old, email, now)?;
            let mut tx = Tx::new();
            tx.put_if(to_item(&new)?, as_read(&old), Lost::Changed);
            chores::enqueue(
                &mut tx,
                &format!("contact-{id}"),
                &Chore::UpdateContact { id },
                now,
            )?;
            let address = |account: &Account| keys::address(account.provider_id, account.email.as_ref());
            if address(&new) != address(&old) {
                tx.put_if(address_item(&new)?, Expression::absent(), Lost::Taken);
                tx.delete(address(&old));
            }
            match tx.commit(self.table().await?).await? {
                Ok(()) => return Ok(new),
                Err(Lost::Taken) => return Err(address_taken(old.provider_id, Some(email))),
                Err(Lost::Changed) => {}
            }
        }
        Err(changing(id))
    }

    /// Reads: the account, its provider's default, the default fallback, four sums. One transaction of about 37 small
    /// items.
    async fn delete_account(&self, id: AccountId, now: Timestamp) -> Result<Account, StoreError> {
        for _ in 0..TRIES {
            let account = accounts::one(self.table().await?, id).await?;
            needed_by(self.table().await?, id).await?;
            let tx = deletion(self.table().await?, &account, now).await?;
            if tx.commit(self.table().await?).await?.is_ok() {
                return Ok(account);
            }
            // It changed, or a request came: looked at anew, which says what it is.
            if matches!(
                accounts::one(self.table().await?, id).await,
                Err(StoreError::NotFound { .. })
            ) {
                return Err(missing(id));
            }
        }
        Err(changing(id))
    }
}

#[async_trait]
impl FallbackPolicy for DynamoStore {
    /// A list that cannot be read is none, with the alarm.
    async fn fallback(&self) -> Result<DefaultFallback, StoreError> {
        let row = self.table().await?.get(&keys::fallback()).await?;
        Ok(readable(&row, fallback_from_item).pop().unwrap_or_default())
    }

    async fn set_fallback(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<DefaultFallback, StoreError> {
        let table = self.table().await?;
        let read = try_join_all(accounts.iter().map(|id| accounts::one(table, *id))).await?;
        let mut tx = Tx::new();
        tx.put(fallback_to_item(accounts, now)?);
        for account in &read {
            is_usable(account)?;
            let changed = StoreError::Conflict {
                kind: "account",
                id: "of the list".into(),
            };
            tx.check(keys::account(account.id), as_read(account), changed);
        }
        tx.commit(self.table().await?).await??;
        Ok(DefaultFallback {
            accounts: accounts.to_vec(),
            updated_at: Some(now),
        })
    }
}
