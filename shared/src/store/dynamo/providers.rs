//! Which CAs cannot be reached.

use async_trait::async_trait;

use super::{
    item::{Item, Row, Writer, readable},
    keys,
    range::Range,
    store::DynamoStore,
    tx::Tx,
};
use crate::store::{ProviderHealth, ProviderTrouble, StoreError};
use certmint_core::words::ProviderId;

fn from_item(row: &Row) -> Result<ProviderTrouble, StoreError> {
    Ok(ProviderTrouble {
        provider_id: ProviderId::new(row.number("provider_id")?),
        since: row.time("since")?,
        failures: row.number("failures")?,
        last_error: row.text("last_error")?.to_owned(),
        retry_at: row.time("retry_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn to_item(trouble: &ProviderTrouble) -> Result<Item, StoreError> {
    Writer::new(&keys::provider(trouble.provider_id))
        .number("provider_id", trouble.provider_id)
        .time("since", trouble.since)
        .number("failures", trouble.failures)
        .text("last_error", &trouble.last_error)
        .time("retry_at", trouble.retry_at)
        .time("updated_at", trouble.updated_at)
        .finish()
}

#[async_trait]
impl ProviderHealth for DynamoStore {
    async fn provider_troubles(&self) -> Result<Vec<ProviderTrouble>, StoreError> {
        let rows = self.table().await?.range(&Range::providers()).await?;
        Ok(readable(&rows, from_item))
    }

    async fn note_trouble(&self, trouble: &ProviderTrouble) -> Result<(), StoreError> {
        let mut tx = Tx::<StoreError>::new();
        tx.put(to_item(trouble)?);
        tx.commit(self.table().await?).await?
    }

    async fn clear_trouble(&self, provider: ProviderId) -> Result<(), StoreError> {
        let mut tx = Tx::<StoreError>::new();
        tx.delete(keys::provider(provider));
        tx.commit(self.table().await?).await?
    }
}
