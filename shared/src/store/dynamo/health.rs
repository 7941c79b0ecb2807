//! Which CAs cannot be reached.

use async_trait::async_trait;

use super::{DynamoStore, END, Item, Range, Row, TABLE, n, pad, s, write::Condition};
use crate::store::{ProviderHealth, ProviderTrouble, StoreError};
use certmint_core::words::ProviderId;

const PARTITION: &str = "PROVIDER";

fn read(row: &Row) -> Result<ProviderTrouble, StoreError> {
    Ok(ProviderTrouble {
        provider_id: ProviderId::new(row.number("provider_id")?),
        since: row.time("since")?,
        failures: u32::try_from(row.number("failures")?).unwrap_or(u32::MAX),
        last_error: row.text("last_error")?.to_owned(),
        retry_at: row.time("retry_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn conflict(provider: ProviderId) -> StoreError {
    StoreError::Conflict {
        kind: "provider",
        id: provider.to_string(),
    }
}

#[async_trait]
impl ProviderHealth for DynamoStore {
    async fn provider_troubles(&self) -> Result<Vec<ProviderTrouble>, StoreError> {
        let range = Range {
            index: None,
            keys: TABLE,
            partition: PARTITION.into(),
            from: "0".into(),
            to: END.into(),
            forward: true,
        };
        self.range(&range, usize::MAX).await?.iter().map(read).collect()
    }

    async fn note_trouble(&self, trouble: &ProviderTrouble) -> Result<(), StoreError> {
        let item = Item::from([
            ("pk".into(), s(PARTITION)),
            ("sk".into(), s(pad(trouble.provider_id.get()))),
            ("provider_id".into(), n(trouble.provider_id)),
            ("since".into(), n(trouble.since.millis())),
            ("failures".into(), n(trouble.failures)),
            ("last_error".into(), s(&trouble.last_error)),
            ("retry_at".into(), n(trouble.retry_at.millis())),
            ("updated_at".into(), n(trouble.updated_at.millis())),
        ]);
        let written = self.transact(vec![self.put(item, Condition::default())?]).await;
        written.map_err(|r| r.or(conflict(trouble.provider_id)))
    }

    async fn clear_trouble(&self, provider: ProviderId) -> Result<(), StoreError> {
        let gone = self.delete(PARTITION, &pad(provider.get()))?;
        self.transact(vec![gone])
            .await
            .map_err(|r| r.or(conflict(provider)))
    }
}
