//! What operators do with records, and the work that follows from it.

use async_trait::async_trait;

use super::error::StoreError;
use certmint_core::{
    account::{Account, AccountStatus, DefaultAccount},
    chore::StoredChore,
    issuance::{Request, RequestStatus},
    words::{AccountId, Email, ProviderId, RequestId, Timestamp},
};

/// Accounts switched on and off, chosen, deleted.
#[async_trait]
pub trait AccountLifecycle: Send + Sync {
    /// Off: `disabled`. On: a disabled one becomes `active` if the CA knows it, else `pending`; a failed one becomes
    /// `pending`, to be registered anew ([`Account::switched`]). It forgets its error. One that is there already is
    /// returned as it is.
    ///
    /// Conditional write: the version that was read; against another writer it is tried again.
    async fn switch_account(&self, id: AccountId, on: bool, now: Timestamp) -> Result<Account, StoreError>;
    /// The default accounts, by provider. One query.
    async fn default_accounts(&self) -> Result<Vec<DefaultAccount>, StoreError>;
    /// Chooses the default account of a provider. The account must be of that provider ([`StoreError::NotFound`] else)
    /// and neither failed nor disabled ([`StoreError::WrongState`]).
    ///
    /// Conditional write: the account still is as it was read.
    async fn set_default_account(
        &self,
        provider: ProviderId,
        account: AccountId,
        now: Timestamp,
    ) -> Result<DefaultAccount, StoreError>;
    /// Gives an account another address ([`moved`]), free at its provider ([`StoreError::Exists`] else), with a chore
    /// that tells the CA.
    ///
    /// One read, one transaction on condition that the account is as it was read.
    async fn change_contact(
        &self,
        id: AccountId,
        email: &Email,
        now: Timestamp,
    ) -> Result<Account, StoreError>;
    /// Deletes an account that nothing needs, and returns it as it was: its id is never given again, its address is
    /// free, it is nobody's default, and a chore for its secrets is written. Needed by: requests that are pending,
    /// running or failed (a retry needs it), certificates that are not deleted. Then [`StoreError::WrongState`].
    ///
    /// One transaction. It closes the account's count of pending requests, on which each new or retried request has a
    /// condition: one of two calls at once loses.
    async fn delete_account(&self, id: AccountId, now: Timestamp) -> Result<Account, StoreError>;
}

/// Requests ended or removed by a client.
#[async_trait]
pub trait RequestLifecycle: Send + Sync {
    /// Ends a request that is on its way ([`Request::cancelled`]); a worker that holds it finds its fence raised. One
    /// that has ended, or whose CSR may be on its way, is refused ([`StoreError::WrongState`]).
    ///
    /// Conditional write: it still is as it was read; against a worker's writes it is tried again. One read, one
    /// transaction with the counters.
    async fn cancel_request(&self, id: RequestId, now: Timestamp) -> Result<Request, StoreError>;
    /// Removes a failed request for which no TXT value is left in a zone ([`StoreError::WrongState`] else). Its id is
    /// never given again; a chore for the keys of its orders is written in the same transaction.
    ///
    /// Conditional write: it still is as it was read. One read, one index query, one transaction with the counters.
    async fn delete_request(&self, id: RequestId, now: Timestamp) -> Result<(), StoreError>;
}

/// Work that calls enqueued. A chore is written in the transaction that makes it due.
#[async_trait]
pub trait ChoreStore: Send + Sync {
    /// Chores that are due, earliest first, at most `limit`. One index query.
    async fn due_chores(&self, now: Timestamp, limit: usize) -> Result<Vec<StoredChore>, StoreError>;
    /// Puts it off until `until`, if nobody took it up since it was read (`tries`), which grows by one: so one of many
    /// workers takes it up, and it is due again should that worker die. `None`: another one has it, or it is done.
    async fn take_chore(
        &self,
        chore: &StoredChore,
        until: Timestamp,
    ) -> Result<Option<StoredChore>, StoreError>;
    /// Removes it, if it still is as it was taken (`tries`). Gone already is success.
    async fn end_chore(&self, chore: &StoredChore) -> Result<(), StoreError>;
}

/// Refuses an account that cannot be the default of that CA: for every store the same.
///
/// # Errors
/// [`StoreError::NotFound`] if it is another CA's, [`StoreError::WrongState`] if it cannot be used.
pub fn may_be_default(account: &Account, provider: ProviderId) -> Result<(), StoreError> {
    if account.provider_id != provider {
        return Err(StoreError::NotFound {
            kind: "account",
            id: format!("{} of provider {provider}", account.id),
        });
    }
    is_usable(account)
}

/// An account with another address, which one that failed is registered anew with: for every store the same.
///
/// # Errors
/// [`StoreError::WrongState`] if it is switched off.
pub fn moved(account: &Account, email: &Email, now: Timestamp) -> Result<Account, StoreError> {
    let account = match account.status {
        AccountStatus::Failed => account.switched(true, now),
        _ => account.clone(),
    };
    is_usable(&account)?;
    Ok(Account {
        email: Some(email.clone()),
        updated_at: now,
        version: account.version + 1,
        ..account
    })
}

/// Refuses an account that is failed or disabled: for every store the same.
///
/// # Errors
/// [`StoreError::WrongState`].
pub fn is_usable(account: &Account) -> Result<(), StoreError> {
    match account.status {
        AccountStatus::Pending | AccountStatus::Active => Ok(()),
        status => Err(StoreError::WrongState {
            kind: "account",
            id: account.id.to_string(),
            state: status.as_str().to_owned(),
            needed: "a pending or active one; enable it first",
        }),
    }
}

/// A request as a client's cancellation leaves it: for every store the same.
///
/// # Errors
/// [`StoreError::WrongState`] if it cannot be cancelled any more.
pub fn cancelled(request: &Request, now: Timestamp) -> Result<Request, StoreError> {
    request.cancelled(now).map_err(|_| StoreError::WrongState {
        kind: "request",
        id: request.id.to_string(),
        state: match request.status.is_final() {
            true => request.status.as_str().to_owned(),
            false => format!("in phase {}", request.issuance.phase.name()),
        },
        needed: "one that has not ended and whose CSR was not sent",
    })
}

/// Refuses to delete a request that has not failed or owes `values` TXT values: for every store the same.
///
/// # Errors
/// [`StoreError::WrongState`].
pub fn may_be_deleted(request: &Request, values: usize) -> Result<(), StoreError> {
    let wrong = |state: String, needed| StoreError::WrongState {
        kind: "request",
        id: request.id.to_string(),
        state,
        needed,
    };
    if request.status != RequestStatus::Failed {
        return Err(wrong(request.status.as_str().to_owned(), "failed"));
    }
    if request.issuance.cleanup_owed || values > 0 {
        let state = "failed, but its TXT values are not out of the zone yet".to_owned();
        return Err(wrong(
            state,
            "a clean zone; dns-cleanup is at it, try again later",
        ));
    }
    Ok(())
}
