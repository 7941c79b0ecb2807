//! Accounts switched on and off, chosen, deleted.

use async_trait::async_trait;

use super::{
    DynamoStore, END, Item, Range, TABLE,
    accounts::{address, write},
    n, pad,
    request_items::open_list,
    s,
    write::{Condition, Refusal},
};
use crate::store::{
    AccountLifecycle, AccountStore, FallbackPolicy, StoreError, in_fallback, is_usable, may_be_default,
};
use certmint_core::{
    account::{Account, DefaultAccount},
    chore::Chore,
    issuance::RequestStatus,
    words::{AccountId, Email, ProviderId, Timestamp},
};

/// Tries against others that write the same account.
const TRIES: usize = 5;
const DEFAULTS: &str = "DEFAULT";

/// The list of an account's certificates that are not deleted.
pub(super) fn certificates_of(account: AccountId) -> String {
    format!("CERTIFICATE#A{account}")
}

fn missing(id: AccountId) -> StoreError {
    StoreError::NotFound {
        kind: "account",
        id: id.to_string(),
    }
}

fn changing(id: AccountId) -> StoreError {
    StoreError::Conflict {
        kind: "account",
        id: id.to_string(),
    }
}

impl DynamoStore {
    /// Refuses if something needs the account. Four sums.
    async fn needed_by(&self, id: AccountId) -> Result<(), StoreError> {
        let mut requests = 0;
        for status in [
            RequestStatus::Pending,
            RequestStatus::Running,
            RequestStatus::Failed,
        ] {
            requests += self.total(&open_list(id, status)).await?;
        }
        let certificates = self.total(&certificates_of(id)).await?;
        if requests + certificates == 0 {
            return Ok(());
        }
        Err(StoreError::WrongState {
            kind: "account",
            id: id.to_string(),
            state: format!(
                "needed by {requests} unfinished or failed requests and {certificates} certificates"
            ),
            needed: "none of them; cancel or delete them first",
        })
    }
}

#[async_trait]
impl AccountLifecycle for DynamoStore {
    /// One read and one conditional write; none if nothing changes.
    async fn switch_account(&self, id: AccountId, on: bool, now: Timestamp) -> Result<Account, StoreError> {
        self.change_account(id, |account| {
            let switched = account.switched(on, now);
            Ok((switched != *account).then_some((switched, None)))
        })
        .await
    }

    async fn default_accounts(&self) -> Result<Vec<DefaultAccount>, StoreError> {
        let range = Range {
            index: None,
            keys: TABLE,
            partition: DEFAULTS.into(),
            from: "0".into(),
            to: END.into(),
            forward: true,
        };
        let rows = self.range(&range, usize::MAX).await?;
        rows.iter()
            .map(|row| {
                Ok(DefaultAccount {
                    provider_id: ProviderId::new(row.number("provider_id")?),
                    account_id: AccountId::new(row.number("account_id")?),
                    updated_at: row.time("updated_at")?,
                })
            })
            .collect()
    }

    /// One read, one transaction of the choice and a check of the account.
    async fn set_default_account(
        &self,
        provider: ProviderId,
        id: AccountId,
        now: Timestamp,
    ) -> Result<DefaultAccount, StoreError> {
        let account = self.account(id).await?;
        may_be_default(&account, provider)?;
        let item = Item::from([
            ("pk".into(), s(DEFAULTS)),
            ("sk".into(), s(pad(provider.get()))),
            ("provider_id".into(), n(provider)),
            ("account_id".into(), n(id)),
            ("updated_at".into(), n(now.millis())),
        ]);
        let unchanged = Condition::new("version = :read").with(":read", n(account.version));
        let items = vec![
            self.put(item, Condition::default())?,
            self.check(&format!("ACCOUNT#{id}"), "META", unchanged)?,
        ];
        self.transact(items).await.map_err(|r| r.or(changing(id)))?;
        Ok(DefaultAccount {
            provider_id: provider,
            account_id: id,
            updated_at: now,
        })
    }

    async fn change_contact(
        &self,
        id: AccountId,
        email: &Email,
        now: Timestamp,
    ) -> Result<Account, StoreError> {
        for _ in 0..TRIES {
            let old = self.account(id).await?;
            is_usable(&old)?;
            let new = Account {
                email: email.clone(),
                updated_at: now,
                version: old.version + 1,
                ..old.clone()
            };
            let as_read = Condition::new("version = :read").with(":read", n(old.version));
            let chore = Chore::UpdateContact { id };
            let mut items = vec![
                self.put(write(&new), as_read)?,
                self.promise(&format!("contact-{id}"), &chore, now)?,
            ];
            if new.email != old.email {
                let lock = Item::from([
                    ("pk".into(), s(address(new.provider_id, email))),
                    ("sk".into(), s("META")),
                    ("id".into(), n(id)),
                ]);
                items.push(self.put(lock, Condition::absent())?);
                items.push(self.delete(&address(old.provider_id, &old.email), "META")?);
            }
            match self.transact(items).await {
                Ok(()) => return Ok(new),
                Err(Refusal::Condition(2)) => {
                    let id = format!("of provider {} with email {email}", old.provider_id);
                    return Err(StoreError::Exists { kind: "account", id });
                }
                Err(Refusal::Condition(_)) => {}
                Err(Refusal::Store(error)) => return Err(error),
            }
        }
        Err(changing(id))
    }

    /// Reads: the account, its provider's default, the default fallback, four sums. One transaction of about 45 small items.
    async fn delete_account(&self, id: AccountId, now: Timestamp) -> Result<Account, StoreError> {
        for _ in 0..TRIES {
            let account = self.account(id).await?;
            self.needed_by(id).await?;
            let fallback = self.fallback().await?;
            if fallback.accounts.contains(&id) {
                return Err(in_fallback(id));
            }
            let chosen = pad(account.provider_id.get());
            let chosen_one = self.get(DEFAULTS, &chosen).await?;
            let is_default = match &chosen_one {
                Some(row) => row.number("account_id")? == id.get(),
                None => false,
            };
            let read = Condition::new("version = :read").with(":read", n(account.version));
            let mut items = vec![
                self.delete_if(&format!("ACCOUNT#{id}"), "META", read)?,
                self.delete(&address(account.provider_id, &account.email), "META")?,
                match is_default {
                    true => self.delete(DEFAULTS, &chosen)?,
                    false => {
                        let other = Condition::new("attribute_not_exists(pk) OR account_id <> :id");
                        self.check(DEFAULTS, &chosen, other.with(":id", n(id)))?
                    }
                },
            ];
            items.push(self.same_fallback(&fallback)?);
            items.extend(self.close_list(&open_list(id, RequestStatus::Pending))?);
            for status in [RequestStatus::Running, RequestStatus::Failed] {
                items.extend(self.check_empty(&open_list(id, status))?);
            }
            items.extend(self.check_empty(&certificates_of(id))?);
            let names = account.secrets();
            items.push(self.promise(&format!("account-{id}"), &Chore::DeleteSecrets { names }, now)?);
            match self.transact(items).await {
                Ok(()) => return Ok(account),
                // It changed, or a request came: looked at anew, which says what it is.
                Err(Refusal::Condition(_)) => {}
                Err(Refusal::Store(error)) => return Err(error),
            }
            if matches!(self.account(id).await, Err(StoreError::NotFound { .. })) {
                return Err(missing(id));
            }
        }
        Err(changing(id))
    }
}
