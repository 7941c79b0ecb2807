//! The accounts that requests go on with by default.

use async_trait::async_trait;

use super::error::StoreError;
use certmint_core::words::{AccountId, Timestamp};

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
    /// Chooses it. Each account must exist ([`StoreError::NotFound`]) and be usable ([`is_usable`](super::is_usable)); one that is in
    /// the list is not deleted.
    ///
    /// A read of each account, one transaction on condition that they are as they were read.
    async fn set_fallback(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<DefaultFallback, StoreError>;
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

/// The default list as a request of `account` takes it. One read.
///
/// # Errors
/// If it cannot be read.
pub async fn default_fallback(
    policy: &dyn FallbackPolicy,
    account: AccountId,
) -> Result<certmint_core::issuance::Fallback, StoreError> {
    let accounts = policy.fallback().await?.accounts;
    Ok(certmint_core::issuance::Fallback {
        accounts: accounts.into_iter().filter(|id| *id != account).collect(),
        own: false,
    })
}
