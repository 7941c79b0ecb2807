//! Which wakes are on their way.

use async_trait::async_trait;

use super::{item::n, keys, store::DynamoStore, table::Updated};
use crate::store::{StoreError, WakeBook, WakeKind};
use certmint_core::words::Timestamp;

#[async_trait]
impl WakeBook for DynamoStore {
    async fn book_wake(&self, kind: WakeKind, from: Timestamp, at: Timestamp) -> Result<bool, StoreError> {
        let key = keys::wake(match kind {
            WakeKind::Due => "DUE",
            WakeKind::Lookout => "LOOKOUT",
        });
        let written = self.table().await?.update(&key, |call| {
            call.update_expression("SET next_wake = :at")
                .condition_expression("attribute_not_exists(pk) OR next_wake > :at OR next_wake < :from")
                .expression_attribute_values(":at", n(at.millis()))
                .expression_attribute_values(":from", n(from.millis()))
        });
        Ok(matches!(written.await?, Updated::Done(_)))
    }
}
