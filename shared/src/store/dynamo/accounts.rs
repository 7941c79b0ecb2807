//! ACME accounts.

use async_trait::async_trait;

use super::{
    counters, cut,
    idempotency::{self, Replay},
    item::{Item, Row, Writer, n},
    keys::{self, List},
    lists::{self, Asked, Narrowed},
    range::Range,
    store::DynamoStore,
    table::Table,
    tx::{Expression, Tx},
};
use crate::store::{
    AccountFilter, AccountKeys, AccountStore, DEPTH, Idempotency, StoreError,
    account_keys::{NewChore, discard, forget_eab, forget_key, may_be_bound, may_be_rolled, roll},
    id_after, rows_before,
};
use certmint_core::{
    account::{Account, EabBinding, KeyVersion, NewAccount},
    words::{AccountId, Cause, Email, Page, PageRequest, ProviderId, Timestamp},
};

/// Tries against others that write the same account.
pub(super) const TRIES: usize = 5;

fn key_version(row: &Row) -> Result<KeyVersion, StoreError> {
    let version = KeyVersion::new(row.number("key_version")?);
    version.ok_or_else(|| row.corrupt("attribute key_version is no version"))
}

fn from_item(row: &Row) -> Result<Account, StoreError> {
    Ok(Account {
        id: AccountId::new(row.number("id")?),
        provider_id: ProviderId::new(row.number("provider_id")?),
        email: row.opt_word("email")?,
        eab_kid: row.opt_text("eab_kid").map(str::to_owned),
        eab_key_ref: row.opt_text("eab_key_ref").map(str::to_owned),
        eab_expires_at: row.opt_time("eab_expires_at")?,
        eab_rejected: row.flag("eab_rejected")?,
        key_version: key_version(row)?,
        key_changed_at: row.opt_time("key_changed_at")?,
        rollover: row.opt_json("rollover")?,
        status: row.word("status")?,
        registration_uri: row.opt_text("registration_uri").map(str::to_owned),
        last_cause: row.opt_text("last_cause").map(Cause::from),
        last_error: row.opt_text("last_error").map(str::to_owned),
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        version: row.number("version")?,
    })
}

pub(super) fn to_item(account: &Account) -> Result<Item, StoreError> {
    let item = Writer::new(&keys::account(account.id))
        .placed(keys::listed_by_id(&List::accounts(), account.id.get()))
        .number("id", account.id)
        .number("provider_id", account.provider_id)
        .opt_text("email", account.email.as_ref().map(Email::as_str))
        .opt_text("eab_kid", account.eab_kid.as_ref())
        .opt_text("eab_key_ref", account.eab_key_ref.as_ref())
        .opt_time("eab_expires_at", account.eab_expires_at)
        .flag("eab_rejected", account.eab_rejected)
        .number("key_version", account.key_version.get())
        .opt_time("key_changed_at", account.key_changed_at)
        .text("status", account.status.as_str())
        .opt_text("registration_uri", account.registration_uri.as_ref())
        .opt_text("last_cause", account.last_cause.as_ref().map(Cause::urn).as_ref())
        .opt_text("last_error", account.last_error.as_ref())
        .time("created_at", account.created_at)
        .time("updated_at", account.updated_at)
        .number("version", account.version);
    match &account.rollover {
        Some(rollover) => item.json("rollover", rollover),
        None => item,
    }
    .finish()
}

/// The item that makes an address unique at a provider.
pub(super) fn address_item(account: &Account) -> Result<Item, StoreError> {
    Writer::new(&keys::address(account.provider_id, account.email.as_ref()))
        .number("id", account.id)
        .finish()
}

/// That nobody wrote it since it was read.
pub(super) fn as_read(account: &Account) -> Expression {
    Expression::is("version", n(account.version))
}

pub(super) fn missing(id: AccountId) -> StoreError {
    StoreError::NotFound {
        kind: "account",
        id: id.to_string(),
    }
}

