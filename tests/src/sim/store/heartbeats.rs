//! That workers live.

use async_trait::async_trait;
use certmint_shared::store::{Heartbeat, Heartbeats, StoreError};

use super::{super::op::Op, MemoryStore};

#[async_trait]
impl Heartbeats for MemoryStore {
    async fn beat(&self, heartbeat: &Heartbeat) -> Result<bool, StoreError> {
        // A worker counts its life from when a beat was sent, however slow it is.
        let sent = self.gate.now();
        self.gate
            .call(Op::Beat, || {
                let mut tables = self.tables();
                if heartbeat.beat > 1 && !tables.heartbeats.contains_key(&heartbeat.worker) {
                    return Ok(false);
                }
                tables
                    .heartbeats
                    .insert(heartbeat.worker.clone(), heartbeat.clone());
                if let Some(task) = self.gate.task() {
                    tables.lived_at.insert(task, (heartbeat.worker.clone(), sent));
                }
                Ok(true)
            })
            .await
    }

    async fn heartbeats(&self) -> Result<Vec<Heartbeat>, StoreError> {
        self.gate
            .call(Op::Heartbeats, || {
                Ok(self.tables().heartbeats.values().cloned().collect())
            })
            .await
    }

    async fn bury(&self, worker: &str, last: u64) -> Result<bool, StoreError> {
        self.gate
            .call(Op::Bury, || {
                let mut tables = self.tables();
                let beats = tables.heartbeats.get(worker).map(|h| h.beat);
                let silent = beats.is_none_or(|beat| beat == last);
                if silent {
                    tables.heartbeats.remove(worker);
                    // Its own end: it begins nothing more.
                    if let Some(task) = self.gate.task()
                        && tables.lived_at.get(&task).is_some_and(|(name, _)| name == worker)
                    {
                        tables.lived_at.remove(&task);
                    }
                }
                Ok(silent)
            })
            .await
    }
}
