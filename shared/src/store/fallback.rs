//! The accounts that requests go on with by default.

use async_trait::async_trait;

use super::StoreError;
use crate::domain::{Account, AccountId, AccountStatus, Timestamp};

/// The default list, and since when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DefaultFallback {
    /// In this order; empty: requests go on with nobody.
    pub accounts: Vec<AccountId>,
    /// When it was chosen; `None`: never.
    pub updated_at: Option<Timestamp>,
}

/// The default list of accounts to go on with.
#[async_trait]
pub trait FallbackPolicy: Send + Sync {
    /// The list. One read.
    async fn fallback(&self) -> Result<DefaultFallback, StoreError>;
    /// Chooses it. Each account must exist ([`StoreError::NotFound`]) and be usable ([`may_fall_back`]); one that is in
    /// the list is not deleted.
    ///
    /// A read of each account, one transaction on condition that they are as they were read.
    async fn set_fallback(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<DefaultFallback, StoreError>;
}

/// Whether requests may go on with it: for every store the same.
///
/// # Errors
/// [`StoreError::WrongState`] if it is failed or switched off.
pub fn may_fall_back(account: &Account) -> Result<(), StoreError> {
    match account.status {
        AccountStatus::Pending | AccountStatus::Active => Ok(()),
        status => Err(StoreError::WrongState {
            kind: "account",
            id: account.id.to_string(),
            state: status.as_str().to_owned(),
            needed: "one that is pending or active; mend it first",
        }),
    }
}

/// Why an account of the list is not deleted: for every store the same.
#[must_use]
pub fn in_fallback(id: AccountId) -> StoreError {
    StoreError::WrongState {
        kind: "account",
        id: id.to_string(),
        state: "in the default list of accounts to go on with".into(),
        needed: "it taken out of that list first",
    }
}
