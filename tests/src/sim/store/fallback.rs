//! The default list of accounts to go on with. Calls of clients pass no gate.

use async_trait::async_trait;
use certmint_core::words::{AccountId, Timestamp};
use certmint_shared::store::{DefaultFallback, FallbackPolicy, StoreError, is_usable};

use super::{MemoryStore, not_found};

#[async_trait]
impl FallbackPolicy for MemoryStore {
    async fn fallback(&self) -> Result<DefaultFallback, StoreError> {
        Ok(self.tables().fallback.clone())
    }

    async fn set_fallback(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<DefaultFallback, StoreError> {
        let mut tables = self.tables();
        for id in accounts {
            let account = tables.accounts.get(&id.get());
            is_usable(account.ok_or_else(|| not_found("account", id))?)?;
        }
        tables.fallback = DefaultFallback {
            accounts: accounts.to_vec(),
            updated_at: Some(now),
        };
        Ok(tables.fallback.clone())
    }
}