pub(super) fn changing(id: AccountId) -> StoreError {
    StoreError::Conflict {
        kind: "account",
        id: id.to_string(),
    }
}

pub(super) fn address_taken(provider: ProviderId, email: Option<&Email>) -> StoreError {
    let id = match email {
        Some(email) => format!("of provider {provider} with email {email}"),
        None => format!("of provider {provider} without email"),
    };
    StoreError::Exists { kind: "account", id }
}

/// One read.
pub(super) async fn one(table: &Table, id: AccountId) -> Result<Account, StoreError> {
    let row = table.get(&keys::account(id)).await?;
    from_item(&row.ok_or_else(|| missing(id))?)
}

/// The account of an earlier answer.
async fn replayed(table: &Table, known: &Replay) -> Result<Account, StoreError> {
    one(table, AccountId::new(known.id))
        .await
        .map_err(StoreError::of_replay)
}

/// What a change makes of an account: nothing, or the account and a chore.
pub(super) type Change = Option<(Account, Option<NewChore>)>;

/// Writes what `change` makes of the account, with its chore; nothing if it makes nothing of it. One read and one
/// transaction on condition that the account is as it was read; against another writer it is tried again.
pub(super) async fn change(
    table: &Table,
    id: AccountId,
    change: impl Fn(&Account) -> Result<Change, StoreError> + Send,
) -> Result<Account, StoreError> {
    for _ in 0..TRIES {
        let read = one(table, id).await?;
        let Some((changed, chore)) = change(&read)? else {
            return Ok(read);
        };
        let changed = Account {
            version: read.version + 1,
            ..changed
        };
        let mut tx = Tx::new();
        tx.put_if(to_item(&changed)?, as_read(&read), ());
        if let Some((name, chore, due)) = &chore {
            super::chores::enqueue(&mut tx, name, chore, *due)?;
        }
        if let Some(secret) = changed
            .eab_key_ref
            .as_ref()
            .filter(|_| changed.eab_key_ref != read.eab_key_ref)
        {
            super::chores::claim_secret(&mut tx, secret, ());
        }
        if tx.commit(table).await?.is_ok() {
            return Ok(changed);
        }
    }
    Err(changing(id))
}

/// Why an account was not opened.
enum Lost {
    /// The same call ran beside this one and won, or somebody else took the address.
    Taken,
    /// Its HMAC key is being deleted.
    Late,
}

