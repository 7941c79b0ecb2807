//! ACME accounts.

use async_trait::async_trait;

use super::{error::StoreError, idempotency::Idempotency};
use certmint_core::{
    account::{Account, AccountStatus, NewAccount},
    words::{AccountId, Email, Page, PageRequest, ProviderId, Timestamp},
};

/// Which accounts to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Of this provider.
    pub provider_id: Option<ProviderId>,
    /// With this status.
    pub status: Option<AccountStatus>,
    /// With this contact.
    pub contact: Option<ContactFilter>,
}

/// Which contact accounts are to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContactFilter {
    /// This address, whatever its case.
    Email(Email),
    /// None.
    Without,
}

impl ContactFilter {
    /// The same contact.
    #[must_use]
    pub fn of(email: Option<&Email>) -> Self {
        email.cloned().map_or(Self::Without, Self::Email)
    }

    /// Whether an account with this address is meant.
    #[must_use]
    pub fn is(&self, email: Option<&str>) -> bool {
        match (self, email) {
            (Self::Email(asked), Some(email)) => asked.is_same(email),
            (Self::Without, None) => true,
            _ => false,
        }
    }
}

/// ACME accounts.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// Takes the next id and writes the account unless provider and address exist; without an address there is one
    /// account of a provider too. With a known `idempotency` key
    /// and the same body hash it returns the account of the first call.
    async fn create_account(
        &self,
        new: NewAccount,
        idempotency: Option<Idempotency>,
        now: Timestamp,
    ) -> Result<Account, StoreError>;
    /// The account of the first call with this `idempotency` key, if there was one; refuses an address that is taken
    /// ([`StoreError::Exists`]). For who has to do something before [`create_account`](Self::create_account), which
    /// asks again. Two reads.
    async fn opened_before(
        &self,
        provider: ProviderId,
        email: Option<&Email>,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Account>, StoreError>;
    /// One account. One read.
    async fn account(&self, id: AccountId) -> Result<Account, StoreError>;
    /// A page, oldest first.
    async fn accounts(&self, filter: &AccountFilter, page: &PageRequest)
    -> Result<Page<Account>, StoreError>;
    /// Replaces it if its version is still `account.version`; the stored version grows by one.
    async fn save_account(&self, account: &Account) -> Result<Account, StoreError>;
}
