//! ACME accounts.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::TransactWriteItem;

use super::{
    DynamoStore, END, Item, LIST, Range, Row, n, pad, s,
    write::{Condition, Refusal},
};
use crate::store::{AccountFilter, AccountStore, Idempotency, StoreError};
use certmint_core::{
    account::{Account, KeyVersion, NewAccount},
    words::{AccountId, Email, Page, PageRequest, ProviderId, Timestamp},
};

/// How long an Idempotency-Key is remembered.
const REMEMBERED: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// Absent is the first one.
fn key_version(row: &Row) -> Result<KeyVersion, StoreError> {
    let number = row.opt_number("key_version")?.unwrap_or(1);
    let version = u32::try_from(number).ok().and_then(KeyVersion::new);
    version.ok_or_else(|| StoreError::Corrupt {
        kind: "account",
        id: row.opt_text("pk").unwrap_or_default().to_owned(),
        why: "key_version is out of range".into(),
    })
}

pub(super) fn read(row: &Row) -> Result<Account, StoreError> {
    Ok(Account {
        id: AccountId::new(row.number("id")?),
        provider_id: ProviderId::new(row.number("provider_id")?),
        email: row.word("email")?,
        eab_kid: row.opt_text("eab_kid").map(str::to_owned),
        eab_key_ref: row.opt_text("eab_key_ref").map(str::to_owned),
        eab_expires_at: row.opt_time("eab_expires_at")?,
        eab_rejected: row.opt_number("eab_rejected")?.is_some(),
        key_version: key_version(row)?,
        key_changed_at: row.opt_time("key_changed_at")?,
        rollover: match row.opt_text("rollover") {
            Some(_) => Some(row.json("rollover")?),
            None => None,
        },
        status: row.word("status")?,
        registration_uri: row.opt_text("registration_uri").map(str::to_owned),
        last_error: row.opt_text("last_error").map(str::to_owned),
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        version: row.number("version")?,
    })
}

pub(super) fn write(account: &Account) -> Item {
    let mut item = Item::from([
        ("pk".into(), s(format!("ACCOUNT#{}", account.id))),
        ("sk".into(), s("META")),
        ("list_pk".into(), s("ACCOUNT")),
        ("list_sk".into(), s(pad(account.id.get()))),
        ("id".into(), n(account.id)),
        ("provider_id".into(), n(account.provider_id)),
        ("email".into(), s(account.email.as_str())),
        ("status".into(), s(account.status.as_str())),
        ("created_at".into(), n(account.created_at.millis())),
        ("updated_at".into(), n(account.updated_at.millis())),
        ("version".into(), n(account.version)),
    ]);
    for (name, value) in [
        ("eab_kid", &account.eab_kid),
        ("eab_key_ref", &account.eab_key_ref),
        ("registration_uri", &account.registration_uri),
        ("last_error", &account.last_error),
    ] {
        if let Some(value) = value {
            item.insert(name.into(), s(value));
        }
    }
    for (name, value) in [
        ("eab_expires_at", account.eab_expires_at),
        ("key_changed_at", account.key_changed_at),
    ] {
        if let Some(value) = value {
            item.insert(name.into(), n(value.millis()));
        }
    }
    if account.eab_rejected {
        item.insert("eab_rejected".into(), n(1));
    }
    if account.key_version != KeyVersion::FIRST {
        item.insert("key_version".into(), n(account.key_version.get()));
    }
    if let Some(rollover) = &account.rollover {
        item.insert("rollover".into(), s(serde_json::json!(rollover).to_string()));
    }
    item
}

/// What an earlier call with the same key answered with.
pub(super) struct Replay {
    /// The record.
    pub(super) id: u64,
    /// Whether that call found the record instead of making it.
    pub(super) joined: bool,
}

impl DynamoStore {
    /// The record that an earlier call with this key made. One read.
    pub(super) async fn replay(&self, idempotency: &Idempotency) -> Result<Option<Replay>, StoreError> {
        match self
            .get(&format!("IDEMPOTENCY#{}", idempotency.key), "META")
            .await?
        {
            None => Ok(None),
            Some(row) if row.text("body_hash")? == idempotency.body_hash => Ok(Some(Replay {
                id: row.number("id")?,
                joined: row.opt_number("joined")?.is_some(),
            })),
            Some(_) => Err(StoreError::KeyReused),
        }
    }