#[async_trait]
impl AccountStore for DynamoStore {
    /// Reads: 1 (2 with a key). Writes: the counter, then one transaction of account, uniqueness, count and key.
    async fn create_account(
        &self,
        new: NewAccount,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<Account, StoreError> {
        let table = self.table().await?;
        // Asked first so that a refused call takes no id; the transaction decides.
        let before = self.opened_before(new.provider_id, new.email.as_ref(), idempotency.as_ref());
        if let Some(known) = before.await? {
            return Ok(known);
        }
        let exists = || address_taken(new.provider_id, new.email.as_ref());
        let id = AccountId::new(counters::next_id(table, "ACCOUNT").await?);
        let account = Account::opened(id, new.clone(), now);
        let mut tx = Tx::new();
        tx.put_if(address_item(&account)?, Expression::absent(), Lost::Taken);
        tx.put_if(to_item(&account)?, Expression::absent(), Lost::Taken);
        if let Some(secret) = &account.eab_key_ref {
            super::chores::claim_secret(&mut tx, secret, Lost::Late);
        }
        tx.count(&List::accounts(), id.get(), 1);
        if let Some(key) = &idempotency {
            let answer = Replay {
                id: id.get(),
                joined: false,
            };
            let item = idempotency::to_item(key, &answer, now)?;
            tx.put_if(item, Expression::absent(), Lost::Taken);
        }
        match tx.commit(table).await? {
            Ok(()) => return Ok(account),
            Err(Lost::Late) => return Err(changing(id)),
            Err(Lost::Taken) => {}
        }
        let known = match &idempotency {
            Some(key) => idempotency::replay(table, key).await?,
            None => None,
        };
        match known {
            Some(known) => replayed(table, &known).await,
            None => Err(exists()),
        }
    }

    async fn opened_before(
        &self,
        provider: ProviderId,
        email: Option<&Email>,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Account>, StoreError> {
        let table = self.table().await?;
        if let Some(key) = idempotency
            && let Some(known) = idempotency::replay(table, key).await?
        {
            return replayed(table, &known).await.map(Some);
        }
        match table.get(&keys::address(provider, email)).await? {
            Some(_) => Err(address_taken(provider, email)),
            None => Ok(None),
        }
    }

    async fn account(&self, id: AccountId) -> Result<Account, StoreError> {
        one(self.table().await?, id).await
    }

    /// The total, the rows up to the page, and a batch read of the page. Narrowed: at most 1,000 rows beyond its place.
    async fn accounts(
        &self,
        filter: &AccountFilter,
        page: &PageRequest,
    ) -> Result<Page<Account>, StoreError> {
        let (table, size) = (self.table().await?, page.page_size as usize);
        let (after, found) = id_after(page)?.unwrap_or_default();
        let asked = Asked {
            ranges: vec![Range::list(&List::accounts()).above(after)],
            skip: rows_before(page, DEPTH)?,
            size,
        };
        if *filter == AccountFilter::default() {
            let total = counters::total(table, &List::accounts()).await?;
            let rows = lists::rows(table, asked).await?;
            let keys = lists::keys_of(&rows);
            let cut = cut::records(table, &keys, from_item, Account::row_bytes).await?;
            return Ok(lists::page(
                cut.list,
                total,
                (&rows, cut.taken, size),
                lists::behind,
            ));
        }
        let is_asked = |row: &Row| {
            let is = |name, asked: Option<&str>| asked.is_none_or(|asked| row.opt_text(name) == Some(asked));
            let provider = row.opt_number("provider_id").ok().flatten().map(ProviderId::new);
            filter.provider_id.is_none_or(|asked| Some(asked) == provider)
                && is("status", filter.status.map(|status| status.as_str()))
                && filter
                    .contact
                    .as_ref()
                    .is_none_or(|contact| contact.is(row.opt_text("email")))
        };
        let mut narrowed = Narrowed::by_row(asked, table, is_asked).await?;
        let keys = lists::keys_of(&narrowed.rows);
        let cut = cut::records(table, &keys, from_item, Account::row_bytes).await?;
        narrowed.end_after(cut.taken);
        narrowed.page(cut.list, found)
    }

    /// One conditional write (`version = :read`).
    async fn save_account(&self, account: &Account) -> Result<Account, StoreError> {
        let saved = Account {
            version: account.version + 1,
            ..account.clone()
        };
        let mut tx = Tx::new();
        tx.put_if(to_item(&saved)?, as_read(account), changing(account.id));
        tx.commit(self.table().await?).await??;
        Ok(saved)
    }
}

#[async_trait]
impl AccountKeys for DynamoStore {
    async fn begin_rollover(&self, id: AccountId, now: Timestamp) -> Result<Account, StoreError> {
        change(self.table().await?, id, |account| {
            may_be_rolled(account)?;
            let rolling = account.rolling(now);
            let chore = rolling.rollover.as_ref().map(|r| roll(id, r.version, now));
            Ok(Some((rolling, chore)))
        })
        .await
    }

    async fn key_changed(
        &self,
        id: AccountId,
        version: KeyVersion,
        now: Timestamp,
    ) -> Result<Account, StoreError> {
        change(self.table().await?, id, |account| {
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
        change(self.table().await?, id, |account| {
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
        change(self.table().await?, id, |account| {
            may_be_bound(account)?;
            Ok(Some((account.bound(eab, now), forget_eab(account, now))))
        })
        .await
    }
}
