//! The default list of accounts to go on with: one item.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::TransactWriteItem;
use futures::future::try_join_all;

use super::{DynamoStore, Item, n, s, write::Condition};
use crate::store::{AccountStore, DefaultFallback, FallbackPolicy, StoreError, is_usable};
use certmint_core::words::{AccountId, Timestamp};

const FALLBACK: &str = "FALLBACK";

impl DynamoStore {
    /// Part of a transaction: the list is as it was read.
    pub(super) fn same_fallback(&self, read: &DefaultFallback) -> Result<TransactWriteItem, StoreError> {
        let same = match read.updated_at {
            Some(at) => Condition::new("updated_at = :at").with(":at", n(at.millis())),
            None => Condition::absent(),
        };
        self.check(FALLBACK, "META", same)
    }
}

#[async_trait]
impl FallbackPolicy for DynamoStore {
    async fn fallback(&self) -> Result<DefaultFallback, StoreError> {
        let Some(row) = self.get(FALLBACK, "META").await? else {
            return Ok(DefaultFallback::default());
        };
        Ok(DefaultFallback {
            accounts: row.json("accounts")?,
            updated_at: Some(row.time("updated_at")?),
        })
    }

    async fn set_fallback(
        &self,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<DefaultFallback, StoreError> {
        let read = try_join_all(accounts.iter().map(|id| self.account(*id))).await?;
        let list = serde_json::to_string(accounts).map_err(|e| StoreError::Refused {
            operation: "PutItem",
            message: e.to_string(),
        })?;
        let item = Item::from([
            ("pk".into(), s(FALLBACK)),
            ("sk".into(), s("META")),
            ("accounts".into(), s(list)),
            ("updated_at".into(), n(now.millis())),
        ]);
        let mut items = vec![self.put(item, Condition::default())?];
        for account in &read {
            is_usable(account)?;
            let unchanged = Condition::new("version = :read").with(":read", n(account.version));
            items.push(self.check(&format!("ACCOUNT#{}", account.id), "META", unchanged)?);
        }
        self.transact(items).await.map_err(|refusal| {
            refusal.or(StoreError::Conflict {
                kind: "account",
                id: "of the list".into(),
            })
        })?;
        Ok(DefaultFallback {
            accounts: accounts.to_vec(),
            updated_at: Some(now),
        })
    }
}