    /// Remembers the key with the record, in the record's own transaction.
    pub(super) fn remember(
        &self,
        idempotency: &Idempotency,
        id: u64,
        joined: bool,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut item = Item::from([
            ("pk".into(), s(format!("IDEMPOTENCY#{}", idempotency.key))),
            ("sk".into(), s("META")),
            ("body_hash".into(), s(&idempotency.body_hash)),
            ("id".into(), n(id)),
            ("ttl".into(), n(now.plus(REMEMBERED).millis() / 1000)),
        ]);
        if joined {
            item.insert("joined".into(), n(1));
        }
        self.put(item, Condition::absent())
    }
}

/// The item that makes an address unique at a provider.
pub(super) fn address(provider: ProviderId, email: &Email) -> String {
    format!("UNIQUE#ACCOUNT#{provider}#{email}")
}

fn exists(new: &NewAccount) -> StoreError {
    let id = format!("of provider {} with email {}", new.provider_id, new.email);
    StoreError::Exists { kind: "account", id }
}

#[async_trait]
impl AccountStore for DynamoStore {
    /// Reads: 1 (2 with a key). Writes: the counter, then one transaction of account, uniqueness and key.
    async fn create_account(
        &self,
        new: NewAccount,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<Account, StoreError> {
        if let Some(key) = &idempotency
            && let Some(known) = self.replay(key).await?
        {
            return self.account(AccountId::new(known.id)).await;
        }
        // Asked first so that a refused call takes no id; the transaction decides.
        let unique = address(new.provider_id, &new.email);
        if self.get(&unique, "META").await?.is_some() {
            return Err(exists(&new));
        }
        let id = AccountId::new(self.next_id("ACCOUNT").await?);
        let account = Account::opened(id, new.clone(), now);
        let lock = Item::from([
            ("pk".into(), s(unique)),
            ("sk".into(), s("META")),
            ("id".into(), n(account.id)),
        ]);
        let mut items = vec![
            self.put(lock, Condition::absent())?,
            self.put(write(&account), Condition::absent())?,
        ];
        if let Some(key) = &idempotency {
            items.push(self.remember(key, account.id.get(), false, now)?);
        }
        match self.transact(items).await {
            Ok(()) => Ok(account),
            // The same call ran beside this one and won.
            Err(Refusal::Condition(_)) => match &idempotency {
                Some(key) => match self.replay(key).await? {
                    Some(known) => self.account(AccountId::new(known.id)).await,
                    None => Err(exists(&new)),
                },
                None => Err(exists(&new)),
            },
            Err(Refusal::Store(error)) => Err(error),
        }
    }

    async fn account(&self, id: AccountId) -> Result<Account, StoreError> {
        match self.get(&format!("ACCOUNT#{id}"), "META").await? {
            Some(row) => read(&row),
            None => Err(StoreError::NotFound {
                kind: "account",
                id: id.to_string(),
            }),
        }
    }

    /// Reads all accounts: a service has tens of them, and filters combine freely.
    async fn accounts(
        &self,
        filter: &AccountFilter,
        page: &PageRequest,
    ) -> Result<Page<Account>, StoreError> {
        let range = Range {
            index: Some("list"),
            keys: LIST,
            partition: "ACCOUNT".into(),
            from: "0".into(),
            to: END.into(),
            forward: true,
        };
        let rows = self.range(&range, usize::MAX).await?;
        let mut all = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        all.retain(|a| {
            filter.provider_id.is_none_or(|p| p == a.provider_id)
                && filter.status.is_none_or(|x| x == a.status)
                && filter.email.as_ref().is_none_or(|e| *e == a.email)
        });
        let total = all.len() as u64;
        let skip = (page.page.max(1) as usize - 1) * page.page_size as usize;
        let list: Vec<Account> = all.into_iter().skip(skip).take(page.page_size as usize).collect();
        Ok(Page {
            list,
            total,
            next_cursor: None,
        })
    }

    /// One conditional write (`version = :read`).
    async fn save_account(&self, account: &Account) -> Result<Account, StoreError> {
        let saved = Account {
            version: account.version + 1,
            ..account.clone()
        };
        let condition = Condition::new("version = :read").with(":read", n(account.version));
        let conflict = StoreError::Conflict {
            kind: "account",
            id: account.id.to_string(),
        };
        self.transact(vec![self.put(write(&saved), condition)?])
            .await
            .map_err(|r| r.or(conflict))?;
        Ok(saved)
    }
}
