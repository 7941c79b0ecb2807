//! That workers live.

use std::time::Duration;

use async_trait::async_trait;

use super::{
    item::{Row, n, readable, s},
    keys::{self, TTL},
    range::Range,
    store::DynamoStore,
    table::Updated,
    tx::{Expression, Tx},
};
use crate::{
    clock::UNSURE,
    store::{Heartbeat, Heartbeats, StoreError},
};

/// What nobody buries goes by itself: a pass lives for minutes.
const KEPT: Duration = Duration::from_secs(24 * 3600);

fn from_item(row: &Row) -> Result<Heartbeat, StoreError> {
    Ok(Heartbeat {
        worker: row.text("worker")?.to_owned(),
        beat: row.number("beat")?,
        at: row.time("beat_at")?,
        within: row
            .opt_number("beat_within")?
            .map_or(UNSURE, Duration::from_millis),
    })
}

#[async_trait]
impl Heartbeats for DynamoStore {
    async fn beat(&self, heartbeat: &Heartbeat) -> Result<bool, StoreError> {
        let forgotten = heartbeat.at.plus(KEPT).millis() / 1000;
        let key = keys::worker(&heartbeat.worker);
        let written = self.table().await?.update(&key, |call| {
            call.update_expression(
                "SET worker = :worker, beat = :beat, beat_at = :at, beat_within = :within, #ttl = :ttl",
            )
            // The first one's name is new. A later one must not make a record that was removed.
            .set_condition_expression((heartbeat.beat > 1).then(|| "attribute_exists(pk)".to_owned()))
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":worker", s(&heartbeat.worker))
            .expression_attribute_values(":beat", n(heartbeat.beat))
            .expression_attribute_values(":at", n(heartbeat.at.millis()))
            .expression_attribute_values(":within", n(heartbeat.within.as_millis()))
            .expression_attribute_values(":ttl", n(forgotten))
        });
        Ok(matches!(written.await?, Updated::Done(_)))
    }

    async fn heartbeats(&self) -> Result<Vec<Heartbeat>, StoreError> {
        let rows = self.table().await?.range(&Range::workers()).await?;
        Ok(readable(&rows, from_item))
    }

    async fn bury(&self, worker: &str, last: u64) -> Result<bool, StoreError> {
        let silent = Expression::new("attribute_not_exists(pk) OR #beat = :beat").with("beat", n(last));
        let mut tx = Tx::new();
        tx.delete_if(keys::worker(worker), silent, ());
        Ok(tx.commit(self.table().await?).await?.is_ok())
    }
}
